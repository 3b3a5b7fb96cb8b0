"""Networks as people write them: in several styles of forward, with what torch returns and takes."""

from collections import namedtuple
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

Outputs = namedtuple("Outputs", "features logits")


class LastState(nn.Module):
    """Reads the last state of an LSTM and drops its outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(4, 5, 2, batch_first=True)
        self.head = nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Tensor:
        state = torch.zeros(2, x.size(0), 5).to(x.device)
        _, (h, _) = self.lstm(x, (state, state))
        return self.head(h[-1])  # type: ignore[no-any-return]


class BothStates(nn.Module):
    """Time first; the states of both directions, and all outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(4, 5, 2, bidirectional=True)
        self.head = nn.Linear(10, 2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y, h = self.gru(x.transpose(0, 1))
        return self.head(torch.cat((h[-2, :, :], h[-1, :, :]), 1)), y


class FromOnes(LastState):
    """A first state that is not zero."""

    def forward(self, x: Tensor) -> Tensor:
        state = torch.ones(2, x.size(0), 5, device=x.device)
        return self.head(self.lstm(x, (state, state))[0])  # type: ignore[no-any-return]


class Packed(nn.Module):
    """Sequences of several lengths, which it reads off the padding."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(9, 4, padding_idx=0)
        self.lstm = nn.LSTM(4, 5, batch_first=True)

    def forward(self, ids: Tensor) -> Tensor:
        packed = pack_padded_sequence(self.table(ids), (ids != 0).sum(1).cpu(), batch_first=True, enforce_sorted=False)
        return pad_packed_sequence(self.lstm(packed)[0], batch_first=True)[0]


class Patches(nn.Module):
    """A vision transformer with views, permutations, chunks and a list of lists."""

    def __init__(self, dim: int = 12) -> None:
        super().__init__()
        self.map = nn.Linear(3 * 16, dim)
        self.positions = nn.Parameter(torch.randn(1, 17, dim))
        self.token = nn.Parameter(torch.randn(1, 1, dim))
        self.layers = nn.ModuleList(
            nn.ModuleList([nn.LayerNorm(dim), nn.Linear(dim, 3 * dim, bias=False), nn.Linear(dim, dim)])
            for _ in range(2)
        )

    def forward(self, image: Tensor) -> Tensor:
        b, c, h, w = image.shape
        x = image.reshape(b, c, h // 4, 4, w // 4, 4).permute(0, 2, 4, 3, 5, 1).reshape(b, -1, 16 * c)
        x = torch.cat((self.token.repeat(b, 1, 1), self.map(x)), dim=1)
        x += self.positions[:, : x.shape[1]]
        for layer in self.layers:
            assert isinstance(layer, nn.ModuleList)
            norm, qkv, out = layer
            parts = qkv(norm(x)).chunk(3, dim=-1)
            q, k, v = (each.reshape(b, x.shape[1], 2, -1).permute(0, 2, 1, 3) for each in parts)
            weights = torch.softmax(torch.matmul(q, k.transpose(-1, -2)) * q.shape[-1] ** -0.5, -1)
            x = out(torch.matmul(weights, v).permute(0, 2, 1, 3).reshape(b, x.shape[1], -1)) + x
        return x[:, 0]


class Mobile(nn.Module):
    """Modules in dictionaries, defaults of forward, conditions on sizes, slices with steps, a named tuple."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.blocks = nn.ModuleList(
            nn.ModuleDict(
                {"deep": nn.Conv2d(width, width, 3, padding=1, groups=width), "flat": nn.Conv2d(width, width, 1)}
            )
            for _ in range(2)
        )
        self.gain = nn.Parameter(torch.ones(width, 1, 1))
        self.head = nn.Linear(width, 5)

    def forward(self, x: Tensor, whole: bool = True, scale: float = 0.5) -> Any:
        x = F.silu(self.stem(x))
        for i, each in enumerate(self.blocks):
            assert isinstance(each, nn.ModuleDict)
            x = x + scale * each["flat"](F.silu(each["deep"](x))) * self.gain
            if i == 0 and x.shape[-1] > 8:
                x = F.avg_pool2d(x, 2)
        a, b = x.chunk(2, dim=1)
        x = torch.cat([a * b.tanh(), a + b], 1)[:, :, ::2, 1::2]
        features = x.flatten(2).mean(-1)
        return Outputs(features, self.head(features)) if whole else self.head(features)


