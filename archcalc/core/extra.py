"""What is optional and not there."""


class MissingExtra(Exception):
    """Something optional is not installed, or not in this machine; the message says what to do."""


class OlderTorch(MissingExtra):
    """The release of torch lacks what a network's source calls."""
