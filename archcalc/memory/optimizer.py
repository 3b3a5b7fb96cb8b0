"""What an optimizer is. Subclasses live one family to a file in optimizers/.

An optimizer states facts; every quantity is derived from them elsewhere:

    fields     what may be said of it: torch's own keyword names and defaults    -> binding, the call
    requires   what must hold of the fields and of the weights                   -> diagnostics
    state      the tensors it keeps for a weight, named as in `optimizer.state`  -> memory between steps
    forloop    one `step()` of the implementation that goes weight by weight  }
    foreach    of the one that makes a list of tensors with every operation   }  -> memory during a step
    fused      of the one that makes no tensors                               }
    target     the class of torch.optim that it stands for                       -> generated source

A step is stated as torch's source has it, line by line, as far as a line allocates: what is made, under which name, and
when the name is given to something else. What a step allocates follows, event by event.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import ClassVar, TypeAlias

from archcalc.core.declared import Declared
from archcalc.core.diagnostic import Diagnostic, SpecError, did_you_mean, enumerated, problem
from archcalc.core.dim import Dim, prod, summed
from archcalc.core.location import Location, Source
from archcalc.core.volume import ITEMSIZE
from archcalc.core.weight import Weight
from archcalc.graph.binding import Signature, arguments_of, signature
from archcalc.layer import Call, Requirement
from archcalc.spec.chain import Invocation, Step, parse_chain

# --- tensors ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class State:
    """One entry of `optimizer.state[p]`.

    `host`: kept in the CPU's memory wherever the weight is, except by the fused implementation.
    """

    name: str
    tensor: Tensor
    host: bool = False


STEP = State("step", SCALAR, host=True)


def learned(weights: Sequence[Weight]) -> list[Weight]:
    """The weights that an optimizer is given: neither buffers nor frozen, and what is shared once."""
    return [w for w in weights if w.trainable and not w.buffer and not w.shared_with]


def tensor_of(weight: Weight) -> Tensor:
    return Tensor(weight.shape, weight.dtype)


# --- what a step allocates -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Update(Statement):
    """`operation_(...)`: in place, so that nothing is made but what a Python number needs."""

    tensors: Tensors
    operand: Operand = real

    def changes(self, variables: Variables) -> Iterator[Change]:
        for tensor in self.tensors:
            beside = self.operand(tensor)
            yield from beside
            yield from released(beside)


@dataclass(frozen=True, slots=True)
class Drop(Statement):
    """`del name`, a name given to something that was there before, or the end of an expression's part."""

    name: str

    def changes(self, variables: Variables) -> Iterator[Change]:
        yield from released(allocated(variables.pop(self.name, ())))


@dataclass(frozen=True, slots=True)
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


# --- optimizers ------------------------------------------------------------------------------------------------------

OPTIMIZERS: dict[str, type["Optimizer"]] = {}
"""Every optimizer by its name; filled by the class statements in optimizers/."""

IMPLEMENTATIONS = ("forloop", "foreach", "fused")
"""How torch runs a step: weight by weight, on lists, or as one kernel."""


class Optimizer(Declared, ABC):
    """With `name`, an optimizer that a command may name.

    target           the class of torch.optim
    implementations  those that torch has, of forloop, foreach and fused
    on_cuda          the one that torch takes by itself where all weights are on a GPU; on a CPU it is the for-loop
    unpredicted      what operators of a step need for themselves that is not predicted; empty where all is
    """

    target: ClassVar[str]
    implementations: ClassVar[tuple[str, ...]] = ("forloop", "foreach")
    on_cuda: ClassVar[str] = "foreach"
    unpredicted: ClassVar[str] = ""

    lr: float

    def __init_subclass__(cls, name: str = "") -> None:
        super().__init_subclass__(name)
        if name in OPTIMIZERS:
            raise TypeError(f"the optimizer name {name!r} is declared twice")
        if name:
            OPTIMIZERS[name] = cls

    def not_negative(self, *names: str) -> Iterator[Requirement]:
        """What must hold of these fields."""
        for name in names:
            value = getattr(self, name)
            yield value >= 0, f"{name} must be 0 or more, got {value}"

    def below_one(self, betas: tuple[float, ...]) -> Iterator[Requirement]:
        """What must hold of `betas`."""
        yield all(0 <= beta < 1 for beta in betas), f"betas must be at least 0 and below 1, got {list(betas)}"

    def requires(self, weights: Sequence[Weight] = ()) -> Iterator[Requirement]:
        """What must hold of the fields, and of the weights that are learned."""
        yield from self.not_negative("lr")

    @abstractmethod
    def state(self, weight: Weight) -> Iterator[State]:
        """What it keeps for a weight that is learned, from the first step on, in torch's order."""

    def depends(self, weight: Weight) -> bool:
        """Whether what a step allocates for a weight depends on values: then it is off by some bytes."""
        return False

    @abstractmethod
    def forloop(self, weight: Tensor) -> Statements:
        """The body of the loop over all weights: what it leaves in its variables is there when the next comes."""

    def foreach(self, weights: Tensors) -> Statements:
        """The body of the loop over groups of one dtype."""
        raise NotImplementedError

    def fused(self, weights: Tensors) -> Statements:
        """The same, for the fused implementation."""
        raise NotImplementedError

    def call(self, implementation: str = "") -> Call:
        """Its constructor, with `lr` and all that is not torch's default; without an implementation torch takes one."""
        chosen = {}
        if implementation:
            check(self, implementation)
            choices = [each for each in self.implementations if each != "forloop"]
            chosen = {each: True for each in choices if each == implementation}
            if implementation == "forloop" and choices:
                chosen = {"foreach": False}
        return Call(self.target, {"lr": self.lr, **self.stated(), **chosen})


