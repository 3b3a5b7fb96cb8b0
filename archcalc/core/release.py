"""Releases of torch: the oldest that is supported, and the one whose memory is predicted."""

OLDEST = "2.4"
"""The oldest release of torch that figures are verified with; layers that need a later one say so in their `call`."""

RELEASE = "2.13"
"""The release of torch whose kernels, derivatives and engine all memory is read from, and held to."""


def numbers(version: str) -> tuple[int, int]:
    """The numbers of a release, in their order; those of a version have more behind them.

    >>> numbers("2.4.0+cu121") < numbers("2.10"), numbers("2.13.0a0+git1") < numbers("2.13")
    (True, False)
    """
    major, minor = version.split(".")[:2]
    return int(major), int(minor)
