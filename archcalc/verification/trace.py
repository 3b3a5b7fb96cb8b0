"""Generated source made to run, and watched as it runs: the value of every layer, as the line that makes it ends."""

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
"""What is done with each layer's value."""


class Running:
    """The text of a network, executed, and its module on a device; `autocast`: the dtype that its forward passes run in
    under `torch.autocast`, "" without it."""

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
        """The same module, run under autocast or not."""
        other = copy(self)
        other.autocast = autocast
        return other

    def inputs(self) -> list[Tensor]:
        """Random inputs of the graph's sizes."""
        return [sample(each, self.device) for each in self.graph.inputs]

    def forward(self, inputs: Sequence[Tensor]) -> Any:
        """What the module puts out."""
        dtype = getattr(torch, self.autocast) if self.autocast else None
        with torch.autocast(self.device, dtype) if dtype else nullcontext():
            return self.module(*inputs)

    def run(self, inputs: Sequence[Tensor], see: See, *, grad: bool = False) -> None:
        """Runs the network once; every layer's value is seen in the order of the graph. `grad`: autograd takes note."""
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
    """A trace function: follows the frames of one file, and sees a value when the statement that makes it has ended."""

    def __init__(self, file: str, marks: Mapping[int, Mark], nodes: Sequence[Node], see: See) -> None:
        self.file, self.marks, self.nodes, self.see = file, marks, nodes, see
        self.count = 0

    def called(self, frame: FrameType, event: str, argument: Any) -> Any:
        code = frame.f_code
        nested = code.co_name.startswith("<")  # a comprehension, which up to Python 3.11 has a frame of its own
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
