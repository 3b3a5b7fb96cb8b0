"""Programs as people keep them: scripts that train, packages, compiled functions. Tests import them by their files."""
