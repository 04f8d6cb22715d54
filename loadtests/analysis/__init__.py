"""What raw data say: quantiles, segments, knee, plateau, drift, and whether two campaigns differ. No files here."""
