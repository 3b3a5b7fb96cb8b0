"""The outline of a network, for pictures: its blocks and layers down to a depth, and which takes what from which.

Made from the JSON of a report alone. Norms, activations and dropout belong to the item that they follow.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from archcalc.core.render import printable
from archcalc.record import field, record

JOINING = ("Normalisation", "Activations and softmax", "Dropout and sampling")
"""The families of layers that belong to what they follow."""

INPUT = "Input"


@record(frozen=False)
class Item:
    """A block, a layer or an input. `sources`: the numbers of the items that it takes; `copies`: how many equal ones in
    a row it stands for."""

    name: str
    kind: str
    family: str
    shape: tuple[int, ...]
    sources: list[int] = field(default_factory=list)
    layers: int = 0
    params: int = 0
    macs: int = 0
    copies: int = 1
    is_block: bool = False
    is_output: bool = False
    channels_last: bool = False
    calls: list[str] = field(default_factory=list)

    @property
    def title(self) -> str:
        return printable(self.name) + (f" \u00d7 {self.copies}" if self.copies > 1 else "")

    @property
    def channels(self) -> int:
        """The channels of its output, which is no vector."""
        return self.shape[-1] if self.channels_last else self.shape[0]

    @property
    def positions(self) -> tuple[int, ...]:
        """The axes of positions of its output, which is no vector."""
        return self.shape[:-1] if self.channels_last else self.shape[1:]

    @property
    def size(self) -> str:
        """Its output: `64 \u00d7 112 \u00d7 112`."""
        return " \u00d7 ".join(map(str, self.shape))


def outline(document: Mapping[str, Any], depth: int = 1) -> list[Item]:
    """The items in the order in which they run, inputs first."""
    items = [
        Item(x["name"], "input", INPUT, tuple(x["shape"]), channels_last=x.get("channels_last", False))
        for x in document["inputs"]
    ]
    places = {each.name: i for i, each in enumerate(items)}
    heads: dict[str, int] = {}
    weights: dict[int, Counter[str]] = {}
    used = Counter(source for layer in document["layers"] for source in layer["inputs"])
    for layer in document["layers"]:
        place = place_of(layer, items, places, heads, used, depth)
        item, own = items[place], {places[source] for source in layer["inputs"]} - {place}
        item.sources += [each for each in sorted(own) if each not in item.sources]
        item.shape, item.channels_last = tuple(layer["output_shape"]), layer.get("channels_last", False)
        item.layers, item.params, item.macs = (
            item.layers + 1, item.params + layer["params"], item.macs + layer["macs"],
        )  # fmt: skip
        item.calls.append(layer["call"])
        weights.setdefault(place, Counter())[layer["family"]] += layer["macs"] + layer["params"] + 1
        places[layer["name"]] = place
    for place, families in weights.items():
        if items[place].is_block:
            items[place].family = families.most_common(1)[0][0]
            items[place].kind = f"{items[place].layers} layers"
    for name in document["outputs"]:
        items[places[name]].is_output = True
    return stacked(items)


def place_of(
    layer: Mapping[str, Any],
    items: list[Item],
    places: Mapping[str, int],
    heads: dict[str, int],
    used: Counter[str],
    depth: int,
) -> int:
    """The number of the item that a layer belongs to; of a new one if it begins one."""
    parts = layer["name"].split(".")
    head = ".".join(parts[:depth])
    if len(parts) > depth:
        if head not in heads:
            heads[head] = len(items)
            items.append(Item(head, "", "", (), is_block=True))
        return heads[head]
    before = layer["inputs"][0] if layer["inputs"] else ""
    joins = layer["family"] in JOINING and len(layer["inputs"]) == 1 and used[before] == 1
    if joins and places[before] == len(items) - 1 and not items[-1].is_block and items[-1].family != INPUT:
        return places[before]
    items.append(Item(layer["name"], layer["type"], layer["family"], ()))
    return len(items) - 1


def stacked(items: Sequence[Item]) -> list[Item]:
    """The items with equal ones in a row as one: of the same calls and output, each taking only the one before."""
    found: list[Item] = []
    place: dict[int, int] = {}
    users = Counter(source for item in items for source in item.sources)
    for number, item in enumerate(items):
        last = found[-1] if found else None
        follows = item.sources == [number - 1] and users[number - 1] == 1 and not items[number - 1].is_output
        if last and follows and last.calls and measured(last) == measured(item):
            last.copies += 1
            last.is_output |= item.is_output
            last.params, last.macs, last.layers = (
                last.params + item.params, last.macs + item.macs, last.layers + item.layers,
            )  # fmt: skip
            place[number] = len(found) - 1
            continue
        place[number] = len(found)
        item.sources = [place[source] for source in item.sources]
        found.append(item)
    return found


def measured(item: Item) -> tuple[object, ...]:
    """What equal items have in common, whatever their names."""
    return item.calls, item.shape, item.params // item.copies, item.macs // item.copies, item.layers // item.copies
