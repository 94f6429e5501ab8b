"""What `serve` listens to. Imported by nothing else: the libraries under it are the extra `serve`."""
