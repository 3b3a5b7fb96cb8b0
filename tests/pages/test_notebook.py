"""Reports in Python and in notebooks."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

import archcalc
from archcalc.command import run
from archcalc.measure import MEASURES
from archcalc.record import replace
from tests.networks.zoo import network
from tests.pages.test_page import hostile_spec


@pytest.mark.parametrize("name", ["resnet50", "densenet121", "mixtral", "unet"])
def test_a_repr_is_one_line(name: str) -> None:
    report = archcalc.report_of(network(name))
    for made in (report, report.graph, archcalc.footprint_of(report.graph)):
        assert "\n" not in repr(made)
        assert len(repr(made)) < 200


def test_a_report_in_a_notebook_is_small_folds_and_has_no_script() -> None:
    html = archcalc.report_of("resnet50")._repr_html_()
    assert len(html.encode()) < 40_000
    assert html.count("<details>") == 20
    assert html.count("<details>") == html.count("</details>")
    assert not re.search(r"<script|https?:|\son\w+=", html)


def test_a_hostile_text_in_a_notebook_is_text(tmp_path: Path) -> None:
    html = archcalc.report_of(str(hostile_spec(tmp_path)))._repr_html_()
    assert set(re.findall(r"<(\w+)", html)) <= {"div", "style", "b", "i", "u", "span", "details", "summary"}
    assert len(html) < 5_000


def test_a_graph_in_a_notebook_is_its_picture() -> None:
    svg = archcalc.load("unet")._repr_svg_()
    assert svg is not None
    assert svg.startswith("<svg ")
    assert "<script" not in svg
    assert archcalc.load("unet", free=["H"])._repr_svg_() is None


def test_a_footprint_in_a_notebook_is_its_figures() -> None:
    footprint = archcalc.footprint_of("lenet5")
    assert footprint._repr_html_().startswith("<pre>memory in bytes")
    assert footprint.__rich__().replace("\\[", "[") == str(footprint)


def test_rows_have_every_measure() -> None:
    [first, *_] = archcalc.report_of("lenet5").rows()
    assert first.keys() == {"name", "type", "output_shape", "receptive_field", *MEASURES}
    assert (first["output_shape"], first["receptive_field"]) == ((6, 28, 28), (5, 5))


@pytest.mark.parametrize("suffix", [".html", ".json", ".csv", ".md", ".tex", ".txt"])
def test_a_report_is_saved_in_the_format_of_its_suffix(suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"net{suffix}"
    archcalc.report_of("lenet5").save(file)
    text = file.read_text(encoding="utf-8")
    assert {".html": "<!doctype html>", ".json": "{", ".csv": "name,", ".md": "**", ".tex": "%", ".txt": "LeNet"}[
        suffix
    ] == text[: len({".html": "<!doctype html>", ".csv": "name,", ".md": "**", ".txt": "LeNet"}.get(suffix, "x"))]
    if suffix == ".json":
        assert json.loads(text)["totals"]["params"] == 61_706


def test_a_page_from_python_is_the_page_of_the_command_line(tmp_path: Path) -> None:
    assert run(["report", "lenet5", "--batch", "2", "-o", str(tmp_path / "a.html")]) == 0
    archcalc.report_of(archcalc.load("lenet5", batch=2)).save(tmp_path / "b.html")
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_an_unknown_suffix_raises_an_error_that_lists_those_known(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no format has the suffix '.doc'; use one of .*\.html"):
        archcalc.report_of("lenet5").save(tmp_path / "net.doc")


def test_an_error_in_python_shows_the_line_carets_and_help() -> None:
    with pytest.raises(archcalc.SpecError) as caught:
        archcalc.load_text("archcalc: 1\ninput: [3, 8, 8]\nlayers:\n  - conv(3, 8, strides=2)\n")
    assert "4 |   - conv(3, 8, strides=2)\n  |                ^^^^^^^\n" in str(caught.value)
    assert "help: did you mean 'stride'?" in str(caught.value)


def test_wrong_arguments_raise_an_error_that_says_what_to_give() -> None:
    with pytest.raises(ValueError, match="batch must be a whole number from 1 on, got 0"):
        archcalc.load("lenet5", batch=0)
    with pytest.raises(ValueError, match="there is no dtype 'float3'; did you mean 'float32'"):
        archcalc.load("lenet5", dtype="float3")
    with pytest.raises(ValueError, match="there is no convention 'flop'; did you mean 'flops'"):
        archcalc.report_of("lenet5", convention="flop")
    assert archcalc.load("resnet18", settings={"w": 32}).params["w"] == 32


# --- comparisons and verifications -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def results() -> dict[str, Any]:
    """A comparison, one of equal networks, and a verification with a row that disagrees."""
    verified = archcalc.verify("lenet5", device="meta", sizes=0, memory=False)
    wrong = replace(verified.rows[0], agrees=False, measured="<script>")
    return {
        "different": archcalc.compare("resnet50", "resnet50@resnet101"),
        "equal": archcalc.compare("lenet5", "lenet5"),
        "verified": verified,
        "wrong": replace(verified, rows=(wrong, *verified.rows[1:])),
    }


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("different", "<Comparison of ResNet-50 and ResNet-101: "),
        ("equal", "<Comparison of LeNet-5 and LeNet-5: 12 alike>"),
        ("verified", "<VerificationReport of LeNet-5: all 17 comparisons agree (torch "),
        ("wrong", "<VerificationReport of LeNet-5: 1 of 17 comparisons disagree (torch "),
    ],
)
def test_other_results_have_a_line_a_text_and_html_without_scripts(
    name: str, said: str, results: dict[str, Any]
) -> None:
    made = results[name]
    assert repr(made).startswith(said)
    assert len(repr(made)) < 200
    assert len(str(made)) > 50
    assert made.__rich__().replace("\\[", "[") == str(made)
    html = made._repr_html_()
    assert len(html.encode()) < 20_000
    tags = {"div", "style", "b", "i", "details", "summary", "table", "tr", "td", "th"}
    assert set(re.findall(r"<(\w+)", html)) <= tags
    assert html.count("<details>") == html.count("</details>")


def test_the_html_of_a_comparison_has_its_totals(results: dict[str, Any]) -> None:
    html = results["different"]._repr_html_()
    for number in ("25,557,032", "44,549,160", "+18,992,128"):
        assert number in html


def test_rows_of_a_comparison_add_up_to_the_difference(results: dict[str, Any]) -> None:
    found = results["different"]
    before, after = found.totals["params"]
    assert sum(row["params"] for row in found.rows()) == after - before
    assert {row["kind"] for row in found.rows()} <= {"added", "removed", "changed", "follows", "input"}


def test_other_results_are_saved_in_the_format_of_their_suffix(results: dict[str, Any], tmp_path: Path) -> None:
    for name, suffixes in (("different", (".json", ".md", ".txt")), ("verified", (".json", ".txt"))):
        for suffix in suffixes:
            file = tmp_path / f"{name}{suffix}"
            results[name].save(file)
            assert (suffix != ".json") or json.loads(file.read_text())
            assert len(file.read_text()) > 200
    with pytest.raises(ValueError, match=r"no format has the suffix '.doc'; use one of .json, .txt"):
        results["verified"].save(tmp_path / "net.doc")
