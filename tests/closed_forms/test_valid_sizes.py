"""Which sizes fit: the conditions that archcalc solves, held against torch, which takes an input or raises.

The source of a network is generated once, for the size of its spec, and run on the meta device at every height up to
1400. Three answers must be torch's: whether the height is in the solved set, whether the builder takes it, and what the
closed forms say of every layer's volume. Every day a tenth of the heights is run, all of them by `make fuzz`.
"""

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from archcalc.closed_forms.feasibility import valid
from archcalc.closed_forms.repeating import repeating
from archcalc.codegen import generate
from archcalc.core.diagnostic import SpecError
from archcalc.core.dim import Dim
from archcalc.graph.builder import build
from archcalc.graph.freeing import with_free
from archcalc.graph.graph import Graph, Node
from archcalc.graph.loading import document_of, document_of_chain
from archcalc.lint.expectation import failures
from archcalc.measure import MEASURES
from archcalc.spec.declaration import Document
from archcalc.sym.expr import Expr
from archcalc.sym.periodic import PeriodicSet
from archcalc.verification import verify
from archcalc.verification.trace import Running
from tests.networks.zoo import DATA, SPECS, published
from tests.shell import Shell
from tests.torch_oracle import REFUSALS

MOST = 1_400

FITTING = {
    "densenet121": "H ≥ 29",  # the smallest inputs are those that torchvision publishes: 29, 15, 75, 32, 1, 1
    "googlenet_ceil": "H ≥ 15",
    "inception_v3": "H ≥ 75",
    "vgg16_features": "H ≥ 32",
    "resnet50": "always",
    "mobilenet_v2": "always",
    "unet": "H ≥ 188",
    "unet_padded": "H ≡ 0 (mod 16)",
    "resnet50_fpn": "H mod 32 ∈ {0, 29..31}",
    "path_aggregation": "H mod 32 ∈ {0, 25..31}",
    "hourglass_ceil": "H ≡ 0 (mod 8)",
    "decoder_by_six": "H ≡ 0 (mod 6)",
}
"""Every network, and the heights that it takes."""

Shapes = Mapping[str, tuple[int, ...]]
"""The shape of every layer's value."""

every_network = pytest.mark.parametrize("name", FITTING)


# --- what is compared -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Subject:
    """A network in the ways that are compared: its document for the builder, closed forms in its height H, the heights
    that fit, and torch's module, made for the size of its spec."""

    document: Document
    forms: Graph
    fits: PeriodicSet
    running: Running


def subject_of(document: Document) -> Subject:
    forms = with_free(document, ["H"])
    running = made(document, "meta")
    without_pointwise(running.module)
    return Subject(document, forms, valid(forms, "H"), running)


def made(document: Document, device: str) -> Running:
    """The module that is generated for the spec's own size: no other size has a part in it."""
    graph = build(document)
    return Running(generate(graph), graph, device)


def without_pointwise(module: nn.Module) -> None:
    """Norms and ReLUs take every size and keep it; on meta they take nine tenths of the time, and are left out."""
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.BatchNorm2d | nn.ReLU | nn.ReLU6):
                setattr(parent, name, nn.Identity())


@cache
def subject(name: str) -> Subject:
    return subject_of(document_of(str(path_of(name))))


def path_of(name: str) -> Path:
    """A network of the tests, or one of the zoo."""
    own = DATA / "networks" / f"{name}.yaml"
    return own if own.exists() else SPECS / f"{name}.yaml"


# --- torch's answer, and ours -----------------------------------------------------------------------------------------


def by_torch(running: Running, height: int, width: int | None = None) -> Shapes | None:
    """What torch makes of a height, beside the spec's width or another; None where it raises."""
    channels, _, own = running.graph.inputs[0].volume.item_shape
    shapes: dict[str, tuple[int, ...]] = {}

    def see(node: Node, value: Tensor) -> None:
        shapes[node.name] = tuple(value.shape)

    try:
        running.run([torch.zeros(1, channels, height, width or own, device=running.device)], see)
    except REFUSALS:
        return None
    return shapes


