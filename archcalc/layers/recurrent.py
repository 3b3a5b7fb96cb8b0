"""Recurrent layers: a state passed from token to token, with gates."""

from collections.abc import Iterator
from typing import Literal

from archcalc.core.axes import windows_without, without
from archcalc.core.condition import at_least
from archcalc.core.contraction import WEIGHTS, Contraction, Operator, macs_of
from archcalc.core.dim import Dim, same
from archcalc.core.kernel import Cast, Kernel, Run, Unpredicted, inputs_named
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, flat, grid, tokens
from archcalc.core.weight import Weight
from archcalc.core.window import IDENTITY, AnyWindow, EarlierWindow, WholeWindow
from archcalc.layer import Call, Example, Reference, Requirement, Role, WeightNames, module
from archcalc.layers.recurrent_memory import (
    Cell,
    Unrolled,
    by_one_kernel,
    cell_by_cell,
    gru_cell,
    kernels_of,
    lstm_cell,
    rnn_cell,
)
from archcalc.layers.recurrent_states import States
from archcalc.layers.sequence import needs_rows, needs_tokens, sequences
from archcalc.record import replace

FAMILY = "Recurrent layers"

SHAPE = ("hidden_size", "num_layers", "bidirectional", "proj_size")
"""The fields that determine the number of features of a state."""


