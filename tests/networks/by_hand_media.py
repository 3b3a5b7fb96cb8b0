"""Networks for pictures, video, sound, graphs and tables in torch, written by hand from their papers, as by_hand.py."""

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# --- pictures ---------------------------------------------------------------------------------------------------------


class DitBlock(nn.Module):
    def __init__(self, w: int, heads: int) -> None:
        super().__init__()
        self.heads, self.qkv, self.out = heads, nn.Linear(w, 3 * w), nn.Linear(w, w)
        self.mlp = nn.Sequential(nn.Linear(w, 4 * w), nn.GELU("tanh"), nn.Linear(4 * w, w))
        self.modulation = nn.Sequential(nn.SiLU(), nn.Linear(w, 6 * w))

    def attended(self, x: Tensor) -> Any:
        b, n, w = x.shape
        q, k, v = self.qkv(x).view(b, n, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        return self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, n, w))

    def forward(self, x: Tensor, c: Tensor) -> Any:
        parts = self.modulation(c)[:, None].chunk(6, -1)
        for f, (shift, scale, gate) in ((self.attended, parts[:3]), (self.mlp, parts[3:])):
            x = x + gate * f(F.layer_norm(x, x.shape[-1:]) * (1 + scale) + shift)
        return x


class Dit(nn.Module):
    """Its fixed table of positions is no parameter here."""

    def __init__(self, w: int = 1152, heads: int = 16, depth: int = 28) -> None:
        super().__init__()
        self.first, self.classes = nn.Conv2d(4, w, 2, 2), nn.Embedding(1001, w)
        self.time = nn.Sequential(nn.Linear(256, w), nn.SiLU(), nn.Linear(w, w))
        self.blocks = nn.ModuleList(DitBlock(w, heads) for _ in range(depth))
        self.modulation, self.last = nn.Sequential(nn.SiLU(), nn.Linear(w, 2 * w)), nn.Linear(w, 32)

    def forward(self, x: Tensor, time: Tensor, label: Tensor) -> Any:
        b, _, h, w = x.shape
        c = self.time(time) + self.classes(label.long()).squeeze(1)
        x = self.first(x).flatten(2).transpose(1, 2)
        for block in self.blocks:
            x = block(x, c)
        shift, scale = self.modulation(c)[:, None].chunk(2, -1)
        x = self.last(F.layer_norm(x, x.shape[-1:]) * (1 + scale) + shift)
        return x.view(b, h // 2, w // 2, 2, 2, 8).permute(0, 5, 1, 3, 2, 4).reshape(b, 8, h, w)


# --- video ------------------------------------------------------------------------------------------------------------


def normed(i: int, o: int, k: tuple[int, int, int], s: tuple[int, int, int] = (1, 1, 1)) -> nn.Sequential:
    t, h, w = k
    return nn.Sequential(nn.Conv3d(i, o, k, s, (t // 2, h // 2, w // 2), bias=False), nn.BatchNorm3d(o))


class Bottleneck3d(nn.Module):
    def __init__(self, i: int, c: int, t: int, s: int) -> None:
        super().__init__()
        self.a, self.b = normed(i, c, (t, 1, 1)), normed(c, c, (1, 3, 3), (1, s, s))
        self.c = normed(c, 4 * c, (1, 1, 1))
        self.skip = normed(i, 4 * c, (1, 1, 1), (1, s, s)) if i != 4 * c or s > 1 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.skip(x) + self.c(F.relu(self.b(F.relu(self.a(x))))))


class Slowfast(nn.Module):
    """Two streams: the slow one reads what the fast one makes."""

    def __init__(self) -> None:
        super().__init__()
        self.slow_stem, self.fast_stem = (normed(3, c, (t, 7, 7), (1, 2, 2)) for c, t in ((64, 1), (8, 5)))
        self.slow, self.fast, self.laterals = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        wide, thin = 64, 8
        for c, n, s, t in ((64, 3, 1, 1), (128, 4, 2, 1), (256, 6, 2, 3), (512, 3, 2, 3)):
            self.laterals.append(normed(thin, 2 * thin, (5, 1, 1), (8, 1, 1)))
            self.slow.append(self.stage(wide + 2 * thin, c, n, s, t))
            self.fast.append(self.stage(thin, c // 8, n, s, 3))
            wide, thin = 4 * c, c // 2
        self.last = nn.Linear(wide + thin, 400)

    def stage(self, i: int, c: int, n: int, s: int, t: int) -> nn.Module:
        return nn.Sequential(*(Bottleneck3d(4 * c if k else i, c, t, 1 if k else s) for k in range(n)))

    def forward(self, few: Tensor, many: Tensor) -> Any:
        stems = ((self.slow_stem, few), (self.fast_stem, many))
        x, y = (F.max_pool3d(F.relu(stem(each)), (1, 3, 3), (1, 2, 2), (0, 1, 1)) for stem, each in stems)
        for slow, fast, lateral in zip(self.slow, self.fast, self.laterals, strict=True):
            x, y = slow(torch.cat([x, F.relu(lateral(y))], 1)), fast(y)
        return self.last(torch.cat([x.mean((2, 3, 4)), y.mean((2, 3, 4))], 1))


# --- places -----------------------------------------------------------------------------------------------------------


class Stage3d(nn.Module):
    def __init__(self, c: int, n: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv3d(c, c, 5, padding=2) for _ in range(n))
        self.acts = nn.ModuleList(nn.PReLU(c) for _ in range(n))

    def forward(self, x: Tensor) -> Any:
        y = x
        for k, (conv, act) in enumerate(zip(self.convs, self.acts, strict=True), 1):
            y = act(conv(y) + (x if k == len(self.convs) else 0))
        return y


class Vnet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.act = nn.Conv3d(1, 16, 5, padding=2), nn.PReLU(16)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for c, n in ((16, 2), (32, 3), (64, 3), (128, 3)):
            self.down.append(nn.Sequential(nn.Conv3d(c, 2 * c, 2, 2), nn.PReLU(2 * c), Stage3d(2 * c, n)))
        for i, c, n in ((256, 128, 3), (256, 64, 3), (128, 32, 2), (64, 16, 1)):
            grown = nn.Sequential(nn.ConvTranspose3d(i, c, 2, 2), nn.PReLU(c))
            self.up.append(nn.ModuleList([grown, Stage3d(2 * c, n)]))
        self.last = nn.Conv3d(32, 2, 1)

    def forward(self, x: Tensor) -> Any:
        x = self.act(self.first(x) + x)
        skips = []
        for down in self.down:
            skips.append(x)
            x = down(x)
        for up in self.up:
            assert isinstance(up, nn.ModuleList)
            x = up[1](torch.cat([up[0](x), skips.pop()], 1))
        return self.last(x).softmax(1)


def full(*sizes: int) -> nn.Sequential:
    """The same maps for each point, with a norm after each."""
    each = (nn.Sequential(nn.Conv1d(i, o, 1), nn.BatchNorm1d(o), nn.ReLU()) for i, o in pairwise(sizes))
    return nn.Sequential(*each)


class Turned(nn.Module):
    def __init__(self, k: int) -> None:
        super().__init__()
        self.k, self.points, self.whole, self.last = (
            k,
            full(k, 64, 128, 1024),
            full(1024, 512, 256),
            nn.Linear(256, k * k),
        )

    def forward(self, x: Tensor) -> Any:
        y = self.whole(self.points(x).amax(2, keepdim=True)).flatten(1)
        return (x.transpose(1, 2) @ self.last(y).view(-1, self.k, self.k)).transpose(1, 2)


class Pointnet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.points = nn.Sequential(Turned(3), full(3, 64, 64), Turned(64), full(64, 64, 128, 1024))
        self.whole, self.last = full(1024, 512, 256), nn.Linear(256, 40)

    def forward(self, x: Tensor) -> Any:
        return self.last(self.whole(self.points(x).amax(2, keepdim=True)).flatten(1))


# --- sound ------------------------------------------------------------------------------------------------------------


class Demucs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down, self.up, i = nn.ModuleList(), nn.ModuleList(), 2
        for k in range(6):
            c = 64 * 2**k
            gated = (nn.Conv1d(c, 2 * c, 1), nn.GLU(1))
            self.down.append(nn.Sequential(nn.Conv1d(i, c, 8, 4), nn.ReLU(), *gated))
            back = (nn.Conv1d(c, 2 * c, 3), nn.GLU(1), nn.ConvTranspose1d(c, i if k else 8, 8, 4))
            self.up.insert(0, nn.Sequential(*back, nn.ReLU() if k else nn.Identity()))
            i = c
        self.lstm, self.last = nn.LSTM(i, i, 2, bidirectional=True, batch_first=True), nn.Linear(2 * i, i)

    def forward(self, x: Tensor) -> Any:
        skips = []
        for down in self.down:
            x = down(x)
            skips.append(x)
        x = self.last(self.lstm(x.transpose(1, 2))[0]).transpose(1, 2)
        for up in self.up:
            skip = skips.pop()
            cut = (skip.shape[-1] - x.shape[-1]) // 2
            x = up(x + skip[..., cut : cut + x.shape[-1]])
        return x


# --- graphs -----------------------------------------------------------------------------------------------------------


class GraphAttention(nn.Module):
    def __init__(self, i: int, heads: int, d: int) -> None:
        super().__init__()
        self.heads, self.map, self.bias = (
            heads,
            nn.Linear(i, heads * d, bias=False),
            nn.Parameter(torch.empty(heads * d)),
        )
        self.ours, self.theirs = (nn.Parameter(torch.empty(heads, d, 1)) for _ in range(2))

    def forward(self, x: Tensor, strangers: Tensor) -> Any:
        h = self.map(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        scores = F.leaky_relu(h @ self.ours + (h @ self.theirs).transpose(2, 3), 0.2)
        weights = scores.masked_fill(strangers > 0, -torch.inf).softmax(-1)
        return (weights @ h).transpose(1, 2).flatten(2) + self.bias


class Gat(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = GraphAttention(1433, 8, 8), GraphAttention(64, 1, 7)

    def forward(self, x: Tensor, strangers: Tensor) -> Any:
        return self.last(F.elu(self.first(x, strangers)), strangers)


# --- tables -----------------------------------------------------------------------------------------------------------


class TableBlock(nn.Module):
    def __init__(self, w: int, heads: int, hidden: int, first: bool) -> None:
        super().__init__()
        self.heads, self.maps = heads, nn.ModuleList(nn.Linear(w, w) for _ in range(4))
        self.before = nn.Identity() if first else nn.LayerNorm(w)
        self.norm, self.up, self.down = nn.LayerNorm(w), nn.Linear(w, 2 * hidden), nn.Linear(hidden, w)

    def forward(self, x: Tensor) -> Any:
        y = self.before(x)
        q, k, v = (each(y).unflatten(-1, (self.heads, -1)).transpose(1, 2) for each in self.maps[:3])
        x = x + self.maps[3](F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        a, b = self.up(self.norm(x)).chunk(2, -1)
        return x + self.down(a * F.relu(b))


class FtTransformer(nn.Module):
    def __init__(self, numbers: int = 8, w: int = 192) -> None:
        super().__init__()
        self.vectors, self.offsets = (nn.Parameter(torch.empty(numbers, w)) for _ in range(2))
        self.first = nn.Parameter(torch.empty(w))
        self.blocks = nn.ModuleList(TableBlock(w, 8, 256, i == 0) for i in range(3))
        self.norm, self.last = nn.LayerNorm(w), nn.Linear(w, 1)

    def forward(self, x: Tensor) -> Any:
        x = x[..., None] * self.vectors + self.offsets
        x = torch.cat([self.first.expand(len(x), 1, -1), x], 1)
        for block in self.blocks:
            x = block(x)
        return self.last(F.relu(self.norm(x[:, 0])))


NETWORKS: Mapping[str, Callable[[], nn.Module]] = {
    "demucs": Demucs, "dit": Dit, "ft_transformer": FtTransformer, "gat": Gat, "pointnet": Pointnet,
    "slowfast": Slowfast, "vnet": Vnet,
}  # fmt: skip
"""By the names of their specs."""
