"""Pages: one file, the numbers of the JSON in every cell, readable by everybody; hostile texts are shown, never run."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from archcalc.command import run
from tests.pages.browser import Browser, needs_chromium

HERE = Path(__file__).parent

CONTRAST = (HERE / "contrast.js").read_text()

FEW = ("resnet18", "unet", "transformer", "mixtral")
GRID = (
    "alexnet", "bert", "bilstm_imdb", "convnext", "deeplabv3", "densenet121", "efficientnet", "fpn", "googlenet",
    "inception_v4", "llama3", "mobilenet_v3", "resnet50", "seq2seq", "shufflenet_v2", "swin", "t5", "unet", "vae",
    "wavenet",
)  # fmt: skip

WIDTHS = (400, 800, 1600)

CELLS = """(() => {
  page.foldTable(true);
  return table.rows.map((row, i) => {
    const body = document.createElement("tbody");
    body.innerHTML = table.row(row, i);
    return [row.node.path, !!row.node.leaf, ...[...body.rows[0].cells].slice(2).map(cell => cell.textContent)];
  });
})()"""
"""The cells of every row, as the table writes them."""

HOSTILE = """
archcalc: 1
name: '</script><script>document.title = "run"</script>'
about: "</title><img src=x onerror='document.title=1'> \\u202e right to left"
source: '"quotes" & <b>tags</b> {x} $y$ %z#'
input: [3, 8, 8]
layers:
  - NAME = conv(3, 4)      # </script><script>document.title = "run"</script> <!-- ' " `
  - relu
