"""The command: what it prints and writes, and what it refuses."""

import csv
import json
import os
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from archcalc.command import run
from archcalc.commands import sweep as module
from archcalc.sweeping.quantity import KNOWN
from archcalc.sweeping.sweep import Sweep
from tests.networks.zoo import ROOT
from tests.shell import Shell

SMALL = ["sweep", "resnet18", "--over", "w=16..48:16", "--over", "depths[0]=1..3"]
FRONT = [*SMALL, "--min", "macs", "--max", "w*depths[0]"]


TABLE = """\
ResNet-18
9 designs: 3 meet the conditions, 3 on the front

 w  depths[0]         macs  w*depths[0]  receptive_field   params
-----------------------------------------------------------------
16          1  121,152,512           16              419  826,424
16          2  135,603,200           32              435  831,096
16          3  150,053,888           48              451  835,768

6  excluded by params <= 3M
"""


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    return re.sub(r"\x1b\[K|\r", "", capsys.readouterr().out)


def test_the_front_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*FRONT, "--where", "params <= 3M", "--columns", "receptive_field"]) == 0
    assert printed(capsys) == TABLE


def test_all_formats_have_the_same_rows(tmp_path: Path) -> None:
    for suffix in ("csv", "json", "svg", "html", "txt"):
        assert run([*FRONT, "-o", str(tmp_path / f"front.{suffix}")]) == 0
    assert not list(tmp_path.glob("*.journal"))
    rows = list(csv.DictReader((tmp_path / "front.csv").read_text().splitlines()))
    plain = json.loads((tmp_path / "front.json").read_text())
    assert [row["macs"] for row in rows] == [str(row["macs"]) for row in plain["rows"]]
    assert (plain["designs"], plain["kept"], plain["whole"]) == (9, 9, True)
    picture = ElementTree.fromstring((tmp_path / "front.svg").read_text())
    titles = [each.text or "" for each in picture.iter("{http://www.w3.org/2000/svg}title")]
    assert len(titles) == len(rows) > 2
    assert [title.splitlines()[-1] for title in titles] == [row["command"] for row in plain["rows"]]
    page = (tmp_path / "front.html").read_text()
    assert 'class="text title"' not in page, "the heading has the name"
    assert json.loads(re.findall(r"const commands = (.*);", page)[0]) == [row["command"] for row in plain["rows"]]
    assert len((tmp_path / "front.txt").read_text().splitlines()) >= len(rows) + 4


def test_every_key_of_the_json_is_documented(tmp_path: Path) -> None:
    output = tmp_path / "front.json"
    assert run([*FRONT, "--histogram", "macs", "-o", str(output)]) == 0
    page = (ROOT / "docs" / "json.md").read_text()
    plain = json.loads(output.read_text())
    keys = {*plain, *plain["histogram"][0], "design", "command", "alike", *plain["axes"][0]["w"]}
    assert {key for key in keys if f"`{key}`" not in page} == set()


def test_parquet_has_all_rows(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed: pip install 'archcalc[dask]'")
    output = tmp_path / "designs.parquet"
    assert run([*SMALL, "--choose", "act=relu|silu", "--columns", "macs", "-o", str(output)]) == 0
    table = parquet.read_table(output).to_pydict()
    assert table["act"] == ["relu"] * 9 + ["silu"] * 9
    assert list(map(len, table.values())) == [18] * len(table)
    assert all(isinstance(value, int) for value in table["macs"])


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["sweep", "resnet18"], 2, "a sweep needs an axis: name one with --over"),
        (["sweep", "--over", "w=1"], 2, "no SPEC given"),
        (["sweep", "resnet18", "resnet50", "--over", "w=1"], 2, "a sweep takes one network"),
        ([*SMALL, "--over", "N=1..1000000"], 1, "the space has 9,000,000 designs, too many to list"),
        ([*SMALL, "--over", "N=1..1000000", "--where", "N > 3"], 1, "8,999,973 designs meet the conditions, too many"),
        ([*SMALL, "--pareto"], 2, "--pareto and --top need an objective"),
        ([*SMALL, "--resume"], 2, "--resume continues a sweep that was writing to a file"),
        ([*SMALL, "--format", "parquet"], 2, "a Parquet file needs a name"),
        ([*SMALL, "--min", "macs", "-o", "x.svg"], 2, "a picture shows two objectives"),
        ([*SMALL, "-o", "x.pdf"], 2, "no format has the suffix '.pdf'"),
        ([*SMALL, "--where", "parms <= 3M"], 1, "did you mean 'params'?"),
        ([*SMALL, "--where", "params"], 1, "a budget must be a comparison"),
        ([*SMALL, "--min", "macs/params"], 1, "an objective must be a whole number, and macs/params is not"),
        ([*SMALL, "--columns", "mac"], 1, "did you mean 'macs'?"),
        ([*SMALL, "--choose", "act=relu|silu", "--where", "parms <= 3M"], 1, "did you mean 'params'?"),
        ([*SMALL, "--min", "training_peek(N=2)"], 1, "did you mean 'training_peak'?"),
        ([*SMALL, "--designs", "none.csv"], 1, "--designs none.csv: no such file or directory"),
        ([*SMALL, "-o", "/nowhere/front.csv"], 1, "cannot write /nowhere/front.csv: No such file or directory"),
    ],
    ids=lambda each: " ".join(each[-3:]) if isinstance(each, list) else None,
)
def test_what_is_refused(arguments: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == code
    assert said in capsys.readouterr().err


def test_contradictory_conditions_leave_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*SMALL, "--where", "params <= 1M and params >= 2M"]) == 1
    assert printed(capsys) == (
        "ResNet-18\n9 designs: 0 meet the conditions\n\n6  excluded by params <= 1M\n3  excluded by params >= 2M\n"
    )


