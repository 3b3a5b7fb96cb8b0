"""Products of two volumes, summed over shared axes."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from string import ascii_uppercase
from typing import TypeAlias

from archcalc.core.agreement import same_dtype
from archcalc.core.contraction import Contraction
from archcalc.core.dim import Dim, prod, same
from archcalc.core.kernel import (
    CONTIGUOUS,
    NEW,
    Backward,
    Cast,
    Gradient,
    Kernel,
    Layout,
    Order,
    Run,
    inputs_named,
    tensor_of,
)
from archcalc.core.moved import onto
from archcalc.core.operations import product, reshape
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, flat, grid, tokens
from archcalc.core.window import IDENTITY, AnyWindow, WholeWindow
from archcalc.layer import Call, Example, Letters, Merge, Reference, Requirement, Role, expression
from archcalc.record import replace

FAMILY = "Merges and products"

Sizes: TypeAlias = Mapping[str, Dim]


class Product(Merge):
    """Abstract: each axis has a letter, the batch axis first; axes that are not in the output are summed."""

    role = Role.CONTRACTION
    takes_plain = True

    @abstractmethod
    def letters(self, *xs: Volume) -> tuple[str, str, str]:
        """The letters of both inputs and of the output, in torch's axis order."""

    def sizes(self, *xs: Volume) -> Sizes:
        pairs = zip(self.letters(*xs)[:2], xs, strict=True)
        return {letter: n for letters, x in pairs for letter, n in zip(letters, x.shape, strict=True)}

    def shared(self, *xs: Volume) -> str:
        """Letters that both inputs have and the output does not, sorted as torch sorts them."""
        left, right, out = self.letters(*xs)
        return "".join(sorted(set(left) & set(right) - set(out)))

    def shape(self, *xs: Volume) -> Volume:
        sizes, (batch, *spatial, features) = self.sizes(*xs), tuple(self.letters(*xs)[2])
        lengths = tuple(sizes[each] for each in spatial)
        return Volume(
            sizes[features],
            lengths,
            sizes[batch],
            channels_last=bool(spatial),
            dtype=xs[0].dtype,
            plain=any(x.plain for x in xs),
        )

    def windows(self, *xs: Volume) -> tuple[AnyWindow, ...]:
        return max(self.windows_of_inputs(*xs), key=len)

    def windows_of_inputs(self, *xs: Volume) -> tuple[tuple[AnyWindow, ...], ...]:
        """An axis that keeps its index is read one position at a time; any other axis is read in full."""
        y = self.shape(*xs)
        left, right, out = self.letters(*xs)
        made = out[1:-1]

        def window(letter: str, axis: int, rank: int) -> AnyWindow:
            if letter in made:
                return onto(IDENTITY, made.index(letter), axis, rank, y.rank)
            index = axis if rank == y.rank else 0
            return WholeWindow(y.spatial[index] if index < y.rank else 1)

        return tuple(
            tuple(window(letter, axis, x.rank) for axis, letter in enumerate(positions(letters, x)))
            for letters, x in zip((left, right), xs, strict=True)
        )

    def ops(self, y: Volume, *xs: Volume) -> Ops:
        """Axes that only one input has, and the output does not, are summed before the product."""
        sizes, (left, right, out) = self.sizes(*xs), self.letters(*xs)
        alone = [prod(sizes[i] for i in mine if i in theirs + out) for mine, theirs in ((left, right), (right, left))]
        add = sum(x.numel - rest for x, rest in zip(xs, alone, strict=True))
        if shared := self.shared(*xs):
            return Ops(mac=y.numel * prod(sizes[i] for i in shared), sums=y.numel, add=add)
        return Ops(mul=y.numel, add=add)

    def contractions(self, y: Volume, *xs: Volume) -> Iterator[Contraction]:
        left, right = inputs_named(2)
        yield Contraction(self.ops(y, *xs).mac, (left,), (right,))

    def cast(self, *xs: Volume) -> Cast:
        sizes = self.sizes(*xs)
        return Cast.LOWER if any(sizes[i] != 1 for i in self.shared(*xs)) else Cast.LOWER_ON_GPU

    def kernels(self, run: Run, y: Volume, *xs: Volume) -> Iterator[Kernel]:
        """Axes of length 1 have no stride in memory, and torch does not sum over those alone."""
        if run.autocast and Cast.LOWER_ON_GPU.on(run.device) is Cast.LOWER:
            xs = tuple(replace(x, dtype=y.dtype) for x in xs)
        sizes = self.sizes(*xs)
        left, right, out = ("".join(i for i in each if sizes[i] != 1) for each in self.letters(*xs))
        summed = "".join(i for i in self.shared(*xs) if sizes[i] != 1)
        if not summed:
            yield elementwise(y, xs)
            return
        first, second, names = left, right, inputs_named(2)
        if crossed(*self.letters(*xs), sizes):
            first, second, names = right, left, ("x1", "x0")
        batch, rows, columns = (
            "".join(i for i in out if (i in first, i in second) == held)
            for held in ((True, True), (True, False), (False, True))
        )
        factors = []
        for name, letters, groups in (
            (names[0], first, (batch, rows, summed)),
            (names[1], second, (batch, summed, columns)),
        ):
            straight = letters == "".join(groups)
            merged = len(batch) > 1
            factors.append(name if straight and not merged else f"{name} as matrices")
            if not straight:
                yield as_matrices(name, xs[int(name[1:])], in_groups(letters, groups), merged)
            elif merged:  # the samples and another axis become one: what repeats one sample is copied
                yield reshape(name, f"{name} as matrices")
        yield from matrix_product(y, (factors[0], factors[1]), out, (batch, rows, columns))


