"""docs/notebook.ipynb: a tour of archcalc as an executed notebook, made without Jupyter.

Cells run in order in one namespace; what a cell prints and what its last expression shows are its outputs, as in
Jupyter. A test runs the notebook in Jupyter, too, where nbclient is installed, and compares the outputs.
"""

import ast
import json
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

MARKDOWN, CODE = "markdown", "code"

SOURCE = """
# %% markdown
# archcalc in a notebook

`archcalc.load` makes a graph of a spec: a path, or the name of a bundled one.
# %% code
import archcalc

resnet = archcalc.load("resnet18")
resnet
# %% markdown
A report is a table whose blocks open. `rows()` and `to_pandas()` have its numbers.
# %% code
report = archcalc.report_of(resnet)
report
# %% code
max(report.rows(), key=lambda row: row["macs"])["name"]
# %% markdown
Memory in one training step, to the byte.
# %% code
setup = archcalc.TrainingSetup(optimizer=archcalc.optimizer("adamw"))
archcalc.footprint_of(resnet, setup)
# %% markdown
Totals are closed forms in whatever is free. `solve` finds what fits a budget.
# %% code
macs = archcalc.closed_form("resnet18", "macs", free=["H", "W", "N"]).total
print(macs)
macs.at(H=448, W=448, N=1)
# %% code
archcalc.solve("resnet18", "w", "params <= 5M and macs <= 1G")
# %% markdown
What differs between two networks. Every function takes names, paths, graphs and reports alike.
# %% code
archcalc.compare(report, "resnet18@resnet34")
# %% markdown
A spec can be text. An error shows its place, and what to write instead.
# %% code
chain = "conv(3, 16, p1) -> relu -> maxpool(2) -> fc(10)"
spec = f"archcalc: 1\\nname: Small\\ninput: [3, 32, 32]\\nlayers:\\n  - {chain}\\n"
try:
    archcalc.load_text(spec.replace("maxpool", "maxpol"))
except archcalc.SpecError as error:
    print(error)
# %% markdown
The network as readable PyTorch.
# %% code
print(archcalc.generate(archcalc.load_text(spec)))
"""
"""The cells, each after its kind."""

CELLS = [tuple(each.strip().split("\n", 1)) for each in SOURCE.split("# %% ") if each.strip()]


def notebook() -> str:
    """The notebook with its outputs."""
    names: dict[str, Any] = {"__name__": "__main__"}
    cells = []
    for number, (kind, source) in enumerate(CELLS):
        cell: dict[str, Any] = {"cell_type": kind, "id": f"cell-{number}", "metadata": {}, "source": lines(source)}
        if kind == CODE:
            count = sum(each == CODE for each, _ in CELLS[: number + 1])
            cell |= {"execution_count": count, "outputs": outputs(source, names, count)}
        cells.append(cell)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    whole = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def outputs(source: str, names: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """What a cell prints, and what its last expression is."""
    body = ast.parse(source).body
    shown = body.pop() if isinstance(body[-1], ast.Expr) else None
    last = ast.Expression(shown.value) if isinstance(shown, ast.Expr) else None
    with redirect_stdout(StringIO()) as printed:
        exec(compile(ast.Module(body, []), "<cell>", "exec"), names)
        value = eval(compile(last, "<cell>", "eval"), names) if last else None
    made: list[dict[str, Any]] = []
    if text := printed.getvalue():
        made.append({"name": "stdout", "output_type": "stream", "text": lines(text)})
    if value is not None:
        data = {"text/plain": lines(repr(value))}
        for kind, method in SHOWN.items():
            if (shown := getattr(value, method, None)) and (rich := shown()) is not None:
                data = {kind: lines(rich), **data}
        made.append({"data": data, "execution_count": count, "metadata": {}, "output_type": "execute_result"})
    return made


SHOWN = {"text/html": "_repr_html_", "image/svg+xml": "_repr_svg_"}
"""What Jupyter shows besides text."""


def lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)
