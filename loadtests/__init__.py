"""Load campaigns: what modalities send, who sends it, for how long, and what came of it."""
