"""Parameters as Keras prints them, weights and biases apart, and the lectures' memory of activations."""

import pytest

from archcalc import measures  # noqa: F401  every file in it registers itself
from archcalc.graph.builder import build
from archcalc.graph.graph import Graph
from archcalc.graph.loading import document_of_chain
from archcalc.layer import Role
from archcalc.measure import MEASURES
from tests.networks.zoo import network


def totals(graph: Graph, *names: str) -> tuple[int, ...]:
    return tuple(MEASURES[name].total(graph) for name in names)


def keras(graph: Graph) -> tuple[int, ...]:
    return totals(graph, "keras_params", "keras_trainable", "keras_non_trainable")


def chain(text: str) -> Graph:
    return build(document_of_chain(text))


DEEP = (
    "input(3, 64, 64) -> conv(3, 32, padding=same) -> batchnorm -> pool(2) -> conv(3, 64) -> batchnorm -> pool(2)"
    " -> flatten -> fc(512) -> fc(256) -> fc(128) -> fc(10)"
)

SUMMARIES = {
    "input(4096) -> fc(512) -> relu -> batchnorm -> dropout(0.5) -> fc(80) -> sigmoid": (2_140_752, 2_139_728, 1_024),
    DEEP: (7_558_602, 7_558_410, 192),
    "input(128, 9) -> tokens -> lstm(128, returns=last)": (131_584, 131_584, 0),
    "input(128, 9) -> tokens -> lstm(64, bidirectional=true)": (98_816, 98_816, 0),
    "input(64, 100) -> tokens -> gru(64)": (24_960, 24_960, 0),  # reset_after: two biases
    "input(64, 100) -> tokens -> rnn(64)": (64 * 128 + 64, 64 * 128 + 64, 0),
    "input(64, 100) -> tokens -> lstm(64, bias=false)": (4 * 64 * 128, 4 * 64 * 128, 0),
    "input(8) -> fc(4, freeze=true) -> fc(2)": (46, 10, 36),
}
"""Total, trainable, and non-trainable parameters in model.summary()."""


@pytest.mark.parametrize(("text", "expected"), SUMMARIES.items())
def test_a_network_has_what_keras_prints(text: str, expected: tuple[int, ...]) -> None:
    assert keras(chain(text)) == expected


def test_published_networks_have_what_keras_prints() -> None:
    """keras.applications: Xception, MobileNet."""
    assert keras(network("xception")) == (22_910_480, 22_855_952, 54_528)
    assert keras(network("mobilenet_v1"))[0] == 4_253_864


EXAM = {
    "input(3, 128, 128) -> conv(9, 32)": (9 * 9 * 3 * 32, 32),
    "input(32, 60, 60) -> conv(5, 64)": (5 * 5 * 32 * 64, 64),
    "input(9216) -> fc(64)": (9216 * 64, 64),
    "input(8, 5, 5) -> batchnorm": (8, 8),
    "input(6, 9) -> tokens -> lstm(5)": (4 * 5 * (6 + 5), 2 * 4 * 5),
    "input(6, 9) -> tokens -> attention(2)": (4 * 6 * 6, 4 * 6),
    "input(8, 8, 8) -> channels_last -> window_attention(4, 2)": (4 * 8 * 8 + 7 * 7 * 2, 4 * 8),
}


@pytest.mark.parametrize(("text", "expected"), EXAM.items())
def test_weights_and_biases_are_counted_apart(text: str, expected: tuple[int, int]) -> None:
    graph = chain(text)
    assert totals(graph, "weights", "biases") == expected
    assert sum(expected) == totals(graph, "params")[0]


def test_the_lectures_memory_of_vgg_16() -> None:
    """The input, and the outputs of convolutions, pooling and fully connected layers: each with its ReLU in place."""
    graph = network("vgg16")
    kept = [graph.inputs[0].volume, *(n.output for n in graph if n.layer.role in (Role.CONTRACTION, Role.POOLING))]
    assert sum(volume.numel for volume in kept) == 15_237_608
    assert sum(volume.nbytes for volume in kept) == 60_950_432
