"""Random patterns of axes against values that are moved one by one, and against torch in everything else."""

import re
from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from archcalc import load_text, report_of
from archcalc.core.diagnostic import SpecError
from archcalc.core.volume import Volume
from archcalc.layer import LAYERS, AxisSizes, Example, PatternOfAxes
from tests.layers import test_layers as generic
from tests.layers.test_layers import Case
from tests.memory.footprints import peaks
from tests.memory.test_kernel_peaks import between
from tests.torch_oracle import applied

Groups = list[list[str]]


def written(groups: Groups) -> str:
    return " ".join(each[0] if len(each) == 1 else f"({' '.join(each)})" for each in groups)


def cut(draw: Any, words: Sequence[str]) -> Groups:
    """Words in groups, in order; at most four."""
    found: Groups = [[words[0]]]
    for word in words[1:]:
        if draw(st.booleans()) and len(found) < 4:
            found.append([word])
        else:
            found[-1].append(word)
    return found


@st.composite
def patterns(draw: Any) -> tuple[Case, dict[str, int], Groups, Groups]:
    words = list("hwpqc")[: draw(st.integers(1, 5))]
    sizes = {word: draw(st.integers(1, 3)) for word in words}
    left = [["b"], *cut(draw, draw(st.permutations(words)))]
    right = [["b"], *cut(draw, draw(st.permutations(words)))]
    named = AxisSizes((word, sizes[word]) for group in left for word in group[1:])
    axes = [prod(sizes[word] for word in group) for group in left[1:]]
    last = len(axes) > 1 and draw(st.booleans())
    features, spatial = (axes[-1], axes[:-1]) if last else (axes[0], axes[1:])
    x = Volume(features, tuple(spatial), 2, channels_last=last)
    pattern = PatternOfAxes(f"{written(left)} -> {written(right)}")
    side = draw(st.sampled_from([None, "first", "last"]))
    options = {"pattern": pattern, "sizes": named, "features": side}
    y = LAYERS["rearrange"](**options).shape(x)
    return Case("rearrange", Example(given=options, x=x, y=y)), sizes | {"b": 2}, left, right


def moved(x: torch.Tensor, left: Groups, right: Groups, sizes: dict[str, int]) -> torch.Tensor:
    """Each value carried from its place on the left to its place on the right."""
    y = torch.empty([prod(sizes[word] for word in group) for group in right])
    words = list(sizes)
    for values in product(*(range(sizes[word]) for word in words)):
        at = dict(zip(words, values, strict=True))
        y[place(right, at, sizes)] = x[place(left, at, sizes)]
    return y


def place(groups: Groups, at: dict[str, int], sizes: dict[str, int]) -> tuple[int, ...]:
    found = []
    for group in groups:
        index = 0
        for word in group:
            index = index * sizes[word] + at[word]
        found.append(index)
    return tuple(found)


def check(made: tuple[Case, dict[str, int], Groups, Groups]) -> None:
    case, sizes, left, right = made
    (x,), layer = case.xs, case.layer
    assert [message for holds, message in layer.requires(x) if not holds] == []
    given = torch.arange(float(x.numel)).reshape(x.shape)
    out = applied(layer, (x,), "cpu")(given)
    assert tuple(out.shape) == case.example.y.shape
    assert out.is_contiguous()
    assert torch.equal(out, moved(given, left, right, sizes))
    generic.test_closed_forms_equal_the_numeric_results(case)
    generic.test_windows_give_the_output_size(case)
    for axis in range(x.rank):
        generic.test_dye_reaches_what_the_windows_reach(case, 0, axis, 1e6)


@settings(max_examples=100, derandomize=True, deadline=None)
@given(patterns())
def test_a_pattern_moves_every_value_to_its_place(made: tuple[Case, dict[str, int], Groups, Groups]) -> None:
    check(made)


@pytest.mark.fuzz
@settings(max_examples=3000, derandomize=True, deadline=None)
@given(patterns())
def test_many_patterns_move_every_value_to_its_place(made: tuple[Case, dict[str, int], Groups, Groups]) -> None:
    check(made)