class Recurrent(States):
    """Abstract: `num_layers` stacked layers that process the tokens in order, or (`bidirectional`) in both directions.

    `returns: last` gives h of the last layer after the last token (for each direction, its own last) instead of h after
    every token. `returns: state` gives all final states as one vector, from which a decoder can start
    (Sutskever et al. 2014, arXiv:1409.3215). `returns: all` gives h after every token and then the final states as
    tokens of their own. `state` names a layer that outputs such a vector; without it the initial states are 0. With
    `rows`, x is a map whose features come last, and each of its rows is a sequence of its own.
    """

    role = Role.CONTRACTION
    opaque = Unpredicted(
        autocast="where torch casts its weights and gates is not modelled",
        gpu="cuDNN allocates a reserve space of unknown size",
    )
    reads = ("state",)

    def requires(self, x: Volume, state: Volume | None = None, /) -> Iterator[Requirement]:
        if self.rows:
            yield needs_rows(self.name, x)
            some = self.returns in ("sequence", "last")
            yield some, f"{self.name} in rows returns a sequence, or its last step, for each row, got {self.returns}"
            yield self.state is None, f"{self.name} in rows begins without a state: remove rows or state"
        else:
            yield from super().requires(x)
        yield from at_least(1, hidden_size=self.hidden_size, num_layers=self.num_layers)
        yield self.num_layers <= 1000, f"num_layers={self.num_layers} is more than 1,000: check the number"
        yield 0 <= self.dropout <= 1, f"dropout needs a probability from 0 to 1, got dropout={self.dropout}"
        alone = f"dropout={self.dropout} applies between layers: num_layers={self.num_layers} must be at least 2"
        yield not self.dropout or self.num_layers > 1, alone
        same_width = self.returns != "all" or self.width is self.hidden_size
        yield same_width, "returns=all needs states of one size: remove proj_size"
        if state is not None:
            yield not state.rank, f"{self.name} needs an initial state without positions, got {state}"
            each = " + ".join(f"{self.features_of(name)} of {name}" for name in self.states)
            needed = f"{self.name} needs an initial state of {self.ways}*({each}) = {self.state_features} features"
            yield same(state.channels, self.state_features), f"{needed}, got {state.channels}"

    def remedy(self, *xs: Volume) -> str:
        if xs[0].rank > 1 and xs[0].channels_last and not self.rows:
            return f"rearrange the positions to one sequence, or run {self.name} along each row: rows=true"
        in_a_row, _ = needs_tokens(self.name, xs[0])
        if not in_a_row or all((state.rank, state.channels) == (0, self.state_features) for state in xs[1:]):
            return super().remedy(*xs)
        shape = [f"{key}={str(value).lower()}" for key, value in self.stated().items() if key in SHAPE]
        return f"a layer of the same shape outputs such a state: {self.name}({', '.join(shape)}, returns=state)"

    def windows(self, x: Volume, state: Volume | None = None, /) -> tuple[AnyWindow, ...]:
        if self.rows and self.returns == "last":
            return windows_without(x, (x.rank,), WholeWindow(x.spatial[0]))
        earlier = self.returns in ("sequence", "all") and not self.bidirectional
        more = self.ends
        *others, n = x.spatial
        return (*(IDENTITY for _ in others), EarlierWindow(more) if earlier else WholeWindow(n + more))

    def windows_of_inputs(self, *xs: Volume) -> tuple[tuple[AnyWindow, ...], ...]:
        return (self.windows(xs[0]), ())[: len(xs)]  # a state has no axes: every token depends on all of it

    def shape(self, x: Volume, state: Volume | None = None, /) -> Volume:
        last = len(self.directions) * self.width
        if self.returns in ("sequence", "all"):
            return x.to(last, spatial=(*x.spatial[:-1], x.spatial[-1] + self.ends))
        if self.rows:
            return without(x.to(last), (x.rank,))
        return Volume(last if self.returns == "last" else self.state_features, (), x.batch, dtype=x.dtype)

    def features(self, x: Volume) -> Iterator[Dim]:
        """The input features of each layer."""
        yield x.channels
        yield from [len(self.directions) * self.width] * (self.num_layers - 1)

    def weights(self, x: Volume, state: Volume | None = None, /) -> Iterator[Weight]:
        rows = self.gates * self.hidden_size
        for i, features in enumerate(self.features(x)):
            for direction in self.directions:
                yield Weight(f"weight_ih_l{i}{direction}", (rows, features))
                yield Weight(f"weight_hh_l{i}{direction}", (rows, self.width))
                if self.bias:
                    yield Weight(f"bias_ih_l{i}{direction}", (rows,))
                    yield Weight(f"bias_hh_l{i}{direction}", (rows,), added=self.adds_biases)
                if self.width is not self.hidden_size:
                    yield Weight(f"weight_hr_l{i}{direction}", (self.width, self.hidden_size))

    def cells(self, x: Volume) -> Dim:
        """The elements of all cells of all layers, over all tokens."""
        return x.positions * self.ways * self.hidden_size

    def contracted(self, x: Volume) -> Ops:
        """The products with the weights; the input and the state have a bias each."""
        cells, projects = self.cells(x), self.width is not self.hidden_size
        projected = x.positions * self.ways * self.width if projects else 0
        sums = 2 * self.gates * cells
        mac = macs_of(self.contractions(self.shape(x), x))
        return Ops(mac=mac, sums=sums + projected, bias=sums if self.bias else 0)

    def contractions(self, y: Volume, x: Volume, state: Volume | None = None, /) -> Iterator[Contraction]:
        """The first token meets the state that the layer begins with, later ones what the layer made of it."""
        x = sequences(x)
        names = inputs_named(1 if state is None else 2)
        rows, projected = len(self.directions) * self.gates * self.hidden_size, self.width is not self.hidden_size
        for i, features in enumerate(self.features(x)):
            computed, operator = (*names, WEIGHTS), Operator.RECURRENT
            yield Contraction(x.positions * rows * features, computed if i else names[:1], operator=operator)
            yield Contraction(x.batch * rows * self.width, names[1:], operator=operator)
            later = (x.positions - x.batch) * rows * self.width
            yield Contraction(later, computed, operator=operator)
            if projected:
                each = x.positions * len(self.directions) * self.width
                yield Contraction(each * self.hidden_size, computed, operator=operator)

    def cached(self, x: Volume, state: Volume | None = None, /) -> Dim:
        return 0

    def cast(self, x: Volume, state: Volume | None = None, /) -> Cast:
        return Cast.NONE

    def kernels(self, run: Run, y: Volume, x: Volume, state: Volume | None = None, /) -> Iterator[Kernel]:
        whole = Unrolled(
            tokens=x.spatial[0],
            batch=x.batch,
            inputs=x.channels,
            hidden=self.hidden_size,
            width=self.width,
            gates=self.gates,
            states=self.states,
            layers=self.num_layers,
            directions=self.directions,
            bias=self.bias,
            begins=state is not None,
            returns=self.returns,
            one_kernel=self.one_kernel(run, x),
            dropout=bool(self.dropout),
            training=run.training,
            dtype=x.dtype,
        )
        runs = by_one_kernel(x.channels) if whole.one_kernel else cell_by_cell(self.cell)
        yield from kernels_of(whole, runs)

    def unpredicted(self, run: Run, x: Volume, /, *others: Volume) -> str:
        if self.rows:
            return f"where torch keeps the rows of {self.name} is not modelled"
        joined = "where torch copies the states to join them is not modelled"
        return joined if self.returns == "all" else super().unpredicted(run, x, *others)

    def one_kernel(self, run: Run, x: Volume) -> bool:
        """Whether oneDNN runs it as one kernel."""
        return False

    def call(self, x: Volume, state: Volume | None = None, /) -> Call:
        given = dict(input_size=x.channels, **self.stated("returns", "state", "rows"), batch_first=True)
        if self.rows:
            forward = f"{taken(self, '{module}({0}.flatten(0, -3))')}.unflatten(0, {{0}}.shape[:-2])"
            return module(f"torch.nn.{type(self).__name__}", forward=forward, **given)
        forward = taken(self, "{module}({0})" if state is None else "{module}({0}, {1})")
        suffix = "AndStates" if self.returns == "all" else "FromState"
        if state is None and self.returns != "all":
            return module(f"torch.nn.{type(self).__name__}", forward=forward, **given)
        file = f"{self.name}_{'and_states' if self.returns == 'all' else 'from_state'}"
        return module(f"{type(self).__name__}{suffix}", forward=forward, file=file, **given)


