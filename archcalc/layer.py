"""The base class of layers. Each family of subclasses has its own file in layers/.

A layer states facts; every quantity is derived from them elsewhere:

    fields     its arguments in a spec: torch's own keyword names       -> binding, catalogue, schema
    requires   requirements on the inputs                               -> diagnostics, conditions
    windows    the window on each spatial axis of the input             -> output size and receptive field
    shape      the output volume
    weights    owned tensors, named as in `state_dict`                  -> parameters, memory, check against torch
    ops        arithmetic by kind                                       -> MACs, FLOPs, operations
    contractions  what its MACs multiply                                -> FLOPs of training, MACs that masks leave
    role       the kind of work it does                                 -> the counting conventions
    kernels    what it allocates and what it saves for backward         -> saved memory, inference and training peaks
    steady     whether its output in training is deterministic          -> which frozen outputs can be computed once
    cached     what decoding stores per token, and for how many tokens  -> the KV cache
    cast       what `torch.autocast` does to its inputs                 -> dtypes and memory under autocast
    call       the equivalent PyTorch, as data                          -> generated source, and through it the module
    examples   worked cases with published numbers                      -> documentation and tests

Methods take the output volume before the inputs, `(y, x)`, so that a layer with several inputs can write `(y, *xs)`.
"""

import enum
import sys
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, TypeAlias

from archcalc.core.catalogue import Catalogue
from archcalc.core.contraction import Contraction
from archcalc.core.declared import Declared
from archcalc.core.dim import Condition, Dim
from archcalc.core.kernel import Cast, Kernel, Layout, Run, Unpredicted, inputs_named, tensor_of
from archcalc.core.ops import Ops
from archcalc.core.release import OLDEST, numbers
from archcalc.core.volume import Volume
from archcalc.core.weight import Weight
from archcalc.core.window import IDENTITY, AnyWindow, Window
from archcalc.record import field, record

Requirement: TypeAlias = tuple[Condition, str]
"""A condition, and the message if it is false: "groups=3 must divide the 64 input channels"."""


class Role(enum.Enum):
    """The kind of work a layer does. Counting conventions depend on nothing else of a layer but its `ops`."""

    CONTRACTION = "contraction"  # multiply-accumulates with weights
    POOLING = "pooling"
    ADAPTIVE_POOLING = "adaptive pooling"
    BATCH_NORM = "batch norm"
    NORM = "norm"
    LOCAL_NORM = "local norm"
    SOFTMAX = "softmax"
    ACTIVATION = "activation"
    MERGE = "merge"
    RESAMPLING = "resampling"
    MOVEMENT = "movement"  # moves values, computes none


@record
class Call:
    """The PyTorch equivalent of a layer.

    `target`: a module class (`torch.nn.Conv2d`, or the class that `file` defines), called with `arguments`; empty if
    the layer needs no module.
    `parts`: the modules among its arguments, which are built first.
    `forward`: the expression that applies it; `{module}` is the module, `{0}`, `{1}` ... the inputs.
    `file`: the file in layers/torch_modules, without `.py`, that defines a class that torch does not have.
    `since`: the release of torch that it needs.
    """

    target: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    forward: str = "{module}({0})"
    file: str = ""
    parts: Mapping[str, "Call"] = field(default_factory=dict)
    since: str = OLDEST

    @property
    def needs(self) -> str:
        """The release of torch that it and its parts need."""
        return max((self.since, *(part.needs for part in self.parts.values())), key=numbers)


def module(
    target: str,
    *,
    forward: str = "{module}({0})",
    file: str = "",
    parts: Mapping[str, Call] | None = None,
    since: str = OLDEST,
    **arguments: Any,
) -> Call:
    """A layer that is a module, or a part of one."""
    return Call(target, arguments, forward, file, parts or {}, since)


def expression(forward: str) -> Call:
    """A layer that is an expression over its inputs: `expression("{0} + {1}")`."""
    return Call("", {}, forward)


def inputs_list(count: int) -> str:
    """The inputs of a merge, written for a template.

    >>> inputs_list(3)
    '{0}, {1}, {2}'
    """
    return ", ".join(f"{{{i}}}" for i in range(count))


