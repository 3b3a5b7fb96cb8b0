"""Layers that stand in one call: a norm and an activation after a convolution; equal calls in a row."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from archcalc.importing.lowering.step import Step, stated
from archcalc.importing.readable.paths import Item
from archcalc.layer import Layer, layer_named


def usual_norm(steps: Iterable[Step]) -> Mapping[str, Any]:
    """The arguments that most batch norms have."""
    found = Counter(
        tuple(stated(step.layer, *step.layer.reads).items())
        for step in steps
        if step.kind == "batchnorm" and step.layer is not None and step.again is None
    )
    return dict(found.most_common(1)[0][0]) if found else {}


def fused(path: list[Item], norm: Mapping[str, Any]) -> list[Item]:
    """The path with `norm=` and `act=` in place of the layers that follow, and `padding=same` where that is meant.
    `norm`: the arguments that a batch norm in place of which there is a word has."""
    found: list[Item] = []
    for item in path:
        if item.paths is not None:
            item.paths = [fused(each, norm) for each in item.paths]
        before = found[-1] if found else None
        if before is None or not joins(before, item, norm):
            tidy_padding(item)
            found.append(item)
    return found


def joins(before: Item, item: Item, norm: Mapping[str, Any]) -> bool:
    """Whether an item became an argument of the one before."""
    kind = kind_of(before)
    if kind is None or before.name or before.is_name or item.paths is not None or item.is_name or before.count != 1:
        return False
    if "norm" not in kind.followed_by or "act" in before.arguments:
        return False
    if before.step is not None and before.step.again is not None:
        return False
    if item.call == "batchnorm" and "norm" not in before.arguments and before.call != "linear":
        own = dict(item.arguments)
        if own.pop("freeze", None) != before.arguments.get("freeze") or own != norm:
            return False
        before.arguments["norm"] = "batchnorm"
        if before.arguments.pop("bias", True) is True:
            before.arguments["bias"] = True
    elif is_activation(item):
        before.arguments["act"] = called(item)
    else:
        return False
    before.name, before.is_read = item.name, item.is_read
    return True


def kind_of(item: Item) -> type[Layer] | None:
    return layer_named(item.call) if item.step is not None and not item.is_name else None


ACTIVATIONS = frozenset((
    "relu", "relu6", "gelu", "silu", "hardswish", "hardsigmoid", "sigmoid", "leaky_relu", "tanh", "elu", "mish",
))  # fmt: skip


def is_activation(item: Item) -> bool:
    return item.call in ACTIVATIONS and (item.step is None or item.step.again is None)


def called(item: Item) -> str:
    """An activation as the value of `act`."""
    given = ", ".join(str(each) for each in item.arguments.values())
    return f"{item.call}({given})" if given else item.call


def tidy_padding(item: Item) -> None:
    """`same` where the padding keeps the size at stride 1."""
    if item.call != "conv" or item.is_name or "kernel_size" not in item.arguments:
        return
    kernel, padding = item.arguments["kernel_size"], item.arguments.get("padding", 0)
    dilation = item.arguments.get("dilation", 1)
    if isinstance(padding, str):
        return
    rank = max(len(each) if isinstance(each, tuple) else 1 for each in (kernel, padding, dilation))
    axes = zip(*(spread(each, rank) for each in (kernel, padding, dilation)), strict=True)
    keeps = all(k % 2 and 2 * p == d * (k - 1) for k, p, d in axes)
    item.arguments["padding"] = "same" if keeps else padding


def spread(value: Any, rank: int) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else (value,) * rank


def repeated(path: list[Item]) -> list[Item]:
    """Equal calls of blocks in a row as one, so many times."""
    found: list[Item] = []
    for item in path:
        if item.paths is not None:
            item.paths = [repeated(each) for each in item.paths]
        before = found[-1] if found else None
        if before is not None and before.region and item.region and same_call(before, item):
            before.count += item.count
            before.name, before.is_read = item.name, item.is_read
        else:
            found.append(item)
    return found


def same_call(before: Item, item: Item) -> bool:
    return before.call == item.call and before.arguments == item.arguments and not before.name
