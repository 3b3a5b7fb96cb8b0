import torch
import torch.nn.functional as F
from torch import nn


class RoIAlign(nn.Module):
    """Regions [B, R, 4] of maps [B, C, H, W], resampled to [B, C, R, *output_size]."""

    def __init__(
        self,
        output_size: tuple[int, int],
        spatial_scale: float = 1.0,
        sampling_ratio: int = 2,
        aligned: bool = False,
    ) -> None:
        super().__init__()
        self.output_size, self.spatial_scale = output_size, spatial_scale
        self.sampling_ratio, self.aligned = sampling_ratio, aligned

    def points(self, begin: torch.Tensor, end: torch.Tensor, cells: int) -> torch.Tensor:
        """Where the points of every region lie along one axis, in elements: [B, R, points]."""
        half = 0.5 if self.aligned else 0.0
        begin, end = begin * self.spatial_scale - half, end * self.spatial_scale - half
        length = end - begin if self.aligned else (end - begin).clamp(min=1)
        count = cells * self.sampling_ratio
        steps = (torch.arange(count).to(begin) + 0.5) / count
        return begin.unsqueeze(2) + length.unsqueeze(2) * steps

    def forward(self, x: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
        left, top, right, bottom = boxes.unbind(2)
        rows = self.points(top, bottom, self.output_size[0])
        columns = self.points(left, right, self.output_size[1])
        sides = rows.shape[1], rows.shape[2], columns.shape[2]
        y = rows.unsqueeze(3).expand(-1, *sides).flatten(1, 2)
        x_of = columns.unsqueeze(2).expand(-1, *sides).flatten(1, 2)
        height, width = x.shape[2:]
        places = torch.stack([(2 * x_of + 1) / width - 1, (2 * y + 1) / height - 1], dim=3)
        taken = F.grid_sample(x, places, padding_mode="border", align_corners=False)
        inside = (y >= -1) & (y <= height) & (x_of >= -1) & (x_of <= width)
        cells = F.avg_pool2d(taken * inside.unsqueeze(1), self.sampling_ratio)
        return cells.unflatten(2, (sides[0], self.output_size[0]))
