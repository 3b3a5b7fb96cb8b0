"""One command to a file; each file hands its click command on as `command`."""
