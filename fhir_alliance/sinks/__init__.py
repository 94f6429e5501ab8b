"""Where scores and alerts go."""
