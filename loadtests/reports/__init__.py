"""What a campaign leaves behind: a table in the terminal, JSON, JUnit, CSV, one self-contained HTML page, and a PDF."""
