"""The layout of specs, and the language server."""