"""


def made(folder: Path, *arguments: str) -> Path:
    file = folder / "net.html"
    assert run(["report", *arguments, "-o", str(file)]) == 0
    return file


def report(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    capsys.readouterr()
    assert run(["report", *arguments, "--whole", "--format", "json"]) == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def hostile_spec(folder: Path) -> Path:
    file = folder / "hostile.yaml"
    file.write_text(HOSTILE.replace("NAME", "x" * 10_000).replace("\\u202e", "\u202e"), encoding="utf-8")
    return file


# --- without a browser ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "most"), [("resnet50", 100_000), ("densenet121@densenet201", 150_000), ("mixtral", 150_000)]
)
def test_a_page_is_small_and_names_no_other_file(name: str, most: int, tmp_path: Path) -> None:
    text = made(tmp_path, name).read_text(encoding="utf-8")
    assert len(text.encode()) < most
    assert not re.search(r"<link(?! rel=\"icon\" href=\"data:)|<script src|@import|url\((?!#)", text)
    assert "default-src 'none'" in text


def test_a_page_of_hostile_texts_has_no_tag_of_theirs(tmp_path: Path) -> None:
    text = made(tmp_path, str(hostile_spec(tmp_path))).read_text(encoding="utf-8")
    assert text.count("</script>") == 3
    assert 'document.title = "run"' not in text
    assert "onerror" not in text
    assert "\u202e" not in text


def test_an_error_leaves_an_old_page_as_it_was(tmp_path: Path) -> None:
    file = made(tmp_path, "lenet5")
    before = file.read_bytes()
    assert run(["report", "-e", "input(3,8,8) -> nothing(3)", "-o", str(file)]) == 1
    assert file.read_bytes() == before


# --- in a browser -----------------------------------------------------------------------------------------------------


def assert_sound(browser: Browser, file: Path, document: dict[str, Any]) -> None:
    """No error, no request, no overflow, no text that is hard to read, and the numbers of the JSON."""
    for theme in ("light", "dark"):
        browser.open(file.as_uri(), theme=theme)
        browser.evaluate("graph.open(1)")
        assert browser.evaluate(CONTRAST) == []
    for width in WIDTHS:
        browser.resize(width)
        assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.requests == [file.as_uri()]
    assert_numbers(browser, document)
    assert browser.errors == []


def assert_numbers(browser: Browser, document: dict[str, Any]) -> None:
    layers = {layer["name"]: layer for layer in document["layers"]}
    keys = [
        "params",
        "macs",
        "output_bytes",
        *(["saved_bytes"] if document["totals"]["saved_bytes"] is not None else []),
    ]
    rows = browser.evaluate(CELLS)
    assert sum(is_layer for _, is_layer, *_ in rows) == len(layers)
    for path, is_layer, shape, _, *numbers in rows:
        inside = [layers[path]] if is_layer else [x for name, x in layers.items() if name.startswith(f"{path}.")]
        assert numbers == [f"{sum(layer[key] for layer in inside):,}" for key in keys], path
        assert shape == " \u00d7 ".join(map(str, inside[-1]["output_shape"]))
    totals = browser.evaluate("[...document.querySelectorAll('#table-foot td')].slice(4).map(cell => cell.textContent)")
    assert totals == [f"{sum(layer[key] for layer in layers.values()):,}" for key in keys]


@needs_chromium
@pytest.mark.parametrize("name", FEW)
def test_a_page_is_sound(name: str, browser: Browser, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert_sound(browser, made(tmp_path, name), report(capsys, name))


@needs_chromium
@pytest.mark.zoo
@pytest.mark.parametrize("name", GRID)
def test_a_page_of_every_kind_is_sound(
    name: str, browser: Browser, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert_sound(browser, made(tmp_path, name), report(capsys, name))


@needs_chromium
@pytest.mark.parametrize(("name", "h", "w"), [("resnet50", 448, 448), ("swin", 225, 333), ("unet", 700, 572)])
def test_a_form_with_a_size_typed_in_equals_the_report_of_that_size(
    name: str, h: int, w: int, browser: Browser, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    browser.open(made(tmp_path, name).as_uri())
    capsys.readouterr()
    for symbol, n in (("H", h), ("W", w)):
        browser.evaluate(f"document.querySelector('[data-symbol={symbol}]').value = '{n}'; formulas.compute()")
    shown = browser.evaluate("formulas.forms.map((form, i) => [form.name, $(`form-${i}`).textContent])")
    channels = {"unet": 1}.get(name, 3)
    assert run(["report", name, "--input", f"{channels},{h},{w}", "--format", "json"]) == 0
    layers = json.loads(capsys.readouterr().out)["layers"]
    wanted = {key: sum(layer[key] for layer in layers) for key in ("params", "macs", "output_bytes")}
    assert {key: int(re.findall(r"[\d,]+", text)[0].replace(",", "")) for key, text in shown} == wanted


@needs_chromium
def test_a_size_that_does_not_fit_is_refused_in_the_page(browser: Browser, tmp_path: Path) -> None:
    browser.open(made(tmp_path, "unet").as_uri())
    browser.evaluate("document.querySelector('[data-symbol=H]').value = '100'; formulas.compute()")
    assert browser.evaluate("$('symbols-wrong').textContent") == "H = 100 does not fit: H ≥ 188"
    assert browser.evaluate("$('form-1').textContent") == "\u2013"


@needs_chromium
def test_the_parts_of_a_page_share_one_selection_by_keyboard_too(browser: Browser, tmp_path: Path) -> None:
    browser.open(made(tmp_path, "resnet50").as_uri())
    press = "$('graph').dispatchEvent(new KeyboardEvent('keydown', {key: '%s', bubbles: true, cancelable: true}))"
    browser.evaluate(
        "graph.open(0); page.select(page.network.root.children[0].node || page.network.layers[0].node, 'keys')"
    )
    for key in ("ArrowDown", "ArrowDown", "Enter"):
        browser.evaluate(press % key)
    assert browser.evaluate("page.selected.path") == "layer1"
    assert browser.evaluate("page.selected.isOpen") is True
    assert browser.evaluate("document.querySelector('#table-body .selected td').textContent") == "▸layer1"
    assert browser.evaluate("document.querySelector('#detail h3').textContent") == "layer1"
    assert browser.evaluate("document.querySelectorAll('#shares .selected').length") == 1
    assert browser.evaluate("document.querySelector('#spec .selected').id") == "line-16"


@needs_chromium
def test_a_switch_shows_the_variants(browser: Browser, tmp_path: Path) -> None:
    browser.open(made(tmp_path, "resnet18", "--variants").as_uri())
    assert browser.evaluate("[...$('network').options].map(option => option.text)") == ["ResNet-18", "ResNet-34"]
    browser.evaluate("$('network').value = 1; $('network').onchange({target: $('network')})")
    assert browser.evaluate("$('title').textContent") == "ResNet-34"
    assert browser.evaluate("document.querySelector('#table-foot td:nth-child(5)').textContent") == "21,797,672"
    assert browser.errors == []


@needs_chromium
def test_hostile_texts_are_shown_and_not_run(browser: Browser, tmp_path: Path) -> None:
    browser.open(made(tmp_path, str(hostile_spec(tmp_path))).as_uri())
    browser.evaluate("graph.open(9); page.foldTable(true)")
    title = browser.evaluate("document.title")
    assert title.startswith("</script><script>document.title")
    assert browser.evaluate("document.querySelectorAll('main img, main script, main b b').length") == 0
    assert "</title><img" in browser.evaluate("$('about').textContent")
    assert browser.errors == []
    for width in WIDTHS:
        browser.resize(width)
        assert browser.evaluate("document.documentElement.scrollWidth") <= width


@needs_chromium
def test_only_what_is_on_the_screen_is_in_the_page(browser: Browser, tmp_path: Path) -> None:
    """A network of 2,000 layers, everything open: graph and table hold a few dozen of them."""
    spec = tmp_path / "deep.yaml"
    lines = "\n".join(f"  - b{i} = block({8 + i % 2})" for i in range(500))
    blocks = "blocks:\n  block(c):\n    - conv(1, c) -> relu -> conv(1, c) -> relu\n"
    spec.write_text(f"archcalc: 1\nname: Deep\ninput: [3, 8, 8]\n{blocks}layers:\n{lines}\n")
    browser.open(made(tmp_path, str(spec)).as_uri())
    browser.evaluate("graph.open(9); page.foldTable(true)")
    assert browser.evaluate("graph.shapes.filter(shape => shape.kind === 'card').length") == 1000
    assert browser.evaluate("document.querySelectorAll('#graph-picture .card').length") < 60
    assert browser.evaluate("document.querySelectorAll('#table-body tr').length") < 120
    browser.evaluate("$('graph').scrollTop = 1e6; graph.draw(); $('table-panel').scrollTop = 1e6; table.draw()")
    assert "b499" in browser.evaluate("$('graph-picture').textContent")
    assert "b499" in browser.evaluate("$('table-body').textContent + table.rows.at(-1).node.path")


FIGURES = {
    "saved_bytes": "saved_bytes",
    "inference_peak": "inference_peak_bytes",
    "training_peak": "training_peak_bytes",
    "iteration_peak": "iteration_peak_bytes",
}


@needs_chromium
@pytest.mark.parametrize(
    ("name", "sizes"),
    [("lenet5", {"H": 32, "W": 34, "N": 3}), ("gpt2", {"T": 77, "N": 5}), ("resnet18", {"H": 96, "W": 64, "N": 2})],
)
def test_memory_with_a_size_typed_in_equals_the_report_of_that_size(
    name: str, sizes: dict[str, int], browser: Browser, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    browser.open(made(tmp_path, name, "--memory-forms").as_uri())
    for symbol, n in sizes.items():
        browser.evaluate(f"document.querySelector('[data-symbol={symbol}]').value = '{n}'; formulas.compute()")
    shown = dict(browser.evaluate("formulas.forms.map((form, i) => [form.name, $(`form-${i}`).textContent])"))
    axes = [f"--set={axis}={n}" for axis, n in sizes.items() if axis != "N"]
    totals = report(capsys, name, *axes, "--batch", str(sizes["N"]))["totals"]
    assert {key: int(re.findall(r"[\d,]+", shown[key])[0].replace(",", "")) for key in FIGURES} == {
        key: totals[total] for key, total in FIGURES.items()
    }
    assert browser.errors == []


@needs_chromium
def test_memory_at_a_size_of_another_form_is_not_shown(browser: Browser, tmp_path: Path) -> None:
    browser.open(made(tmp_path, "lenet5", "--memory-forms").as_uri())
    browser.evaluate("document.querySelector('[data-symbol=H]').value = '50'; formulas.compute()")
    text = browser.evaluate("$(`form-${formulas.forms.findIndex(form => form.name === 'training_peak')}`).textContent")
    assert text == "another form holds here: this one needs ⌊(H - 28)/4⌋·⌊(W - 28)/4⌋ - 1 = 0"
    assert browser.errors == []
