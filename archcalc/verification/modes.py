"""A module in training or in evaluation mode for a while."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def mode(module: nn.Module, *, training: bool) -> Iterator[None]:
    """Every module of it in one mode, and each in its own again afterwards."""
    before = [(each, each.training) for each in module.modules()]
    module.train(training)
    try:
        yield
    finally:
        for each, was in before:
            each.training = was
