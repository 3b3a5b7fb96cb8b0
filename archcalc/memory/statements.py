"""Statements: one step of an optimizer line by line, as far as a line of torch's source allocates.

A line makes tensors under a name, updates them in place, or gives the name to something else. What the step allocates
and releases follows, event by event.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import TypeAlias

from archcalc.core.dim import Dim, prod
from archcalc.core.volume import ITEMSIZE
from archcalc.record import record


@record
class Tensor:
    """What a step or a state is made of."""

    shape: tuple[Dim, ...]
    dtype: str

    @property
    def nbytes(self) -> Dim:
        return prod(self.shape) * ITEMSIZE[self.dtype]

    def reduced(self, axis: int) -> "Tensor":
        """This tensor summed along an axis, which stays with length 1.

        >>> Tensor((64, 3, 7, 5), "float32").reduced(-2).shape
        (64, 3, 1, 5)
        """
        lengths = list(self.shape)
        lengths[axis] = 1
        return Tensor(tuple(lengths), self.dtype)


Tensors: TypeAlias = tuple[Tensor, ...]

SCALAR = Tensor((), "float32")
"""What torch counts steps in (`_get_scalar_dtype` in torch/optim/optimizer.py): 4 bytes to a weight."""


@record
class Change:
    """An allocation (`size` in bytes, above 0) or a release (below 0).

    `workspace`: one operator of torch both allocates and releases it.
    """

    size: int
    workspace: bool = False


Changes: TypeAlias = tuple[Change, ...]
Operand: TypeAlias = Callable[[Tensor], Changes]
"""What an operation on a tensor allocates first and releases last, because of its other operand."""

NUMBER = 8
"""Bytes of a Python number that meets a tensor: it becomes a float64 or int64 of its own."""


def nothing(tensor: Tensor) -> Changes:
    """Of tensors, and of numbers that the kernel takes as such (`alpha=`, `value=`, the weight of `lerp_`)."""
    return ()


def real(tensor: Tensor) -> Changes:
    """Of a `float`: itself, and within the operator its cast to the tensor's dtype."""
    return (Change(NUMBER), *cast("float64", tensor))


def whole(tensor: Tensor) -> Changes:
    """Of an `int`, likewise."""
    return (Change(NUMBER), *cast("int64", tensor))


def cast(dtype: str, tensor: Tensor) -> Changes:
    return () if tensor.dtype == dtype else (Change(ITEMSIZE[tensor.dtype], workspace=True),)


def listed(operand: Operand) -> Operand:
    """Of a number within an operator that makes all that it needs itself, as `torch._foreach_` ones do."""
    return lambda tensor: tuple(Change(each.size, workspace=True) for each in operand(tensor))


def released(changes: Sequence[Change]) -> Iterator[Change]:
    """The end of what was allocated, the last first."""
    return (Change(-each.size, each.workspace) for each in reversed(changes) if each.size)


def allocated(tensors: Sequence[Tensor]) -> Changes:
    return tuple(Change(tensor.nbytes) for tensor in tensors if tensor.nbytes)


Variables: TypeAlias = dict[str, Tensors]
"""What the local variables of a running step hold that it has made."""


class Statement(ABC):
    """One line of a step."""

    __slots__ = ()

    @abstractmethod
    def changes(self, variables: Variables) -> Iterator[Change]:
        """What the line allocates and releases, in order."""


@record
class Make(Statement):
    """`name = operation(...)`: a tensor or a list of them. What the name held is released when the new one is there."""

    name: str
    tensors: Tensors
    operand: Operand = nothing

    def changes(self, variables: Variables) -> Iterator[Change]:
        for tensor in self.tensors:
            beside = self.operand(tensor)
            yield from beside
            yield from allocated([tensor])
            yield from released(beside)
        yield from Drop(self.name).changes(variables)
        variables[self.name] = self.tensors


@record
class Update(Statement):
    """`operation_(...)`: in place, so that nothing is made but what a Python number needs."""

    tensors: Tensors
    operand: Operand = real

    def changes(self, variables: Variables) -> Iterator[Change]:
        for tensor in self.tensors:
            beside = self.operand(tensor)
            yield from beside
            yield from released(beside)


@record
class Drop(Statement):
    """`del name`, a name given to something that was there before, or the end of an expression's part."""

    name: str

    def changes(self, variables: Variables) -> Iterator[Change]:
        yield from released(allocated(variables.pop(self.name, ())))


@record
class Name(Statement):
    """`name = (...)`, where what the parentheses made was called `part` here."""

    name: str
    part: str

    def changes(self, variables: Variables) -> Iterator[Change]:
        yield from Drop(self.name).changes(variables)
        variables[self.name] = variables.pop(self.part)


Statements: TypeAlias = Iterator[Statement]


def run(statements: Statements) -> Iterator[Change]:
    """What a function of these statements allocates and releases; what its variables hold ends with it."""
    variables: Variables = {}
    for statement in statements:
        yield from statement.changes(variables)
    for tensors in variables.values():
        yield from released(allocated(tensors))


def update_all(weights: Tensors) -> Statement:
    """`torch._foreach_mul_(tensors, number)` and the like: each makes its own number."""
    return Update(weights, listed(real))


def count_step() -> Statement:
    """`step_t += 1`."""
    return Update((SCALAR,), whole)


def count_steps() -> Statements:
    """`torch._foreach_add_(steps, torch.tensor(1.0, device="cpu"), alpha=1.0)`: one tensor for all."""
    yield Make("one", (SCALAR,))
    yield Drop("one")


def count_steps_fused(count: int) -> Statement:
    """`torch._foreach_add_(steps, 1)`: each makes its own number, on a CPU."""
    return Update((SCALAR,) * count, listed(whole))


def gradient(weight: Tensors, maximize: bool) -> Statement:
    """`grad = grads[i] if not maximize else -grads[i]`."""
    return Make("grad", weight) if maximize else Drop("grad")


def gradients(weights: Tensors, maximize: bool) -> Statements:
    """The next group's list of gradients, and where they are to ascend that of `torch._foreach_neg`."""
    yield Drop("grad")
    if maximize:
        yield Make("grad", weights)


def begin(p: Tensors, maximize: bool, decays: bool, *, counts_first: bool = False) -> Statements:
    """How a for-loop begins: with the gradient, the step, which some count first, and weight decay
    (`grad = grad.add(param, alpha=weight_decay)`)."""
    both = (gradient(p, maximize), count_step())
    yield from reversed(both) if counts_first else both
    if decays:
        yield Make("grad", p)


def begin_all(weights: Tensors, maximize: bool, decays: bool, *, counts_first: bool = False) -> Statements:
    """The same for lists: weight decay is added to a list of negated gradients in place."""
    both = (gradients(weights, maximize), count_steps())
    yield from chain(*(reversed(both) if counts_first else both))
    if decays and not maximize:
        yield Make("grad", weights)
