"""The notebook of the documentation: in Jupyter, its cells have the outputs that it shows."""

import json
from typing import Any

import pytest

from docs.notebook import CELLS, CODE, notebook


def test_every_cell_of_code_shows_something() -> None:
    cells = json.loads(notebook())["cells"]
    assert [bool(cell.get("outputs")) for cell in cells] == [kind == CODE for kind, _ in CELLS]
    assert all(output["output_type"] != "error" for cell in cells for output in cell.get("outputs", ()))
    assert len(notebook()) < 100_000


def test_jupyter_gives_the_same_outputs() -> None:
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed: pip install nbclient ipykernel")
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed: pip install nbclient ipykernel")
    shown = json.loads(notebook())
    ran = nbformat.reads(notebook(), as_version=4)
    for cell in ran["cells"]:
        if "outputs" in cell:
            cell["outputs"] = []
    nbclient.NotebookClient(ran, timeout=60).execute()
    assert [said(cell) for cell in ran["cells"]] == [said(cell) for cell in shown["cells"]]


def said(cell: Any) -> list[Any]:
    """The texts of the outputs of a cell."""
    found: list[Any] = []
    for output in cell.get("outputs", ()):
        data = output.get("data") or {"stream": output["text"]}
        found.append({kind: "".join(text).rstrip("\n") for kind, text in data.items()})
    return found
