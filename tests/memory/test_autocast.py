"""Compares predicted memory under autocast with torch. Layers are named only in specs."""

import json
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from archcalc.codegen import generate
from archcalc.core.kernel import Run
from archcalc.core.location import Source
from archcalc.core.volume import Volume
from archcalc.graph.builder import build
from archcalc.graph.freeing import with_free
from archcalc.layer import LAYERS, Layer
from archcalc.memory.autocast import volumes
from archcalc.memory.footprint import Opaque, footprint_of
from archcalc.memory.tape import saved as saved_of
from archcalc.memory.taping import tape_of
from archcalc.memory.training_setup import TrainingSetup
from archcalc.spec.declaration import Document
from archcalc.spec.document import read_document
from archcalc.verification.memory import saved
from archcalc.verification.trace import Running
from tests.memory.footprints import differences, forms, numbers, predicted
from tests.memory.test_checkpointing import FORKED
from tests.memory.test_checkpointing import TOKENS as BLOCKS
from tests.memory.test_kernels import CASES, graph_of
from tests.memory.test_memory import SMALL, TOKENS
from tests.networks.zoo import document, references
from tests.shell import Shell
from tests.torch_oracle import applied, random

pytestmark = pytest.mark.filterwarnings("ignore:Mismatch dtype between input and weight")  # rms_norm warns

LOWER = "bfloat16"
RUN = Run(autocast=LOWER)
SETUP = TrainingSetup(autocast=LOWER)
MODEST = 3_000_000
"""The maximum number of input elements of an example; larger ones are too slow."""

# --- every layer by itself -------------------------------------------------------------------------------------------

PREDICTED = {
    name: case
    for name, case in CASES.items()
    if not case[0].unpredicted(RUN, *case[1]) and max((x.numel for x in case[1]), default=0) < MODEST
}


def given(xs: tuple[Volume, ...], dtype: str) -> tuple[Volume, ...]:
    return tuple(replace(x, batch=1 if x.shared else 2, dtype=dtype if x.is_floating else x.dtype) for x in xs)


def packed(layer: Layer, xs: tuple[Volume, ...]) -> tuple[str, int]:
    """The output dtype under autocast, and the bytes that autograd saves: casts of weights count, weights do not."""
    made = applied(layer, xs, "cpu").train()
    inputs = [random(x) for x in xs]
    known = {each.untyped_storage()._cdata for each in (*made.parameters(), *made.buffers(), *inputs)}
    found: dict[int, int] = {}
    alive: list[Tensor] = []

    def pack(kept: Tensor) -> Tensor:
        alive.append(kept)
        if (key := kept.untyped_storage()._cdata) not in known:
            found[key] = kept.untyped_storage().nbytes()
        return kept

    made_before = [each.view_as(each) for each in inputs]  # torch would cache one cast per trained leaf
    with torch.autocast("cpu", torch.bfloat16), saved_tensors_hooks(pack, lambda kept: kept):
        y = made(*made_before)
    return str(y.dtype).removeprefix("torch."), sum(found.values())


@pytest.mark.parametrize("dtype", ["float32", LOWER])
@pytest.mark.parametrize("name", PREDICTED)
def test_a_layer_has_the_predicted_dtype_and_saves_the_predicted_bytes(name: str, dtype: str) -> None:
    """For any input dtype: the network is float32, but the inputs of a layer have the dtype that earlier ones made."""
    layer, xs = PREDICTED[name]
    if dtype == LOWER and getattr(layer, "antialias", False):
        pytest.skip("torch does not smooth in bfloat16 on the CPU")
    xs, plain = given(xs, dtype), graph_of(layer, given(xs, "float32"))
    torch.manual_seed(0)
    graph = replace(plain, inputs=tuple(replace(i, volume=x) for i, x in zip(plain.inputs, xs, strict=True)))
    y, _ = volumes(RUN, graph.nodes[0], [x.dtype for x in xs])
    kept = sum(nbytes for _, nbytes in saved_of(tape_of(graph, RUN, inputs_learn=True), {}))
    assert (y.dtype, kept) == packed(layer, xs)


def test_most_layers_are_predicted() -> None:
    assert len({name.partition("-")[0] for name in PREDICTED}) >= 30


# --- networks --------------------------------------------------------------------------------------------------------


def mixed(*layers: str) -> str:
    return "archcalc: 1\nname: Mixed\ninput: [3, 16, 16]\nlayers:\n" + "".join(f"  {line}\n" for line in layers)


