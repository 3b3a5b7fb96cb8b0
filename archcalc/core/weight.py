"""Weights: the tensors that a layer owns. Parameter counts, weight memory and fan-in are derived from them."""

from functools import cache

from archcalc.core.dim import Dim, is_number, prod
from archcalc.core.volume import ITEMSIZE
from archcalc.record import record


@cache
def bytes_of(shape: tuple[Dim, ...], dtype: str) -> Dim:
    """Cached: networks have many weights of few shapes."""
    return prod(shape) * ITEMSIZE[dtype]


@record
class Weight:
    """One entry of the module's `state_dict`.

    `buffer`: stored, not learned (running statistics, fixed filters). `trainable` is False for a learned tensor that is
    frozen. `shared_with`: the `state_dict` key of the entry that owns the tensor, if it is not this one. `active`: how
    many of its elements are used per token; None: all. `added`: a bias that is only ever added to another one, so that
    other frameworks omit it.
    """

    name: str
    shape: tuple[Dim, ...]
    trainable: bool = True
    buffer: bool = False
    shared_with: str = ""
    dtype: str = "float32"
    active: Dim | None = None
    added: bool = False

    @property
    def numel(self) -> Dim:
        return prod(self.shape)

    @property
    def nbytes(self) -> Dim:
        return bytes_of(self.shape, self.dtype) if is_number(*self.shape) else prod(self.shape) * ITEMSIZE[self.dtype]

    @property
    def is_bias(self) -> bool:
        """Whether it is added to sums, by its name in torch.

        >>> [Weight(name, ()).is_bias for name in ("in_proj_bias", "fc.bias", "bias_hh_l0", "bias_table")]
        [True, True, True, False]
        """
        name = self.name.rpartition(".")[2]
        return name.endswith("bias") or name.startswith(("bias_ih", "bias_hh"))

    @property
    def fan_in(self) -> Dim:
        """Inputs per output: the product of the shape without its first axis, as torch.nn.init counts."""
        return prod(self.shape[1:])
