"""Memory of the random graphs of nearly all layers, to the byte, in every kind of training.

Parts of a graph are frozen, run again with the same weights, divided into parts, or moved into a block that may be
checkpointed. Networks whose memory is not predicted say why: they are not counted.
"""

import random
import re
from collections.abc import Iterator
from contextlib import suppress

import pytest

from archcalc.core.diagnostic import SpecError
from archcalc.core.location import Source
from archcalc.graph.builder import build
from archcalc.graph.graph import Graph
from archcalc.memory.footprint import Opaque, footprint_of
from archcalc.memory.training_setup import TrainingSetup
from archcalc.spec.document import read_document
from tests.memory.footprints import differences
from tests.verification.test_random_graphs import Drawn

SELDOM = 0.1
"""How often a line stays that makes the memory of a graph unknown."""

NAME = re.compile(r"\b(?:first|v\d+)\b")


PARTED = 50
"""The first number of the names that parts of values have."""

READERS = ("relu", "gelu", "flatten", "linear(3)", "conv(1, 3)", "layernorm", "softmax", "reduce(sum, 1)", "identity")


def made_by(line: str) -> list[str]:
    """The names that a line gives: several to the parts of a value."""
    ((names, name),) = re.findall(r"((?:first|v\d+)(?:, v\d+)*) = |name: (v\d+)", line)
    return [*names.split(", ")] if names else [name]


class Predicted(Drawn):
    """Graphs whose memory is predicted, but for a few."""

    def takes(self, graph: Graph) -> bool:
        try:
            footprint_of(graph, TrainingSetup())
        except Opaque:
            return self.pick.random() < SELDOM
        return True


class Trained:
    """A drawn graph with frozen, shared and checkpointed parts."""

    def __init__(self, drawn: Drawn) -> None:
        self.pick = drawn.pick
        self.inputs = drawn.inputs
        self.lines = [*drawn.lines]
        self.block: tuple[int, int] | None = None
        self.more: set[str] = set()
        self.batch = self.pick.choice([1, 2, 3])
        self.dtype = self.pick.choice(["float32"] * 3 + ["bfloat16"])
        if not self.fits():  # some layers need longer rows in 16 bits
            self.dtype = "float32"
        for at in range(len(self.lines)):
            if self.pick.random() < 0.3:
                self.try_lines([*self.lines[:at], frozen(self.lines[at]), *self.lines[at + 1 :]])
        for _ in range(self.pick.choice([0, 0, 1, 2])):
            self.try_lines([*self.lines, self.again()])
        if self.pick.random() < 0.3:
            self.try_lines([*self.lines, *self.parted()])
        if self.pick.random() < 0.5:
            begin = self.pick.randrange(len(self.lines))
            self.block = (begin, self.pick.randint(begin + 1, len(self.lines)))
            self.block = self.block if self.fits() else None
        self.more = {made_by(line)[0] for line in self.lines if self.pick.random() < 0.15}

    def again(self) -> str:
        layer, x = (made_by(self.pick.choice(self.lines))[0] for _ in range(2))
        return f"{x} -> v{len(self.lines)} = {layer}()"

    def parted(self) -> Iterator[str]:
        """A value is divided, and some of its parts are read; with others nothing is done."""
        x = self.pick.choice([name for line in self.lines for name in made_by(line)])
        axes = self.graph.volumes[x].item_shape
        axis = self.pick.randint(1, len(axes))
        fits = [n for n in (2, 3, 4) if axes[axis - 1] % n == 0] or [1]
        count = self.pick.choice(fits)
        names = [f"v{PARTED + i}" for i in range(count)]
        yield f"{x} -> {', '.join(names)} = split({count}, axis={axis})"
        made = PARTED + count
        for name in names:
            if self.pick.random() < 0.6:
                yield f"{name} -> v{made} = {self.pick.choice(READERS)}"
                made += 1
        if count > 1 and self.pick.random() < 0.5:
            yield f"v{made} = {self.pick.choice(['mul', 'add', 'concat', 'sub'])}: [{names[0]}, {names[-1]}]"

    def try_lines(self, lines: list[str]) -> None:
        before, self.lines = self.lines, lines
        if not self.fits():
            self.lines = before

    def fits(self) -> bool:
        try:
            graph = self.graph
        except SpecError:
            return False
        return max(volume.numel for volume in graph.volumes.values()) <= 6_000

    @property
    def text(self) -> str:
        """The spec; every value that nothing reads is an output."""
        read = {name for line in self.lines for name in NAME.findall(line) if name not in made_by(line)}
        names = [name for line in self.lines for name in made_by(line)]
        made = [name for name in names if name not in read or name in self.more]
        outputs = f"outputs: [{', '.join(made)}]"
        inputs = ", ".join(f"{name}: {shape}" for name, shape in self.inputs.items())
        body = [*self.lines, outputs]
        block = []
        if self.block:
            begin, end = self.block
            inside = body[begin:end]
            own = {name for line in inside for name in made_by(line)}
            given = {name for line in inside for name in re.findall(r"\b(?:first|v\d+|[abc])\b", line)} - own
            given &= {*self.inputs, *(name for line in body[:begin] for name in made_by(line))}
            after = [NAME.sub(lambda m: f"part.{m[0]}" if m[0] in own else m[0], line) for line in body[end:]]
            given_names = ", ".join(sorted(given))
            body = [*body[:begin], f"part = some({given_names})", *after]
            block = ["blocks:", f"  some({given_names}):", *(f"    - {line}" for line in inside)]
        head = ["archcalc: 1", "name: drawn", f"input: {{{inputs}}}", *block, "layers:"]
        return "\n".join([*head, *(f"  - {line}" for line in body[:-1]), body[-1]]) + "\n"

    @property
    def graph(self) -> Graph:
        return build(read_document(Source("<drawn>", self.text)), batch=self.batch, dtype=self.dtype)

    @property
    def setup(self) -> TrainingSetup:
        checkpointed = ("some",) if self.block and self.pick.random() < 0.6 else ()
        autocast = "bfloat16" if not checkpointed and self.dtype == "float32" and self.pick.random() < 0.5 else ""
        return TrainingSetup(checkpointed=checkpointed, accumulate=self.pick.random() < 0.3, autocast=autocast)


def frozen(line: str) -> str:
    if line.endswith(")"):
        return f"{line[:-1]}, freeze=true)"
    return f"{line}(freeze=true)" if "[" not in line else line


def trained(first: int, count: int) -> Iterator[Trained]:
    for seed in range(first, first + count):
        drawn = Predicted(random.Random(f"memory {seed}"))
        drawn.grow(drawn.pick.randint(2, 10))
        if drawn.graph is not None:
            yield Trained(drawn)


def check(first: int, count: int) -> None:
    for each in trained(first, count):
        graph, setup = each.graph, each.setup
        with suppress(Opaque, NotImplementedError):  # of a few operations, torch has no kernel for bfloat16
            off = {name: nbytes for name, nbytes in differences(graph, setup).items() if nbytes}
            assert off == {}, f"{setup.words}\n{each.text}"


def test_memory_of_random_graphs_is_exact() -> None:
    check(0, 8)


@pytest.mark.fuzz
@pytest.mark.parametrize("first", range(0, 900, 100))
def test_memory_of_many_random_graphs_is_exact(first: int) -> None:
    check(10_000 + first, 100)
