"""Checkpointed blocks and accumulated gradients: predictions compared with autograd and the allocator."""

import re
from pathlib import Path

import pytest
import torch

from archcalc.codegen import generate
from archcalc.core.diagnostic import SpecError
from archcalc.core.kernel import Run
from archcalc.core.location import Source
from archcalc.graph.builder import build
from archcalc.graph.freeing import with_free
from archcalc.graph.graph import Graph
from archcalc.graph.loading import load_text
from archcalc.memory.checkpointing import checkpointed_blocks
from archcalc.memory.footprint import footprint_of
from archcalc.memory.recompute import stretches
from archcalc.memory.taping import tape_of
from archcalc.memory.training_setup import TrainingSetup
from archcalc.spec.declaration import Document
from archcalc.spec.document import read_document
from archcalc.verification.trace import Running
from tests.goldens import assert_golden
from tests.memory.footprints import differences, forms, numbers, predicted
from tests.memory.test_memory import SMALL
from tests.networks.zoo import document, references
from tests.shell import Shell

TOKENS = """
archcalc: 1
name: Tokens
input: [3, 16, 16]
blocks:
  block(heads=2):
    - add: [layernorm -> attention(heads) -> dropout(0.2), prev]
    - add: [layernorm -> fc(24) -> gelu -> fc(8), prev]
layers:
  - patches = conv(4, 8, s4) -> tokens -> class_token -> position_embedding
  - encoder = block * 3
  - layernorm -> select -> fc(5)
"""

FORKED = """
archcalc: 1
name: Forked
input: [4, 10, 10]
blocks:
  inner(c): conv(3, c, p1) -> relu
  outer(c):
    - concat:
        - inner(c)
        - maxpool(3, 1, p1) -> conv(1, 2)
        - prev
    - conv(1, c) -> batchnorm
  last: conv(3, 3) -> sigmoid
layers:
  - outer(4) -> relu
  - skip = outer(6)
  - inner(6)
  - mul: [prev, skip]
  - last -> fc(3)
"""

CROPPED = """
archcalc: 1
name: Cropped
input: [2, 20, 20]
blocks:
  up(skip):
    - u = conv(3, 16)
    - skip -> cut = crop(like=u)
    - concat: [cut, u]
    - conv(3, 16) -> relu -> conv(3, 16) -> relu
layers:
  - e = conv(3, 16, p1)
  - conv(1, 2) -> up(e)
  - fc(3)
"""

TEXTS = {"small": SMALL, "tokens": TOKENS, "forked": FORKED, "cropped": CROPPED}


def of(name: str) -> Document:
    return read_document(Source("net.yaml", TEXTS[name])) if name in TEXTS else document(name)


CASES = [
    ("small", ("unit",), 1),
    ("small", ("unit",), 3),
    ("tokens", ("block",), 1),
    ("tokens", ("block",), 4),
    ("forked", ("outer",), 2),
    ("forked", ("inner", "last"), 2),
    ("forked", ("last",), 1),
    ("cropped", ("up",), 2),
]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(("name", "kinds", "batch"), CASES)
def test_checkpointed_blocks_use_the_predicted_memory(
    name: str, kinds: tuple[str, ...], batch: int, dtype: str
) -> None:
    torch.manual_seed(0)
    graph = build(of(name), batch=batch, dtype=dtype)
    assert set(differences(graph, TrainingSetup(checkpointed=kinds)).values()) == {0}


@pytest.mark.parametrize("kinds", [(), ("unit",)])
def test_accumulated_gradients_use_the_predicted_memory(kinds: tuple[str, ...]) -> None:
    torch.manual_seed(0)
    graph = build(of("small"), batch=2)
    setup = TrainingSetup(accumulate=True, checkpointed=kinds)
    assert set(differences(graph, setup).values()) == {0}
    found, once = footprint_of(graph, setup), footprint_of(graph, TrainingSetup(checkpointed=kinds))
    assert once.training.live < found.training.live <= once.training.live + found.gradients
    assert found.left == once.left


def test_a_view_of_the_input_of_a_block_is_not_a_new_storage() -> None:
    """Found on the U-Net of 2015, whose peak is in the recomputation of the last block."""
    graph = build(of("cropped"))
    tape = tape_of(graph, Run())
    [stretch] = stretches(graph, tape, ("up",))
    assert [tape.names[storage] for storage in stretch.inputs] == ["conv1", "e"]


def test_checkpointing_does_not_change_values_and_gradients() -> None:
    """Including dropout, because the random number state is saved."""
    graph = build(of("tokens"), batch=2)
    plain, again = (Running(generate(graph, checkpointed=kinds), graph, "cpu") for kinds in ((), ("block",)))
    again.module.load_state_dict(plain.module.state_dict())
    inputs, found = plain.inputs(), []
    for running in (plain, again):
        torch.manual_seed(1)
        running.module.train()
        y = running.module(*inputs)
        y.sum().backward()
        found.append([y, *(p.grad for p in running.module.parameters())])
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b)


def outermost(graph: Graph) -> tuple[str, ...]:
    """The blocks of a network that are not inside another block."""
    scopes = [scope for scope in graph.scopes.values() if not scope.sequence]
    inner = {s.block for s in scopes if any(s.prefix.startswith(f"{o.prefix}.") for o in scopes)}
    return tuple(dict.fromkeys(scope.block for scope in scopes if scope.block not in inner))


