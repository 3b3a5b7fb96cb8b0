"""Networks in code, built by hand: what people write, and what breaks other tools."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Residual(nn.Module):
    """A bottleneck as torchvision writes it."""

    def __init__(self, channels: int, out: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.downsample: nn.Module | None = None
        if stride > 1 or channels != out:
            self.downsample = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x: Tensor) -> Tensor:
        same = x if self.downsample is None else self.downsample(x)
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        y += same
        return self.relu(y)  # type: ignore[no-any-return]


class ResNet(nn.Module):
    def __init__(self, depth: int = 2) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 8, 7, 2, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(3, 2, 1)
        )
        self.layer1 = nn.Sequential(*(Residual(8, 8) for _ in range(depth)))
        self.layer2 = nn.Sequential(Residual(8, 16, 2), *(Residual(16, 16) for _ in range(depth - 1)))
        self.fc = nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer2(self.layer1(self.stem(x)))
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1))  # type: ignore[no-any-return]


class Shared(nn.Module):
    """A module that several others hold, and that runs each time."""

    def __init__(self) -> None:
        super().__init__()
        act = nn.PReLU()
        self.layers = nn.ModuleList([nn.Sequential(nn.Linear(4, 4), act) for _ in range(3)])

    def forward(self, x: Tensor) -> Tensor:
        for each in self.layers:
            x = each(x)
        return x


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(50, 8)
        self.map = nn.Linear(8, 8)
        self.head = nn.Linear(8, 50, bias=False)
        self.head.weight = self.table.weight

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(F.relu(self.map(self.table(ids))))  # type: ignore[no-any-return]


class Distribution(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.map = nn.Linear(10, 5)

    def forward(self, x: Tensor) -> torch.distributions.Categorical:
        return torch.distributions.Categorical(logits=self.map(x), validate_args=False)


class ValueBranch(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.map = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.map(x)
        if y.sum() > 0:
            y = F.relu(y)
        return y


class SizeBranch(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        while x.shape[-1] > 8:
            x = F.max_pool2d(x, 2)
        return x.flatten(1)


class Chosen(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.map = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.map(x)
        return y[y[:, 0] > 0]


class Fourier(nn.Module):
    """An operation without a layer, with weights of its own, and an assignment into a part of a tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(4, 4, 6, 6, dtype=torch.cfloat))
        self.map = nn.Conv2d(4, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        f = torch.fft.rfft2(x)
        out = torch.zeros_like(f)
        out[:, :, :6, :6] = torch.einsum("bixy,ioxy->boxy", f[:, :, :6, :6], self.weight)
        y: Tensor = torch.fft.irfft2(out, s=x.shape[-2:]) + self.map(x)
        return y


class Listed(nn.Module):
    """A module in a plain list, of whose weights no `parameters()` knows."""

    def __init__(self) -> None:
        super().__init__()
        self.mods = [nn.Conv2d(3, 4, 3)]

    def forward(self, x: Tensor) -> Tensor:
        return self.mods[0](x)  # type: ignore[no-any-return]


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.MultiheadAttention(12, 4, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x, x, x, need_weights=False)[0]  # type: ignore[no-any-return]


class Functional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.zeros(16, 3, 3, 3))
        self.q = nn.Parameter(torch.zeros(16, 16))

    def forward(self, x: Tensor) -> Tensor:
        x = F.conv2d(x, self.w).flatten(2)
        return torch.softmax(x.transpose(1, 2) @ self.q @ x, -1)


class Mapping(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.left = nn.Linear(4, 4)
        self.right = nn.Linear(4, 4)

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"out": self.left(batch["a"]) + self.right(batch["b"])}


class Value(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.map = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.map(x) * x[0, 0].item()  # type: ignore[no-any-return]


class Meeting(nn.Module):
    """Similarities of all pairs of a batch."""

    def __init__(self) -> None:
        super().__init__()
        self.map = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.map(x)
        return y @ y.T


class Idle(nn.Module):
    """A head that only training reads, and weights derived from a parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.head = nn.Linear(4, 2)
        self.aux = nn.Linear(4, 7)
        self.scale = nn.Parameter(torch.ones(4, 3))
        self.mix = nn.Parameter(torch.ones(3, 4))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x).mean((2, 3))
        if self.training:
            y = self.aux(y)
        return self.head(F.linear(y, self.scale @ self.mix))  # type: ignore[no-any-return]


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.LSTM(4, 5, num_layers=2, bidirectional=True, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x)[0]  # type: ignore[no-any-return]


class Wrong(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return self.helper(x)

    def helper(self, x: Tensor) -> Tensor:
        return x.reshape(-1, 3)


class Lazy(nn.Module):
    """Modules that learn their sizes from the first input."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.LazyConv2d(8, 3)
        self.head = nn.LazyLinear(10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.relu(self.conv(x)).flatten(1))  # type: ignore[no-any-return]


class Weighing(nn.Module):
    """Attention that also makes its weights, which nobody reads."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.MultiheadAttention(12, 4, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x, x, x)[0]  # type: ignore[no-any-return]


class Outside(nn.Module):
    """A parameter that is in no module at all."""

    def __init__(self) -> None:
        super().__init__()
        weight = nn.Parameter(torch.zeros(2, 4))
        self.weight_of: Callable[[], Tensor] = lambda: weight

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight_of())


class Written(nn.Module):
    """Writes into views of a tensor, in each of the ways that torch has."""

    def __init__(self) -> None:
        super().__init__()
        self.map = nn.Linear(4, 12)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.map(x).chunk(3, -1)
        q *= 0.5  # touches neither k nor v
        rows = torch.zeros(len(x), 2, 4, device=x.device)
        rows[:, 0].copy_(q + k)
        rows[:, 1] += v
        return rows.sum(1)


class Experts(nn.Module):
    """Each row goes to the expert that a router prefers: how many rows each one gets is known when it runs."""

    def __init__(self) -> None:
        super().__init__()
        self.router = nn.Linear(4, 2)
        self.experts = nn.ModuleList(nn.Linear(4, 4) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        chosen = self.router(x).argmax(-1)
        out = torch.zeros_like(x)
        for i, expert in enumerate(self.experts):
            out[chosen == i] = expert(x[chosen == i])
        return out


class Rows(nn.Module):
    """Takes a batch apart and together again, as detection models do."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        padded = x.new_zeros(len(x), 3, 16, 16)
        for i, image in enumerate(x):
            padded[i, :, : image.shape[1], : image.shape[2]].copy_(image)
        y: Tensor = self.conv(padded)
        return {"rows": y.flatten(2)[y.flatten(2) > 0]}
