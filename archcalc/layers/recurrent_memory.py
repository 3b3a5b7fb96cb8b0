"""What recurrent layers allocate on the CPU: cell by cell in torch's own code, or in one oneDNN kernel.

Sources: aten/src/ATen/native/RNN.cpp and mkldnn/RNN.cpp of torch; for oneDNN's workspace, set_workspace_sizes and
set_offsets in src/cpu/rnn/rnn_utils.hpp and .cpp.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

from archcalc.core.dim import Dim
from archcalc.core.kernel import NEW, VIEW, Backward, Gradient, Kernel, Layout, Order, Tensor, tensor
from archcalc.core.operations import chunk, linear_map, product, reshape, slice_of, sum_of, view
from archcalc.core.volume import ITEMSIZE
from archcalc.record import record


@record(kw_only=True)
class Unrolled:
    """A running recurrent layer: `states` pass from token to token, h with `width` features and others with `hidden`.

    `inputs`: the features of what it reads; `directions`: the suffixes of weight names; `gates`: the vectors of
    `hidden` features that one weight produces; `begins`: whether a second input is the initial state; `returns`: the
    field of that name of the layer; `one_kernel`: whether one oneDNN kernel processes all tokens.
    """

    tokens: Dim
    batch: Dim
    inputs: Dim
    hidden: Dim
    width: Dim
    gates: int
    states: tuple[str, ...]
    layers: int
    directions: tuple[str, ...]
    bias: bool
    begins: bool
    returns: str
    one_kernel: bool
    dropout: bool
    training: bool
    dtype: str

    def of(self, *shape: Dim) -> Tensor:
        return tensor(*shape, dtype=self.dtype)

    @property
    def in_a_row(self) -> bool:
        """Whether the layout in memory is the same with tokens first and with samples first."""
        return 1 in (self.tokens, self.batch)

    @property
    def ways(self) -> tuple["Way", ...]:
        return tuple(Way(f"l{i}{direction}", self) for i in range(self.layers) for direction in self.directions)

    def features(self, state: str) -> Dim:
        return self.width if state == "h" else self.hidden


@record
class Way:
    """One direction of one layer: the suffix of its weight names, which also begins the names of its tensors."""

    name: str
    whole: Unrolled

    def weights(self, *kinds: str) -> tuple[str, ...]:
        return tuple(f"{kind}_{self.name}" for kind in kinds)

    @property
    def biases(self) -> tuple[str, ...]:
        return self.weights("bias_ih", "bias_hh") if self.whole.bias else ()

    @property
    def order(self) -> list[int]:
        """Its tokens in the order of processing."""
        tokens = list(range(self.whole.tokens))
        return tokens[::-1] if self.name.endswith("_reverse") else tokens

    def state(self, name: str, after: int | None = None) -> str:
        """The name of a state after a token; without `after`, of the initial state."""
        return f"{self.name} {name}" + ("" if after is None else f"{after}")

    def ends(self, name: str) -> str:
        """The name of a state after all tokens. One kernel has no other, so that their number may be free."""
        return f"{self.state(name)} after all" if self.whole.one_kernel else self.state(name, self.order[-1])


Runs: TypeAlias = Callable[[Way, str, tuple[str, ...]], Iterator[Kernel]]
"""The kernels of one direction of one layer, from a tensor of tokens to `NAME out`; other tensors stay alive."""


def kernels_of(whole: Unrolled, runs: Runs) -> Iterator[Kernel]:
    """All kernels, from the initial state to the output."""
    yield from given_state(whole) if whole.begins else no_state(whole)
    order, rows = (Order.CONTIGUOUS, True) if whole.in_a_row else (Order.TIME_MAJOR, False)
    yield Kernel(makes="steps", layout=Layout(view=True, order=order), gradient=Gradient.slice(rows))
    given = "steps"
    if whole.one_kernel:
        given = "copied"
        yield reshape("steps", given)
    else:
        for state in whole.states:
            yield taken_apart(whole, state, f"{state}0", [way.state(state) for way in whole.ways])
    for i in range(whole.layers):
        yield from one_layer(whole, runs, i, given)
        given = f"out{i}"
    held = ("copied", *(f"{way.name} out" for way in whole.ways[-len(whole.directions) :]))
    yield from final_states(whole, (given, *held) if whole.one_kernel else (given,))
    if whole.returns == "sequence":
        yield from sequence(whole, given, order)
    elif whole.returns == "state" and len(whole.states) > 1:
        yield from whole_state(whole)
    else:
        yield from last_state(whole, whole.layers if whole.returns == "state" else 1)


def no_state(whole: Unrolled) -> Iterator[Kernel]:
    """Zeros."""
    for state in whole.states:
        yield Kernel(reads=(), makes=f"{state}0", size=whole.of(len(whole.ways), whole.batch, whole.features(state)))


def given_state(whole: Unrolled) -> Iterator[Kernel]:
    """Splits the state vector, and stacks the states of all layers and directions."""
    parts = {state: [f"{way.name} {state} given" for way in whole.ways] for state in whole.states}
    yield chunk("x1", {name: whole.of(whole.batch, whole.features(state)) for state in parts for name in parts[state]})
    for state, names in parts.items():
        size = whole.of(len(names), whole.batch, whole.features(state))
        yield Kernel(reads=tuple(names), makes=f"{state}0", size=size, gradient=Gradient.SLICE)


def taken_apart(whole: Unrolled, state: str, stacked: str, names: Sequence[str]) -> Kernel:
    """A state of all ways as views, one of each; backward stacks their gradients."""
    return chunk(stacked, dict.fromkeys(names, whole.of(whole.batch, whole.features(state))))


def one_layer(whole: Unrolled, runs: Runs, i: int, given: str) -> Iterator[Kernel]:
    """One layer, to `outI`: both directions concatenated, with dropout if another layer follows."""
    ways = whole.ways[i * len(whole.directions) :][: len(whole.directions)]
    drops = whole.dropout and whole.training and i < whole.layers - 1
    made = f"joined{i}" if drops else f"out{i}"
    held = (given,) if i else ()
    before = whole.ways[(i - 1) * len(ways) : i * len(ways)] if i and whole.one_kernel else ()
    for place, way in enumerate(ways):
        replaced = (f"{each.name} out" for each in before[place:])  # one by one, in torch's list of outputs
        yield from runs(way, given, (*held, *replaced))
        held = (*held, *left_by(way))
    outs = tuple(f"{way.name} out" for way in ways)
    size = whole.of(whole.tokens, whole.batch, len(ways) * whole.width)
    if len(ways) == 1:
        yield view(outs[0], made, holds=held)
    else:
        pieces = whole.tokens * whole.batch
        yield Kernel(reads=outs, makes=made, size=size, gradient=Gradient.slice(pieces == 1), holds=held)
    if drops:
        yield Kernel(reads=(made,), makes=f"out{i}", size=size, also={"mask": size}, saves=("mask",))


def left_by(way: Way) -> Iterator[str]:
    """Tensors of one direction that live until its layer ends: cell by cell, with two directions, every state."""
    yield f"{way.name} out"
    if len(way.whole.directions) > 1 and not way.whole.one_kernel:
        yield from (way.state("h", t) for t in way.order)
        if way.name.endswith("_reverse"):
            yield f"{way.name} mapped"


def final_states(whole: Unrolled, held: tuple[str, ...]) -> Iterator[Kernel]:
    """The final states of all layers and directions, stacked; torch's variables keep their tensors alive."""
    ways = whole.ways
    ends = tuple(way.ends(state) for way in ways for state in whole.states)
    held = (*held, *ends, *(f"{state}0" for state in whole.states))
    for i, state in enumerate(whole.states):
        yield Kernel(
            reads=tuple(way.ends(state) for way in ways),
            makes=f"{state}_n",
            size=whole.of(len(ways), whole.batch, whole.features(state)),
            gradient=Gradient.SLICE,
            holds=(*held, *(f"{each}_n" for each in whole.states[:i])),
        )