class Skips(nn.Module):
    """Keeps features in a list, pads to their sizes, and returns a dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList(nn.Conv2d(i, o, 3, padding=1) for i, o in ((3, 4), (4, 8)))
        self.up = nn.ConvTranspose2d(8, 4, 2, stride=2)
        self.out = nn.Conv2d(8, 2, 1)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        kept = []
        for each in self.down:
            x = torch.relu_(each(x))
            kept.append(x)
            x = F.max_pool2d(x, 2)
        x, skip = self.up(x), kept.pop(0)
        dy, dx = skip.size(2) - x.size(2) * 2, skip.size(3) - x.size(3) * 2
        x = F.pad(F.interpolate(x, scale_factor=2), [dx // 2, dx - dx // 2, dy // 2, dy - dy // 2])
        y = self.out(torch.cat([skip, x], 1))
        return {"logits": y, "probs": y.sigmoid()}


class Cells(nn.Module):
    """Cells in a loop over time, from zeros and from what torch begins with."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.LSTMCell(4, 5)
        self.second = nn.GRUCell(5, 6)
        self.third = nn.RNNCell(6, 3, nonlinearity="relu")

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = c = x.new_zeros(x.shape[0], 5)
        g = torch.zeros(x.size(0), 6, device=x.device)
        r, kept = None, []
        for t in range(x.shape[1]):
            h, c = self.first(x[:, t], (h, c))
            g = self.second(h, g)
            r = self.third(g, r)
            kept.append(r)
        return torch.stack(kept, dim=1), c


