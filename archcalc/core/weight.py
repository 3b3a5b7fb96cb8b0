"""Weights: the tensors that a layer owns. Parameter counts, weight memory and fan-in are derived from them."""

from dataclasses import dataclass

from archcalc.core.dim import Dim, prod


@dataclass(frozen=True, slots=True)
class Weight:
    """One entry of the module's `state_dict`.

    `buffer`: stored, not learned (running statistics, fixed filters). `trainable` is False for a learned tensor that is
    frozen. `shared_with`: the `state_dict` key of the entry that owns the tensor, if it is not this one. `active`: how
    many of its elements are used per token; None: all.
    """

    name: str
    shape: tuple[Dim, ...]
    trainable: bool = True
    buffer: bool = False
    shared_with: str = ""
    dtype: str = "float32"
    active: Dim | None = None

    @property
    def numel(self) -> Dim:
        return prod(self.shape)

    @property
    def fan_in(self) -> Dim:
        """Inputs per output: the product of the shape without its first axis, as torch.nn.init counts."""
        return prod(self.shape[1:])