def positions(letters: str, x: Volume) -> str:
    """The letters of the spatial axes."""
    return letters[1:-1] if x.channels_last else letters[2:]


def in_order(letters: str, among: str, sizes: Sizes) -> list[str]:
    """The letters that others have too, without those of axes of length 1, which have no order."""
    return [i for i in letters if i in among and sizes[i] != 1]


def crossed(left: str, right: str, out: str, sizes: Sizes) -> bool:
    """Whether torch uses the second input as the first factor, because its axes come first in the output."""
    rows = [out.index(i) for i in out if sizes[i] != 1 and i in left and i not in right]
    columns = [out.index(i) for i in out if sizes[i] == 1 or i not in left]
    return bool(rows and columns) and columns[-1] < rows[0]


def in_groups(letters: str, groups: tuple[str, ...]) -> bool:
    """Whether the axes of each group are adjacent and in order, so that merging them needs no copy."""
    return all(group in letters for group in groups)


def elementwise(y: Volume, xs: tuple[Volume, ...]) -> Kernel:
    """Backward allocates a full-size gradient for each smaller input, then reduces it."""
    smaller = [name for name, x in zip(("x0", "x1"), xs, strict=True) if x.numel != y.numel]
    backward = Backward(unreduced=dict.fromkeys(smaller, y.nbytes))
    return product(tensor_of(y), "x0", "x1", gradient=Gradient.NEW_VIEW, backward=backward, cast=Cast.LOWER_ON_GPU)


def as_matrices(name: str, x: Volume, is_view: bool, merged: bool = False) -> Kernel:
    """An input in the order in which matrices are multiplied: a view of it, or a copy where none can be: of what
    repeats one sample, if the samples and another axis become one (`merged`).

    Its gradient has that order too.
    """
    made = f"{name} as matrices"
    layout = Layout(view=True, reads_contiguous=merged) if is_view else NEW
    return Kernel(
        reads=(name,), makes=made, size=tensor_of(x), layout=layout, gradient=Gradient.STRIDED_SLICE,
        cast=Cast.LOWER_ON_GPU,
    )  # fmt: skip


def matrix_product(y: Volume, reads: tuple[str, str], out: str, groups: tuple[str, ...]) -> Iterator[Kernel]:
    """Matrices multiplied, and seen in the order of the output's axes."""
    straight = out == "".join(groups)
    made = "y" if straight else "product"
    yield product(tensor_of(y), *reads, made, layout=CONTIGUOUS, gradient=Gradient.NEW_VIEW, cast=Cast.LOWER)
    if not straight:
        gradient = Gradient.VIEW if in_groups(out, groups) else Gradient.NEW
        yield Kernel(
            reads=(made,), size=tensor_of(y), layout=Layout(view=True, order=Order.PERMUTED), gradient=gradient
        )


