"""A block of a spec in the place of another one, by a setting."""

from pathlib import Path

import pytest

import archcalc
import archcalc.measures
from archcalc.core.diagnostic import SpecError
from archcalc.graph.graph import Graph
from archcalc.measure import MEASURES

TEXT = """\
archcalc: 1
params: {w: 16, n: 2}
input: [3, 32, 32]
blocks:
  basic(c):
    - add: [conv(3, c, p1) -> relu -> conv(3, c, p1), prev]
    - relu
  bottleneck(c):
    - add: [conv(1, c // 4) -> relu -> conv(3, c // 4, p1) -> relu -> conv(1, c), prev]
    - relu
  wide(c, k): conv(k, c)
layers:
  - stem = conv(3, w, p1)
  - body = basic(w) * n
  - gap -> fc(10)
"""


@pytest.fixture
def spec(tmp_path: Path) -> str:
    file = tmp_path / "net.yaml"
    file.write_text(TEXT)
    return str(file)


def params(graph: Graph) -> int:
    return int(MEASURES["params"].total(graph))


def test_a_block_takes_the_place_of_another(spec: str, tmp_path: Path) -> None:
    """The same network as that of a spec that calls the other block."""
    other = tmp_path / "other.yaml"
    other.write_text(TEXT.replace("body = basic(w)", "body = bottleneck(w)"))
    made, written = archcalc.load(spec, settings={"basic": "bottleneck"}), archcalc.load(str(other))
    assert params(made) == params(written) != params(archcalc.load(spec))
    assert [str(node.layer) for node in made.nodes] == [str(node.layer) for node in written.nodes]
    assert params(archcalc.load(spec, settings={"basic": "basic"})) == params(archcalc.load(spec))


def test_what_is_no_block_is_refused(spec: str) -> None:
    with pytest.raises(SpecError, match="basic is a block, and 'botleneck' is none") as caught:
        archcalc.load(spec, settings={"basic": "botleneck"})
    assert caught.value.diagnostics[0].help == "did you mean 'bottleneck'?"
    with pytest.raises(SpecError, match="needs"):
        archcalc.load(spec, settings={"basic": "wide"})


def test_blocks_are_an_axis_of_a_sweep(spec: str) -> None:
    found = archcalc.sweep(
        spec, over={"w": [16, 32]}, choose={"basic": "basic|bottleneck|wide"}, columns="params", wanted="rows"
    )
    rows = {(row["basic"], row["w"]): row["params"] for row in found.rows()}
    assert rows == {
        (block, w): params(archcalc.load(spec, settings={"basic": block, "w": str(w)}))
        for block in ("basic", "bottleneck")
        for w in (16, 32)
    }
    assert sum(found.tally.invalid.values()) == 2
    assert found.command(int(found.designs[-1])) == f"archcalc report {spec} --set basic=bottleneck --set w=32"