@record(kw_only=True)
class Example:
    """A worked case of a layer: documentation, and a test against torch.

    `scalar` is stated separately because torch counts MACs only.
    """

    given: Mapping[str, Any] = field(default_factory=dict)
    x: Volume | tuple[Volume, ...]
    y: Volume
    params: int = 0
    macs: int = 0
    scalar: int = 0
    source: str = ""

    @property
    def xs(self) -> tuple[Volume, ...]:
        return self.x if isinstance(self.x, tuple) else (self.x,)


class Reference(str):
    """The value of a field that names another layer: `crop(like=u)`, `fc(tie=wte)`. Resolved to a path in the graph."""


class Letters(str):
    """The value of a field that has a letter for each axis, the batch first: `einsum(bqc, bkc, bqk, keys)`."""


def family_of(layer: type["Layer"]) -> str:
    """The family that a layer's file names, such as "Convolution"; empty if it names none."""
    return str(getattr(sys.modules[layer.__module__], "FAMILY", ""))


class PatternOfAxes(str):
    """The value of a field that has a pattern of axes on both sides of an arrow: `"b (h w) c -> b h w c"`."""


class AxisSizes(tuple[tuple[str, Dim], ...]):
    """The value of a field that collects all further keywords of a call, each a size: `p=2` of a pattern's words."""


class WeightNames(tuple[str, ...]):
    """The value of a field that takes the beginning of a weight's name, or several: `norm_of=weight_hh`."""

    __slots__ = ()


class Numbers(tuple[float, ...]):
    """The value of a field that takes one number or a list of numbers: `constant(0.5)`, `constant([1, 2, 4])`."""

    __slots__ = ()


class Sizes(tuple[Dim, ...]):
    """The value of a field that takes one size or several: `reshape(392)`, `reshape(8, 7, 7)`, `reshape([8, 7, 7])`."""

    __slots__ = ()


LAYERS: Catalogue[type["Layer"]] = Catalogue()
"""Every layer by its name in a spec, declared by the class statements in layers/."""

ALIASES: dict[str, str] = {}
"""Short names, and names that fix the rank: `fc` -> `linear`, `conv2d` -> `conv`."""

PRESETS: dict[str, Mapping[str, Any]] = {}
"""The fields that a name sets, of layers that were looked at: `fc` -> `{"flatten": True}`."""

WORD = "{word}"
"""Stands for the name of a layer as the call has it, in what `remedy` says."""

RANKED: dict[str, int] = {}
"""The rank that a name requires, of layers that were looked at: `conv2d` -> 2."""


