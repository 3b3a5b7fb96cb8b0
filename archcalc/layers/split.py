"""A volume in several parts along an axis: one operation with several outputs."""

from collections.abc import Iterator, Sequence

from archcalc.core.axes import Axis, channels_place, resized, windows_along
from archcalc.core.condition import at_least
from archcalc.core.dim import Dim, divides, is_number, same
from archcalc.core.kernel import Gradient, Kernel, Layout, Run, Tensor, tensor_of
from archcalc.core.volume import Volume, flat, grid, ids, image, tokens
from archcalc.core.window import AnyWindow, Window
from archcalc.layer import Call, Example, Requirement, Sizes, expression
from archcalc.layers.slicing import AlongAxis, cut_of
from archcalc.record import replace

FAMILY = "Reshaping, padding and cropping"


class Split(AlongAxis, name="split", positional=("parts",)):
    """A volume in several parts along an axis: `q, k, v = split(3)` names three equal parts.

    x: an axis of n -> y: the same with a part of it. One number is how many equal parts there are; several, as in
    `split(8, 16, 8)`, are their sizes. All parts are one operation, and backward puts their gradients side by side.

    A name for each part makes all of them, and one name alone a list: `parts = split(4)`, then `parts[0]`. With
    `index`, it is that part alone, counted from 0. `axis` is `channels` (the default), `length` of a sequence,
    `height`, `width` or `depth`, or a number as in torch.

    Sources: queries, keys and values of one linear map: Radford et al. 2019, "Language models are unsupervised
    multitask learners", and its code; the channel split: Ma et al. 2018, arXiv:1807.11164, section 3; torch.chunk;
    torch.split.
    """

    takes_ids = True
    has_several = True

    parts: Sizes
    index: int | None = None

    @property
    def output_count(self) -> int:
        is_count = len(self.parts) == 1 and is_number(*self.parts)
        return int(self.parts[0]) if is_count else len(self.parts)

    @property
    def all_outputs(self) -> tuple["Split", ...]:
        return tuple(replace(self, index=i) for i in range(self.output_count))

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield from super().requires(x)
        count, n = self.output_count, self.length(x)
        given = ", ".join(map(str, self.parts)) or "none"
        yield count > 1, f"split needs a number of parts, two or more, got {given}"
        yield self.index is not None, f"split has {count} outputs, and none of them is named or chosen"
        yield 0 <= (self.index or 0) < count, f"index={self.index} is out of range: {count} parts are 0 to {count - 1}"
        if len(self.parts) == 1:
            yield divides(count, n), f"{n} elements along axis={self.axis} are not {count} equal parts"
        else:
            yield from at_least(1, parts=tuple(self.parts))
            total = sum(self.parts)
            yield same(total, n), f"the parts have {total} elements together, and axis={self.axis} has {n}"

    def remedy_of_count(self, count: int) -> str:
        number = f"one number is how many parts there are, split({count}); " if len(self.parts) == 1 else ""
        return f"{number}several are the sizes of the parts, and each part has a name"

    def remedy(self, *xs: Volume) -> str:
        if self.index is None:
            return f"name each, {self.named()}, or choose one, split({', '.join(map(str, self.parts))}, index=0)"
        [x] = xs
        if len(self.parts) > 1 or self.output_count < 2 or not self.place(x) or not is_number(self.length(x)):
            return ""
        each, more = divmod(self.length(x), self.output_count)
        if not more or not each or self.output_count > 8:
            return ""
        sizes = [each + (i < more) for i in range(self.output_count)]
        return f"write their sizes: split({', '.join(map(str, sizes))})"

    def named(self) -> str:
        """How to name all parts, as a spec writes it."""
        letters, given = "abcdefgh"[: self.output_count], ", ".join(map(str, self.parts))
        names = ", ".join(letters) if len(letters) == self.output_count else "parts"
        return f"{names} = split({given})"

    def is_of_features(self, x: Volume) -> bool:
        """Whether it splits the features, and no positions."""
        return not x.is_ids and self.place(x) == channels_place(x)

    def sizes(self, x: Volume) -> Sequence[Dim]:
        """The lengths of the parts."""
        return self.parts if len(self.parts) > 1 else (self.length(x) // self.output_count,) * self.output_count

    def windows(self, x: Volume) -> tuple[AnyWindow, ...]:
        sizes, at = self.sizes(x), self.index or 0
        begin, end = sum(sizes[:at], 0 * sizes[0]), sum(sizes[at + 1 :], 0 * sizes[0])
        return windows_along(x, self.place(x), Window(begin=-begin, end=-end))

    def shape(self, x: Volume) -> Volume:
        return resized(x, self.place(x), self.sizes(x)[self.index or 0])

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        """Views of all parts, of which this is one; backward puts their gradients side by side, and zeros where none
        comes."""
        place, at = self.place(x), self.index or 0
        others = {f"part {i}": part_of(x, place, n) for i, n in enumerate(self.sizes(x)) if i != at}
        layout = Layout(view=True, cut=cut_of(x, place, y.item_shape[place - 1]))
        is_viewed = len(self.parts) == 1 and not self.is_of_features(x)
        gradient = Gradient.NEW_VIEW if is_viewed else Gradient.NEW
        yield Kernel(size=tensor_of(y), also=others, layout=layout, gradient=gradient)

    def call(self, x: Volume) -> Call:
        return expression(f"{self.call_of_all(x).forward}[{self.index or 0}]")

    def call_of_all(self, x: Volume) -> Call:
        """Along positions, whose number can be another one, a length that is no multiple is an error: to `chunk` it
        is none."""
        place = self.place(x)
        if len(self.parts) == 1 and self.is_of_features(x):
            return expression(f"{{0}}.chunk({self.output_count}, dim={place})")
        if len(self.parts) == 1:
            return expression(f"{{0}}.unflatten({place}, ({self.output_count}, -1)).unbind({place})")
        return expression(f"{{0}}.split({list(self.parts)}, dim={place})")

    examples = (
        Example(
            given=dict(parts=Sizes((3,)), index=1), x=tokens(1024, 2304), y=tokens(1024, 768),
            source="the keys of GPT-2's c_attn: Radford et al. 2019, and its code",
        ),
        Example(
            given=dict(parts=Sizes((2,)), index=0), x=image(116, 28, 28), y=image(58, 28, 28),
            source="the channel split: Ma et al. 2018, arXiv:1807.11164, section 3",
        ),
        Example(given=dict(parts=Sizes((2, 3)), index=1, axis=Axis("height")), x=image(4, 5, 3), y=image(4, 3, 3),
                source="torch.split"),
        Example(given=dict(parts=Sizes((2,)), index=1, axis=Axis("length")), x=tokens(6, 4), y=tokens(3, 4)),
        Example(given=dict(parts=Sizes((1, 2, 3)), index=2), x=flat(6), y=flat(3)),
        Example(given=dict(parts=Sizes((2,)), index=1, axis=Axis("-1")), x=grid(3, 4, 6), y=grid(3, 4, 3)),
        Example(given=dict(parts=Sizes((2,)), index=0, axis=Axis("length")), x=ids(8), y=ids(4)),
    )  # fmt: skip


def part_of(x: Volume, place: int, n: Dim) -> Tensor:
    return tensor_of(resized(x, place, n))
