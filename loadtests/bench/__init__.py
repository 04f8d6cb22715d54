"""Benchmarks of a deployed environment; each writes `build/bench/NAME.json`."""