TEXTS = {
    "small": SMALL,
    "tokens": TOKENS,
    "blocks": BLOCKS,
    "forked": FORKED,
    "an average, whose gradient is divided by a number": "archcalc: 1\nname: Average\ninput: [1, 36]\nlayers:\n"
    "  - a = upconv(4, 3)\n  - a -> b = gap\n  - a -> c = upconv(4, 3, p1)\noutputs: [b, c]\n",
    "sums": mixed(
        "- batchnorm",
        "- add: ['conv(3, 3, p1)', prev]",
        "- relu",
        "- add: ['conv(1, 3)', prev, 'conv(3, 3, p1) -> batchnorm']",
        "- conv(3, 4) -> fc(2)",
    ),
    "side by side": mixed(
        "- batchnorm",
        "- concat: ['conv(3, 4, p1)', prev, 'conv(1, 2)']",
        "- relu -> conv(3, 4)",
        "- concat: ['maxpool(3, 1, p1)', 'conv(1, 3)']",
        "- gap -> fc(2)",
    ),
    "transposed": "archcalc: 1\nname: Transposed\ninput: [6, 5]\nlayers:\n  - tokens -> linear(8) -> linear(3)\n",
    "cast twice": mixed("- batchnorm", "- add: ['conv(3, 4, p1)', 'conv(1, 4)']", "- gap -> fc(2)"),
    "an input cast twice": mixed("- add: ['conv(3, 4, p1)', 'conv(1, 4)']", "- gap -> fc(2)"),
    "a gate": mixed("- conv(3, 8)", "- mul: ['gap -> fc(4) -> relu -> fc(8) -> sigmoid', prev]", "- prelu -> fc(2)"),
    "places": mixed(
        "- conv(4, 8, s4) -> tokens -> position_embedding",
        "- add: ['layernorm -> attention(2)', prev]",
        "- layernorm -> select -> fc(3)",
    ),
    "padded": mixed(
        "- conv(3, 8) -> relu -> upconv(2, 3, s2) -> pad(2, mode=replicate) -> conv(3, 3, padding=same) -> softmax"
    ),
    "an axis of length 1 dropped, the others reordered": "archcalc: 1\ninput: [4, 1, 6]\nlayers:\n"
    '  - conv(1, 4) -> rearrange("b c 1 w -> b w c", features=last) -> linear(4)\n',
    "an einsum of a value with itself": "archcalc: 1\ninput: [8, 5]\nlayers:\n"
    "  - tokens -> linear(8) -> f = relu\n  - f -> einsum(bqc, bkc, bqk, f) -> linear(3)\n",
    "frozen": mixed("- conv(3, 4, freeze=true) -> relu -> conv(3, 4) -> conv(3, 2, freeze=true) -> fc(3, freeze=true)"),
    "one axis": "archcalc: 1\ninput: [3, 33]\nlayers:\n"
    "  - conv(3, 8) -> relu -> pad(2, mode=reflect) -> avg(2) -> conv(2, 8, padding=((3, 0),)) -> upconv(3, 4)\n"
    "  - global_maxpool -> fc(2)\n",
    "three axes": "archcalc: 1\ninput: [2, 6, 6, 6]\nlayers:\n"
    "  - conv(3, 4, p1) -> batchnorm -> relu -> maxpool(2) -> conv(2, 3, p1) -> avg(2) -> fc(2)\n",
}


def of(name: str) -> Document:
    return read_document(Source("net.yaml", TEXTS[name])) if name in TEXTS else document(name)


@pytest.mark.parametrize("accumulate", [False, True])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("name", [*TEXTS, "cifar10_cnn"])
def test_every_figure_equals_the_measured_one(name: str, batch: int, accumulate: bool) -> None:
    torch.manual_seed(0)
    graph = build(of(name), batch=batch)
    assert set(differences(graph, replace(SETUP, accumulate=accumulate)).values()) == {0}


@pytest.mark.parametrize("name", ["small", "blocks"])
def test_each_layer_saves_the_predicted_bytes(name: str) -> None:
    graph = build(of(name), batch=2)
    running = Running(generate(graph), graph, "cpu", LOWER)
    measured = saved.saved(running, running.inputs()).by_layer
    assert {k: n for k, n in footprint_of(graph, SETUP).saved.items() if n} == {k: n for k, n in measured.items() if n}