class Einsum(Product, name="einsum", positional=("left", "right", "out", "other")):
    """Products of two inputs, summed over the axes that are not in the output.

    x: one axis per letter of `left`, `other`: one per letter of `right` -> y: one per letter of `out`

    The first letter of all three is the batch; the others are the axes in torch's order, as in `[q, c]`. The last axis
    of the output holds the features, the axes before it are positions; a single axis is features without positions.
    Each axis has one letter, and a letter occurs once per input. MACs: the product of the sizes of all letters, if a
    letter that both inputs have is summed; otherwise each output value is a single product. A letter that only one
    input has, and the output does not, is summed before the product.

    Sources: torch.einsum; Vaswani et al. 2017, arXiv:1706.03762, equation 1; Luong et al. 2015, arXiv:1508.04025,
    section 3.1.
    """

    reads = ("other",)
    inputs = (1, 1)

    left: Letters
    right: Letters
    out: Letters
    other: Reference

    def requires(self, *xs: Volume) -> Iterator[Requirement]:
        yield from self.well_formed()
        for letters, x in zip((self.left, self.right), xs, strict=True):
            axes = f"{letters} names {len(letters)} axes including the batch; {x} has {len(x.shape)} with the batch"
            yield len(letters) == len(x.shape), axes
        yield same_dtype(*xs)
        second = dict(zip(self.right, xs[1].shape, strict=True))
        for letter, n in zip(self.left, xs[0].shape, strict=True):
            m = second.get(letter, n)
            yield same(n, m), f"{letter} is {n} in {self.left} and {m} in {self.right}"

    def well_formed(self) -> Iterator[Requirement]:
        """Requirements on the letters that do not depend on the inputs."""
        for letters in (self.left, self.right, self.out):
            yield letters.isalpha() and letters.isascii(), f"axes are named by letters, got '{letters}'"
            twice = f"{letters} repeats a letter: diagonals are not supported, give each axis its own letter"
            yield len(set(letters)) == len(letters), twice
            yield (
                letters[0] == self.left[0],
                f"the first letter is the batch and must be {self.left[0]}, as in {self.left}; got {letters}",
            )
        unknown = "".join(i for i in self.out if i not in self.left + self.right)
        yield not unknown, f"{self.out} has {', '.join(unknown)}, which neither {self.left} nor {self.right} has"
        yield len(self.out) > 1, f"{self.out} has only the batch: add at least one axis of the samples"

    def letters(self, *xs: Volume) -> tuple[str, str, str]:
        return self.left, self.right, self.out

    def unpredicted(self, run: Run, *xs: Volume) -> str:
        three = (self.left, self.right, self.out)
        for mine, others in ((self.left, self.right + self.out), (self.right, self.left + self.out)):
            if alone := [i for i in mine if i not in others]:
                return f"{alone[0]} is summed over one input only; how torch expands its gradient is not modelled"
        sizes = self.sizes(*xs)
        if all(sizes[i] == 1 for i in self.shared(*xs)):
            if any(in_order(self.out, each, sizes) != in_order(each, self.out, sizes) for each in three[:2]):
                return "axes of an element-wise product are reordered, and torch chooses their order in memory"
        elif any(all(each[-1] in letters for letters in three) for each in three):
            return "the matrices of the product are strided in memory: no axis is contiguous"
        return super().unpredicted(run, *xs)

    def call(self, *xs: Volume) -> Call:
        return expression(f'torch.einsum("{self.left},{self.right}->{self.out}", {{0}}, {{1}})')

    examples = (
        Example(
            given=dict(left="bhqd", right="bhkd", out="bhqk", other=Reference("keys")),
            x=(grid(8, 25, 64), grid(8, 30, 64)), y=grid(8, 25, 30), macs=384_000, scalar=762_000,
            source="Q K^T of the 8 heads of the base model: Vaswani et al. 2017, arXiv:1706.03762, equation 1, table 3",
        ),
        Example(
            given=dict(left="bqc", right="bkc", out="bqk", other=Reference("encoder")),
            x=(tokens(1, 1000), tokens(50, 1000)), y=tokens(1, 50), macs=50_000, scalar=99_950,
            source="the dot score, 1000 cells, 50 words: Luong et al. 2015, arXiv:1508.04025, sections 3.1 and 4.1",
        ),
        Example(
            given=dict(left="bi", right="bj", out="bij", other=Reference("second")), x=(flat(3), flat(4)),
            y=tokens(3, 4), scalar=12,
        ),
        Example(
            given=dict(left="bqhd", right="bkhd", out="bqhk", other=Reference("keys")),
            x=(grid(3, 2, 5), grid(4, 2, 5)), y=grid(3, 2, 4), macs=120, scalar=216,
        ),
    )  # fmt: skip


class Matmul(Product, name="matmul"):
    """The matrix product of two inputs over their last two axes.

    x: K at [.., N], M at [.., K] -> y: M at [.., N]; features come last. MACs: K per output value.

    Sources: torch.matmul; weights and values: Vaswani et al. 2017, arXiv:1706.03762, equation 1.
    """

    inputs = (2, 2)

    def requires(self, *xs: Volume) -> Iterator[Requirement]:
        x, second = xs
        for each in xs:
            yield each.rank >= 1 and each.channels_last, f"matmul needs positions, and features last; got {each}"
        yield x.rank == second.rank, f"matmul needs inputs with the same number of axes, got {x} and {second}"
        yield same_dtype(*xs)
        message = (
            f"matmul cannot multiply {x} by {second}: "
            "the last axis of the first must equal the second-to-last axis of the second"
        )
        yield same(x.channels, second.spatial[-1]), message
        for n, m in zip(x.spatial[:-1], second.spatial[:-1], strict=True):
            yield same(n, m), f"the axes before the last two must agree, got {x} and {second}"

    def letters(self, *xs: Volume) -> tuple[str, str, str]:
        before = ascii_uppercase[: xs[0].rank]
        return f"{before}nk", f"{before}km", f"{before}nm"

    def kernels(self, run: Run, y: Volume, *xs: Volume) -> Iterator[Kernel]:
        yield from matrix_product(y, ("x0", "x1"), "", ())

    def call(self, *xs: Volume) -> Call:
        return expression("torch.matmul({0}, {1})")

    examples = (
        Example(
            x=(grid(8, 25, 30), grid(8, 30, 64)), y=grid(8, 25, 64), macs=384_000, scalar=755_200,
            source="weights by values in the 8 heads of the base model: Vaswani et al. 2017, equation 1, table 3",
        ),
        Example(x=(tokens(3, 4), tokens(4, 5)), y=tokens(3, 5), macs=60, scalar=105),
    )  # fmt: skip
