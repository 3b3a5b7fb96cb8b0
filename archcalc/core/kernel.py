"""Kernels: what a layer allocates and what autograd saves of it, one operation of torch after the other.

A layer is one kernel, or a few, each reading what earlier ones made. From them follow the bytes that are saved for
backward and the peaks of inference, training and an iteration (archcalc/memory/). An author meets three ideas:

    Kernel     what an operation reads, makes, and saves for its backward pass
    Layout     how its result lies in memory, where that is not simply a new contiguous tensor
    Backward   how its gradients come about, where that is not simply in new tensors, one for each

Operations that many layers share (views, sums, products, linear maps) are functions in archcalc/core/operations.py.
"""

import enum
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from archcalc.core.dim import Dim, prod
from archcalc.core.gaps import Cut, Steps
from archcalc.core.machine import DEFAULT, Machine
from archcalc.core.volume import ITEMSIZE, Volume, widest
from archcalc.record import field, fields, record, replace


@record
class Run:
    """What runs: `device` is "cpu" or "cuda", whose kernels keep and allocate different things.

    `training`: dropout and batch statistics are at work. `dtype`: that of the parameters. `autocast`: the lower dtype
    that `torch.autocast` casts to in the forward pass; "" without it. `machine`: the processor of the CPU.
    """

    training: bool = True
    device: str = "cpu"
    dtype: str = "float32"
    autocast: str = ""
    machine: Machine = DEFAULT

    @property
    def statistics(self) -> str:
        """The dtype that means and deviations are kept in."""
        return self.dtype if self.device == "cpu" else widest(self.dtype, "float32")


@record(kw_only=True)
class Unpredicted:
    """Why the memory of a layer is not predicted, by environment: `always`, under `autocast`, on a `gpu`, under
    autocast `there`. Empty where it is predicted."""

    always: str = ""
    autocast: str = ""
    gpu: str = ""
    there: str = ""

    def why(self, run: Run) -> str:
        """The reason that holds for a run; empty where none does."""
        if self.always:
            return self.always
        if self.gpu and run.device != "cpu":
            return f"on a GPU, {self.gpu}"
        if self.there and run.autocast and run.device != "cpu":
            return f"under autocast on a GPU, {self.there}"
        return f"under autocast, {self.autocast}" if self.autocast and run.autocast else ""


@record
class Tensor:
    """A tensor by what it takes: `numel` elements of `dtype`.

    `wrapped`: it is a Python number that torch has wrapped as a tensor, which autograd saves without packing it; it is
    on the CPU, also where the network is on a GPU (aten/src/ATen/ScalarOps.h).
    """

    numel: Dim
    dtype: str = "float32"
    wrapped: bool = False

    @property
    def nbytes(self) -> Dim:
        return self.numel * ITEMSIZE[self.dtype]


def tensor(*shape: Dim, dtype: str = "float32") -> Tensor:
    return Tensor(prod(shape), dtype)


def tensor_of(volume: Volume) -> Tensor:
    return Tensor(volume.numel, volume.dtype)


class Cast(enum.Enum):
    """What `torch.autocast` does to what goes into an operation.

    The CPU and GPUs have lists of operations of their own (aten/src/ATen/autocast_mode.cpp and autocast_mode.h).
    """

    NONE = "none"  # nothing: where dtypes meet, the widest comes out
    LOWER = "lower"  # inputs and weights are cast to the lower dtype
    FULL = "full"  # inputs are cast to float32
    WIDEST = "widest"  # to the widest among them, weights included
    RESULT = "result"  # nothing is cast, and the result is float32
    LOWER_ON_GPU = "lower, on a GPU"
    FULL_ON_CPU = "full, on the CPU"
    FULL_ON_GPU = "full, on a GPU"
    RESULT_ON_GPU = "result, on a GPU"

    def on(self, device: str) -> "Cast":
        """What it is on a device.

        >>> Cast.FULL_ON_GPU.on("cuda"), Cast.FULL_ON_GPU.on("cpu"), Cast.LOWER.on("cuda")
        (<Cast.FULL: 'full'>, <Cast.NONE: 'none'>, <Cast.LOWER: 'lower'>)
        """
        what, _, where = self.value.partition(", ")
        here = "on the CPU" if device == "cpu" else "on a GPU"
        return Cast(what) if where in ("", here) else Cast.NONE


