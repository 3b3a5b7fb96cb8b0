"""Functions and modules that torch compiles, in each way."""

import torch
from torch import Tensor, nn


@torch.jit.script
def swish(x: Tensor) -> Tensor:
    return x * torch.sigmoid(x)


@torch.compile
def doubled(x: Tensor) -> Tensor:
    return x * 2


class Inner(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.conv(x)) + x


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = torch.jit.script(Inner())
        self.second = torch.compile(Inner())

    def forward(self, x: Tensor) -> Tensor:
        return swish(doubled(self.second(self.first(x))))  # type: ignore[no-any-return]


class Scripted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = Inner()

    def forward(self, x: Tensor) -> Tensor:
        return swish(self.inner(x))  # type: ignore[no-any-return]
