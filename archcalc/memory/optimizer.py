"""The base class of optimizers. Each family of subclasses has its own file in optimizers/.

An optimizer states facts; every quantity is derived from them elsewhere:

    fields     its arguments: torch's own keyword names and defaults             -> binding, the call
    requires   requirements on the fields and the weights                        -> diagnostics
    state      the tensors it keeps per weight, named as in `optimizer.state`    -> memory between steps
    forloop    one `step()` of the implementation that goes weight by weight  }
    foreach    one `step()` of the implementation with lists of tensors       }  -> memory during a step
    fused      one `step()` of the implementation without new tensors         }
    target     the equivalent class of torch.optim                               -> generated source

A step is stated as torch's source has it, line by line (memory/statements.py). What state and steps take follows
(memory/optimizer_memory.py).
"""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import ClassVar

from archcalc.core.declared import Declared
from archcalc.core.diagnostic import Diagnostic, SpecError, did_you_mean, enumerated, problem
from archcalc.core.location import Location, Source
from archcalc.core.release import OLDEST
from archcalc.core.weight import Weight
from archcalc.graph.binding import Signature, arguments_of, signature
from archcalc.layer import Call, Requirement
from archcalc.memory.statements import SCALAR, Statements, Tensor, Tensors
from archcalc.record import record
from archcalc.spec.chain import Invocation, Step, parse_chain


@record
class State:
    """One entry of `optimizer.state[p]`.

    `host`: in CPU memory even if the weight is not, except in the fused implementation.
    """

    name: str
    tensor: Tensor
    host: bool = False


STEP = State("step", SCALAR, host=True)


def parameters(weights: Sequence[Weight]) -> list[Weight]:
    """The weights that an optimizer is given: no buffers, and what is shared once."""
    return [w for w in weights if not w.buffer and not w.shared_with]


def learned(weights: Sequence[Weight]) -> list[Weight]:
    """Those of them that are not frozen."""
    return [w for w in parameters(weights) if w.trainable]


def tensor_of(weight: Weight) -> Tensor:
    return Tensor(weight.shape, weight.dtype)


def states(weight: Weight, *names: str) -> Iterator[State]:
    """Tensors of the size of a weight."""
    return (State(name, tensor_of(weight)) for name in names)


OPTIMIZERS: dict[str, type["Optimizer"]] = {}
"""Every optimizer by its name; filled by the class statements in optimizers/."""

IMPLEMENTATIONS = ("forloop", "foreach", "fused")
"""How torch runs a step: weight by weight, on lists, or as one kernel."""


