"""The machine that memory is predicted for: a stated fact, one default everywhere, and what `verify` asks torch for.

Of two kinds of machines the figures were recorded, and are held to predictions on any. Whatever this machine has, what
goes cell by cell is run here too: torch runs the same code where it may not use oneDNN.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict

import pytest
import torch

from archcalc.core.kernel import Run
from archcalc.core.machine import DEFAULT, MACHINES
from archcalc.graph.builder import build
from archcalc.graph.graph import Graph
from archcalc.graph.loading import document_of_chain
from archcalc.memory.footprint import Opaque, footprint_of
from archcalc.memory.taping import tape_of
from archcalc.memory.training_setup import DEFAULT_SETUP, TrainingSetup
from archcalc.verification import verify
from archcalc.verification.certificate import to_json, to_text
from archcalc.verification.environment import versions
from archcalc.verification.processor import machine_here
from tests.machine_figures import BATCHES, CHAINS, DTYPES, graphs, recorded
from tests.memory.footprints import differences, figures
from tests.shell import Shell

CHAIN = "input(6, 7) -> tokens -> lstm(20) -> fc(3)"
WITHOUT = MACHINES["x86-without-onednn"]


def lstm(dtype: str = "bfloat16") -> Graph:
    return build(document_of_chain(CHAIN), dtype=dtype)


def kept(machine: str, dtype: str = "bfloat16") -> int:
    return sum(footprint_of(lstm(dtype), TrainingSetup(machine=MACHINES[machine])).saved.values())


@pytest.fixture
def without_onednn() -> Iterator[None]:
    """Torch as it runs where it was built without oneDNN."""
    enabled = torch._C._get_mkldnn_enabled()
    torch._C._set_mkldnn_enabled(False)
    yield
    torch._C._set_mkldnn_enabled(enabled)


# --- predictions -----------------------------------------------------------------------------------------------------


def test_an_lstm_is_one_kernel_where_onednn_has_it_and_many_where_not() -> None:
    assert {name: kept(name) for name in ("x86-avx512", "x86-avx2")} == {"x86-avx512": 29_196, "x86-avx2": 2_240}
    assert kept("x86-avx512", "float32") == kept("x86-avx2", "float32") != kept(WITHOUT.name, "float32")


@pytest.mark.parametrize("name", recorded())
def test_predictions_are_the_figures_recorded_on_a_machine(name: str) -> None:
    setup = TrainingSetup(machine=MACHINES[name])
    predicted = {case: figures(footprint_of(graph, setup)) for case, graph in graphs().items()}
    assert predicted == recorded()[name]["figures"]


def test_both_kinds_of_machines_were_recorded_and_differ() -> None:
    """In the LSTMs in bfloat16 without projections, and nowhere else."""
    assert recorded().keys() == {"x86-avx512", "x86-avx2"}
    one, other = (made["figures"] for made in recorded().values())
    assert one.keys() == other.keys() == graphs().keys()
    assert len(one) == len(CHAINS) * len(BATCHES) * len(DTYPES)
    apart = {case for case in one if one[case] != other[case]}
    assert apart == {case for case in one if "lstm" in case and "proj_size" not in case and "bfloat16" in case}
    assert all(made["torch"].startswith("2.13.0") for made in recorded().values())


def test_the_default_does_not_depend_on_what_torch_says(without_onednn: None) -> None:
    assert machine_here() != DEFAULT == MACHINES["x86-avx512"]
    found = footprint_of(lstm())
    assert (found.setup.rules, sum(found.saved.values())) == ("cpu, torch 2.13, with bfloat16 kernels", 29_196)
    assert footprint_of(lstm(), TrainingSetup(machine=DEFAULT)).training == found.training


def test_what_was_not_read_is_not_predicted() -> None:
    with pytest.raises(Opaque, match="on aarch64, torch also chooses kernels of ACL and KleidiAI"):
        footprint_of(lstm(), TrainingSetup(machine=MACHINES["aarch64"]))
    half = MACHINES["x86-avx512-fp16"]
    with pytest.raises(Opaque, match="lstm1: on x86-avx512-fp16, oneDNN's kernel in float16 was not run"):
        footprint_of(lstm("float16"), TrainingSetup(machine=half))
    for dtype in ("float32", "bfloat16"):
        assert footprint_of(lstm(dtype), TrainingSetup(machine=half)).training == footprint_of(lstm(dtype)).training
    projected = build(document_of_chain("input(6, 7) -> tokens -> lstm(20, proj_size=3) -> fc(3)"), dtype="float16")
    assert footprint_of(projected, TrainingSetup(machine=half)).training == footprint_of(projected).training


def test_a_gpu_has_rules_of_its_own() -> None:
    graph = build(document_of_chain("input(3, 4, 4) -> conv(3, 4) -> relu"))
    assert tape_of(graph, Run(device="cuda", machine=MACHINES["aarch64"])).ops
    assert TrainingSetup(device="cuda", machine=WITHOUT).rules == "cuda, torch 2.13"


# --- this machine ----------------------------------------------------------------------------------------------------


def test_this_machine_is_what_torch_says() -> None:
    here = machine_here()
    if here.unread:
        pytest.skip(here.unread)
    assert ("bfloat16" in here.kernels) == torch.ops.mkldnn._is_mkldnn_bf16_supported()
    assert ("float16" in here.kernels) == torch.ops.mkldnn._is_mkldnn_fp16_supported()
    assert MACHINES[here.name] == here


def test_without_onednn_no_kernel_is_there(without_onednn: None) -> None:
    if not machine_here().unread:
        assert machine_here() == WITHOUT


def test_other_architectures_are_not_predicted(monkeypatch: pytest.MonkeyPatch) -> None:
    for architecture, name in (("arm64", "aarch64"), ("aarch64", "aarch64"), ("riscv64", "riscv64")):
        monkeypatch.setattr("platform.machine", lambda architecture=architecture: architecture)
        assert machine_here().name == name
        assert machine_here().unread


SHORT = (
    "input(6, 3) -> tokens -> lstm(5, num_layers=2, dropout=0.5) -> fc(3)",
    "input(6, 3) -> tokens -> lstm(8, num_layers=2, bidirectional=true, bias=false) -> fc(3)",
    "input(6, 3) -> tokens -> lstm(8, num_layers=2, bidirectional=true, returns=last) -> fc(3)",
    "input(6, 3) -> tokens -> lstm(5, num_layers=2, returns=state) -> fc(3)",
)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("chain", SHORT)
def test_cell_by_cell_is_predicted_to_the_byte(chain: str, batch: int, dtype: str, without_onednn: None) -> None:
    """As on any machine that lacks the kernels: in bfloat16 it is the code of one that has those of float32 alone."""
    torch.manual_seed(0)
    graph = build(document_of_chain(chain), batch=batch, dtype=dtype)
    assert set(differences(graph, TrainingSetup(machine=WITHOUT)).values()) == {0}
    if dtype == "bfloat16":
        alone = figures(footprint_of(graph, TrainingSetup(machine=MACHINES["x86-avx2"])))
        assert figures(footprint_of(graph, TrainingSetup(machine=WITHOUT))) == alone


# --- what is said of it ----------------------------------------------------------------------------------------------


def memory_of(shell: Shell, *arguments: str) -> dict[str, object]:
    reported = shell("report", "-e", CHAIN, "--dtype", "bfloat16", "--format", "json", *arguments)
    totals: dict[str, object] = json.loads(reported.out)["totals"]
    return totals


def test_a_report_names_the_machine(shell: Shell) -> None:
    plain, other = memory_of(shell, "--train"), memory_of(shell, "--machine", "x86-avx2")
    assert plain["machine"] == {"name": "x86-avx512", "kernels": ["float32", "bfloat16"], "unread": ""}
    assert (plain["rules"], plain["saved_bytes"]) == ("cpu, torch 2.13, with bfloat16 kernels", 29_196)
    assert other["machine"] == {"name": "x86-avx2", "kernels": ["float32"], "unread": ""}
    assert (other["rules"], other["saved_bytes"]) == ("cpu, torch 2.13, without bfloat16 kernels", 2_240)
    reported = shell("report", "-e", CHAIN, "--machine", "aarch64")
    assert "memory is not predicted: on aarch64, torch also" in reported.err


@pytest.mark.parametrize(
    "command", [("report",), ("formula", "--free", "N"), ("solve", "--for", "N"), ("verify", "--device", "meta")],
    ids=lambda command: command[0],
)  # fmt: skip
def test_every_command_that_trains_takes_a_machine(command: tuple[str, ...], shell: Shell) -> None:
    reported = shell(*command, "-e", CHAIN, "--machine", "x86-avx")
    assert reported.code == 2
    assert "--machine: there is no machine named 'x86-avx'; did you mean 'x86-avx2'?" in reported.err
    assert shell(*command, "-e", CHAIN, "--machine", "x86-avx2").code == 0


def test_closed_forms_and_answers_are_of_the_machine(shell: Shell) -> None:
    wanted = ("-e", CHAIN, "--dtype", "bfloat16")
    forms = {shell("formula", *wanted, "--free", "N", "--of", "saved_bytes", *more).out for more in OTHERS}
    answers = {shell("solve", *wanted, "--for", "N", "--where", "saved_bytes <= 1 MiB", *more).out for more in OTHERS}
    assert (len(forms), len(answers)) == (2, 2)


OTHERS: tuple[tuple[str, ...], ...] = ((), ("--machine", "x86-avx512"), ("--machine", "x86-avx2"))
"""The default, by itself and by its name, and another."""


def test_verify_predicts_for_the_machine_that_it_runs_on(without_onednn: None) -> None:
    if machine_here().unread:
        pytest.skip(machine_here().unread)
    certificate = verify(document_of_chain(CHAIN), device="cpu", dtype="bfloat16", sizes=0)
    assert certificate.agrees
    assert certificate.machine == WITHOUT
    assert (certificate.versions["processor"], certificate.versions["rules"]) == (
        "x86-without-onednn", "cpu, torch 2.13, without oneDNN",
    )  # fmt: skip
    assert json.loads(to_json(certificate))["machine"] == json.loads(json.dumps(asdict(WITHOUT)))
    line = "memory is predicted for x86-without-onednn, this machine; the default of other commands is x86-avx512"
    assert to_text(certificate).splitlines()[1] == line


def test_verify_with_another_machine_says_so(without_onednn: None) -> None:
    if machine_here().unread:
        pytest.skip(machine_here().unread)
    setup = TrainingSetup(machine=DEFAULT)
    certificate = verify(document_of_chain(CHAIN), device="cpu", dtype="bfloat16", sizes=0, setup=setup)
    assert not certificate.agrees
    assert to_text(certificate).splitlines()[1] == (
        "memory is predicted for x86-avx512, another machine than this, which is x86-without-onednn; "
        "the default of other commands is x86-avx512"
    )


def test_verify_says_nothing_of_the_machine_where_it_is_the_default() -> None:
    certificate = verify(document_of_chain(CHAIN), device="meta", sizes=0)
    assert certificate.machine is None
    assert to_text(certificate).splitlines()[1] == ""
    assert versions("cpu", DEFAULT_SETUP)["rules"] == "cpu, torch 2.13, with bfloat16 kernels"


@pytest.mark.parametrize("chain", [CHAIN, "input(3, 9, 9) -> conv(3, 8, p1) -> batchnorm -> relu -> fc(3)"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_memory_agrees_in_every_dtype_after_dye(chain: str, dtype: str) -> None:
    """Dye is looked at in float32, memory in the network's own dtype."""
    certificate = verify(document_of_chain(chain), device="cpu", dtype=dtype, sizes=0)
    assert certificate.agrees
