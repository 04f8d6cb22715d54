"""dicom-exporter: probes DICOM application entities for Prometheus, many targets from one process."""
