"""Weights that are made from others each time a layer runs: normalised by length, singular value, or deviation."""

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, ClassVar, Literal

from archcalc.core.dim import Dim, prod
from archcalc.core.kernel import Run
from archcalc.core.volume import Volume
from archcalc.core.weight import Weight
from archcalc.layer import Call, Layer, Requirement, WeightNames, module
from archcalc.record import replace

NORMALISED = "what torch makes of a normalised weight each time, and keeps, is not modelled"
"""Why memory is not predicted."""


STANDARDISED = {"weight_standardization": False, "scaled_weight_standardization": True}
"""Those that take means away and divide by deviations, and whether they have a learned gain."""


class Parametrized(Layer):
    """Abstract: its matrices and filters are its own, or made of others by a `parametrization`.

    weight_norm             a direction, of the size of the weight, and a length for each index of one of its axes
    spectral_norm           the weight over its largest singular value, which two buffers approximate
    weight_standardization  the weight without its mean and over its deviation, for each index of one of its axes
    scaled_weight_standardization  the same over the root of the number of entries, times a learned gain for each index

    `norm_dim` is that axis, 0 as in torch if it is not given, and that of the outputs of `upconv` where weights are
    standardised; with -1, there is one length, mean or deviation for all. `norm_of` selects
    weights by the beginnings of their names; without it, all are normalised but biases. Computing a weight is not
    counted: it does not depend on the input.

    A subclass states its weights and its module as if there were no parametrization; what is stored, and how the module
    is made, follows here.

    Sources: Salimans & Kingma 2016, arXiv:1602.07868, equation 2; Miyato et al. 2018, arXiv:1802.05957, equation 8;
    Qiao et al. 2019, arXiv:1903.10520, equation 4; Brock et al. 2021, arXiv:2101.08692, equation 5, with a gain as in
    its section 4.1; torch.nn.utils.parametrizations, torch.nn.utils.parametrize (names in `state_dict`).
    """

    singular_axis: ClassVar[int] = 0
    """The axis of a weight that has the outputs: its singular values are those of the matrix, unless it is given."""

    parametrization: (
        Literal["weight_norm", "spectral_norm", "weight_standardization", "scaled_weight_standardization"] | None
    ) = None
    norm_dim: Dim | None = None
    norm_of: WeightNames = WeightNames()

    def __init_subclass__(cls, **declared: Any) -> None:
        super().__init_subclass__(**declared)
        for order in (cls.known, vars(cls)["record_fields"]):
            order |= {name: order.pop(name) for name in Parametrized.__annotations__ if name in order}  # the last ones
        if cls.name:
            wrappers: dict[str, Callable[[Any], Any]] = {
                "requires": requirements,
                "weights": stored,
                "call": made,
                "unpredicted": reasons,
            }
            for name, wrapped in wrappers.items():
                setattr(cls, name, wrapped(getattr(cls, name)))

    def matrices(self, *xs: Volume) -> dict[str, Weight]:
        """The weights of several axes, by name, as they are without a parametrization."""
        own = type(self).weights.__wrapped__(self, *xs)  # type: ignore[attr-defined]
        return {each.name: each for each in own if len(each.shape) > 1 and not each.buffer}

    def normalised(self, *xs: Volume) -> dict[str, Weight]:
        """Those that are normalised."""
        found = self.matrices(*xs).items()
        if self.norm_of:
            return {name: each for name, each in found if name.startswith(self.norm_of)}
        return {name: each for name, each in found if "bias" not in name}


