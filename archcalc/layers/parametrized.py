"""Weights that are made from others each time a layer runs: weight normalisation and spectral normalisation."""

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from archcalc.core.dim import Dim, prod
from archcalc.core.kernel import Run
from archcalc.core.volume import Volume
from archcalc.core.weight import Weight
from archcalc.layer import Call, Layer, Requirement, module

NORMALISED = "what torch makes of a normalised weight each time, and keeps, is not modelled"
"""Why memory is not predicted."""


class Parametrized(Layer):
    """Abstract: its `weight` is its own, or made of others by a `parametrization`.

    weight_norm     a direction, of the size of the weight, and a length for each index of one of its axes
    spectral_norm   the weight over its largest singular value, which two buffers approximate

    `norm_dim` is that axis, 0 as in torch if it is not given; with -1, there is one length for all. Computing the
    weight is not counted: it does not depend on the input.

    Sources: Salimans & Kingma 2016, arXiv:1602.07868, equation 2; Miyato et al. 2018, arXiv:1802.05957, equation 8;
    torch.nn.utils.parametrizations (names in `state_dict`).
    """

    rows: ClassVar[int] = 0
    """The axis of the weight whose singular values are those of the matrix, unless it is given."""

    parametrization: Literal["weight_norm", "spectral_norm"] | None = None
    norm_dim: Dim | None = None

    def parametrized(self, weight: Weight) -> Iterator[Requirement]:
        """The requirements on how its weight is made."""
        stated = self.parametrization is not None or self.norm_dim is None
        yield stated, "norm_dim belongs to parametrization: write weight_norm or spectral_norm, or remove it"
        if self.norm_dim is not None:
            last = len(weight.shape) - 1
            yield (
                -1 <= self.norm_dim <= last,
                f"norm_dim must be an axis of the weight, 0 to {last}, got {self.norm_dim}",
            )

    def stored(self, weight: Weight) -> Iterator[Weight]:
        """The weight, or what it is made of."""
        prefix = f"parametrizations.{weight.name}"
        if self.parametrization == "weight_norm":
            axis = self.norm_dim or 0
            lengths = tuple(n if at == axis else 1 for at, n in enumerate(weight.shape))
            yield Weight(f"{prefix}.original0", () if axis == -1 else lengths)
            yield Weight(f"{prefix}.original1", weight.shape)
        elif self.parametrization == "spectral_norm":
            axis = self.rows if self.norm_dim is None else self.norm_dim % len(weight.shape)
            yield Weight(f"{prefix}.original", weight.shape)
            yield Weight(f"{prefix}.0._u", (weight.shape[axis],), buffer=True)
            yield Weight(f"{prefix}.0._v", (prod(n for at, n in enumerate(weight.shape) if at != axis),), buffer=True)
        else:
            yield weight

    def unpredicted(self, run: Run, x: Volume, /, *others: Volume) -> str:
        return super().unpredicted(run, x, *others) if self.parametrization is None else NORMALISED

    def made(self, call: Call) -> Call:
        """The module, with its parametrization."""
        if self.parametrization is None:
            return call
        target = f"torch.nn.utils.parametrizations.{self.parametrization}"
        given: dict[str, Any] = {} if self.norm_dim is None else {"dim": self.norm_dim}
        return module(target, forward=call.forward, parts={"module": call}, **given)
