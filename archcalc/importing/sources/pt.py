"""Torch checkpoints, which are pickles: reading one runs code of whoever wrote it, so that none is read."""

from typing import NoReturn

from archcalc.core.overrides import Overrides
from archcalc.importing.refusals import pickle


def claims(reference: str) -> bool:
    """Every file with such a suffix."""
    return True


def read(reference: str, overrides: Overrides) -> NoReturn:
    """Refuses the file. Raises SpecError with the reason and a way to convert it."""
    raise pickle(reference)
