"""Wrong specs and their exact reports; and hostile specs, which must be reported in time.

`wrong_specs.txt` holds both. After a wording has changed, `python -m tests.spec.test_wrong_specs` writes it anew: read
the difference before committing it.
"""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archcalc.core.codes import CODES
from archcalc.core.diagnostic import MOST_PROBLEMS, SpecError
from archcalc.core.location import Source
from archcalc.core.render import render_all
from archcalc.spec.document import one_liner, read_document
from tests.spec.test_chain import SPEC
from tests.spec.test_document import RESNET

GOLDEN = Path(__file__).parent / "wrong_specs.txt"
CASE = re.compile(
    r"^#### (?P<title>[^\n]+)\n(?P<text>.*?)^---- reported\n(?P<reported>.*?)(?=^#### |\Z)", re.MULTILINE | re.DOTALL
)


def cases() -> list[tuple[str, str, str]]:
    return [
        (m["title"], m["text"], m["reported"].rstrip("\n")) for m in CASE.finditer(GOLDEN.read_text(encoding="utf-8"))
    ]


def unescaped(text: str) -> str:
    """`\\t`, `\\xNN` stand for characters that an editor would hide."""
    return re.sub(r"\\(?:t|x([0-9a-f]{2}))", lambda m: chr(int(m[1], 16)) if m[1] else "\t", text)


def reported(title: str, text: str) -> str:
    """The report about a case; its title says how it is read."""
    try:
        if title.startswith("-e "):
            one_liner(text.rstrip("\n"))
        else:
            given_settings = dict(re.findall(r"--set (\w+)=([^,]*)", title))
            variant = re.search(r"@(\w+)", title)
            read_document(
                Source("x.yaml", unescaped(text)), variant=variant and variant[1], settings=given_settings, load=missing
            )
    except SpecError as error:
        return render_all(error.diagnostics)
    return "nothing"


def missing(path: str) -> Source:
    raise FileNotFoundError(2, "No such file or directory")


@pytest.mark.parametrize(("title", "text", "expected"), cases(), ids=[title for title, _, _ in cases()])
def test_a_wrong_spec_is_reported(title: str, text: str, expected: str) -> None:
    assert reported(title, text) == expected


def test_every_code_that_is_reported_is_explained() -> None:
    sources = Path(__file__).parents[2] / "archcalc" / "spec"
    used = {code for path in sources.glob("*.py") for code in re.findall(r'"(AC\d{3})"', path.read_text("utf-8"))}
    assert used
    assert used <= set(CODES)
    golden = GOLDEN.read_text(encoding="utf-8")
    assert {code for code in used if code not in golden} <= EVALUATED | FILES


EVALUATED = {"AC136", "AC110", "AC111", "AC112", "AC113"}
"""Reported when expressions are evaluated: test_expression."""

FILES = {"AC001"}
"""Reported about files: test_document."""


# --- hostile files ------------------------------------------------------------------------------------------------

HEAD = "archcalc: 1\ninput: [3]\nlayers:\n  - "
MIB = 1 << 20

HOSTILE = {
    "brackets": "[" * MIB,
    "braces": "a: " + "{" * 100_000,
    "dashes": "- " * 100_000,
    "parentheses": HEAD + "conv(" + "(" * 500_000,
    "minus signs": HEAD + "conv(" + "-" * 500_000 + "1)",
    "a sum": HEAD + "conv(" + "1+" * 250_000 + "1)",
    "indices": HEAD + "conv(a" + "[0]" * 150_000 + ")",
    "digits": HEAD + "conv(" + "1" * 1_000_000 + ")",
    "digits and a letter": HEAD + "conv(" + "1" * 1_000_000 + "w)",
    "kernels": HEAD + "conv(" + "1x" * 500_000 + ")",
    "choices": HEAD + "a if b else " * 80_000 + "c",
    "unknown keys": "".join(f"k{i}: 1\n" for i in range(90_000)),
    "nodes": "- a\n" * 200_001,
    "wrong items": HEAD + "a\n" + "  - 3\n" * 150_000,
    "cut calls": HEAD[:-4] + "  [" + "a(1, 'b'), " * 40_000 + "c]",
    "not ASCII": HEAD + "é" * 400_000,
    "anchors": "&a " * 100_000,
    "an alias bomb": "a: &a [x, x]\nb: &b [*a, *a]\n",
    "spaces": " " * MIB,
    "too large": "a" * (MIB + 1),
    "a lone surrogate": "archcalc: \ud800",
    "a NUL": "archcalc: \0",
}


PER_CHARACTER = 15
"""Calls and returns that a character may cost, as the nested and the added do; a number of digits costs none."""

AT_ALL = 20_000
"""And those that any file may cost, such as to tell what is wrong with it."""


@contextmanager
def at_most(calls: int) -> Iterator[None]:
    """Fails at once where more functions are called and left: work is counted, as clocks tell of the machine too."""
    left = calls

    def count(*event: object) -> None:
        nonlocal left
        left -= 1
        assert left >= 0, f"more than {calls:,} calls and returns"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        yield
    finally:
        sys.setprofile(before)


def test_work_that_grows_faster_than_its_text_is_seen() -> None:
    text = "x" * 2_000
    whole = "more than 50,000 calls and returns"
    with pytest.raises(AssertionError, match=whole), at_most(AT_ALL + PER_CHARACTER * len(text)):
        sum(len(text[i:j]) for i in range(len(text)) for j in range(i))


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_file_is_refused_with_work_in_proportion(text: str) -> None:
    with at_most(AT_ALL + PER_CHARACTER * len(text)):
        with pytest.raises(SpecError) as caught:
            read_document(Source("x.yaml", text))
        shown = render_all(caught.value.diagnostics)
    assert 0 < len(caught.value.diagnostics) <= MOST_PROBLEMS
    assert max(map(len, shown.splitlines())) < 300


def outcome(text: str) -> str:
    """The report about a text, if any."""
    try:
        read_document(Source("x.yaml", text), variant="wide" if "wide" in text else None, load=missing)
    except SpecError as error:
        return render_all(error.diagnostics, color=True)
    return ""


SIGNS = tuple("()[]{},:=*&!#'|>%~?\"\t\n\x00\u202e\ufeffé")
LINES = ("---\n", "<<: ", "import: [a.yaml]\n", "\r\n", "+- 1%", ": ", "\n  ", "- ", "->", " if ", " else ")
PIECES = st.sampled_from((*SIGNS, *LINES, "9" * 20, "s2", "3x3", "prev", "null"))


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_any_text_is_reported(text: str) -> None:
    outcome(text)
    outcome(HEAD + text)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([RESNET, SPEC]), st.integers(0, 1500), st.integers(0, 6), PIECES), min_size=1)
)
def test_any_damage_to_a_spec_is_reported(damages: list[tuple[str, int, int, str]]) -> None:
    text = damages[0][0]
    for _, at, length, piece in damages:
        text = text[:at] + piece + text[at + length :]
    outcome(text)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(PIECES, st.text(max_size=3)), max_size=12).map("".join))
def test_any_one_liner_is_reported(text: str) -> None:
    for line in (text, f"input(3, 32) -> {text}"):
        try:
            one_liner(line)
        except SpecError as error:
            render_all(error.diagnostics)


if __name__ == "__main__":
    GOLDEN.write_text(
        "\n".join(f"#### {title}\n{text}---- reported\n{reported(title, text)}\n" for title, text, _ in cases()),
        encoding="utf-8",
    )
