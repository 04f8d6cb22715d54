"""`dimse-tap`: a transparent relay that times every DIMSE operation which passes through it."""
