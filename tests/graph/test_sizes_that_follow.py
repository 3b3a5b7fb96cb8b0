"""Inputs whose sizes follow from those of others, and axes of inputs that are formulas, against all sizes in reach."""

from itertools import product

import pytest

from archcalc import load_text
from archcalc.closed_forms.feasibility import feasible
from archcalc.core.diagnostic import SpecError
from archcalc.core.location import Source
from archcalc.graph.builder import build
from archcalc.graph.freeing import with_free
from archcalc.graph.graph import Graph
from archcalc.spec.declaration import Document
from archcalc.spec.document import read_document
from archcalc.verification import verify
from tests.shell import Shell


def document(text: str) -> Document:
    return read_document(Source("net.yaml", "archcalc: 1\n" + text))


def sizes(graph: Graph) -> dict[str, str]:
    return {each.name: str(each.volume) for each in graph.inputs}


HALF = """
input: {x: [8, 64], y: [8, 32]}
layers:
  - x -> a = conv(3, 8, s2, p1)
  - add: [a, y]
"""

DOUBLE = """
input: {x: [8, 32], y: [8, 64]}
layers:
  - x -> a = resize(scale_factor=2)
  - concat: [a, y]
"""

VALID = """
input: {x: [8, 32], y: [8, 28]}
layers:
  - x -> a = conv(5, 8)
  - add: [a, y]
"""

SUM = """
input: {x: [8, 20], y: [8, 12], z: [8, 16]}
layers:
  - {concat: [x, y], axis: length}
  - a = conv(3, 8, s2, p1)
  - add: [a, z]
"""

PYRAMID = """
input: {fine: [8, 64], middle: [16, 32], coarse: [32, 16]}
layers:
  - fine -> a = conv(3, 16, s2, p1)
  - add: [a, middle]
  - b = conv(3, 32, s2, p1)
  - add: [b, coarse]
"""

TWO_CLAIMS = """
input: {x: [8, 64], y: [8, 32]}
layers:
  - x -> a = conv(3, 8, s2, p1)
  - b = add: [a, y]
  - add: [b, y]
"""

FOLLOWING = {
    "half": (HALF, {"x": "[8, T]", "y": "[8, ⌈T/2⌉]"}),
    "double": (DOUBLE, {"x": "[8, T]", "y": "[8, 2·T]"}),
    "valid": (VALID, {"x": "[8, T]", "y": "[8, T - 4]"}),
    "sum": (SUM, {"x": "[8, x_T]", "y": "[8, y_T]", "z": "[8, ⌈(x_T + y_T)/2⌉]"}),
    "pyramid": (PYRAMID, {"fine": "[8, T]", "middle": "[16, ⌈T/2⌉]", "coarse": "[32, ⌈T/4⌉]"}),
    "twice": (TWO_CLAIMS, {"x": "[8, T]", "y": "[8, ⌈T/2⌉]"}),
}


@pytest.mark.parametrize(("text", "shown"), FOLLOWING.values(), ids=FOLLOWING)
def test_a_size_that_follows_from_others_is_a_formula(text: str, shown: dict[str, str]) -> None:
    assert sizes(with_free(document(text))) == shown


@pytest.mark.parametrize("text", [text for text, _ in FOLLOWING.values()], ids=FOLLOWING)
def test_the_network_takes_what_follows_and_nothing_else(text: str) -> None:
    """Every size of the free axes up to 12, and every other length of the last input; repeated rows are left out."""
    written = document(text)
    graph = with_free(written)
    for lengths in product(range(1, 12), repeat=len(graph.symbols)):
        values = dict(zip(graph.symbols, lengths, strict=True))
        given = {each.name: each.volume.item_shape for each in graph.inputs}
        shapes = {
            name: tuple(n if isinstance(n, int) else n.at(**values) for n in shape) for name, shape in given.items()
        }
        fits = all(each.claim.at(**values) for each in graph.conditions)
        assert fits == builds(written, shapes), values
        name, (channels, right) = list(shapes.items())[-1]
        if fits and right > 1:
            wrong = [n for n in range(2, right + 3) if builds(written, {**shapes, name: (channels, n)})]
            assert wrong == [right], values


def builds(written: Document, shapes: dict[str, tuple[int, ...]]) -> bool:
    if any(n < 1 for shape in shapes.values() for n in shape):
        return False
    try:
        build(written, sizes=shapes)
    except SpecError:
        return False
    return True


def test_axes_that_are_not_asked_about_keep_their_lengths() -> None:
    assert sizes(with_free(document(SUM), ["y_T"])) == {"x": "[8, 20]", "y": "[8, y_T]", "z": "[8, ⌈y_T/2⌉ + 10]"}


def test_an_axis_that_follows_is_named_with_its_size() -> None:
    with pytest.raises(SpecError) as refused:
        with_free(document(HALF), ["y_T"])
    assert refused.value.diagnostics[0].help == "it follows from what can be free: y_T = ⌈T/2⌉"


def test_verify_follows_them_at_other_sizes() -> None:
    found = verify(document(PYRAMID), device="meta")
    assert all(row.agrees for row in found.rows)
    assert {"2 x [8, 65] [16, 33] [32, 17]", "3 x [8, 80] [16, 40] [32, 20]"} <= {row.at for row in found.rows}


def test_solve_says_what_follows(tmp_path: object, shell: Shell) -> None:
    file = f"{tmp_path}/half.yaml"
    with open(file, "w") as out:
        out.write("archcalc: 1\n" + HALF)
    reported = shell("solve", file, "--for", "T", "--where", "macs <= 5000")
    assert reported.out.splitlines()[1:3] == ["y follows x: [8, ⌈T/2⌉]", "T = 52: 4,992 MACs"]


# --- axes that are formulas ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chain", "valid"),
    [
        ("input(8, T//2 - 1) -> relu", [4, 5, 6]),
        ("input(8, 7 - T) -> relu", [1, 2, 3, 4, 5, 6]),
        ("input(8, (T % 4) * 3) -> relu", [1, 2, 3, 5, 6, 7]),
        ("input(8, H, H - 3) -> conv(3, 4)", [6, 7, 8]),
    ],
)
def test_every_axis_of_an_input_is_at_least_one(chain: str, valid: list[int]) -> None:
    shape = chain.partition("(")[2].partition(") ->")[0]
    written = document(f"input: [{shape}]\nlayers: [{chain.partition('-> ')[2]}]\n")
    [(symbol, allowed)] = feasible(with_free(written)).by_symbol.items()
    assert allowed.first(len(valid)) == valid
    assert symbol in "HT"


@pytest.mark.parametrize("size", ["T//2 - 1", "T - 6", "(T - 8)*2", "T % 5", "2*T - 9", "min(T, 9) - 4", "T//3"])
@pytest.mark.parametrize("layer", ["relu", "conv(3, 4)", "maxpool(2)", "crop(border=1)", "fc(4)"])
def test_an_input_has_elements_where_every_number_builds(size: str, layer: str) -> None:
    """An independent answer: every number, built."""
    text = f"input: [3, {size}]\nlayers: [{layer}]\n"
    found = feasible(with_free(document(text))).of("T")
    for t in range(1, 40):
        try:
            load_text("archcalc: 1\n" + text.replace("T", str(t)))
        except SpecError:
            assert t not in found, t
        else:
            assert t in found, t
