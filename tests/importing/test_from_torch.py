"""Code becomes a network: each total is compared with torch's, which shares nothing with the layers."""

import copy
import inspect
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.utils import _pytree as pytree
from torch.utils.flop_counter import FlopCounterMode

from archcalc.core.diagnostic import Diagnostic, SpecError
from archcalc.core.location import Source
from archcalc.graph.builder import build
from archcalc.importing.imported import from_torch
from archcalc.importing.network import Imported
from archcalc.measure import MEASURES
from archcalc.spec.document import read_document
from tests.importing import networks, shared_networks

IMAGE, ROW = torch.zeros(1, 3, 32, 32), torch.zeros(1, 4)

EXACT: list[tuple[nn.Module, tuple[Any, ...], tuple[str, ...]]] = [
    (networks.ResNet(), (IMAGE,), ()),
    (networks.Shared(), (ROW,), ()),
    (networks.Tied(), (torch.zeros(1, 6, dtype=torch.long),), ()),
    (networks.SizeBranch(), (IMAGE,), ()),
    (
        networks.Fourier(),
        (torch.zeros(1, 4, 16, 16),),
        ("fft_rfft2", "fft_irfft2"),
    ),
    (networks.Attention(), (torch.zeros(1, 5, 12),), ()),
    (networks.Functional(), (torch.zeros(1, 3, 8, 8),), ()),
    (networks.Mapping(), ({"a": ROW, "b": ROW},), ()),
    (networks.Recurrent(), (torch.zeros(1, 7, 4),), ()),
    (networks.Lazy(), (torch.zeros(1, 3, 8, 8),), ()),
    (networks.Weighing(), (torch.zeros(1, 5, 12),), ()),
    (nn.TransformerEncoderLayer(12, 4, 24, batch_first=True), (torch.zeros(1, 5, 12),), ()),
]
"""A network, its example, and the operations for which there is no layer."""


def of(found: Imported, measure: str) -> Any:
    return MEASURES[measure].total(found.graph)


def ready(model: nn.Module, example: tuple[Any, ...]) -> nn.Module:
    """A copy in evaluation mode, whose lazy modules have their sizes."""
    twin = copy.deepcopy(model).eval()
    if any(map(is_lazy, twin.parameters())):
        twin(*example)
    return twin


def macs_of(model: nn.Module, example: tuple[Any, ...]) -> int:
    """As torch counts a run of single operations: its fused ones it does not count."""
    twin = ready(model, example).to("meta")
    counter = FlopCounterMode(display=False)
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    with counter, torch.no_grad():
        twin(*pytree.tree_map_only(Tensor, lambda each: each.to("meta"), example))
    torch.backends.mha.set_fastpath_enabled(fused)
    return int(counter.get_total_flops()) // 2


@pytest.mark.parametrize(("model", "example", "opaque"), EXACT, ids=lambda each: type(each).__name__)
def test_totals_are_those_of_torch(model: nn.Module, example: tuple[Any, ...], opaque: tuple[str, ...]) -> None:
    found = from_torch(model, *example)
    assert of(found, "params") == sum(each.numel() for each in ready(model, example).parameters())
    assert of(found, "macs") == macs_of(model, example)
    assert not found.differences
    assert {each.function for each in found.lowered.steps if each.kind == "opaque"} == set(opaque)


def refusal(model: nn.Module, *example: Tensor) -> Diagnostic:
    with pytest.raises(SpecError) as error:
        from_torch(model, *example)
    (found,) = error.value.diagnostics
    return found


@pytest.mark.parametrize(
    ("model", "code", "line"),
    [
        (networks.ValueBranch(), "AC520", "if y.sum() > 0:"),
        (networks.Chosen(), "AC520", "return y[y[:, 0] > 0]"),
        (networks.Value(), "AC520", "x[0, 0].item()"),
        (networks.Meeting(), "AC522", "return y @ y.T"),
    ],
    ids=lambda each: type(each).__name__,
)
def test_what_cannot_be_followed_is_refused_at_its_line(model: nn.Module, code: str, line: str) -> None:
    found = refusal(model, ROW)
    assert found.code == code
    assert found.location is not None
    assert found.location.source.name == inspect.getsourcefile(type(model))
    assert line in found.location.source.line(found.location.line)
    assert "--until" in found.help
    assert code == "AC522" or "--run-on cpu" in found.help


