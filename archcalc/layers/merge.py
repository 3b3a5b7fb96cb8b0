"""Layers that join branches."""

from collections.abc import Iterator

from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, flat, image
from archcalc.layer import Call, Example, Merge, Requirement, Role, expression, inputs_list


def listed(xs: tuple[Volume, ...]) -> str:
    return f"{', '.join(map(str, xs[:-1]))} and {xs[-1]}"


class Add(Merge, name="add"):
    """The sum of volumes of one shape, as at the end of a residual block. Source: He et al. 2015, arXiv:1512.03385."""

    role = Role.MERGE

    def requires(self, *xs: Volume) -> Iterator[Requirement]:
        yield len(set(xs)) == 1, f"add needs equal shapes, got {listed(xs)}"

    def shape(self, *xs: Volume) -> Volume:
        return xs[0]

    def ops(self, y: Volume, *xs: Volume) -> Ops:
        return Ops(add=(len(xs) - 1) * y.numel)

    def call(self, *xs: Volume) -> Call:
        return expression(" + ".join(f"{{{i}}}" for i in range(len(xs))))

    examples = (
        Example(
            x=(image(256, 56, 56), image(256, 56, 56)), y=image(256, 56, 56), scalar=802_816,
            source="ResNet-50 conv2_x: He et al. 2015, arXiv:1512.03385, table 1",
        ),
    )  # fmt: skip


class Concat(Merge, name="concat", aliases=("concatenate", "cat")):
    """Volumes side by side along the channels, as at the end of an inception module.

    Source: Szegedy et al. 2014, arXiv:1409.4842, figure 2.
    """

    role = Role.MOVEMENT

    def requires(self, *xs: Volume) -> Iterator[Requirement]:
        yield (
            len({x.to(channels=1) for x in xs}) == 1,
            f"concat needs equal sizes beside the channels, got {listed(xs)}",
        )

    def shape(self, *xs: Volume) -> Volume:
        return xs[0].to(channels=sum(x.channels for x in xs))

    def call(self, *xs: Volume) -> Call:
        return expression(f"torch.cat([{inputs_list(len(xs))}], dim={-1 if xs[0].channels_last else 1})")

    examples = (
        Example(
            x=(image(64, 28, 28), image(128, 28, 28), image(32, 28, 28), image(32, 28, 28)), y=image(256, 28, 28),
            source="GoogLeNet inception (3a): Szegedy et al. 2014, arXiv:1409.4842, table 1",
        ),
        Example(x=(flat(3), flat(4)), y=flat(7)),
    )  # fmt: skip
