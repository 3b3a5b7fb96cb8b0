"""What terminals of several widths show, coloured and piped: whole words, whole numbers, marks that need no colour."""

import re

import pytest

from archcalc.core.diagnostic import Diagnostic, SpecError
from archcalc.core.location import Source
from archcalc.core.render import columns, render, wrapped
from archcalc.graph.loading import load
from archcalc.lint.linting import findings_of
from archcalc.measure import MEASURES
from archcalc.memory.footprint import footprint_of
from archcalc.report.formats.table import AUTO, EXACT, SHORT, View, table
from archcalc.report.layout import every_column
from archcalc.report.report import Report, report_of
from archcalc.report.units import rounded
from archcalc.spec.document import read_document
from tests.networks.zoo import document, network
from tests.shell import Shell
from tests.spec.test_wrong_specs import cases, missing, unescaped

NETWORKS = (
    "alexnet", "bert", "cyclegan", "deeplabv3", "densenet121", "efficientnet", "googlenet", "gpt2", "hourglass",
    "lenet5", "llama3", "mixtral", "mobilenet_v2", "resnet50", "seq2seq", "squeezenet", "unet", "vgg16", "vit_b16",
    "wavenet",
)  # fmt: skip

WIDTHS = (60, 80, 120, 200)

ANSI = re.compile(r"\x1b\[[\d;]*m")


def words(text: str) -> set[str]:
    """The words of a text; rules have none."""
    return {word for word in text.split() if not re.fullmatch(r"-+|=", word)}


def check(report: Report, depth: int | None, units: str) -> None:
    """In every width and colour, all cells and words are those of the table without a limit."""
    whole = table(report, View(depth=depth))
    short = table(report, View(depth=depth, units=SHORT))
    for width in WIDTHS:
        views = [View(depth=depth, room=width, color=color, units=units) for color in (False, True)]
        plain, coloured = (table(report, view) for view in views)
        assert ANSI.sub("", coloured) == plain, "colour is never the only mark"
        longest = max(map(columns, whole.split()))
        assert max(columns(line) for line in plain.split("\n")) <= max(width, longest + 8)
        own = "hidden: " + plain.partition("hidden: ")[2] if "hidden: " in plain else ""
        above = plain.removesuffix(own) if own else plain
        hints = words("columns column numbers are rounded to fit; --units exact shows them in full")
        assert words(above) <= words(whole) | words(short) | hints, "no word is cut"


@pytest.mark.parametrize("name", NETWORKS)
def test_no_word_is_cut_and_no_mark_is_colour_alone(name: str) -> None:
    report = report_of(network(name))
    for depth in (1, None):
        check(report, depth, EXACT)
        check(report, depth, AUTO)


@pytest.mark.parametrize(("name", "free"), [("resnet50", "HW"), ("unet", "HW"), ("wavenet", "T"), ("bert", "N")])
def test_tables_of_formulas_fit(name: str, free: str) -> None:
    report = report_of(load(name, free=list(free)))
    check(report, 1, EXACT)
    for width in WIDTHS[1:]:
        lines = table(report, View(depth=1, room=width)).split("\n")
        assert max(map(columns, lines)) <= width
        assert any("Params" in line and "MACs" in line for line in lines)


def test_memory_and_its_timeline_fit() -> None:
    graph = network("resnet18")
    report = report_of(graph, footprint=footprint_of(graph, with_timeline=True))
    check(report, 1, EXACT)


def test_a_formula_is_broken_between_its_terms_and_means_the_same() -> None:
    report = report_of(load("resnet50", free=["H", "W"]))
    lines = table(report, View(depth=1, room=80, columns=("macs",))).split("\n")
    start = next(i for i, line in enumerate(lines) if line.startswith("total"))
    end = lines.index("", start)
    broken = " ".join(" ".join(lines[start:end]).removeprefix("total").split())
    assert broken == str(report.totals["macs"])


def test_numbers_are_rounded_where_that_shows_more_and_the_totals_are_exact() -> None:
    report = report_of(network("mixtral"))
    text = table(report, View(depth=1, room=80, units=AUTO))
    assert "numbers are rounded to fit; --units exact shows them in full" in text
    assert "46,702,792,704 parameters" in text
    assert f"{report.totals['macs']:,} MACs" in text
    assert "hidden" not in text
    exact = table(report, View(depth=1, room=80))
    assert "rounded" not in exact
    assert "columns hidden" in exact
    assert table(report, View(depth=1, room=200, units=AUTO)) == table(report, View(depth=1, room=200))


