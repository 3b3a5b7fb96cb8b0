"""The program of a layer: what the code that is generated for it does, on the tape that reads other code."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archcalc.core.torch_modules import text_of
from archcalc.importing import tape
from archcalc.importing.program import BATCH, Program, Value
from archcalc.layer import Call


class Alone(nn.Module):
    """A layer's line of code, and its module."""

    def __init__(self, call: Call, count: int) -> None:
        super().__init__()
        self.module = built(call) if call.target else None
        places = [f"given[{i}]" for i in range(count)]
        self.line = compiled(call.forward.format(*places, module="module"))

    def forward(self, *given: Tensor) -> Tensor:
        made: Tensor = eval(self.line, {"torch": torch, "F": F, "module": self.module, "given": given})
        return made


@cache
def compiled(line: str) -> Any:
    return compile(line, "<a layer>", "eval")


def built(call: Call) -> nn.Module:
    """The module of a call, with the modules that it is built with."""
    parts = {name: built(part) for name, part in call.parts.items()}
    module: nn.Module = class_of(call)(**call.arguments, **parts)
    return module


def class_of(call: Call) -> Any:
    if call.file:
        return scope_of(call.file)[call.target]
    return getattr(nn, call.target.rpartition(".")[2])


@cache
def scope_of(file: str) -> dict[str, Any]:
    """What a file in layers/torch_modules defines."""
    scope: dict[str, Any] = {"torch": torch, "F": F, "nn": nn, "Tensor": Tensor, "__name__": "layer"}
    exec(compile(text_of(file), f"<{file}>", "exec"), scope)
    return scope


def program_of(call: Call, inputs: Sequence[Value]) -> Program:
    """What a layer does to inputs of these shapes, for a whole batch and without values. An input that is given
    twice is one tensor."""
    with torch.device("meta"):
        module = Alone(call, len(inputs)).eval()
    tensors = {
        each: torch.empty(each.shape, dtype=getattr(torch, each.dtype), device="meta") for each in dict.fromkeys(inputs)
    }
    given = {str(i): tensors[each] for i, each in enumerate(inputs)}
    return tape.recorded(module, tape.Tape(module), given, {}, BATCH, "")