def sequence(whole: Unrolled, out: str, order: Order) -> Iterator[Kernel]:
    holds = tuple(f"{state}_n" for state in whole.states)
    yield view(out, order=order, holds=holds)


def last_state(whole: Unrolled, layers: int) -> Iterator[Kernel]:
    """The state of the last layers: a slice of all states, with layers and directions concatenated."""
    ways = layers * len(whole.directions)
    size, every = whole.of(whole.batch, ways * whole.width), layers == whole.layers
    yield Kernel(
        reads=("h_n",),
        makes="y" if ways == 1 else "ways",
        size=size,
        layout=VIEW,
        gradient=Gradient.VIEW if ways > 1 and every else Gradient.NEW,
    )
    if ways > 1:
        in_a_row = 1 in (whole.batch, whole.width)  # else it is copied
        yield Kernel(
            reads=("ways",),
            size=size,
            layout=VIEW if in_a_row else NEW,
            gradient=Gradient.VIEW if in_a_row else Gradient.SAME,
        )


def whole_state(whole: Unrolled) -> Iterator[Kernel]:
    """All states of all layers and directions, concatenated: h of each, then the others."""
    parts = {state: [f"{state}_n of {way.name}" for way in whole.ways] for state in whole.states}
    for state, names in parts.items():
        yield taken_apart(whole, state, f"{state}_n", names)
    size = whole.of(whole.batch, len(whole.ways) * sum(map(whole.features, whole.states)))
    reads = tuple(name for names in parts.values() for name in names)
    yield Kernel(reads=reads, size=size, gradient=Gradient.slice(whole.batch == 1))


