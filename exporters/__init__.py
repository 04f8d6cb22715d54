"""Prometheus exporters of DICOM and S3, and the project's one DIMSE codec (`exporters.dimse`)."""
