"""Generated source: formatted, linted, named as in the spec, and safe whatever a spec says."""

import ast
import json
import keyword
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from archcalc.codegen import generate
from archcalc.codegen.names import TAKEN, all_unlike, attribute, class_name, variable
from archcalc.core.diagnostic import SpecError
from archcalc.core.location import Source as Text
from archcalc.graph.graph import Graph
from archcalc.graph.loading import gc_paused, load_text
from archcalc.spec.document import read_document
from archcalc.verification import verify
from archcalc.verification.trace import Running
from tests.goldens import assert_golden
from tests.networks.zoo import network, references

STRICT = ["--isolated", "--line-length", "120"]
EVERYTHING = ["--select", "ALL", "--ignore", "D,ANN,S,T20,INP,COM,N,PLR,EM,TRY,FBT,ERA,CPY"]
"""All of ruff's rules but those of docstrings, naming, size and prints, which are a matter of taste."""


def verified(text: str, device: str = "cpu") -> None:
    """The network of a spec's text is built, run, and agrees."""
    certificate = verify(read_document(Text("<test>", text)), device=device, sizes=0)
    assert [row for row in certificate.rows if row.agrees is False] == []


def source_of(text: str) -> str:
    return generate(load_text(text)).text


def ruff(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "ruff", *arguments], capture_output=True, text=True, check=False)


def clean(folder: Path) -> None:
    assert ruff("check", *STRICT, *EVERYTHING, str(folder)).stdout.strip() == "All checks passed!"
    formatted = ruff("format", "--check", "--diff", *STRICT, str(folder))
    assert formatted.returncode == 0, formatted.stdout


# --- what it looks like --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variants", [False, pytest.param(True, marks=pytest.mark.zoo)])
def test_the_source_of_every_network_is_formatted_and_passes_ruff(tmp_path: Path, variants: bool) -> None:
    for reference in references():
        if ("@" in reference) == variants:
            (tmp_path / f"{reference.replace('@', '_')}.py").write_text(generate(network(reference)).text)
    clean(tmp_path)


def test_the_source_runs_alone(tmp_path: Path) -> None:
    file = tmp_path / "lenet.py"
    file.write_text(generate(network("lenet5_1998")).text)
    run = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, check=True)
    assert run.stdout == "(1, 10)\n"


def test_a_small_network_word_for_word() -> None:
    assert_golden("small_network.py.txt", source_of(SMALL))


SMALL = """
archcalc: 1
name: Small
about: Two residual blocks.
source: "nobody, 2026"
input: [3, 32, 32]
blocks:
  residual(width, stride=1):
    - add:
        - conv(3, width, stride=stride, padding=1, norm=batchnorm, act=relu) -> conv(3, width, p1)
        - conv(1, width, stride=stride)
layers:
  - stem = conv(3, 16, p1)
  - body = residual(16) -> residual(32, stride=2)
  - gap -> fc(10)
"""


# --- blocks become classes -------------------------------------------------------------------------------------------

RESIDUAL = "blocks:\n  residual(width):\n    - add:\n        - conv(3, width, p1) -> relu\n        - conv(1, width)\n"


def classes(text: str) -> list[str]:
    """Every class of the source, by name."""
    return [node.name for node in ast.parse(source_of(text)).body if isinstance(node, ast.ClassDef)]


def spec(layers: str, blocks: str = "", input: str = "[3, 16, 16]") -> str:
    return f"archcalc: 1\nname: It\n{blocks}input: {input}\nlayers:\n{layers}"


def test_expansions_of_one_structure_share_a_class() -> None:
    assert classes(spec("  - residual(8) -> residual(16)", RESIDUAL)) == ["Residual", "It"]


def test_another_structure_is_another_class() -> None:
    blocks = "blocks:\n  block(deep):\n    - conv(3, 8, p1)\n    - conv(3, 8, p1) if deep else relu\n"
    assert classes(spec("  - block(true) -> block(false)", blocks)) == ["Block", "Block2", "It"]


def test_what_differs_is_a_parameter_by_the_name_it_has_in_the_spec() -> None:
    text = source_of(spec("  - residual(8) -> residual(16)", RESIDUAL))
    assert "def __init__(self, in_channels: int, width: int) -> None:" in text
    assert "nn.Conv2d(in_channels=in_channels, out_channels=width, kernel_size=3, padding=1)" in text
    assert "Residual(in_channels=8, width=16)" in text