# --- cell by cell ----------------------------------------------------------------------------------------------------

Cell: TypeAlias = Callable[[Way, int, int | None], Iterator[Kernel]]
"""The kernels of one cell: from the mapped input of a token and the states after the previous token."""


def cell_by_cell(cell: Cell) -> Runs:
    """Torch's own code: it maps the input of all tokens at once, then runs cell after cell."""

    def runs(way: Way, given: str, held: tuple[str, ...]) -> Iterator[Kernel]:
        whole, order = way.whole, way.order
        part = whole.of(whole.batch, whole.gates * whole.hidden)
        mapped, (weight,) = f"{way.name} mapped", way.weights("weight_ih")
        size = whole.of(whole.tokens, part.numel)
        others = (*held, f"{way.name.removesuffix('_reverse')} mapped") if way.name.endswith("_reverse") else held
        how: dict[str, Any] = {"reads": given, "makes": mapped, "holds": others}
        if given == "steps":
            how |= {"reads_contiguous": whole.batch != 1, "reads_as": (whole.tokens * whole.batch, whole.inputs)}
        yield linear_map(size, weight, way.biases[:1], **how)
        steps = (f"{way.name} mapped{t}" for t in range(whole.tokens))
        yield chunk(mapped, dict.fromkeys(steps, part), holds=others)
        for before, t in zip((None, *order[:-1]), order, strict=True):
            yield from cell(way, t, before)
        states = tuple(way.state("h", t) for t in range(whole.tokens))
        size = whole.of(whole.tokens, whole.batch, whole.width)
        yield Kernel(reads=states, makes=f"{way.name} out", size=size, gradient=Gradient.SLICE, holds=(mapped, *held))

    return runs


def gates(way: Way, t: int, before: int | None, added: bool) -> Iterator[Kernel]:
    """The mapped state, to which the input's part is `added` in place."""
    size, (weight,) = way.whole.of(way.whole.batch, way.whole.gates * way.whole.hidden), way.weights("weight_hh")
    made, state = f"{way.name} gates{t}", way.state("h", before)
    makes = f"{made} of h" if added else made
    yield linear_map(size, weight, way.biases[1:], reads=state, makes=makes, matrix=True)
    if added:
        yield in_place(made, f"{made} of h", f"{way.name} mapped{t}")


def chunks(way: Way, source: str, names: tuple[str, ...]) -> Iterator[Kernel]:
    """Views of the gates in a row; backward puts their gradients in one row again."""
    yield chunk(source, dict.fromkeys(names, way.whole.of(way.whole.batch, way.whole.hidden)))


def in_place(made: str, *reads: str, gradient: Gradient = Gradient.SAME) -> Kernel:
    """A sum in place; a function in place has a new gradient, and saves what it made."""
    return Kernel(reads=reads, makes=made, layout=VIEW, saves=(made,) * (gradient is Gradient.NEW), gradient=gradient)


def rnn_cell(way: Way, t: int, before: int | None) -> Iterator[Kernel]:
    yield from gates(way, t, before, added=True)
    made = way.state("h", t)
    yield Kernel(reads=(f"{way.name} gates{t}",), makes=made, saves=(made,))


def lstm_cell(way: Way, t: int, before: int | None) -> Iterator[Kernel]:
    yield from gates(way, t, before, added=True)
    size, source = way.whole.of(way.whole.batch, way.whole.hidden), f"{way.name} gates{t}"
    parts = [f"{source} {each}" for each in ("i", "f", "g", "o")]
    yield from chunks(way, source, tuple(f"{part} sum" for part in parts))
    for part in parts:
        yield in_place(part, f"{part} sum", gradient=Gradient.NEW)
    i, f, g, o = parts
    c, h, projects = way.state("c", t), way.state("h", t), way.whole.width != way.whole.hidden
    yield product(size, f, way.state("c", before), f"{c} kept")
    yield product(size, i, g, f"{c} new")
    yield in_place(c, f"{c} kept", f"{c} new")
    yield Kernel(reads=(c,), makes=f"{c} shown", saves=(f"{c} shown",))
    holds = (source, way.state("c", before))
    made = f"{h} whole" if projects else h
    yield product(size, o, f"{c} shown", made, holds=holds)
    if projects:
        (weight,) = way.weights("weight_hr")
        size = way.whole.of(way.whole.batch, way.whole.width)
        yield linear_map(size, weight, reads=made, makes=h, matrix=True, holds=holds)


