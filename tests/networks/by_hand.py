"""Networks of the zoo in torch, written by hand from their papers: an oracle that shares nothing with archcalc."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Residual(nn.Module):
    """x + f(x), with an activation after it if there is one."""

    def __init__(self, *layers: nn.Module, after: nn.Module | None = None) -> None:
        super().__init__()
        self.layers, self.after = nn.Sequential(*layers), after or nn.Identity()

    def forward(self, x: Tensor) -> Any:
        return self.after(x + self.layers(x))


class Scaled(nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return self.factor * x


def double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2)


# --- pictures ---------------------------------------------------------------------------------------------------------


class Dense(nn.Module):
    """Five convolutions of ESRGAN, each of which reads all before it."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(64 + 32 * k, 32 if k < 4 else 64, 3, 1, 1) for k in range(5))

    def forward(self, x: Tensor) -> Any:
        xs = [x]
        for k in range(4):
            xs.append(F.leaky_relu(self.convs[k](torch.cat(xs, 1)), 0.2))
        return 0.2 * self.convs[4](torch.cat(xs, 1)) + x


class Esrgan(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 64, 3, 1, 1)
        blocks = (Residual(Dense(), Dense(), Dense(), Scaled(0.2)) for _ in range(23))
        self.body = nn.Sequential(*blocks, nn.Conv2d(64, 64, 3, 1, 1))
        self.convs = nn.ModuleList(nn.Conv2d(64, 64, 3, 1, 1) for _ in range(3))
        self.last = nn.Conv2d(64, 3, 3, 1, 1)

    def forward(self, x: Tensor) -> Any:
        x = self.first(x)
        x = x + self.body(x)
        for conv in self.convs[:2]:
            x = F.leaky_relu(conv(double(x)), 0.2)
        return self.last(F.leaky_relu(self.convs[2](x), 0.2))


def cyclegan() -> nn.Module:
    def block(i: int, o: int, k: int, s: int = 1, p: int = 0) -> list[nn.Module]:
        return [nn.Conv2d(i, o, k, s, p), nn.InstanceNorm2d(o), nn.ReLU()]

    def residual() -> nn.Module:
        one, other = nn.ReflectionPad2d(1), nn.ReflectionPad2d(1)
        return Residual(one, *block(256, 256, 3), other, *block(256, 256, 3)[:2])

    def up(i: int, o: int) -> list[nn.Module]:
        return [nn.ConvTranspose2d(i, o, 3, 2, 1, 1), nn.InstanceNorm2d(o), nn.ReLU()]

    return nn.Sequential(
        nn.ReflectionPad2d(3), *block(3, 64, 7), *block(64, 128, 3, 2, 1), *block(128, 256, 3, 2, 1),
        *(residual() for _ in range(9)), *up(256, 128), *up(128, 64), nn.ReflectionPad2d(3),
        nn.Conv2d(64, 3, 7), nn.Tanh(),
    )  # fmt: skip