def test_multiples_and_items_of_a_parameter_are_written_as_such() -> None:
    blocks = "blocks:\n  block(w, n):\n    - conv(1, n[0]) -> conv(1, n[1]) -> conv(1, 4*w)\n"
    text = source_of(spec("  - block(2, [5, 6]) -> block(3, [7, 9])", blocks))
    assert "def __init__(self, in_channels: int, n: tuple[int, ...], w: int) -> None:" in text
    assert "nn.Conv2d(in_channels=n[1], out_channels=4 * w, kernel_size=1)" in text


def test_many_equal_blocks_are_one_line() -> None:
    text = source_of(spec("  - enc = residual(3) * 12", RESIDUAL))
    assert "self.enc = nn.Sequential(*(Residual() for _ in range(12)))" in text


# --- every construct of the language, verified ------------------------------------------------------------------------

BLOCKS = """blocks:
  up(skip, c):
    - u = upconv(2, c, s2)
    - concat: [u, skip]
    - conv(3, c, p1, act=relu)
  halve(c):
    - conv(3, c, s2, padding=same_upper)
    - relu
  pair(c):
    - halve(c) -> halve(c)
  shared(c):
    - a = conv(1, c)
    - b = conv(1, c, freeze=true)
    - add: [a, b]
  tied(n):
    - f = fc(n)
    - fc(n, tie=f)
"""

CONSTRUCTS = {
    "values passed into a block": "  - e = conv(3, 8, s2, p1)\n  - conv(3, 16, s2, p1) -> up(e, 4)",
    "a value within a block used outside": "  - e = conv(3, 8)\n  - p = shared(4)\n  - add: [p.a, prev]",
    "a chain of blocks": "  - q = pair(8)",
    "a block run again": "  - s = shared(3)\n  - s() -> s()",
    "a chain of blocks run again": "  - q = pair(3) -> upsample(4) -> q()",
    "a layer run again": "  - c = conv(3, 3, p1)\n  - c() -> relu -> c()",
    "a layer run again at another size": "  - c = conv(3, 3, padding=same_upper, stride=2)\n  - c() -> c()",
    "a pool run again at another size": "  - p = maxpool(3, 2, padding=same_upper) -> conv(2, 3) -> p()",
    "a block run again at another size": "  - h = halve(3)\n  - maxpool(2, 1) -> h()",
    "repeated blocks by name": "  - enc = shared(3) * 5",
    "repeated layers by name": "  - enc = conv(3, 3, p1) * 4",
    "repeated layers without modules": "  - enc = gap(keepdim=true) * 2 -> upsample(2)",
    "tied weights": "  - f = fc(8) -> g = fc(8) -> fc(8, tie=g)",
    "tied weights in a block": "  - gap -> fc(8) -> tied(8)",
    "a frozen layer": "  - conv(3, 4, freeze=true) -> conv(3, 4)",
    "a frozen block": "  - s = shared(4, freeze=true) -> shared(4)",
    "a layer that nobody reads": "  - a = conv(3, 4)\n  - b = a -> conv(3, 5)\n  - a -> relu",
    "a network that does nothing to its input": "  - identity",
    "a product with a gate": "  - mul: [prev, [gap, fc(3), sigmoid]]",
    "a merge of many": "  - concat: " + "".join(f"\n      - conv(1, {n})" for n in range(2, 30)),
    "names that are taken": "  - train = conv(3, 4) -> lambda = relu -> forward = tanh -> F = conv(1, 2)",
}


@pytest.mark.parametrize("layers", CONSTRUCTS.values(), ids=CONSTRUCTS.keys())
def test_every_construct_runs_as_predicted(layers: str, tmp_path: Path) -> None:
    text = spec(layers, BLOCKS)
    verified(text)
    (tmp_path / "it.py").write_text(source_of(text))
    clean(tmp_path)


def test_several_inputs_and_outputs_run_as_predicted() -> None:
    inputs = "{image: [3, 9, 9], extra: [4]}"
    text = spec("  - a = conv(3, 4) -> b = gap\n  - mul: [b, extra]", input=inputs)
    verified(f"{text}\noutputs: [b, mul1, a]\n")


def test_a_block_run_again_is_called_again() -> None:
    text = source_of(spec("  - s = shared(3)\n  - s() -> s()", BLOCKS))
    assert text.count("self.s(x)") == 3


