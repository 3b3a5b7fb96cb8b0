"""The attention of RWKV: an average of earlier values whose weights decay, as a recurrence."""

from collections.abc import Iterator

from archcalc.core.dim import same
from archcalc.core.kernel import Unpredicted
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, tokens
from archcalc.core.weight import Weight
from archcalc.core.window import AnyWindow, EarlierWindow
from archcalc.layer import Call, Example, Merge, Reference, Requirement, Role, module
from archcalc.layers.sequence import needs_tokens

FAMILY = "Recurrent layers"


class WKV(Merge, name="wkv", positional=("values",)):
    """The average of this and all earlier values, feature by feature: weights are exp(key), and decay token by token.

    x: keys, C at T tokens; values: C at T tokens -> y: C at T tokens; features come last

    The weight of a value falls by the factor exp(-exp(time_decay)) with each token after the next; that of the token
    itself is exp(time_first + key). Both are weights of C numbers. The names are those of the model in transformers.

    No MACs: for each value 2 exponentials, 4 products, 5 sums and a division. That the largest exponent is taken out
    first, so that nothing overflows, is not counted.

    Source: Peng et al. 2023, arXiv:2305.13048 (RWKV-4).
    """

    opaque = Unpredicted(always="it is a loop over tokens, and libraries have a kernel of their own for it")
    role = Role.MERGE
    inputs = (1, 1)
    reads = ("values",)

    values: Reference

    def requires(self, *xs: Volume) -> Iterator[Requirement]:
        keys, values = xs
        yield needs_tokens("wkv", keys)
        yield needs_tokens("values", values)
        message = f"keys and values must have one shape, got {keys} and {values}"
        yield keys.dtype == values.dtype, message
        yield from ((same(n, m), message) for n, m in zip(keys.shape, values.shape, strict=True))

    def windows(self, *xs: Volume) -> tuple[AnyWindow, ...]:
        return (EarlierWindow(),)

    def shape(self, *xs: Volume) -> Volume:
        return xs[0]

    def weights(self, *xs: Volume) -> Iterator[Weight]:
        yield Weight("time_decay", (xs[0].channels,))
        yield Weight("time_first", (xs[0].channels,))

    def ops(self, y: Volume, *xs: Volume) -> Ops:
        return Ops(exp=2 * y.numel, mul=4 * y.numel, add=5 * y.numel, div=y.numel)

    def call(self, *xs: Volume) -> Call:
        return module("WKV", file="wkv", forward="{module}({0}, {1})", features=xs[0].channels)

    examples = (
        Example(
            given=dict(values=Reference("v")), x=(tokens(8, 768), tokens(8, 768)), y=tokens(8, 768), params=1_536,
            scalar=73_728, source="RWKV-4 169M, 768 features: Peng et al. 2023, arXiv:2305.13048",
        ),
        Example(
            given=dict(values=Reference("v")), x=(tokens(5, 3), tokens(5, 3)), y=tokens(5, 3), params=6, scalar=180
        ),
    )  # fmt: skip
