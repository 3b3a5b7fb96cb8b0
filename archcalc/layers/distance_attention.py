"""Attention whose scores depend on the distance of two tokens, too, as vectors: Transformer-XL, Conformer, DeBERTa."""

from collections.abc import Iterable, Iterator

from archcalc.core.condition import at_least
from archcalc.core.contraction import WEIGHTS, Contraction, macs_of
from archcalc.core.dim import Dim, divides, exact, same
from archcalc.core.kernel import Cast, Unpredicted
from archcalc.core.moved import ChosenWindow
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, image, shared, tokens
from archcalc.core.weight import Weight
from archcalc.core.window import IDENTITY, AnyWindow, WholeWindow
from archcalc.layer import Call, Example, Merge, Reference, Requirement, Role, inputs_list, module
from archcalc.layers.sequence import needs_tokens
from archcalc.layers.sight import WithMask
from archcalc.layers.softmax import softmax_ops

FAMILY = "Attention"


class AttendDistances(WithMask, Merge, name="attend_distances", positional=("num_heads",)):
    """Attention of given queries, keys and values whose scores depend on the distance of two tokens as well.

    x: queries W, keys W and values W at T tokens, W = `num_heads` d -> y: W at T tokens

    The score of tokens i and j is scale (q_i k_j + q_i a_ij + k_j b_ij). a_ij is the row of `distance_keys` for the
    distance i - j, b_ij that of `distance_queries`; both are tables of W features for S distances, of which the middle
    one is 0, and larger distances have the first or last row. One of them can be left out. With `query_biases`, learned
    vectors u and v of each head are added to the queries: (q_i + u) k_j + (q_i + v) a_ij. `scale` is 1 / sqrt(d) by
    default; DeBERTa has 1 / sqrt(3 d). Each term is computed for all S distances, and gathered for each pair. Tables
    may be shared by all samples: what makes them counts once. `mask` names a volume of numbers that are added to
    scores: T x T, or 1 x T, for all heads or for each.

    MACs: 2 W for each of the T^2 pairs of tokens, and W for each of T S pairs for each table. The other operations per
    pair are those of `attention`, and one addition for each table and the mask.

    Sources: Dai et al. 2019, arXiv:1901.02860, section 3.3 (tables of all distances, u and v); Gulati et al. 2020,
    arXiv:2005.08100, section 2.1; He et al. 2020, arXiv:2006.03654, equations 3 and 4.
    """

    role = Role.CONTRACTION
    inputs = (3, 3)
    reads = ("distance_keys", "distance_queries", "mask")
    opaque = Unpredicted(always="how torch gathers the scores of distances is not modelled")

    distance_keys: Reference | None = None
    distance_queries: Reference | None = None
    query_biases: bool = False
    scale: float | None = None

    def requires(self, *xs: Volume) -> Iterator[Requirement]:
        query = xs[0]
        for name, x in zip(("its queries", "its keys", "its values"), xs, strict=False):
            yield needs_tokens(name, x)
            text = f"queries, keys and values must have one shape, got {', '.join(map(str, xs[:3]))}"
            yield same(x.channels, query.channels), text
            yield same(x.spatial[0], query.spatial[0]), text
        yield from at_least(1, num_heads=self.num_heads)
        yield divides(self.num_heads, query.channels), f"{self.num_heads} heads must divide {query.channels} features"
        tables = self.tables(*xs)
        yield (
            len(tables) > 0,
            "attend_distances needs distance_keys, distance_queries or both; without them it is attend",
        )
        for table in tables:
            yield needs_tokens("a table of distances", table)
            text = f"a table of distances must have the {query.channels} features of the queries, got {table}"
            yield same(table.channels, query.channels), text
        keyed = self.distance_keys is not None or not self.query_biases
        yield keyed, "query_biases belong to distance_keys: name a table, or remove them"
        yield from self.needs_scores(self.masks(*xs), query.spatial[0], query.spatial[0])

    def tables(self, *xs: Volume) -> tuple[Volume, ...]:
        return xs[3:] if self.mask is None else xs[3:-1]

    def masks(self, *xs: Volume) -> tuple[Volume, ...]:
        return () if self.mask is None else xs[-1:]

    def for_each_sample(self, *xs: Volume) -> Iterable[int]:
        return range(3) if self.mask is None else (0, 1, 2, len(xs) - 1)

    def windows(self, *xs: Volume) -> tuple[AnyWindow, ...]:
        return (IDENTITY,)

    def windows_of_inputs(self, *xs: Volume) -> tuple[tuple[AnyWindow, ...], ...]:
        """Which rows of a table a token reads depends on where it stands."""
        whole, some = (WholeWindow(xs[0].spatial[0]),), (ChosenWindow(xs[0].spatial[0]),)
        masks = self.windows_of_masks(self.masks(*xs), xs[0].spatial[0])
        return (IDENTITY,), whole, whole, *(some for _ in self.tables(*xs)), *masks

    def shape(self, *xs: Volume) -> Volume:
        return xs[0]

    def weights(self, *xs: Volume) -> Iterator[Weight]:
        if self.query_biases:
            size = (self.num_heads, exact(xs[0].channels, self.num_heads))
            yield Weight("content_bias", size)
            yield Weight("distance_bias", size)

    def ops(self, y: Volume, *xs: Volume) -> Ops:
        query, tables = xs[0], self.tables(*xs)
        rows = self.num_heads * query.positions
        scores = rows * query.spatial[0]
        by_distance = [rows * table.spatial[0] for table in tables]
        return Ops(
            mac=macs_of(self.contractions(y, *xs)),
            sums=scores + y.numel + sum(by_distance),
            mul=scores,
            add=(len(xs) - 3) * scores + (2 * query.numel if self.query_biases else 0),
        ) + softmax_ops(scores, rows)

    def contractions(self, y: Volume, *xs: Volume) -> Iterator[Contraction]:
        query, tables = xs[0], self.tables(*xs)
        own = (WEIGHTS,) * self.query_biases
        yield Contraction(query.numel * query.spatial[0], ("x0", *own), ("x1",))
        readers = [("x0", *own)] * (self.distance_keys is not None) + [("x1",)] * (self.distance_queries is not None)
        names = [f"x{3 + i}" for i in range(len(tables))]
        for reader, name, table in zip(readers, names, tables, strict=True):
            yield Contraction(query.numel * table.spatial[0], reader, (name,))
        added = self.added(len(xs) - 1)
        yield Contraction(query.numel * query.spatial[0], ("x0", "x1", *own, *names, *added), ("x2",))

    def cast(self, *xs: Volume) -> Cast:
        return Cast.LOWER

    def call(self, *xs: Volume) -> Call:
        given = dict(num_heads=self.num_heads) | self.stated("num_heads", *self.reads)
        if self.query_biases:
            given["features"] = xs[0].channels
        named = [key for key in self.reads if getattr(self, key) is not None]
        tables = "".join(f", {key}={{{3 + i}}}" for i, key in enumerate(named))
        forward = f"{{module}}({inputs_list(3)}{tables})"
        return module("AttendDistances", file="attend_distances", forward=forward, **given)

    examples = (
        Example(
            given=dict(num_heads=4, distance_keys=Reference("places"), query_biases=True),
            x=(tokens(10, 32), tokens(10, 32), tokens(10, 32), shared(tokens(19, 32))), y=tokens(10, 32), params=64,
            macs=12_480, scalar=26_840,
            source="narrow, and otherwise as in Conformer: Gulati et al. 2020, arXiv:2005.08100, section 2.1",
        ),
        Example(
            given=dict(
                num_heads=2, distance_keys=Reference("a"), distance_queries=Reference("b"), scale=0.2,
            ),
            x=(tokens(6, 16), tokens(6, 16), tokens(6, 16), shared(tokens(8, 16)), shared(tokens(8, 16))),
            y=tokens(6, 16), macs=2_688, scalar=5_568,
            source="narrow, and otherwise as in DeBERTa: He et al. 2020, arXiv:2006.03654, equations 3 and 4",
        ),
        Example(
            given=dict(num_heads=1, distance_queries=Reference("b")),
            x=(tokens(3, 4), tokens(3, 4), tokens(3, 4), tokens(4, 4)), y=tokens(3, 4), macs=120, scalar=264,
        ),
        Example(
            given=dict(num_heads=2, distance_keys=Reference("a"), mask=Reference("padding")),
            x=(tokens(3, 4), tokens(3, 4), tokens(3, 4), shared(tokens(5, 4)), image(1, 1, 3)), y=tokens(3, 4),
            macs=132, scalar=336, source="with a mask of padding: He et al. 2020, arXiv:2006.03654 (DeBERTa's code)",
        ),
    )  # fmt: skip


