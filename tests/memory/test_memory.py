"""Memory to the byte: predictions compared with autograd's saved tensors and the allocator's events."""

import gc
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress

import pytest
import torch
from hypothesis import given, settings

from archcalc import load, load_text
from archcalc.codegen import generate
from archcalc.command import run
from archcalc.core.diagnostic import SpecError
from archcalc.core.kernel import Run
from archcalc.core.location import Source
from archcalc.graph.builder import build
from archcalc.graph.freeing import with_free
from archcalc.graph.graph import Graph
from archcalc.layer import Role
from archcalc.memory import optimizers  # noqa: F401  every optimizer registers itself
from archcalc.memory.engine import inference, training
from archcalc.memory.footprint import Opaque, footprint_of
from archcalc.memory.optimizer import OPTIMIZERS, Optimizer, read_optimizer
from archcalc.memory.taping import tape_of
from archcalc.memory.training_setup import TrainingSetup
from archcalc.spec.document import read_document
from archcalc.verification.memory import measured as memory
from archcalc.verification.memory import saved
from archcalc.verification.trace import Running
from tests.goldens import assert_golden
from tests.memory.footprints import differences, forms, numbers, predicted
from tests.networks.zoo import ROOT, document, references
from tests.shell import Shell
from tests.verification.test_random_networks import SLOW, Network, networks

# --- published -------------------------------------------------------------------------------------------------------


def test_figures_that_were_measured_independently() -> None:
    """ResNet-50, batch 2 at 224, and the iteration of ViT-B/16, measured with torch 2.13.0 before this was written."""
    found = footprint_of(load("resnet50", batch=2))
    assert sum(found.saved.values()) == 170_827_264
    assert (found.training.live, found.inference.live, found.nested.live) == (235_269_152, 20_471_808, 22_077_440)
    assert [row["saved_bytes"] for row in found.rows()] == [*found.saved.values()]
    assert found.rows()[0]["name"] == next(iter(found.saved))
    vit = footprint_of(load("vit_b16", batch=2), TrainingSetup(optimizer=read_optimizer("adamw")))
    assert (sum(vit.saved.values()), vit.training.live, vit.iteration) == (235_117_136, 352_989_808, 1_732_565_952)
    vgg = footprint_of(load("vgg16", batch=2))
    assert (vgg.training.live, vgg.inference.live) == (685_792_800, 52_584_448)


# --- measured --------------------------------------------------------------------------------------------------------

SMALL = """
archcalc: 1
name: Small
input: [3, 24, 20]
blocks:
  unit(c, stride=1):
    - add:
        - conv(3, c, p1, stride=stride, bias=false) -> batchnorm -> relu -> conv(3, c, p1) -> batchnorm
        - conv(1, c, stride=stride) if stride > 1 or x.channels != c else prev
    - relu
layers:
  - conv(5, 8, s2, p2) -> relu -> maxpool(3, 2, p1)
  - unit(8) -> unit(16, 2)
  - concat:
      - conv(1, 4) -> gelu
      - maxpool(3, 1, p1) -> conv(3, 6, p1) -> silu
      - prev
  - e = dropout(0.3)
  - upconv(2, 8, s2) -> upsample(2) -> avg(4) -> conv(1, 26)
  - mul: [prev, e]
  - gap -> fc(7) -> softmax
"""

TOKENS = """
archcalc: 1
name: Tokens
input: [3, 16, 16]
layers:
  - conv(4, 12, s4) -> tokens -> class_token -> position_embedding
  - add: [layernorm -> attention(3), prev]
  - add: [layernorm -> fc(24) -> gelu -> fc(12), prev]
  - layernorm -> select -> fc(5)
"""


LOCAL_NORMS = "archcalc: 1\ninput: [6, 9, 9]\nlayers:\n  - conv(3, 8) -> lrn(5) -> scaled_tanh -> fc(3)\n"

SHARED = """
archcalc: 1
name: Shared
input: [4, 8, 8]
blocks:
  unit(c): conv(3, c, p1) -> relu
layers:
  - s = unit(4)
  - s() -> s() -> tokens
  - a = fc(12)
  - gelu -> fc(4)
  - fc(12, tie=a) -> fc(4)
  - fc(12, tie=a) -> select -> fc(2)
"""

UNREAD = """
archcalc: 1
name: Unread
input: [4, 8, 8]
layers:
  - a = conv(3, 8)
  - maxpool(2)
  - a -> conv(3, 4) -> fc(3)
"""

