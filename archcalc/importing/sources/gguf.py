"""A GGUF file as a network: it has weights and no layers, so that no command but `diff` reads it."""

from typing import NoReturn

from archcalc.core.overrides import Overrides
from archcalc.importing.refusals import no_network


def claims(reference: str) -> bool:
    """Every file with such a suffix."""
    return True


def read(reference: str, overrides: Overrides) -> NoReturn:
    """Refuses the file. Raises SpecError with the reason and what to write instead."""
    raise no_network(reference)
