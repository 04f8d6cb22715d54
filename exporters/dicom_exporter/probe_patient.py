"""Whose instances the prober stores: the archive keeps them for a day, and a patient's for years."""

from typing import Final

PROBE_PATIENT_ID: Final = "VNAOPS-PROBE"
"""Patient ID (0010,0020) of the invented patient, unless a module says another."""
