"""`split` and its outputs: names, lists, one alone, in blocks; what torch runs; and that code with it comes back."""

from typing import Any

import torch
from torch import Tensor, nn

from archcalc import from_torch, generate, load_text
from archcalc.graph.graph import Graph
from archcalc.verification.network import verify

HEAD = "archcalc: 1\nname: parts\ninput: [16, 8, 8]\n"


def network(*layers: str, before: str = "") -> Graph:
    return load_text(HEAD + before + "layers:\n" + "".join(f"  - {each}\n" for each in layers))


def shapes(graph: Graph) -> dict[str, tuple[object, ...]]:
    return {node.name: node.output.item_shape for node in graph if node.layer.name == "split"}


def test_equal_parts_and_parts_of_given_sizes() -> None:
    graph = network("a, b = split(2)", "a -> c, d, e = split(1, 2, 5, axis=height)", "b -> parts = split(4)")
    assert shapes(graph) == {
        "a": (8, 8, 8), "b": (8, 8, 8),
        "c": (8, 1, 8), "d": (8, 2, 8), "e": (8, 5, 8),
        **{f"parts.{i}": (2, 8, 8) for i in range(4)},
    }  # fmt: skip
    assert graph.outputs == ("parts.0", "parts.1", "parts.2", "parts.3")


def test_the_mapping_form_is_the_same() -> None:
    short = network("a, b = split(6, 10)", "concat: [b, a]")
    assert shapes(network("{name: [a, b], split: {parts: [6, 10]}}", "concat: [b, a]")) == shapes(short)
    assert shapes(network("a, b = split: {parts: [6, 10]}", "concat: [b, a]")) == shapes(short)


def test_one_line_of_torch_makes_all_parts() -> None:
    text = generate(network("a, b = split(2)", "add: [a -> relu, b]")).text
    assert "a, b = x.chunk(2, dim=1)" in text
    text = generate(network("a, b, c = split(2, 4, 10)", "concat: [c, a -> relu, b]")).text
    assert "a, b, c = x.split([2, 4, 10], dim=1)" in text


def test_a_block_and_a_network_end_in_several_values() -> None:
    block = "blocks:\n  halves(c):\n    - conv(1, 2 * c) -> value, gate = split(2)\n"
    graph = network("t = halves(8)", "mul: [t.value, t.gate -> sigmoid]", "u = halves(4)", before=block)
    text = generate(graph).text
    assert "return x.chunk(2, dim=1)" in text
    assert graph.outputs == ("u.value", "u.gate")


def test_every_number_is_torchs() -> None:
    """Gradients that do not come are zeros; a list, a block that is copied, one part alone."""
    block = (
        "blocks:\n  unit:\n    - a, b = split(2)\n    - b -> conv(1, 8) -> conv(3, 8, p1)\n    - concat: [a, prev]\n"
    )
    graph = network(
        "conv(3, 16, p1)", "unit * 3", "unused, c = split(6, 10)", "c -> parts = split(5)", "add: [parts.*]",
        "split(2, index=1, axis=width)", before=block,
    )  # fmt: skip
    for batch in (1, 3):
        report = verify(graph, device="cpu", batch=batch, sizes=0)
        assert not [row for row in report.rows if row.agrees is False]


class Gated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.wide = nn.Linear(8, 24)
        self.narrow = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        value, gate, rest = self.wide(x).chunk(3, dim=-1)
        _, last = rest.split([3, 5], dim=-1)
        made: Tensor = self.narrow(value * torch.sigmoid(gate)) + last.sum(-1, keepdim=True)
        return made


def test_code_with_parts_comes_back_with_names_for_them() -> None:
    spec = from_torch(Gated(), torch.zeros(2, 5, 8)).spec
    assert "= split(3)" in spec
    assert "split([3, 5])" not in spec  # one part is read: a slice of it
    assert "slice" in spec or "channels" in spec


def test_parts_of_positions_come_back_too() -> None:
    source = generate(network("conv(1, 8)", "a, b = split(2, axis=height)", "add: [a -> relu, b]"))
    scope: dict[str, Any] = {"__name__": "generated"}
    exec(source.text, scope)
    spec = from_torch(scope[source.name](), torch.zeros(2, 16, 8, 8)).spec
    assert "= split(2, axis=height)" in spec
