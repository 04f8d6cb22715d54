"""What modalities send: studies of clinical size, synthesised from the real files that pydicom ships."""
