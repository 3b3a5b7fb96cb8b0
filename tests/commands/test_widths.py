"""What commands show on terminals of several widths, coloured and not: whole words, no line that could be shorter."""

import re
import shlex
import sys
from collections.abc import Callable
from io import StringIO

import pytest

from archcalc.command import run
from archcalc.core.render import columns
from tests.networks.zoo import ROOT
from tests.report.test_widths import ANSI, NETWORKS, WIDTHS, words

Show = Callable[[str, int | None, str], str]

OWN = {
    "columns", "hidden:", "widen", "the", "terminal", "numbers", "are", "rounded", "to", "fit;", "not", "shown:",
    "before", "after",
}  # fmt: skip
"""Words of lines that only narrow terminals have."""

FIRST = {
    "bert": "word_embedding", "gpt2": "wte", "llama3": "embedding1", "mixtral": "embedding1", "seq2seq": "embedding1",
    "squeezenet": "conv1", "wavenet": "conv1", "efficientnet": "stem", "resnet50": "stem",
}  # fmt: skip
"""A layer of a network; of the others, conv1."""

PEER = {"alexnet": "zfnet", "bert": "distilbert", "gpt2": "bert", "resnet50": "resnet50@resnet101", "vgg16": "resnet18"}

COMMANDS: dict[str, Callable[[str], str]] = {
    "formula": lambda name: f"formula {name} --free N",
    "check": lambda name: f"check {name}",
    "diff": lambda name: f"diff {name} {PEER.get(name, 'lenet5')}",
    "draw": lambda name: f"draw {name}",
    "solve": lambda name: f"solve {name} --for N --where 'params <= 100M and macs <= 30G'",
    "sweep": lambda name: f"sweep {name} --over N=1,2,4 --columns macs,output_bytes,training_flops --top 2 --max macs",
    "explain": lambda name: f"explain {name} {FIRST.get(name, 'conv1')}",
}

OTHERS = (
    "solve unet --for H --near 500 --lossless",
    "solve unet_padded --for H --near 500",
    "formula unet --free H,W --of params,macs,receptive_field",
    "sweep vgg16 --over H=W=16..256:16 --choose 'act=relu|gelu|rleu' --columns macs --top 2 --min macs",
    "sweep resnet18 --over w=16..64 --histogram macs",
    "report tests/data/config.json --depth 1",
    "explain AC120",
    "explain AR101",
    "layers",
    "layers grouped_attention",
    "specs",
    "config",
    "report lenet5 --colums params",
    "serve lenet5 -o x",
    "sweep resnet50 --over w=a..b",
)


class Terminal(StringIO):
    """A stream that is a terminal, or not."""

    def __init__(self, width: int | None) -> None:
        super().__init__()
        self.width = width

    def isatty(self) -> bool:
        return self.width is not None


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch) -> Show:
    """What a command prints on a terminal of a width, all streams together."""
    monkeypatch.chdir(ROOT)

    def shown(line: str, width: int | None, color: str) -> str:
        stream = Terminal(width)
        monkeypatch.setenv("COLUMNS", str(width or 80))
        monkeypatch.setenv("TERM", "dumb")  # no progress, which tells the speed
        monkeypatch.setattr(sys, "stdout", stream)
        monkeypatch.setattr(sys, "stderr", stream)
        run(["--color", color, *shlex.split(line)])
        return stream.getvalue()

    return shown


def too_wide(line: str, width: int) -> bool:
    """Whether a line is wider than the terminal, although each of its words would fit behind its indentation."""
    indent = len(line) - len(line.lstrip())
    return columns(line) > width >= indent + max(map(columns, line.split()), default=0)


def is_drawn(word: str) -> bool:
    """Whether a word is a bar or a curve, which is drawn for the width."""
    return bool(re.fullmatch(r"[\u2580-\u259f\u2500-\u257f\u25a0-\u25ff]+", word))


def check(line: str, show: Show) -> None:
    whole = words(show(line, None, "never")) | OWN
    for width in WIDTHS:
        plain = show(line, width, "never")
        assert ANSI.sub("", show(line, width, "always")) == plain, "colour is never the only mark"
        assert [each for each in plain.split("\n") if too_wide(each, width)] == []
        text = re.sub(r"^ *\d* \|.*$", "", plain, flags=re.MULTILINE)  # excerpts: tests/report/test_widths.py
        shown = {each.rstrip(",;") for each in words(text) if not is_drawn(each)}
        if not line.startswith(("diff", "report")):  # their numbers may be rounded: tests/report/test_widths.py
            assert shown <= {each.rstrip(",;") for each in whole}, "no word is cut"


@pytest.mark.parametrize(("name", "command"), [*zip(NETWORKS, [*COMMANDS] * 3, strict=False)])
def test_a_command_fits_every_terminal(name: str, command: str, show: Show) -> None:
    check(COMMANDS[command](name), show)


@pytest.mark.zoo
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", NETWORKS)
def test_every_command_fits_every_terminal(name: str, command: str, show: Show) -> None:
    check(COMMANDS[command](name), show)


@pytest.mark.parametrize("line", OTHERS)
def test_what_else_is_shown_fits_every_terminal(line: str, show: Show) -> None:
    check(line, show)


def test_what_does_not_fit_is_noticed() -> None:
    assert too_wide("one two three", 8)
    assert not too_wide("one two three", 13)
    assert not too_wide("  a-very-long-word and", 8)
    assert is_drawn("\u2588\u258c")
    assert not is_drawn("laye")
