"""What autograd keeps of a forward pass for the backward pass, layer by layer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from weakref import ReferenceType, ref

from torch import Tensor, UntypedStorage, nn
from torch.autograd.graph import saved_tensors_hooks

from archcalc.graph.graph import Node
from archcalc.verification.modes import mode
from archcalc.verification.trace import Running

ACTIVATION, INPUT, PARAMETER, BUFFER = "activation", "input", "parameter", "buffer"


@dataclass(frozen=True, slots=True)
class Kept:
    """One storage that is kept whole: `size` in bytes; `shape` and `dtype` are of the tensor it was first kept for.

    `layer`: the layer that was the first to keep it. `kind`: an activation, or what is there anyway.
    """

    layer: str
    kind: str
    size: int
    shape: tuple[int, ...]
    dtype: str

    def __str__(self) -> str:
        return f"{list(self.shape)} {self.dtype}, {self.size:,} bytes"


@dataclass(frozen=True)
class Saved:
    """All storages kept, in the order in which they first were."""

    kept: tuple[Kept, ...]

    @property
    def total(self) -> int:
        """Bytes of activations."""
        return self.of(ACTIVATION)

    def of(self, kind: str) -> int:
        """Bytes of one kind."""
        return sum(each.size for each in self.kept if each.kind == kind)

    @property
    def by_layer(self) -> dict[str, int]:
        """Bytes of activations by the layer that keeps them first; layers that keep nothing more are left out."""
        return {layer: sum(each.size for each in kept) for layer, kept in self.tensors.items()}

    @property
    def tensors(self) -> dict[str, tuple[Kept, ...]]:
        """The activations by the layer that keeps them first."""
        found: dict[str, tuple[Kept, ...]] = {}
        for each in self.kept:
            if each.kind == ACTIVATION:
                found[each.layer] = (*found.get(each.layer, ()), each)
        return found


def saved(running: Running, inputs: Sequence[Tensor]) -> Saved:
    """What a forward pass in training mode keeps. On meta too, where nothing is computed, and the same is kept as on
    the CPU, but for attention: there its scores are, where the CPU's kernel keeps a number for each row of them.

    A Python number that a tensor is multiplied by is kept as well, in 8 bytes which autograd does not tell of.
    """
    kinds = owned(running.module, inputs)
    held: dict[int, UntypedStorage] = {}  # what is held here is not freed, so that an identity is not given twice
    holders: dict[int, list[ReferenceType[Packed]]] = {}
    kept: dict[int, Kept] = {}
    outputs: list[Tensor] = []
    new: list[int] = []

    def pack(tensor: Tensor) -> Packed:
        if (key := identity(tensor)) not in held:
            held[key] = tensor.untyped_storage()
            size, dtype = held[key].nbytes(), str(tensor.dtype).removeprefix("torch.")
            kept[key] = Kept("", kinds.get(key, ACTIVATION), size, tuple(tensor.shape), dtype)
            new.append(key)
        holders.setdefault(key, []).append(ref(packed := Packed()))
        return packed

    def see(node: Node, value: Tensor) -> None:
        kept.update({key: replace(kept[key], layer=node.name) for key in new})
        new.clear()
        if node.name in running.graph.outputs:
            outputs.append(value)

    with mode(running.module, training=True), saved_tensors_hooks(pack, unpacked):
        running.run(inputs, see, grad=True)
    return Saved(tuple(each for key, each in kept.items() if any(holder() for holder in holders[key])))


class Packed:
    """What autograd holds in place of a tensor; it lets go of it with the layers whose outputs nobody reads."""


def unpacked(nothing: Any) -> Tensor:
    raise RuntimeError("there is no backward pass")


def identity(tensor: Tensor) -> int:
    """What tensors have in common that share their memory."""
    key: int = tensor.untyped_storage()._cdata
    return key


def owned(module: nn.Module, inputs: Sequence[Tensor]) -> Mapping[int, str]:
    """What is there before a run, by identity."""
    found = {identity(each): PARAMETER for each in module.parameters()}
    found |= {identity(each): BUFFER for each in module.buffers()}
    return found | {identity(each): INPUT for each in inputs}
