"""FLOPs of the backward pass, against torch's FlopCounterMode over a forward and a backward pass."""

from dataclasses import replace
from typing import cast

import pytest
from torch.utils.flop_counter import FlopCounterMode

from archcalc import measures  # noqa: F401  every file in it registers itself
from archcalc.closed_forms.formula import closed_form
from archcalc.codegen import generate
from archcalc.core.contraction import macs_of
from archcalc.core.location import Source
from archcalc.graph.builder import build
from archcalc.graph.freeing import with_free
from archcalc.graph.graph import Graph
from archcalc.graph.loading import document_of_chain, load_text
from archcalc.layer import Layer
from archcalc.measure import MEASURES
from archcalc.memory.footprint import footprint_of
from archcalc.spec.document import read_document
from archcalc.sym.expr import NoClosedForm
from archcalc.verification.trace import Running
from tests.layers.test_layers import CASES, Case, each_case, each_comparable
from tests.networks.zoo import document, network, references
from tests.torch_oracle import applied, training_flops, zeros


def total(graph: Graph, name: str) -> int:
    return MEASURES[name].total(graph)


def is_grouped(layer: Layer) -> bool:
    """Whether its convolutions have groups, or are applied channel by channel."""
    return getattr(layer, "groups", 1) != 1 or layer.name in ("table_conv", "filter_bank_conv")


# --- layers ----------------------------------------------------------------------------------------------------------


@each_comparable
@pytest.mark.parametrize("inputs_learn", [False, True])
@pytest.mark.parametrize("frozen", [False, True])
def test_a_layer_takes_as_many_flops_as_torch_counts(case: Case, inputs_learn: bool, frozen: bool) -> None:
    module = applied(case.layer, case.xs).requires_grad_(not frozen)
    learning = tuple(inputs_learn and x.is_floating for x in case.xs)
    given = [x.requires_grad_(learns) for x, learns in zip(zeros(case.xs), learning, strict=True)]
    node = replace(case.node, learning=learning, frozen=frozen)
    counted = training_flops(module, given, grouped=is_grouped(case.layer))
    assert (MEASURES["flops"].of(node), MEASURES["backward_flops"].of(node)) == counted


@each_case
def test_contractions_are_all_of_the_macs(case: Case) -> None:
    assert macs_of(case.node.contractions) == case.example.macs


DETACHED = {
    "one that nothing reads": "  - a = conv(1, 8)\n  - a -> b = conv(1, 4)\n  - a -> c = conv(1, 2)\noutputs: [c]\n",
    "one that only chooses": "  - x -> c = conv(1, 3)\n  - x -> a = conv(1, 3)\n  - where: [c, a, x]\n  - conv(1, 2)\n",
    "one that only masks": "  - x -> c = conv(1, 3)\n  - x -> a = conv(1, 3)\n  - mask(c)\n  - conv(1, 2)\n",
    "all before it": "  - x -> c = conv(1, 3)\n  - where: [c, x, x]\n  - conv(1, 2)\n",
}


@pytest.mark.parametrize("name", DETACHED)
def test_what_no_gradient_comes_back_to_has_no_backward_pass_and_no_gradients(name: str) -> None:
    graph = load_text(f"archcalc: 1\nname: Detached\ninput: {{x: [3, 4, 4]}}\nlayers:\n{DETACHED[name]}")
    running = Running(generate(graph), graph, "cpu")
    with FlopCounterMode(display=False) as counter:
        running.module(*running.inputs()).sum().backward()
    assert total(graph, "training_flops") == counter.get_total_flops()
    made = [each.grad for each in running.module.parameters() if each.grad is not None]
    assert footprint_of(graph).gradients == sum(each.nbytes for each in made) < footprint_of(graph).parameters


def test_some_examples_have_more_than_one_contraction() -> None:
    assert sum(len(cast(Case, each.values[0]).node.contractions) > 1 for each in CASES) >= 20


