"""What is checked before a release: `python -m release` runs it all, without the checkout on the path."""
