"""Networks as tutorials write them, made small: what they make by the way is what imports stumbled over."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import Normal


class Policy(nn.Module):
    """A distribution that checks its values, and a constant that is no buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.mean, self.spread = nn.Linear(5, 8), nn.Linear(8, 3), nn.Linear(8, 3)
        self.scale = torch.tensor(2.0)

    def forward(self, x: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        y = F.relu(self.body(x))
        found = Normal(self.mean(y), self.spread(y).clamp(-2, 2).exp())
        return self.scale * torch.tanh(found.mean), found.log_prob(action).sum(1, keepdim=True)  # type: ignore[no-untyped-call]


class Greedy(nn.Module):
    """A decoder that reads one token at a time: its own last word, or the one that it is given."""

    def __init__(self, words: int = 11, width: int = 6) -> None:
        super().__init__()
        self.words, self.cell = nn.Embedding(words, width), nn.GRU(width, width)
        self.out = nn.Linear(width, words)

    def forward(self, x: Tensor) -> Tensor:
        state, token = torch.zeros(1, x.shape[0], 6), x[:, 0]
        found = []
        for place in range(4):
            y, state = self.cell(self.words(token.unsqueeze(0)), state)
            found.append(self.out(y.squeeze(0)))
            token = found[-1].argmax(1) if place % 2 else x[:, place]
        return torch.stack(found, dim=1)


class TimeFirst(nn.Module):
    """All positions of all samples in one axis, in which the samples run faster."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.rnn, self.out = nn.Embedding(11, 6), nn.LSTM(6, 8), nn.Linear(8, 11)

    def forward(self, x: Tensor) -> Tensor:
        y, _ = self.rnn(self.words(x.t()))
        return F.log_softmax(self.out(y).view(-1, 11), dim=1)


class Capsules(nn.Module):
    """A matrix for each pair of capsules."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(1, 3, 6, 5, 4))

    def forward(self, x: Tensor) -> Tensor:
        votes = torch.squeeze(torch.matmul(self.weight, x[:, None, :, :, None]), dim=-1)
        return torch.sum(votes, dim=2)


class Causal(nn.Module):
    """A mask that takes its dtype from a value, as Llama's reference code makes it."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.qkv = nn.Embedding(11, 8), nn.Linear(8, 24)

    def forward(self, x: Tensor) -> Tensor:
        y, n = self.words(x), x.shape[1]
        mask = torch.triu(torch.full((n, n), float("-inf")), diagonal=1).type_as(y)
        q, k, v = self.qkv(y).chunk(3, dim=-1)
        scores = q @ k.transpose(1, 2) / math.sqrt(8) + mask
        return F.softmax(scores.float(), dim=-1).type_as(q) @ v  # type: ignore[no-any-return]


class Flow(nn.Module):
    """A sum that starts at zeros, and is changed in place."""

    def __init__(self) -> None:
        super().__init__()
        self.scales = nn.ModuleList(nn.Linear(3, 3) for _ in range(2))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        total = torch.zeros(x.shape[0])
        a, b = x.chunk(2, dim=1)
        for scale in self.scales:
            s = torch.tanh(scale(a))
            a, b = b * s.exp(), a
            total += s.sum(dim=1)
        return torch.cat((a, b), dim=1), total


class Trend(nn.Module):
    """Coefficients of powers of time, which a module keeps as a tensor of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.theta, self.time = nn.Linear(6, 3), torch.linspace(0, 1, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.theta(x).mm(torch.stack([self.time**i for i in range(3)]))  # type: ignore[no-any-return]


class Dilated(nn.Module):
    """Convolutions without padding: what is added is cut to what is left."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv1d(4, 4, 2, dilation=2**i) for i in range(3))

    def forward(self, x: Tensor) -> Tensor:
        for conv in self.convs:
            y = torch.tanh(conv(x))
            x = y + x[:, :, -y.size(2) :]
        return x


class Letters(nn.Module):
    """Two recurrent layers that begin with zeros, and go on from their states."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.rnn, self.out = getattr(nn, kind)(5, 6, 2, batch_first=True), nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        y, state = self.rnn(x[:, :1])
        for _ in range(2):
            y, state = self.rnn(self.out(y), state)
        return self.out(y)  # type: ignore[no-any-return]


class Masked(nn.Module):
    """Blocks that are called with the mask that the network makes."""

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.key, self.value = nn.Linear(8, 8), nn.Linear(8, 8)

        def forward(self, x: Tensor, mask: Tensor) -> Tensor:
            scores = x @ self.key(x).transpose(1, 2) + mask
            return x + self.value(scores.softmax(-1) @ x)  # type: ignore[no-any-return]

    def __init__(self) -> None:
        super().__init__()
        self.words, self.blocks = nn.Embedding(11, 8), nn.ModuleList(self.Block() for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.words(x)
        mask = torch.triu(torch.full((x.shape[1], x.shape[1]), -9.0), diagonal=1)
        for block in self.blocks:
            y = block(y, mask)
        return y


class Pairs(nn.Module):
    """One number for each sample, and several to compare it with."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(11, 4)

    def forward(self, word: Tensor, others: Tensor) -> Tensor:
        return torch.bmm(self.words(others), self.words(word).unsqueeze(2)).squeeze(2)


class Mapped(nn.Module):
    """A mask made by a function of two places, for all places at once; a sum in it is read by nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(11, 8)

    def forward(self, x: Tensor) -> Tensor:
        y, places = self.words(x), torch.arange(x.shape[1])

        def sees(i: Tensor, j: Tensor) -> Tensor:
            torch.ones(3) + i
            return j <= i

        mask = torch.vmap(torch.vmap(sees, (None, 0)), (0, None))(places, places)
        scores = (y @ y.transpose(1, 2)).masked_fill(~mask, -9.0)
        return scores.softmax(-1) @ y  # type: ignore[no-any-return]