@pytest.mark.parametrize("learning", [(True, False), (False, True)])
@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("kind", ["cross_attention", "t5_attention", "einsum", "matmul", "gru"])
def test_gradients_that_flow_into_one_of_two_inputs(kind: str, learning: tuple[bool, bool], frozen: bool) -> None:
    cases = [case for each in CASES if (case := cast(Case, each.values[0])).kind == kind and len(case.xs) == 2]
    assert cases
    for case in cases:
        module = applied(case.layer, case.xs).requires_grad_(not frozen)
        given = [x.requires_grad_(learns) for x, learns in zip(zeros(case.xs), learning, strict=True)]
        node = replace(case.node, learning=learning, frozen=frozen)
        assert MEASURES["backward_flops"].of(node) == training_flops(module, given)[1]


# --- networks --------------------------------------------------------------------------------------------------------

EVERY_RUN = ("resnet18", "unet", "googlenet_aux", "mobilenet_v2", "vit_b16", "gpt2", "t5", "seq2seq", "lenet5_1998")


@pytest.mark.parametrize(
    "reference", [pytest.param(each, marks=() if each in EVERY_RUN else pytest.mark.zoo) for each in references()]
)
def test_a_network_takes_as_many_flops_as_torch_counts(reference: str) -> None:
    check(network(reference))


def check(graph: Graph) -> None:
    running = Running(generate(graph), graph, "meta")
    counted = training_flops(running.module, running.inputs(), grouped=any(is_grouped(node.layer) for node in graph))
    assert (total(graph, "flops"), total(graph, "backward_flops")) == counted


def test_resnet_18() -> None:
    """torch's FlopCounterMode over torchvision's resnet18, forward and backward."""
    graph = network("resnet18")
    assert (total(graph, "flops"), total(graph, "training_flops")) == (3_628_146_688, 10_648_412_160)


CHAINS = [
    "input(3,16,16) -> conv(3,8,p1,freeze=true) -> relu -> conv(3,8,p1) -> gap -> fc(5)",
    "input(3,16,16) -> conv(3,8,p1) -> conv(3,8,p1,freeze=true) -> gap -> fc(5)",
    "input(3,16,16) -> conv(3,8,p1,freeze=true) -> conv(3,8,p1,freeze=true) -> gap -> fc(5, freeze=true)",
    "input(6,10) -> tokens -> lstm(5, freeze=true) -> attention(1) -> select(0) -> fc(2)",
    "input(6,10) -> tokens -> a = lstm(6) -> a() -> select(0) -> fc(2)",
]


@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("batch", [1, 3])
def test_frozen_and_repeated_weights(chain: str, batch: int) -> None:
    check(build(document_of_chain(chain), batch=batch))


def test_closed_forms_have_the_values_that_numbers_give() -> None:
    free = with_free(document("resnet18"), ["H", "W", "N"])
    whole = closed_form(free, "training_flops").total
    for size, batch in ((224, 1), (225, 3)):
        graph = build(document("resnet18"), sizes={"input": (3, size, size)}, batch=batch)
        assert whole.at(H=size, W=size, N=batch) == total(graph, "training_flops")


DEEP = "archcalc: 1\nparams: {n: 4}\ninput: [8, 9, 9]\nlayers:\n"


def free_in(text: str) -> Graph:
    return with_free(read_document(Source("deep.yaml", text)), ["n"])


def test_copies_of_which_each_has_as_many_gradients_have_a_closed_form() -> None:
    text = DEEP + "  - conv(3, 8, p1)\n  - conv(3, 8, p1) * n\n"
    form = closed_form(free_in(text), "backward_flops").total
    for n in (1, 2, 7):
        assert form.at(n=n) == total(load_text(text.replace("n: 4", f"n: {n}")), "backward_flops")


def test_copies_of_which_the_first_has_fewer_gradients_have_none() -> None:
    with pytest.raises(NoClosedForm, match="the first of n copies of conv1 has fewer gradients"):
        closed_form(free_in(DEEP + "  - conv(3, 8, p1) * n\n"), "backward_flops")
