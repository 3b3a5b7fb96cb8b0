"""Counts Python calls: a measure of work that does not depend on the machine."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

T = TypeVar("T")


def calls_of(function: Callable[[], T]) -> tuple[int, T]:
    """The number of Python calls that a function makes, and what it returns."""
    count = 0

    def counted(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(counted)
    try:
        found = function()
    finally:
        sys.setprofile(before)
    return count, found
