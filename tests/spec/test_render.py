"""The renderer: the sample of the language's design, colours, clipping, characters that a terminal would obey."""

import pytest

from archcalc.core.diagnostic import Diagnostic, Label, did_you_mean, in_file_order
from archcalc.core.location import Location, Source
from archcalc.core.render import WIDEST, excerpt, render, render_all

SOURCE = Source(
    "specs/e2.yaml",
    """\
archcalc: 1
input: [3, 32, 32]
layers:
  - layer1:
      - add:
          - conv(1, 64)
""",
)

SAMPLE = """\
error[AC201]: add needs equal shapes or axes of length 1, got [256, 32, 32] and [3, 32, 32]
 --> specs/e2.yaml:5:9
  |
5 |       - add:
  |         ^^^
  = note: layer1.0.conv3 [256, 32, 32] (line 6), input [3, 32, 32] (line 9)
  = help: project the shortcut: conv(1, 256)"""


def diagnostic(place: Location | None, *labels: Label, message: str = "wrong") -> Diagnostic:
    return Diagnostic(code="AC201", message=message, location=place, labels=labels)


def test_the_sample() -> None:
    found = Diagnostic(
        code="AC201",
        message="add needs equal shapes or axes of length 1, got [256, 32, 32] and [3, 32, 32]",
        location=Location(SOURCE, 4, 8, 3),
        notes=("layer1.0.conv3 [256, 32, 32] (line 6), input [3, 32, 32] (line 9)",),
        help="project the shortcut: conv(1, 256)",
    )
    assert render(found) == SAMPLE


def test_colours_change_nothing_else() -> None:
    found = diagnostic(Location(SOURCE, 4, 8, 3), Label(Location(SOURCE, 1, 0, 5), "this"))
    coloured = render(found, color=True)
    assert "\x1b[1;31merror[AC201]\x1b[0m" in coloured
    for code in ("\x1b[0m", "\x1b[1m", "\x1b[1;31m", "\x1b[1;34m"):
        coloured = coloured.replace(code, "")
    assert coloured == render(found)


def test_related_places_have_excerpts_of_their_own() -> None:
    far = Label(Location(Source("other.yaml", "\n" * 99 + "a: b"), 99, 0, 1), "first given here")
    assert render(diagnostic(Location(SOURCE, 4, 8, 3), far)).splitlines()[1:] == [
        "   --> specs/e2.yaml:5:9",
        "    |",
        "  5 |       - add:",
        "    |         ^^^",
        "   ::: other.yaml:100:1",
        "    |",
        "100 | a: b",
        "    | - first given here",
    ]


def test_places_on_the_same_line_share_it() -> None:
    label = Label(Location(SOURCE, 1, 0, 5), "opened here")
    assert render(diagnostic(Location(SOURCE, 1, 8, 1), label)).splitlines()[2:] == [
        "  |",
        "2 | input: [3, 32, 32]",
        "  | -----   ^",
        "  | opened here",
    ]


def test_a_problem_without_a_place() -> None:
    assert render(Diagnostic(code="AC001", message="there is no file a", help="b")) == (
        "error[AC001]: there is no file a\n  = help: b"
    )


def test_a_place_beyond_the_file_is_named_and_not_shown() -> None:
    assert render(diagnostic(Location(SOURCE, 99, 0, 1))).splitlines()[1:] == ["   --> specs/e2.yaml:100:1"]


@pytest.mark.parametrize("column", [0, 10, 100, 300, 5000, 9_990])
def test_long_lines_are_clipped_around_the_marks(column: int) -> None:
    line = "".join(chr(ord("a") + i % 26) for i in range(10_000))
    shown, start, length = excerpt(line, column, 5)
    assert len(shown) <= WIDEST + 3
    assert shown[start : start + length] == line[column : column + 5]


def test_marks_longer_than_the_line_are_cut() -> None:
    shown, start, length = excerpt("a" * 1000, 10, 900)
    assert (start, length) == (10, len(shown) - 10)
    assert len(shown) <= WIDEST


def test_wide_characters_take_two_columns_and_tabs_four() -> None:
    assert excerpt("卷积 = relu", 5, 4) == ("卷积 = relu", 7, 4)
    assert excerpt("\t- relu", 3, 4) == ("    - relu", 6, 4)
    assert excerpt("e\u0301 relu", 3, 4)[1] == 2


@pytest.mark.parametrize("hidden", ["\x1b[2J", "\u202e", "\u200b", "\r", "\x00", "\x9b"])
def test_nothing_reaches_the_terminal_that_it_would_obey(hidden: str) -> None:
    source = Source(f"a{hidden}b.yaml", f"a{hidden}b: c")
    label = Label(Location(source, 0, 0, 1), f"l{hidden}")
    found = Diagnostic(
        code="AC201", message=hidden, location=Location(source), labels=(label,), notes=(hidden,), help=hidden
    )
    assert hidden[0] not in render_all([found])


def test_file_order_and_the_count() -> None:
    other = Source("other.yaml", "a")
    places = [Location(SOURCE, 3), Location(other, 0), None, Location(SOURCE, 1, 5), Location(SOURCE, 1, 2)]
    found = [diagnostic(place) for place in places]
    assert in_file_order(found) == [found[i] for i in (2, 4, 3, 0, 1)]
    assert render_all(found).endswith("\n\n5 problems found in specs/e2.yaml, other.yaml")
    assert render_all(found[:1]).endswith("\n\n1 problem found in specs/e2.yaml")
    assert render_all([]) == ""


def test_did_you_mean() -> None:
    assert did_you_mean("ReLU", ["relu", "prelu"]) == "did you mean 'relu'?"
    assert did_you_mean("strides", ["padding", "stride"]) == "did you mean 'stride'?"
    assert did_you_mean("zzz", ["padding"]) == ""
    assert did_you_mean("a" * 100_000, ["a" * 99_999]) == ""