class Layer(Declared):
    """A subclass declared with `name` can be used in specs under that name.

    positional   the fields that a call may pass without a keyword, in order
    aliases      other names for it
    presets      other names that set fields: {"fc": {"flatten": True}}
    ranks        supported spatial ranks; each adds an alias such as name + "1d", which requires that rank
    reads        fields whose value is a Reference, or several: the layers they name become further inputs, after the
                 others
    ties         fields whose value is a Reference -> the weight that is shared with the layer they name
    followed_by  keys (`norm`, `act`) that add a layer after this one
    carries      how many of the inputs the output values depend on; None: all
    interleaves  whether neighbouring features of its output come from different parts of those of its input
    decided_by   the inputs, by number, that only choose among values: no gradient flows into them
    takes_ids    whether inputs may be integers
    takes_plain  whether it needs no meaning of axes: it goes by their numbers, by the last one, or by none
    casts        what autocast does to its inputs, where that does not depend on them
    saves        the saved tensors, if it is a single kernel: of its input "x", its output "y" and its weights
    opaque       the environments in which its memory is not predicted, and why
    has_several  whether it is one output of an operation with several, which `all_outputs` lists and `index` chooses
    measured     whether its numbers are arguments that were measured on code, which no class of torch can confirm
    inputs       minimum and maximum number of inputs, without `reads`; None: no limit; 0: values of its own
    """

    role: ClassVar[Role]
    positional: ClassVar[tuple[str, ...]] = ()
    aliases: ClassVar[tuple[str, ...]] = ()
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    ranks: ClassVar[tuple[int, ...]] = ()
    reads: ClassVar[tuple[str, ...]] = ()
    ties: ClassVar[Mapping[str, str]] = {}
    followed_by: ClassVar[tuple[str, ...]] = ()
    carries: ClassVar[int | None] = None
    interleaves: ClassVar[bool] = False
    decided_by: ClassVar[tuple[int, ...]] = ()
    takes_ids: ClassVar[bool] = False
    takes_plain: ClassVar[bool] = False
    casts: ClassVar[Cast] = Cast.NONE
    saves: ClassVar[tuple[str, ...]] = ("x",)
    opaque: ClassVar[Unpredicted] = Unpredicted()
    has_several: ClassVar[bool] = False
    measured: ClassVar[bool] = False
    inputs: ClassVar[tuple[int, int | None]] = (1, 1)
    examples: ClassVar[tuple[Example, ...]] = ()

    def __init_subclass__(cls, name: str = "", positional: tuple[str, ...] = (), aliases: tuple[str, ...] = ()) -> None:
        super().__init_subclass__(name)
        cls.positional, cls.aliases = positional, aliases
        if not name:
            return
        for word in cls.other_names():
            if word in LAYERS or ALIASES.setdefault(word, name) != name:
                raise TypeError(f"the layer name {word!r} is declared twice")
        if name in ALIASES:
            raise TypeError(f"the layer name {name!r} is declared twice")
        LAYERS.add(name, cls)
        PRESETS.update(cls.presets)
        RANKED.update(cls.ranked())

    @classmethod
    def ranked(cls) -> dict[str, int]:
        """The names that fix the rank."""
        return {f"{cls.name}{rank}d": rank for rank in cls.ranks}

    @classmethod
    def other_names(cls) -> tuple[str, ...]:
        """Every name besides its own."""
        return (*cls.aliases, *cls.presets, *cls.ranked())

    def references(self) -> Iterator[Reference]:
        """The layers that the fields in `reads` name, in order."""
        for key in self.reads:
            value = getattr(self, key)
            yield from value if isinstance(value, tuple) else () if value is None else (value,)

    def requires(self, x: Volume, /) -> Iterator[Requirement]:
        """The requirements on the inputs; later requirements may rely on earlier ones."""
        yield from ()

    def remedy(self, *xs: Volume) -> str:
        """What to write instead if a requirement fails; empty if the requirement's message already says so. `WORD`
        stands for the layer's name as the call has it."""
        return ""

    def misread(self, y: Volume) -> str:
        """What to write if a layer after it needs the features at the other end of its output, `y`; empty if it says
        where they are."""
        return ""

    def windows(self, x: Volume, /) -> tuple[AnyWindow, ...]:
        """The window on each spatial axis of the (first) input."""
        return (IDENTITY,) * x.rank

    def windows_of_inputs(self, *xs: Volume) -> tuple[tuple[AnyWindow, ...], ...]:
        """The windows on each input; by default those on the first input."""
        return (self.windows(*xs),) * len(xs)

    def neighbours(self, x: Volume, /) -> Window:
        """The window over channels, for a layer that combines neighbouring channels."""
        return IDENTITY

    @abstractmethod
    def shape(self, x: Volume, /) -> Volume: ...

    def weights(self, x: Volume, /) -> Iterator[Weight]:
        yield from ()

    def ops(self, y: Volume, x: Volume, /) -> Ops:
        return Ops()

    def contractions(self, y: Volume, x: Volume, /) -> Iterator[Contraction]:
        """What its multiply-accumulates compute: the input times weights, unless it says otherwise."""
        yield Contraction(self.ops(y, x).mac)

    def cached(self, x: Volume, /) -> Dim:
        """Elements that decoding adds to the KV cache per token."""
        return 0

    def cached_tokens(self, x: Volume, /) -> Dim:
        """The number of tokens for which decoding keeps them."""
        return x.spatial[0]

    @property
    def is_source(self) -> bool:
        """Whether it takes nothing: its values are its own, and all samples share them."""
        return self.inputs[1] == 0

    def remedy_of_count(self, count: int) -> str:
        """What to write where so many names are given to its outputs, and it has more or fewer."""
        return ""

    @property
    def output_count(self) -> int:
        """How many outputs its operation has, without listing them."""
        return 1

    @property
    def all_outputs(self) -> tuple["Layer", ...]:
        """The outputs of its operation, each as a layer, where that has several; else nothing."""
        return ()

    def call_of_all(self, x: Volume, /) -> Call:
        """The equivalent PyTorch of an operation with several outputs, which are named in one line."""
        return self.call(x)

    def for_each_sample(self, *xs: Volume) -> Iterable[int]:
        """The inputs, by number, that have to be there for each sample where others are: those that all samples share
        are repeated first."""
        return range(len(xs))[: self.carries]

    @property
    def steady(self) -> bool:
        """Whether the training output for a sample is deterministic and independent of the rest of the batch."""
        return True

    def unpredicted(self, run: Run, x: Volume, /, *others: Volume) -> str:
        """Why its memory is not predicted in a run, for an input; empty if it is."""
        return self.opaque.why(run)

    def cast(self, x: Volume, /) -> Cast:
        """What autocast does to its inputs; this determines the output dtype."""
        return self.casts

    def kernels(self, run: Run, y: Volume, x: Volume, /) -> Iterator[Kernel]:
        """The operations of torch that it runs; most layers are one."""
        yield self.applied(y, x)

    def applied(self, y: Volume, x: Volume, /, reads: str = "x") -> Kernel:
        """The kernel that applies its weights to the input, or to the output of an earlier kernel."""
        return Kernel(
            reads=(reads,),
            size=tensor_of(y),
            layout=Layout(preserves=self.role is Role.ACTIVATION, fixed=not y.rank),
            saves=tuple(reads if name == "x" else name for name in self.saves),
            weights=tuple(weight.name for weight in self.weights(x) if not weight.buffer),
            cast=self.cast(x),
        )

    @abstractmethod
    def call(self, x: Volume, /) -> Call: ...


