"""Random networks as programs: each line reads values that were made before, and torch executes the same lines.

Unlike `test_random_networks`, which draws trees, these are arbitrary graphs: several inputs, layers and blocks that run
again with the same weights, frozen layers, long skips and several outputs. The oracle is torch.nn, line by line; the
receptive field is counted, element by element, from the positions that every window reads. `make fuzz` runs 5,000
networks, and memory of 400 in every kind of training.
"""

import contextlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from archcalc.graph.graph import Graph
from archcalc.graph.loading import load_text
from archcalc.measure import MEASURES
from archcalc.measures.receptive_field import seen_by
from archcalc.memory.footprint import Opaque
from archcalc.memory.training_setup import TrainingSetup
from tests.memory.footprints import differences

Reads = NDArray[np.bool_]
"""Along one axis: which positions of an input (columns) each position (rows) sees."""


@dataclass(frozen=True)
class Value:
    """A value as torch has it, and what it sees of each input along each axis. `reads` is empty behind a flatten."""

    name: str
    tensor: Tensor
    reads: dict[str, tuple[Reads, ...]]

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.tensor.shape[1:])


@dataclass(frozen=True)
class Step:
    """A layer that is written once and may run again: its text, its module, and the positions that it reads."""

    text: str
    module: nn.Module
    window: Callable[[int], Reads] | None = None


def matrix(count: int, n: int, reads: Callable[[int], Iterator[int]]) -> Reads:
    """A row for each of `count` positions; the last column stands for all that lies outside the n positions."""
    found = np.zeros((count, n + 1), bool)
    for i in range(count):
        for at in reads(i):
            found[i, at if 0 <= at < n else n] = True
    return found


