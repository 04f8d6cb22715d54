"""A DICOM SCU for load: plain blocking sockets on the project's one codec, under gevent or not."""