class OneCell(nn.Module):
    """Cells that run once."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.LSTMCell(4, 5)
        self.second = nn.GRUCell(5, 5)

    def forward(self, x: Tensor) -> Tensor:
        h, c = self.first(x[:, 0])
        return self.second(c, h)  # type: ignore[no-any-return]


class Translating(nn.Module):
    """A decoder that begins with all states of an encoder; a learned first state."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.LSTM(4, 5, 2, batch_first=True)
        self.decoder = nn.LSTM(4, 5, 2, batch_first=True)
        self.begin = nn.Parameter(torch.randn(1, 1, 3))
        self.last = nn.GRU(5, 3, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        _, states = self.encoder(x)
        y, _ = self.decoder(x, states)
        return self.last(y, self.begin.repeat(1, x.size(0), 1))[0]  # type: ignore[no-any-return]


class Letters(nn.Module):
    """Products by letters: with weights of several axes, dots, several operands."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v = (nn.Parameter(torch.randn(2, 12, 6)) for _ in range(3))
        self.o = nn.Parameter(torch.randn(2, 6, 12))
        self.w = nn.Parameter(torch.randn(12, 12))

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (torch.einsum("btd,hdk->bhtk", x, each) for each in (self.q, self.k, self.v))
        weights = torch.einsum("bhtk, bhsk -> bhts", q, k).softmax(-1)
        y = torch.einsum("bhts,bhsk,hkd->btd", weights, v, self.o)
        return torch.einsum("...d,de->...e", y, self.w)


class Masked(nn.Module):
    """torch's encoder with a mask, and choices by what was computed."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(12, 2, 16, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(x.size(1)).to(x.device)
        y = self.layer(x, src_mask=mask, is_causal=True)
        y = torch.where(y > 0, y, 0.01 * y).masked_fill(y.abs() < 0.1, 0.0)
        return torch.where(y < x, x, y)


class Reading(nn.Module):
    """torch's decoder, which reads a memory."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.TransformerDecoderLayer(12, 2, 16, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x, torch.tanh(x[:, ::2]))  # type: ignore[no-any-return]


class Numbers(nn.Module):
    """One number for each sample, whole or not."""

    def __init__(self) -> None:
        super().__init__()
        self.user, self.item = nn.Embedding(7, 3), nn.Embedding(5, 3)
        self.out = nn.Linear(7, 1)

    def forward(self, user: Tensor, item: Tensor, age: Tensor) -> Tensor:
        pair = self.user(user), self.item(item), age[:, None]
        return self.out(torch.cat(pair, dim=-1)).squeeze(-1)  # type: ignore[no-any-return]


class WholeNumbers(nn.Module):
    """Positions that skip the padding, masks from what ids are, and a mean over what is left."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.positions = nn.Embedding(20, 8, padding_idx=1), nn.Embedding(40, 8)
        self.out = nn.Linear(8, 3)

    def forward(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        mask = ids.ne(1).int()
        places = torch.cumsum(mask, dim=1).type_as(mask) * mask
        x = self.words(ids) + self.positions(places.long() + 1)
        keep = (ids != 1) & ~(ids == 0) | (ids >= 5)
        x = x.masked_fill(~keep.unsqueeze(-1), 0.0)
        return self.out(x.sum(1) / (keep.float().sum(1, keepdim=True) + 1)), (ids < 1).float() + (ids > 0).float()


class Normalised(nn.Module):
    """Weights of a direction and a length."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.utils.parametrizations.weight_norm(nn.Conv1d(4, 6, 3, padding=1), dim=2)
        self.map = nn.utils.parametrizations.weight_norm(nn.Linear(6, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.map(torch.relu(self.conv(x.transpose(1, 2))).transpose(1, 2))  # type: ignore[no-any-return]


class Frames(nn.Module):
    """A small network for pictures runs on each frame of a video, whose frames are folded into the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(2, 6, 3, 2, 1), nn.BatchNorm2d(6), nn.PReLU(6), nn.MaxPool2d(3, 2, 1))
        self.inner = nn.Sequential(nn.Conv2d(6, 6, 3, padding="same", groups=2), nn.ReLU())
        self.small = nn.AdaptiveAvgPool2d((2, 3))
        self.lstm = nn.LSTM(36, 5, batch_first=True)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        b, c, t, h, w = x.shape
        y = self.stem(x.transpose(1, 2).reshape(b * t, c, h, w))
        y = torch.relu(y + self.inner(y))
        pooled = nn.functional.adaptive_max_pool2d(y, 1).view(b, t, -1)
        return self.lstm(self.small(y).reshape(b, t, -1))[0], pooled


class Channels(nn.Module):
    """Each channel is a sequence of its own, for layers of one position."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Conv1d(1, 6, 5, 2, 2), nn.GELU(), nn.AvgPool1d(2, 1), nn.Dropout(0.1))
        self.outer = nn.ConvTranspose1d(6, 2, 4, 2, 1, dilation=2)

    def forward(self, x: Tensor) -> Tensor:
        b, c, t = x.shape
        y = self.outer(self.inner(x.reshape(b * c, 1, t)))
        return y.view(b, c, *y.shape[1:]) * 0.5  # type: ignore[no-any-return]


class Volumes(nn.Module):
    """Heads are folded into the batch in front of layers of three positions, which do not meet another head."""

    def __init__(self) -> None:
        super().__init__()
        self.filters = nn.Conv3d(3, 3, 3, (1, 2, 2), 1, groups=3, bias=False)
        self.pool = nn.MaxPool3d(3, (1, 2, 1), (0, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        b, t, h, w, c = x.shape
        heads = x.view(b, t, h, w, 2, c // 2).permute(0, 4, 5, 1, 2, 3).reshape(b * 2, c // 2, t, h, w)
        y = self.pool(self.filters(heads))
        return y.view(b, 2, c // 2, t - 2, -1).permute(0, 3, 4, 1, 2).flatten(3)  # type: ignore[no-any-return]


class Pairs(nn.Module):
    """One encoder for two inputs, one batch after the other, and copies of each sample for a second one."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(2, 4, 3, 1, 1), nn.InstanceNorm2d(4), nn.ReLU(), nn.Flatten())
        self.head = nn.Linear(64, 3)

    def forward(self, x: Tensor, other: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        features = self.head(self.encoder(torch.cat((x, other))))
        first, second = features[: x.shape[0]], features[x.shape[0] :]
        one, *others = (first.repeat(3, 1) * 2).chunk(3)
        copies = second.repeat_interleave(3, 0).view(x.shape[0], -1)
        return first - second[:, :-1].sum(1, keepdim=True), torch.stack(others).sum(0) + one, copies


class Padded(nn.Module):
    """An encoder that leaves out the padding, and an average of the tokens that are no padding."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(9, 8, padding_idx=0)
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 12, batch_first=True), 2)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, ids: Tensor) -> Tensor:
        padding = ids == 0
        tokens = self.encoder(self.table(ids), src_key_padding_mask=padding)
        causal = torch.triu(torch.ones(ids.shape[1], ids.shape[1]), 1).bool()
        seen, _ = self.attention(tokens, tokens, tokens, key_padding_mask=padding, attn_mask=causal, need_weights=False)
        kept = (~padding).unsqueeze(-1)
        return (seen * kept).sum(1) / kept.sum(1).clamp(min=1)  # type: ignore[no-any-return]


class Compared(nn.Module):
    """Comparisons of numbers, whole parts, signs, and what turns an axis round."""

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        above = (x >= 0.5) | (x < -1.0)
        other = x.flip(-1)
        chosen = torch.where(x >= 0, x, x.roll(1, -1) == other)
        steps = torch.floor(x * 4) / 4 + x.round() - x.sign() * x.ceil()
        clean = torch.where(torch.isnan(x), torch.zeros_like(x), x)
        return chosen, above, above.any(-1), (x != other).all(1), steps, clean.flip((1, 2)), (x > other) * torch.erf(x)


class Spelled(nn.Module):
    """Functions that have no layer of their own."""

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        other = x.roll(1, -1) * 2
        apart = F.pairwise_distance(x, other), F.cosine_similarity(x, other, dim=-1)
        shrunk = F.hardshrink(x, 0.2) + F.softshrink(x, 0.3) + F.tanhshrink(x) + F.threshold(x, 0.1, -2.0)
        mixed = torch.lerp(x, other, 0.3) + torch.addcdiv(x, other, x.square() + 1, value=2) + F.rrelu(x)
        var, mean = torch.var_mean(x, -1, unbiased=False, keepdim=True)
        whole = x % 0.75 + x // 2
        scale = x.std((1, 2), correction=0)
        return *apart, shrunk, mixed, (x - mean) / var, whole, scale, torch.logit(x, 0.1), x.diff(), F.softmin(x, -1)


class SpelledToo(nn.Module):
    """More functions that have no layer of their own."""

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        size = x.abs() + 0.5
        logs = torch.log1p(size) + torch.log2(size) * torch.log10(size) + torch.exp2(x) - torch.expm1(x)
        angles = torch.tan(x / 9) + torch.sinh(x / 4) * torch.cosh(x / 4) + torch.deg2rad(x) - torch.rad2deg(x)
        parts = x.frac() * torch.trunc(x) + torch.erfc(x) + +x
        losses = F.mse_loss(x, size, reduction="none") + F.l1_loss(x, size, reduction="none")
        sums = torch.einsum("bij->bj", x), torch.einsum("bij->bji", x), x.norm(p=1, dim=-1, keepdim=True)
        return logs, angles, parts, losses, torch.cdist(x, x.roll(1, 1) * 2), *sums, torch.hstack([x, size])


class SpelledOut(nn.Module):
    """Functions of several values, with factors, that have no layer of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Parameter(torch.ones(12, 12)), nn.Parameter(torch.ones(12, 12))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        other = x.roll(1, -1) * 2
        sums = torch.add(x, other, alpha=3) + torch.sub(x, 1, alpha=2) + torch.rsub(x, other, alpha=0.5)
        mixed = torch.addcmul(x, other, x, value=0.5) * 2 ** (x / 4) + torch.pow(3.0, x / 9) + torch.hypot(x, other)
        maps = torch.inner(x, self.first) + torch.tensordot(x, self.second, dims=1)
        product = torch.baddbmm(x @ x.mT, x, other.mT, beta=0.5, alpha=2)
        either = (x > 0.5) ^ (other > 0.5)
        pooled = F.lp_pool1d(x.mT, 3, 2) + F.lp_pool1d(x.mT, 2, 2)
        divided = F.avg_pool2d(x.view(*x.shape[:2], 3, 4).transpose(1, 2), 2, divisor_override=3)
        means = x.mean(-1, keepdim=True).broadcast_to(x.shape)
        return sums, mixed, maps, product, either, pooled, divided, means, torch.sgn(x)


class Matrices(nn.Module):
    """Triangles and diagonals, and elements that are put in the place of others."""

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        scores = x @ x.mT
        pairs = x[:, :, None] * x[:, None]
        triangles = scores.tril() + scores.triu(2) + torch.tril(scores, -1)
        diagonals = scores.diagonal(dim1=1, dim2=2) + pairs.diagonal(dim1=1, dim2=2).sum(1)
        below = scores.diagonal(-2, -2, -1)
        whole = torch.diag_embed(x[:, 0])
        places = torch.tensor([1, 2])
        put = torch.slice_scatter(x, x[:, :2] * 2, 1, 1, 3) + torch.select_scatter(x, x[:, 0] * 3, 1, 2)
        filled = x.index_fill(1, places, 0.5) - x.index_copy(1, places, x[:, :2] * 2)
        return triangles, diagonals, below, whole, put + filled


class Shares(nn.Module):
    """Attention whose shares are read, and attention to features of another width."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.MultiheadAttention(12, 3, batch_first=True)
        self.second = nn.MultiheadAttention(12, 2, batch_first=True)
        self.third = nn.MultiheadAttention(12, 3, kdim=5, vdim=7, bias=False, batch_first=True)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        y, shares = self.first(x, x, x)
        z, heads = self.second(x, y[:, :4], y[:, :4], average_attn_weights=False)
        third, _ = self.third(x, y[..., :5], y[..., :7], need_weights=False)
        return shares, z + third, heads


class Largest(nn.Module):
    """The largest elements, all in order, and chosen ones."""

    rows: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("rows", torch.tensor([2, 0]))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        first = x.topk(2, dim=1).values + x.topk(2, dim=1, largest=False)[0]
        sorted = x.sort(-1)[0] - torch.sort(x, dim=1, descending=True).values
        chosen = x[:, [0, 3, 2]] + x[:, [1, 2, 3]], x[..., self.rows], x.index_select(-1, self.rows + 1)
        return first, sorted, *chosen, x.argmax(-1), x.argmin(-1)


class Sampled(nn.Module):
    """A map that is read at places that another map has, and maxima of which nobody reads the places."""

    def __init__(self) -> None:
        super().__init__()
        self.places = nn.Conv2d(3, 2, 3, padding=1)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        places = torch.tanh(self.places(x)).permute(0, 2, 3, 1)
        moved = F.grid_sample(x, places, align_corners=False)
        return F.max_pool2d(moved, 2, return_indices=True)[0], F.interpolate(x, size=(5, 4), mode="area")


class Paired(nn.Module):
    """All products of two features, each with its weight, and what is left after whole parts."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.pairs = nn.Linear(4, 6), nn.Bilinear(6, 4, 5)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.pairs(self.first(x), x), torch.fmod(x * 3, 2.0)


class TurnedPairs(nn.Module):
    """Rotary positions as complex numbers, in two heads of four features."""

    turns: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.wide = nn.Linear(4, 8)
        places = torch.outer(torch.arange(20.0), torch.tensor([1.0, 0.1]))
        self.turns = torch.polar(torch.ones_like(places), places)

    def forward(self, x: Tensor) -> Tensor:
        pairs = self.wide(x).float().reshape(*x.shape[:-1], 2, 2, 2)
        turns = self.turns[: x.shape[1]].view(1, x.shape[1], 1, 2)
        return torch.view_as_real(torch.view_as_complex(pairs) * turns).flatten(2).type_as(x)


class Graphs(nn.Module):
    """A matrix in front of what it multiplies, a vector behind, and a table read as a bag."""

    adjacency: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("adjacency", torch.rand(7, 7))
        self.map = nn.Linear(4, 6)
        self.mix = nn.Parameter(torch.rand(6, 2, 3))
        self.last = nn.Parameter(torch.rand(6))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = self.adjacency @ torch.relu(self.map(x))
        return y @ self.last, y.mean(1) @ self.mix.flatten(1)


class Bags(nn.Module):
    """Tables whose rows are added up for each sample."""

    def __init__(self) -> None:
        super().__init__()
        self.mean = nn.EmbeddingBag(9, 4)
        self.most = nn.EmbeddingBag(9, 4, mode="max")

    def forward(self, ids: Tensor) -> Tensor:
        return self.mean(ids) * self.most(ids)  # type: ignore[no-any-return]


class Critic(nn.Module):
    """Spectral norms in both styles of torch, and a weight norm with a bias."""

    def __init__(self) -> None:
        super().__init__()
        norm = nn.utils.parametrizations.spectral_norm
        self.filters = norm(nn.Conv2d(3, 4, 3, 2))
        self.old = nn.utils.spectral_norm(nn.Conv2d(4, 4, 3))
        self.score = norm(nn.Linear(4, 1))
        self.lengths = nn.utils.parametrizations.weight_norm(nn.Linear(4, 2))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = self.old(F.leaky_relu(self.filters(x), 0.2)).amax((2, 3))
        return self.score(y), self.lengths(y)


class Assigned(nn.Module):
    """Parts of new tensors are filled in, one by one, and parts of its input replaced."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        made = torch.empty(x.shape[0], 2, x.shape[2])
        made[:, 0] = x[:, 0]
        made[:, 1] = x[:, 1:].mean(1)
        x = x.clone()
        x[:, :, 0] = 1.5
        x[:, 2:4, 1:] = 0
        x[:, -1, -1] = x[:, 0, 1]
        return made, x


class Again(nn.Module):
    """The whole network runs twice, for two outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(3))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"logits": self.inner(x), "chances": self.inner(x).softmax(1)}


