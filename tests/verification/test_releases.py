"""What needs a later release of torch than the oldest that is supported says so."""

import re
import tomllib
from pathlib import Path

import pytest
import torch

from archcalc.codegen import generate
from archcalc.codegen.source import with_parts
from archcalc.command import MISSING
from archcalc.core.extra import OlderTorch
from archcalc.core.release import OLDEST, numbers
from archcalc.core.torch_modules import text_of
from archcalc.graph.loading import load
from archcalc.layer import LAYERS
from archcalc.memory.optimizer import read_optimizer
from archcalc.memory.training_setup import TrainingSetup
from archcalc.verification import selftest as stage
from archcalc.verification import verify
from archcalc.verification.selftest import selftest
from tests.shell import Shell

LATER = {r"enable_gqa=": "2.5", r"\bgrouped_mm\(": "2.10"}
"""What releases after the oldest brought of what layers call; with the oldest itself, their tests fail without it."""

EXPERTS = """
archcalc: 1
input: {x: {shape: [4, 8], channels_last: true}}
layers: ['mixture(2, 1, hidden_features=16)']
"""


def test_the_package_asks_for_the_oldest_release() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert project["optional-dependencies"]["torch"] == [f"torch>={OLDEST}"]


def test_layers_name_the_release_that_brought_what_they_call() -> None:
    calls = [
        call
        for kind, layer in LAYERS.items()
        for example in layer.examples
        for call in with_parts(LAYERS[kind](**example.given).call(*example.xs))
    ]
    needed = {call.file: max((each.since for each in calls if each.file == call.file), key=numbers) for call in calls}
    found = {}
    for file in filter(None, needed):
        releases = [release for word, release in LATER.items() if re.search(word, text_of(file))]
        found[file] = max([OLDEST, *releases], key=numbers)
    assert found == {file: release for file, release in needed.items() if file}
    assert {*found.values()} == {OLDEST, *LATER.values()}


def test_a_source_names_the_release_that_it_needs() -> None:
    head = generate(load("llama3@1b", settings={"depth": "1"})).text.splitlines()[0]
    assert head.endswith('. It needs torch 2.5 or newer, for grouped_attention."""')
    assert "needs torch" not in generate(load("gpt2", settings={"depth": "1"})).text


@pytest.fixture
def oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "__version__", f"{OLDEST}.1+cpu")


def test_verify_refuses_what_torch_is_too_old_for(oldest: None, shell: Shell, tmp_path: Path) -> None:
    spec = tmp_path / "net.yaml"
    spec.write_text(EXPERTS)
    outcome = shell("verify", str(spec), "--device", "meta")
    assert outcome.code == MISSING
    assert outcome.err == "error: mixture needs torch 2.10 or newer; this is 2.4.1+cpu\n"


def test_an_optimizer_has_a_release_too(oldest: None) -> None:
    with pytest.raises(OlderTorch, match=r"^muon needs torch 2\.9 or newer"):
        verify("two_layer", device="cpu", setup=TrainingSetup(optimizer=read_optimizer("muon", "test")))


def test_a_release_before_the_oldest_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "__version__", "2.3.1")
    with pytest.raises(OlderTorch, match=r"^archcalc needs torch 2\.4 or newer; this is 2\.3\.1$"):
        verify("two_layer", device="meta")


def test_a_self_test_leaves_out_what_cannot_run(oldest: None, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "bundled", lambda: ["two_layer", "llama2"])
    monkeypatch.setattr(stage, "RUN", ())
    left = [each.left_out for each in selftest().networks]
    assert left == ["", "grouped_attention needs torch 2.5 or newer; this is 2.4.1+cpu"]
    outcome = shell("selftest")
    assert outcome.code == 0
    assert f"llama2 was left out: {left[1]}\n" in outcome.out
