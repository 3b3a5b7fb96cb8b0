"""Networks in code whose functions move elements, slice and multiply: attention by hand, windows, patches, tokens."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Windows(nn.Module):
    """Attention in windows that are folded into the batch, spelled out, between convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 12, 3, padding=1)
        self.norm = nn.LayerNorm(12)
        self.qkv = nn.Linear(12, 36)
        self.out = nn.Linear(12, 12)
        self.head = nn.Conv2d(12, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x).permute(0, 2, 3, 1)
        b, h, w, c = x.shape
        y = self.norm(x).view(b, h // 4, 4, w // 4, 4, c).permute(0, 1, 3, 2, 4, 5).reshape(-1, 16, c)
        q, k, v = self.qkv(y).reshape(-1, 16, 3, 2, c // 2).permute(2, 0, 3, 1, 4)
        y = (((q * 0.4) @ k.transpose(-2, -1)).softmax(-1) @ v).transpose(1, 2).reshape(-1, 16, c)
        y = self.out(y).view(-1, h // 4, w // 4, 4, 4, c).permute(0, 1, 3, 2, 4, 5).reshape(b, h, w, c)
        return self.head((x + y).permute(0, 3, 1, 2).contiguous())  # type: ignore[no-any-return]


class Heads(nn.Module):
    """Torch's function for attention, between projections of queries, keys and values, with the sequence first."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(12, 12) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        x = x.transpose(0, 1)
        length, batch, _ = x.shape
        q, k, v = (f(x).view(length, batch * 3, 4).transpose(0, 1) for f in (self.q, self.k, self.v))
        y = torch.bmm(torch.softmax(torch.bmm(q, k.transpose(1, 2)) / 2.5, dim=-1), v)
        other = F.scaled_dot_product_attention(q, k, v)
        return (y + other).transpose(0, 1).reshape(length, batch, 12).transpose(0, 1)


class Pixels(nn.Module):
    """A pixel shuffle, a shuffle of channels and a map of tokens, by views; numbers before and after values."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 1)
        self.map = nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        y = 1 - torch.abs(self.conv(x))
        b, c, h, w = y.shape
        y = y.view(b, 2, c // 2, h, w).transpose(1, 2).reshape(b, c, h, w)
        y = y.view(b, c // 4, 2, 2, h, w).permute(0, 1, 4, 2, 5, 3).reshape(b, c // 4, 2 * h, 2 * w)
        tokens = self.map(y.flatten(2).transpose(1, 2))
        z = tokens.transpose(1, 2).unflatten(2, (2 * h, 2 * w)) * y[:, 1:]
        return 2 / (z.square() + 1.5) - y[:, 0].unsqueeze(1).clamp(min=0.1)  # type: ignore[no-any-return]


class Mixed(nn.Module):
    """Means, squares and products of several shapes, and one axis cut into parts."""

    def __init__(self) -> None:
        super().__init__()
        self.map = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean(-1, keepdim=True)
        x = (x - mean) * ((x - mean).pow(2).mean(-1, keepdim=True) + 1e-3).rsqrt()
        a, b = self.map(x).chunk(2, dim=-1)
        first, rest = x[:, 0], x[:, 1:]
        return torch.cat([torch.maximum(a, b)[:, 1:], a[..., 1:3].abs().sqrt()[:, 1:], rest], -1) * first[:, None, :1]


class Parts(nn.Module):
    """Parts, copies and rolls along axes in the middle; learned values of several sizes; zeros along features."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.ones(1, 4, 6, 8))
        self.gamma = nn.Parameter(torch.ones(3))
        self.bias = nn.Parameter(torch.ones(6, 1))
        self.map = nn.Linear(8, 12)

    def forward(self, x: Tensor) -> Tensor:
        x = x * self.gamma.view(1, -1, 1, 1)
        y = torch.cat([x, torch.roll(x, (1, -2), (2, 3)), x[:, 1:2].expand(-1, 3, -1, -1)], 2)[:, :, 1:9:2]
        y = torch.stack([y, y.square()], 2)[:, :, 1].repeat_interleave(2, dim=1)[:, :4, :, :]
        z = self.map(F.pad(y, (0, 2, 0, 2))[..., :8] + self.table)
        a, b, c = z.view(*z.shape[:3], 3, 4).unbind(3)
        return torch.cat([a + self.bias, b - c], -1)[:, 2]


class Positions(nn.Module):
    """Tables at constant rows, a matrix stored the other way round, and a constant whose values are read."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(20, 8)
        self.places = nn.Embedding(10, 8)
        self.later = nn.Embedding(12, 8)
        self.kinds = nn.Embedding(2, 8)
        self.matrix = nn.Parameter(torch.ones(8, 6))
        self.bias = nn.Parameter(torch.ones(6))
        self.other = nn.Parameter(torch.ones(6, 6))

    def forward(self, ids: Tensor) -> Tensor:
        n = ids.shape[1]
        places = torch.arange(n, device=ids.device).unsqueeze(0)
        if (places.diff() != 1).any():
            raise ValueError("never")
        x = self.words(ids) + self.kinds(torch.zeros_like(places).expand(ids.shape[0], n))
        x = x + self.places(places).to(x.device) + self.later(places + 2)
        y = torch.addmm(self.bias, x.view(-1, 8), self.matrix).view(*x.shape[:-1], 6)
        return y @ self.other


class Frames(nn.Module):
    """Group norms and resizing of frames that are folded into the batch, and resizing with cubics."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.GroupNorm(4, 8)
        self.plain = nn.GroupNorm(2, 8, affine=False)
        self.up = nn.Upsample(scale_factor=2, mode="bicubic")
        self.head = nn.Conv2d(8, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        batch, frames = x.shape[:2]
        y = self.plain(self.norm(self.conv(x.flatten(0, 1))).relu())
        y = F.interpolate(self.head(F.interpolate(y, scale_factor=2)), scale_factor=1.5, mode="bilinear")
        y = self.up(y).view(batch, frames, 4, *self.up(y).shape[2:]).mean(1)
        return F.interpolate(y, size=(7, 9), mode="bicubic", antialias=True)
