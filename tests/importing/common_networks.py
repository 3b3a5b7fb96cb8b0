"""Networks as people write them: an autoencoder that samples, a decoder in a loop, gates beside skips, masks."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Autoencoder(nn.Module):
    """Draws from a normal distribution."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(12, 8)
        self.mean, self.spread = nn.Linear(8, 3), nn.Linear(8, 3)
        self.back = nn.Linear(3, 12)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        hidden = F.relu(self.hidden(x))
        mean, logvar = self.mean(hidden), self.spread(hidden)
        std = torch.exp(0.5 * logvar)
        return torch.sigmoid(self.back(mean + torch.randn_like(std) * std)), mean, logvar


class Translator(nn.Module):
    """An encoder whose outputs and states are read, and a decoder that runs for one token after the other."""

    def __init__(self, kind: str = "GRU") -> None:
        super().__init__()
        self.words, self.said = nn.Embedding(20, 6), nn.Embedding(20, 6)
        self.encoder = getattr(nn, kind)(6, 5, 2, batch_first=True)
        self.decoder = getattr(nn, kind)(11, 5, 2, batch_first=True)
        self.score, self.out = nn.Linear(10, 1), nn.Linear(5, 20)
        self.kind = kind

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        outputs, state = self.encoder(self.words(source))
        made = torch.zeros(source.shape[0], target.shape[1], 20)
        for i in range(target.shape[1]):
            last = (state if self.kind == "GRU" else state[0])[-1]
            query = last.unsqueeze(1).repeat(1, outputs.shape[1], 1)
            weights = self.score(torch.cat((query, outputs), dim=2)).squeeze(2).softmax(dim=1)
            context = torch.bmm(weights.unsqueeze(1), outputs)
            word = self.said(target[:, i]).unsqueeze(1)
            found, state = self.decoder(torch.cat((word, context), dim=2), state)
            made[:, i] = self.out(found.squeeze(1))
        return made


class Gates(nn.Module):
    """Gated layers with a skip each; the last residual is made and never read."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv1d(4, 8, 2, dilation=2**i) for i in range(3))
        self.skips = nn.ModuleList(nn.Conv1d(4, 4, 1) for _ in range(3))
        self.rest = nn.ModuleList(nn.Conv1d(4, 4, 1) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        total: Tensor | int = 0
        for i, (conv, skip, rest) in enumerate(zip(self.convs, self.skips, self.rest, strict=True)):
            first, second = conv(F.pad(x, (2**i, 0))).chunk(2, 1)
            y = torch.tanh(first) * torch.sigmoid(second)
            total = total + skip(y)
            x = x + rest(y)
        return F.relu(total)  # type: ignore[arg-type]


class Heads(nn.Module):
    """Attention of the positions of a picture, with heads that are folded into the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.out = nn.Conv2d(8, 24, 1), nn.Conv2d(8, 8, 1)

    def forward(self, x: Tensor) -> Tensor:
        b, c, h, w = x.shape
        q, k, v = self.qkv(x).reshape(b * 2, c // 2 * 3, h * w).chunk(3, dim=1)
        weights = torch.einsum("bct,bcs->bts", q * 0.5, k).softmax(-1)
        y = torch.einsum("bts,bcs->bct", weights, v).reshape(b, c, h, w)
        return x + self.out(y)  # type: ignore[no-any-return]


class Words(nn.Module):
    """Pooling over all positions, as the code says, and numbers of rows that begin elsewhere for each column."""

    def __init__(self) -> None:
        super().__init__()
        self.first = torch.tensor([0, 2, 5])
        self.words, self.columns = nn.Embedding(20, 6), nn.Embedding(7, 6)
        self.convs = nn.ModuleList(nn.Conv1d(6, 4, k) for k in (2, 3))
        self.out = nn.Linear(26, 3)

    def forward(self, x: Tensor, chosen: Tensor) -> Tensor:
        y = self.words(x).transpose(1, 2)
        found = [F.relu(conv(y)) for conv in self.convs]
        pooled = [F.max_pool1d(each, each.size(2)).squeeze(2) for each in found]
        rows = self.columns(chosen + self.first.unsqueeze(0))
        return self.out(torch.cat([*pooled, rows.flatten(1)], dim=1))  # type: ignore[no-any-return]


class Causal(nn.Module):
    """Torch's encoder with the mask that hides later tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(20, 8)
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2)

    def forward(self, x: Tensor) -> Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1])
        return self.encoder(self.words(x), mask=mask)  # type: ignore[no-any-return]


class Tree(nn.Module):
    """A module that holds modules of its own class; batch norms with two settings; a norm that only some have."""

    def __init__(self, depth: int, width: int = 8) -> None:
        super().__init__()
        self.left: nn.Module = Tree(depth - 1, width) if depth else Step(width, True)
        self.right: nn.Module = Tree(depth - 1, width) if depth else Step(width, False)
        self.root = nn.Sequential(nn.Conv2d(2 * width, width, 1), nn.BatchNorm2d(width, eps=1e-3))

    def forward(self, x: Tensor) -> Tensor:
        left = self.left(x)
        return F.relu(self.root(torch.cat((left, self.right(left)), dim=1)))


class Step(nn.Module):
    def __init__(self, width: int, normed: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1, bias=not normed)
        self.norm = nn.BatchNorm2d(width) if normed else nn.Identity()
        self.last = nn.Sequential(nn.Conv2d(width, width, 1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.last(F.relu(self.norm(self.conv(x))))  # type: ignore[no-any-return]


class Rows(nn.Module):
    """Rows of a buffer of whole numbers that each token names; a head on the first token that nothing reads."""

    kinds: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("kinds", torch.arange(9) % 2)
        self.words, self.kind = nn.Embedding(20, 6), nn.Embedding(2, 6)
        self.unread, self.out = nn.Linear(6, 4), nn.Linear(6, 20)

    def forward(self, x: Tensor) -> Tensor:
        kinds = torch.gather(self.kinds[None].expand(x.shape[0], -1), 1, x)
        y = self.words(x) + self.kind(kinds)
        self.unread(y[:, 0])
        return self.out(y)  # type: ignore[no-any-return]
