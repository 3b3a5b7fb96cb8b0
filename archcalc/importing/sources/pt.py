"""Torch checkpoints, which are pickles: reading one runs code of whoever wrote it, so that none is read."""

from typing import NoReturn

from archcalc.core.diagnostic import problem
from archcalc.core.overrides import Overrides


def claims(reference: str) -> bool:
    """Every file with such a suffix."""
    return True


def read(reference: str, overrides: Overrides) -> NoReturn:
    """Refuses the file. Raises SpecError with the reason and a way to convert it."""
    raise problem(
        "AC541",
        f"{reference} is a checkpoint of torch: a pickle, which can run any code when it is read",
        help="save its weights as safetensors: safetensors.torch.save_file(model.state_dict(), 'model.safetensors')",
    )
