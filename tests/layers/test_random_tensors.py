"""Random chains of layers that move, combine and reduce axes, against torch: shapes, values, fields by dye, memory.

The oracle is written with torch's own functions and numbers of axes; it knows nothing about features and positions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import prod

import pytest
import torch
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from torch import Tensor

from archcalc.codegen import generate
from archcalc.core.location import Source
from archcalc.graph.builder import build
from archcalc.graph.graph import Graph
from archcalc.layers.slicing import Slice, Take
from archcalc.measures.receptive_field import along_in, fields_of
from archcalc.memory.footprint import Opaque
from archcalc.spec.document import read_document
from archcalc.verification.trace import Running
from tests.memory.footprints import peaks

Function = Callable[[Tensor], Tensor]


@dataclass
class Chain:
    """What is drawn: the shape of a sample, whether its features come last, and each step as a spec and in torch."""

    shape: tuple[int, ...]
    last: bool
    lines: list[str] = field(default_factory=list)
    functions: list[Function] = field(default_factory=list)

    def spec(self) -> str:
        given_ = f"{{shape: {list(self.shape)}, channels_last: {str(self.last).lower()}}}"
        width = self.shape[-1 if self.last else 0]
        first = f"linear({width})" if self.last or len(self.shape) == 1 else f"conv(1, {width})"
        lines = "\n".join(f"  - {line}" for line in [f"first = {first}", *self.lines])
        return f"archcalc: 1\nname: it\ninput: {given_}\nlayers:\n{lines}\n"

    def apply(self, x: Tensor) -> Tensor:
        for each in self.functions:
            x = each(x)
        return x


def sliced(draw: st.DrawFn, shape: Sequence[int], axis: int) -> tuple[str, Function]:
    n = shape[axis]
    begin = draw(st.integers(0, n - 1))
    end, step = draw(st.integers(begin + 1, n)), draw(st.integers(1, 2))
    indices = torch.arange(begin, end, step)
    return f"slice({begin}, {end}, {step}, axis={axis})", lambda x: x.index_select(axis, indices)


def taken(draw: st.DrawFn, shape: Sequence[int], axis: int) -> tuple[str, Function]:
    if len(shape) == 2:
        return rolled(draw, shape, axis)
    index = draw(st.integers(0, shape[axis] - 1))
    return f"take({index}, axis={axis})", lambda x: x.select(axis, index)


def rolled(draw: st.DrawFn, shape: Sequence[int], axis: int) -> tuple[str, Function]:
    shift = draw(st.integers(-3, 3))
    return f"roll({shift}, axis={axis})", lambda x: torch.roll(x, shift, axis)


def repeated(draw: st.DrawFn, shape: Sequence[int], axis: int) -> tuple[str, Function]:
    n, interleave = draw(st.integers(1, 2)), draw(st.booleans())
    written = f"repeat({n}, axis={axis}, interleave={str(interleave).lower()})"
    if interleave:
        return written, lambda x: torch.stack([x] * n, axis + 1).flatten(axis, axis + 1)
    return written, lambda x: torch.cat([x] * n, axis)


def padded(draw: st.DrawFn, shape: Sequence[int], axis: int) -> tuple[str, Function]:
    begin, end = draw(st.integers(0, 2)), draw(st.integers(0, 2))

    def run(x: Tensor) -> Tensor:
        zeros = [x.new_zeros([n if at != axis else m for at, n in enumerate(x.shape)]) for m in (begin, end)]
        return torch.cat([zeros[0], x, zeros[1]], axis)

    return f"pad([[{begin}, {end}]], axis={axis})", run


REDUCTIONS: dict[str, Callable[[Tensor, Sequence[int], bool], Tensor]] = {
    "mean": lambda x, dims, keep: x.mean(tuple(dims), keepdim=keep),
    "sum": lambda x, dims, keep: x.sum(tuple(dims), keepdim=keep),
    "max": lambda x, dims, keep: x.amax(tuple(dims), keepdim=keep),
    "min": lambda x, dims, keep: x.amin(tuple(dims), keepdim=keep),
    "norm": lambda x, dims, keep: x.square().sum(tuple(dims), keepdim=keep).sqrt(),
    "logsumexp": lambda x, dims, keep: x.exp().sum(tuple(dims), keepdim=keep).log(),
}


def reduced(draw: st.DrawFn, shape: Sequence[int], axis: int) -> tuple[str, Function]:
    kind, keep = draw(st.sampled_from(sorted(REDUCTIONS))), draw(st.booleans())
    dims = sorted({axis, *draw(st.sets(st.integers(1, len(shape) - 1), max_size=1))})
    function = REDUCTIONS[kind]

    def run(x: Tensor) -> Tensor:
        y = function(x, dims, keep)
        return y if y.dim() > 1 else y[:, None]

    return f"reduce({kind}, {dims}, keep={str(keep).lower()})", run


COMBINED: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "add": lambda a, b: a + b,
    "mul": lambda a, b: a * b,
    "sub": lambda a, b: a - b,
    "maximum": lambda a, b: torch.maximum(a, b),
}


def broadcast(draw: st.DrawFn, shape: Sequence[int], axis: int) -> tuple[str, Function]:
    """What is there, combined with its mean along an axis: the larger first, or the smaller."""
    kind = draw(st.sampled_from(sorted(COMBINED)))
    torchs = COMBINED[kind]
    paths = ["prev", f"reduce(mean, {axis}, keep=true)"]
    if draw(st.booleans()):
        return f"{kind}: ['{paths[1]}', {paths[0]}]", lambda x: torchs(x.mean(axis, keepdim=True), x)
    return f"{kind}: [{paths[0]}, '{paths[1]}']", lambda x: torchs(x, x.mean(axis, keepdim=True))


def concatenated(draw: st.DrawFn, shape: Sequence[int], axis: int) -> tuple[str, Function]:
    end = draw(st.integers(1, shape[axis]))
    part = f"'slice(0, {end}, axis={axis})'"
    if draw(st.booleans()):
        return f"{{concat: [{part}, prev], axis: {axis}}}", lambda x: torch.cat([x.narrow(axis, 0, end), x], axis)
    return f"{{concat: [prev, {part}], axis: {axis}}}", lambda x: torch.cat([x, x.narrow(axis, 0, end)], axis)


def along(draw: st.DrawFn, shape: Sequence[int], axis: int) -> tuple[str, Function]:
    if draw(st.booleans()):
        return f"softmax({axis})", lambda x: x.softmax(axis)
    return f"cumsum({axis})", lambda x: x.cumsum(axis)


def rearranged(draw: st.DrawFn, shape: Sequence[int], axis: int) -> tuple[str, Function]:
    """One axis may be split in two, the parts are put in another order, and two neighbours may become one axis."""
    words = [(f"a{at}", n) for at, n in enumerate(shape) if at]
    left, sizes = [word for word, _ in words], ""
    if shape[axis] % 2 == 0 and draw(st.booleans()):
        words[axis - 1 : axis] = [(f"a{axis}", shape[axis] // 2), ("p", 2)]
        left[axis - 1], sizes = f"(a{axis} p)", ", p=2"
    lengths = [n for _, n in words]
    order = draw(st.permutations(range(len(words))))
    names, made = [words[at][0] for at in order], [lengths[at] for at in order]
    if len(order) > 1 and (len(order) > 4 or draw(st.booleans())):
        at = draw(st.integers(0, len(order) - 2))
        names[at : at + 2] = [f"({names[at]} {names[at + 1]})"]
        made[at : at + 2] = [prod(made[at : at + 2])]

    def run(x: Tensor) -> Tensor:
        return x.reshape(len(x), *lengths).permute(0, *(at + 1 for at in order)).reshape(len(x), *made)

    return f"""'rearrange("b {" ".join(left)} -> b {" ".join(names)}"{sizes})'""", run


STEPS = (sliced, taken, rolled, repeated, padded, reduced, broadcast, concatenated, along, rearranged)
MOST = 400
"""The maximum elements of a sample."""


@st.composite
def chains(draw: st.DrawFn) -> Chain:
    rank = draw(st.integers(0, 2))
    shape = tuple(draw(st.lists(st.integers(1, 5), min_size=rank + 1, max_size=rank + 1)))
    chain = Chain(shape, last=rank > 0 and draw(st.booleans()))
    x = torch.zeros(2, *shape)
    for _ in range(draw(st.integers(1, 5))):
        step = draw(st.sampled_from(STEPS))
        line, function = step(draw, tuple(x.shape), draw(st.integers(1, x.dim() - 1)))
        y = function(x)
        if y.dim() > 4 or y[0].numel() > MOST:
            break
        x = y
        chain.lines.append(line)
        chain.functions.append(function)
    return chain


def built(chain: Chain) -> Graph:
    return build(read_document(Source("it.yaml", chain.spec())), batch=2)


def check_values(chain: Chain, graph: Graph) -> None:
    running = Running(generate(graph), graph, "cpu")
    torch.manual_seed(0)
    x = torch.rand(2, *chain.shape)
    with torch.no_grad():
        y, expected = running.module(x), chain.apply(running.module.first(x))  # type: ignore[operator]
    assert tuple(y.shape) == tuple(expected.shape) == graph[graph.outputs[0]].output.shape
    assert torch.allclose(y, expected, atol=1e-5, rtol=1e-4)


def leaves_features_out(graph: Graph) -> bool:
    """Whether some features are left out after a rearrangement, which may have made them of positions.

    A field is that of all features together (docs/conventions.md): what is left may see less.
    """
    rearranged = False
    for node in graph.nodes:
        x = node.inputs[0]
        features = len(x.shape) - 1 if x.channels_last else 1
        rearranged = rearranged or node.layer.name == "rearrange"
        if rearranged and isinstance(node.layer, Slice | Take) and node.layer.place(x) == features:
            return True
    return False


def check_fields(chain: Chain, graph: Graph) -> None:
    """NaN in one slab of the input marks what depends on it: within the predicted field, and at both of its ends.

    Only within it where features are left out that may have been positions.
    """
    begin, out = graph.inputs[0], graph[graph.outputs[0]]
    bound = leaves_features_out(graph)
    fields = fields_of(graph, begin).get(out.name, ()) if begin.volume.rank else ()
    for axis, seen in enumerate(fields):
        n, at = begin.volume.spatial[axis], axis + (1 if chain.last else 2)
        along_ = along_in(out.output, axis, seen)
        reached = []
        for element in range(n):
            x = torch.rand(2, *chain.shape)
            x.select(at, element).fill_(float("nan"))
            marked = chain.apply(x.nanmean(-1, keepdim=True).expand(x.shape) * 0 + x).isnan()
            kept = 0 if along_ is None else along_ + (1 if out.output.channels_last else 2)
            others = [d for d in range(marked.dim()) if d != kept]
            reached.append(marked.any(others).tolist() if along_ is not None else [bool(marked.any())])
        for i in range(len(reached[0])):
            found = [element for element in range(n) if reached[element][i]]
            span = (0, n - 1) if seen.whole else seen.at(i)
            expected = [] if span is None else [e for e in range(n) if span[0] <= e <= span[1]]
            assert set(found) <= set(expected), (axis, i)
            if not seen.whole and along_ is not None and found and not bound:
                assert (found[0], found[-1]) == (expected[0], expected[-1]), (axis, i)


def check_memory(graph: Graph) -> bool:
    """Whether it is predicted; the prediction is exact."""
    try:
        assert peaks(graph) == {"inference": 0, "training": 0, "left": 0}
    except Opaque:
        return False
    return True


def check(chain: Chain) -> None:
    graph = built(chain)
    check_values(chain, graph)
    check_fields(chain, graph)


QUICK = {"derandomize": True, "deadline": None, "suppress_health_check": list(HealthCheck)}


@settings(max_examples=100, **QUICK)  # type: ignore[arg-type]
@given(chains())
def test_a_chain_has_the_shape_the_values_and_the_field_of_torch(chain: Chain) -> None:
    check(chain)


@pytest.mark.fuzz
@pytest.mark.parametrize("piece", range(10))
def test_many_chains_have_the_shape_the_values_and_the_field_of_torch(piece: int) -> None:
    """3,000 chains in ten pieces, each with a seed of its own, so that each ends soon and can run alone."""
    seed(piece)(settings(max_examples=300, **QUICK)(given(chains())(check)))()  # type: ignore[arg-type]


@settings(max_examples=30, **QUICK)  # type: ignore[arg-type]
@given(chains())
def test_a_chain_takes_the_predicted_bytes(chain: Chain) -> None:
    check_memory(built(chain))


@pytest.mark.fuzz
@settings(max_examples=1500, **QUICK)  # type: ignore[arg-type]
@given(chains())
def test_many_chains_take_the_predicted_bytes(chain: Chain) -> None:
    check_memory(built(chain))
