"""Layers described: the call, what it does, what it takes, and worked examples."""

import inspect
from collections.abc import Iterator
from typing import Any

from archcalc.core.release import OLDEST, numbers
from archcalc.graph.binding import shown, signature_of
from archcalc.layer import Example, Layer
from archcalc.record import MISSING


def summary(layer: type[Layer]) -> str:
    return inspect.getdoc(layer).split("\n\n")[0].replace("\n", " ")  # type: ignore[union-attr]


def signature(layer: type[Layer]) -> str:
    """The signature of a layer, positional arguments first: `conv(kernel_size, out_channels, stride=1)`."""
    own = layer.known
    order = [*layer.positional, *(name for name in own if name not in layer.positional)]
    parts = [n if own[n] is MISSING else f"{n}={shown(none(own[n]))}".replace("'", "") for n in order]
    return f"{layer.name}({', '.join(parts)})"


def none(value: Any) -> Any:
    """A default as it is written in a spec."""
    return "none" if value is None else value


def page(layer: type[Layer]) -> str:
    """The full description of a layer."""
    names = [*layer.aliases, *layer.presets, *(f"{layer.name}{rank}d" for rank in layer.ranks)]
    others = signature_of(layer).others
    text = [signature(layer), *([f"also called: {', '.join(names)}"] if names else [])]
    text += [f"also takes: {', '.join(others)}", *needed(layer), "", inspect.getdoc(layer) or "", ""]
    return "\n".join([*text, *(part for example in layer.examples for part in worked(layer, example))]) + "\n"


def needed(layer: type[Layer]) -> Iterator[str]:
    """The release of torch that the source of its examples needs, where the oldest supported one is too old."""
    releases = {layer(**example.given).call(*example.xs).needs for example in layer.examples}
    if releases - {OLDEST}:
        some = ", for some of its settings" if OLDEST in releases else ""
        yield f"needs: torch {max(releases, key=numbers)} or newer{some}"


def worked(layer: type[Layer], example: Example) -> list[str]:
    given = ", ".join(f"{name}={shown(none(value))}" for name, value in example.given.items())
    numbers = f"{example.params:,} parameters, {example.macs:,} MACs, {example.scalar:,} scalar operations"
    xs = ", ".join(map(str, example.xs))
    return [
        f"example: {layer.name}({given.replace(chr(39), '')})",
        f"    {xs} -> {example.y}: {numbers}",
        *([f"    {example.source}"] if example.source else []),
    ]
