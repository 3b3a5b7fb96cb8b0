"""The selective state space of Mamba: a linear recurrence whose step, input and output depend on the token."""

from collections.abc import Iterator

from archcalc.core.agreement import same_batch, same_dtype
from archcalc.core.contraction import WEIGHTS, Contraction
from archcalc.core.dim import same
from archcalc.core.kernel import Unpredicted
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, tokens
from archcalc.core.weight import Weight
from archcalc.core.window import IDENTITY, AnyWindow, EarlierWindow
from archcalc.layer import Call, Example, Merge, Reference, Requirement, Role, module
from archcalc.layers.sequence import needs_tokens

FAMILY = "Recurrent layers"


class SelectiveScan(Merge, name="selective_scan", positional=("delta", "b", "c")):
    """h = exp(delta A) h + delta b x; y = c h + D x: a state of N numbers for each feature, token after token.

    x: E at T tokens; delta: E at T tokens; b, c: N at T tokens -> y: E at T tokens; features come last

    A is -exp(A_log), a weight, as is D. The first state is 0. `delta` must be above 0: it usually is the output of
    linear(E, act=softplus).

    MACs: the products of the state with c, N for each value of y. The update of the state is arithmetic element by
    element: for each of its N numbers an exponential, 3 products and a sum. A is computed once, which is not counted.

    Source: Gu & Dao 2023, arXiv:2312.00752.
    """

    opaque = Unpredicted(always="it is a loop over tokens, and libraries have a kernel of their own for it")
    role = Role.CONTRACTION
    inputs = (1, 1)
    reads = ("delta", "b", "c")

    delta: Reference
    b: Reference
    c: Reference

    def requires(self, *xs: Volume) -> Iterator[Requirement]:
        x, delta, b, c = xs
        for name, each in (("selective_scan", x), ("delta", delta), ("b", b), ("c", c)):
            yield needs_tokens(name, each)
        message = f"delta must have a value for each of x: {delta} and {x}"
        yield from ((same(n, m), message) for n, m in zip(delta.shape, x.shape, strict=True))
        message = f"b and c must have as many features as the state: {b} and {c}"
        yield from ((same(n, m), message) for n, m in zip(b.shape, c.shape, strict=True))
        yield same(b.spatial[0], x.spatial[0]), f"b and c must be at the tokens of x: {b} and {x}"
        yield from same_batch(x, b)
        yield same_dtype(*xs)

    def windows(self, *xs: Volume) -> tuple[AnyWindow, ...]:
        return (EarlierWindow(),)

    def windows_of_inputs(self, *xs: Volume) -> tuple[tuple[AnyWindow, ...], ...]:
        """c reads the state, and leaves nothing in it."""
        return (*((EarlierWindow(),),) * 3, (IDENTITY,))

    def shape(self, *xs: Volume) -> Volume:
        return xs[0]

    def weights(self, *xs: Volume) -> Iterator[Weight]:
        yield Weight("A_log", (xs[0].channels, xs[2].channels))
        yield Weight("D", (xs[0].channels,))

    def ops(self, y: Volume, *xs: Volume) -> Ops:
        state = y.numel * xs[2].channels
        return Ops(mac=state, sums=y.numel, exp=state, mul=3 * state + 2 * y.numel, add=state + y.numel)

    def contractions(self, y: Volume, *xs: Volume) -> Iterator[Contraction]:
        yield Contraction(self.ops(y, *xs).mac, ("x0", "x1", "x2", WEIGHTS), ("x3",))

    def call(self, *xs: Volume) -> Call:
        return module(
            "SelectiveScan",
            file="selective_scan",
            forward="{module}({0}, {1}, {2}, {3})",
            features=xs[0].channels,
            state=xs[2].channels,
        )

    examples = (
        Example(
            given=dict(delta=Reference("delta"), b=Reference("b"), c=Reference("c")),
            x=(tokens(8, 1536), tokens(8, 1536), tokens(8, 16), tokens(8, 16)), y=tokens(8, 1536), params=26_112,
            macs=196_608, scalar=1_400_832,
            source="Mamba-130M, E = 1536 and N = 16: Gu & Dao 2023, arXiv:2312.00752; MambaConfig of transformers",
        ),
        Example(
            given=dict(delta=Reference("delta"), b=Reference("b"), c=Reference("c")),
            x=(tokens(5, 3), tokens(5, 3), tokens(5, 2), tokens(5, 2)), y=tokens(5, 3), params=9, macs=30, scalar=240,
        ),
    )  # fmt: skip
