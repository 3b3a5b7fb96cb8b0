"""The words every stage uses."""
