"""Every layer in environments that change what backward saves and makes, against autograd and allocators; no layer is
named.

The quickest worked example of each layer stands between two layers that learn, in a batch of two: with its weights
frozen, behind an input that needs no gradient, and in a block that is checkpointed.
"""

from dataclasses import replace

import pytest
import torch

from archcalc.core.location import Source
from archcalc.core.volume import Volume
from archcalc.graph.builder import build
from archcalc.graph.graph import Graph, Input, Scope
from archcalc.layer import Layer
from archcalc.memory.footprint import Opaque, footprint_of
from archcalc.memory.optimizer import read_optimizer
from archcalc.memory.training_setup import DEFAULT_SETUP, TrainingSetup
from archcalc.spec.document import read_document
from tests.memory.footprints import differences
from tests.memory.test_kernel_peaks import PEAKS, between, learned, node, work
from tests.memory.test_memory import iteration

UNREAD = """
archcalc: 1
input: [4, 8, 8]
layers:
  - a = conv(3, 8)
  - conv(3, 6)
  - a -> conv(3, 4) -> fc(3, freeze={freeze})
"""

CROPPED = """
archcalc: 1
input: [3, 12, 10]
layers:
  - u = conv(3, 4)
  - u -> conv(3, {channels}, p1) -> {crop} -> instance_norm -> fc(2)
"""


def quickest() -> list[str]:
    """Of every layer one example."""
    found: dict[str, str] = {}
    for name in sorted(PEAKS, key=lambda name: work(between(*PEAKS[name]))):
        found.setdefault(PEAKS[name][0].name, name)
    return list(found.values())


NAMES = quickest()


def frozen(graph: Graph) -> Graph:
    """The same network with the weights of the layer in question frozen."""
    return replace(graph, nodes=tuple(replace(each, frozen=each.name == "it") for each in graph.nodes))


def after_the_input(layer: Layer, xs: tuple[Volume, ...]) -> Graph:
    inputs = tuple(Input(f"in{i}", x) for i, x in enumerate(xs))
    it = node("it", layer, tuple(each.name for each in inputs), xs)
    after = node("after", learned(it.output), ("it",), (it.output,))
    return Graph("one", inputs, (it, after), ("after",))


def in_a_block(graph: Graph) -> Graph:
    """The same network with the layer in question in a block of its own."""
    path = {"it": "block1.it"}
    nodes = (
        replace(
            each,
            name=path.get(each.name, each.name),
            module=path.get(each.module, each.module),
            sources=tuple(path.get(source, source) for source in each.sources),
        )
        for each in graph.nodes
    )
    return replace(graph, nodes=tuple(nodes), scopes={"block1": Scope("block1", "block", "block1", "block1.it")})


def assert_exact(graph: Graph, setup: TrainingSetup = DEFAULT_SETUP) -> None:
    torch.manual_seed(0)
    try:
        found = differences(graph, setup)
    except Opaque as opaque:
        pytest.skip(str(opaque))
    assert {figure: nbytes for figure, nbytes in found.items() if nbytes} == {}


@pytest.mark.parametrize("name", NAMES)
def test_with_frozen_weights(name: str) -> None:
    assert_exact(frozen(between(*PEAKS[name])))


@pytest.mark.parametrize("name", NAMES)
def test_after_an_input_that_needs_no_gradient(name: str) -> None:
    assert_exact(after_the_input(*PEAKS[name]))


@pytest.mark.parametrize("name", NAMES)
def test_in_a_checkpointed_block(name: str) -> None:
    assert_exact(in_a_block(between(*PEAKS[name])), TrainingSetup(checkpointed=("block",)))


def test_every_layer_has_its_turn() -> None:
    assert {PEAKS[name][0].name for name in NAMES} == {layer.name for layer, _ in PEAKS.values()}
    assert len(NAMES) > 40


@pytest.mark.parametrize("accumulate", [False, True])
def test_weights_that_no_output_depends_on_get_no_gradient(accumulate: bool) -> None:
    text = UNREAD.format(freeze="false")
    graph = build(read_document(Source("net.yaml", text)), batch=2)
    assert_exact(graph, TrainingSetup(accumulate=accumulate))
    assert footprint_of(graph).gradients == 4 * (9 * 4 * 8 + 8 + 9 * 8 * 4 + 4 + 64 * 3 + 3)


@pytest.mark.parametrize("freeze", ["false", "true"])
@pytest.mark.parametrize("call", ["adamw", "sgd(momentum=0.9)", "adagrad"])
def test_nor_a_state_but_where_it_is_made_at_once(call: str, freeze: str) -> None:
    torch.manual_seed(0)
    graph = build(read_document(Source("net.yaml", UNREAD.format(freeze=freeze))), batch=2)
    optimizer = read_optimizer(call)
    assert footprint_of(graph, TrainingSetup(optimizer=optimizer)).iteration == iteration(graph, optimizer)


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("crop", ["crop(like=u)", "crop(size=[10, 6])", "crop(size=[6, 8])", "crop(size=[6, 6])"])
def test_what_a_crop_leaves_contiguous_is_not_copied(crop: str, channels: int, batch: int) -> None:
    text = CROPPED.format(channels=channels, crop=crop)
    assert_exact(build(read_document(Source("net.yaml", text)), batch=batch))


MET = """
archcalc: 1
input: [{size}]
layers:
  - first = conv(1, 4)
  - first -> relu -> {layer} -> out = relu
  - first -> {layer} -> both = relu
  - first -> mean = gap
  - first -> it = {layer}
outputs: [out, both, mean, it]
"""

VIEWED = [
    ("1, 9", "avgpool(3, 1)"),
    ("1, 3", "maxpool(3, 1)"),
    ("1, 9", "adaptive_avgpool(2)"),
    ("1, 9", "adaptive_maxpool(2)"),
    ("4, 1, 6", 'rearrange("b c 1 w -> b w c", features=last)'),
    ("1, 4, 5", 'rearrange("b c (h p) w -> b w (h p) c", p=2, features=last)'),
    ("1, 4, 5", 'rearrange("b c (h p) w -> b w (p h) c", p=2, features=last)'),
]


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize(("size", "layer"), VIEWED)
def test_gradients_are_not_added_in_place_to_a_view(size: str, layer: str, batch: int) -> None:
    """The gradient of the last reader comes first. Torch pools along one axis as over a map of one row."""
    assert_exact(build(read_document(Source("net.yaml", MET.format(size=size, layer=layer))), batch=batch))
