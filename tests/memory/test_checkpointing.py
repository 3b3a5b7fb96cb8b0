"""Checkpointed blocks and accumulated gradients: what is predicted against what autograd keeps and allocators do."""

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
from archcalc.memory.checkpointing import checkpointed_blocks
from archcalc.memory.footprint import footprint_of
from archcalc.memory.recompute import stretches
from archcalc.memory.tape import tape_of
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
def test_blocks_that_run_again_take_what_is_said(name: str, kinds: tuple[str, ...], batch: int, dtype: str) -> None:
    torch.manual_seed(0)
    graph = build(of(name), batch=batch, dtype=dtype)
    assert set(differences(graph, TrainingSetup(checkpointed=kinds)).values()) == {0}


@pytest.mark.parametrize("kinds", [(), ("unit",)])
def test_gradients_that_are_added_to_take_what_is_said(kinds: tuple[str, ...]) -> None:
    torch.manual_seed(0)
    graph = build(of("small"), batch=2)
    setup = TrainingSetup(accumulate=True, checkpointed=kinds)
    assert set(differences(graph, setup).values()) == {0}
    found, once = footprint_of(graph, setup), footprint_of(graph, TrainingSetup(checkpointed=kinds))
    assert once.training.live < found.training.live <= once.training.live + found.gradients
    assert found.left == once.left


def test_a_view_of_what_goes_into_a_block_is_no_new_storage() -> None:
    """Found on the U-Net of 2015, whose peak is where the last block runs again."""
    graph = build(of("cropped"))
    tape = tape_of(graph, Run())
    [stretch] = stretches(graph, tape, ("up",))
    assert [tape.names[storage] for storage in stretch.inputs] == ["conv1", "e"]


def test_the_same_values_and_gradients_come_out() -> None:
    """Dropout included: the state of the random numbers is kept."""
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
    """The blocks that are in no other of a network."""
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
        pytest.skip("it has no blocks")
    setup = TrainingSetup(checkpointed=kinds, accumulate=accumulate)
    predicted(graph, setup)
    assert set(differences(graph, setup).values()) == {0}


def test_the_peak_of_a_checkpointed_vit() -> None:
    """ViT-B/16 with a batch of 1, every block: 348,137,672 bytes measured (torch 2.13.0 on the CPU)."""
    found = footprint_of(build(of("vit_b16")), TrainingSetup(checkpointed=("block",)))
    assert found.training.live == 348_137_672


@pytest.mark.parametrize("name", ["small", "tokens", "forked"])
def test_closed_forms_have_the_values_that_numbers_give(name: str) -> None:
    setup = TrainingSetup(checkpointed=outermost(build(of(name))), accumulate=True)
    sizes = (1, 2, 5, 40)
    found = forms(with_free(of(name), ["N"]), setup, sizes)
    assert found == {batch: numbers(build(of(name), batch=batch), setup) for batch in sizes}


# --- as people see it ------------------------------------------------------------------------------------------------


def test_the_generated_source_word_for_word(shell: Shell) -> None:
    assert_golden("generate_checkpoint.py.txt", generate(build(of("tokens")), checkpointed=("block",)).text)


def test_a_block_that_is_not_there_is_told(shell: Shell) -> None:
    told = shell("generate", "vit_b16", "--checkpoint", "blok")
    assert (told.code, "no block is called 'blok'" in told.err, "did you mean 'block'" in told.err) == (1, True, True)
    told = shell("report", "lenet5", "--checkpoint", "block")
    assert (told.code, "it has no blocks" in told.err) == (1, True)


def test_a_block_within_another_is_refused() -> None:
    with pytest.raises(SpecError, match=r"'outer1\.inner1' is within 'outer1', which runs again as a whole"):
        checkpointed_blocks(build(of("forked")), ("outer", "inner"))


def test_flat_source_has_no_blocks_to_checkpoint(shell: Shell) -> None:
    told = shell("generate", "resnet18", "--flat", "--checkpoint", "basic")
    assert (told.code, "--flat calls no blocks" in told.err) == (2, True)
    with pytest.raises(ValueError, match="flat source calls no blocks"):
        generate(build(of("tokens")), flat=True, checkpointed=("block",))


def test_a_layer_of_the_name_that_the_method_would_have() -> None:
    text = "archcalc: 1\ninput: [4]\nblocks:\n  b:\n    - run = fc(3)\nlayers: [b, fc(2)]\n"
    graph = build(read_document(Source("net.yaml", text)))
    running = Running(generate(graph, checkpointed=("b",)), graph, "cpu")
    running.module.train()
    running.module(*running.inputs()).sum().backward()
    assert all(p.grad is not None for p in running.module.parameters())


def test_reports_say_what_they_hold_for(shell: Shell) -> None:
    told = shell("report", "vit_b16", "--checkpoint", "block", "--accumulate", "--depth", "1")
    assert "block: only inputs are kept, and backward runs it again" in told.out
    assert "gradients are added to those of earlier batches" in told.out


def test_verify_runs_the_practice_that_it_is_told(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "tokens.yaml"
    file.write_text(TOKENS)
    setup = ("--checkpoint", "block", "--accumulate", "--optimizer", "adamw")
    told = shell("-q", "verify", str(file), "--sizes", "0", "--device", "cpu", *setup)
    assert "[3, 16, 16], block checkpointed, gradients added up" in told.out
    assert re.search(r"peak of an iteration with adamw, bytes +([\d,]+) +\1  agree", told.out)
    assert told.code == 0


def test_how_many_more_items_fit(shell: Shell) -> None:
    budget = ("solve", "vit_b16", "--for", "N", "--where", "training_peak <= 24GiB")
    told = [shell(*budget, *more).out.split("\n")[1] for more in ((), ("--checkpoint", "block"))]
    assert [each.split(":")[0] for each in told] == ["N = 214", "N = 1,288"]