@pytest.mark.fuzz
@pytest.mark.parametrize("accumulate", [False, True])
@pytest.mark.parametrize("name", list(references()))
def test_every_block_of_every_network(name: str, accumulate: bool) -> None:
    graph = build(of(name), batch=2)
    kinds = outermost(graph)
    if not kinds:
        pytest.skip("no blocks")
    setup = TrainingSetup(checkpointed=kinds, accumulate=accumulate)
    predicted(graph, setup)
    assert set(differences(graph, setup).values()) == {0}


def test_the_peak_of_a_checkpointed_vit() -> None:
    """ViT-B/16 with a batch of 1, every block: 348,137,672 bytes measured (torch 2.13.0 on the CPU)."""
    found = footprint_of(build(of("vit_b16")), TrainingSetup(checkpointed=("block",)))
    assert found.training.live == 348_137_672


@pytest.mark.parametrize("name", ["small", "tokens", "forked"])
def test_closed_forms_equal_the_numeric_results(name: str) -> None:
    setup = TrainingSetup(checkpointed=outermost(build(of(name))), accumulate=True)
    sizes = (1, 2, 5, 40)
    found = forms(with_free(of(name), ["N"]), setup, sizes)
    assert found == {batch: numbers(build(of(name), batch=batch), setup) for batch in sizes}


# --- text output -----------------------------------------------------------------------------------------------------


def test_the_generated_source_word_for_word(shell: Shell) -> None:
    assert_golden("generate_checkpoint.py.txt", generate(build(of("tokens")), checkpointed=("block",)).text)


def test_an_unknown_block_is_an_error(shell: Shell) -> None:
    output = shell("generate", "vit_b16", "--checkpoint", "blok")
    assert (output.code, "there is no block named 'blok'" in output.err, "did you mean 'block'" in output.err) == (
        1,
        True,
        True,
    )
    output = shell("report", "lenet5", "--checkpoint", "block")
    assert (output.code, "the spec has no blocks" in output.err) == (1, True)


def test_a_block_inside_another_is_refused() -> None:
    with pytest.raises(SpecError, match=r"'outer1\.inner1' is inside 'outer1', which is checkpointed as a whole"):
        checkpointed_blocks(build(of("forked")), ("outer", "inner"))


def test_flat_source_has_no_blocks_to_checkpoint(shell: Shell) -> None:
    output = shell("generate", "resnet18", "--flat", "--checkpoint", "basic")
    assert (output.code, "--flat calls no blocks" in output.err) == (2, True)
    with pytest.raises(ValueError, match="flat source calls no blocks"):
        generate(build(of("tokens")), flat=True, checkpointed=("block",))


def test_a_layer_with_the_name_of_the_generated_method() -> None:
    text = "archcalc: 1\ninput: [4]\nblocks:\n  b:\n    - run = fc(3)\nlayers: [b, fc(2)]\n"
    graph = build(read_document(Source("net.yaml", text)))
    running = Running(generate(graph, checkpointed=("b",)), graph, "cpu")
    running.module.train()
    running.module(*running.inputs()).sum().backward()
    assert all(p.grad is not None for p in running.module.parameters())


def test_reports_show_the_training_setup(shell: Shell) -> None:
    output = shell("report", "vit_b16", "--checkpoint", "block", "--accumulate", "--depth", "1")
    assert "block: checkpointed, saves only inputs and runs again in backward" in output.out
    assert "gradients are added to those of earlier batches" in output.out


def test_verify_uses_the_given_training_setup(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "tokens.yaml"
    file.write_text(TOKENS)
    setup = ("--checkpoint", "block", "--accumulate", "--optimizer", "adamw")
    output = shell("-q", "verify", str(file), "--sizes", "0", "--device", "cpu", *setup)
    assert "[3, 16, 16], block checkpointed, gradients accumulated" in output.out
    assert re.search(r"iteration peak with adamw, bytes +([\d,]+) +\1  agree", output.out)
    assert output.code == 0


def test_how_many_more_samples_fit(shell: Shell) -> None:
    budget = ("solve", "vit_b16", "--for", "N", "--where", "training_peak <= 24GiB")
    output = [shell(*budget, *more).out.split("\n")[1] for more in ((), ("--checkpoint", "block"))]
    assert [each.split(":")[0] for each in output] == ["N = 214", "N = 1,288"]


UNREAD = {
    "twice with the same weights": "- x -> y = learned([2, 4, 6], op=mul)\n    - x -> z = y()",
    "before one that is read": "- x -> y = sigmoid\n    - x -> z = learned([2, 4, 6], op=mul)",
    "after one that is read": "- x -> z = learned([2, 4, 6], op=mul)\n    - x -> y = sigmoid\n    - x -> w = tanh",
}


@pytest.mark.parametrize("case", UNREAD)
def test_what_nothing_reads_in_a_checkpointed_block(case: str) -> None:
    """It is packed for backward, and counts when the block runs again, but no gradient comes back to it."""
    text = f"archcalc: 1\ninput: [2, 4, 6]\nblocks:\n  some(x):\n    {UNREAD[case]}\nlayers:\n"
    graph = load_text(f"{text}  - conv(1, 2) -> x = relu\n  - it = some(x)\noutputs: [it.z]\n")
    found = differences(graph, TrainingSetup(checkpointed=("some",)))
    assert {figure: nbytes for figure, nbytes in found.items() if nbytes} == {}
