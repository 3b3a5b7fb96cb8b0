"""What nodes record on a tape, placed, is what they would record themselves."""

import pytest

from archcalc.core.kernel import Run
from archcalc.graph.given import loaded_in_numbers
from archcalc.graph.graph import Graph, Node
from archcalc.graph.loading import load, load_text
from archcalc.memory import taping
from archcalc.memory.tape import Opaque, Tape
from archcalc.memory.taping import tape_of

NETWORKS = ("resnet50", "densenet121", "bert", "llava", "capsnet", "unet", "word_lstm", "albert", "mixtral")
RUNS = (Run(), Run(training=False), Run(device="cuda"), Run(autocast="bfloat16"))

SHARED = """
archcalc: 1
input: {a: [8, 6, 6], b: [8, 6, 6]}
blocks:
  own(c):
    - conv(3, c, p1) -> relu -> conv(1, c, bias=false)
layers:
  - both = add: [a, b]
  - left = own(8)
  - mul: [left, left]
  - flat = rearrange("b c h w -> b c (h w)", first)
  - mul: [flat, flat]
  - rearrange("b c (h w) -> b c h w", first, h=6) -> shaped = relu
  - turned = rearrange("b c h w -> b c w h", first)
  - add: [turned, shaped, turned]
  - left()
  - conv(1, 8, freeze=true) -> conv(1, 8, freeze=true) -> flatten -> fc(10)
"""


def recorded(graph: Graph, run: Run, learn: bool) -> tuple[object, ...] | str:
    try:
        tape: Tape = tape_of(graph, run, inputs_learn=learn)
    except Opaque as error:
        return str(error)
    return (
        tape.tensors, tape.bytes_of, tape.names, tape.ops, tape.given, tape.outputs, tape.ends, tape.values, tape.casts,
    )  # fmt: skip


@pytest.mark.parametrize("run", RUNS, ids=("training", "inference", "gpu", "autocast"))
@pytest.mark.parametrize("name", NETWORKS)
def test_a_part_that_is_placed_is_what_the_node_records(name: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    are_recorded_as_they_are_placed(loaded_in_numbers(load(name)), run, monkeypatch)


def are_recorded_as_they_are_placed(graph: Graph, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    placed = [recorded(graph, run, learn) for learn in (False, True)]
    with monkeypatch.context() as patched:
        patched.setattr(taping, "part_of", lambda *_: None)
        assert placed == [recorded(graph, run, learn) for learn in (False, True)]


@pytest.mark.parametrize("run", RUNS, ids=("training", "inference", "gpu", "autocast"))
def test_parts_know_which_values_are_read_twice_shared_or_frozen(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    are_recorded_as_they_are_placed(load_text(SHARED), run, monkeypatch)


def test_what_is_not_predicted_is_said_of_the_node(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(tape: Tape, node: Node, *_: object) -> int:
        raise Opaque(f"{node.name}: not modelled")

    monkeypatch.setattr(taping, "PARTS", {})
    monkeypatch.setattr(taping, "record_node", refused)
    for _ in range(2):  # the second time it is known
        with pytest.raises(Opaque, match=r"^both: not modelled"):
            tape_of(load_text(SHARED), Run())
