"""Rows of a table of values, by number: what `embedding` does with a table of its own."""

from collections.abc import Iterable, Iterator

from archcalc.core.kernel import Kernel, Run, tensor_of
from archcalc.core.moved import ChosenWindow
from archcalc.core.operations import view
from archcalc.core.volume import Volume, grid, ids, shared, tokens
from archcalc.core.window import IDENTITY, AnyWindow
from archcalc.layer import Call, Example, Merge, Reference, Requirement, Role, expression
from archcalc.record import replace

FAMILY = "Embeddings, tokens and positions"


class Lookup(Merge, name="lookup", positional=("table",)):
    """The row of a table that each integer names: row i of `table` for i.

    x: an integer below K at every position; table: K rows of D values that all samples share, such as learned([K, D])
    -> y: D at the same positions, features last

    The table is a layer of its own, so that other layers can read it too, as those that find the nearest row do:
    `argmax -> lookup(codes)`. Rows of each sample's own are read by `gather`. No arithmetic.

    Sources: van den Oord, Vinyals & Kavukcuoglu 2017, arXiv:1711.00937; torch.nn.functional.embedding.
    """

    role = Role.MOVEMENT
    inputs = (1, 1)
    reads = ("table",)
    takes_ids = True

    table: Reference

    def for_each_sample(self, *xs: Volume) -> Iterable[int]:
        return ()

    def requires(self, *xs: Volume) -> Iterator[Requirement]:
        x, table = xs
        yield x.is_ids, f"lookup needs integer inputs, such as those of argmax; got {x} of {x.dtype}"
        rows = table.rank == 1 and table.channels_last and not table.is_ids
        yield rows, f"table must be rows of values, such as learned([512, 64]); got {table}"
        yield table.shared, f"all samples must share the table; for {table} of each sample put gather(...) after it"

    def windows(self, *xs: Volume) -> tuple[AnyWindow, ...]:
        return (IDENTITY,) * xs[0].rank

    def windows_of_inputs(self, *xs: Volume) -> tuple[tuple[AnyWindow, ...], ...]:
        return self.windows(*xs), (ChosenWindow(xs[0].numel),)

    def shape(self, *xs: Volume) -> Volume:
        x, table = xs
        return replace(x, channels=table.channels, dtype=table.dtype)

    def kernels(self, run: Run, y: Volume, *xs: Volume) -> Iterator[Kernel]:
        yield view("x1", "rows", tensor_of(xs[1]))
        yield Kernel(reads=("x0", "rows"), size=tensor_of(y), saves=("x0",))

    def call(self, *xs: Volume) -> Call:
        return expression("F.embedding({0}, {1}.squeeze(0))")

    examples = (
        Example(
            given=dict(table=Reference("codes")), x=(ids(32, 32), shared(tokens(512, 64))), y=grid(32, 32, 64),
            source="512 codes at 32 x 32 places: van den Oord et al. 2017, arXiv:1711.00937",
        ),
        Example(given=dict(table=Reference("codes")), x=(ids(5), shared(tokens(7, 3))), y=tokens(5, 3)),
    )  # fmt: skip