class SinusoidalDistances(Merge, name="sinusoidal_distances", positional=("features", "like")):
    """Sines and cosines of all distances of two tokens of a sequence, in rows from -(T - 1) to T - 1.

    like: a sequence of T tokens -> y: `features` at 2 T - 1 tokens, the same for all samples

    What comes before is left alone. Features 2 i and 2 i + 1 are sine and cosine of the distance over
    10,000^(2 i / features). Nothing is learned or stored, and the table is not counted as arithmetic.

    Source: Dai et al. 2019, arXiv:1901.02860, section 3.3, the matrix R.
    """

    role = Role.MOVEMENT
    inputs = (0, 0)
    reads = ("like",)
    carries = 0
    takes_ids = True
    opaque = Unpredicted(always="what torch makes on the way to sines of distances is not modelled")

    features: Dim
    like: Reference

    def requires(self, *xs: Volume) -> Iterator[Requirement]:
        yield from at_least(2, features=self.features)
        yield same(self.features % 2, 0), f"features={self.features} must be even: sines and cosines are pairs"
        yield xs[0].rank == 1, f"like must be a sequence, got {xs[0]}"

    def windows(self, *xs: Volume) -> tuple[AnyWindow, ...]:
        return ()

    def shape(self, *xs: Volume) -> Volume:
        dtype = xs[0].dtype if xs[0].is_floating else "float32"
        return shared(Volume(self.features, (2 * xs[0].spatial[0] - 1,), channels_last=True, dtype=dtype))

    def call(self, *xs: Volume) -> Call:
        place = 1 if xs[0].channels_last else 2
        forward = f"{{module}}({{0}}.shape[{place}])"
        return module("SinusoidalDistances", file="sinusoidal_distances", forward=forward, features=self.features)

    examples = (
        Example(
            given=dict(features=512, like=Reference("sound")), x=tokens(100, 512), y=shared(tokens(199, 512)),
            source="distances of 100 frames, from -99 to 99: Gulati et al. 2020, arXiv:2005.08100, section 2.1",
        ),
    )  # fmt: skip
