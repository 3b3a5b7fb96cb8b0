"""Batch normalisation."""

from collections.abc import Iterator

from archcalc.core.kernel import Kernel, Layout, Run, Tensor, tensor_of
from archcalc.core.layout import channels_before
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, flat, image
from archcalc.core.weight import Weight
from archcalc.layer import Call, Example, Layer, Requirement, Role, module

FAMILY = "Normalisation"


class BatchNorm(Layer, name="batchnorm"):
    """y = (x - mean) / sqrt(var + eps) * weight + bias, with running statistics of each channel.

    x: C at *spatial -> y: the same

    Counted in evaluation mode, folded: one multiplication and one addition per element, with or without the affine
    part. In training, mean and variance are computed over the batch and all positions instead.

    Sources: Ioffe & Szegedy 2015, arXiv:1502.03167, algorithm 2; torch.nn.BatchNorm1d, BatchNorm2d, BatchNorm3d.
    """

    role = Role.BATCH_NORM

    eps: float = 1e-5
    momentum: float = 0.1
    affine: bool = True

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield channels_before("batchnorm", x)
        yield x.rank <= 3, f"batchnorm supports at most 3 spatial axes, got {x}"

    @property
    def steady(self) -> bool:
        return False

    def unpredicted(self, run: Run, x: Volume, /, *others: Volume) -> str:
        if x.positions == 1:
            return "torch trains it on more than one value per channel only: use a batch of 2"
        return super().unpredicted(run, x)

    def shape(self, x: Volume) -> Volume:
        return x

    def weights(self, x: Volume) -> Iterator[Weight]:
        if self.affine:
            yield Weight("weight", (x.channels,))
            yield Weight("bias", (x.channels,))
        yield Weight("running_mean", (x.channels,), buffer=True)
        yield Weight("running_var", (x.channels,), buffer=True)
        yield Weight("num_batches_tracked", (), buffer=True, dtype="int64")

    def ops(self, y: Volume, x: Volume) -> Ops:
        return Ops(mul=x.numel, add=x.numel)

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        weights = ("weight", "bias") if self.affine else ()
        own = {name: Tensor(x.channels, run.statistics) for name in ("mean", "deviation")} if run.training else {}
        yield Kernel(
            size=tensor_of(y),
            also=own,
            layout=Layout(preserves=x.rank == 2, fixed=x.rank == 1),
            saves=("x", *own),
            weights=weights,
        )

    def call(self, x: Volume) -> Call:
        return module(f"torch.nn.BatchNorm{max(x.rank, 1)}d", num_features=x.channels, **self.stated())

    examples = (
        Example(
            x=image(64, 112, 112), y=image(64, 112, 112), params=128, scalar=1_605_632,
            source="ResNet-50 bn1: He et al. 2015, arXiv:1512.03385, table 1",
        ),
        Example(
            given=dict(eps=1e-3, momentum=0.01, affine=False),
            x=flat(8, batch=4), y=flat(8, batch=4), scalar=64, source="torch.nn.BatchNorm1d",
        ),
        Example(x=image(4, 2, 3, 5), y=image(4, 2, 3, 5), params=8, scalar=240, source="torch.nn.BatchNorm3d"),
    )  # fmt: skip
