"""Runs generated source and traces it: the value of every layer, as soon as its line ends."""

import linecache
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from copy import copy
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn

from archcalc.codegen import Source
from archcalc.codegen.source import Mark
from archcalc.graph.graph import Graph, Input, Node

See = Callable[[Node, Tensor], None]
"""The callback for each layer's value."""


class Running:
    """The executed source of a network, and its module on a device; `autocast`: the dtype of its forward passes under
    `torch.autocast`, "" without it."""

    def __init__(self, source: Source, graph: Graph, device: str, autocast: str = "") -> None:
        self.source, self.graph, self.device, self.autocast = source, graph, device, autocast
        self.file = f"<generated {source.name} {id(self)}>"
        linecache.cache[self.file] = (len(source.text), None, source.text.splitlines(keepends=True), self.file)
        scope: dict[str, Any] = {"__name__": "generated"}
        exec(compile(source.text, self.file, "exec"), scope)
        with torch.device(device):
            self.module: nn.Module = scope[source.name]().eval()
        self.module.to(floating_dtype(graph))

    def under(self, autocast: str) -> "Running":
        """The same module, with or without autocast."""
        other = copy(self)
        other.autocast = autocast
        return other

    def inputs(self) -> list[Tensor]:
        """Random inputs with the sizes of the graph."""
        return [sample(each, self.device) for each in self.graph.inputs]

    def forward(self, inputs: Sequence[Tensor]) -> Any:
        """The output of the module."""
        dtype = getattr(torch, self.autocast) if self.autocast else None
        with torch.autocast(self.device, dtype) if dtype else nullcontext():
            return self.module(*inputs)

    def run(self, inputs: Sequence[Tensor], see: See, *, grad: bool = False) -> None:
        """Runs the network once, and calls `see` for every layer in the order of the graph. `grad`: with autograd."""
        watch = Watch(self.file, self.source.marks, self.graph.nodes, see)
        before = sys.gettrace()
        sys.settrace(watch.called)
        try:
            with torch.set_grad_enabled(grad):
                self.forward(inputs)
        finally:
            sys.settrace(before)
        if watch.count != len(self.graph.nodes):
            raise RuntimeError(f"{watch.count} of {len(self.graph.nodes)} layers ran")


class Watch:
    """A trace function: follows the frames of one file, and reports a value after the statement that assigns it."""

    def __init__(self, file: str, marks: Mapping[int, Mark], nodes: Sequence[Node], see: See) -> None:
        self.file, self.marks, self.nodes, self.see = file, marks, nodes, see
        self.count = 0

    def called(self, frame: FrameType, event: str, argument: Any) -> Any:
        code = frame.f_code
        nested = code.co_name.startswith("<")  # a comprehension, which has its own frame up to Python 3.11
        return self.frame() if code.co_filename == self.file and not nested else None

    def frame(self) -> Any:
        pending: Mark | None = None

        def step(frame: FrameType, event: str, argument: Any) -> Any:
            nonlocal pending
            if event == "exception":
                pending = None
            mark = self.marks.get(frame.f_lineno) if event == "line" else None
            if pending and event in ("line", "return") and mark is not pending:
                self.saw(frame.f_locals[pending.name] if pending.name else argument)
                pending = None
            pending = mark or pending
            return step

        return step

    def saw(self, value: Any) -> None:
        node = self.nodes[self.count]
        self.count += 1
        self.see(node, value)


def floating_dtype(graph: Graph) -> torch.dtype:
    """The dtype of the network's weights."""
    dtype: torch.dtype = getattr(torch, graph.dtype)
    return dtype


def torch_dtype(given: Input) -> torch.dtype:
    dtype: torch.dtype = getattr(torch, given.volume.dtype)
    return dtype


def sample(given: Input, device: str) -> Tensor:
    dtype, shape = torch_dtype(given), given.volume.shape
    if dtype.is_floating_point:
        return torch.randn(shape, dtype=dtype, device=device)
    return torch.randint(given.vocab or 2, shape, dtype=dtype, device=device)
