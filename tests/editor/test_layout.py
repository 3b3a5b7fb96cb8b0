"""The canonical layout: laid out twice is laid out once, nothing is lost, and the network stays the same.

The oracle is what the layout may not touch: the characters between the blanks, in their order.
"""

import re
from pathlib import Path
from random import Random

import pytest

from archcalc.core.diagnostic import SpecError
from archcalc.core.location import Source
from archcalc.editor.layout import Unfaithful, laid_out
from archcalc.editor.spacing import spaced
from archcalc.spec.document import read_document
from archcalc.usage.starters import starter, starters
from tests.networks.zoo import DATA, FILES
from tests.shell import Shell
from tests.spec.test_wrong_specs import cases, missing, unescaped

WRONG = [(title, unescaped(text)) for title, text, _ in cases() if not title.startswith("-e ")]

MESSY = """\
# the first line

archcalc:    1   # version
input:    [3,32,32]


layers:
# first of the list
- a=conv(3,64)->relu   # one
-   b = conv(3,64,
      act=relu)  # two
# between
- add:
  # in add
  - conv(3,64)
  # end of add
  - {add: [prev,   # here
       x]}
  # after the paths
- concat: [
    a,
    # own
    b   # last
  ]
- fc: {out_features: 10}
# end
expect:   {params: 10}
about: >-
   folded text
   is kept

# last
"""

TIDY = """\
# the first line

archcalc: 1      # version
input: [3, 32, 32]

layers:
  # first of the list
  - a = conv(3, 64) -> relu  # one
  - b = conv(3, 64, act=relu)  # two
  # between
  - add:
      # in add
      - conv(3, 64)
      # end of add
      - {add: [prev,  # here
               x]}
      # after the paths
  - concat: [a,
             # own
             b  # last
            ]
  - fc: {out_features: 10}
# end
expect: {params: 10}
about: >-
  folded text
  is kept

# last
"""


def laid(text: str) -> str:
    return laid_out(Source("x.yaml", text))


def ink(text: str) -> str:
    """All characters but blanks, and the commas and braces that a layout may leave out."""
    return re.sub(r"[\s,{}]", "", text)


@pytest.mark.parametrize("file", [*FILES, *sorted((DATA / "networks").glob("*.yaml"))], ids=lambda file: file.stem)
def test_a_network_stays_the_same(file: Path) -> None:
    text = file.read_text()
    made = laid(text)
    assert laid(made) == made
    assert ink(made) == ink(text)
    before, after = (read_document(Source(str(file), each)) for each in (text, made))
    assert (before.library, before.layers, before.inputs) == (after.library, after.layers, after.inputs)
    assert (before.expect, before.outputs, before.variants) == (after.expect, after.outputs, after.variants)


@pytest.mark.parametrize("kind", starters())
def test_a_spec_to_start_from_is_laid_out(kind: str) -> None:
    assert laid(starter(kind)) == starter(kind)


def codes(text: str) -> list[str]:
    try:
        read_document(Source("x.yaml", text), load=missing)
    except SpecError as error:
        return [each.code for each in error.diagnostics]
    return []


@pytest.mark.parametrize(("title", "text"), WRONG, ids=[title for title, _ in WRONG])
def test_a_wrong_spec_keeps_its_problems_and_its_comments(title: str, text: str) -> None:
    try:
        made = laid(text)
    except SpecError as error:  # YAML cannot read it, or reads less than is there
        unreadable = {each.code for each in error.diagnostics}
        assert unreadable and unreadable <= {f"AC{n:03}" for n in range(1, 12)}  # noqa: PT018
        return
    assert laid(made) == made
    assert ink(made) == ink(text)
    assert codes(made) == codes(text)


def test_a_layout_that_would_change_a_spec_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archcalc.editor.scalars.spaced", lambda text: text.replace("3", "5"))
    with pytest.raises(Unfaithful):
        laid(TIDY)


def test_every_comment_stays_where_it_belongs() -> None:
    assert laid(MESSY) == TIDY
    assert laid(TIDY) == TIDY
    assert laid(MESSY.replace("\n", "\r\n")) == TIDY.replace("\n", "\r\n")


