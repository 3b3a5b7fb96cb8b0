"""The table of speeds is measured as it says, and the docs and README have it."""

import re
import sys

from benchmarks.ratios import MARKS, Row, Taken, least, rows, table, taken
from tests.networks.zoo import ROOT


def test_a_process_is_measured_with_its_failures() -> None:
    found = taken([sys.executable, "-c", "print(sum(range(10**6)))"])
    assert found.seconds > 0
    assert found.mib > 1
    assert taken([sys.executable, "-c", "raise SystemExit('no such tool')"]) == Taken(why="no such tool")


def test_ratios_are_of_the_least_runs_and_a_failure_is_said() -> None:
    commands = {"one": [sys.executable, "-c", "pass"], "none": [sys.executable, "-c", "import no_such_tool"]}
    [row] = rows(least(commands, 2), "one", "an interpreter", {"none": "2"})
    assert (row.what, row.ratio, row.bar) == ("none", "ModuleNotFoundError: No module named 'no_such_tool'", "2")
    found = {"a": Taken(2.0, 10), "b": Taken(3.0, 20.4)}
    assert [*rows(found, "a", "a", {})] == [Row("b", "1.50", "a", "20 MiB")]


def test_the_table_is_in_the_docs_and_readme_says_what_is_in_it() -> None:
    text = (ROOT / "docs" / "speed.md").read_text().partition(MARKS[0])[2].partition(MARKS[1])[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.split("\n") if line[:1] == "|"]
    head, _, *lines = cells
    assert head == ["what runs", "ratio", "in CPU times of", "peak memory", "bar"]
    assert table([Row(*line) for line in lines], []).strip() in text
    ratios = {line[0]: line[1] for line in lines}
    said = " ".join((ROOT / "README.md").read_text().split())
    for what, sentence in {
        "`report resnet50.yaml`": r"A report of ResNet-50 takes (\d+) times the CPU time of starting Python",
        "`report resnet50.yaml`, again": r"repeated without a change, it takes ([\d.]+) times",
        "torchinfo": r"torchinfo takes (\d+) times that of archcalc",
    }.items():
        [number] = re.findall(sentence, said)
        digits = len(number.partition(".")[2])
        assert f"{float(ratios[what]):.{digits}f}" == number, what
