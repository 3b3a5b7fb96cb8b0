"""Compares random einsum equations with torch: shapes, MACs, tensors saved for backward, and memory peaks."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import randn
from torch.utils.flop_counter import FlopCounterMode

from archcalc import layers  # noqa: F401  every file in it registers itself
from archcalc.codegen import generate
from archcalc.core.diagnostic import SpecError
from archcalc.core.kernel import Run
from archcalc.core.location import Source
from archcalc.core.volume import Volume, flat, grid, tokens
from archcalc.graph.builder import build
from archcalc.layer import LAYERS, Layer, Reference
from archcalc.memory.tape import saved
from archcalc.memory.taping import tape_of
from archcalc.spec.document import read_document
from tests.memory.footprints import differences
from tests.memory.test_kernel_peaks import between
from tests.memory.test_kernels import graph_of, packed
from tests.torch_oracle import applied, flops, output_of

Case = tuple[Layer, tuple[Volume, ...]]

LEFT, RIGHT = grid(4, 5, 6), grid(4, 7, 6)


def einsum(left: str, right: str, out: str) -> Any:
    return LAYERS["einsum"](left=left, right=right, out=out, other=Reference("other"))


def refusal(layer: Any, *xs: Volume) -> str:
    return next((message for holds, message in layer.requires(*xs) if not holds), "")


def of_sizes(letters: str, sizes: dict[str, int]) -> Volume:
    axes = [sizes[each] for each in letters[1:]]
    return flat(*axes, batch=sizes["b"]) if len(axes) == 1 else grid(*axes, batch=sizes["b"])


@st.composite
def equations(draw: Any, least: int = 1) -> Case:
    """The axes of each input, in any order; the output has all or some of the letters."""
    letters = draw(st.permutations("vwxyz"))[: draw(st.integers(1, 5))]
    sizes = {each: draw(st.integers(least, 4)) for each in ("b", *letters)}
    sides = [draw(st.lists(st.sampled_from(letters), min_size=1, max_size=4, unique=True)) for _ in range(2)]
    known = sorted(set(sides[0]) | set(sides[1]))
    out = draw(st.lists(st.sampled_from(known), min_size=1, unique=True))
    left, right, made = ("b" + "".join(each) for each in (*sides, out))
    return einsum(left, right, made), (of_sizes(left, sizes), of_sizes(right, sizes))


@settings(deadline=None)
@given(equations())
def test_every_equation_has_the_shape_of_torch(case: Case) -> None:
    layer, xs = case
    y = layer.shape(*xs)
    assert refusal(layer, *xs) == ""
    assert output_of(layer, xs) == (y.shape, y.dtype)


@settings(deadline=None)
@given(equations(least=2))
def test_every_equation_has_the_macs_of_torch(case: Case) -> None:
    layer, xs = case
    assert 2 * layer.ops(layer.shape(*xs), *xs).mac == flops(layer, xs)


def test_torch_multiplies_over_an_axis_of_length_1() -> None:
    """The count uses the same formula as for any length, so that a closed form holds for all."""
    layer, xs = einsum("bqc", "bkc", "bqk"), (tokens(3, 1), tokens(4, 1))
    assert layer.ops(layer.shape(*xs), *xs).mac == 12
    with FlopCounterMode(display=False) as counter:
        applied(layer, xs)(*(randn(x.shape, device="meta") for x in xs))
    assert counter.get_total_flops() == 0


@settings(deadline=None, max_examples=60)
@given(equations(), st.sampled_from(["float32", "bfloat16"]))
def test_every_equation_saves_the_bytes_that_autograd_saves(case: Case, dtype: str) -> None:
    layer, xs = case
    assume(not layer.unpredicted(Run(), *xs))
    xs = tuple(replace(x, dtype=dtype) for x in xs)
    tape = tape_of(graph_of(layer, xs, dtype), Run(dtype=dtype), inputs_learn=True)
    assert sum(nbytes for _, nbytes in saved(tape, {})) == packed(layer, xs, dtype)


@settings(deadline=None, max_examples=4)
@given(equations())
def test_every_equation_allocates_the_predicted_bytes(case: Case) -> None:
    layer, xs = case
    assume(not layer.unpredicted(Run(), *xs))
    assert set(differences(between(layer, xs)).values()) == {0}


@pytest.mark.parametrize(
    ("left", "right", "out", "message"),
    [
        ("bhq", "bhkd", "bhqk", "bhq names 3 axes including the batch; [4, 5, 6] has 4 with the batch"),
        ("bhqd", "bhqe", "bhqd", "q is 5 in bhqd and 7 in bhqe"),
        (
            "bhhd",
            "bhkd",
            "bk",
            "bhhd repeats a letter: diagonals are not supported, give each axis its own letter",
        ),
        ("bhqd", "ahkd", "bhqk", "the first letter is the batch and must be b, as in bhqd; got ahkd"),
        ("bhqd", "bhkd", "qhbk", "the first letter is the batch and must be b, as in bhqd; got qhbk"),
        ("bhqd", "bhkd", "bhqz", "bhqz has z, which neither bhqd nor bhkd has"),
        ("bhqd", "bhkd", "b", "b has only the batch: add at least one axis of the samples"),
    ],
)
def test_a_wrong_equation_is_refused_with_a_message(left: str, right: str, out: str, message: str) -> None:
    assert refusal(einsum(left, right, out), LEFT, RIGHT) == message


def test_matrices_that_do_not_fit_are_refused_with_a_message() -> None:
    matmul = LAYERS["matmul"]()
    message = "the last axis of the first must equal the second-to-last axis of the second"
    assert message in refusal(matmul, tokens(3, 4), tokens(5, 4))
    assert refusal(matmul, flat(3), tokens(3, 4)) == "matmul needs positions, and features last; got [3]"


@pytest.mark.parametrize(
    ("left", "right", "out", "message"),
    [
        ("bqc", "bkd", "bqk", "c is summed over one input only"),
        ("bij", "bk", "bjik", "axes of an element-wise product are reordered"),
        ("bqdh", "bkdh", "bhqk", "the matrices of the product are strided in memory"),
    ],
)
def test_what_is_not_predicted_says_why(left: str, right: str, out: str, message: str) -> None:
    sizes = {letter: i + 2 for i, letter in enumerate(sorted({*left, *right}))}
    xs = (of_sizes(letters, sizes) for letters in (left, right))
    assert einsum(left, right, out).unpredicted(Run(), *xs).startswith(message)


LUONG = """\
archcalc: 1
name: Luong
input: [8, 5]
layers:
  - tokens -> encoder = lstm(8)
  - keys = fc(8, bias=false)
  - encoder -> decoder = lstm(8)
  - scores = einsum(bqc, bkc, bqk, keys)
  - weights = softmax
  - context = einsum(bqk, bkc, bqc, encoder)
  - matmul: [weights, context]
