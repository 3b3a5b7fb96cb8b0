"""Root mean square normalisation: divides features by their root mean square, without subtracting the mean."""

from collections.abc import Iterator

from archcalc.core.kernel import CONTIGUOUS, PRESERVED, Backward, Cast, Kernel, Layout, Order, Run, Tensor, tensor_of
from archcalc.core.operations import in_order, product, times_weight, turned, view
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, flat, image, tokens, widest
from archcalc.core.weight import Weight
from archcalc.layer import Call, Example, Layer, Requirement, Role, module

FAMILY = "Normalisation"


class RMSNorm(Layer, name="rmsnorm", aliases=("rms_norm",)):
    """y = x / sqrt(mean(x^2) + eps) * weight, over the features of each position.

    x: any volume -> y: the same

    For V elements at G positions: V squares, V - G additions and G divisions for their mean; G additions, G roots and G
    divisions for its inverse; V multiplications. The weight adds one multiplication per element. The default `eps` is
    the machine epsilon of the dtype, as in torch.

    Sources: Zhang & Sennrich 2019, arXiv:1910.07467, equation 4; torch.nn.RMSNorm.
    """

    casts = Cast.FULL_ON_GPU
    role = Role.NORM
    takes_plain = True

    eps: float | None = None
    elementwise_affine: bool = True

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield self.eps is None or self.eps > 0, f"eps must be above 0, got {self.eps}"

    def shape(self, x: Volume) -> Volume:
        return x

    def weights(self, x: Volume) -> Iterator[Weight]:
        if self.elementwise_affine:
            yield Weight("weight", (x.channels,))

    def ops(self, y: Volume, x: Volume) -> Ops:
        scale = x.numel if self.elementwise_affine else 0
        return Ops(mul=2 * x.numel + scale, add=x.numel, div=2 * x.positions, root=x.positions)

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        """On a GPU one kernel; on the CPU as `rms_norm_composite` writes it, in float32 at the least
        (aten/src/ATen/native/layer_norm.cpp)."""
        if run.device != "cpu":
            yield self.fused(run, y, x)
            return
        wide = widest(x.dtype, "float32")
        units, groups, moves = Tensor(x.numel, wide), Tensor(x.positions, wide), self.moves(x)
        reads = "x"
        if moves:
            yield view(makes="moved", order=turned(x))
            reads = "moved"
        if wide != x.dtype:
            yield Kernel(reads=(reads,), makes="wide", size=units, layout=PRESERVED)
            reads = "wide"
        square, root = Backward(scratch=2 * units.nbytes), Backward(scratch=2 * groups.nbytes)
        yield Kernel(reads=(reads,), makes="squares", size=units, layout=PRESERVED, saves=(reads,), backward=square)
        yield Kernel(reads=("squares",), makes="mean", size=groups, layout=CONTIGUOUS)
        yield Kernel(reads=("mean",), makes="root", size=groups, saves=("root",), backward=root, holds=("squares",))
        made = "normal" if self.elementwise_affine else "result"
        both = (reads, "root")
        yield product(units, *both, made, layout=PRESERVED, backward=Backward(unreduced={"root": units.nbytes}))
        if self.elementwise_affine:
            yield times_weight(units, made, "result", holds=both)
        last = "moved back" if moves else "y"
        ends = last if wide == x.dtype else "row"
        yield in_order("result", ends, holds=both)
        if wide != x.dtype:
            yield Kernel(reads=(ends,), makes=last, size=tensor_of(y), layout=PRESERVED, holds=("root",))
        if moves:
            yield view(last, order=turned(x))

    def fused(self, run: Run, y: Volume, x: Volume) -> Kernel:
        """`_fused_rms_norm`, which keeps the inverse of each root."""
        roots = {"roots": Tensor(x.positions, run.statistics)}
        order = turned(x) if self.moves(x) else Order.CONTIGUOUS
        weights = ("weight",) if self.elementwise_affine else ()
        return Kernel(
            size=tensor_of(y), also=roots, layout=Layout(order=order, fixed=True), saves=("x", *roots), weights=weights,
            cast=self.casts,
        )  # fmt: skip

    def moves(self, x: Volume) -> bool:
        """Whether the channels must be moved last."""
        return x.rank > 0 and not x.channels_last

    def call(self, x: Volume) -> Call:
        forward = "{module}({0}.movedim(1, -1)).movedim(-1, 1)" if self.moves(x) else "{module}({0})"
        return module("torch.nn.RMSNorm", forward=forward, normalized_shape=x.channels, **self.stated())

    examples = (
        Example(
            given=dict(eps=1e-5), x=tokens(128, 4096), y=tokens(128, 4096), params=4_096, scalar=2_097_536,
            source="LLaMA 7B, before each sub-layer: Touvron et al. 2023, arXiv:2302.13971, section 2.2",
        ),
        Example(
            given=dict(elementwise_affine=False), x=flat(10), y=flat(10), scalar=33,
            source="without a gain: Zhang & Sennrich 2019, arXiv:1910.07467, equation 4",
        ),
        Example(x=image(4, 3, 2), y=image(4, 3, 2), params=4, scalar=114),
    )  # fmt: skip
