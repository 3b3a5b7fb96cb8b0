"""Generators, and a nested U-Net, in torch, by hand, as by_hand.py."""

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm, weight_norm


class TwoConvolutions(nn.Sequential):
    def __init__(self, i: int, o: int) -> None:
        first = (nn.Conv2d(i, o, 3, padding=1), nn.BatchNorm2d(o), nn.ReLU())
        super().__init__(*first, nn.Conv2d(o, o, 3, padding=1), nn.BatchNorm2d(o), nn.ReLU())


class UnetPlusPlus(nn.Module):
    """Map (i, j) is that of level i in round j."""

    def __init__(self, widths: tuple[int, ...] = (32, 64, 128, 256, 512)) -> None:
        super().__init__()
        self.levels = len(widths)
        self.maps = nn.ModuleDict()
        for i, c in enumerate(widths):
            self.maps[f"{i}_0"] = TwoConvolutions(widths[i - 1] if i else 3, c)
            for j in range(1, self.levels - i):
                self.maps[f"{i}_{j}"] = TwoConvolutions(j * c + widths[i + 1], c)
        self.last = nn.Conv2d(widths[0], 1, 1)

    def forward(self, x: Tensor) -> Any:
        found: dict[tuple[int, int], Tensor] = {}
        for j in range(self.levels):
            for i in range(self.levels - j):
                if j:
                    below = F.interpolate(found[i + 1, j - 1], scale_factor=2, mode="bilinear", align_corners=True)
                    given = torch.cat([*(found[i, k] for k in range(j)), below], 1)
                else:
                    given = F.max_pool2d(found[i - 1, 0], 2) if i else x
                found[i, j] = self.maps[f"{i}_{j}"](given)
        return self.last(found[0, self.levels - 1])


class ConditionalNorm(nn.Module):
    def __init__(self, c: int, condition: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(c, affine=False)
        self.gain = spectral_norm(nn.Linear(condition, c, bias=False))
        self.offset = spectral_norm(nn.Linear(condition, c, bias=False))

    def forward(self, x: Tensor, y: Tensor) -> Any:
        return self.norm(x) * (1 + self.gain(y))[..., None, None] + self.offset(y)[..., None, None]


class Growing(nn.Module):
    def __init__(self, i: int, o: int, condition: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList([ConditionalNorm(i, condition), ConditionalNorm(o, condition)])
        self.first = spectral_norm(nn.Conv2d(i, o, 3, padding=1))
        self.second = spectral_norm(nn.Conv2d(o, o, 3, padding=1))
        self.shortcut = spectral_norm(nn.Conv2d(i, o, 1))

    def forward(self, x: Tensor, y: Tensor) -> Any:
        wide = self.first(F.interpolate(self.norms[0](x, y).relu(), scale_factor=2))
        return self.second(self.norms[1](wide, y).relu()) + self.shortcut(F.interpolate(x, scale_factor=2))


class AttendedMap(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.queries, self.keys = (spectral_norm(nn.Conv2d(c, c // 8, 1, bias=False)) for _ in range(2))
        self.values = spectral_norm(nn.Conv2d(c, c // 2, 1, bias=False))
        self.out = spectral_norm(nn.Conv2d(c // 2, c, 1, bias=False))
        self.share = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Any:
        keys, values = (F.max_pool2d(layer(x), 2).flatten(2) for layer in (self.keys, self.values))
        scores = (self.queries(x).flatten(2).transpose(1, 2) @ keys).softmax(-1)
        seen = (values @ scores.transpose(1, 2)).unflatten(2, x.shape[2:])
        return self.share * self.out(seen) + x


class BigGan(nn.Module):
    def __init__(self, ch: int = 96, part: int = 20, classes: int = 1000) -> None:
        super().__init__()
        self.ch = ch
        widths = [16 * ch, 16 * ch, 8 * ch, 4 * ch, 2 * ch, ch]
        self.kinds = nn.Embedding(classes, 128)
        self.first = spectral_norm(nn.Linear(part, 16 * ch * 16))
        self.steps = nn.ModuleList([Growing(i, o, part + 128) for i, o in pairwise(widths)])
        self.attended = AttendedMap(2 * ch)
        self.norm, self.last = nn.BatchNorm2d(ch), spectral_norm(nn.Conv2d(ch, 3, 3, padding=1))

    def forward(self, z: Tensor, kind: Tensor) -> Any:
        embedded = self.kinds(kind)[:, 0]
        first, *others = torch.chunk(z, 6, 1)
        x = self.first(first).unflatten(1, (16 * self.ch, 4, 4))
        for step, each in zip(self.steps, others, strict=True):
            x = self.attended(x) if x.shape[1] == 2 * self.ch else x
            x = step(x, torch.cat([each, embedded], 1))
        return torch.tanh(self.last(self.norm(x).relu()))


class DilatedUnit(nn.Module):
    def __init__(self, c: int, d: int) -> None:
        super().__init__()
        dilated = (nn.LeakyReLU(0.2), nn.ReflectionPad1d(d), weight_norm(nn.Conv1d(c, c, 3, dilation=d)))
        self.branch = nn.Sequential(*dilated, nn.LeakyReLU(0.2), weight_norm(nn.Conv1d(c, c, 1)))
        self.shortcut = weight_norm(nn.Conv1d(c, c, 1))

    def forward(self, x: Tensor) -> Any:
        return self.branch(x) + self.shortcut(x)


def melgan(c: int = 512) -> nn.Module:
    parts: list[nn.Module] = [nn.ReflectionPad1d(3), weight_norm(nn.Conv1d(80, c, 7))]
    for r in (8, 8, 2, 2):
        parts += [nn.LeakyReLU(0.2), weight_norm(nn.ConvTranspose1d(c, c // 2, 2 * r, r, padding=r // 2))]
        c //= 2
        parts += [DilatedUnit(c, 3**i) for i in range(3)]
    parts += [nn.LeakyReLU(0.2), nn.ReflectionPad1d(3), weight_norm(nn.Conv1d(c, 1, 7)), nn.Tanh()]
    return nn.Sequential(*parts)


NETWORKS: Mapping[str, Callable[[], nn.Module]] = {
    "biggan": BigGan,
    "melgan": melgan,
    "unet_plusplus": UnetPlusPlus,
}