def taken(layer: Recurrent, both: str) -> str:
    """The output that `returns` selects from what torch's module returns: h after every token, and final states."""
    if layer.returns in ("sequence", "all"):
        return f"{both}[0]"
    if layer.returns == "state" and len(layer.states) > 1:
        return f"torch.cat([part for each in {both}[1] for part in each], dim=1)"
    final = f"{both}[1]" + ("[0]" if len(layer.states) > 1 else "")
    ways = layer.ways if layer.returns == "state" else len(layer.directions)
    if ways == 1:
        return f"{final}[-1]"
    return f"{final}{'' if ways == layer.ways else f'[-{ways}:]'}.transpose(0, 1).flatten(1)"


class LSTM(Recurrent, name="lstm", positional=("hidden_size",)):
    """Long short-term memory: gates write, keep and read a cell state.

    x: C at T tokens, and a `state` if given -> y: hidden_size at each token (doubled if bidirectional), at the last
    token, a state, or both (`returns`)

        i, f, o = sigmoid(W x + b + U h + b')    g = tanh(W x + b + U h + b')
        c' = f c + i g    h' = o tanh(c')

    and h' = V h' with `proj_size` features if that is not 0. MACs: 4 H (C + H) per token. In addition, each element of
    the cell takes four additions (of the two parts of each gate), five transcendental functions, three multiplications
    and one addition. Both parts have a bias, as in torch; Keras has one, and 4 H fewer parameters.

    A state is one vector: h of every layer and direction after its last token (layer by layer; in a layer forward, then
    backward), followed by c in the same order. That is 2 H features per layer and direction, or H + `proj_size`. With
    `returns: all`, h of each layer and then c of each follow the tokens, the directions of a layer side by side.
    `state` names a layer that outputs such a vector, such as an encoder; this layer then starts from it instead of
    zeros.

    Sources: Hochreiter & Schmidhuber 1997, Neural Computation 9(8); Gers et al. 2000 (the gate f); projection:
    Sak et al. 2014, arXiv:1402.1128, section 2; state: Sutskever et al. 2014, arXiv:1409.3215;
    torch.nn.LSTM.
    """

    proj_size: Dim = 0

    def requires(self, x: Volume, state: Volume | None = None, /) -> Iterator[Requirement]:
        yield from super().requires(x, state)
        yield from at_least(0, proj_size=self.proj_size)
        less = f"proj_size={self.proj_size} must be less than hidden_size={self.hidden_size}"
        yield self.proj_size < self.hidden_size, less

    @property
    def gates(self) -> int:
        return 4

    @property
    def width(self) -> Dim:
        return self.proj_size or self.hidden_size

    @property
    def states(self) -> tuple[str, ...]:
        return ("h", "c")

    @property
    def cell(self) -> Cell:
        return lstm_cell

    def one_kernel(self, run: Run, x: Volume) -> bool:
        return x.dtype in run.machine.kernels and not self.proj_size

    def unpredicted(self, run: Run, x: Volume, /, *others: Volume) -> str:
        if x.dtype == "float16" and run.device == "cpu" and self.one_kernel(run, x):
            return f"on {run.machine.name}, oneDNN's kernel in float16 was not run, which has no backward"
        return super().unpredicted(run, x)

    def ops(self, y: Volume, x: Volume, state: Volume | None = None, /) -> Ops:
        units = self.cells(x)
        return replace(self.contracted(x), add=5 * units, mul=3 * units, exp=5 * units)

    examples = (
        Example(
            given=dict(hidden_size=650, num_layers=2, dropout=0.5), x=tokens(35, 650), y=tokens(35, 650),
            params=6_770_400, macs=236_600_000, scalar=473_791_500,
            source="the medium LSTM: Zaremba et al. 2014, arXiv:1409.2329, section 4.1",
        ),
        Example(
            given=dict(hidden_size=64, num_layers=2, bidirectional=True, returns="last"), x=tokens(3, 128), y=flat(128),
            params=198_656, macs=589_824, scalar=1_189_632,
            source="keras.io, Bidirectional LSTM on IMDB: two layers of Bidirectional(LSTM(64))",
        ),
        Example(
            given=dict(hidden_size=5, proj_size=2), x=tokens(3, 4), y=tokens(3, 2), params=170, macs=390, scalar=969
        ),
        Example(
            given=dict(hidden_size=3, bias=False, returns="last"), x=tokens(2, 2), y=flat(3), params=60, macs=120,
            scalar=270,
        ),
        Example(
            given=dict(
                hidden_size=3, bias=False, returns="last", parametrization="weight_norm",
                norm_of=WeightNames(("weight_hh",)),
            ),
            x=tokens(2, 2), y=flat(3), params=72, macs=120, scalar=270,
            source="a length for each row of the state's matrix: Salimans & Kingma 2016, arXiv:1602.07868, equation 2",
        ),
        Example(
            given=dict(hidden_size=3, num_layers=2, returns="state"), x=tokens(2, 2), y=flat(12), params=180, macs=264,
            scalar=684,
        ),
        Example(
            given=dict(hidden_size=1000, num_layers=4, returns="state"), x=tokens(5, 1000), y=flat(8000),
            params=32_032_000, macs=160_000_000, scalar=320_260_000,
            source="8000 numbers for a sentence: Sutskever et al. 2014, arXiv:1409.3215 (32M; no biases)",
        ),
        Example(
            given=dict(hidden_size=1000, num_layers=4, state=Reference("encoder")), x=(tokens(5, 1000), flat(8000)),
            y=tokens(5, 1000), params=32_032_000, macs=160_000_000, scalar=320_260_000,
            source="the decoder that begins with them: Sutskever et al. 2014, arXiv:1409.3215",
        ),
        Example(
            given=dict(hidden_size=3, num_layers=2, dropout=0.2, state=Reference("encoder")),
            x=(tokens(4, 2), flat(12)), y=tokens(4, 3), params=180, macs=528, scalar=1_368,
        ),
        Example(
            given=dict(
                hidden_size=5, num_layers=2, bidirectional=True, proj_size=2, returns="state", state=Reference("before")
            ),
            x=(tokens(3, 4), flat(28)), y=flat(28), params=680, macs=1_560, scalar=3_876,
        ),
        Example(
            given=dict(hidden_size=3, num_layers=2, returns="all"), x=tokens(2, 2), y=tokens(6, 3), params=180,
            macs=264, scalar=684,
        ),
        Example(
            given=dict(hidden_size=25, bidirectional=True, rows=True, returns="last"), x=grid(12, 20, 25),
            y=tokens(12, 50), params=10_400, macs=2_400_000, scalar=4_956_000,
            source="words of their letters: Lample et al. 2016, arXiv:1603.01360; the sizes are ours",
        ),
        Example(
            given=dict(hidden_size=128, bidirectional=True, rows=True), x=grid(178, 100, 64), y=grid(178, 100, 256),
            params=198_656, macs=3_499_622_400, scalar=7_058_483_200,
            source="along each chunk of a signal: Luo et al. 2019, arXiv:1910.06379, figure 1 (B); the sizes are ours",
        ),
    )  # fmt: skip