def gru_cell(way: Way, t: int, before: int | None) -> Iterator[Kernel]:
    """Products in place save what was there before."""
    size, source = way.whole.of(way.whole.batch, way.whole.hidden), f"{way.name} gates{t}"
    given = [f"{way.name} mapped{t} {each}" for each in ("r", "z", "n")]
    sums = [f"{source} {each}" for each in ("r", "z", "n")]
    yield from chunks(way, f"{way.name} mapped{t}", tuple(given))
    yield from gates(way, t, before, added=False)
    yield from chunks(way, source, tuple(sums))
    (r, z, n), h = (f"{way.name} {each}{t}" for each in ("r", "z", "n")), way.state("h", t)
    for gate, ours, theirs in zip((r, z), sums, given, strict=False):
        yield in_place(f"{gate} sum", ours, theirs)
        yield in_place(gate, f"{gate} sum", gradient=Gradient.NEW)
    own = {"before": size}
    product_in_place = Backward(on_demand=own)
    yield Kernel(reads=(sums[2], r), makes=f"{n} reset", layout=VIEW, saves=(*own, r), backward=product_in_place)
    yield sum_of(size, given[2], f"{n} reset", makes=f"{n} sum")
    yield in_place(n, f"{n} sum", gradient=Gradient.NEW)
    both = (way.state("h", before), n)
    yield Kernel(reads=both, makes=f"{h} apart", size=size, gradient=Gradient.SAME, backward=Backward(negated=(n,)))
    apart = (f"{h} apart", z)
    yield Kernel(reads=apart, makes=f"{h} part", layout=VIEW, saves=(*own, z), backward=product_in_place)
    yield Kernel(reads=(f"{h} part", n), makes=h, layout=VIEW, gradient=Gradient.SAME, holds=(source,))


# --- oneDNN ----------------------------------------------------------------------------------------------------------


def by_one_kernel(inputs: Dim) -> Runs:
    """oneDNN's LSTM: its backward makes all gradients, in float32; `inputs`: the features of x."""

    def runs(way: Way, given: str, held: tuple[str, ...]) -> Iterator[Kernel]:
        whole = way.whole
        for state in whole.states:  # backward writes each gradient into zeros of the stacked size
            each = whole.of(whole.batch, whole.features(state))
            yield slice_of(f"{state}0", way.state(state), each)
        features = inputs if way.name in ("l0", "l0_reverse") else len(whole.directions) * whole.width
        rows = whole.gates * whole.hidden
        zeros = (
            {}
            if whole.bias
            else {f"{way.name} no bias of {c}": whole.of(rows, n) for c, n in (("h", whole.hidden), ("x", features))}
        )
        for name, size in zeros.items():
            yield Kernel(reads=(), makes=f"{name}, of the weight's size", size=size)
            yield slice_of(f"{name}, of the weight's size", name, whole.of(rows))
        out, states = f"{way.name} out", tuple(map(way.ends, whole.states))
        also = dict.fromkeys(states, whole.of(whole.batch, whole.hidden))
        if whole.training:
            also[f"{way.name} workspace"] = Tensor(workspace(whole, features), "bool")
        reads = (given, *map(way.state, whole.states), *zeros)
        yield Kernel(
            reads=reads,
            makes=out,
            size=whole.of(whole.tokens, whole.batch, whole.hidden),
            also=also,
            saves=(*reads, out, *also),
            weights=(*way.weights("weight_ih", "weight_hh"), *way.biases),
            backward=Backward(all_in="float32"),
            holds=held,
        )

    return runs


PAGE = 4096


def workspace(whole: Unrolled, features: Dim) -> Dim:
    """The bytes of oneDNN's workspace per direction: gates, states and their gradients, each padded to whole pages.

    States have two layers, for input and output, including the initial states. The size is the same on any processor.
    """
    cells, states = whole.tokens * whole.batch, 2 * (whole.tokens + 1) * whole.batch
    size, full, most = ITEMSIZE[whole.dtype], ITEMSIZE["float32"], max(features, whole.hidden)
    parts = (
        cells * leading(4 * whole.hidden, size) * size,
        cells * leading(whole.hidden, size) * size,
        states * leading(most, size) * size,
        states * whole.hidden * size,
        states * leading(most, full) * full,
        states * leading(most, full) * full,
        states * whole.hidden * full,
    )
    return sum(-(-part // PAGE) * PAGE for part in parts)


def leading(n: Dim, size: int) -> Dim:
    """The row stride in elements: a multiple of 64 bytes, but not of 256 elements, which causes cache conflicts."""
    line = 64 // size
    row = -(-n // line) * line
    return row + line if row % 256 == 0 else row
