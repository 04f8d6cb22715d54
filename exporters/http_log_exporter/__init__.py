"""`http-log-exporter`: what HAProxy logs of each HTTP transaction, as histograms for Prometheus."""
