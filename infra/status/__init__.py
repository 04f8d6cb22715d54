"""`make status`: how an environment fares, on one screen. `sources` asks, `sections` judges, `screen` shows."""
