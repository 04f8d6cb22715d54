"""`s3-exporter`: how fast the object store is, how full, and whether its buckets are what was declared."""