class Source(Layer):
    """A layer that can do without an input: its values are its own."""

    inputs: ClassVar[tuple[int, int | None]] = (0, 0)

    def requires(self, x: Volume | None = None, /) -> Iterator[Requirement]:
        yield from ()

    def windows(self, x: Volume | None = None, /) -> tuple[AnyWindow, ...]:
        return (IDENTITY,) * x.rank if x else ()

    @abstractmethod
    def shape(self, x: Volume | None = None, /) -> Volume: ...

    def weights(self, x: Volume | None = None, /) -> Iterator[Weight]:
        yield from ()

    def ops(self, y: Volume, x: Volume | None = None, /) -> Ops:
        return Ops()

    def contractions(self, y: Volume, x: Volume | None = None, /) -> Iterator[Contraction]:
        yield Contraction(self.ops(y, x).mac)

    def cached(self, x: Volume | None = None, /) -> Dim:
        return 0

    def unpredicted(self, run: Run, x: Volume | None = None, /, *others: Volume) -> str:
        return self.opaque.why(run)

    def cast(self, x: Volume | None = None, /) -> Cast:
        return Cast.NONE

    @abstractmethod
    def kernels(self, run: Run, y: Volume, x: Volume | None = None, /) -> Iterator[Kernel]: ...

    @abstractmethod
    def call(self, x: Volume | None = None, /) -> Call: ...


class Merge(Layer):
    """A layer with two or more inputs."""

    inputs: ClassVar[tuple[int, int | None]] = (2, None)

    def requires(self, *xs: Volume) -> Iterator[Requirement]:
        yield from ()

    def windows(self, *xs: Volume) -> tuple[AnyWindow, ...]:
        return (IDENTITY,) * max(x.rank for x in xs)

    @abstractmethod
    def shape(self, *xs: Volume) -> Volume: ...

    def weights(self, *xs: Volume) -> Iterator[Weight]:
        yield from ()

    def ops(self, y: Volume, *xs: Volume) -> Ops:
        return Ops()

    def contractions(self, y: Volume, *xs: Volume) -> Iterator[Contraction]:
        yield Contraction(self.ops(y, *xs).mac, inputs_named(len(xs)))

    def cached(self, *xs: Volume) -> Dim:
        return 0

    def unpredicted(self, run: Run, *xs: Volume) -> str:
        return self.opaque.why(run)

    def cast(self, *xs: Volume) -> Cast:
        return self.casts

    def kernels(self, run: Run, y: Volume, *xs: Volume) -> Iterator[Kernel]:
        yield Kernel(reads=inputs_named(len(xs)), size=tensor_of(y), saves=self.saves)

    @abstractmethod
    def call(self, *xs: Volume) -> Call: ...


def layer_named(word: str) -> type[Layer] | None:
    """The layer with this name or alias; None if there is none."""
    return LAYERS.found.get(word) or LAYERS.get(ALIASES.get(word, word))


def known_names() -> list[str]:
    """Every layer name and alias."""
    return [*LAYERS.names(), *ALIASES]