def sliding(kernel: int, stride: int, padding: int, dilation: int = 1) -> Callable[[int], Reads]:
    def reads(i: int) -> Iterator[int]:
        return (i * stride - padding + j * dilation for j in range(kernel))

    return lambda n: matrix((n + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1, n, reads)


def transposing(kernel: int, stride: int, padding: int) -> Callable[[int], Reads]:
    def reads(i: int) -> Iterator[int]:
        return ((i + padding - k) // stride for k in range(kernel) if (i + padding - k) % stride == 0)

    return lambda n: matrix((n - 1) * stride - 2 * padding + kernel, n, reads)


def copying(times: int) -> Callable[[int], Reads]:
    return lambda n: matrix(n * times, n, lambda i: iter([i // times]))


def pooling_all(n: int) -> Reads:
    return matrix(1, n, lambda i: iter(range(n)))


def reading_all(n: int) -> Reads:
    return matrix(n, n, lambda i: iter(range(n)))


def through(window: Callable[[int], Reads], reads: Reads) -> Reads:
    """What the windows on a value see of an input. What lies outside of the value lies outside of the input."""
    outside = np.zeros((1, reads.shape[1]), bool)
    outside[0, -1] = True
    seen: Reads = window(len(reads)) @ np.vstack([reads, outside])
    return seen


class Shuffle(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return F.channel_shuffle(x, 2)


# --- what may come next --------------------------------------------------------------------------------------------


def convolution(pick: random.Random, channels: int, rank: int) -> Step:
    kernel, stride, dilation = pick.choice([1, 2, 3, 3, 5]), pick.choice([1, 1, 1, 2, 3]), pick.choice([1, 1, 1, 2])
    padding, bias = pick.randint(0, 2), pick.random() < 0.7
    groups = pick.choice([g for g in (1, 1, 2, 3, channels) if channels % g == 0])
    out, frozen = groups * pick.randint(1, 4), pick.random() < 0.2
    text = f"conv({kernel}, {out}, s{stride}, p{padding}, d{dilation}, g{groups}, bias={str(bias).lower()}"
    made = getattr(nn, f"Conv{rank}d")(channels, out, kernel, stride, padding, dilation, groups, bias)
    made.requires_grad_(not frozen)
    return Step(f"{text}{', freeze=true' * frozen})", made, sliding(kernel, stride, padding, dilation))


def transposed(pick: random.Random, channels: int, rank: int) -> Step:
    kernel, stride, out = pick.randint(2, 4), pick.choice([1, 2]), pick.randint(1, 4)
    padding = pick.randint(0, 1)
    made = getattr(nn, f"ConvTranspose{rank}d")(channels, out, kernel, stride, padding)
    return Step(f"upconv({kernel}, {out}, s{stride}, p{padding})", made, transposing(kernel, stride, padding))


def pooling(pick: random.Random, channels: int, rank: int) -> Step:
    kernel, stride = pick.choice([2, 3]), pick.choice([1, 2])
    padding, kind = pick.randint(0, 1), pick.choice(["Max", "Avg"])
    made = getattr(nn, f"{kind}Pool{rank}d")(kernel, stride, padding)
    return Step(f"{kind.lower()}pool({kernel}, {stride}, p{padding})", made, sliding(kernel, stride, padding))


def pointwise(pick: random.Random, channels: int, rank: int) -> Step:
    frozen = pick.random() < 0.2
    tag = "(freeze=true)" if frozen else ""
    steps = [
        Step("relu", nn.ReLU()),
        Step("tanh", nn.Tanh()),
        Step("gelu", nn.GELU()),
        Step("sigmoid", nn.Sigmoid()),
        Step("silu", nn.SiLU()),
        Step("dropout(0.5)", nn.Dropout(0.5)),
        Step(f"batchnorm{tag}", getattr(nn, f"BatchNorm{rank}d")(channels).requires_grad_(not frozen)),
        Step(f"prelu{tag}", nn.PReLU().requires_grad_(not frozen)),
        Step("identity", nn.Identity()),
        Step("upsample(2)", nn.Upsample(scale_factor=2), copying(2)),
    ]
    if channels % 2 == 0:
        steps += [Step("group_norm(2)", nn.GroupNorm(2, channels), reading_all), Step("channel_shuffle(2)", Shuffle())]
    return pick.choice(steps)


KINDS = (convolution, convolution, convolution, transposed, pooling, pointwise, pointwise, pointwise)


# --- programs ------------------------------------------------------------------------------------------------------


@dataclass
class Program:
    """Lines of a spec, and the values that torch made by them."""

    pick: random.Random
    inputs: dict[str, tuple[int, ...]] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    blocks: dict[str, list[str]] = field(default_factory=dict)
    values: list[Value] = field(default_factory=list)
    made: list[tuple[str, list[Step]]] = field(default_factory=list)
    modules: list[nn.Module] = field(default_factory=list)
    read: set[str] = field(default_factory=set)
    calls: list[tuple[nn.Module, Tensor]] = field(default_factory=list)

    @property
    def text(self) -> str:
        shapes = ", ".join(f"{name}: {list(shape)}" for name, shape in self.inputs.items())
        blocks = [f"  {name}:\n    - {' -> '.join(steps)}" for name, steps in self.blocks.items()]
        lines = [f"  - {line}" for line in self.lines]
        outputs = [each.name for each in self.values if each.name not in (*self.read, *self.inputs)]
        head = ["archcalc: 1", "name: program", f"input: {{{shapes}}}", *(["blocks:", *blocks] if blocks else [])]
        return "\n".join([*head, "layers:", *lines, f"outputs: [{', '.join(outputs)}]"]) + "\n"

    def grow(self, steps: int) -> None:
        rank = self.pick.choice([1, 2])
        for i in range(self.pick.randint(1, 3)):
            shape = (self.pick.choice([1, 2, 3, 4, 6]), *(self.pick.randint(9, 30 // rank + 9) for _ in range(rank)))
            name = "abc"[i]
            self.inputs[name] = shape
            eye = tuple(np.eye(n, n + 1, dtype=bool) for n in shape[1:])
            self.values.append(Value(name, torch.zeros(2, *shape), {name: eye}))
        for _ in range(steps):
            self.pick.choice([self.new, self.new, self.new, self.block, self.again, self.join, self.head])()

    def spatial(self) -> list[Value]:
        """The values with positions, of which the latest are drawn more often."""
        found = [each for each in self.values if len(each.shape) > 1]
        return found + found[-2:] * 2

    def new(self) -> None:
        x = self.pick.choice(self.spatial())
        step = self.pick.choice(KINDS)(self.pick, x.shape[0], len(x.shape) - 1)
        self.run(x, f"v{len(self.values)}", step.text, [step])

    def block(self) -> None:
        """A chain in a block of its own."""
        x, steps = self.pick.choice(self.spatial()), list[Step]()
        y = x.tensor
        for _ in range(self.pick.randint(1, 3)):
            step = self.pick.choice(KINDS)(self.pick, y.shape[1], y.dim() - 2)
            try:
                y = step.module(y)
            except RuntimeError:
                break
            steps.append(step)
        name = f"block{len(self.blocks)}"
        if steps and self.run(x, f"v{len(self.values)}", name, steps):
            self.blocks[name] = [each.text for each in steps]

    def again(self) -> None:
        """A layer or a block with the weights that it has, on another value."""
        if not self.made:
            return
        name, steps = self.pick.choice(self.made)
        self.run(self.pick.choice(self.spatial()), f"v{len(self.values)}", f"{name}()", steps, again=True)

    def join(self) -> None:
        x = self.pick.choice(self.spatial())
        kind = self.pick.choice(["add", "mul", "concat"])
        fits = [y for y in self.values if y.shape[kind == "concat" :] == x.shape[kind == "concat" :]]
        if len(fits) < 2:
            return
        chosen = [x, *self.pick.sample(fits, self.pick.randint(1, min(2, len(fits))))]
        if len({each.name for each in chosen}) < len(chosen):
            return
        tensors = [each.tensor for each in chosen]
        y = torch.cat(tensors, 1) if kind == "concat" else sum(tensors[1:], tensors[0])
        reads = {
            name: tuple(np.logical_or.reduce(axis) for axis in zip(*found, strict=True))
            for name in self.inputs
            if (found := [each.reads[name] for each in chosen if name in each.reads])
        }
        name = f"v{len(self.values)}"
        self.lines.append(f"{name} = {kind}: [{', '.join(each.name for each in chosen)}]")
        self.keep(Value(name, y, reads), chosen)

    def head(self) -> None:
        """A layer after which no positions are left."""
        x = self.pick.choice(self.spatial())
        name, rank = f"v{len(self.values)}", len(x.shape) - 1
        if self.pick.random() < 0.5:
            pool = getattr(nn, f"AdaptiveAvgPool{rank}d")(1)
            self.run(x, name, "gap", [Step("gap", nn.Sequential(pool, nn.Flatten()), pooling_all)])
        else:
            count = x.tensor[0].numel()
            linear = nn.Sequential(nn.Flatten(), nn.Linear(count, 3))
            self.run(x, name, "fc(3)", [Step("fc(3)", linear, pooling_all)])

    def run(self, x: Value, name: str, text: str, steps: list[Step], again: bool = False) -> bool:
        """Runs layers on a value, if torch does; whether it does."""
        y, reads, calls = x.tensor, dict(x.reads), list[tuple[nn.Module, Tensor]]()
        try:
            for step in steps:
                calls.append((step.module, y[:1]))
                y = step.module(y)
                if 0 in y.shape or (isinstance(step.module, nn.GroupNorm) and y[0].numel() == 2):
                    return False
                if step.window:
                    reads = {name: tuple(through(step.window, axis) for axis in axes) for name, axes in reads.items()}
        except (RuntimeError, ValueError):
            return False
        self.lines.append(f"{x.name} -> {name} = {text}")
        self.calls += calls
        if not again:
            self.modules += [step.module for step in steps]
            self.made.append((name, steps))
        self.keep(Value(name, y, reads), [x])
        return True

    def keep(self, made: Value, read: list[Value]) -> None:
        self.values.append(made)
        self.read |= {each.name for each in read}


def programs(first: int, count: int) -> Iterator[Program]:
    for seed in range(first, first + count):
        program = Program(random.Random(f"program {seed}"))
        with torch.no_grad():
            program.grow(program.pick.randint(2, 14))
        if len(program.values) > len(program.inputs):
            yield program


# --- the comparison --------------------------------------------------------------------------------------------------


def wrong(program: Program) -> Iterator[str]:
    """What archcalc says otherwise than torch, or than the count of positions."""
    graph = load_text(program.text)
    for value in program.values:
        if value.name not in program.inputs and graph[value.name].output.item_shape != value.shape:
            yield f"{value.name}: {graph[value.name].output.item_shape}, torch {value.shape}"
    weights = [p for module in program.modules for p in module.parameters()]
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        for module, x in program.calls:
            module.eval()(x)
    for name, right in {
        "params": sum(p.numel() for p in weights),
        "trainable_params": sum(p.numel() for p in weights if p.requires_grad),
        "flops": counter.get_total_flops(),
    }.items():
        if MEASURES[name].total(graph) != right:
            yield f"{name}: {MEASURES[name].total(graph)}, torch {right}"
    yield from wrong_fields(program, graph)


def wrong_fields(program: Program, graph: Graph) -> Iterator[str]:
    """Fields that are not as wide as the widest that reads no padding, or narrower than one that does."""
    seen = seen_by(graph)
    for value in program.values:
        if value.name in program.inputs:
            continue
        stated = {each.input: each.fields for each in seen[graph[value.name].name]}
        if stated.keys() != value.reads.keys():
            yield f"{value.name}: sees {sorted(stated)}, counted {sorted(value.reads)}"
            continue
        for name, axes in value.reads.items():
            for axis, reads in zip(stated[name], axes, strict=True):
                widths = [int(np.ptp(np.flatnonzero(row[:-1]))) + 1 if row[:-1].any() else 0 for row in reads]
                whole = [width for width, row in zip(widths, reads, strict=True) if not row[-1]]
                exact = len(whole) >= ENOUGH and not axis.whole  # "all" ignores rows that a window has dropped before
                if max(widths) > axis.size or (exact and max(whole) != axis.size):
                    yield f"{value.name} of {name}: {axis.size}, counted {max(widths)} ({max(whole, default=0)} whole)"


ENOUGH = 8
"""Fields without padding among which the widest is: the phases of transposed convolutions repeat sooner."""


def check(first: int, count: int) -> None:
    for program in programs(first, count):
        assert list(wrong(program)) == [], program.text


def test_random_programs_agree_with_torch() -> None:
    check(0, 40)


@pytest.mark.fuzz
@pytest.mark.parametrize("first", range(0, 5_100, 510))
def test_many_random_programs_agree_with_torch(first: int) -> None:
    check(10_000 + first, 510)


# --- memory ----------------------------------------------------------------------------------------------------------


def setup_of(program: Program) -> TrainingSetup:
    """A kind of training, drawn for each network."""
    pick = program.pick
    blocks = tuple(name for name in program.blocks if pick.random() < 0.5)
    autocast = "bfloat16" if not blocks and pick.random() < 0.4 else ""
    return TrainingSetup(checkpointed=blocks, accumulate=pick.random() < 0.3, autocast=autocast)


def check_memory(first: int, count: int) -> None:
    for program in programs(first, count):
        graph, setup = load_text(program.text), setup_of(program)
        with contextlib.suppress(Opaque):  # casts of shared weights are not predicted
            off = {name: nbytes for name, nbytes in differences(graph, setup).items() if nbytes}
            assert off == {}, f"{setup.words}\n{program.text}"


def test_memory_of_random_programs_is_exact() -> None:
    check_memory(0, 8)


@pytest.mark.fuzz
def test_memory_of_many_random_programs_is_exact() -> None:
    check_memory(20_000, 400)
