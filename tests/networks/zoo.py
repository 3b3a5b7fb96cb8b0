"""The bundled specs for tests: each is built once, with its document and its published numbers."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from archcalc.graph.builder import build
from archcalc.graph.graph import Graph, Node
from archcalc.layer import Role
from archcalc.spec.declaration import Document
from archcalc.spec.document import read_document, read_source, variant_names

ROOT = Path(__file__).parents[2]
SPECS = ROOT / "specs"
DATA = Path(__file__).parent.parent / "data"

FILES = sorted(SPECS.glob("*.yaml"))

UNLISTED = {Role.ACTIVATION, Role.MOVEMENT}
"""The roles that printed tables do not list: activations, dropout, flattening, concatenation."""


def references() -> Iterator[str]:
    """Every spec and every variant: `vgg16`, `vgg16@vgg19`."""
    for path in FILES:
        yield path.stem
        yield from (f"{path.stem}@{variant}" for variant in variant_names(read_source(str(path))))


def each(names: Iterable[str]) -> list[Any]:
    """Networks as parameters of a test: files in every run; their variants, which differ in numbers alone, by
    `make zoo`."""
    return [pytest.param(name, marks=pytest.mark.zoo if "@" in name else ()) for name in names]


@cache
def document(reference: str) -> Document:
    stem, _, variant = reference.partition("@")
    return read_document(read_source(str(SPECS / f"{stem}.yaml")), variant=variant or None)


@cache
def network(reference: str) -> Graph:
    return build(document(reference))


def listed(nodes: Iterable[Node]) -> list[Node]:
    """The layers that a printed table would list, in its order."""
    return [node for node in nodes if node.layer.role not in UNLISTED]


# --- published numbers --------------------------------------------------------------------------------------------


def lecture_tables() -> Mapping[str, Any]:
    tables: Mapping[str, Any] = yaml.safe_load((DATA / "lecture_tables.yaml").read_text())
    return tables


def paper_table(id: str) -> list[dict[str, Any]]:
    """The rows of one table, each as a mapping from column names."""
    tables = json.loads((DATA / "paper_tables.json").read_text())["tables"]
    table = next(table for table in tables if table["id"] == id)
    return [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]


def published(name: str) -> list[dict[str, str]]:
    """The rows of a CSV file whose first line names its source."""
    lines = (DATA / f"{name}.csv").read_text().splitlines()
    assert lines[0].startswith("# Source:")
    return list(csv.DictReader(lines[1:]))
