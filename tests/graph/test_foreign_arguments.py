"""Arguments of other frameworks: each is accepted, or explained by its meaning and not by its spelling."""

import inspect

import pytest
from torch import nn

from archcalc.core.diagnostic import SpecError
from archcalc.graph.binding import signature_of
from archcalc.graph.foreign_arguments import ELSEWHERE, MEANT, advice, meant
from archcalc.graph.loading import load_text
from archcalc.layer import LAYERS, Layer

PASSED_ON = {"args", "kwargs", "_weight", "_freeze"}
"""Arguments that torch does not document for callers."""

KERAS = {
    "conv": "filters kernel_size strides padding data_format dilation_rate groups activation use_bias",
    "linear": "units activation use_bias kernel_initializer bias_initializer kernel_regularizer bias_constraint",
    "maxpool": "pool_size strides padding data_format name",
    "dropout": "rate",
    "batchnorm": "epsilon momentum beta_initializer trainable",
    "lstm": "units use_bias return_sequences return_state dropout recurrent_initializer",
    "embedding": "input_dim output_dim embeddings_initializer input_length",
    "upsample": "size data_format interpolation",
    "leaky_relu": "negative_slope",
    "softmax": "axis",
    "attention": "num_heads use_bias",
}
"""By our name: keras.io/api/layers."""


def known_of(layer: type[Layer]) -> list[str]:
    signature = signature_of(layer)
    return [*signature.kinds, *signature.others]


def modules() -> dict[str, type[nn.Module]]:
    """The modules of torch that examples of layers are, by the layers' names."""
    found = {}
    for name, layer in LAYERS.items():
        calls = (layer(**each.given).call(*each.xs) for each in layer.examples if each.x)
        targets = {each.target.rpartition(".")[2] for each in calls if each.target.startswith("torch.nn.")}
        if classes := [getattr(nn, each) for each in sorted(targets) if hasattr(nn, each)]:
            found[name] = classes[0]
    return found


MODULES = modules()


@pytest.mark.parametrize("name", MODULES)
def test_arguments_of_torch_are_accepted_or_explained(name: str) -> None:
    given = set(inspect.signature(MODULES[name]).parameters) - PASSED_ON
    explained(LAYERS[name], given)


@pytest.mark.parametrize("name", KERAS)
def test_arguments_of_keras_are_accepted_or_explained(name: str) -> None:
    explained(LAYERS[name], set(KERAS[name].split()))


def explained(layer: type[Layer], given: set[str]) -> None:
    known = known_of(layer)
    foreign = given - {*known, *signature_of(layer).inferred}
    assert {each for each in foreign if not advice(each) and not meant_otherwise(each, known)} == set()


def meant_otherwise(word: str, known: list[str]) -> bool:
    return any(each in known for each in MEANT.get(word, ()))


def test_what_is_suggested_is_an_argument_of_a_layer() -> None:
    arguments = {each for layer in LAYERS.values() for each in known_of(layer)}
    assert {each for meanings in MEANT.values() for each in meanings} <= arguments


@pytest.mark.parametrize(
    ("line", "help"),
    [
        ("input(3,8,8) -> conv(3, 8, activation=relu)", "did you mean 'act'?"),
        ("input(3,8,8) -> softmax(dim=1)", "did you mean 'axis'?"),
        ("input(3,8,8) -> conv(3, 8, padding_mode=reflect)", ELSEWHERE["padding_mode"]),
        ("input(3,8,8) -> conv(3, 8, kernel_initializer=zeros)", "leave it out: it changes no number here"),
        ("input(3,8,8) -> crop(2)", "name the argument: like=2 or size=2 or border=2"),
        ("input(3,8,8) -> conv(3, 8, xyzzy=1)", "conv takes kernel_size"),
    ],
)
def test_the_help_of_an_argument(line: str, help: str) -> None:
    with pytest.raises(SpecError) as error:
        load_text(f'archcalc: 1\ninput: [3, 8, 8]\nlayers: ["{line.partition("-> ")[2]}"]\n')
    (problem,) = error.value.diagnostics
    assert problem.help.startswith(help)


def test_what_is_given_under_another_name_is_not_missing_too() -> None:
    with pytest.raises(SpecError) as error:
        load_text("archcalc: 1\ninput: [8]\nlayers: [fc(units=10)]\n")
    assert [each.code for each in error.value.diagnostics] == ["AC120"]


def test_no_argument_of_a_layer_is_said_to_be_elsewhere() -> None:
    assert meant("padding_mode", ["padding"]) == "padding"
    assert meant("padding_mode", ["padding"], elsewhere=True) == ""
