"""Locust users: who stores and who retrieves, on the DIMSE engine and on Locust's fast HTTP client."""