class Filters(nn.Module):
    """Filters that are no weights of a convolution: fixed ones, and standardised ones in two styles."""

    kernels: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("kernels", torch.rand(2, 1, 3, 3))
        self.first = nn.Conv2d(2, 4, 3, padding=1)
        self.second = nn.Conv2d(4, 4, 3, 2, groups=2, bias=False)
        self.gain, self.shift = nn.Parameter(torch.rand(4, 1, 1, 1)), nn.Parameter(torch.rand(4))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        edges = F.conv2d(x.mean(1, keepdim=True), self.kernels, padding=1)
        weight = self.first.weight
        weight = (weight - weight.mean((1, 2, 3), keepdim=True)) / weight.std((1, 2, 3), keepdim=True)
        y = F.conv2d(edges, weight, self.first.bias, padding=1)
        rows, gain = self.second.weight.reshape(1, 4, -1), (self.gain * 0.3).view(-1)
        other = F.batch_norm(rows, None, None, gain, training=True, momentum=0.0).reshape_as(self.second.weight)
        blurred = F.conv2d(x, self.kernels[:1].expand(3, -1, -1, -1), stride=2, groups=3)
        return F.conv2d(y, other, self.shift * 0.5, 2, groups=2), blurred


class Dropped(nn.Module):
    """Every dropout that torch has."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.maps = nn.Dropout2d(0.2)
        self.alpha = nn.AlphaDropout(0.1)
        self.both = nn.FeatureAlphaDropout(0.1)
        self.tokens = nn.Dropout1d(0.3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.both(self.alpha(self.maps(self.conv(x))))
        return self.tokens(x.flatten(2).transpose(1, 2))  # type: ignore[no-any-return]


class Chunks(nn.Module):
    """A signal in chunks: one recurrent layer along each chunk, one from chunk to chunk, with the steps in front."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.LSTM(4, 3, batch_first=True, bidirectional=True)
        self.outer = nn.GRU(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        b, c, n, k = x.shape
        y = self.inner(x.permute(0, 2, 3, 1).reshape(b * n, k, c))[0].view(b, n, k, -1)
        y = y.permute(1, 0, 2, 3).reshape(n, b * k, -1)
        return self.outer(y)[0].view(n, b, k, -1).permute(1, 3, 0, 2)  # type: ignore[no-any-return]
