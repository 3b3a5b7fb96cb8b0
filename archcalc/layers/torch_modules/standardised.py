import torch
from torch import nn


class Standardised(nn.Module):
    """Makes weights without their mean and over their deviation, for each index of an axis, and gives their module.

    `scaled`: over the root of the number of entries, times a learned gain. One instance makes one weight.
    """

    def __new__(  # type: ignore[misc]
        cls, module: nn.Module | None = None, names: tuple[str, ...] = (), scaled: bool = False, dim: int = 0
    ) -> nn.Module:
        if module is None:
            return super().__new__(cls)
        for name in names:
            part, _, weight = name.rpartition(".")
            owner = module.get_submodule(part)
            made = super().__new__(cls).prepared(getattr(owner, weight), scaled, dim)
            nn.utils.parametrize.register_parametrization(owner, weight, made)
        return module

    def prepared(self, weight: torch.Tensor, scaled: bool, dim: int, eps: float = 1e-6) -> nn.Module:
        super().__init__()
        self.others, self.eps, self.scale = [axis for axis in range(weight.dim()) if axis != dim], eps, 1.0
        if scaled:
            self.gain = nn.Parameter(torch.ones([n if axis == dim else 1 for axis, n in enumerate(weight.shape)]))
            self.scale = (weight.numel() / (1 if dim == -1 else weight.shape[dim])) ** -0.5
        return self

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        deviation = (weight.var(self.others, correction=0, keepdim=True) + self.eps).sqrt()
        made = (weight - weight.mean(self.others, keepdim=True)) / deviation * self.scale
        return made * self.gain if self.scale != 1 else made
