"""Tests: `unit` mirrors the code, `peers` starts real counterparts, `integration` and `e2e` use them."""