def unit(i: int, o: int, k: int = 1, s: int = 1, act: nn.Module | None = None) -> nn.Sequential:
    """A convolution without bias, a batch norm and an activation."""
    return nn.Sequential(nn.Conv2d(i, o, k, s, k // 2, bias=False), nn.BatchNorm2d(o), act or nn.LeakyReLU(0.1))


class Yolo3(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stages, c = nn.ModuleList([unit(3, 32, 3)]), 32
        for n in (1, 2, 8, 8, 4):
            c *= 2
            blocks = (Residual(unit(c, c // 2), unit(c // 2, c, 3)) for _ in range(n))
            self.stages.append(nn.Sequential(unit(c // 2, c, 3, 2), *blocks))
        self.necks = nn.ModuleList([self.neck(1024, 512), self.neck(768, 256), self.neck(384, 128)])
        self.ups = nn.ModuleList([unit(512, 256), unit(256, 128)])
        self.heads = nn.ModuleList(nn.Sequential(unit(c, 2 * c, 3), nn.Conv2d(2 * c, 255, 1)) for c in (512, 256, 128))

    def neck(self, i: int, c: int) -> nn.Sequential:
        return nn.Sequential(unit(i, c), unit(c, 2 * c, 3), unit(2 * c, c), unit(c, 2 * c, 3), unit(2 * c, c))

    def forward(self, x: Tensor) -> Any:
        maps = [x]
        for stage in self.stages:
            maps.append(stage(maps[-1]))
        n5 = self.necks[0](maps[-1])
        n4 = self.necks[1](torch.cat([double(self.ups[0](n5)), maps[-2]], 1))
        n3 = self.necks[2](torch.cat([double(self.ups[1](n4)), maps[-3]], 1))
        return [head(n) for head, n in zip(self.heads, (n5, n4, n3), strict=True)]


class C2f(nn.Module):
    """A block of YOLOv8: all its bottlenecks are read."""

    def __init__(self, i: int, o: int, n: int, joined: bool) -> None:
        super().__init__()
        h = o // 2
        self.first, self.last = unit(i, o, act=nn.SiLU()), unit((2 + n) * h, o, act=nn.SiLU())
        pairs = [(unit(h, h, 3, act=nn.SiLU()), unit(h, h, 3, act=nn.SiLU())) for _ in range(n)]
        self.steps = nn.ModuleList(Residual(*pair) if joined else nn.Sequential(*pair) for pair in pairs)

    def forward(self, x: Tensor) -> Any:
        ys = list(self.first(x).chunk(2, 1))
        for step in self.steps:
            ys.append(step(ys[-1]))
        return self.last(torch.cat(ys, 1))


class Sppf(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.first, self.last = unit(c, c // 2, act=nn.SiLU()), unit(2 * c, c, act=nn.SiLU())

    def forward(self, x: Tensor) -> Any:
        ys = [self.first(x)]
        for _ in range(3):
            ys.append(F.max_pool2d(ys[-1], 5, 1, 2))
        return self.last(torch.cat(ys, 1))


class Yolo8(nn.Module):
    def __init__(self) -> None:
        super().__init__()

        def down(i: int, o: int) -> nn.Module:
            return unit(i, o, 3, 2, nn.SiLU())

        def head(c: int, w: int) -> nn.Module:
            return nn.Sequential(unit(c, w, 3, 1, nn.SiLU()), unit(w, w, 3, 1, nn.SiLU()), nn.Conv2d(w, w, 1))

        first = (down(3, 16), down(16, 32), C2f(32, 32, 1, True), down(32, 64), C2f(64, 64, 2, True))
        self.p3, self.p4 = nn.Sequential(*first), nn.Sequential(down(64, 128), C2f(128, 128, 2, True))
        self.p5 = nn.Sequential(down(128, 256), C2f(256, 256, 1, True), Sppf(256))
        self.h4, self.o3 = C2f(384, 128, 1, False), C2f(192, 64, 1, False)
        self.d3, self.o4 = down(64, 64), C2f(192, 128, 1, False)
        self.d4, self.o5 = down(128, 128), C2f(384, 256, 1, False)
        self.heads = nn.ModuleList(head(c, w) for w in (64, 80) for c in (64, 128, 256))

    def forward(self, x: Tensor) -> Any:
        p3 = self.p3(x)
        p4 = self.p4(p3)
        p5 = self.p5(p4)
        h4 = self.h4(torch.cat([double(p5), p4], 1))
        o3 = self.o3(torch.cat([double(h4), p3], 1))
        o4 = self.o4(torch.cat([self.d3(o3), h4], 1))
        o5 = self.o5(torch.cat([self.d4(o4), p5], 1))
        return [head(o) for head, o in zip(self.heads, (o3, o4, o5) * 2, strict=True)]


def plain(i: int, o: int, k: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(i, o, k, 1, k // 2), nn.BatchNorm2d(o), nn.ReLU())


class Gated(nn.Module):
    """One step of Attention U-Net's decoder."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.up, self.join = plain(2 * c, c, 3), nn.Sequential(plain(2 * c, c, 3), plain(c, c, 3))
        self.g, self.x, self.psi = (plain(i, o, 1)[:2] for i, o in ((c, c // 2), (c, c // 2), (c // 2, 1)))

    def forward(self, x: Tensor, skip: Tensor) -> Any:
        y = self.up(double(x))
        gate = torch.sigmoid(self.psi(F.relu(self.g(y) + self.x(skip))))
        return self.join(torch.cat([gate * skip, y], 1))


class AttentionUnet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        pairs = ((3, 64), (64, 128), (128, 256), (256, 512), (512, 1024))
        self.down = nn.ModuleList(nn.Sequential(plain(i, o, 3), plain(o, o, 3)) for i, o in pairs)
        self.up = nn.ModuleList(Gated(c) for c in (512, 256, 128, 64))
        self.last = nn.Conv2d(64, 1, 1)

    def forward(self, x: Tensor) -> Any:
        maps = [self.down[0](x)]
        for down in self.down[1:]:
            maps.append(down(F.max_pool2d(maps[-1], 2)))
        x = maps.pop()
        for up in self.up:
            x = up(x, maps.pop())
        return self.last(x)


class Bottleneck(nn.Module):
    """A residual of the stacked hourglass, with its norms first."""

    def __init__(self, i: int, o: int) -> None:
        super().__init__()
        sizes = ((i, o // 2, 1), (o // 2, o // 2, 3), (o // 2, o, 1))
        layers = ((nn.BatchNorm2d(a), nn.ReLU(), nn.Conv2d(a, b, k, 1, k // 2)) for a, b, k in sizes)
        self.layers = nn.Sequential(*(each for three in layers for each in three))
        self.skip = nn.Conv2d(i, o, 1) if i != o else nn.Identity()

    def forward(self, x: Tensor) -> Any:
        return self.layers(x) + self.skip(x)


class Hourglass(nn.Module):
    def __init__(self, n: int) -> None:
        super().__init__()
        inner = Hourglass(n - 1) if n > 1 else Bottleneck(256, 256)
        self.skip = Bottleneck(256, 256)
        self.low = nn.Sequential(nn.MaxPool2d(2), Bottleneck(256, 256), inner, Bottleneck(256, 256))

    def forward(self, x: Tensor) -> Any:
        return self.skip(x) + double(self.low(x))


class Hourglasses(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        stem = (nn.Conv2d(3, 64, 7, 2, 3), nn.BatchNorm2d(64), nn.ReLU(), Bottleneck(64, 128), nn.MaxPool2d(2))
        self.stem = nn.Sequential(*stem, Bottleneck(128, 128), Bottleneck(128, 256))
        stacks = (nn.Sequential(Hourglass(4), Bottleneck(256, 256), plain(256, 256, 1)) for _ in range(2))
        self.stacks = nn.ModuleList(stacks)
        self.heat = nn.ModuleList(nn.Conv2d(256, 16, 1) for _ in range(2))
        self.again = nn.ModuleList([nn.Conv2d(256, 256, 1), nn.Conv2d(16, 256, 1)])

    def forward(self, x: Tensor) -> Any:
        x = self.stem(x)
        y = self.stacks[0](x)
        first = self.heat[0](y)
        x = x + self.again[0](y) + self.again[1](first)
        return first, self.heat[1](self.stacks[1](x))


# --- video, text in pictures, places, games ---------------------------------------------------------------------------


def same_upper(x: Tensor, kernel: Sequence[int], stride: Sequence[int]) -> Tensor:
    """TensorFlow's padding: what is odd stands at the end."""
    pads: list[int] = []
    for n, k, s in reversed(list(zip(x.shape[2:], kernel, stride, strict=True))):
        total = max((-(-n // s) - 1) * s + k - n, 0)
        pads += [total // 2, total - total // 2]
    return F.pad(x, pads)


class Unit3d(nn.Module):
    def __init__(self, i: int, o: int, k: int = 1, s: int = 1) -> None:
        super().__init__()
        self.kernel, self.stride = (k,) * 3, (s,) * 3
        self.conv, self.norm = nn.Conv3d(i, o, k, s, bias=False), nn.BatchNorm3d(o)

    def forward(self, x: Tensor) -> Any:
        return F.relu(self.norm(self.conv(same_upper(x, self.kernel, self.stride))))


class Pool3d(nn.Module):
    def __init__(self, kernel: tuple[int, int, int], stride: tuple[int, int, int]) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, x: Tensor) -> Any:
        return F.max_pool3d(same_upper(x, self.kernel, self.stride), self.kernel, self.stride)


class Inception3d(nn.Module):
    def __init__(self, i: int, a: int, b: tuple[int, int], c: tuple[int, int], d: int) -> None:
        super().__init__()
        threes = (nn.Sequential(Unit3d(i, n), Unit3d(n, m, 3)) for n, m in (b, c))
        pooled = nn.Sequential(Pool3d((3, 3, 3), (1, 1, 1)), Unit3d(i, d))
        self.paths = nn.ModuleList([Unit3d(i, a), *threes, pooled])

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([path(x) for path in self.paths], 1)


def i3d() -> nn.Module:
    inc, pool = Inception3d, Pool3d
    return nn.Sequential(
        Unit3d(3, 64, 7, 2), pool((1, 3, 3), (1, 2, 2)), Unit3d(64, 64), Unit3d(64, 192, 3), pool((1, 3, 3), (1, 2, 2)),
        inc(192, 64, (96, 128), (16, 32), 32), inc(256, 128, (128, 192), (32, 96), 64), pool((3, 3, 3), (2, 2, 2)),
        inc(480, 192, (96, 208), (16, 48), 64), inc(512, 160, (112, 224), (24, 64), 64),
        inc(512, 128, (128, 256), (24, 64), 64), inc(512, 112, (144, 288), (32, 64), 64),
        inc(528, 256, (160, 320), (32, 128), 128), pool((2, 2, 2), (2, 2, 2)),
        inc(832, 256, (160, 320), (32, 128), 128), inc(832, 384, (192, 384), (48, 128), 128),
        nn.AvgPool3d((2, 7, 7), 1), nn.Conv3d(1024, 400, 1), nn.AdaptiveAvgPool3d(1), nn.Flatten(),
    )  # fmt: skip


class Crnn(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        sizes, after = (1, 64, 128, 256, 256, 512, 512), ("p", "p", "", "r", "n", "nr")
        for i, o, kinds in zip(sizes, sizes[1:], after, strict=False):
            layers.append(nn.Conv2d(i, o, 3, 1, 1, bias="n" not in kinds))
            layers += [nn.BatchNorm2d(o)] * ("n" in kinds) + [nn.ReLU()] + [nn.MaxPool2d(2)] * ("p" in kinds)
            layers += [nn.MaxPool2d(2, (2, 1), (0, 1))] * ("r" in kinds)
        self.convs = nn.Sequential(*layers, nn.Conv2d(512, 512, 2), nn.ReLU())
        self.lstm = nn.LSTM(512, 256, 2, bidirectional=True, batch_first=True)
        self.last = nn.Linear(512, 37)

    def forward(self, x: Tensor) -> Any:
        return self.last(self.lstm(self.convs(x).squeeze(2).transpose(1, 2))[0])


class Nerf(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear({0: 63, 5: 319}.get(i, 256), 256) for i in range(8))
        self.density, self.feature = nn.Linear(256, 1), nn.Linear(256, 256)
        self.view, self.colour = nn.Linear(283, 128), nn.Linear(128, 3)

    def forward(self, place: Tensor, direction: Tensor) -> Any:
        h = place
        for i, layer in enumerate(self.layers):
            h = F.relu(layer(torch.cat([place, h], -1) if i == 5 else h))
        seen = F.relu(self.view(torch.cat([self.feature(h), direction], -1)))
        return self.colour(seen), self.density(h)


class Siren(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers, self.last = nn.ModuleList(nn.Linear(n, 256) for n in (2, 256, 256, 256)), nn.Linear(256, 3)

    def forward(self, x: Tensor) -> Any:
        for layer in self.layers:
            x = torch.sin(30 * layer(x))
        return self.last(x)


class AlphaZero(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        blocks = (Residual(plain(256, 256, 3), plain(256, 256, 3)[:2], after=nn.ReLU()) for _ in range(19))
        self.tower = nn.Sequential(plain(17, 256, 3), *blocks)
        self.policy = nn.Sequential(plain(256, 2, 1), nn.Flatten(), nn.Linear(722, 362))
        value = (nn.Flatten(), nn.Linear(361, 256), nn.ReLU(), nn.Linear(256, 1), nn.Tanh())
        self.value = nn.Sequential(plain(256, 1, 1), *value)

    def forward(self, x: Tensor) -> Any:
        y = self.tower(x)
        return self.policy(y), self.value(y)


# --- sound, series, graphs --------------------------------------------------------------------------------------------


class Hifigan(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.ups, self.blocks, c = nn.Conv1d(80, 512, 7, 1, 3), nn.ModuleList(), nn.ModuleList(), 512
        for rate in (8, 8, 2, 2):
            self.ups.append(nn.ConvTranspose1d(c, c // 2, 2 * rate, rate, rate // 2))
            c //= 2
            self.blocks.append(nn.ModuleList(self.block(c, k) for k in (3, 7, 11)))
        self.last = nn.Conv1d(c, 1, 7, 1, 3)
        for each in [each for each in self.modules() if isinstance(each, nn.Conv1d | nn.ConvTranspose1d)]:
            nn.utils.parametrizations.weight_norm(each)

    def block(self, c: int, k: int) -> nn.Module:
        convs = ((nn.Conv1d(c, c, k, 1, d * (k // 2), d), nn.Conv1d(c, c, k, 1, k // 2)) for d in (1, 3, 5))
        return nn.Sequential(*(Residual(nn.LeakyReLU(0.1), a, nn.LeakyReLU(0.1), b) for a, b in convs))

    def forward(self, x: Tensor) -> Any:
        x = self.first(x)
        for up, blocks in zip(self.ups, self.blocks, strict=True):
            assert isinstance(blocks, nn.ModuleList)
            x = up(F.leaky_relu(x, 0.1))
            x = torch.stack([block(x) for block in blocks]).sum(0) / 3
        return torch.tanh(self.last(F.leaky_relu(x)))


class Separation(nn.Module):
    """One layer of Conv-TasNet: what it hands on, and what it adds to the end."""

    def __init__(self, d: int) -> None:
        super().__init__()
        wide = (nn.Conv1d(128, 512, 1), nn.PReLU(), nn.GroupNorm(1, 512), nn.Conv1d(512, 512, 3, 1, d, d, groups=512))
        self.layers = nn.Sequential(*wide, nn.PReLU(), nn.GroupNorm(1, 512))
        self.skip, self.out = nn.Conv1d(512, 128, 1), nn.Conv1d(512, 128, 1)

    def forward(self, x: Tensor) -> Any:
        y = self.layers(x)
        return x + self.out(y), self.skip(y)


class ConvTasnet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Conv1d(1, 512, 16, 8, bias=False)
        self.first = nn.Sequential(nn.GroupNorm(1, 512), nn.Conv1d(512, 128, 1))
        self.layers = nn.ModuleList(Separation(2 ** (i % 8)) for i in range(24))
        self.act, self.masks = nn.PReLU(), nn.ModuleList(nn.Conv1d(128, 512, 1) for _ in range(2))
        self.decoders = nn.ModuleList(nn.ConvTranspose1d(512, 1, 16, 8, bias=False) for _ in range(2))

    def forward(self, x: Tensor) -> Any:
        features = self.encoder(x)
        y, total = self.first(features), torch.zeros(())
        for layer in self.layers:
            y, skip = layer(y)
            total = total + skip
        total = self.act(total)
        pairs = zip(self.masks, self.decoders, strict=True)
        return [decoder(torch.sigmoid(mask(total)) * features) for mask, decoder in pairs]


class Nbeats(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(self.block() for _ in range(30))

    def block(self) -> nn.Module:
        layers = ((nn.Linear(n, 512), nn.ReLU()) for n in (90, 512, 512, 512))
        return nn.Sequential(*(each for pair in layers for each in pair), nn.Linear(512, 108))

    def forward(self, x: Tensor) -> Any:
        total = torch.zeros(())
        for block in self.blocks:
            theta = block(x)
            x, total = x - theta[:, :90], total + theta[:, 90:]
        return total


class Gcn(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(1433, 16, bias=False), nn.Linear(16, 7, bias=False)

    def forward(self, x: Tensor, neighbours: Tensor) -> Any:
        return neighbours @ self.last(F.relu(neighbours @ self.first(x)))


NETWORKS: Mapping[str, Callable[[], nn.Module]] = {
    "alphazero": AlphaZero, "attention_unet": AttentionUnet, "conv_tasnet": ConvTasnet, "crnn": Crnn,
    "cyclegan": cyclegan, "esrgan": Esrgan, "gcn": Gcn, "hifigan": Hifigan, "hourglass": Hourglasses, "i3d": i3d,
    "nbeats": Nbeats, "nerf": Nerf, "siren": Siren, "yolov3": Yolo3, "yolov8n": Yolo8,
}  # fmt: skip
"""By the names of their specs."""
