"""Pictures: every network in both styles, labels that do not overlap, files that other programs read."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from archcalc.command import run
from archcalc.pages import pictures  # noqa: F401  every file in it registers itself
from archcalc.pages.outline import Item, outline
from archcalc.pages.picture import PICTURES, Picture
from archcalc.pages.styles import STYLES, picture
from archcalc.pages.terminal import text
from archcalc.pages.volumes import solid
from archcalc.report.formats.json import document_of
from archcalc.report.report import report_of
from tests.goldens import assert_golden
from tests.networks.zoo import network, references
from tests.pages.browser import Browser, needs_chromium
from tests.pages.test_page import hostile_spec

FEW = ("fpn", "unet", "seq2seq")

LOOKED_AT = (
    "alexnet", "densenet121", "fpn", "googlenet", "gpt2", "resnet50", "seq2seq", "swin", "transformer", "unet", "vae",
    "wavenet",
)  # fmt: skip

EVERY = [pytest.param(name, marks=() if name in LOOKED_AT else pytest.mark.zoo) for name in references()]


@cache
def document(name: str) -> Mapping[str, Any]:
    return document_of(report_of(network(name)))


def overlapping(made: Picture) -> list[tuple[str, str]]:
    """Labels whose boxes overlap: only neighbours in the order of their left ends can."""
    boxes = sorted((label.box, label.text) for label in made.labels if label.text)
    found = []
    for i, ((_, top, right, bottom), label) in enumerate(boxes):
        for (left, other_top, _, other_bottom), other in boxes[i + 1 :]:
            if left >= right:
                break
            if top < other_bottom and other_top < bottom:
                found.append((label, other))
    return found


# --- the outline ------------------------------------------------------------------------------------------------------


def test_the_outline_of_a_network_has_its_blocks_and_what_they_take() -> None:
    items = outline(document("unet"))
    names = [item.name for item in items]
    assert names[:4] == ["input", "e1", "maxpool1", "e2"]
    assert {names[source] for source in items[names.index("d4")].sources} == {"e4", "bottom"}
    assert items[-1].is_output


def test_norms_and_activations_belong_to_what_they_follow() -> None:
    assert [item.name for item in outline(document("resnet50"))][:3] == ["input", "stem", "maxpool1"]


def test_equal_items_in_a_row_are_one() -> None:
    titles = [item.title for item in outline(document("resnet50"), 2)]
    assert titles[3:7] == ["layer1.0", "layer1.1 \u00d7 2", "layer2.0", "layer2.1 \u00d7 3"]


@pytest.mark.parametrize("name", ["resnet50", "densenet121", "fpn", "transformer"])
@pytest.mark.parametrize("depth", [1, 2, 9])
def test_an_outline_counts_every_layer_once(name: str, depth: int) -> None:
    whole = document(name)
    items = outline(whole, depth)
    assert sum(item.macs for item in items) == whole["totals"]["macs"]
    assert sum(item.params for item in items) == whole["totals"]["params"]
    assert sum(item.layers for item in items) == len(whole["layers"])
    assert all(source < number for number, item in enumerate(items) for source in item.sources)


# --- pictures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", EVERY)
def test_a_picture_is_whole_and_no_labels_overlap(name: str, style: str) -> None:
    made = picture(document(name), style, 1)
    assert overlapping(made) == []
    for left, top, right, bottom in (label.box for label in made.labels):
        assert 0 <= left <= right <= made.width
        assert 0 <= top <= bottom <= made.height


def test_the_labels_that_overlap_are_found() -> None:
    made = picture(document("unet"), "volumes", 1)
    twice = Picture(made.name, made.width, made.height, (*made.shapes, made.labels[1]))
    assert overlapping(twice)


@needs_chromium
@pytest.mark.parametrize("style", STYLES)
def test_labels_do_not_overlap_in_a_browser(style: str, browser: Browser, tmp_path: Path) -> None:
    for name in FEW:
        file = tmp_path / f"{name}.svg"
        assert run(["draw", name, "--style", style, "-o", str(file)]) == 0
        browser.open(file.as_uri())
        boxes = browser.evaluate(
            "[...document.querySelectorAll('text')].filter(each => each.textContent).map(each => each.getBBox())"
            ".map(box => [box.x, box.y, box.x + box.width, box.y + box.height])"
        )
        assert len(boxes) > 6
        for i, (left, top, right, bottom) in enumerate(boxes):
            for x0, y0, x1, y1 in boxes[i + 1 :]:
                assert not (left < x1 and x0 < right and top < y1 and y0 < bottom), name
        assert browser.errors == []


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("form", ["svg", "tex", "dot", "mmd"])
def test_a_hostile_spec_is_drawn_as_text(form: str, style: str, tmp_path: Path) -> None:
    file = tmp_path / f"net.{form}"
    assert run(["draw", str(hostile_spec(tmp_path)), "--style", style, "-o", str(file)]) == 0
    made = file.read_text(encoding="utf-8")
    assert "\u202e" not in made
    assert len(made) < 30_000
    if form == "svg":
        assert {element.tag.rpartition("}")[2] for element in ElementTree.fromstring(made).iter()} <= {
            "svg", "title", "defs", "marker", "path", "rect", "polygon", "text",
        }  # fmt: skip
    if form == "mmd":
        assert all(
            re.fullmatch(r'  n\d+\["[\w #;<>/]*"\]|  n\d+ --> n\d+|flowchart TD|', line) for line in made.split("\n")
        )


def test_svg_is_the_same_in_every_run() -> None:
    assert PICTURES["svg"].write(document("fpn"), "graph", 1) == PICTURES["svg"].write(document("fpn"), "graph", 1)


@pytest.mark.parametrize("style", STYLES)
def test_tikz_compiles(style: str, tmp_path: Path) -> None:
    if shutil.which("pdflatex") is None:
        pytest.skip("pdflatex is not installed")
    assert run(["draw", str(hostile_spec(tmp_path)), "--style", style, "-o", str(tmp_path / "net.tex")]) == 0
    assert_compiles("net.tex", tmp_path)


@pytest.mark.parametrize("depth", ["1", "9"])
def test_a_table_in_latex_compiles(depth: str, tmp_path: Path) -> None:
    """At depth 9, ResNet-50 has more rows than a page."""
    if shutil.which("pdflatex") is None:
        pytest.skip("pdflatex is not installed")
    for name, spec in (("good", "resnet50"), ("hostile", str(hostile_spec(tmp_path)))):
        assert run(["report", spec, "--depth", depth, "-o", str(tmp_path / f"{name}.tex")]) == 0
    packages = r"\usepackage[T1]{fontenc}\usepackage{textcomp,booktabs,longtable,siunitx}"
    body = r"\input{good}\input{hostile}"
    paper = rf"\documentclass{{article}}{packages}\begin{{document}}{body}\end{{document}}"
    (tmp_path / "paper.tex").write_text(paper)
    assert_compiles("paper.tex", tmp_path)


def assert_compiles(file: str, folder: Path) -> None:
    compile = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", file]
    ended = subprocess.run(compile, cwd=folder, capture_output=True, text=True, errors="replace", check=False)
    assert ended.returncode == 0, ended.stdout[-2000:]


@pytest.mark.parametrize(("suffix", "head"), [("pdf", b"%PDF"), ("png", b"\x89PNG")])
def test_pdf_and_png_are_made_from_svg(suffix: str, head: bytes, tmp_path: Path) -> None:
    pytest.importorskip("cairosvg")
    file = tmp_path / f"net.{suffix}"
    assert run(["draw", "lenet5", "-o", str(file)]) == 0
    assert file.read_bytes().startswith(head)


# --- the terminal -----------------------------------------------------------------------------------------------------


def test_the_terminal_shows_lanes_bars_and_memory(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["draw", "unet"]) == 0
    assert_golden("draw_unet.txt", capsys.readouterr().out)


@pytest.mark.parametrize("name", EVERY)
def test_a_picture_of_text_fits_the_terminal_and_its_lanes_end(name: str) -> None:
    lines = text(document(name), 1, 80).split("\n")
    assert max(map(len, lines)) <= 80
    assert "\u2502" not in lines[-2].split("  ")[0]


# --- what is refused --------------------------------------------------------------------------------------------------


def test_an_unknown_suffix_is_answered_with_those_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["draw", "lenet5", "-o", "net.gif"]) == 2
    assert "no picture has the suffix '.gif'; use .dot, .mmd, .svg, .tex, .pdf, .png" in " ".join(
        capsys.readouterr().err.split()
    )


def test_channels_that_come_last_are_drawn_as_those_that_come_first() -> None:
    first = solid(Item("a", "conv", "", (768, 7, 9)), 56, 1)
    last = solid(Item("a", "conv", "", (7, 9, 768), channels_last=True), 56, 1)
    assert (first.width, first.height, first.depth) == (last.width, last.height, last.depth)
    sequence, tokens = Item("a", "conv", "", (16, 500)), Item("a", "linear", "", (500, 16), channels_last=True)
    assert solid(sequence, 1, 500).height == solid(tokens, 1, 500).height > solid(sequence, 1, 500).width