@pytest.mark.fuzz
@pytest.mark.parametrize("name", list(references()))
def test_every_network(name: str) -> None:
    graph = build(document(name), batch=2)
    predicted(graph, SETUP)
    assert set(differences(graph, SETUP).values()) == {0}


def test_figures_that_were_measured_independently() -> None:
    """VGG-16, batch 2 at 224, measured with torch 2.13.0 before this was written: 362,286,464 bytes are saved.

    That network had an adaptive pooling before `fc1`, which saves its input, and no softmax, which saves its output.
    """
    pooled, scores = 2 * 512 * 7 * 7 * 2, 2 * 1000 * 2
    assert sum(footprint_of(build(document("vgg16"), batch=2), SETUP).saved.values()) + pooled - scores == 362_286_464
    lower = footprint_of(build(document("resnet50"), batch=2), SETUP)
    assert (sum(lower.saved.values()), lower.training.live, lower.inference.live) == (
        138_733_440, 174_982_752, 52_224_240,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["small", "tokens", "blocks", "sums", "resnet18"])
def test_closed_forms_have_the_values_that_numbers_give(name: str) -> None:
    sizes = (1, 2, 3, 5, 40)
    found = forms(with_free(of(name), ["N"]), SETUP, sizes)
    assert found == {batch: numbers(build(of(name), batch=batch), SETUP) for batch in sizes}


# --- what is not predicted -------------------------------------------------------------------------------------------


def test_unpredicted_memory_gives_the_reason() -> None:
    small = build(of("small"))
    with pytest.raises(Opaque, match="checkpointed blocks cast their weights again"):
        footprint_of(small, replace(SETUP, checkpointed=("unit",)))
    with pytest.raises(Opaque, match="networks of float32, not of bfloat16"):
        footprint_of(build(of("small"), dtype=LOWER), SETUP)
    total = "archcalc: 1\ninput: {x: {shape: [4, 8], channels_last: true}}\nlayers: ['linear(3) -> reduce(sum)']\n"
    with pytest.raises(Opaque, match="under autocast on a GPU, the gradient of a sum is made in float32 and then cast"):
        footprint_of(build(read_document(Source("net.yaml", total))), replace(SETUP, device="cuda"))
    with pytest.raises(Opaque, match="norm1: under autocast, "):
        footprint_of(build(document("alexnet")), SETUP)
    product = mixed("- a = batchnorm", "- conv(3, 3, p1)", "- mul: [prev, a]", "- fc(2)")
    with pytest.raises(Opaque, match="mul1: under autocast, it joins volumes of two dtypes"):
        footprint_of(build(read_document(Source("net.yaml", product))), SETUP)


def test_a_reason_does_not_say_again_that_nothing_is_predicted() -> None:
    reasons = [kind.opaque.why(run) for kind in LAYERS.values() for run in (RUN, Run(device="cuda"))]
    assert any(reasons)
    assert not [why for why in reasons if "predicted" in why]


def test_reports_show_the_training_setup(shell: Shell) -> None:
    output = shell("report", "resnet18", "--autocast", LOWER, "--depth", "1")
    assert "forward under autocast in bfloat16; parameters and their gradients in float32" in output.out
    output = shell("report", "resnet18", "--autocast", LOWER, "--format", "json")
    assert (json.loads(output.out)["totals"]["autocast"], output.code) == (LOWER, 0)
    output = shell("report", "resnet18", "--train", "--format", "json")
    assert json.loads(output.out)["totals"]["autocast"] is None


def test_how_many_more_samples_fit(shell: Shell) -> None:
    budget = ("solve", "vit_b16", "--for", "N", "--where", "training_peak <= 24GiB")
    output = [shell(*budget, *more).out.split("\n")[1] for more in ((), ("--autocast", LOWER))]
    assert [each.split(":")[0] for each in output] == ["N = 214", "N = 373"]


def test_what_only_chooses_has_no_say_in_the_dtype() -> None:
    text = """archcalc: 1
input: {a: [4]}
layers:
  - a -> one = linear(4)
  - one -> two = mask(a, fill=0)
  - where: [a, one, two]
"""
    graph = build(read_document(Source("choices", text)), batch=3)
    found = differences(graph, TrainingSetup(autocast="bfloat16"))
    assert {figure: nbytes for figure, nbytes in found.items() if nbytes} == {}