@pytest.mark.parametrize("file", FILES[::4], ids=lambda file: file.stem)
def test_a_layout_does_not_depend_on_the_blanks_that_it_sets(file: Path) -> None:
    """Blanks behind commas, empty lines, and comments on new lines are put in at random."""
    random = Random(file.stem)
    lines: list[str] = []
    for line in file.read_text().splitlines():
        code, sign, comment = line.partition(" #") if '"' not in line else (line, "", "")
        if '"' not in code and line.startswith(" ") and "{" not in code and not is_inside(lines):
            code = re.sub(r"(?<=[a-z0-9]), (?=\w)", lambda _: "," + " " * random.randint(1, 3), code)
            code = re.sub(r" -> ", lambda _: " " * random.randint(1, 3) + "-> ", code)
        own = " " * random.randint(0, 6) + f"# {random.random()}"
        is_between = random.random() < 0.2 and re.match(r" *(- |\w+:)", line) and not is_inside(lines)
        lines += [*[own] * bool(is_between), *[""] * bool(is_between), code + sign + comment]
    text = "\n".join(lines)
    made = laid(text)
    assert laid(made) == made
    assert ink(made) == ink(text)
    plain = "".join(f"{line}\n" for line in made.splitlines() if not re.match(r" *# 0\.\d+$", line))
    assert without_blanks(plain) == without_blanks(laid(file.read_text()))


def without_blanks(text: str) -> str:
    """Without empty lines, and with one blank before each comment: both are the author's."""
    return re.sub(r" +#", " #", re.sub(r"\n\n+", "\n", text.lstrip("\n")))


def is_inside(lines: list[str]) -> bool:
    """Whether a bracket or a quote is open at the end of these lines."""
    text = re.sub(r"#.*", "", "\n".join(lines))
    return text.count('"') % 2 == 1 or any(text.count(a) != text.count(b) for a, b in ("[]", "{}", "()"))


def test_chains_and_expressions_have_one_spelling() -> None:
    assert spaced("up = upconv( 2,c , s2 )->relu") == "up = upconv(2, c, s2) -> relu"
    assert spaced("basic(w,stride = 1)") == "basic(w, stride=1)"
    assert spaced("conv(3,2* w) if n>1 else prev") == "conv(3, 2 * w) if n > 1 else prev"
    assert spaced("fc(-1) -> pow(x, -2) -> a[ -1 ]") == "fc(-1) -> pow(x, -2) -> a[-1]"
    assert spaced('rearrange("b (h p)  -> b h p",p=2)') == 'rearrange("b (h p)  -> b h p", p=2)'
    assert spaced("what → this") == "what → this"


def test_long_lines_are_broken_where_a_reader_would() -> None:
    chain = " -> ".join(["conv(3, 64, p1)"] * 12)
    made = laid(f"archcalc: 1\nlayers:\n  - {chain}\nvariants:\n  v: {{a: {list(range(40))}}}\n")
    assert max(map(len, made.splitlines())) <= 120
    assert "\n      -> conv(3, 64, p1)" in made
    assert laid(made) == made


def test_fmt_writes_in_place_checks_and_shows(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "net.yaml"
    file.write_text(MESSY)
    checked = shell("fmt", "--check", str(tmp_path))
    assert (checked.code, checked.out) == (1, "")
    assert checked.err == f"{file} would be laid out\n1 of 1 file would be laid out\n"
    shown = shell("fmt", "--diff", str(file))
    assert shown.code == 0
    assert "\n-input:    [3,32,32]\n" in shown.out
    assert "\n+input: [3, 32, 32]\n" in shown.out
    assert file.read_text() == MESSY
    written = shell("fmt", str(file))
    assert (written.code, written.out, file.read_text()) == (0, "", TIDY)
    assert shell("fmt", "--check", str(file)).code == 0


def test_a_file_that_yaml_cannot_read_is_not_changed(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "net.yaml"
    file.write_text("layers: [a\nname: x\n")
    outcome = shell("fmt", str(file))
    assert outcome.code == 1
    assert "error[AC005]: this list is not closed" in outcome.err
    assert file.read_text() == "layers: [a\nname: x\n"


def test_a_bundled_spec_is_not_changed(shell: Shell) -> None:
    outcome = shell("fmt", "resnet50")
    assert outcome.code == 2
    assert "resnet50 is a bundled spec; fmt lays out files" in outcome.err