def test_checks_of_random_designs_and_of_the_corners(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sweep", "lenet5", "--over", "H=W=28..40:4", "--min", "macs", "--max", "H", "--verify", "2"]) == 0
    said = capsys.readouterr().err
    assert "checked 2 random designs and 2 best in one objective: all numbers equal their reports" in said
    assert len(re.findall(r"design \d+, built on meta: \d+ comparisons, 0 differ", said)) == 2


def test_checks_report_what_differs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("archcalc.sweeping.checking.number_of", lambda question, values, quantity: 7)
    monkeypatch.setattr(module, "built", lambda question, designs: True)
    assert run([*SMALL, "--columns", "params", "--verify", "1"]) == 1
    assert re.search(
        r"design \d: params is [\d,]+ in the sweep and 7 in its report: archcalc report", capsys.readouterr().err
    )


def test_a_table_of_designs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    listed = tmp_path / "designs.csv"
    listed.write_text("w,depths[0],act\n16,2,relu\n24,1,silu\n")
    assert run(["sweep", "resnet18", "--designs", str(listed), "--columns", "params", "--format", "csv"]) == 0
    rows = list(csv.reader(printed(capsys).splitlines()))
    assert rows[0] == ["w", "depths[0]", "act", "params"]
    assert [row[:3] for row in rows[1:]] == [["16", "2", "relu"], ["24", "1", "silu"]]


def test_a_histogram_counts_every_design(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sweep", "lenet5", "--over", "N=1..100", "--count", "--histogram", "N", "--format", "json"]) == 0
    steps = json.loads(printed(capsys))["histogram"]
    assert sum(step["count"] for step in steps) == 100
    for step in steps:
        assert step["count"] == len([n for n in range(1, 101) if step["from"] <= n < step["below"]])


def test_a_full_disk_keeps_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "front.csv"
    replace = os.replace

    def full(made: str, place: str) -> None:
        if "journal" in str(place):
            return replace(made, place)
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", full)
        assert run([*FRONT, "-o", str(output)]) == 1
    said = capsys.readouterr().err
    assert "cannot write" in said
    assert "No space left on device; the results stay in" in said
    assert not output.exists()
    assert run([*FRONT, "-o", str(output), "--resume"]) == 0
    assert len(output.read_text().splitlines()) > 2


def test_the_result_in_python() -> None:
    import archcalc

    found = archcalc.sweep("resnet18", {"w": range(16, 49, 16), "depths[0]": "1..3"}, minimise="macs", maximise="w")
    assert isinstance(found, Sweep)
    assert [row["w"] for row in found.front] == [16, 32, 48]
    assert found.tally.kept == 9
    assert "<td>16</td>" in found._repr_html_()
    assert repr(found) == "<Sweep: 9 designs: 9 fit, 3 on the front>"
    with pytest.raises(ValueError, match="was not asked for a front"):
        _ = archcalc.sweep("lenet5", {"N": [1]}).front
    assert set(found.names) == {"w", "depths[0]", "macs"}
    assert "training_peak" in KNOWN


def test_a_size_of_the_spec_that_does_not_fit_is_why_no_design_fits(shell: Shell) -> None:
    """Only H is free, though no H fits while W is 4."""
    reported = shell("sweep", "-e", "input(3, 9, 4) -> conv(5, 8)", "--over", "H=1..9", "--min", "macs")
    assert reported.code == 1
    assert "9 designs: 0 fit" in reported.out
    assert "a window of 5 does not fit on an axis of length 4" in reported.out
    fitting = shell("sweep", "-e", "input(3, 9, 4) -> conv(5, 8)", "--over", "H=W=1..9", "--min", "macs")
    assert "5  5   600" in fitting.out
