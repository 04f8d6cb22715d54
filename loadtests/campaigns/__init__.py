"""Campaigns: files that say who does how much, for how long, and what must come of it; and how they are run."""
