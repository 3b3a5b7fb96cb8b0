"""Group and instance normalisation: statistics over all positions of a group of channels, or of one channel."""

from collections.abc import Iterator

from archcalc.core.condition import at_least
from archcalc.core.dim import Dim, divides, prod
from archcalc.core.kernel import CONTIGUOUS, Backward, Cast, Kernel, Layout, Run, Tensor, tensor_of
from archcalc.core.layout import channels_before
from archcalc.core.operations import contiguous
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, flat, image
from archcalc.core.weight import Weight
from archcalc.core.window import AnyWindow, WholeWindow
from archcalc.layer import Call, Example, Layer, Requirement, Role, module

FAMILY = "Normalisation"


class ChannelNorm(Layer):
    """Abstract: standardises elements with the statistics of some channels of a sample over all positions.

    For G groups of M elements in the batch, V = G M: V - G additions and G divisions for the mean; V subtractions; V
    multiplications, V - G additions and G divisions for the variance; G additions, G roots and G divisions for its
    inverse; V multiplications. The affine part adds one multiplication and one addition per element.
    """

    role = Role.NORM

    eps: float = 1e-5

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield channels_before(self.name, x)
        yield self.eps > 0, f"eps must be above 0, got {self.eps}"

    def windows(self, x: Volume) -> tuple[AnyWindow, ...]:
        return tuple(WholeWindow(n) for n in x.spatial)

    def shape(self, x: Volume) -> Volume:
        return x

    @property
    def is_affine(self) -> bool:
        raise NotImplementedError

    def groups(self, x: Volume) -> Dim:
        """The number of groups with their own statistics, over all samples."""
        raise NotImplementedError

    def weights(self, x: Volume) -> Iterator[Weight]:
        if self.is_affine:
            yield Weight("weight", (x.channels,))
            yield Weight("bias", (x.channels,))

    def ops(self, y: Volume, x: Volume) -> Ops:
        elements, groups = x.numel, self.groups(x)
        scale = elements if self.is_affine else 0
        return Ops(
            add=2 * (elements - groups) + elements + groups + scale,
            mul=2 * elements + scale,
            div=3 * groups,
            root=groups,
        )

    def statistics(self, run: Run, x: Volume) -> dict[str, Tensor]:
        """Means and standard deviations; without weights, in the dtype of the input."""
        dtype = self.kept_in(run) if self.is_affine or run.device != "cpu" else x.dtype
        return {name: Tensor(self.groups(x), dtype) for name in ("mean", "deviation")}

    def kept_in(self, run: Run) -> str:
        """The dtype of means and deviations."""
        return run.statistics


class GroupNorm(ChannelNorm, name="group_norm", positional=("num_groups",), aliases=("groupnorm",)):
    """y = (x - mean) / sqrt(var + eps) * weight + bias, with the statistics of each of `num_groups` groups of channels.

    x: C at *spatial -> y: the same

    A group is C / num_groups neighbouring channels of one sample at all positions; one group is layer normalisation
    over all elements, with a weight per channel. Counted like layer normalisation.

    Sources: Wu & He 2018, arXiv:1803.08494, equation 7; torch.nn.GroupNorm.
    """

    casts = Cast.FULL_ON_GPU
    num_groups: Dim
    affine: bool = True

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield from super().requires(x)
        yield from at_least(1, num_groups=self.num_groups)
        groups, elements = f"num_groups={self.num_groups}", x.channels // self.num_groups * x.positions
        yield divides(self.num_groups, x.channels), f"{groups} must divide the {x.channels} channels"
        yield elements > 1, f"{groups} leaves one element of {x} per group, and its variance is 0"

    @property
    def is_affine(self) -> bool:
        return self.affine

    def groups(self, x: Volume) -> Dim:
        return x.batch * self.num_groups

    def kept_in(self, run: Run) -> str:
        """Those of groups have the dtype of the weights on every device: `param_scalar_type` in
        aten/src/ATen/native/cpu/mixed_data_type.h."""
        return run.dtype

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        own = self.statistics(run, x)
        weights = tuple(weight.name for weight in self.weights(x))
        yield Kernel(
            size=tensor_of(y),
            also=own,
            layout=Layout(reads_contiguous=x.rank == 1, reads_dense=True, preserves=x.rank > 1),
            saves=("x", *own),
            weights=weights,
            backward=Backward(orders=True, as_made=True),
            cast=self.casts,
        )

    def call(self, x: Volume) -> Call:
        return module(
            "torch.nn.GroupNorm",
            num_groups=self.num_groups,
            num_channels=x.channels,
            **self.stated("num_groups"),
        )

    examples = (
        Example(
            given=dict(num_groups=32), x=image(64, 112, 112), y=image(64, 112, 112), params=128, scalar=5_619_808,
            source="ResNet-50 with GN after conv1, 32 groups: Wu & He 2018, arXiv:1803.08494, section 4.1",
        ),
        Example(
            given=dict(num_groups=1, eps=1e-6), x=image(8, 6), y=image(8, 6), params=16, scalar=339,
            source="one group, layer normalisation: Wu & He 2018, arXiv:1803.08494, section 3.1",
        ),
        Example(given=dict(num_groups=2, affine=False), x=flat(6), y=flat(6), scalar=36),
        Example(given=dict(num_groups=4), x=image(4, 2, 3, 4), y=image(4, 2, 3, 4), params=8, scalar=684),
    )  # fmt: skip


class InstanceNorm(ChannelNorm, name="instance_norm", aliases=("instancenorm",)):
    """y = (x - mean) / sqrt(var + eps), with the statistics of each channel of each sample over all positions.

    x: C at *spatial -> y: the same

    The same in training and in evaluation: there are no running statistics. `affine` adds a weight and a bias per
    channel. Counted like layer normalisation.

    Sources: Ulyanov, Vedaldi & Lempitsky 2016, arXiv:1607.08022; torch.nn.InstanceNorm1d, 2d, 3d.
    """

    ranks = (1, 2, 3)

    affine: bool = False

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield from super().requires(x)
        yield 1 <= x.rank <= 3, f"instance_norm supports 1 to 3 spatial axes, got {x}"
        yield prod(x.spatial) > 1, f"instance_norm needs more than one position (the variance of one is 0), got {x}"

    @property
    def is_affine(self) -> bool:
        return self.affine

    def groups(self, x: Volume) -> Dim:
        return x.batch * x.channels

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        """Batch normalisation of one item that has the channels of all items, with weights repeated for each item."""
        own, repeated = self.statistics(run, x), Tensor(self.groups(x), run.dtype)
        names = [weight.name for weight in self.weights(x)]
        for name in names:
            yield Kernel(reads=(), makes=f"each {name}", size=repeated, layout=CONTIGUOUS, weights=(name,))
        yield contiguous(makes="row")
        each = tuple(f"each {name}" for name in names)
        yield Kernel(reads=("row", *each), size=tensor_of(y), also=own, saves=("row", *own, *each[:1]))

    def call(self, x: Volume) -> Call:
        return module(f"torch.nn.InstanceNorm{x.rank}d", num_features=x.channels, **self.stated())

    examples = (
        Example(
            x=image(32, 256, 256), y=image(32, 256, 256), scalar=10_485_856,
            source="style transfer network on 256x256 images: Ulyanov et al. 2016, arXiv:1607.08022",
        ),
        Example(given=dict(affine=True, eps=1e-3), x=image(4, 6), y=image(4, 6), params=8, scalar=180),
        Example(x=image(2, 2, 3, 4), y=image(2, 2, 3, 4), scalar=246, source="torch.nn.InstanceNorm3d"),
    )  # fmt: skip
