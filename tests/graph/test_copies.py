"""Copies that are placed are those that expansion would make; those that would differ are expanded."""

from dataclasses import replace

import pytest

from archcalc.core.diagnostic import SpecError
from archcalc.core.location import Source
from archcalc.graph.builder import build
from archcalc.graph.copying import Copying
from archcalc.graph.graph import Graph
from archcalc.graph.loading import document_of, source_of
from archcalc.graph.repeating import Repeating
from archcalc.spec.declaration import Document
from archcalc.spec.document import read_document, variant_names
from archcalc.spec.zoo import bundled

HEAD = "archcalc: 1\nname: test\n"
RESIDUAL = "blocks:\n  b:\n    - skip = conv(3, 8, p1)\n    - add: [relu, prev]\n"

PLACED = {
    "a chain of blocks": f"{RESIDUAL}layers:\n  - b * 5\n",
    "a block with a name": f"{RESIDUAL}layers:\n  - h = b * 5\n  - add: [prev, h.2.skip, h.4]\n",
    "all members": f"{RESIDUAL}layers:\n  - h = b * 5\n  - concat: [h.*.skip]\n",
    "a copy that runs again": f"{RESIDUAL}layers:\n  - h = b * 5\n  - h.3() -> h.1.skip()\n",
    "a name that a number would give": f"{RESIDUAL}layers:\n  - b * 5\n  - b4 = relu\n",
    "an argument that is a size": "blocks:\n  b(c):\n    - fc(c) -> relu\nlayers:\n  - y = conv(3, 8, p1)\n"
    "  - b(y.channels) * 6\n",
    "an argument that is a value": "blocks:\n  b(m):\n    - add: [conv(3, 8, p1), m]\nlayers:\n  - m = conv(1, 8)\n"
    "  - relu -> b(m) * 6\n",
    "an argument that runs again": "blocks:\n  b(m):\n    - m() -> relu\nlayers:\n  - m = conv(1, 8)\n  - b(m) * 6\n",
    "the value that the first copy takes": "blocks:\n  b(m):\n    - add: [relu, m]\nlayers:\n  - m = conv(1, 8)\n"
    "  - b(m) * 6\n",
    "blocks in blocks": "blocks:\n  a:\n    - conv(3, 8, p1) -> relu\n  b:\n    - i = a * 4\n    - i.2()\n"
    "layers:\n  - h = b * 4\n  - add: [h.3.i.1, prev]\n",
    "a layer that runs again in its copy": "blocks:\n  b:\n    - c = conv(3, 8, p1)\n    - relu -> c()\nlayers:\n"
    "  - b * 5\n",
    "frozen": f"{RESIDUAL}layers:\n  - conv(1, 8)\n  - {{b: {{freeze: true}}, repeat: 5}}\n",
    "the first of another width": "blocks:\n  b(c):\n    - conv(3, c, p1) -> relu\nlayers:\n  - b(32) * 5\n",
}
"""Repeats whose last copies are placed."""

EXPANDED = {
    "halved again and again": "blocks:\n  b:\n    - conv(3, 8, s2, p1)\nlayers:\n  - b * 4\n",
    "a crop like a layer of the copy": "blocks:\n  b:\n    - y = conv(3, 8)\n    - pad(2) -> crop(like=y) -> pad(1)\n"
    "layers:\n  - b * 4\n",
    "a layer tied to another of its copy": "blocks:\n  b:\n    - y = conv(1, 8, bias=false)\n"
    "    - conv(1, 8, bias=false, tie=y)\nlayers:\n  - b * 4\n",
    "copies that have the name of an argument": f"{RESIDUAL}layers:\n  - b(b1) * 4\n",
    "a repeat that runs again": "blocks:\n  a:\n    - conv(3, 8, p1)\n  b:\n    - a * 5\nlayers:\n  - y = b\n  - y()\n",
}
"""Repeats with copies that are expanded, one after the other."""


def document(text: str, max_layers: int = 100_000) -> Document:
    return replace(read_document(Source("test.yaml", f"{HEAD}input: [8, 16, 16]\n{text}")), max_layers=max_layers)


def outcome(document: Document, free: tuple[str, ...] = ()) -> object:
    """The graph, with the order of its blocks, or its problems."""
    try:
        graph = build(document, free=free)
    except SpecError as error:
        return error.diagnostics
    return graph, [*graph.scopes.items()], sharing(graph)


def sharing(graph: Graph) -> list[int]:
    """For each node, the first one that it shares its facts with."""
    first: dict[int, int] = {}
    return [first.setdefault(id(node.application), i) for i, node in enumerate(graph)]


