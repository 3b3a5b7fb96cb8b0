"""What is different for a while: a module in training or evaluation mode, torch on one thread."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def mode(module: nn.Module, *, training: bool) -> Iterator[None]:
    """Sets the mode of a module and its submodules, and restores each afterwards."""
    before = [(each, each.training) for each in module.modules()]
    module.train(training)
    try:
        yield
    finally:
        for each, was in before:
            each.training = was


@contextmanager
def one_thread(*, when: bool) -> Iterator[None]:
    """Runs torch's kernels on one thread: on several, short ones take more processor time."""
    before = torch.get_num_threads()
    torch.set_num_threads(1 if when else before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
