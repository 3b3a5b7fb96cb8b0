"""Layer normalisation: statistics within each sample, independent of the batch."""

from collections.abc import Iterator
from typing import Literal

from archcalc.core.dim import Dim
from archcalc.core.kernel import Backward, Cast, Gradient, Kernel, Layout, Order, Run, Tensor, tensor_of
from archcalc.core.operations import turned
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, flat, image, tokens
from archcalc.core.weight import Weight
from archcalc.core.window import AnyWindow, WholeWindow
from archcalc.layer import Call, Example, Layer, Requirement, Role, module

FAMILY = "Normalisation"


class LayerNorm(Layer, name="layernorm"):
    """y = (x - mean) / sqrt(var + eps) * weight + bias, with statistics per position or per sample (`over`).

    x: any volume -> y: the same

    `over: features` normalises the features at each position, as transformers do, with a weight per feature;
    `over: all` normalises all elements of a sample, with a weight per element. For G groups of M elements, V = G M:
    V - G additions and G divisions for the mean; V subtractions; V multiplications, V - G additions and G divisions for
    the variance; G additions, G roots and G divisions for its inverse; V multiplications. The affine part adds one
    multiplication and one addition per element.

    Sources: Ba, Kiros & Hinton 2016, arXiv:1607.06450, equation 3 (over all units); torch.nn.LayerNorm; over the
    features of an image: Liu et al. 2022, arXiv:2201.03545, section 2.6.
    """

    casts = Cast.FULL_ON_GPU
    role = Role.NORM
    takes_plain = True

    over: Literal["features", "all"] = "features"
    eps: float = 1e-5
    elementwise_affine: bool = True
    bias: bool = True

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield self.eps > 0, f"eps must be above 0, got {self.eps}"

    def windows(self, x: Volume) -> tuple[AnyWindow, ...]:
        return tuple(WholeWindow(n) for n in x.spatial) if self.over == "all" else super().windows(x)

    def shape(self, x: Volume) -> Volume:
        return x

    def normalized(self, x: Volume) -> tuple[Dim, ...]:
        """The axes of one group, in torch's order."""
        return x.item_shape if self.over == "all" else (x.channels,)

    def weights(self, x: Volume) -> Iterator[Weight]:
        if self.elementwise_affine:
            yield Weight("weight", self.normalized(x))
            if self.bias:
                yield Weight("bias", self.normalized(x))

    def ops(self, y: Volume, x: Volume) -> Ops:
        elements, groups = x.numel, x.batch if self.over == "all" else x.positions
        scale = elements if self.elementwise_affine else 0
        shift = scale if self.bias else 0
        return Ops(
            add=2 * (elements - groups) + elements + groups + shift,
            mul=2 * elements + scale,
            div=3 * groups,
            root=groups,
        )

    def moves(self, x: Volume) -> bool:
        """Whether the channels must be moved last."""
        return self.over == "features" and x.rank > 0 and not x.channels_last

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        groups = x.batch if self.over == "all" else x.positions
        weights = tuple(weight.name for weight in self.weights(x))
        dtype = run.statistics if weights or run.device != "cpu" else x.dtype  # where there are none, that of the input
        own = {name: Tensor(groups, dtype) for name in ("mean", "deviation")}
        order = turned(x) if self.moves(x) else Order.CONTIGUOUS
        yield Kernel(
            size=tensor_of(y),
            also=own,
            layout=Layout(order=order, fixed=True),
            saves=("x", *own),
            weights=weights,
            gradient=Gradient.NEW_VIEW if self.moves(x) else Gradient.NEW,
            backward=Backward(as_made=True),
            cast=self.casts,
        )

    def call(self, x: Volume) -> Call:
        shape = self.normalized(x)
        forward = "{module}({0}.movedim(1, -1)).movedim(-1, 1)" if self.moves(x) else "{module}({0})"
        given = self.stated("over")
        return module(
            "torch.nn.LayerNorm", forward=forward, normalized_shape=shape[0] if len(shape) == 1 else shape, **given
        )

    examples = (
        Example(
            x=tokens(197, 768), y=tokens(197, 768), params=1_536, scalar=1_059_663,
            source="ViT-B/16: Dosovitskiy et al. 2020, arXiv:2010.11929, table 1",
        ),
        Example(
            given=dict(eps=1e-6), x=image(96, 56, 56), y=image(96, 56, 56), params=192, scalar=2_116_800,
            source="ConvNeXt-T, after the stem: Liu et al. 2022, arXiv:2201.03545, table 9",
        ),
        Example(
            given=dict(over="all"), x=image(4, 3, 2), y=image(4, 3, 2), params=48, scalar=171,
            source="all units of a layer: Ba et al. 2016, arXiv:1607.06450, equation 3",
        ),
        Example(given=dict(elementwise_affine=False), x=flat(10), y=flat(10), scalar=53),
        Example(given=dict(bias=False), x=flat(10), y=flat(10), params=10, scalar=63),
    )  # fmt: skip
