"""The surroundings in which code of others runs.

What it prints goes to standard error, because standard output is for the answer. It sees no arguments of the command
line, which are not meant for it. Nothing is compiled: operations inside compiled functions could not be seen.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from typing import Any

import torch
from torch.distributions import Distribution


@contextmanager
def guest(file: str) -> Iterator[None]:
    """Runs code as if `file` had been started without arguments, and without compilers of torch."""
    with ExitStack() as stack:
        stack.enter_context(redirect_stdout(sys.stderr))
        stack.enter_context(replaced(sys, "argv", [file]))
        for owner, name in ((torch, "compile"), (torch.jit, "script"), (torch.jit, "trace")):
            stack.enter_context(replaced(owner, name, uncompiled))
        yield


@contextmanager
def replaced(owner: object, name: str, value: object) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def uncompiled(model: Any = None, *_: Any, **__: Any) -> Any:
    """In place of a compiler: what it was given; as a decorator with arguments, what does nothing."""
    return unchanged if model is None else model


def unchanged(function: Callable[..., Any]) -> Callable[..., Any]:
    return function


@contextmanager
def eager(refuse: Callable[[Any], Any]) -> Iterator[None]:
    """Functions that `torch.compile` has compiled run as they were written; those of torch.jit are refused."""

    def call(function: Any, *_: Any, **__: Any) -> Any:
        return refuse(function)

    with ExitStack() as stack:
        stack.enter_context(replaced(torch.jit.ScriptFunction, "__call__", call))
        if "torch._dynamo" in sys.modules and hasattr(torch.compiler, "set_stance"):
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        stack.enter_context(no_fast_path())
        stack.enter_context(replaced(Distribution, "_validate_args", False))  # which reads values
        yield


@contextmanager
def no_fast_path() -> Iterator[None]:
    """Attention of torch runs as the calls that it is, and without nested tensors, which need values."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)
