import torch
import torch.nn.functional as F
from torch import nn


class PatchMerging(nn.Module):
    """The features of 2x2 neighbours side by side, column by column; an odd axis gets zeros at its end."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        height, width = x.shape[1:3]
        if height % 2 or width % 2:
            x = F.pad(x, (0, 0, 0, width % 2, 0, height % 2))
        x = x.unflatten(2, (-1, 2)).unflatten(1, (-1, 2))
        return x.permute(0, 1, 3, 4, 2, 5).flatten(3)