@pytest.mark.parametrize("name", NETWORKS[:6])
def test_a_rounded_number_is_within_half_a_digit(name: str) -> None:
    report = report_of(network(name))
    powers = {"": 0, "k": 1, "M": 2, "G": 3, "T": 4}
    for measure in MEASURES:
        cell = every_column(report, short=True)[measure].cell
        for line in report.lines:
            value = line.values[measure]
            if isinstance(value, int):
                number, _, unit = cell(line).partition(" ")
                prefix = unit.removesuffix("B") if MEASURES[measure].unit == "byte" else unit
                size = 1000 ** powers[prefix]
                assert abs(float(number) * size - value) <= max(0.005 * value, 0), cell(line)
                assert prefix or float(number) == value


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0"), (999, "999"), (1000, "1.00 k"), (9_995, "10.0 k"), (999_499, "999 k"),
                        (999_500, "1.00 M"), (10**27, "1,000,000,000,000,000,000,000,000,000")],
)  # fmt: skip
def test_rounding_at_the_edges(count: int, text: str) -> None:
    assert rounded(count) == text


def test_what_is_below_the_table_speaks_of_its_lines() -> None:
    folded = table(report_of(network("resnet50")), View(depth=1))
    assert "most MACs: layer3 (35.8 %)" in folded
    experts = table(report_of(network("mixtral")), View())
    assert "most MACs: layers.*.moe (32 alike, 81.6 %)" in experts
    types = table(report_of(network("resnet50")), View(by="type"))
    assert "most parameters: conv (91.8 %)" in types


# --- diagnostics -----------------------------------------------------------------------------------------------------


def diagnostics() -> list[Diagnostic]:
    """Those of the wrong specs, and the findings of rules in two networks."""
    found: list[Diagnostic] = []
    for title, text, _ in cases():
        if not title.startswith("-e "):
            try:
                read_document(Source("x.yaml", unescaped(text)), load=missing)
            except SpecError as error:
                found += error.diagnostics
    for name in ("alexnet", "vgg16"):
        found += findings_of(document(name), network(name))
    return found


DIAGNOSTICS = diagnostics()


@pytest.mark.parametrize("width", [40, *WIDTHS])
def test_carets_stay_below_their_span(width: int) -> None:
    assert len(DIAGNOSTICS) > 60
    for each in DIAGNOSTICS:
        text = render(each, room=width)
        assert ANSI.sub("", render(each, color=True, room=width)) == text
        lines = text.split("\n")
        longest = max(map(columns, text.split()))
        assert max(map(columns, lines)) <= max(width, longest + 12)
        at = each.location
        marks = next(
            (i for i, line in enumerate(lines) if re.match(r" *\| +\^", line) or re.match(r" *\| \^", line)), 0
        )
        if at and marks and at.text.isascii() and at.text.isprintable():
            first = lines[marks].index("^")
            count = lines[marks].count("^")
            shown = lines[marks - 1][first : first + count]
            assert at.text.startswith(shown.removesuffix("...")), (shown, at.text)
            assert shown == at.text or shown.endswith("...")


def test_lines_are_broken_between_words() -> None:
    text = "help: write conv(3, 64) -> batchnorm, which has a bias of its own"
    for width in range(12, 80):
        assert " ".join(" ".join(wrapped(text, width)).split()) == text
    assert wrapped(text, None) == [text]
    long = "x" * 50
    assert wrapped(f"of {long} and {long}-{long}", 20) == ["of", long, "and", f"{long}-{long}"]


def test_an_unknown_column_is_answered_with_the_names(shell: Shell) -> None:
    outcome = shell("report", "lenet5", "--columns", "parms")
    assert outcome.code == 2
    assert "unknown name 'parms'; did you mean 'params'? the names are layer, type, output," in " ".join(
        outcome.err.split()
    )
    assert "the names are" in shell("report", "lenet5", "--columns", "xyzzy").err


def test_units_are_an_option(shell: Shell) -> None:
    assert "61.7 k" in shell("report", "lenet5", "--units", "short").out
    assert shell("report", "lenet5").out == shell("report", "lenet5", "--units", "exact").out
