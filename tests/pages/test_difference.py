"""The page of a comparison: every layer of both networks once, the numbers of its JSON, hostile names as text."""

import json
from pathlib import Path
from typing import Any

import pytest

import archcalc
from archcalc.command import run
from tests.pages.browser import Browser, needs_chromium
from tests.pages.test_page import CONTRAST, HOSTILE, WIDTHS

PAIRS = (("resnet50", "se_resnet50"), ("lenet5", "lenet5_fcn"), ("resnet18", "resnet18"))

ROWS = "diff.rows.map(row => [row.kind, row.a ? row.a.name : null, row.b ? row.b.name : null])"


def made(folder: Path, before: str, after: str) -> Path:
    file = folder / "diff.html"
    assert run(["diff", before, after, "-o", str(file)]) == (before != after)
    return file


def difference(before: str, after: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    run(["diff", before, after, "--train", "--format", "json"])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def show(browser: Browser, file: Path, **options: Any) -> None:
    browser.open(file.as_uri(), **options)
    browser.until("$('diff-table').rows.length")


@needs_chromium
@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_a_page_has_every_layer_of_both_networks_once_and_the_differences_of_the_json(
    before: str, after: str, browser: Browser, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show(browser, made(tmp_path, before, after))
    found = difference(before, after, capsys)
    rows = browser.evaluate(ROWS)
    for side, name in ((1, before), (2, after)):
        assert sorted(row[side] for row in rows if row[side]) == sorted(node.name for node in archcalc.load(name))
    differing = sorted(row[2] or row[1] for row in rows if row[0] not in ("alike", "input"))
    assert differing == sorted(each["name"] for each in found["differences"] if each["kind"] != "input")
    cells = browser.evaluate("[...$('diff-totals').tBodies[0].rows].map(row => [...row.cells].map(c => c.textContent))")
    shown = {label: (a, b, d.replace("\u2212", "-")) for label, a, b, d, _ in cells}
    for label, key in (("parameters", "params"), ("MACs", "macs"), ("training peak in bytes", "training_peak_bytes")):
        total = found["totals"][key]
        signed = f"{total['difference']:+,}" if total["difference"] else "0"
        assert shown[label] == (f"{total['before']:,}", f"{total['after']:,}", signed)
    assert browser.errors == []


@needs_chromium
def test_a_page_is_sound_and_a_click_shows_the_layer_in_its_network(browser: Browser, tmp_path: Path) -> None:
    file = made(tmp_path, "resnet50", "se_resnet50")
    assert len(file.read_bytes()) < 130_000
    for theme in ("light", "dark"):
        show(browser, file, theme=theme)
        browser.evaluate("diff.open(true); graph.open(9)")
        assert browser.evaluate(CONTRAST) == []
    for width in WIDTHS:
        browser.resize(width)
        assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.evaluate("document.querySelectorAll('#graph-picture .card.added').length") > 0
    browser.evaluate(
        "diff.open(false); $('diff-table').querySelector('[data-fold]')"
        ".dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', bubbles: true}))"
    )
    assert browser.evaluate("[diff.rows[0].isOpen, document.activeElement.dataset.fold]") == [True, "0"]
    browser.evaluate("$('diff-table').querySelector('tr.added .after').click()")
    assert browser.evaluate("[page.selected.path, page.network.name]") == ["layers.0.0.se.gap1", "SE-ResNet-50"]
    browser.evaluate("diff.open(true); $('diff-table').querySelector('[data-side=before]').click()")
    assert browser.evaluate("[page.selected.path, page.network.name]") == ["stem", "ResNet-50"]
    assert browser.requests == [file.as_uri()]
    assert browser.errors == []


def hostile(folder: Path, name: str, layer: str) -> str:
    file = folder / f"{name}.yaml"
    file.write_text(HOSTILE.replace("NAME", layer).replace("\\u202e", "\u202e"), encoding="utf-8")
    return str(file)


@needs_chromium
def test_hostile_names_in_a_comparison_are_text(browser: Browser, tmp_path: Path) -> None:
    longer = hostile(tmp_path, "two", "y" * 9_000)
    Path(longer).write_text(Path(longer).read_text(encoding="utf-8") + "  - conv(1, 2)\n", encoding="utf-8")
    file = made(tmp_path, hostile(tmp_path, "one", "x" * 10_000), longer)
    text = file.read_text(encoding="utf-8")
    assert text.count("</script>") == 4
    assert "onerror" not in text
    assert "\u202e" not in text
    show(browser, file)
    assert browser.evaluate("document.querySelectorAll('main img, main script:not(#diff)').length") == 0
    assert browser.evaluate("document.documentElement.scrollWidth") <= 1280
    assert browser.errors == []


def test_a_checkpoint_has_no_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = tmp_path / "model.safetensors"
    weights.write_bytes((2).to_bytes(8, "little") + b"{}")
    assert run(["diff", "lenet5", str(weights), "-o", str(tmp_path / "diff.html")]) == 2
    assert "a page shows two networks" in capsys.readouterr().err
    assert not (tmp_path / "diff.html").exists()


def test_a_comparison_in_python_is_saved_as_a_page(tmp_path: Path) -> None:
    archcalc.compare("resnet18", "resnet18@resnet34").save(tmp_path / "diff.html")
    assert (tmp_path / "diff.html").read_text(encoding="utf-8").startswith("<!doctype html>")
