"""What a campaign leaves behind: a table in the terminal, numbers as JSON, and one self-contained HTML page."""