def test_what_cannot_run_again_is_said() -> None:
    with pytest.raises(SpecError, match="n cannot run again on"):
        source_of(spec("  - n = batchnorm\n  - gap -> n()"))


def test_dtype_and_batch_are_those_asked_for() -> None:
    document = read_document(Text("<test>", spec("  - conv(3, 4) -> batchnorm -> fc(2)")))
    certificate = verify(document, batch=3, dtype="float64", device="cpu", sizes=0, memory=False)
    assert certificate.agrees
    assert certificate.rows[0].at == "3 x [3, 16, 16]"


# --- what comes in, and what is passed ---------------------------------------------------------------------------


def signatures(text: str) -> list[str]:
    """What every `forward` of a source takes, without types."""
    found = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef) and node.name == "forward")
    return [", ".join(each.arg for each in function.args.args[1:]) for function in found]


INPUTS = {
    "{image: [3, 9, 9], mask: [3, 9, 9]}": "image, mask",
    "{latent: [3, 9, 9], y: [3, 9, 9], x: [3, 9, 9]}": "latent, y, x",
    "{y: [3, 9, 9]}": "y",
    "[3, 9, 9]": "x",
    "{input: [3, 9, 9], x: [3, 9, 9]}": "input_, x",
}


@pytest.mark.parametrize(("inputs", "named"), INPUTS.items(), ids=INPUTS.values())
def test_inputs_have_the_names_that_the_spec_gives_them(inputs: str, named: str) -> None:
    names = [name for name in named.split(", ") if inputs.startswith("{")]
    joined = f"  - add: [{', '.join(names).replace('input_', 'input')}]\n" if len(names) > 1 else ""
    text = spec(
        f"{joined}  - conv(3, 4, p1) -> y1 = relu\n  - add: [y1, conv: {{kernel_size: 1, out_channels: 4}}]",
        input=inputs,
    )
    assert signatures(source_of(text)) == [named]
    verified(text)


def test_an_input_that_is_given_by_its_name_is_that_input() -> None:
    text = spec("  - concat: [latent, y, x]\n  - fc(5)", input="{latent: [2], y: [3], x: [4]}")
    made = generate(load_text(text))
    names: dict[str, Any] = {}
    exec(compile(made.text, "<generated>", "exec"), names)
    network = names[made.name]().eval()
    latent, y, x = torch.randn(1, 2), torch.randn(1, 3), torch.randn(1, 4)
    assert torch.equal(network(latent, y, x), network(x=x, y=y, latent=latent))


def test_what_comes_into_a_block_is_x_and_arguments_have_their_names_in_the_spec() -> None:
    blocks = "blocks:\n  join(skip, other):\n    - concat: [skip, other, prev]\n    - relu\n"
    text = spec("  - a = conv(1, 4)\n  - b = conv(1, 5)\n  - tanh\n  - join(a, b)", blocks)
    assert signatures(source_of(text)) == ["x, skip, other", "x"]
    assert "return self.join1(x, a, b)" in source_of(text)
    verified(text)


def test_a_layer_by_the_name_of_what_is_passed_on_keeps_it() -> None:
    text = spec("  - y = conv(1, 3)\n  - relu -> tanh\n  - add: [y, prev, input]")
    assert "        y = self.y(x)" in source_of(text)
    assert "return y + y2 + x" in source_of(text)
    verified(text)


def test_an_argument_by_the_name_of_a_function_that_is_called_does_not_hide_it() -> None:
    blocks = "blocks:\n  b(checkpoint):\n    - add: [conv: {kernel_size: 1, out_channels: 3}, checkpoint]\n"
    text = spec("  - a = relu\n  - tanh -> b(a) -> relu", blocks)
    assert "return checkpoint(self.run, x, checkpoint_," in generate(load_text(text), checkpointed=["b"]).text


def test_a_shape_beside_a_line_is_that_of_all_who_run_it_or_is_not_there() -> None:
    """`once` runs at one size, `twice` at two sizes by two expansions, `again` by running one of them again."""
    acts = {"once": "relu", "twice": "tanh", "again": "sigmoid"}
    blocks = "blocks:\n" + "".join(f"  {name}:\n    - conv(3, 3) -> {act}\n" for name, act in acts.items())
    source = source_of(spec("  - once -> twice -> twice\n  - a = again\n  - a()", blocks))
    of = {name: source.split(f"class {name}(")[1].split("class ")[0] for name in ("Once", "Twice", "Again", "It")}
    assert "# [3, 14, 14]" in of["Once"]
    assert "#" not in of["Twice"]
    assert "#" not in of["Again"]
    assert "# [3, 6, 6]" in of["It"]


