"""One file per kind of resource behind the signature in `kind`: plain Python, without the engine's protocol."""