def repeats(graph: Graph, shapes: Shapes) -> bool:
    """Whether a sum repeats an axis that happens to have one element at this size: none that fits."""
    sums = (node for node in graph if node.layer.name == "add")
    return any(len({shapes[source] for source in node.sources if source in shapes}) > 1 for node in sums)


def by_builder(subject: Subject, height: int) -> Graph | None:
    """The network built for a height; None where it is refused for its sizes, or a sum repeats an axis."""
    given = subject.forms.inputs[0]
    channels, _, width = given.volume.item_shape
    try:
        made = build(subject.document, sizes={given.name: (channels, height, width)})
        return None if repeats(made, {name: volume.shape for name, volume in made.volumes.items()}) else made
    except SpecError as error:
        if all(each.code.startswith("AC2") for each in error.diagnostics):
            return None
        raise


def by_forms(graph: Graph, height: int) -> Shapes:
    return {node.name: tuple(at(dim, height) for dim in node.output.shape) for node in graph}


def at(dim: Dim | Expr, height: int) -> int:
    return dim.at(H=height) if isinstance(dim, Expr) else dim


def differences(subject: Subject, heights: Iterable[int]) -> Iterator[tuple[int, str]]:
    """Every height for which one of our answers is not torch's, and which answer that is."""
    for height in heights:
        theirs = by_torch(subject.running, height)
        taken = theirs is not None and not repeats(subject.forms, theirs)
        if (height in subject.fits) != taken:
            yield height, "the solved set"
        plain = by_builder(subject, height)
        if (plain is not None) != taken:
            yield height, "the builder"
        if taken and by_forms(subject.forms, height) != theirs:
            yield height, "the closed forms"


# --- every network ----------------------------------------------------------------------------------------------------


def a_tenth(fits: PeriodicSet) -> list[int]:
    """The smallest heights, both sides of every beginning, the last whole period, and random heights between."""
    small = range(1, 41)
    edges = {piece.start + by for piece in fits.pieces for by in range(-3, 4)}
    period = max(piece.period for piece in fits.pieces)
    between = random.Random(0).sample(range(1, MOST), 30)
    found = {*small, *edges, *range(MOST - period + 1, MOST + 1), *between}
    return sorted(height for height in found if 1 <= height <= MOST)


@every_network
def test_the_sizes_that_fit_are_found(name: str) -> None:
    """And they are the same for the other axis."""
    assert subject(name).fits.named("H") == FITTING[name]
    beside = with_free(subject(name).document, ["W"])
    assert valid(beside, "W") == subject(name).fits


@every_network
def test_torch_takes_the_sizes_that_fit_and_no_other(name: str) -> None:
    assert list(differences(subject(name), a_tenth(subject(name).fits))) == []


@pytest.mark.fuzz
@every_network
def test_torch_takes_the_sizes_that_fit_and_no_other_of_all(name: str) -> None:
    assert list(differences(subject(name), range(1, MOST + 1))) == []


@pytest.mark.fuzz
@every_network
def test_norms_and_activations_change_no_answer(name: str) -> None:
    whole = replace(subject(name), running=made(subject(name).document, "meta"))
    assert list(differences(whole, a_tenth(whole.fits))) == []


@pytest.mark.fuzz
@every_network
def test_the_cpu_takes_what_meta_takes(name: str) -> None:
    """Where values are computed, beside the smallest width that fits: heights around it, and a period from there."""
    fits, running = subject(name).fits, made(subject(name).document, "cpu")
    (least,) = fits.first(1)
    heights = range(max(1, least - 2), least + max(piece.period for piece in fits.pieces) + 1)
    for height in heights:
        shapes = by_torch(running, height, width=least)
        assert (height in fits) == (shapes is not None and not repeats(running.graph, shapes)), height


REPEATED = {
    "resnet50": [], "mobilenet_v2": [], "path_aggregation": [], "resnet50_fpn": [1, 2, 3, 4], "hourglass_ceil": [1],
}  # fmt: skip
"""Networks with sums, and the heights that do not fit but that torch takes: it repeats an axis of length 1."""


