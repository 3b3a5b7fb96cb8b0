"""The text of a readable spec."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from archcalc.importing.flat import preset_of, written
from archcalc.importing.lowering.sized import Raw
from archcalc.importing.readable.blocks import Block, alike
from archcalc.importing.readable.paths import Item, NotReadable
from archcalc.layer import PRESETS, layer_named
from archcalc.record import record

WIDTH = 118

ALIAS = {"global_avgpool": "gap"}
"""Shorter names of layers."""

TAGS = {"stride": "s", "padding": "p", "dilation": "d", "groups": "g"}
"""Arguments that a call may write as a letter and a number: `s2`."""


@record
class Writer:
    """Writes bodies. `defaults`: the arguments of layers that the spec states once."""

    blocks: Mapping[str, Block]
    defaults: Mapping[str, Mapping[str, Any]]

    def block(self, block: Block) -> Iterator[str]:
        signature = ", ".join(
            f"{each}={written(block.defaults[each])}" if each in block.defaults else each for each in block.parameters
        )
        yield f"  {block.name}({signature}):" if signature else f"  {block.name}:"
        yield from self.body(block.body, "    ")

    def body(self, path: list[Item], indent: str) -> Iterator[str]:
        """The items of a path: chains as long as a line, and merges."""
        run: list[str] = []
        for i, item in enumerate(path):
            if item.paths is None:
                text = self.call(item)
                too_long = len(indent) + 2 + len(" -> ".join([*run, text])) > WIDTH
                if run and (too_long or parts(path[i - 1], item)):
                    yield f"{indent}- {' -> '.join(run)}"
                    run = []
                run.append(text)
                continue
            if run:
                yield f"{indent}- {' -> '.join(run)}"
                run = []
            yield from self.merge(item, indent)
        if run:
            yield f"{indent}- {' -> '.join(run)}"

    def merge(self, item: Item, indent: str) -> Iterator[str]:
        yield f"{indent}- {item.call}:"
        for i, path in enumerate(item.paths or ()):
            if any(each.paths is not None for each in path) or any(map(parts, path, path[1:])):
                if i in item.conditions:
                    raise NotReadable("a condition over a merge")
                first, *others = self.body(path, f"{indent}      ")
                yield f"{indent}    - - {first.strip()[2:]}"
                yield from others
                continue
            text = " -> ".join(map(self.call, path)) or "prev"
            if i in item.conditions:
                text += f" if {self.condition(item.conditions[i], path)} else prev"
            yield f"{indent}    - {text}"
        yield from (f"{indent}  {key}: {text}" for key, text in self.arguments(item).items())
        if item.name:
            yield f"{indent}  name: {item.name}"

    def condition(self, kind: str, path: list[Item]) -> str:
        """When a shortcut has layers: where the number of channels or the size changes."""
        stride = next((written(i.arguments["stride"]) for i in path if "stride" in i.arguments), "")
        widths = [i.arguments[key] for i in path for key in ("out_channels", "c") if key in i.arguments]
        changes = f"x.channels != {written(widths[-1])}" if widths else ""
        shrinks = f"{stride} > 1" if stride else ""
        parts = {"channels": [changes], "stride": [shrinks], "both": [shrinks, changes]}[kind]
        if not all(parts):
            raise NotReadable("a shortcut whose condition has no words")
        return " or ".join(parts)

    def call(self, item: Item) -> str:
        if item.is_name:
            return item.call
        if item.runs_again:
            return f"{item.name} = {item.call}()" if item.name else f"{item.call}()"
        given = self.arguments(item)
        kind = preset_of(item.call, item.arguments)
        for name in PRESETS.get(kind, ()):
            given.pop(name)
        order = self.blocks[item.call].parameters if item.call in self.blocks else positional(item.call)
        parts = []
        for name in order:
            if name not in given:
                break
            parts.append(given.pop(name))
        is_block = item.call in self.blocks
        parts += [tagged(name, text) if not is_block else f"{name}={text}" for name, text in given.items()]
        word = ALIAS.get(kind, kind)
        text = f"{word}({', '.join(parts)})" if parts else word
        text += f" * {item.count}" if item.count > 1 else ""
        return f"{item.name} = {text}" if item.name else text

    def arguments(self, item: Item) -> dict[str, str]:
        """The arguments that are not what they would be anyway."""
        usual = self.defaults.get(item.call, {})
        kind = layer_named(item.call)
        known = kind.known if kind is not None else {}
        given = dict(item.arguments) if item.call in self.blocks else explicit(item, usual, known)
        found = {}
        for key, value in given.items():
            if key in usual and alike(value, usual[key]):
                continue
            if key not in usual and key != "bias" and key in known and alike(value, known[key]):
                continue
            if value is not None or (key in known and known[key] is not None):
                found[key] = written(value)
        return found


def explicit(item: Item, usual: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a layer, with those that undo what is usual, and without those that say nothing."""
    given = {key: known[key] for key in usual if item.call == "batchnorm"} | item.arguments
    for key in ("norm", "act"):
        if key in usual and key not in given:
            given[key] = "none"
        elif key not in usual and given.get(key) == "none":
            del given[key]
    if "padding" in usual and "padding" not in given and item.call == "conv":
        given["padding"] = 0
    norm = given.get("norm", "none")
    is_known = not isinstance(norm, Raw)  # a norm that an argument of the block names may be none
    if is_known and given.get("bias") is (norm == "none"):
        del given["bias"]
    return given


def parts(before: Item, item: Item) -> bool:
    """Whether an item begins another chain: a name that is read ends its chain, so that it stands for all of it."""
    return item.begins or before.is_read


def without(given: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in given.items() if key != name}


def tagged(name: str, text: str) -> str:
    """
    >>> tagged("stride", "2"), tagged("padding", "same"), tagged("stride", "stride")
    ('s2', 'padding=same', 'stride=stride')
    """
    return f"{TAGS[name]}{text}" if name in TAGS and text.isdigit() else f"{name}={text}"


def positional(call: str) -> Sequence[str]:
    kind = layer_named(call)
    return kind.positional if kind is not None else ()


def items_of(paths: Sequence[list[Item]]) -> Iterator[Item]:
    for path in paths:
        for item in path:
            yield item
            yield from items_of(item.paths or ())


def defaults_of(items: Sequence[Item], batchnorm: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What most calls of a layer share: the padding, norm and activation of convolutions, the arguments of norms.
    `batchnorm`: those of most batch norms."""
    found: dict[str, dict[str, Any]] = {}
    convs = [item for item in items if item.call == "conv" and not item.is_name]
    usual: dict[str, Any] = {}
    for key, absent in (("padding", 0), ("norm", "none"), ("act", "none")):
        values = Counter(v for item in convs if not isinstance(v := item.arguments.get(key, absent), Raw | tuple))
        values.pop(absent, None)
        if values:
            value, count = values.most_common(1)[0]
            if count > 1 and (3 if key == "act" else 2) * count >= len(convs):
                usual[key] = value
    if usual:
        found["conv"] = usual
    if batchnorm:
        found["batchnorm"] = dict(batchnorm)
    for norm in ("layernorm", "group_norm"):
        stated = [item.arguments.get("eps") for item in items if item.call == norm and not item.is_name]
        if len(stated) > 1 and stated[0] is not None and all(alike(each, stated[0]) for each in stated):
            found[norm] = {"eps": stated[0]}
    return found
