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


def said(cell: Any) -> dict[str, str]:
    """The texts of the outputs of a cell by their kinds; Jupyter writes what is printed in pieces."""
    found: dict[str, str] = {}
    for output in cell.get("outputs", ()):
        for kind, text in (output.get("data") or {"stream": output["text"]}).items():
            found[kind] = found.get(kind, "") + "".join(text)
    return {kind: text.rstrip("\n") for kind, text in found.items()}