def requirements(own: Callable[..., Iterator[Requirement]]) -> Callable[..., Iterator[Requirement]]:
    """The layer's own requirements, and those on how its weights are made."""

    @wraps(own)
    def requires(self: Parametrized, *xs: Volume) -> Iterator[Requirement]:
        yield from own(self, *xs)
        if self.parametrization is None:
            text = "{} belongs to parametrization: write weight_norm, spectral_norm or the like, or remove it"
            yield self.norm_dim is None, text.format("norm_dim")
            yield not self.norm_of, text.format("norm_of")
            return
        for tie in self.ties:
            yield getattr(self, tie) is None, f"{tie} and parametrization both make the weight: remove one"
        matrices = self.matrices(*xs)
        for word in self.norm_of:
            text = f"no weight has a name that begins with {word}: norm_of takes {', '.join(matrices)}"
            yield any(name.startswith(word) for name in matrices), text
        for weight in self.normalised(*xs).values() if self.norm_dim is not None else ():
            last = len(weight.shape) - 1
            text = f"norm_dim must be an axis of {weight.name}, 0 to {last}, got {self.norm_dim}"
            yield -1 <= (self.norm_dim or 0) <= last, text

    return requires


def stored(own: Callable[..., Iterator[Weight]]) -> Callable[..., Iterator[Weight]]:
    """The layer's weights, or what they are made of."""

    @wraps(own)
    def weights(self: Parametrized, *xs: Volume) -> Iterator[Weight]:
        if self.parametrization is None:
            yield from own(self, *xs)
            return
        names = self.normalised(*xs)
        for weight in own(self, *xs):
            yield from parts(self, weight) if weight.name in names else (weight,)

    return weights


def parts(layer: Parametrized, weight: Weight) -> Iterator[Weight]:
    """What a normalised weight is made of."""
    owner, dot, name = weight.name.rpartition(".")
    prefix = f"{owner}{dot}parametrizations.{name}"
    given = layer.norm_dim
    if layer.parametrization == "weight_norm":
        axis = given or 0
        lengths = tuple(n if at == axis else 1 for at, n in enumerate(weight.shape))
        yield Weight(f"{prefix}.original0", () if axis == -1 else lengths)
        yield Weight(f"{prefix}.original1", weight.shape)
    elif layer.parametrization in STANDARDISED:
        axis = layer.singular_axis if given is None else given
        yield Weight(f"{prefix}.original", weight.shape)
        if STANDARDISED[layer.parametrization]:
            yield Weight(f"{prefix}.0.gain", tuple(n if at == axis else 1 for at, n in enumerate(weight.shape)))
    else:
        axis = layer.singular_axis if given is None else given % len(weight.shape)
        yield Weight(f"{prefix}.original", weight.shape)
        yield Weight(f"{prefix}.0._u", (weight.shape[axis],), buffer=True)
        yield Weight(f"{prefix}.0._v", (prod(n for at, n in enumerate(weight.shape) if at != axis),), buffer=True)


def made(own: Callable[..., Call]) -> Callable[..., Call]:
    """The layer's module, with its parametrization."""

    @wraps(own)
    def call(self: Parametrized, *xs: Volume) -> Call:
        if self.parametrization is None:
            return own(self, *xs)
        plain = own(replace(self, parametrization=None, norm_dim=None, norm_of=WeightNames()), *xs)
        names = list(self.normalised(*xs))
        given: dict[str, Any] = {} if self.norm_dim is None else {"dim": self.norm_dim}
        if self.parametrization in STANDARDISED:
            given = {"dim": self.singular_axis, **given, "names": tuple(names)}
            given["scaled"] = STANDARDISED[self.parametrization]
            return module("Standardised", forward=plain.forward, file="standardised", parts={"module": plain}, **given)
        if names == ["weight"]:
            target = f"torch.nn.utils.parametrizations.{self.parametrization}"
            return module(target, forward=plain.forward, parts={"module": plain}, **given)
        given = dict(kind=self.parametrization, names=tuple(names)) | given
        return module("NormedParts", forward=plain.forward, file="normed_parts", parts={"module": plain}, **given)

    return call


def reasons(own: Callable[..., str]) -> Callable[..., str]:
    """Why memory is not predicted."""

    @wraps(own)
    def unpredicted(self: Parametrized, run: Run, *xs: Volume) -> str:
        return own(self, run, *xs) if self.parametrization is None else NORMALISED

    return unpredicted