"""


def test_a_spec_writes_the_letters_of_an_input_as_one_word() -> None:
    graph = build(read_document(Source("net.yaml", LUONG)))
    assert graph["scores"].output == tokens(5, 5)
    assert graph["context"].output == tokens(5, 8)
    source = generate(graph).text
    assert 'torch.einsum("bqc,bkc->bqk", x, keys)' in source
    assert "torch.matmul(weights, x)" in source
    assert set(differences(graph).values()) == {0}


@pytest.mark.parametrize("written", ["3", "b1", "[b, q]"])
def test_anything_but_a_word_of_letters_is_refused(written: str) -> None:
    text = LUONG.replace("bqc, bkc, bqk", f"{written}, bkc, bqk")
    with pytest.raises(SpecError):
        build(read_document(Source("net.yaml", text)))


FORKS = {
    "scores and values of one sequence": "- q = sigmoid\n  - einsum(bqc, bkc, bqk, k)\n  - einsum(bqk, bkc, bqc, k)",
    "weights of rows by the rows": "- w = fc(5)\n  - matmul: [w, k]",
    "one sequence by itself": "- einsum(bqc, bkc, bqk, k)",
    "element by element": "- gelu\n  - einsum(bqc, bqc, bqc, k)",
}


@pytest.mark.parametrize("name", FORKS)
def test_gradients_that_meet_are_added_as_torch_adds_them(name: str) -> None:
    """Gradients of products are views, which autograd does not add to in place; rows of a matrix are not copied."""
    before, after = (
        "archcalc: 1\nname: Fork\ninput: [8, 5]\nlayers:\n  - tokens -> fc(20)\n  - k = relu\n",
        "  - fc(3)\n",
    )
    text = f"{before}  {FORKS[name]}\n{after}"
    graph = build(read_document(Source("net.yaml", text)), batch=3)
    assert set(differences(graph).values()) == {0}