LIKE = {
    "branches": "blocks:\n  b(c):\n    - conv(3, c, p1) -> relu\nlayers:\n  - y = relu\n"
    "  - add: [b(8), b(8), y -> b(8) -> b(8)]\n",
    "turns of a loop": f"{RESIDUAL}layers:\n  - h = b for i in range(4)\n  - add: [h.1.skip, h.3]\n",
    "turns of a loop with an index": "blocks:\n  b(d):\n    - conv(3, 8, padding=d, dilation=d) -> relu\nlayers:\n"
    "  - b(d) for d in [1, 2, 1, 2, 1]\n",
    "paths of a loop": f"{RESIDUAL}layers:\n  - concat:\n    - b for i in range(3)\n",
    "blocks in blocks": "blocks:\n  a(k):\n    - y = conv(k, 8, p1) -> relu\n    - add: [y, prev]\n  b:\n"
    "    - i = a(3)\n    - a(3) -> i()\n    - j = a(3)\nlayers:\n  - h = b\n  - b\n  - add: [h.j.y, prev]\n",
    "frozen and not": f"{RESIDUAL}layers:\n  - b: {{freeze: true}}\n  - b\n  - b: {{freeze: true}}\n  - b -> b\n",
    "one that gives back what it takes": "blocks:\n  b:\n    - add: [relu, prev]\n  n:\n    - b if 0 > 1\n"
    "layers:\n  - n -> n -> b -> n -> b\n",
    "a size that differs": f"{RESIDUAL}layers:\n  - b -> b -> maxpool(2) -> b -> b\n",
    "a number of copies that is free": f"{RESIDUAL}params: {{n: 3}}\nlayers:\n  - b -> b * n -> b\n",
    "what samples share": "blocks:\n  b:\n    - y = learned(8, 16, 16)\n    - add: [y, x]\n"
    "layers:\n  - relu -> b -> b\n",
    "layers that name each other": "blocks:\n  b:\n    - y = conv(3, 8)\n    - pad(2) -> crop(like=y) -> pad(1)\n"
    "layers:\n  - b -> b -> b\n",
    "a recursion": "blocks:\n  b(n):\n    - conv(3, 8, p1)\n    - b(n - 1) if n > 0\n"
    "layers:\n  - b(3) -> b(2) -> b(3)\n",
}
"""Blocks that are like an earlier one of the network."""


@pytest.mark.parametrize("case", LIKE)
@pytest.mark.parametrize("free", [(), ("n",)])
def test_blocks_like_an_earlier_one_are_what_expansion_makes(case: str, free: tuple[str, ...]) -> None:
    read = document(LIKE[case])
    assert outcome(read, free) == expanded(read, free)


def test_blocks_like_an_earlier_one_are_placed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str | None] = []
    place = Copying.place_like

    def noted(self: Copying, *given) -> str | None:  # type: ignore[no-untyped-def]
        asked.append(place(self, *given))
        return asked[-1]

    monkeypatch.setattr(Copying, "place_like", noted)
    build(document(LIKE["turns of a loop with an index"]))
    assert asked == [None, None, None, "b4.relu1", "b5.relu1"]  # gradients flow into b3, and not into b1


@pytest.fixture
def placed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many copies are placed, repeat by repeat."""
    counts: list[int] = []
    place = Copying.place

    def noted(self: Copying, copy, count, frame):  # type: ignore[no-untyped-def]
        counts.append(count)
        return place(self, copy, count, frame)

    monkeypatch.setattr(Copying, "place", noted)
    return counts


def expanded(document: Document, free: tuple[str, ...] = ()) -> object:
    """What comes of a document if every copy is expanded."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Repeating, "copy_of_all", lambda *_: None)
        patched.setattr(Copying, "kind", lambda *_: None)
        return outcome(document, free)


@pytest.mark.parametrize("case", PLACED)
def test_placed_copies_are_what_expansion_makes(case: str, placed: list[int]) -> None:
    read = document(PLACED[case])
    assert outcome(read) == expanded(read)
    assert placed, "nothing was placed"


@pytest.mark.parametrize("case", EXPANDED)
def test_other_copies_are_expanded(case: str, placed: list[int]) -> None:
    read = document(EXPANDED[case])
    assert outcome(read) == expanded(read)


@pytest.mark.parametrize("max_layers", range(1, 30))
def test_limits_are_met_at_the_same_place(max_layers: int) -> None:
    read = document(PLACED["blocks in blocks"], max_layers)
    assert outcome(read) == expanded(read)


def test_placing_is_work_that_counts() -> None:
    """Blocks with many steps for few layers run into the limit of steps, whether they are placed or not."""
    conditions = "\n    - ".join(["relu if 0 > 1"] * 60)
    read = document(f"blocks:\n  b:\n    - relu\n    - {conditions}\nlayers:\n  - b * 90000\n")
    assert outcome(read) == expanded(read)


@pytest.mark.parametrize("name", sorted(bundled()))
def test_the_zoo_is_the_same(name: str) -> None:
    read = document_of(name)
    assert outcome(read) == expanded(read)


@pytest.mark.zoo
@pytest.mark.parametrize("name", sorted(bundled()))
def test_every_variant_is_the_same(name: str) -> None:
    for variant in variant_names(source_of(name)[0]):
        read = document_of(f"{name}@{variant}")
        assert outcome(read) == expanded(read)