# --- time ------------------------------------------------------------------------------------------------------------


def deep(repeats: int) -> Graph:
    """A network of 32 layers for each repeat: chains, values that are kept, blocks of one class, blocks run again."""
    blocks = "blocks:\n  b(w):\n    - fc(w) -> relu\n"
    kept = "".join(f"  - a{i} = fc({i % 50 + 8})\n  - relu\n  - concat: [prev, a{i}]\n" for i in range(2 * repeats))
    again = "  - d = b(8)\n" + "  - d()\n" * (4 * repeats)
    return load_text(spec(f"{kept}  - b(4) * {4 * repeats}\n  - c = b(8) * {4 * repeats}\n{again}", blocks, "[8]"))


def test_the_time_of_a_source_grows_as_its_network_does() -> None:
    """At most 12 times the time for 10 times the layers, the best of some tries each: a search in a list takes 100."""
    few, many = deep(107), deep(1_067)
    assert len(few.nodes) >= 3_200
    assert len(many.nodes) >= 32_000
    with gc_paused():
        short = min(seconds(few) for _ in range(4))
        assert any(seconds(many) <= 12 * short for _ in range(4))


def seconds(graph: Graph) -> float:
    """The CPU time that the source of a network takes."""
    fresh = replace(graph)
    before = time.process_time()
    generate(fresh)
    return time.process_time() - before


# --- names -----------------------------------------------------------------------------------------------------------


NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)


def test_every_name_of_a_module_is_taken() -> None:
    """torch.nn.Module refuses submodules by the names of its own attributes."""
    missing = {name for name in dir(nn.Module()) if attribute(name) == name}
    assert missing == set()


@settings(derandomize=True, deadline=None)
@given(st.lists(NAMES | st.sampled_from(sorted(TAKEN)), unique=True))
def test_names_stay_different_and_can_be_used(names: Sequence[str]) -> None:
    found = [attribute(name) for name in names]
    assert len(set(found)) == len(names)
    for name in found:
        assert name.isidentifier()
        assert not keyword.iskeyword(name)
        assert not hasattr(nn.Module(), name)


@settings(derandomize=True, deadline=None)
@given(st.text(max_size=20))
def test_a_class_name_is_an_identifier_whatever_the_title(title: str) -> None:
    name = class_name(title)
    assert name.isidentifier()
    assert name.isascii()
    assert not keyword.iskeyword(name)
    assert variable(name).isidentifier()


@given(st.lists(st.sampled_from(["x", "x2", "x22", "y"])))
@settings(derandomize=True, deadline=None)
def test_numbers_make_names_unlike(names: Sequence[str]) -> None:
    assert len(set(all_unlike(names))) == len(names)


HOSTILE = ['"""; import os', "\\", 'x"', "'''", "\\N{BULLET}", "a\nb", "\x07", "{x}", "%s", "é" * 200, "", "class"]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_nothing_that_a_spec_says_of_itself_gets_out_of_its_docstring(text: str) -> None:
    graph = replace(network("two_layer"), name=text, about=text, source=text)
    made = generate(graph)
    tree = ast.parse(made.text)
    kinds = [type(node) for node in tree.body]
    plain = [type(node) for node in ast.parse(generate(network("two_layer")).text).body]
    assert kinds == plain
    Running(made, graph, "meta")


# --- nothing of a spec reaches Python but as a name or a literal -----------------------------------------------------

CODE = "__import__('os').system('touch reached')"
TEXTS = [
    CODE,
    f'"""\n{CODE}\n"""',
    f'\\"\\"\\"\n{CODE}',
    f"'''\n{CODE}\n'''",
    f'""""{CODE}',
    f'x\\\n"""\n{CODE}',
    '"' * 7,
    "\\",
    "\\\\\\",
    "a\x00b",
    f"a\r{CODE}",
    f"a\u2028{CODE}",
    f"a\x0c{CODE}\x85{CODE}",
    "\\N{LATIN SMALL LETTER A}\\x00\\u0000\\",
    "\u2102\U0001d425\U0001d41a\U0001d42c\U0001d42c \u202eenil a\u202c __\U0001d4be" + "mport__",
    f"{{{CODE}}} %(x)s {{0.__class__}}",
    f"# type: ignore\n{CODE}",
    " \t\n",
]  # fmt: skip
"""What somebody might call a network to get out of its docstring."""