class GRU(Recurrent, name="gru", positional=("hidden_size",)):
    """Gated recurrent units: a state with an update gate (z) and a reset gate (r).

    x: C at T tokens, and a `state` if given -> y: hidden_size at each token (doubled if bidirectional), at the last
    token, a state, or both (`returns`)

        r, z = sigmoid(W x + b + U h + b')    n = tanh(W x + b + r (U h + b'))
        h' = (1 - z) n + z h

    MACs: 3 H (C + H) per token. In addition, each element of the state takes two additions for the gates r and z, one
    multiplication and one addition for n, three transcendental functions, one subtraction, two multiplications and one
    addition.

    A state is one vector: h of every layer and direction after its last token (layer by layer; in a layer forward, then
    backward). `state` names a layer that outputs such a vector, such as an encoder; this layer then starts from it
    instead of zeros.

    Sources: Cho et al. 2014, arXiv:1406.1078, section 2.3; torch.nn.GRU, whose r gates U h + b' and not h.
    """

    @property
    def gates(self) -> int:
        return 3

    @property
    def adds_biases(self) -> bool:
        return False  # r gates what one of them is added to

    @property
    def cell(self) -> Cell:
        return gru_cell

    def ops(self, y: Volume, x: Volume, state: Volume | None = None, /) -> Ops:
        units = self.cells(x)
        return replace(self.contracted(x), add=5 * units, mul=3 * units, exp=3 * units)

    examples = (
        Example(
            given=dict(hidden_size=1000, bidirectional=True), x=tokens(10, 620), y=tokens(10, 2000),
            params=9_732_000, macs=97_200_000, scalar=194_620_000,
            source="encoder of 1000 units each way, words of 620: Bahdanau et al. 2014, arXiv:1409.0473, appendix A.2",
        ),
        Example(
            given=dict(hidden_size=3, num_layers=2, dropout=0.1, bias=False, returns="last"), x=tokens(4, 2), y=flat(3),
            params=99, macs=396, scalar=912,
        ),
        Example(
            given=dict(hidden_size=3, num_layers=2, bidirectional=True, returns="state"), x=tokens(4, 2), y=flat(12),
            params=324, macs=1_008, scalar=2_544,
        ),
        Example(
            given=dict(hidden_size=3, num_layers=2, bidirectional=True, returns="last", state=Reference("encoder")),
            x=(tokens(4, 2), flat(12)), y=flat(6), params=324, macs=1_008, scalar=2_544,
        ),
        Example(
            given=dict(hidden_size=3, state=Reference("encoder")), x=(tokens(4, 2), flat(3)), y=tokens(4, 3),
            params=63, macs=180, scalar=492,
        ),
        Example(
            given=dict(hidden_size=3, num_layers=2, bidirectional=True, rows=True), x=grid(2, 3, 4, 5),
            y=grid(2, 3, 4, 6), params=378, macs=7_344, scalar=17_856,
        ),
        Example(
            given=dict(hidden_size=3, bidirectional=True, returns="all", state=Reference("encoder")),
            x=(tokens(4, 2), flat(6)), y=tokens(5, 6), params=126, macs=360, scalar=984,
        ),
    )  # fmt: skip


