"""Whatever comes in, a graph or diagnostics come out: never another exception, never an endless wait."""

import io
import re
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields
from itertools import cycle, pairwise
from pathlib import Path
from typing import Any, cast

import pytest

from archcalc.command import PROBLEMS, run
from archcalc.graph.binding import shown
from archcalc.layer import LAYERS
from archcalc.spec.library import KEYS
from tests.commands.front_door import outcome

GOOD = "archcalc: 1\ninput: [3, 8, 8]\nlayers:\n  - conv(3, 4) -> fc(2)\n"


def test_a_spec_with_nothing_wrong_has_no_problems() -> None:
    """What the tests below damage is sound before."""
    assert outcome(GOOD) == []


# --- files -----------------------------------------------------------------------------------------------------------

FILES_THAT_ARE_NO_SPECS: dict[str, bytes] = {
    "empty": b"",
    "blank": b" \n\n",
    "comments": b"# nothing here\n",
    "binary": bytes(range(256)) * 20,
    "no UTF-8": b"archcalc: 1\nname: \xff\xfe\n",
    "NUL": b"archcalc: 1\x00\n",
    "UTF-16": "archcalc: 1\n".encode("utf-16"),
    "huge": b"# " + b"x" * (1 << 21),
    "a list": b"- archcalc: 1\n",
    "a word": b"resnet50\n",
    "null": b"null\n",
    "two documents": GOOD.encode() + b"---\n" + GOOD.encode(),
    "a Python object": b"archcalc: 1\ninput: !!python/object/apply:os.system [ls]\n",
    "an alias bomb": b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
    "deep nesting": b"archcalc: 1\nlayers: " + b"[" * 5000 + b"]" * 5000,
    "tabs": b"archcalc: 1\nlayers:\n\t- relu\n",
    "an open bracket": b"archcalc: 1\ninput: [3, 8\n",
    "an HTML page": b"<!DOCTYPE html>\n<html><body>404: not found</body></html>\n",
    "Python": b"import torch\nprint('hello')\n",
}