class Order(enum.Enum):
    """In which order the elements of a tensor lie in memory."""

    CONTIGUOUS = "contiguous"  # that of its axes, without gaps
    GAPS = "gaps"  # that of its axes, with gaps between them
    TIME_MAJOR = "time major"  # positions first, and at each the items of the batch, as recurrent layers read them
    TRANSPOSED = "transposed"  # features last where they are first by their axes, or the other way round
    EITHER = "either"  # transposed, with one feature or position, and so contiguous: what reads images sees the former
    PERMUTED = "permuted"  # in another order than that of its axes, and in none of these
    UNKNOWN = "unknown"  # which kernels choose by what goes in: not followed


@record(kw_only=True)
class Layout:
    """How what a kernel makes lies in memory, and how what it reads has to.

    By itself, a new tensor that is contiguous where what the kernel reads is, else in an order that is not followed;
    `PRESERVED` and `CONTIGUOUS` are the two that most other kernels have.

    same              the first thing that the kernel reads, itself: nothing is computed
    view              a view of the first thing that the kernel reads, or of a weight: nothing is allocated
    order             the order of the result where what goes in is contiguous
    fixed             the result has that order in any case
    preserves         the result has the order of what goes in, or of the first of the largest of it: operations that go
                      element by element, and those on images
    maps              the result has the order of what goes in where that is transposed, else it is contiguous:
                      operations on images that go by `suggest_memory_format`
    chooses           it takes what lies either way for transposed, as operations with `maps` do: convolutions
    single            the result has one feature or one position
    cut               the result is a part of what it sees
    steps             those of a result that repeats what is contiguous
    reads_contiguous  what goes in is copied first where it is not contiguous, as `reshape` and `contiguous()` do
    reads_as          but what has gaps only where it cannot be seen as axes of these lengths
    reads_dense       what goes in is copied first where it has gaps
    reads_rows        of these, the features have to lie side by side: where they do not, other kernels run
    within_samples    of gradients that come in, gaps between samples alone count as none
    unlearned         it reads like that only where it makes no gradient

    `transpose` is `Layout(view=True, order=Order.TRANSPOSED)`.
    """

    same: bool = False
    view: bool = False
    order: Order = Order.CONTIGUOUS
    fixed: bool = False
    preserves: bool = False
    maps: bool = False
    chooses: bool = False
    single: bool = False
    cut: Cut | None = None
    steps: Steps = ()
    reads_contiguous: bool = False
    reads_as: tuple[Dim, ...] = ()
    reads_dense: bool = False
    reads_rows: tuple[str, ...] = ()
    within_samples: bool = False
    unlearned: bool = False


PRESERVED = Layout(preserves=True)
"""As `torch.preserve_format`: the result lies as what goes in."""

CONTIGUOUS = Layout(fixed=True)
"""The result is contiguous, whatever goes in."""

NEW = Layout()
"""The result is a new tensor, contiguous where what goes in is."""

VIEW = Layout(view=True)
"""The result is a view."""


class Gradient(enum.Enum):
    """How backward makes the gradients of what a kernel reads. To views autograd never adds in place."""

    NEW = "new"  # tensors of their own
    NEW_VIEW = "new view"  # contiguous views of tensors of their own
    NEW_STRIDED = "new strided"  # the same, but not contiguous
    SAME = "same"  # the gradient that came in, handed on
    VIEW = "view"  # the same, seen with another shape
    SLICE = "slice"  # a contiguous view of a part of it, which keeps all of it alive
    STRIDED_SLICE = "strided slice"  # the same, but not contiguous
    SLICE_OF_SAMPLES = "slice of samples"  # the same, with gaps between samples alone

    @classmethod
    def slice(cls, contiguous: bool, place: int = 0) -> "Gradient":
        """`place`: the axis along which it is a part, the batch being 0."""
        if contiguous:
            return cls.SLICE
        return cls.SLICE_OF_SAMPLES if place == 1 else cls.STRIDED_SLICE