class RNN(Recurrent, name="rnn", positional=("hidden_size",)):
    """The simple recurrent layer: h' = tanh(W x + b + U h + b'), or relu (`nonlinearity`).

    x: C at T tokens, and a `state` if given -> y: hidden_size at each token (doubled if bidirectional), at the last
    token, a state, or both (`returns`)

    MACs: H (C + H) per token. In addition, each element of the state takes one addition and one transcendental
    function, or one addition and one comparison (relu).

    A state is one vector: h of every layer and direction after its last token (layer by layer; in a layer forward, then
    backward). `state` names a layer that outputs such a vector, such as an encoder; this layer then starts from it
    instead of zeros.

    Sources: Elman 1990, Cognitive Science 14(2); relu: Le et al. 2015, arXiv:1504.00941; torch.nn.RNN.
    """

    nonlinearity: Literal["tanh", "relu"] = "tanh"

    @property
    def cell(self) -> Cell:
        return rnn_cell

    def ops(self, y: Volume, x: Volume, state: Volume | None = None, /) -> Ops:
        units = self.cells(x)
        kind = "exp" if self.nonlinearity == "tanh" else "compare"
        return replace(self.contracted(x), add=units, **{kind: units})

    examples = (
        Example(
            given=dict(hidden_size=100, nonlinearity="relu"), x=tokens(10, 2), y=tokens(10, 100),
            params=10_400, macs=102_000, scalar=206_000,
            source="the adding problem, 10 of its steps: Le et al. 2015, arXiv:1504.00941",
        ),
        Example(
            given=dict(hidden_size=4, num_layers=2, bidirectional=True, bias=False, dropout=0.2), x=tokens(3, 5),
            y=tokens(3, 8), params=168, macs=504, scalar=1_008,
        ),
        Example(
            given=dict(hidden_size=3, bidirectional=True, returns="last"), x=tokens(4, 2), y=flat(6), params=42,
            macs=120, scalar=288,
        ),
        Example(
            given=dict(hidden_size=3, num_layers=2, returns="state", state=Reference("encoder")),
            x=(tokens(4, 2), flat(6)), y=flat(6), params=45, macs=132, scalar=312,
        ),
        Example(
            given=dict(hidden_size=3, num_layers=2, returns="all"), x=tokens(4, 2), y=tokens(6, 3), params=45,
            macs=132, scalar=312,
        ),
        Example(
            given=dict(hidden_size=3, bidirectional=True, rows=True, returns="last"), x=grid(5, 4, 2), y=tokens(5, 6),
            params=42, macs=600, scalar=1_440,
        ),
        Example(
            given=dict(hidden_size=3, rows=True, nonlinearity="relu"), x=grid(5, 4, 2), y=grid(5, 4, 3), params=21,
            macs=300, scalar=720,
        ),
    )  # fmt: skip