class Optimizer(Declared):
    """A subclass declared with `name` can be used in commands under that name.

    target           the class of torch.optim
    since            the release of torch that has it; `needs` is what its arguments need
    implementations  those that torch has, of forloop, foreach and fused
    at_once          whether state is made with the optimizer, for every weight that it is given, and not in the first
                     step, for those that have a gradient
    on_cuda          the one that torch takes by itself where all weights are on a GPU; on a CPU it is the for-loop
    unpredicted      what operators of a step need for themselves that is not predicted; empty where all is
    """

    target: ClassVar[str]
    since: ClassVar[str] = OLDEST
    implementations: ClassVar[tuple[str, ...]] = ("forloop", "foreach")
    at_once: ClassVar[bool] = False
    on_cuda: ClassVar[str] = "foreach"
    unpredicted: ClassVar[str] = ""

    lr: float

    def __init_subclass__(cls, name: str = "") -> None:
        super().__init_subclass__(name)
        if name in OPTIMIZERS:
            raise TypeError(f"the optimizer name {name!r} is declared twice")
        if name:
            OPTIMIZERS[name] = cls

    @property
    def needs(self) -> str:
        """The release of torch that has it with these arguments."""
        return self.since

    def not_negative(self, *names: str) -> Iterator[Requirement]:
        """Requires that these fields are not negative."""
        for name in names:
            value = getattr(self, name)
            yield value >= 0, f"{name} must be 0 or more, got {value}"

    def below_one(self, betas: tuple[float, ...]) -> Iterator[Requirement]:
        """Requires that all `betas` are at least 0 and below 1."""
        yield all(0 <= beta < 1 for beta in betas), f"betas must be at least 0 and below 1, got {list(betas)}"

    def requires(self, weights: Sequence[Weight] = ()) -> Iterator[Requirement]:
        """The requirements on the fields and on the trained weights."""
        yield from self.not_negative("lr")

    @abstractmethod
    def state(self, weight: Weight) -> Iterator[State]:
        """The state it keeps per trained weight after the first step, in torch's order."""

    def depends(self, weight: Weight) -> bool:
        """Whether the allocations of a step depend on values; then the prediction is a few bytes off."""
        return False

    @abstractmethod
    def forloop(self, weight: Tensor) -> Statements:
        """The body of the loop over all weights; its variables keep their values into the next iteration."""

    def foreach(self, weights: Tensors) -> Statements:
        """The body of the loop over groups of one dtype."""
        raise NotImplementedError

    def fused(self, weights: Tensors) -> Statements:
        """The same, for the fused implementation."""
        raise NotImplementedError

    def call(self, implementation: str = "") -> Call:
        """Its constructor call, with `lr` and all non-default arguments; without an implementation torch chooses."""
        chosen = {}
        if implementation:
            check(self, implementation)
            choices = [each for each in self.implementations if each != "forloop"]
            chosen = {each: True for each in choices if each == implementation}
            if implementation == "forloop" and choices:
                chosen = {"foreach": False}
        return Call(self.target, {"lr": self.lr, **self.stated(), **chosen}, since=self.needs)


def check(optimizer: Optimizer, implementation: str) -> None:
    if implementation not in optimizer.implementations:
        raise ValueError(f"{optimizer.name} has no {implementation} implementation in torch")


def written(call: Call, weights: str = "network.parameters()") -> str:
    """A constructor call as source text; `weights` is the expression for the parameters.

    >>> written(Call("torch.optim.AdamW", {"lr": 0.001, "foreach": True}))
    'torch.optim.AdamW(network.parameters(), lr=0.001, foreach=True)'
    """
    return f"{call.target}({', '.join([weights, *(f'{name}={value!r}' for name, value in call.arguments.items())])})"


# --- reading ---------------------------------------------------------------------------------------------------------


def signature_of(optimizer: type[Optimizer]) -> Signature:
    return signature(optimizer, ("lr",))


def read_optimizer(text: str, source: str = "<optimizer>") -> Optimizer:
    """The optimizer in a text: `adamw`, `sgd(0.1, momentum=0.9, nesterov=true)`.

    Raises SpecError with all problems; `source` is the file name in locations.
    """
    call = invocation(text, Location(Source(source, text), 0, 0, max(1, len(text))))
    optimizer = OPTIMIZERS.get(call.target.text)
    if optimizer is None:
        help = did_you_mean(call.target.text, OPTIMIZERS) or f"optimizers: {enumerated(OPTIMIZERS)}"
        raise problem("AC101", f"there is no optimizer named '{call.target.text}'", call.target.where, help=help)
    values, _ = arguments_of(call, signature_of(optimizer), {})
    made = optimizer(**values)
    if wrong := [message for holds, message in made.requires() if not holds]:
        raise SpecError([Diagnostic(code="AC124", message=message, location=call.where) for message in wrong])
    return made


def invocation(text: str, where: Location) -> Invocation:
    """The single call in a text."""
    body = parse_chain(text, Location(where.source))
    step = body[0]
    if (
        len(body) == 1
        and isinstance(step, Step)
        and isinstance(step.call, Invocation)
        and not (step.name or step.repeat)
    ):
        return step.call
    raise problem("AC012", "expected one optimizer", where, help="sgd(0.1, momentum=0.9)")