def test_an_error_of_the_users_code_has_its_own_place_and_the_calls_that_led_there() -> None:
    found = refusal(networks.Wrong(), ROW)
    assert "shape '[-1, 3]' is invalid" in found.message
    assert found.location is not None
    assert found.location.text == "x.reshape(-1, 3)"
    note, batch = found.notes
    assert batch.startswith("the run has a batch of 1009 samples")
    assert note.endswith("in forward")


def test_every_call_of_an_operation_without_a_layer_is_found_with_its_line() -> None:
    found = from_torch(networks.Fourier(), torch.zeros(1, 4, 16, 16))
    findings = [each for each in found.findings if each.location and each.code != "AC514"]
    places = {each.location.text.strip(): each.code for each in findings if each.location}
    assert places["f = torch.fft.rfft2(x)"] == "AC510"
    assert set(places.values()) == {"AC510"}


def test_a_notebook_shows_the_table_and_what_is_not_exact() -> None:
    made = from_torch(networks.ResNet(), IMAGE)
    html = made._repr_html_()
    assert html.startswith("<div class='archcalc'>")
    assert "residual" in html
    assert "<script" not in html
    assert "<pre>" not in html
    fourier = from_torch(networks.Fourier(), torch.zeros(1, 4, 16, 16))._repr_html_()
    assert "<pre>warning[AC510]: no layer does what fft_rfft2 does here" in fourier


def test_weights_that_evaluation_does_not_read_are_said_and_not_counted() -> None:
    found = from_torch(networks.Idle(), IMAGE)
    idle = next(each for each in found.findings if each.code == "AC511")
    assert idle.message == "35 parameters of aux are never used in evaluation"
    assert "35 parameters of aux" in found.spec
    assert of(found, "params") == sum(p.numel() for p in networks.Idle().parameters()) - 35


@pytest.mark.parametrize(
    ("model", "example", "names"),
    [
        (networks.Listed(), torch.zeros(1, 3, 8, 8), "mods.0.weight, mods.0.bias"),
        (networks.Outside(), torch.zeros(1, 4), "outside0"),
    ],
    ids=lambda each: type(each).__name__,
)
def test_weights_that_torch_does_not_know_are_counted_and_said(model: nn.Module, example: Tensor, names: str) -> None:
    assert not list(model.parameters())
    found = from_torch(model, example)
    (said,) = found.findings
    assert (said.code, said.message.endswith(names)) == ("AC513", True)
    assert [node.layer.name for node in found.graph.nodes] == ["conv" if "mods" in names else "linear"]
    assert of(found, "macs") == macs_of(model, (example,)) if "mods" not in names else 3888
    assert not found.differences


def test_products_of_weights_alone_are_counted_once_a_batch() -> None:
    found = from_torch(networks.Idle(), IMAGE)
    (step,) = (each for each in found.lowered.steps if each.kind == "opaque")
    assert step.layer is not None
    assert step.layer.stated()["shared_macs"] == 4 * 3 * 4
    assert step.layer.stated()["macs"] == 4 * 4


def test_a_distribution_is_looked_into() -> None:
    found = from_torch(networks.Distribution(), torch.zeros(1, 10))
    assert found.graph.outputs
    assert of(found, "params") == 55


def test_the_model_is_left_as_it_was() -> None:
    model = networks.ResNet().train()
    before = {name: each.clone() for name, each in model.state_dict().items()}
    from_torch(model, IMAGE)
    assert model.training
    assert all(torch.equal(each, model.state_dict()[name]) for name, each in before.items())
    assert not any(each._forward_hooks or each._forward_pre_hooks for each in model.modules())


