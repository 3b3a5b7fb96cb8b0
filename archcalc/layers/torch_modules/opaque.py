import torch
from torch import nn


class Opaque(nn.Module):
    """Stands for an operation that no layer describes; write it in `forward`.

    `makes`: the shape of a sample that comes out. `holds`: the shapes of its weights.
    """

    def __init__(self, makes: tuple[int, ...], holds: tuple[tuple[int, ...], ...] = ()) -> None:
        super().__init__()
        self.makes = makes
        for i, shape in enumerate(holds):
            self.register_parameter(f"weight{i}", nn.Parameter(torch.zeros(*shape)))

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError(f"write here what makes {list(self.makes)} of the inputs")
