"""The tensors that autograd saves in a forward pass for the backward pass, layer by layer."""

from collections.abc import Mapping, Sequence
from typing import Any
from weakref import ReferenceType, ref

from torch import Tensor, UntypedStorage, nn
from torch.autograd.graph import saved_tensors_hooks

from archcalc.graph.graph import Node
from archcalc.record import record, replace
from archcalc.verification.modes import mode
from archcalc.verification.trace import Running

ACTIVATION, INPUT, PARAMETER, BUFFER, ELSEWHERE = "activation", "input", "parameter", "buffer", "elsewhere"


@record
class Kept:
    """One saved storage: `size` in bytes; `shape` and `dtype` of the first tensor that was saved.

    `layer`: the first layer that saved it. `kind`: an activation, memory that exists anyway, or memory of another
    device, such as the random state that attention on a GPU keeps on the CPU.
    """

    layer: str
    kind: str
    size: int
    shape: tuple[int, ...]
    dtype: str

    def __str__(self) -> str:
        return f"{self.words}, {self.size:,} bytes"

    @property
    def words(self) -> str:
        """`[2, 8] float32`."""
        return f"{list(self.shape)} {self.dtype}"


@record
class Saved:
    """All saved storages, in the order in which they were first saved."""

    kept: tuple[Kept, ...]

    @property
    def total(self) -> int:
        """The bytes of all activations."""
        return self.of(ACTIVATION)

    def of(self, kind: str) -> int:
        """The bytes of one kind."""
        return sum(each.size for each in self.kept if each.kind == kind)

    @property
    def by_layer(self) -> dict[str, int]:
        """Bytes of activations, by the first layer that saves them; layers without any are left out."""
        return {layer: sum(each.size for each in kept) for layer, kept in self.tensors.items()}

    @property
    def listed(self) -> dict[str, list[tuple[str, int]]]:
        """The activations by layer, each with its bytes."""
        return {layer: [(each.words, each.size) for each in kept] for layer, kept in self.tensors.items()}

    @property
    def tensors(self) -> dict[str, tuple[Kept, ...]]:
        """The activations, by the first layer that saves them."""
        found: dict[str, tuple[Kept, ...]] = {}
        for each in self.kept:
            if each.kind == ACTIVATION:
                found[each.layer] = (*found.get(each.layer, ()), each)
        return found


def saved(running: Running, inputs: Sequence[Tensor]) -> Saved:
    """What a forward pass in training mode saves. The meta device saves the same as the CPU, except in attention, where
    meta saves the scores and the CPU's kernel saves one number per row of scores.

    A Python number that multiplies a tensor is saved too, in 8 bytes that autograd does not report.
    """
    kinds = owned(running.module, inputs)
    places = {each.device for each in (*inputs, *running.module.parameters())}
    held: dict[int, UntypedStorage] = {}  # keeps storages alive, so that no identity is reused
    holders: dict[int, list[ReferenceType[Packed]]] = {}
    kept: dict[int, Kept] = {}
    outputs: list[Tensor] = []
    new: list[int] = []

    def pack(tensor: Tensor) -> Packed:
        if (key := identity(tensor)) not in held:
            held[key] = tensor.untyped_storage()
            size, dtype = held[key].nbytes(), str(tensor.dtype).removeprefix("torch.")
            kind = kinds.get(key, ACTIVATION) if tensor.device in places else ELSEWHERE
            kept[key] = Kept("", kind, size, tuple(tensor.shape), dtype)
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
    """The object that autograd holds instead of a tensor; it is freed with layers whose outputs are not used."""


def unpacked(nothing: Any) -> Tensor:
    raise RuntimeError("there is no backward pass")


def identity(tensor: Tensor) -> int:
    """The identity of a tensor's storage; equal for tensors that share memory."""
    key: int = tensor.untyped_storage()._cdata
    return key


def owned(module: nn.Module, inputs: Sequence[Tensor]) -> Mapping[int, str]:
    """The storages that exist before a run, by identity."""
    found = {identity(each): PARAMETER for each in module.parameters()}
    found |= {identity(each): BUFFER for each in module.buffers()}
    return found | {identity(each): INPUT for each in inputs}
