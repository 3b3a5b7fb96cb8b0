import torch
from torch import nn


class Standardised:
    """Standardises weights of a module, its own or those of its parts, and gives the module."""

    def __new__(cls, module: nn.Module, names: tuple[str, ...], scaled: bool, dim: int) -> nn.Module:  # type: ignore[misc]
        for name in names:
            part, _, weight = name.rpartition(".")
            owner = module.get_submodule(part)
            made = WithoutMean(getattr(owner, weight), scaled, dim)
            nn.utils.parametrize.register_parametrization(owner, weight, made)
        return module


class WithoutMean(nn.Module):
    """A weight without its mean and over its deviation, for each index of an axis; `scaled`: over the root of the
    number of entries, times a learned gain."""

    def __init__(self, weight: torch.Tensor, scaled: bool, dim: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.others, self.eps = [axis for axis in range(weight.dim()) if axis != dim], eps
        self.scale = 1.0
        if scaled:
            self.gain = nn.Parameter(torch.ones([n if axis == dim else 1 for axis, n in enumerate(weight.shape)]))
            self.scale = (weight.numel() / (1 if dim == -1 else weight.shape[dim])) ** -0.5

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        mean = weight.mean(self.others, keepdim=True)
        deviation = (weight.var(self.others, correction=0, keepdim=True) + self.eps).sqrt()
        made = (weight - mean) / deviation * self.scale
        return made * self.gain if hasattr(self, "gain") else made