TURNED = """
archcalc: 1
name: Turned
input: [3, 8, 8]
layers:
  - conv(3, 6, p1) -> layernorm -> relu -> dropout(0.1)
  - flatten -> fc(10)
"""

TEXTS = {
    "small": SMALL,
    "tokens": TOKENS,
    "local norms": LOCAL_NORMS,
    "shared": SHARED,
    "unread": UNREAD,
    "turned": TURNED,
}
NAMES = (*TEXTS, "lenet5", "cifar10_cnn")


def with_dtype(name: str, dtype: str = "float32", batch: int = 3) -> Graph:
    if name in TEXTS:
        return build(read_document(Source("net.yaml", TEXTS[name])), batch=batch, dtype=dtype)
    return load(name, batch=batch, dtype=dtype)


def iteration(graph: Graph, optimizer: Optimizer) -> int:
    """The measured peak of an iteration with torch's optimizer, in bytes, including parameters, buffers and state."""
    running = Running(generate(graph), graph, "cpu")
    call = optimizer.call("foreach")
    made = getattr(torch.optim, call.target.rpartition(".")[2])(running.module.parameters(), **dict(call.arguments))
    peak = memory.iteration(running, running.inputs(), made).stream.peak
    return memory.standing(running).total + memory.state_bytes(made) + peak


CASES = [
    ("small", 1, "float32"),
    ("small", 3, "bfloat16"),
    ("tokens", 1, "bfloat16"),
    ("tokens", 3, "float32"),
    ("local norms", 2, "float32"),
    ("shared", 1, "float32"),
    ("shared", 3, "bfloat16"),
    ("unread", 2, "float32"),
    ("turned", 1, "float32"),
    ("turned", 3, "float32"),
    ("lenet5", 3, "float32"),
    ("cifar10_cnn", 2, "bfloat16"),
]


@pytest.mark.parametrize(("name", "batch", "dtype"), CASES)
def test_every_figure_equals_the_measured_one(name: str, batch: int, dtype: str) -> None:
    torch.manual_seed(0)
    graph = with_dtype(name, dtype, batch)
    assert set(differences(graph).values()) == {0}


@pytest.mark.parametrize("name", ["small", "lenet5"])
def test_each_layer_saves_the_predicted_bytes(name: str) -> None:
    graph = with_dtype(name)
    running = Running(generate(graph), graph, "cpu")
    measured = saved.saved(running, running.inputs()).by_layer
    assert {k: n for k, n in footprint_of(graph).saved.items() if n} == {k: n for k, n in measured.items() if n}


@pytest.mark.parametrize("call", ["adamw", "sgd(0.1, momentum=0.9)"])
def test_an_iteration_uses_the_predicted_memory(call: str) -> None:
    graph = with_dtype("small")
    optimizer = read_optimizer(call)
    assert footprint_of(graph, TrainingSetup(optimizer=optimizer)).iteration == iteration(graph, optimizer)


