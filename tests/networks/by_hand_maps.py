"""Networks in torch that read or write maps at computed places, or remember them, by hand, as by_hand.py."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.networks.by_hand import Residual


def filtered(i: int, o: int, k: int = 3, s: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(i, o, k, s, k // 2, bias=False), nn.BatchNorm2d(o), nn.ReLU())


# --- maps -------------------------------------------------------------------------------------------------------------


class Segnet(nn.Module):
    """Its pooling layers keep their indices, which is how torch's own layers do it."""

    def __init__(self, classes: int = 12) -> None:
        super().__init__()
        widths, counts, i = (64, 128, 256, 512, 512), (2, 2, 3, 3, 3), 3
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for c, n in zip(widths, counts, strict=True):
            self.down.append(nn.Sequential(*(filtered(c if k else i, c) for k in range(n))))
            i = c
        for c, o, n in zip(widths[::-1], (512, 256, 128, 64, 64), counts[::-1], strict=True):
            self.up.append(nn.Sequential(*(filtered(c, o if k == n - 1 else c) for k in range(n))))
        self.up[-1] = nn.Sequential(filtered(64, 64), nn.Conv2d(64, classes, 3, padding=1))
        self.pool, self.unpool = nn.MaxPool2d(2, return_indices=True), nn.MaxUnpool2d(2)

    def forward(self, x: Tensor) -> Any:
        kept = []
        for step in self.down:
            y = step(x)
            x, places = self.pool(y)
            kept.append((places, y.shape))
        for step, (places, shape) in zip(self.up, reversed(kept), strict=True):
            x = step(self.unpool(x, places, output_size=shape))
        return x


class Moved(nn.Module):
    """A deformable convolution by its cost: a plain one, whose taps stay, has its weights and MACs."""

    def __init__(self, i: int, o: int, s: int) -> None:
        super().__init__()
        self.moves, self.filters = nn.Conv2d(i, 27, 3, s, 1), filtered(i, o, 3, s)

    def forward(self, x: Tensor) -> Any:
        amounts = self.moves(x)[:, 18:].sigmoid()
        return self.filters(x) * amounts.mean(1, keepdim=True)


class DcnBottleneck(nn.Module):
    def __init__(self, i: int, c: int, s: int, deform: bool) -> None:
        super().__init__()
        middle = Moved(c, c, s) if deform else filtered(c, c, 3, s)
        self.main = nn.Sequential(filtered(i, c, 1), middle, filtered(c, 4 * c, 1)[:2])
        self.skip = filtered(i, 4 * c, 1, s)[:2] if i != 4 * c else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.main(x) + self.skip(x))


def dcn_resnet50() -> nn.Module:
    blocks, i = [], 64
    for stage, (c, n) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3))):
        for k in range(n):
            blocks.append(DcnBottleneck(i, c, 2 if stage and not k else 1, stage > 0))
            i = 4 * c
    return nn.Sequential(
        filtered(3, 64, 7, 2), nn.MaxPool2d(3, 2, 1), *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(i, 1000)
    )


class SpatialTransformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.finding = nn.Sequential(
            nn.Conv2d(1, 8, 7), nn.MaxPool2d(2), nn.ReLU(), nn.Conv2d(8, 10, 5), nn.MaxPool2d(2), nn.ReLU(),
            nn.Flatten(), nn.Linear(90, 32), nn.ReLU(), nn.Linear(32, 6),
        )  # fmt: skip
        self.reading = nn.Sequential(
            nn.Conv2d(1, 10, 5), nn.MaxPool2d(2), nn.ReLU(), nn.Conv2d(10, 20, 5), nn.MaxPool2d(2), nn.ReLU(),
            nn.Flatten(), nn.Linear(320, 50), nn.ReLU(), nn.Linear(50, 10),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Any:
        found = self.finding(x).view(-1, 2, 3)
        row = torch.linspace(-27 / 28, 27 / 28, 28)
        plane = torch.stack([row.repeat(28), row.repeat_interleave(28), torch.ones(784)], 1)
        places = torch.matmul(plane, found.transpose(1, 2)).view(-1, 28, 28, 2)
        return self.reading(F.grid_sample(x, places, align_corners=False))


def leaky(i: int, o: int, k: int = 3, s: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(i, o, k, s, k // 2), nn.LeakyReLU(0.1))


class Flownetc(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2, self.conv3 = leaky(3, 64, 7, 2), leaky(64, 128, 5, 2), leaky(128, 256, 5, 2)
        self.beside, self.conv3_1 = leaky(256, 32, 1), leaky(473, 256)
        self.conv4 = nn.Sequential(leaky(256, 512, 3, 2), leaky(512, 512))
        self.conv5 = nn.Sequential(leaky(512, 512, 3, 2), leaky(512, 512))
        self.conv6 = nn.Sequential(leaky(512, 1024, 3, 2), leaky(1024, 1024))
        sizes = ((1024, 512), (1026, 256), (770, 128), (386, 64))
        self.flows = nn.ModuleList(nn.Conv2d(i, 2, 3, padding=1) for i in (1024, 1026, 770, 386, 194))
        self.larger = nn.ModuleList(nn.ConvTranspose2d(i, o, 4, 2, 1) for i, o in sizes)
        self.wider = nn.ModuleList(nn.ConvTranspose2d(2, 2, 4, 2, 1) for _ in sizes)

    def forward(self, first: Tensor, second: Tensor) -> Any:
        c2 = self.conv2(self.conv1(first))
        a, b = self.conv3(c2), self.conv3(self.conv2(self.conv1(second)))
        h, w = a.shape[2:]
        padded, shifts = F.pad(b, (20, 20, 20, 20)), range(0, 41, 2)
        moved = [padded[..., i : i + h, j : j + w] for i in shifts for j in shifts]
        products = [torch.einsum("bchw,bchw->bhw", a, each) for each in moved]
        x = self.conv3_1(torch.cat([self.beside(a), F.leaky_relu(torch.stack(products, 1) / 256, 0.1)], 1))
        kept = [c2, x, self.conv4(x)]
        kept.append(self.conv5(kept[-1]))
        x = self.conv6(kept[-1])
        for flow, larger, wider, skip in zip(self.flows, self.larger, self.wider, reversed(kept), strict=False):
            x = torch.cat([skip, F.leaky_relu(larger(x), 0.1), wider(flow(x))], 1)
        return self.flows[-1](x)


# --- codes, capsules, memories ----------------------------------------------------------------------------------------


class Vqvae(nn.Module):
    def __init__(self, w: int = 256, d: int = 64, codes: int = 512) -> None:
        super().__init__()
        inner = [nn.Sequential(nn.ReLU(), nn.Conv2d(w, w, 3, 1, 1), nn.ReLU(), nn.Conv2d(w, w, 1)) for _ in range(4)]
        a, b, c, e = map(Residual, inner)
        self.encoder = nn.Sequential(
            nn.Conv2d(3, w, 4, 2, 1), nn.ReLU(), nn.Conv2d(w, w, 4, 2, 1), a, b, nn.Conv2d(w, d, 1)
        )
        self.table = nn.Parameter(torch.empty(codes, d))
        self.decoder = nn.Sequential(
            nn.Conv2d(d, w, 1), c, e, nn.ConvTranspose2d(w, w, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(w, 3, 4, 2, 1)
        )

    def forward(self, x: Tensor) -> Any:
        z = self.encoder(x).permute(0, 2, 3, 1)
        distances = z.pow(2).sum(-1, keepdim=True) - 2 * z @ self.table.T + self.table.pow(2).sum(1)
        return self.decoder(self.table[distances.argmin(-1)].permute(0, 3, 1, 2))


def squashed(x: Tensor) -> Any:
    n = x.norm(dim=-1, keepdim=True)
    return x * n / (1 + n.square())


class Capsnet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.primary = nn.Conv2d(1, 256, 9), nn.Conv2d(256, 256, 9, 2)
        self.maps = nn.Parameter(torch.empty(1152, 10, 8, 16))
        self.decoder = nn.Sequential(
            nn.Linear(160, 512), nn.ReLU(), nn.Linear(512, 1024), nn.ReLU(), nn.Linear(1024, 784)
        )

    def forward(self, x: Tensor, label: Tensor) -> Any:
        maps = self.primary(F.relu(self.first(x))).view(len(x), 32, 8, 36)
        u = squashed(maps.transpose(2, 3).reshape(len(x), 1152, 8))
        votes = torch.einsum("bid,ijde->bije", u, self.maps)
        logits, v = torch.zeros_like(votes[..., 0]), squashed(votes.sum(1) / 10)
        for _ in range(2):
            logits = logits + torch.einsum("bije,bje->bij", votes, v)
            v = squashed(torch.einsum("bij,bije->bje", logits.softmax(2), votes))
        return v.norm(dim=-1), self.decoder((v * label).flatten(1))


class FrameMemory(nn.Module):
    """A convolutional LSTM as Keras has it: one convolution of the frame, one of the state, four gates."""

    def __init__(self, i: int, o: int, k: int) -> None:
        super().__init__()
        self.width, self.both = o, nn.Conv2d(i + o, 4 * o, k, padding=k // 2)

    def forward(self, x: Tensor) -> Any:
        h = c = x.new_zeros(len(x), self.width, *x.shape[3:])
        made = []
        for frame in x.unbind(2):
            i, f, g, o = self.both(torch.cat([frame, h], 1)).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            made.append(h)
        return torch.stack(made, 2)


def convlstm() -> nn.Module:
    return nn.Sequential(
        FrameMemory(1, 64, 5), nn.BatchNorm3d(64), FrameMemory(64, 64, 3), nn.BatchNorm3d(64), FrameMemory(64, 64, 1),
        nn.Conv3d(64, 1, 3, padding=1), nn.Sigmoid(),
    )  # fmt: skip


class Tacotron2(nn.Module):
    """One step of its decoder, from states that are given."""

    def __init__(self) -> None:
        super().__init__()
        self.symbols, self.memory = nn.Embedding(148, 512), nn.LSTM(512, 256, batch_first=True, bidirectional=True)
        self.heard = nn.Sequential(*(self.unit(512, 512, nn.ReLU()) for _ in range(3)))
        self.prenet = nn.Sequential(nn.Linear(80, 256, False), nn.ReLU(), nn.Linear(256, 256, False), nn.ReLU())
        self.attending, self.decoding = nn.LSTM(768, 1024, batch_first=True), nn.LSTM(1536, 1024, batch_first=True)
        self.query, self.keys = nn.Linear(1024, 128, False), nn.Linear(512, 128, False)
        self.where, self.places = nn.Conv1d(2, 32, 31, padding=15, bias=False), nn.Linear(32, 128, False)
        self.score, self.mel, self.stop = nn.Linear(128, 1, False), nn.Linear(1536, 80), nn.Linear(1536, 1)
        wide = (self.unit(512, 512, nn.Tanh()) for _ in range(3))
        self.after = nn.Sequential(self.unit(80, 512, nn.Tanh()), *wide, self.unit(512, 80, nn.Identity()))

    def unit(self, i: int, o: int, act: nn.Module) -> nn.Sequential:
        return nn.Sequential(nn.Conv1d(i, o, 5, padding=2), nn.BatchNorm1d(o), act)

    def step(self, cell: nn.LSTM, x: Tensor, state: Tensor) -> Any:
        h, c = state[None].chunk(2, 2)
        return cell(x[:, None], (h.contiguous(), c.contiguous()))[0][:, 0]

    def forward(self, *given: Tensor) -> Any:
        text, frame, context, attending, decoding, weights, spectrogram = given
        memory, _ = self.memory(self.heard(self.symbols(text.long()).transpose(1, 2)).transpose(1, 2))
        query = self.step(self.attending, torch.cat([self.prenet(frame), context], 1), attending)
        places = self.places(self.where(weights).transpose(1, 2))
        scores = self.score((self.query(query)[:, None] + self.keys(memory) + places).tanh())
        seen = torch.bmm(scores.softmax(1).transpose(1, 2), memory)[:, 0]
        both = torch.cat([self.step(self.decoding, torch.cat([query, seen], 1), decoding), seen], 1)
        return self.mel(both), self.stop(both), spectrogram + self.after(spectrogram)


class Styled(nn.Module):
    """A filter of each sample's own: its weights times a style, then of length 1, as one convolution in groups."""

    def __init__(self, i: int, o: int, k: int = 3, plain: bool = False) -> None:
        super().__init__()
        self.style, self.filters = nn.Linear(512, i), nn.Parameter(torch.zeros(o, i, k, k))
        self.bias, self.plain = nn.Parameter(torch.zeros(o)), plain
        if not plain:
            self.noise = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor, w: Tensor) -> Any:
        s = self.style(w)
        own = self.filters * s[:, None, :, None, None]
        if not self.plain:
            lengths = torch.einsum("oi,bi->bo", self.filters.square().sum((2, 3)), s.square())
            own = own * (lengths + 1e-8).rsqrt()[:, :, None, None, None]
        n, k = len(x), self.filters.shape[-1]
        y = F.conv2d(x.flatten(0, 1)[None], own.flatten(0, 1), padding=k // 2, groups=n)
        y = y.view(n, -1, *x.shape[2:]) + self.bias[:, None, None]
        return y if self.plain else F.leaky_relu(y + self.noise * torch.zeros_like(y[:, :1]), 0.2)


class Stylegan2(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.mapping = nn.Sequential(*(nn.Sequential(nn.Linear(512, 512), nn.LeakyReLU(0.2)) for _ in range(8)))
        self.begin, self.first = nn.Parameter(torch.zeros(1, 512, 4, 4)), Styled(512, 512)
        self.colours, self.levels, i = nn.ModuleList([Styled(512, 3, 1, True)]), nn.ModuleList(), 512
        for o in (512, 512, 512, 512, 256, 128, 64, 32):
            self.levels.append(nn.ModuleList([Styled(i, o), Styled(o, o)]))
            self.colours.append(Styled(o, 3, 1, True))
            i = o

    def forward(self, z: Tensor) -> Any:
        w = self.mapping(z / z.norm(dim=1, keepdim=True))
        y = self.first(self.begin.repeat(len(z), 1, 1, 1), w)
        rgb = self.colours[0](y, w)
        for level, colours in zip(self.levels, self.colours[1:], strict=True):
            assert isinstance(level, nn.ModuleList)
            y, rgb = (F.interpolate(each, scale_factor=2, mode="bilinear") for each in (y, rgb))
            for layer in level:
                y = layer(y, w)
            rgb = colours(y, w) + rgb
        return rgb


class Inverted(nn.Module):
    """An inverted residual of EfficientNet."""

    def __init__(self, i: int, o: int, t: int, k: int, s: int) -> None:
        super().__init__()
        m, r = t * i, max(1, i // 4)
        wide = [nn.Conv2d(i, m, 1, bias=False), nn.BatchNorm2d(m), nn.SiLU()] if t > 1 else []
        self.wide = nn.Sequential(
            *wide, nn.Conv2d(m, m, k, s, k // 2, groups=m, bias=False), nn.BatchNorm2d(m), nn.SiLU()
        )
        squeeze = (nn.AdaptiveAvgPool2d(1), nn.Conv2d(m, r, 1), nn.SiLU(), nn.Conv2d(r, m, 1), nn.Sigmoid())
        self.gate, self.keeps = nn.Sequential(*squeeze), i == o and s == 1
        self.narrow = nn.Sequential(nn.Conv2d(m, o, 1, bias=False), nn.BatchNorm2d(o))

    def forward(self, x: Tensor) -> Any:
        y = self.wide(x)
        y = self.narrow(y * self.gate(y))
        return x + y if self.keeps else y


def separable(o: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(64, 64, 3, padding=1, groups=64, bias=False), nn.Conv2d(64, o, 1))


class Fused(nn.Module):
    """A sum of maps with weights that are above 0 and add up to 1, all as large as the first."""

    def __init__(self, *widths: int) -> None:
        super().__init__()
        self.shares = nn.Parameter(torch.ones(len(widths)))
        sides = (nn.Sequential(nn.Conv2d(c, 64, 1), nn.BatchNorm2d(64)) if c != 64 else nn.Identity() for c in widths)
        self.sides, self.last = nn.ModuleList(sides), nn.Sequential(nn.SiLU(), separable(64), nn.BatchNorm2d(64))

    def forward(self, *maps: Tensor) -> Any:
        shares, rows, total = self.shares.relu(), maps[0].shape[2], torch.zeros(())
        for each, side, share in zip(maps, self.sides, shares / (shares.sum() + 1e-4), strict=True):
            y = side(each)
            y = F.max_pool2d(y, 3, 2, 1) if y.shape[2] > rows else F.interpolate(y, size=(rows, rows))
            total = total + share * y
        return self.last(total)


class Pyramid(nn.Module):
    def __init__(self, c3: int = 64, c4: int = 64, c5: int = 64) -> None:
        super().__init__()
        down = (Fused(64, 64), Fused(c5, 64), Fused(c4, 64), Fused(c3, 64))
        up = (Fused(c4, 64, 64), Fused(c5, 64, 64), Fused(64, 64, 64), Fused(64, 64))
        self.down, self.up = nn.ModuleList(down), nn.ModuleList(up)

    def forward(self, maps: list[Tensor]) -> Any:
        y, middle = maps[4], []
        for fused, each in zip(self.down, maps[3::-1], strict=True):
            y = fused(each, y)
            middle.append(y)
        made = [y]
        for fused, *given in zip(self.up, maps[1:], [*middle[2::-1], None], strict=True):
            y = fused(*(each for each in given if each is not None), y)
            made.append(y)
        return made


class Heads(nn.Module):
    def __init__(self, o: int) -> None:
        super().__init__()
        self.filters, self.last = nn.ModuleList(separable(64) for _ in range(3)), separable(o)
        self.norms = nn.ModuleList(nn.ModuleList(nn.BatchNorm2d(64) for _ in range(3)) for _ in range(5))

    def forward(self, maps: list[Tensor]) -> Any:
        made = []
        for y, norms in zip(maps, self.norms, strict=True):
            assert isinstance(norms, nn.ModuleList)
            for filters, norm in zip(self.filters, norms, strict=True):
                y = F.silu(norm(filters(y)))
            made.append(self.last(y))
        return made


class Efficientdet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.stages, i = (
            nn.Sequential(nn.Conv2d(3, 32, 3, 2, 1, bias=False), nn.BatchNorm2d(32), nn.SiLU()),
            nn.ModuleList(),
            32,
        )
        plan = (
            (1, 16, 3, 1, 1),
            (6, 24, 3, 2, 2),
            (6, 40, 5, 2, 2),
            (6, 80, 3, 3, 2),
            (6, 112, 5, 3, 1),
            (6, 192, 5, 4, 2),
        )
        for t, o, k, n, s in (*plan, (6, 320, 3, 1, 1)):
            self.stages.append(nn.Sequential(*(Inverted(o if j else i, o, t, k, 1 if j else s) for j in range(n))))
            i = o
        self.c6 = nn.Sequential(nn.Conv2d(320, 64, 1), nn.BatchNorm2d(64), nn.MaxPool2d(3, 2, 1))
        self.rounds = nn.Sequential(Pyramid(40, 112, 320), Pyramid(), Pyramid())
        self.kinds, self.boxes = Heads(810), Heads(36)

    def forward(self, x: Tensor) -> Any:
        y, maps = self.stem(x), []
        for stage in self.stages:
            y = stage(y)
            maps.append(y)
        c6 = self.c6(y)
        maps = self.rounds([maps[2], maps[4], y, c6, F.max_pool2d(c6, 3, 2, 1)])
        return self.kinds(maps), self.boxes(maps)


NETWORKS: Mapping[str, Callable[[], nn.Module]] = {
    "segnet": Segnet, "dcn_resnet50": dcn_resnet50, "stn": SpatialTransformer, "flownetc": Flownetc, "vqvae": Vqvae,
    "capsnet": Capsnet, "convlstm": convlstm, "tacotron2": Tacotron2,
    "stylegan2": Stylegan2, "efficientdet": Efficientdet,
}  # fmt: skip