BEFORE = "archcalc: 1\ninput: [3, 8, 8]\n"


def calls(text: str) -> set[str]:
    """Every function that a source calls, and every name that it uses."""
    tree = ast.parse(text)
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return names | {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}


def statements(text: str) -> list[str]:
    """The kinds of all statements and expressions in order, docstrings' words left out."""
    return [type(node).__name__ for node in ast.walk(ast.parse(text))]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
@pytest.mark.parametrize("where", ["name", "about", "source"])
def test_texts_stay_in_docstrings(where: str, text: str) -> None:
    plain = generate(load_text(f"{BEFORE}layers: [relu, fc: 2]\n"))
    graph = load_text(f"{BEFORE}layers: [relu, fc: 2]\n")
    object.__setattr__(graph, where, text)
    made = generate(graph)
    compile(made.text, "<generated>", "exec")
    assert statements(made.text) == statements(plain.text)
    assert calls(made.text.replace(made.name, "Net")) == calls(plain.text.replace(plain.name, "Net"))
    assert made.name.isascii()
    assert made.name.isidentifier()


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
@pytest.mark.parametrize(
    "spec",
    [
        "layers: [relu]\nname: {}\nabout: {}\nsource: {}\n",
        "layers:\n  - conv: {{kernel_size: 3, out_channels: 2}}\n    name: {}\n",
        "layers:\n  - {}: {{kernel_size: 3}}\n",
        "layers: [upsample: {{scale_factor: 2, mode: {}}}]\n",
        "layers: [conv: {{kernel_size: 3, out_channels: 2, padding: {}}}]\n",
        "layers: [conv: {{kernel_size: 3, out_channels: 2, act: {}}}]\n",
        "params: {{{}: 2}}\nlayers: [relu]\n",
        "params: {{w: {}}}\nlayers: [fc: w]\n",
        "blocks: {{{}: [relu]}}\nlayers: [relu]\n",
        "blocks:\n  block(w):\n    - fc: w\nlayers:\n  - block: {}\n",
        "layers:\n  - {}\n",
    ],
)
def test_what_a_spec_says_is_refused_or_stays_a_text(spec: str, text: str) -> None:
    try:
        made = generate(load_text(f"{BEFORE}{spec.format(*[json.dumps(text)] * 3)}"))
    except SpecError:
        return
    assert {"__import__", "os", "system", "exec", "eval"} & calls(made.text) == set()
    assert statements(made.text) == statements(generate(load_text(f"{BEFORE}layers: [relu]\n")).text)


def test_names_of_layers_are_identifiers_whatever_they_are() -> None:
    names = [
        "class",
        "__init__",
        "__class__",
        "self",
        "torch",
        "nn",
        "forward",
        "lambda",
        "print",
        "_",
        "exec",
        "super",
    ]
    layers = "".join(f"  - {name} = fc(3)\n" for name in names)
    made = generate(load_text(f"{BEFORE}layers:\n{layers}"))
    compile(made.text, "<generated>", "exec")
    assert calls(made.text) <= {
        "Tensor", "torch", "nn", "x", "y", "self", "super", "super()", "network", "print", "tuple", "int", "None",
        "super().__init__", "nn.Linear", "torch.flatten", "torch.no_grad", "torch.randn", "__name__", made.name,
        f"{made.name}().eval", "y.shape", *(f"self.{attribute(name)}" for name in names), *map(attribute, names),
    } | {name for name in calls(made.text) if name.startswith(("x.", "y."))}  # fmt: skip


def test_nothing_is_deleted_after_the_last_step() -> None:
    """All variables end there. Before it, a `del` frees memory for what follows."""
    layers = "  - a = fc(8)\n  - b = relu\n  - c = fc(4)\n  - b -> d = fc(3)\n"
    text = generate(load_text(f"archcalc: 1\nname: Two\ninput: [8]\nlayers:\n{layers}outputs: [c, d]\n")).text
    assert "x = self.d(b)  # [3]\n        return c, x\n" in text
    assert text.count("del ") == 1
