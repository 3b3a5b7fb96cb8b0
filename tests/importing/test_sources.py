"""References: which of them is read as a spec, and by what file each other kind is read."""

import importlib.util
import subprocess
import sys

import pytest

from archcalc.command import PROBLEMS
from archcalc.core.overrides import Overrides
from archcalc.graph import sources
from archcalc.graph.loading import document_of, document_of_chain
from archcalc.graph.sources import reader_of
from archcalc.spec.declaration import Document
from tests.networks.zoo import ROOT
from tests.shell import Shell

CHAIN = "input(3, 8, 8) -> conv(3, 4) -> fc(2)"


@pytest.mark.parametrize(
    "reference", ["resnet50", "resnet50@resnet101", "-", "net.yaml", "a.b/net.yml", "@", "x.no-kind"]
)
def test_specs_need_no_reader(reference: str) -> None:
    assert reader_of(reference) is None


class Plain:
    """A reader of one network: `plain:small`."""

    @staticmethod
    def claims(reference: str) -> bool:
        return reference == "plain:small"

    @staticmethod
    def read(reference: str, overrides: Overrides) -> Document:
        return document_of_chain(CHAIN, overrides)


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    mine = f"{sources.PACKAGE}.plain"
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: name == mine or found(name, *rest))
    monkeypatch.setitem(sys.modules, f"{sources.PACKAGE}.plain", Plain)


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("command", ["report", "check", "generate", "formula", "explain", "solve"])
def test_every_command_reads_a_reference_of_another_kind(command: str, shell: Shell) -> None:
    more = {"explain": ["conv1"], "solve": ["--for", "H"], "check": ["--ignore", "AR"]}.get(command, [])
    outcome = shell(command, "plain:small", *more)
    assert outcome.code == 0, outcome.err


@pytest.mark.usefixtures("plain")
def test_the_reader_takes_what_the_command_line_changes() -> None:
    document = document_of("plain:small", Overrides(inputs=["3,16,16"]))
    assert [dim.evaluate({}) for dim in document.inputs[0].shape] == [3, 16, 16]


@pytest.mark.usefixtures("plain")
def test_what_a_reader_does_not_claim_is_a_spec(shell: Shell) -> None:
    assert reader_of("plain:resnet50") is None
    assert "plain:resnet50" in shell("report", "plain:resnet50").err


@pytest.mark.parametrize("suffix", ["pt", "pth", "ckpt", "bin", "pkl"])
@pytest.mark.parametrize("command", ["report", "check"])
def test_a_pickle_is_refused_with_the_reason_and_the_way_out(suffix: str, command: str, shell: Shell) -> None:
    outcome = shell(command, f"model.{suffix}")
    assert outcome.code == PROBLEMS
    said = outcome.out + outcome.err
    assert "a pickle, which can run any code when it is read" in said
    assert "safetensors" in said


READING = """
import sys
from archcalc.command import run
run(["report", "specs/lenet5.yaml"])
print(*[name for name in sys.modules if name.startswith("archcalc.importing")], file=sys.stderr)
"""


def test_a_spec_loads_no_reader() -> None:
    ended = subprocess.run([sys.executable, "-c", READING], capture_output=True, text=True, check=True, cwd=ROOT)
    assert ended.stderr.split() == []


IMPORTING = """
import sys
import archcalc.importing.from_code
print(*{".".join(name.split(".")[:2]) for name in sys.modules})
"""


def test_an_import_loads_no_generator_and_no_verification() -> None:
    """They take longer to load than ResNet-50 takes to import, and only `--verify` needs them."""
    ended = subprocess.run([sys.executable, "-c", IMPORTING], capture_output=True, text=True, check=True, cwd=ROOT)
    assert {"archcalc.codegen", "archcalc.verification"}.isdisjoint(ended.stdout.split())