@pytest.mark.parametrize(("name", "heights"), REPEATED.items())
def test_torch_adds_what_is_not_of_one_size(name: str, heights: list[int]) -> None:
    """The coarsest level has one element at heights up to 32; above that, torch refuses what we refuse."""
    answers = {height: by_torch(subject(name).running, height) for height in range(1, 33)}
    repeated = [height for height, shapes in answers.items() if shapes and repeats(subject(name).forms, shapes)]
    assert repeated == heights
    assert not any(height in subject(name).fits for height in heights)
    beside = repeating(subject(name).forms, "H", ~subject(name).fits)
    assert [height for each in beside for height in each.sizes.first(99)] == heights


@pytest.mark.parametrize("command", [("solve", "--for"), ("formula", "--of", "params", "--free")])
def test_sizes_that_fit_by_repeating_are_named(shell: Shell, command: tuple[str, ...]) -> None:
    name, *options = command
    said = shell(name, "retinanet", *options, "H").out
    assert ": 1 ≤ H ≤ 8, which fits because i4.add1 repeats an axis of one element there" in said


# --- what was published -----------------------------------------------------------------------------------------------


@every_network
def test_a_network_comes_out_as_it_was_published(name: str) -> None:
    document = subject(name).document
    assert document.expect
    assert list(failures(build(document), document)) == []


@pytest.mark.parametrize(
    ("name", "model"),
    [("densenet121", "densenet121"), ("googlenet_ceil", "googlenet"), ("mobilenet_v2", "mobilenet_v2")],
)
def test_totals_and_the_smallest_input_are_those_of_torchvision(name: str, model: str) -> None:
    [row] = (row for row in published("torchvision_totals") if row["builder"] == model)
    graph = build(subject(name).document)
    assert MEASURES["params"].total(graph) == int(row["num_params"])
    assert round(MEASURES["macs"].total(graph) / 1e9, 3) == float(row["ops_gmacs"])
    assert subject(name).fits.first(1) == [int(row["min_size"].partition("x")[0])]


@pytest.mark.fuzz
@every_network
def test_a_network_agrees_with_torch(name: str) -> None:
    certificate = verify(subject(name).document, device="meta")
    assert [row for row in certificate.rows if row.agrees is not True] == []


# --- that a fault would be seen ---------------------------------------------------------------------------------------

WRONG = {
    "one too many": ("vgg16_features", PeriodicSet.interval(31)),
    "one too few": ("vgg16_features", PeriodicSet.interval(33)),
    "half the period": ("unet_padded", PeriodicSet.modulo(8, [0])),
    "multiples of the stride only": ("resnet50_fpn", PeriodicSet.modulo(32, [0])),
    "a join forgotten": ("unet_padded", PeriodicSet.interval(16)),
    "another remainder": ("unet", PeriodicSet.modulo(16, [12], least=188)),
}
"""Sets that could be found and are not the heights that fit."""


@pytest.mark.parametrize(("name", "wrong"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_set_is_seen_in_a_tenth_of_the_heights(name: str, wrong: PeriodicSet) -> None:
    right, heights = subject(name).fits, a_tenth(wrong)
    found = list(differences(replace(subject(name), fits=wrong), heights))
    assert found == [(height, "the solved set") for height in heights if (height in right) != (height in wrong)]
    assert found


def test_a_wrong_builder_and_wrong_closed_forms_are_seen() -> None:
    """A pool that rounds up is not one that rounds down: it takes 2 units, and has one more place at even heights."""
    up = subject_of(document_of_chain("input(1, 9, 9) -> maxpool(3, 2, ceil_mode=true)"))
    down = subject_of(document_of_chain("input(1, 9, 9) -> maxpool(3, 2)"))
    heights = range(1, 12)
    assert list(differences(up, heights)) == []
    assert list(differences(replace(up, document=down.document), heights)) == [(2, "the builder")]
    forms = [(height, "the closed forms") for height in heights if height % 2 == 0]
    assert list(differences(replace(up, forms=down.forms), heights)) == forms