def check(optimizer: Optimizer, implementation: str) -> None:
    if implementation not in optimizer.implementations:
        raise ValueError(f"{optimizer.name} has no {implementation} implementation in torch")


def written(call: Call, weights: str = "network.parameters()") -> str:
    """The call of a constructor as source; `weights` is the expression for what it optimizes.

    >>> written(Call("torch.optim.AdamW", {"lr": 0.001, "foreach": True}))
    'torch.optim.AdamW(network.parameters(), lr=0.001, foreach=True)'
    """
    return f"{call.target}({', '.join([weights, *(f'{name}={value!r}' for name, value in call.arguments.items())])})"


# --- what follows from them ------------------------------------------------------------------------------------------


def state_bytes(optimizer: Optimizer, weights: Sequence[Weight]) -> Dim:
    """Bytes of all tensors in `optimizer.state` after a step, those on the CPU included."""
    return summed(state.tensor.nbytes for weight in learned(weights) for state in optimizer.state(weight))


def temporaries(optimizer: Optimizer, weights: Sequence[Weight], implementation: str) -> Iterator[Change]:
    """Every allocation and release of one `step()` on a CPU once state is there, in order (releases that follow each
    other directly: in any). Gradients are there before and after.

    Raises ValueError where torch has no such implementation.
    """
    check(optimizer, implementation)
    tensors = [tensor_of(weight) for weight in learned(weights)]
    if implementation == "forloop":
        return run(statement for tensor in tensors for statement in optimizer.forloop(tensor))
    body = optimizer.foreach if implementation == "foreach" else optimizer.fused
    return run(statement for group in groups(tensors) for statement in body(group))


def step_peak(optimizer: Optimizer, weights: Sequence[Weight], implementation: str, *, workspaces: bool = False) -> int:
    """The most bytes that a step holds above weights, gradients and state: in tensors, or with the `workspaces` that
    operators need for themselves. Raises ValueError where torch has no such implementation.
    """
    return max(amounts_of_step(optimizer, weights, implementation, workspaces=workspaces))


def amounts_of_step(
    optimizer: Optimizer, weights: Sequence[Weight], implementation: str, *, workspaces: bool = False
) -> Iterator[Dim]:
    """What a step holds from the beginning on, after each change."""
    changes = temporaries(optimizer, weights, implementation)
    return accumulate((each.size for each in changes if workspaces or not each.workspace), initial=0)


NEIGHBOURS = ("float32", "bfloat16")


def groups(tensors: Sequence[Tensor]) -> list[Tensors]:
    """Tensors by dtype, in the order in which a list operation takes the dtypes.

    torch groups them in a C++ hash map (`_group_tensors_by_first_tensors_device_and_dtype` in ATen), whose order with
    libstdc++ is: the dtype met last comes first, but float32 and bfloat16, which share a bucket, stay together.

    >>> [each[0].dtype for each in groups([Tensor((1,), d) for d in ("bfloat16", "float64", "float32")])]
    ['float64', 'float32', 'bfloat16']
    """
    order: list[str] = []
    for dtype in dict.fromkeys(tensor.dtype for tensor in tensors):
        beside = [other for other in order if dtype in NEIGHBOURS and other in NEIGHBOURS]
        order.insert(order.index(beside[0]) if beside else 0, dtype)
    return [tuple(tensor for tensor in tensors if tensor.dtype == dtype) for dtype in order]


# --- reading ---------------------------------------------------------------------------------------------------------


def signature_of(optimizer: type[Optimizer]) -> Signature:
    return signature(optimizer, ("lr",))


def read_optimizer(text: str, source: str = "<optimizer>") -> Optimizer:
    """The optimizer that a text names: `adamw`, `sgd(0.1, momentum=0.9, nesterov=true)`.

    Raises SpecError with everything that is wrong with it; `source` is what places in it are called.
    """
    call = invocation(text, Location(Source(source, text), 0, 0, max(1, len(text))))
    optimizer = OPTIMIZERS.get(call.target.text)
    if optimizer is None:
        help = did_you_mean(call.target.text, OPTIMIZERS) or f"optimizers: {enumerated(OPTIMIZERS)}"
        raise problem("AC101", f"no optimizer is called '{call.target.text}'", call.target.where, help=help)
    values, _ = arguments_of(call, signature_of(optimizer), {})
    made = optimizer(**values)
    if wrong := [message for holds, message in made.requires() if not holds]:
        raise SpecError([Diagnostic(code="AC124", message=message, location=call.where) for message in wrong])
    return made


def invocation(text: str, where: Location) -> Invocation:
    """The one call that a text consists of."""
    body = parse_chain(text, Location(where.source))
    step = body[0]
    if (
        len(body) == 1
        and isinstance(step, Step)
        and isinstance(step.call, Invocation)
        and not (step.name or step.repeat)
    ):
        return step.call
    raise problem("AC012", "one optimizer belongs here", where, help="sgd(0.1, momentum=0.9)")