def test_a_planted_difference_is_said() -> None:
    found = from_torch(networks.ResNet(), IMAGE)
    wrong = replace(found, spec=found.spec.replace("linear(10)", "linear(11)"))
    assert {each.code for each in wrong.differences} == {"AC300"}
    assert "not what torch counts" in wrong.summary


@pytest.mark.parametrize(
    ("model", "example"),
    [
        (shared_networks.ShiftedWindows(), torch.zeros(1, 4, 6, 8)),
        (shared_networks.Rotary(), torch.zeros(1, 5, 12)),
        (shared_networks.Biases(), torch.zeros(1, 4, 8)),
        (shared_networks.Reductions(), torch.zeros(1, 6, 8, 8)),
    ],
    ids=lambda each: type(each).__name__,
)
def test_what_samples_share_counts_once(model: nn.Module, example: Tensor) -> None:
    """At a batch of 7 the MACs are those of torch, which computes a table once for all samples."""
    found = from_torch(model, example)
    assert not [each for each in found.lowered.steps if each.kind == "opaque"]
    assert of(found, "params") == sum(each.numel() for each in model.parameters())
    for batch in (1, 7):
        graph = build(read_document(Source("<spec>", found.spec)), batch=batch)
        many = example.expand(batch, *example.shape[1:])
        assert MEASURES["macs"].total(graph) == macs_of(model, (many,))


def test_a_buffer_is_no_learned_weight() -> None:
    class Blurred(nn.Module):
        filters: Tensor

        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("filters", torch.ones(3, 1, 3, 3))

        def forward(self, x: Tensor) -> Tensor:
            return nn.functional.conv2d(x, self.filters, groups=3)

    found = from_torch(Blurred(), IMAGE)
    assert of(found, "params") == 0
    assert of(found, "macs") == 3 * 9 * 30 * 30
    assert not found.findings


class Queries(nn.Module):
    """Learned queries for each sample, the first of two layers frozen."""

    def __init__(self) -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.zeros(5, 8))
        self.frozen, self.trained = nn.Linear(8, 8), nn.Linear(8, 8)
        self.frozen.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        asked = self.frozen(self.queries[None]).expand(x.shape[0], -1, -1)
        seen: Tensor = self.trained(asked)
        return torch.cat([seen, x], 1)


def test_learned_values_with_an_axis_in_front_are_those_of_each_sample() -> None:
    found = from_torch(Queries(), torch.zeros(1, 3, 8))
    layers = [node.layer.name for node in found.graph]
    assert layers == ["learned", "linear", "expand", "linear", "concat"]
    assert found.differences == ()


def test_weights_that_are_not_trained_are_frozen() -> None:
    found = from_torch(Queries(), torch.zeros(1, 3, 8))
    assert [node.layer.name for node in found.graph if node.frozen] == ["linear"]
    model = Queries().requires_grad_(False)
    alone = from_torch(model, torch.zeros(1, 3, 8))
    assert not any(node.frozen for node in alone.graph)
    assert "all weights of the code are frozen" in alone.flat


class Twice(nn.Module):
    """Reads a weight of attention, and one of a recurrent layer, in linear maps, too."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.gru = nn.GRU(8, 8, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        y, _ = self.attention(x, x, x, need_weights=False)
        z, _ = self.gru(y)
        weights = self.attention.in_proj_weight, self.gru.get_parameter("weight_hh_l0")
        return F.linear(z, weights[0]) + F.linear(z, weights[1])


def test_a_weight_that_another_layer_has_under_another_name_is_counted_once() -> None:
    found = from_torch(Twice(), torch.zeros(1, 5, 8))
    assert [str(each.message) for each in found.findings] == [
        "no layer does what linear does here: it is kept as it was measured"
    ]
    assert found.differences == ()
    assert MEASURES["params"].total(found.graph) == sum(each.numel() for each in Twice().parameters())
