"""Networks as people publish them, made small: modules of several inputs, gates, tables up to a length."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Up(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(2 * c, c, 2, stride=2)
        self.conv = nn.Sequential(nn.Conv2d(2 * c, c, 3, padding=1), nn.BatchNorm2d(c), nn.ReLU())

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        y: Tensor = self.up(x1)
        rows, columns = x2.size()[2] - y.size()[2], x2.size()[3] - y.size()[3]
        y = F.pad(y, [columns // 2, columns - columns // 2, rows // 2, rows - rows // 2])
        found: Tensor = self.conv(torch.cat([x2, y], dim=1))
        return found


class UNet(nn.Module):
    """Each step upwards is a module of two inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.inc = nn.Conv2d(3, 4, 3, padding=1)
        self.downs = nn.ModuleList(nn.Conv2d(c, 2 * c, 3, stride=2, padding=1) for c in (4, 8, 16))
        self.ups = nn.ModuleList(Up(c) for c in (16, 8, 4))

    def forward(self, x: Tensor) -> Tensor:
        maps = [self.inc(x)]
        for down in self.downs:
            maps.append(down(maps[-1]))
        y: Tensor = maps.pop()
        for up in self.ups:
            y = up(y, maps.pop())
        return y


class Gate(nn.Module):
    """Of features, by two ways through the same layers."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Flatten(), nn.Linear(c, c // 4), nn.ReLU(), nn.Linear(c // 4, c))

    def forward(self, x: Tensor) -> Tensor:
        whole = (x.size(2), x.size(3))
        both = self.mlp(F.avg_pool2d(x, whole, stride=whole)) + self.mlp(F.max_pool2d(x, whole, stride=whole))
        return x * torch.sigmoid(both).unsqueeze(2).unsqueeze(3).expand_as(x)


class Gated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(c, d, 3, padding=1) for c, d in ((3, 8), (8, 16), (16, 16)))
        self.gates = nn.ModuleList(map(Gate, (8, 16, 16)))

    def forward(self, x: Tensor) -> Tensor:
        for conv, gate in zip(self.convs, self.gates, strict=True):
            x = gate(conv(x))
        return x


class Norm(nn.Module):
    """Layer norm as it is written in the annotated Transformer: with the unbiased deviation."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.a, self.b = nn.Parameter(torch.ones(c)), nn.Parameter(torch.zeros(c))

    def forward(self, x: Tensor) -> Tensor:
        mean, std = x.mean(-1, keepdim=True), x.std(-1, keepdim=True)
        return self.a * (x - mean) / (std + 1e-6) + self.b


class Attention(nn.Module):
    """Causal, by a mask of which a part as long as the input is taken."""

    mask: Tensor

    def __init__(self, c: int, heads: int, longest: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.out = nn.Linear(c, 3 * c), nn.Linear(c, c)
        self.register_buffer("mask", torch.tril(torch.ones(longest, longest)).view(1, 1, longest, longest))

    def forward(self, x: Tensor) -> Tensor:
        b, t, c = x.size()
        q, k, v = (y.view(b, t, self.heads, c // self.heads).transpose(1, 2) for y in self.qkv(x).split(c, dim=2))
        scores = q @ k.transpose(-2, -1) * (1.0 / math.sqrt(k.size(-1)))
        scores = scores.masked_fill(self.mask[:, :, :t, :t] == 0, float("-inf"))
        y: Tensor = (scores.softmax(-1) @ v).transpose(1, 2).contiguous().view(b, t, c)
        found: Tensor = self.out(y)
        return found


class Layer(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList((Norm(c), Norm(c)))
        self.attention, self.mlp = (
            Attention(c, 2, 24),
            nn.Sequential(nn.Linear(c, 2 * c), nn.GELU(), nn.Linear(2 * c, c)),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norms[0](x))
        found: Tensor = x + self.mlp(self.norms[1](x))
        return found


class Decoder(nn.Module):
    """A table of places and a mask, both for 24 tokens at most; the output is for the last token."""

    places: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 8)
        self.register_buffer("places", torch.rand(1, 24, 8))
        self.layers = nn.ModuleList(Layer(8) for _ in range(2))
        self.head = nn.Linear(8, 11, bias=False)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embedding(ids)
        x = x + self.places[:, : x.size(1)]
        for layer in self.layers:
            x = layer(x)
        found: Tensor = self.head(x[:, [-1], :])
        return found


class Neighbours(nn.Module):
    """What each node sees of its neighbours; there are as many rows as columns of the matrix."""

    def __init__(self, c: int, n: int) -> None:
        super().__init__()
        self.linear = nn.Linear(c, n)

    def forward(self, x: Tensor, adj: Tensor) -> Tensor:
        y = self.linear(x)
        scores = torch.where(adj > 0, y @ y.transpose(-1, -2), -9e15 * torch.ones_like(adj))
        return F.elu(scores.softmax(-1) @ y)


class GraphNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList((Neighbours(4, 6), Neighbours(6, 6), Neighbours(6, 3)))

    def forward(self, x: Tensor, adj: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x, adj)
        return x


class Policy(nn.Module):
    """Gives a mean, a deviation that all samples share, and what came in."""

    def __init__(self) -> None:
        super().__init__()
        self.mean, self.log_std = nn.Linear(4, 2), nn.Parameter(torch.zeros(2))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean = torch.tanh(self.mean(x))
        return mean, self.log_std.exp().expand_as(mean), x


class Sublayer(nn.Module):
    """What it wraps runs between two parts of it, and is no part of it."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.norm, self.scale = nn.LayerNorm(c), nn.Linear(c, c)

    def forward(self, x: Tensor, inner: nn.Module) -> Tensor:
        found: Tensor = x + self.scale(inner(self.norm(x)))
        return found


class Wrapping(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.sublayers = nn.ModuleList(Sublayer(4) for _ in range(2))
        self.mlps = nn.ModuleList(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 4)) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        for sublayer, mlp in zip(self.sublayers, self.mlps, strict=True):
            x = sublayer(x, mlp)
        return x


class WeightOnly(nn.Module):
    """A group norm with a weight and no bias."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.weight = nn.Conv2d(3, 8, 3), nn.Parameter(torch.ones(8))

    def forward(self, x: Tensor) -> Tensor:
        return F.group_norm(self.conv(x), 2, self.weight)