@record(kw_only=True)
class Backward:
    """What else is true of a kernel's backward pass, of few kernels more than the first.

    scratch         bytes that it takes at its worst beside the gradients
    making          bytes that it takes beside a gradient and those before, while it makes it: by name, in the order in
                    which it makes those that are wanted
    unreduced       gradients that it makes larger than they end, or in another dtype, with their bytes, by names of
                    weights or of `reads`: the engine sums or casts each when the kernel has ended
    summed          of these, weights with fewer axes than the result: their gradients are sums also where no larger
    on_demand       tensors that the kernel makes for it, by name, and only where it will come: saved
    broadcast       weights, or what of `reads`, that are broadcast: the engine sums the gradient that came in when the
                    kernel has ended
    whole           weights of the shape of the result, whose gradient is the one that came in; it is copied where
                    something else has it too
    viewed          weights whose gradient is a view of the one that came in, and keeps it alive
    weight_views    whether gradients of weights are views of other tensors, to which autograd does not add in place
    weights_first   whether these reach their weights before the gradient of what it reads arrives, which is a view: so
                    it is where that lies in order
    input_order     weights whose gradient has the order of what the kernel reads: where that is another order than the
                    weight's, the finished gradient is copied
    negated         what of `reads` is subtracted: its gradient is new, where those of the others are that of the kernel
    contiguous      gradients come out contiguous, also where the layout preserves the order
    as_made         they lie as what the kernel made, whatever came in
    orders          a gradient that came in, and does not lie as what the kernel made, is copied, beside the one that
                    came in
    all_in          the dtype in which it makes the gradients of all that is read and of all weights, wanted or not; the
                    engine casts those of another dtype; "" where it makes only those that are wanted

    `x + bias` has `Backward(broadcast=("bias",))`.
    """

    scratch: Dim = 0
    making: Mapping[str, Dim] = field(default_factory=dict)
    unreduced: Mapping[str, Dim] = field(default_factory=dict)
    summed: tuple[str, ...] = ()
    on_demand: Mapping[str, Tensor] = field(default_factory=dict)
    broadcast: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()
    viewed: tuple[str, ...] = ()
    weight_views: bool = False
    weights_first: bool = False
    input_order: tuple[str, ...] = ()
    negated: tuple[str, ...] = ()
    contiguous: bool = False
    as_made: bool = False
    orders: bool = False
    all_in: str = ""


@record(kw_only=True)
class Kernel:
    """One operation of torch.

    reads     what goes in: "x" (or "x0", "x1" ... of several inputs), or what an earlier kernel of the layer makes;
              nothing where it reads weights alone, or makes a table of numbers
    makes     the name of what comes out; "y" is the layer's output. The first of several words says in which part of
              the layer the operation runs: each part has one loop at most
    size      the size of what comes out; None: that of the first thing that goes in
    also      further tensors that it makes, by name: freed as it ends, unless saved or read later; views where what
              comes out is one
    layout    how what comes out lies in memory
    saves     the saved tensors: names of what goes in, comes out, or is made beside it, and of weights; of these only
              casts by autocast take memory, since the parameter is there anyway
    factors   two names, of which each is saved only where a gradient of the other is wanted, as of a product
    weights   the weights that it applies
    gradient  how backward makes the gradients of what goes in
    backward  what else is true of its backward pass
    cast      what autocast does to what goes in
    holds     what else is alive while it runs: an earlier result that a local variable of torch's own code still names

    `relu` is `Kernel(size=tensor_of(y), saves=("y",), layout=PRESERVED)`. Max pooling, which saves its input and where
    the largest values were, is `Kernel(size=tensor_of(y), also={"indices": indices}, saves=("x", "indices"))`.
    """

    reads: tuple[str, ...] = ("x",)
    makes: str = "y"
    size: Tensor | None = None
    also: Mapping[str, Tensor] = field(default_factory=dict)
    layout: Layout = Layout()
    saves: tuple[str, ...] = ()
    factors: tuple[str, ...] = ()
    weights: tuple[str, ...] = ()
    gradient: Gradient = Gradient.NEW
    backward: Backward = Backward()
    cast: Cast = Cast.NONE
    holds: tuple[str, ...] = ()

    @property
    def part(self) -> str:
        return self.makes.partition(" ")[0]

    @property
    def saved_or_factors(self) -> tuple[str, ...]:
        """All that it may save."""
        return (*self.saves, *self.factors)

    def renamed(self, called: Callable[[str], str]) -> "Kernel":
        """The same kernel with other names of tensors and weights."""
        return replace(renamed(self, called), makes=called(self.makes), backward=renamed(self.backward, called))


Facts = TypeVar("Facts", Kernel, Backward)


def renamed(facts: Facts, called: Callable[[str], str]) -> Facts:
    """Facts with other names in all their lists and mappings."""
    changed: dict[str, Any] = {}
    for each in fields(facts):
        value = getattr(facts, each.name)
        if each.type == tuple[str, ...]:
            changed[each.name] = tuple(map(called, value))
        elif each.type in (Mapping[str, Tensor], Mapping[str, Dim]):
            changed[each.name] = {called(name): size for name, size in value.items()}
    return replace(facts, **changed)


def inputs_named(count: int) -> tuple[str, ...]:
    """What kernels call the inputs of a layer.

    >>> inputs_named(1), inputs_named(2)
    (('x',), ('x0', 'x1'))
    """
    return ("x",) if count == 1 else tuple(f"x{i}" for i in range(count))
