"""A script that reads the command line, prints, and trains while it is imported."""

import argparse

import torch
from torch import Tensor, nn

parser = argparse.ArgumentParser()
parser.add_argument("--width", type=int, default=8)
parser.add_argument("--epochs", type=int, default=1)
args = parser.parse_args()


class Net(nn.Module):
    def __init__(self, width: int = args.width) -> None:
        super().__init__()
        self.first = nn.Linear(4, width)
        self.last = nn.Linear(width, 2)
        print("parameters:", sum(each.numel() for each in self.parameters()))

    def forward(self, x: Tensor) -> Tensor:
        print("shape:", tuple(x.shape))
        return self.last(torch.relu(self.first(x)))  # type: ignore[no-any-return]


model = Net()
for epoch in range(args.epochs):
    model(torch.randn(8, 4)).pow(2).mean().backward()
    with torch.no_grad():
        for each in model.parameters():
            each -= 0.1 * each.grad  # type: ignore[operator, misc]
    print("epoch", epoch)
