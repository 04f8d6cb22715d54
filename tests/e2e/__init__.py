"""End-to-end tests against a deployed environment on the embedded node."""