@pytest.mark.parametrize("content", FILES_THAT_ARE_NO_SPECS.values(), ids=FILES_THAT_ARE_NO_SPECS.keys())
def test_a_file_that_is_no_spec_is_reported_in_words(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "net.yaml"
    file.write_bytes(content)
    assert run(["report", str(file)]) == PROBLEMS
    reported = capsys.readouterr()
    assert reported.out == ""
    assert re.search(r"^error\[AC\d{3}\]: ", reported.err)
    assert len(reported.err) < 5000


def unreadable(file: Path) -> None:
    file.write_text(GOOD)
    file.chmod(0)


PLACES: dict[str, Callable[[Path], object]] = {
    "missing": lambda file: None,
    "a folder": lambda file: file.mkdir(),
    "a link to nowhere": lambda file: file.symlink_to("nowhere"),
    "a link to itself": lambda file: file.symlink_to(file),
    "unreadable": unreadable,
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
def test_a_file_that_cannot_be_read_is_reported_in_words(
    place: Callable[[Path], object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "net.yaml"
    place(file)
    if file.is_file() and stat.S_IMODE(file.stat().st_mode) == 0 and can_read(file):
        pytest.skip("root reads everything")
    assert run(["report", str(file)]) == PROBLEMS
    assert "net.yaml" in capsys.readouterr().err


def can_read(file: Path) -> bool:
    try:
        file.read_bytes()
    except PermissionError:
        return False
    return True


# --- values of the wrong kind ----------------------------------------------------------------------------------------

VALUES = ("", "5", "-1", "1.5", "true", "null", "word", "'two words'", "[]", "{}", "[1, [2, [3]]]", "{a: {b: c}}",
          "[{a: 1}]", "2030-01-01", "0x10", ".inf", ".nan", "'" + "y" * 5000 + "'", '"\\e[2J\\0"', "{'': 2}",
          "{a.b: 2}", "[-1, 8, 8]", "[0, 8, 8]", "[1.5, 8, 8]", "{shape: 3}", "{shape: [3, 8, 8], vocab: -3}",
          "[prev]", "{prev: 3}", "{params: {a: 3}}", "{shapes: 3}", "{shapes: {conv1: {a: 3}}}", "{output: {}}",
          "[input]", "1 / 0")  # fmt: skip


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_every_key_takes_every_value_without_a_fault(key: str, value: str) -> None:
    lines = [line for line in GOOD.splitlines() if not line.startswith(f"{key}:")]
    outcome("\n".join([*lines, f"{key}: {value}"]) + "\n")


ARGUMENTS = ("", "0", "-1", "1.5", "true", "none", "word", "[1]", "[[1, 2], 3]", "1e9", "9999999999", "[]",
             "x.channels", "1 / 0", "2 ** 2 ** 9", "max()", "x.nothing", "'", "(", "conv(3)")  # fmt: skip


@pytest.mark.parametrize("argument", ARGUMENTS)
@pytest.mark.parametrize("call", ["conv({}, 4)", "conv(3, {})", "conv(3, 4, padding={})", "maxpool({})", "fc({})",
                                  "upconv(3, 4, stride={})", "b({})", "relu({})", "table_conv(3, {})",
                                  "upsample({})", "lrn({})", "dropout({})", "adaptive_avgpool({})"])  # fmt: skip
def test_every_argument_takes_every_value_without_a_fault(call: str, argument: str) -> None:
    chain = call.format(argument)
    outcome(f"archcalc: 1\ninput: [3, 8, 8]\nblocks:\n  b(n):\n    - conv(1, n)\nlayers:\n  - {chain}\n")


WORTHLESS = ("0", "-1", "2", "1.5", "1e15", "true", "none", "word", "''", "[]", "[1, 2]", "[[1, 2], [3, 4]]", "[[-1]]",
             "1 / 3", "3x3", "0x0", "same", "input", "1e-300")  # fmt: skip


VOLUMES = ("[3, 8, 8]", "[7]", "[1, 1, 1, 1]")


def hostile_calls(kind: str) -> Iterator[str]:
    """Calls of a layer in which one argument after another has one value after another."""
    given = {key: shown(each) for key, each in LAYERS[kind].examples[0].given.items()}
    for name in (*(field.name for field in fields(cast(Any, LAYERS[kind]))), "norm", "act", "tie", "freeze"):
        for value in WORTHLESS:
            yield f"{kind}({', '.join(f'{key}={each}' for key, each in (given | {name: value}).items())})"


def on(volume: str, call: str) -> str:
    return f"archcalc: 1\ninput: {volume}\nlayers:\n  - {call}\n"


@pytest.mark.parametrize("kind", LAYERS)
def test_every_argument_of_every_layer_takes_every_value_without_a_fault(kind: str) -> None:
    """On one volume after another."""
    for call, volume in zip(hostile_calls(kind), cycle(VOLUMES), strict=False):
        outcome(on(volume, call))


@pytest.mark.zoo
@pytest.mark.parametrize("volume", VOLUMES)
@pytest.mark.parametrize("kind", LAYERS)
def test_every_argument_of_every_layer_takes_every_value_on_every_volume(kind: str, volume: str) -> None:
    for call in hostile_calls(kind):
        outcome(on(volume, call))


# --- bombs -----------------------------------------------------------------------------------------------------------

BLOCKS = "archcalc: 1\ninput: [3, 8, 8]\nblocks:\n"

BOMBS = {
    "repeats within repeats": (f"{BLOCKS}  a:\n    - relu * 1000\n  b:\n    - a * 1000\nlayers: [b * 1000]\n", "AC132"),
    "nothing, again and again": (
        f"{BLOCKS}  a:\n    - prev * 2\n"
        + "".join(f"  {after}:\n    - {block}\n    - {block}\n" for block, after in pairwise("abcdefghijklmnopqrst"))
        + "layers: [t]\n",
        "AC132",
    ),
    "a block of itself": (f"{BLOCKS}  a:\n    - relu -> a\nlayers: [a]\n", "AC130"),
    "blocks of each other": (f"{BLOCKS}  a:\n    - b\n  b:\n    - a\nlayers: [a]\n", "AC130"),
    "a name used twice": ("archcalc: 1\ninput: [3]\nlayers: [a = relu, a = relu]\n", "AC107"),
    "a layer that reads itself": ("archcalc: 1\ninput: [3]\nlayers: [a -> a = relu]\n", "AC101"),
    "parameters of each other": ("archcalc: 1\nparams: {a: b, b: a}\ninput: [3]\nlayers: [relu]\n", "AC110"),
    "an input too large": ("archcalc: 1\ninput: [3, 1000000000]\nlayers: [maxpool(999999999)]\n", "AC208"),
    "an output too large": ("archcalc: 1\ninput: [3, 9]\nlayers: [upsample(999999999)]\n", "AC208"),
    "a number too large": (
        "archcalc: 1\nparams: {a: 10 ** 8 * 10 ** 8}\ninput: [3]\nlayers: [relu]\n",
        "AC114",
    ),
}


@pytest.mark.parametrize(("text", "code"), BOMBS.values(), ids=BOMBS.keys())
def test_a_bomb_is_defused(text: str, code: str) -> None:
    assert code in outcome(text)


def test_a_file_that_imports_itself_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yaml").write_text(f"{GOOD}import: [./b.yaml]\n")
    (tmp_path / "b.yaml").write_text(f"{GOOD}import: [./a.yaml]\n")
    assert run(["report", str(tmp_path / "a.yaml")]) == PROBLEMS
    assert "circular import" in capsys.readouterr().err


def test_a_file_that_imports_itself_directly_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yaml").write_text(f"{GOOD}import: [./a.yaml]\n")
    assert run(["report", str(tmp_path / "a.yaml")]) == PROBLEMS
    assert "a.yaml -> a.yaml" in capsys.readouterr().err


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"archcalc: 1\nname: \xff\n", id="no UTF-8"),
        pytest.param(bytes(range(256)), id="binary"),
        pytest.param(b"archcalc: 1\x00\n", id="NUL"),
        pytest.param(b"# " + b"x" * (1 << 21), id="huge"),
    ],
)
def test_standard_input_that_is_no_spec_is_reported_in_words(
    content: bytes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), encoding="utf-8"))
    assert run(["report", "-"]) == PROBLEMS
    assert re.search(r"^error\[AC00\d\]: ", capsys.readouterr().err)


def test_names_of_any_kind_make_no_fault() -> None:
    for name in ("class", "self", "_", "__init__", "é", "x y", "a.b", "1a", "input", "prev", "conv", "None", "true"):
        outcome(f"archcalc: 1\ninput: [3, 8, 8]\nlayers:\n  - {name} = conv(3, 4)\n  - {name} -> relu\n")
