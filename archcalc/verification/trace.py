"""Generated source made to run, and watched as it runs: the value of every layer, as the line that makes it ends.

What runs is the text as it is. While it is watched, its methods are exchanged for ones that call a function with every
layer's value. A trace function would see the same, but all of Python would run at half its speed.
"""

import ast
import linecache
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from copy import copy
from functools import cached_property
from types import CodeType, FunctionType
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn

from archcalc.codegen import Source
from archcalc.codegen.source import Mark
from archcalc.graph.graph import Graph, Input, Node
from archcalc.verification.release import check_release

See = Callable[[Node, Tensor], None]
"""The callback for each layer's value."""


class Running:
    """The executed source of a network, and its module on a device; `autocast`: the dtype of its forward passes under
    `torch.autocast`, "" without it."""

    def __init__(self, source: Source, graph: Graph, device: str, autocast: str = "") -> None:
        check_release(graph)
        self.source, self.graph, self.device, self.autocast = source, graph, device, autocast
        self.file = f"<generated {source.name} {id(self)}>"
        linecache.cache[self.file] = (len(source.text), None, source.text.splitlines(keepends=True), self.file)
        self.scope = executed(compile(source.text, self.file, "exec"))
        with torch.device(device), drawn_nowhere() if device == "meta" else nullcontext():
            self.module: nn.Module = self.scope[source.name]().eval()
        self.module.to(floating_dtype(graph))

    def under(self, autocast: str) -> "Running":
        """The same module, with or without autocast."""
        other = copy(self)
        other.autocast = autocast
        return other

    def on(self, graph: Graph) -> "Running":
        """The same module on inputs of other sizes: those of a graph whose source has the same code."""
        other = copy(self)
        other.graph = graph
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
        """Runs the network once; every layer's value is seen in the order of the graph. `grad`: autograd takes note."""
        nodes, count = self.graph.nodes, 0

        def saw(value: Tensor) -> Tensor:
            nonlocal count
            node, count = nodes[count], count + 1
            see(node, value)
            return value

        with self.watched(saw), torch.set_grad_enabled(grad):
            self.forward(inputs)
        if count != len(nodes):
            raise RuntimeError(f"{count} of {len(nodes)} layers ran")

    @contextmanager
    def watched(self, saw: Callable[[Tensor], Tensor]) -> Iterator[None]:
        """Calls a function with each layer's value, which it has to return."""
        with ExitStack() as stack:
            each = {SAW: saw, SAW_EACH: lambda values: tuple(map(saw, values))}
            stack.enter_context(patch.dict(self.watchful, each))
            for kind, name, method in self.methods():
                stack.enter_context(patch.object(self.scope[kind], name, method))
            yield

    def methods(self) -> Iterator[tuple[str, str, FunctionType]]:
        """Every method that calls, after the names of its class and its own."""
        for kind, made in self.watchful.items():
            for name, method in vars(made).items() if isinstance(made, type) else ():
                if isinstance(method, FunctionType) and {SAW, SAW_EACH} & {*method.__code__.co_names}:
                    yield kind, name, method

    @cached_property
    def watchful(self) -> dict[str, Any]:
        """The text executed once more, with a call after each statement that makes a layer's value."""
        tree = Watchful(self.source.marks).visit(ast.parse(self.source.text))
        return executed(compile(ast.fix_missing_locations(tree), self.file, "exec"))


@contextmanager
def drawn_nowhere() -> Iterator[None]:
    """Draws no numbers on meta, which has none: torch would load its compiler, which takes half of `import torch`."""
    with patch.object(Tensor, "normal_", lambda x, *_arguments, **_keywords: x):
        yield


def executed(code: CodeType) -> dict[str, Any]:
    """What the generated source defines."""
    scope: dict[str, Any] = {"__name__": "generated"}
    exec(code, scope)
    return scope


SAW, SAW_EACH = "saw a value", "saw several values"
"""The names of the functions that are called; they are no identifiers, so that no source has another use for them."""


class Watchful(ast.NodeTransformer):
    """Adds a call to every marked statement."""

    def __init__(self, marks: Mapping[int, Mark]) -> None:
        self.marks = marks

    def visit_Assign(self, node: ast.Assign) -> list[ast.stmt]:
        mark = self.marks.get(node.lineno)
        made = [ast.Expr(called(SAW, ast.Name(name, ast.Load()))) for name in (mark.names if mark else ())]
        return [node, *(ast.copy_location(each, node) for each in made)]

    def visit_Return(self, node: ast.Return) -> ast.Return:
        mark = self.marks.get(node.lineno)
        if mark and node.value:
            node.value = called(SAW if mark.count == 1 else SAW_EACH, node.value)
        return node


def called(function: str, value: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(function, ast.Load()), [value], [])


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
