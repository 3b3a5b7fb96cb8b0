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


def outcome(document: Document) -> object:
    """The graph, with the order of its blocks, or its problems."""
    try:
        graph = build(document, free=())
    except SpecError as error:
        return error.diagnostics
    return graph, [*graph.scopes.items()], sharing(graph)


def sharing(graph: Graph) -> list[int]:
    """For each node, the first one that it shares its facts with."""
    first: dict[int, int] = {}
    return [first.setdefault(id(node.application), i) for i, node in enumerate(graph)]


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


def expanded(document: Document) -> object:
    """What comes of a document if every copy is expanded."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Repeating, "copy_of_all", lambda *_: None)
        return outcome(document)


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
