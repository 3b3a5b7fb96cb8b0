from torch import nn


class NormedParts:
    """Normalises weights of a module, its own or those of its parts, and gives the module."""

    def __new__(cls, module: nn.Module, kind: str, names: tuple[str, ...], dim: int | None = None) -> nn.Module:  # type: ignore[misc]
        return super().__new__(cls).normalised(module, kind, names, {} if dim is None else {"dim": dim})

    def normalised(self, module: nn.Module, kind: str, names: tuple[str, ...], given: dict[str, int]) -> nn.Module:
        normalise = getattr(nn.utils.parametrizations, kind)
        for name in names:
            part, _, weight = name.rpartition(".")
            normalise(module.get_submodule(part), weight, **given)
        return module
