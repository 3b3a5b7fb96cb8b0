"""Transfer learning: frozen outputs that can be computed once, compared with networks that are trained for a step."""

import json
from typing import cast

import pytest
import torch
from torch import Tensor

from archcalc import load_text
from archcalc.codegen import generate
from archcalc.core.volume import Volume
from archcalc.graph.graph import Graph, Node
from archcalc.memory.footprint import footprint_of
from archcalc.memory.transfer import Once, computed_once, learns
from archcalc.verification.trace import Running
from tests.layers.test_layers import COMPARABLE as LAYERS
from tests.layers.test_layers import Case
from tests.shell import Shell
from tests.torch_oracle import Applied


def net(layers: str) -> Graph:
    return load_text(f"archcalc: 1\ninput: [3, 16, 16]\nlayers:\n{layers}")


FROZEN = (
    "  - conv(3, 4, p1, freeze=true) -> relu -> maxpool(2)\n  - conv(3, 6, p1, freeze=true) -> relu -> maxpool(2)\n"
)
NORMED = "  - conv(3, 4, p1, freeze=true) -> batchnorm(freeze=true) -> relu -> conv(1, 2, freeze=true)\n"
SKIPPED = "  - a = conv(3, 4, p1, freeze=true)\n  - conv(3, 4, p1)\n  - add: [prev, a]\n"

CASES = {
    FROZEN + "  - fc(5)\n": Once(("maxpool2",), 6 * 4 * 4 * 4, ()),
    FROZEN + "  - dropout(0.5) -> fc(5)\n": Once(("maxpool2",), 384, ("dropout1",)),
    FROZEN + "  - dropout(0) -> fc(5)\n": Once(("dropout1",), 384, ()),
    NORMED + "  - fc(5)\n": Once(("conv1",), 4 * 256 * 4, ("batchnorm1",)),
    SKIPPED + "  - fc(2)\n": Once(("a",), 4 * 256 * 4, ()),
}


@pytest.mark.parametrize("text", CASES)
def test_the_outputs_that_the_rest_reads_of_the_frozen_part(text: str) -> None:
    assert computed_once(net(text)) == CASES[text]


def test_without_frozen_weights_nothing_is_computed_once() -> None:
    assert computed_once(net("  - relu -> conv(3, 4) -> fc(5)\n")) is None


def values(running: Running, inputs: list[Tensor]) -> dict[str, Tensor]:
    seen: dict[str, Tensor] = {}

    def see(node: Node, value: Tensor) -> None:
        seen[node.name] = value.detach().clone()

    running.run(inputs, see, grad=True)
    return seen


@pytest.mark.parametrize("text", CASES)
def test_a_training_step_changes_all_but_these_values(text: str) -> None:
    torch.manual_seed(0)
    graph = net(text)
    running = Running(generate(graph), graph, "cpu")
    running.module.train()
    item = torch.randn(1, 3, 16, 16)
    first, second = (torch.cat([item, torch.randn(1, 3, 16, 16)]) for _ in range(2))
    before = values(running, [first])
    running.module(first).sum().backward()
    torch.optim.SGD([p for p in running.module.parameters() if p.requires_grad], lr=1.0).step()
    after = values(running, [second])
    found = computed_once(graph)
    assert found
    for name in found.layers:
        torch.testing.assert_close(after[name][0], before[name][0])
    for name in found.excluded:
        assert not torch.equal(after[name][0], before[name][0])


SMALL = [case for case in LAYERS if sum(x.numel for x in cast(Case, case.values[0]).xs) <= 500_000]


@pytest.mark.parametrize("case", SMALL)
def test_a_steady_layer_gives_a_sample_the_same_output_in_every_batch(case: Case) -> None:
    torch.manual_seed(0)
    module = Applied(case.layer.call(*case.xs), len(case.xs)).train()
    items = [drawn(1, x) for x in case.xs]

    def among_others() -> Tensor:
        given = zip(items, case.xs, strict=True)
        with torch.no_grad():
            found = module(*(item if x.shared else torch.cat([item, drawn(2, x)]) for item, x in given))[0]
        return cast(Tensor, found)

    first, times = among_others(), 2 if case.layer.steady else 60  # enough for rare events
    alike = all(torch.allclose(first, among_others(), rtol=1e-4, atol=1e-5, equal_nan=True) for _ in range(times))
    assert alike == case.layer.steady


def drawn(items: int, x: Volume) -> Tensor:
    shape = (items, *x.shape[1:])
    return torch.randint(2, shape) if x.is_ids else torch.randn(shape)


def test_reports_show_it(shell: Shell) -> None:
    chain = "input(3,16,16) -> conv(3,4,p1,freeze=true) -> relu -> dropout(0.5) -> fc(5)"
    result = shell("report", "-e", chain, "--train")
    assert "computed once" in result.out
    assert "per sample: relu1; not dropout1: random, or dependent on the batch" in result.out
    result = shell("report", "-e", chain, "--train", "--format", "json")
    assert json.loads(result.out)["totals"]["computed_once"] == {
        "layers": ["relu1"], "bytes_per_sample": 4096, "excluded": ["dropout1"],
    }  # fmt: skip
    assert footprint_of(net("  - conv(3, 4) -> fc(5)\n")).once is None


def test_a_tied_weight_is_trained_if_its_owner_is() -> None:
    text = (
        "archcalc: 1\ninput: [4, 6]\nlayers:\n  - tokens -> a = t5_attention(2, num_buckets=4)\n"
        "  - b = t5_attention(2, num_buckets=4, tie=a, freeze=true)\n"
    )
    graph = load_text(text)
    assert learns(graph["b"], graph)
