"""What `--fix` promises of every rule: the network keeps its shapes and its frozen weights, and its values if the rule
says so. No rule is named here."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from archcalc.codegen.source import generate
from archcalc.core.diagnostic import Edit, SpecError
from archcalc.core.location import Source
from archcalc.graph.builder import build
from archcalc.graph.graph import Graph
from archcalc.graph.loading import load_text
from archcalc.lint.editing import edited
from archcalc.lint.linting import findings_of
from archcalc.lint.rule import RULES, example_spec
from archcalc.spec.document import read_document
from tests.lint.test_fixes import FIXED, HEAD, LEFT
from tests.lint.test_rule_cases import CASES
from tests.networks.zoo import ROOT

FROZEN = """
- conv(3, 8, p1, freeze=true) -> batchnorm -> relu -> relu
- avgpool(3, 1, p1) -> conv(3, 8, p1, bias=true) -> batchnorm -> relu
- conv(3, 8, bias=true, freeze=true) -> batchnorm(freeze=true) -> relu6 -> relu6 -> fc(10)
"""

TEXTS = [
    *(example_spec(text) for rule in RULES.values() for text in (rule.bad, rule.good)),
    *(example_spec(text) for cases in CASES.values() for text in (*cases, FROZEN)),
    *(f"{HEAD}layers:\n{text}\n" for text in (*LEFT.values(), *(before for before, _ in FIXED.values()))),
    *(file.read_text(encoding="utf-8") for file in sorted((ROOT / "tests" / "graph" / "errors").glob("*.yaml"))),
]


@dataclass(frozen=True)
class Fixed:
    """A network before and after the edits of one rule."""

    code: str
    text: str
    before: Graph
    after: Graph


@cache
def fixed() -> list[Fixed]:
    """Every text whose network a rule edits."""
    found = []
    for text in dict.fromkeys(TEXTS):
        try:
            document = read_document(Source("example.yaml", text))
            before = build(document)
        except SpecError:
            continue
        edits: dict[str, list[Edit]] = {}
        for each in findings_of(document, before):
            edits.setdefault(each.code, []).extend(each.edits)
        found += [Fixed(c, text, before, load_text(edited(text, given))) for c, given in edits.items() if given]
    return found


def frozen_weights(graph: Graph) -> dict[str, Any]:
    return {f"{node.module}.{weight.name}": weight.shape for node in graph if node.frozen for weight in node.weights}


def module_of(graph: Graph) -> nn.Module:
    """The network in torch, in evaluation mode; its weights depend on their names and shapes alone."""
    made = generate(graph)
    names: dict[str, Any] = {}
    exec(compile(made.text, "<generated>", "exec"), names)
    network = names[made.name]()
    assert isinstance(network, nn.Module)
    generator = torch.Generator().manual_seed(0)
    for value in network.state_dict().values():
        if value.is_floating_point():
            value.copy_(torch.rand(value.shape, generator=generator))
    return network.eval()


def values_of(graph: Graph) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    xs = [torch.rand(tuple(map(int, each.volume.shape)), generator=generator) - 0.5 for each in graph.inputs]
    with torch.no_grad():
        y = module_of(graph)(*xs)
    assert isinstance(y, Tensor)
    return y


def test_there_are_enough_of_them() -> None:
    assert len(fixed()) >= 25
    assert len({each.code for each in fixed()}) >= 3
    assert any(frozen_weights(each.before) for each in fixed())


def test_edits_keep_the_shapes_of_outputs() -> None:
    for each in fixed():
        shapes = [[graph[name].output for name in graph.outputs] for graph in (each.before, each.after)]
        assert shapes[0] == shapes[1], each.text


def test_edits_keep_frozen_weights() -> None:
    for each in fixed():
        assert frozen_weights(each.before) == frozen_weights(each.after), (each.code, each.text)


@pytest.mark.parametrize("code", [code for code, rule in RULES.items() if rule.keeps_function])
def test_edits_keep_the_values_of_the_network(code: str) -> None:
    those = [each for each in fixed() if each.code == code and len(each.before.outputs) == 1]
    assert those
    for each in those:
        assert torch.equal(values_of(each.before), values_of(each.after)), each.text
