import torch
from torch import nn


class AffineGrid(nn.Module):
    """The places that an affine transformation of a map reads, as torch.nn.functional.affine_grid makes them."""

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.height, self.width = height, width

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, columns = ((2 * torch.arange(n).to(x) + 1) / n - 1 for n in (self.height, self.width))
        second, first = torch.meshgrid(rows, columns, indexing="ij")
        places = torch.stack([first, second, torch.ones_like(first)], dim=2).flatten(0, 1)
        matrices = x.unflatten(1, (2, 3)).transpose(1, 2)
        moved = torch.bmm(places.expand(len(x), -1, -1), matrices)
        return moved.unflatten(1, (self.height, self.width))