def test_a_stack_of_a_hundred_billion_parameters_needs_one_gibibyte_to_predict_and_confirm() -> None:
    command = [sys.executable, "-m", "benchmarks.stack"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    output = json.loads(ended.stdout)
    ours, meta = output["predicted"], output["measured"]
    assert ours["parameters"] == meta["parameters"] > 100 * 10**9
    assert ours["saved"] == meta["saved"]
    assert meta["rss"] < 2**30


# --- measured on every network ---------------------------------------------------------------------------------------

BIG = list(references())

SECOND = {
    "vgg16": (3, 97, 113),
    "resnet50": (3, 97, 113),
    "googlenet": (3, 195, 209),  # its avg(7) needs this size
    "alexnet": (3, 97, 113),
    "lenet5": (1, 33, 37),
    "unet": (1, 189, 205),
    "unet_padded": (1, 80, 48),  # accepts only multiples of 16
    "mobilenet_v2": (3, 97, 113),
    "densenet121": (3, 97, 113),
    "vit_b16": (3, 97, 113),
    "convnext": (3, 97, 113),
    "shufflenet_v2": (3, 97, 113),
}
"""A second size, odd on both axes if the network accepts one. A network with a fixed size is built for this size."""

ZOO = [*((name, 2, None) for name in BIG), *((name, 3, size) for name, size in SECOND.items())]

STEPS = [
    *((name, 2, None, "float32", "adamw") for name in SECOND),
    *((name, 3, size, "bfloat16", "sgd(0.1, momentum=0.9)") for name, size in SECOND.items() if name != "alexnet"),
    ("alexnet", 3, SECOND["alexnet"], "float32", "sgd(0.1, momentum=0.9)"),  # torch has no lrn for bfloat16
]


def sized(name: str, batch: int, size: tuple[int, ...] | None, dtype: str) -> Graph:
    return build(document(name), batch=batch, dtype=dtype, sizes={"input": size} if size else None)


@pytest.fixture
def nothing_left() -> Iterator[None]:
    """Releases the memory of one test before the next one starts."""
    yield
    gc.collect()


@pytest.mark.fuzz
@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(("name", "batch", "size"), ZOO)
def test_every_figure_of_every_network_equals_the_measured_one(
    name: str, batch: int, size: tuple[int, ...] | None, dtype: str
) -> None:
    graph = sized(name, batch, size, dtype)
    predicted(graph)
    try:
        off = differences(graph)
    except NotImplementedError as missing:
        pytest.skip(f"torch has no kernel: {missing}")
    assert {figure: nbytes for figure, nbytes in off.items() if nbytes} == {}


@pytest.mark.fuzz
@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize(("name", "batch", "size", "dtype", "call"), STEPS)
def test_every_figure_of_an_iteration_equals_the_measured_one(
    name: str, batch: int, size: tuple[int, ...] | None, dtype: str, call: str
) -> None:
    graph = sized(name, batch, size, dtype)
    optimizer = read_optimizer(call)
    found = predicted(graph, TrainingSetup(optimizer=optimizer))
    try:
        measured = iteration(graph, optimizer)
    except NotImplementedError as missing:
        pytest.skip(f"torch has no kernel: {missing}")
    assert found.iteration == measured


# --- parts of a footprint --------------------------------------------------------------------------------------------


def test_the_tensors_alive_at_the_peak_add_up_to_it() -> None:
    for graph in map(with_dtype, NAMES):
        timeline = footprint_of(graph, with_timeline=True).timeline
        assert timeline
        assert sum(nbytes for _, nbytes in timeline.alive) == timeline.peak.live
        assert timeline.steps[0].phase == "forward"
        assert timeline.steps[-1].phase == "backward"


def test_frozen_layers_save_nothing_and_have_no_gradients() -> None:
    """Transfer learning: layers without gradients save nothing."""
    text = SMALL.replace("- conv(5, 8, s2, p2) -> relu", "- conv(5, 8, s2, p2, freeze=true) -> relu")
    free, frozen = footprint_of(with_dtype("small", batch=1)), footprint_of(load_text(text))
    assert "conv1" not in frozen.saved
    assert "relu1" not in frozen.saved
    assert free.gradients - frozen.gradients == 4 * (8 * 3 * 25 + 8)


def test_a_layer_without_memory_prediction_is_an_error() -> None:
    with pytest.raises(Opaque, match="locally_connected1: its module runs several torch operations"):
        footprint_of(load_text("archcalc: 1\ninput: [2, 8]\nlayers: locally_connected(3, 4) -> fc(2)\n"))


def test_a_batch_norm_over_one_value_per_channel_is_an_error() -> None:
    """Torch refuses to train it."""
    text = "archcalc: 1\ninput: [3, 8]\nlayers: gap -> batchnorm -> fc(2)\n"
    with pytest.raises(Opaque, match="batchnorm1: torch trains it on more than one value per channel only"):
        footprint_of(load_text(text))
    spec = read_document(Source("<text>", text))
    sizes = (1, 2, 3)
    assert forms(with_free(spec, ["N"]), TrainingSetup(), sizes) == {n: numbers(build(spec, batch=n)) for n in sizes}


def test_evaluation_saves_nothing_and_needs_less() -> None:
    graph = with_dtype("small")
    evaluated = inference(tape_of(graph, Run(training=False))).peak.live
    assert evaluated < training(tape_of(graph, Run())).peak.live


# --- text and JSON ---------------------------------------------------------------------------------------------------


def test_the_text_word_for_word(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "lenet5", "--batch", "2", "--optimizer", "sgd(0.1, momentum=0.9)"]) == 0
    assert_golden("report_memory.txt", capsys.readouterr().out)


def test_json_has_every_figure(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "resnet50", "--batch", "2", "--optimizer", "adamw", "--format", "json"]) == 0
    output = json.loads(capsys.readouterr().out)
    totals = output["totals"]
    assert (totals["saved_bytes"], totals["inference_peak_bytes"]) == (170_827_264, 20_471_808)
    assert sum(layer["saved_bytes"] for layer in output["layers"]) == totals["saved_bytes"]
    assert totals["optimizer_bytes"] == 2 * totals["param_bytes"] + 4 * 161