@settings(max_examples=25, derandomize=True, deadline=None)
@given(patterns())
def test_a_pattern_takes_the_predicted_bytes(made: tuple[Case, dict[str, int], Groups, Groups]) -> None:
    case = made[0]
    if case.xs[0].rank <= 3 and case.example.y.rank <= 3:
        assert set(peaks(between(case.layer, case.xs)).values()) == {0}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ('rearrange("b c (h p) w -> b c h w", p=2)', "p must stand on both sides: rearrange neither drops nor"),
        ('rearrange("b c (h p) w -> b c h p w")', "(h p) needs a size for all but one of its words: h=..."),
        ('rearrange("b c (h p) w -> b c h p w", p=3)', "(h p) does not divide into 3: the axis has 8 elements"),
        ('rearrange("b c h w -> b c (h h w)")', "'h' stands twice on one side of the pattern"),
        ('rearrange("b c h w -> c (b h w)")', "the first axis on both sides is the batch, and stays"),
        ('rearrange("b c h -> b h c")', "the pattern has 3 axes with the batch; [3, 8, 8] has 4 with it"),
        ('rearrange("b c h w -> b h w c", z=2)', "z is no axis of the pattern"),
        ('rearrange("b c 2 w -> b w c")', "a pattern has words, and words in parentheses"),
        ("rearrange(3)", "pattern must be a pattern in quotes"),
        ('conv("b c -> b", 3)', "kernel_size must be a whole number, got 'b c -> b'"),
        ("tokens -> untokens(4, 4)", "64 tokens are no map of 4 x 4"),
    ],
)
def test_a_wrong_pattern_is_refused_with_a_message(call: str, message: str) -> None:
    with pytest.raises(SpecError) as error:
        load_text(f"archcalc: 1\ninput: [3, 8, 8]\nlayers:\n  - {call}\n")
    assert any(message in each.message for each in error.value.diagnostics), error.value.diagnostics


def test_all_sizes_of_an_axis_can_be_given() -> None:
    text = 'archcalc: 1\ninput: [6, 4, 4]\nlayers:\n  - rearrange("b (p q) h w -> b p (q h) w", p=2, q={})\n'
    assert load_text(text.format(3)).nodes[0].output.shape == (1, 2, 12, 4)
    with pytest.raises(SpecError, match=re.escape("(p q) does not divide into 8: the axis has 6 elements")):
        load_text(text.format(4))


@pytest.mark.parametrize(
    ("shape", "pattern", "features"),
    [
        ("[3, 8, 8]", "b c h w -> b (h w) c", 3),
        ("[3, 8, 8]", "b c h w -> b h w c", 3),
        ("[3, 8, 8]", "b c h w -> b (c h) w", 24),
        ("[3, 8, 8]", "b c (h p) (w q) -> b (h w) (p q c)", 12),
        ("[3, 8, 8]", "b c (h p) (w q) -> b (p q c) h w", 12),
        ("[3, 8, 8]", "b c h w -> b h c w", None),
        ("[3]", "b c -> b c 1 1", 3),
        ("[3]", "b c -> b 1 c", 3),
        ("{shape: [10, 6], channels_last: true}", "b t c -> b c t", 6),
        ("{shape: [10, 6], channels_last: true}", "b t (k d) -> b k t d", 2),
        ("{shape: [10, 6], channels_last: true}", "b (t s) c -> b t c s", None),
        ("{shape: [2, 3, 4], plain: true}", "b i j k -> b k j i", None),
    ],
)
def test_features_follow_their_words(shape: str, pattern: str, features: int | None) -> None:
    parts = re.findall(r"\(\w+ (\w)\)", pattern.partition("->")[0])
    sizes = "".join(f", {word}=2" for word in parts)
    graph = load_text(f"archcalc: 1\ninput: {shape}\nlayers:\n  - rearrange('{pattern}'{sizes})\n")
    y = graph.nodes[-1].output
    assert (None if y.plain else y.channels) == features


def test_a_norm_and_a_linear_map_after_a_pattern_act_on_the_features() -> None:
    graph = load_text("""archcalc: 1
input: [3, 8, 8]
layers:
  - rearrange('b c h w -> b (h w) c') -> layernorm -> linear(5)
""")
    assert report_of(graph).totals["params"] == 3 + 3 + 3 * 5 + 5
