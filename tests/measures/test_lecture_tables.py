"""The seven tables printed in the lectures, row by row: volume, parameters, operations.

If a slide has a misprint, the result must follow the rule, and docs/errata.md must explain the misprint.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import pytest

from archcalc.core.dim import Dim
from archcalc.core.window import Window
from archcalc.graph.graph import Graph, Node
from archcalc.measures.arithmetic import operations
from archcalc.measures.output_bytes import output_bytes
from archcalc.measures.params import params
from tests.networks.zoo import ROOT, lecture_tables, listed, network

PRINTED = lecture_tables()

TABLES = ("mnist_cnn", "cifar10_cnn", "lenet5", "caffenet", "zfnet", "vgg16", "googlenet")

WORDS = {
    "conv": "conv", "pool": "maxpool", "avg": "avgpool", "norm": "lrn", "fc": "linear", "RBF": "rbf",
    "softmax": "softmax", "inc": "concat",
}  # fmt: skip
"""The names on the slides, and their layers. An inception module ends with its concatenation."""


@dataclass(frozen=True)
class Row:
    """One row of a printed table; `misprint` is the number on the slide instead of `operations`."""

    table: str
    index: int
    call: str
    params: int
    operations: int
    volume: tuple[int, ...]
    misprint: int | None = None

    def __str__(self) -> str:
        return f"{self.table}-{self.index}-{self.call}"


def rows(table: str) -> Iterator[Row]:
    for index, (call, weights, work, volume) in enumerate(PRINTED[table]):
        misprint = work["printed"] if isinstance(work, dict) else None
        rule = work["rule"] if isinstance(work, dict) else work
        yield Row(table, index, call, weights, rule, tuple(volume), misprint)


ROWS = [row for table in TABLES for row in rows(table)]


def modules(graph: Graph) -> list[Sequence[Node]]:
    """The rows as on a slide: single layers, and inception modules as one row."""
    inception = {scope.prefix for scope in graph.scopes.values() if scope.block == "inc"}

    def row_of(node: Node) -> str:
        prefix = node.name.rpartition(".")[0]
        return prefix if prefix in inception else node.name

    groups = (tuple(nodes) for _, nodes in groupby(graph, key=row_of))
    return [nodes for nodes in groups if listed(nodes)]


def as_printed(node: Node) -> tuple[Dim, ...]:
    """A volume in the notation of the slides: width x height x channels."""
    return tuple(reversed(node.output.item_shape))


def total(quantity: Any, nodes: Sequence[Node]) -> int:
    return sum(quantity(node) for node in nodes)


# --- the tables ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", TABLES)
def test_a_spec_has_the_rows_of_its_table_and_no_others(table: str) -> None:
    words = [row.call.partition("(")[0] for row in rows(table)]
    found = [nodes[-1].layer.name for nodes in modules(network(table))]
    assert words[0] == "input"
    assert found == [WORDS[word] for word in words[1:]]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_every_row_is_reproduced(row: Row) -> None:
    graph = network(row.table)
    if row.index == 0:
        assert tuple(reversed(graph.inputs[0].volume.item_shape)) == row.volume
        assert (row.params, row.operations) == (0, 0)
        return
    nodes = modules(graph)[row.index - 1]
    found = as_printed(nodes[-1]), total(params, nodes), total(operations, nodes)
    assert found == (row.volume, row.params, row.operations)


@pytest.mark.parametrize("table", TABLES)
def test_layers_that_the_table_omits_count_nothing(table: str) -> None:
    """We have rows for activations and dropout; the columns add up without them."""
    graph, printed = network(table), list(rows(table))
    assert sum(map(params, graph)) == sum(row.params for row in printed)
    assert sum(map(operations, graph)) == sum(row.operations for row in printed)


# --- misprints ----------------------------------------------------------------------------------------------------

ERRATA = (ROOT / "docs" / "errata.md").read_text()
MISPRINTS = [row for row in ROWS if row.misprint is not None]


def test_the_misprints_are_the_known_ones() -> None:
    assert [(row.table, row.call) for row in MISPRINTS] == [
        ("mnist_cnn", "softmax"), ("cifar10_cnn", "softmax"), ("vgg16", "conv(3, 64, p1)"),
    ]  # fmt: skip


@pytest.mark.parametrize("row", MISPRINTS, ids=str)
def test_every_misprint_is_explained(row: Row) -> None:
    assert row.misprint != row.operations
    assert f"| {row.misprint:,} | {row.operations:,} |" in ERRATA


def test_every_erratum_ends_with_a_command() -> None:
    """The tests of the pages run it."""
    sections = re.findall(r"^## (.+?)$(.+?)(?=^## |\Z)", ERRATA, re.MULTILINE | re.DOTALL)
    assert len(sections) == 8
    assert [title for title, text in sections if "$ archcalc " not in text] == []


# --- inception ----------------------------------------------------------------------------------------------------


def test_the_reduced_inception_module() -> None:
    assert sum(map(operations, network("inception_reduced"))) == PRINTED["inception_reduced"]["ops"] == 70_800_688


def test_the_misprint_of_the_naive_inception_module_is_in_its_first_branch() -> None:
    """The slide counts 384 operations for the 1x1 branch of 384 maps."""
    graph, printed = network("inception_naive"), PRINTED["inception_naive"]["ops"]["printed"]
    rule = sum(map(operations, graph))
    assert rule == 287_091_392
    assert rule - printed == operations(graph["conv1"]) - 384 == 15_673_344
    assert f"| {printed:,} | {rule:,} |" in ERRATA


def test_the_auxiliary_classifiers_match_the_lecture() -> None:
    """They follow the 1st and the 4th inception module at 14x14."""
    assert PRINTED["googlenet_auxiliary"].startswith(
        "avg(5, 3, p2) -> conv(1, 128) -> fc(1024) -> fc(1000) -> softmax, twice"
    )
    graph = network("googlenet_aux@lecture")
    on_14 = [nodes[-1] for nodes in modules(graph) if len(nodes) > 1 and nodes[-1].output.spatial == (14, 14)]
    for name, module in (("aux1", on_14[0]), ("aux2", on_14[3])):
        chain = [node for node in listed(graph) if node.name.startswith(f"{name}.")]
        assert chain[0].sources == (module.name,)
        assert [node.layer.name for node in chain] == ["avgpool", "conv", "linear", "linear", "softmax"]
        assert [node.output.channels for node in chain[1:]] == [128, 1024, 1000, 1000]
        assert chain[0].layer.windows(*chain[0].inputs) == (Window(kernel=5, stride=3, begin=2, end=2),) * 2


# --- claims of the lectures ---------------------------------------------------------------------------------------


def greatest(quantity: Any, graph: Graph) -> str:
    return max(graph, key=quantity).name


@pytest.mark.parametrize("table", ["mnist_cnn", "cifar10_cnn"])
def test_the_layers_with_most_parameters_operations_and_memory(table: str) -> None:
    graph = network(table)
    assert greatest(params, graph) == "fc1"
    assert greatest(operations, graph) == "conv2"
    assert greatest(output_bytes, graph) == "conv1"
