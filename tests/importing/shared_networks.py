"""Networks in code that use values which all samples share: tables of positions, angles, masks; reductions, choices."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ShiftedWindows(nn.Module):
    """Attention in shifted windows, with a table of relative positions and a mask that is made in each run."""

    index: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.out = nn.Linear(8, 24), nn.Linear(8, 8)
        self.table = nn.Parameter(torch.zeros(9, 2))
        place = torch.stack(torch.meshgrid(torch.arange(2), torch.arange(2), indexing="ij")).flatten(1)
        apart = (place[:, :, None] - place[:, None, :]).permute(1, 2, 0) + 1
        self.register_buffer("index", (apart[..., 0] * 3 + apart[..., 1]).flatten())

    def forward(self, x: Tensor) -> Tensor:
        b, h, w, c = x.shape
        y = torch.roll(x, (-1, -1), (1, 2)).view(b, h // 2, 2, w // 2, 2, c).transpose(2, 3).reshape(-1, 4, c)
        q, k, v = self.qkv(y).reshape(-1, 4, 3, 2, c // 2).permute(2, 0, 3, 1, 4)
        scores = (q * 0.5) @ k.transpose(-2, -1)
        scores = scores + self.table[self.index].view(4, 4, -1).permute(2, 0, 1).contiguous().unsqueeze(0)
        part = x.new_zeros(h, w)
        part[-1:, :] = 1
        part[:, -1:] += 2
        part = part.view(h // 2, 2, w // 2, 2).permute(0, 2, 1, 3).reshape(-1, 4)
        apart = part.unsqueeze(1) - part.unsqueeze(2)
        mask = apart.masked_fill(apart != 0, -100.0)
        count = mask.shape[0]
        scores = scores.view(b, count, 2, 4, 4) + mask.unsqueeze(1).unsqueeze(0)
        y = (scores.view(-1, 2, 4, 4).softmax(-1) @ v).transpose(1, 2).reshape(-1, 4, c)
        y = self.out(y).view(b, h // 2, w // 2, 2, 2, c).transpose(2, 3).reshape(b, h, w, c)
        return torch.roll(y, (1, 1), (1, 2)) + x


class Rotary(nn.Module):
    """Queries and keys turned by angles, a mask of later tokens, and the norms of both."""

    rates: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v = nn.Linear(12, 12), nn.Linear(12, 12), nn.Linear(12, 12)
        self.register_buffer("rates", 1.0 / 100 ** (torch.arange(0, 6, 2) / 6))

    def turned(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        first, second = x.chunk(2, -1)
        return x * cos + torch.cat((-second, first), -1) * sin

    def forward(self, x: Tensor) -> Tensor:
        places = torch.arange(x.shape[1], device=x.device).float()
        angles = (self.rates[None, :, None] @ places[None, None, :]).transpose(1, 2)
        angles = torch.cat((angles, angles), -1)
        cos, sin = angles.cos().unsqueeze(1), angles.sin().unsqueeze(1)
        q, k, v = (f(x).view(x.shape[0], -1, 2, 6).transpose(1, 2) for f in (self.q, self.k, self.v))
        q, k = (self.turned(F.normalize(each, dim=-1), cos, sin) for each in (q, k))
        pairs = (x.shape[1], x.shape[1])
        later = torch.triu(torch.full(pairs, torch.finfo(torch.float32).min, device=x.device), 1)
        return F.scaled_dot_product_attention(q, k, v, attn_mask=later.expand(x.shape[0], 1, -1, -1))


class Biases(nn.Module):
    """Scores with numbers for each pair of tokens, from columns of a table; weights that are joined or clamped."""

    which: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(8, 24, bias=False)
        self.bias, self.numbers = nn.Parameter(torch.zeros(24)), nn.Parameter(torch.zeros(2, 5))
        self.scale = nn.Parameter(torch.zeros(2, 1, 1))
        self.token = nn.Parameter(torch.zeros(1, 1, 8))
        self.register_buffer("which", torch.arange(25).view(5, 5) % 5)

    def forward(self, x: Tensor) -> Tensor:
        bias = self.bias.clone()
        bias[8:16].zero_()
        first = self.token.expand(x.shape[0], -1, -1)
        x = torch.cat((first + 0.5, x), 1)
        q, k, v = F.linear(x, self.qkv.weight, bias).view(-1, 5, 3, 2, 4).permute(2, 0, 3, 1, 4)
        q = q * self.scale.clamp(max=3.0).exp()
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=self.numbers[:, self.which])
        return y.transpose(1, 2).flatten(2)[:, 0] + first[:, 0]


class Reductions(nn.Module):
    """Axes that become one value each, in every way that torch has, and maps of windows."""

    table: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.gain, self.shift = nn.Parameter(torch.zeros(1, 6, 1, 1)), nn.Parameter(torch.zeros(1, 6, 1, 1))
        self.places = nn.Conv2d(4, 6, 1)
        self.register_buffer("table", torch.arange(4 * 8 * 8).view(1, 4, 8, 8).float() / 100)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.places(self.table)
        size = x.norm(p=2, dim=(2, 3), keepdim=True)
        x = torch.addcmul(self.shift, self.gain, x * (size / (size.mean(dim=1, keepdim=True) + 1e-6)))
        both = torch.stack((x, x * 2), dim=1).sum(dim=1)
        y = torch.cat((both.amax(1, keepdim=True), both.std(1, keepdim=True), both.logsumexp(1, keepdim=True)), 1)
        y = F.fold(F.unfold(y, 3, padding=1), (8, 8), 3, padding=1)
        windows = y.unfold(2, 4, 2).unfold(3, 4, 4).amax((4, 5))
        padded = F.max_pool2d(F.pad(y, (0, 1, 0, 1), value=-torch.inf), 3, 2)
        padded = F.pad(padded, (0, 0, 1, 1), value=1.5).mean((2, 3))
        return torch.cat((windows.flatten(1), padded, y.var((2, 3))), 1)


class OneBias(nn.Module):
    """One bias for layers with weights of their own, before and behind the features' move to the end."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3)
        self.last, self.norm, self.again = nn.Linear(8, 8), nn.LayerNorm(8), nn.LayerNorm(8)
        bias = nn.Parameter(torch.zeros(8))
        for each in (self.first, self.second, self.last, self.norm):
            each.register_parameter("bias", bias)
        self.again.weight = self.norm.weight

    def forward(self, x: Tensor) -> Tensor:
        y = self.second(self.first(x).relu()).mean((2, 3))
        found: Tensor = self.again(self.norm(self.last(y)))
        return found