def test_unpredicted_memory_is_null_with_a_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "-e", "input(2,8) -> locally_connected(3,4)", "--train", "--format", "json"]) == 0
    output = capsys.readouterr()
    assert json.loads(output.out)["totals"]["saved_bytes"] is None
    assert "memory is not predicted: locally_connected1" in output.err


def test_a_wrong_optimizer_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "lenet5", "--optimizer", "adamv"]) == 1
    assert "did you mean 'adam" in capsys.readouterr().err
    assert len(OPTIMIZERS) >= 8


def test_the_timeline_word_for_word(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "lenet5", "--batch", "2", "--timeline"]) == 0
    assert_golden("report_timeline.txt", capsys.readouterr().out)
    assert run(["report", "lenet5", "--timeline", "--format", "json"]) == 0
    output = json.loads(capsys.readouterr().out)
    assert max(live for _, _, live in output["timeline"]) == output["totals"]["training_peak_bytes"]
    assert sum(nbytes for _, nbytes in output["alive_at_peak"]) == output["totals"]["training_peak_bytes"]


# --- closed forms in the batch ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["small", "tokens", "lenet5", "resnet18", "googlenet", "unet_padded"])
def test_peaks_in_closed_form_equal_the_numeric_results(name: str) -> None:
    optimizer = read_optimizer("adamw")
    spec = read_document(Source("net.yaml", TEXTS[name])) if name in TEXTS else document(name)
    setup, sizes = TrainingSetup(optimizer=optimizer), (1, 2, 3, 5, 16, 300)
    found = forms(with_free(spec, ["N"]), setup, sizes)
    assert found == {batch: numbers(build(spec, batch=batch), setup) for batch in sizes}


def test_the_largest_batch_that_fits(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["solve", "resnet50", "--for", "N", "--where", "training_peak <= 24GiB"]) == 0
    assert capsys.readouterr().out.split("\n")[1] == "N = 297: 25,761,910,496 bytes of training peak"
    assert footprint_of(load("resnet50", batch=297)).training.live == 25_761_910_496
    assert footprint_of(load("resnet50", batch=298)).training.live > 24 * 2**30
    assert run(["formula", "resnet50", "--free", "N", "--of", "training_peak"]) == 0
    assert "= 86712128·N + 8408480 from N = 20" in capsys.readouterr().out


@pytest.mark.fuzz
@settings(max_examples=300, derandomize=True, deadline=None, suppress_health_check=SLOW)
@given(networks())
def test_random_networks_use_the_predicted_memory(network: Network) -> None:
    """Except for activations with weights directly after the input: torch makes an input gradient that nothing uses."""
    try:
        graph = load_text(network.spec())
        footprint_of(graph)
    except (SpecError, Opaque):
        return
    first = any(node.layer.role is Role.ACTIVATION and node.weights and node.sources[0] == "input" for node in graph)
    if first or not any(weight.trainable for node in graph for weight in node.weights):
        return
    with suppress(ValueError):  # a batch norm over one value cannot be trained
        assert set(differences(graph).values()) == {0}, network.spec()


UNREAD_LAYERS = (
    "attention(2)",
    "gru(8)",
    "layernorm",
    "lstm(8)",
    "grouped_attention(2)",
    "cross_attention(2, toks)",
    "rmsnorm",
)


@pytest.mark.parametrize(
    "call", [call if i < 3 else pytest.param(call, marks=pytest.mark.zoo) for i, call in enumerate(UNREAD_LAYERS)]
)
def test_what_a_layer_saves_that_nothing_reads_is_kept_until_its_output_is_there(call: str) -> None:
    """Of attention the sums of its softmax, of a recurrent layer its gates."""
    inputs = "{image: [2, 9, 8], toks: {shape: [10, 8], channels_last: true}}"
    text = f"archcalc: 1\ninput: {inputs}\nlayers:\n  - toks -> {call}\n  - image -> conv(1, 3)\n"
    assert set(differences(load_text(text)).values()) == {0}


def test_without_layers_the_input_is_all_there_is(shell: Shell) -> None:
    nothing = "input(3, 8, 8) -> relu * 0"
    assert "training peak: 768 bytes, in forward at input" in shell("report", "-e", nothing, "--timeline").out
    assert "H = 9: 864 bytes" in shell("solve", "-e", nothing, "--for", "H", "--where", "training_peak <= 900").out
