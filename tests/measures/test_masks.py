"""What masks leave of attention, against masks counted pair by pair."""

from itertools import product

import pytest
import torch

from archcalc import measures  # noqa: F401  every file in it registers itself
from archcalc.closed_forms.formula import closed_form
from archcalc.core.location import Source
from archcalc.graph.builder import build
from archcalc.graph.freeing import with_free
from archcalc.graph.loading import document_of_chain
from archcalc.measure import MEASURES
from archcalc.spec.document import read_document
from tests.torch_oracle import applied


def attended(chain: str, batch: int = 1) -> int:
    return MEASURES["attended_macs"].total(build(document_of_chain(chain), batch=batch))


def pairs(tokens: int, window: int) -> int:
    """Pairs of a token with itself or an earlier one, of the last `window` tokens."""
    return sum(0 <= i - j < window for i, j in product(range(tokens), repeat=2))


@pytest.mark.parametrize("tokens", [1, 2, 7, 12])
@pytest.mark.parametrize(
    ("layer", "maps", "both"),
    [
        ("attention(3)", 4 * 24 * 24, 48),
        ("grouped_attention(3, 1)", (3 + 1 + 1 + 3) * 8 * 24, 48),
        ("t5_attention(3)", 4 * 24 * 24, 48),
    ],
)
def test_causal_attention_keeps_half_of_the_pairs(layer: str, maps: int, both: int, tokens: int) -> None:
    """`maps`: MACs of the maps for a token; `both`: of a pair, in the scores and the weighted sums."""
    chain = f"input(24, {tokens}) -> tokens -> {layer}"
    assert attended(chain, batch=2) == 2 * (tokens * maps + tokens**2 * both)
    causal = chain.replace(")", ", causal=true)").replace(f"{tokens}, causal=true)", f"{tokens})", 1)
    assert attended(causal, batch=2) == 2 * (tokens * maps + pairs(tokens, tokens) * both)


@pytest.mark.parametrize("tokens", [1, 5, 9])
@pytest.mark.parametrize("window", [1, 4, 5, 6, 100])
def test_a_window_keeps_as_many_pairs_as_torchs_mask(tokens: int, window: int) -> None:
    chain = f"input(24, {tokens}) -> tokens -> grouped_attention(3, causal=true, window={window})"
    graph = build(document_of_chain(chain))
    module = applied(graph.nodes[-1].layer, graph.nodes[-1].inputs).it
    kept = int(module.nearby(torch.zeros(1, 3, tokens, 8), window).sum())  # type: ignore[union-attr, operator]
    assert kept == pairs(tokens, window)
    assert attended(chain) == tokens * 4 * 24 * 24 + kept * 48


@pytest.mark.parametrize("tokens", [1, 2, 5, 9])
@pytest.mark.parametrize("window", [1, 3, 5, 9, 101])
def test_a_window_on_both_sides_keeps_as_many_pairs_as_torchs_mask(tokens: int, window: int) -> None:
    chain = f"input(24, {tokens}) -> tokens -> grouped_attention(3, window={window})"
    graph = build(document_of_chain(chain))
    module = applied(graph.nodes[-1].layer, graph.nodes[-1].inputs).it
    kept = int(module.nearby(torch.zeros(1, 3, tokens, 8), window).sum())  # type: ignore[union-attr, operator]
    assert kept == sum(2 * abs(i - j) < window for i, j in product(range(tokens), repeat=2))
    assert attended(chain) == tokens * 4 * 24 * 24 + kept * 48


@pytest.mark.parametrize("tokens", [2, 5, 12])
@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize(("window", "dilation", "first"), [(1, 1, 2), (3, 2, 0), (3, 2, 1), (5, 3, 2), (9, 1, 1)])
def test_dilated_windows_and_global_tokens_keep_as_many_pairs(
    tokens: int, causal: bool, window: int, dilation: int, first: int
) -> None:
    arguments = f"3, causal={str(causal).lower()}, window={window}, dilation={dilation}, global_tokens={first}"
    chain = f"input(24, {tokens}) -> tokens -> grouped_attention({arguments})"
    graph = build(document_of_chain(chain))
    layer = graph.nodes[-1].layer
    module = applied(layer, graph.nodes[-1].inputs).it
    seen = module.nearby(torch.zeros(1, 3, tokens, 8), window)  # type: ignore[union-attr, operator]
    steps = range(window) if causal else range(-(window // 2), window // 2 + 1)
    expected = [
        [i < first or j < first or j in {i - dilation * step for step in steps} for j in range(tokens)]
        for i in range(tokens)
    ]
    if causal:
        expected = [[sees and j <= i for j, sees in enumerate(row)] for i, row in enumerate(expected)]
    assert seen.tolist() == expected
    assert attended(chain) == tokens * 4 * 24 * 24 + sum(map(sum, expected)) * 48
    (own,) = layer.windows(*graph.nodes[-1].inputs)
    assert [[j for j in own.reach(i) if 0 <= j < tokens] for i in range(tokens)] == [
        [j for j, sees in enumerate(row) if sees] for row in expected
    ]


@pytest.mark.parametrize("size", [(8, 8), (4, 9), (9, 11), (3, 4), (6, 13)])
@pytest.mark.parametrize("shift", [0, 1, 2, 3])
def test_shifted_windows_keep_as_many_pairs_as_torchs_mask(size: tuple[int, int], shift: int) -> None:
    graph = build(
        document_of_chain(
            f"input(6, {size[0]}, {size[1]}) -> channels_last -> window_attention(4, 2, shift_size={shift})"
        )
    )
    node = graph.nodes[-1]
    module = applied(node.layer, node.inputs, "cpu").it
    height, width = (-(-n // 4) * 4 for n in size)
    shifts = [shift if n > 4 else 0 for n in (height, width)]
    apart = module.apart(height, width, shifts)  # type: ignore[union-attr, operator]
    kept = int((~apart).sum())
    assert MEASURES["attended_macs"].of(node) == 4 * height * width * 6 * 6 + 2 * kept * 6


LATENT = (
    "input(16, 9) -> tokens"
    " -> latent_attention(3, kv_lora_rank=4, qk_nope_head_dim=5, qk_rope_head_dim=2, v_head_dim=4)"
)


def test_latent_attention_has_keys_and_values_of_two_widths() -> None:
    graph = build(document_of_chain(LATENT))
    removed = 81 - pairs(9, 9)
    assert MEASURES["macs"].total(graph) - attended(LATENT) == removed * 3 * (5 + 2 + 4)


def test_the_scores_of_other_attention_are_not_masked() -> None:
    chain = "input(24, 7) -> a = tokens -> cross_attention(3, memory=a)"
    assert attended(chain) == MEASURES["macs"].total(build(document_of_chain(chain)))


WINDOWED = """
archcalc: 1
input: {x: {shape: [9, 24], channels_last: true}}
layers:
  - grouped_attention(3, causal=true, window=4)
  - grouped_attention(3, window=5, dilation=3, global_tokens=1)
  - grouped_attention(3, causal=true, window=2, dilation=2, global_tokens=1)
  - attention(3, causal=true)
  - latent_attention(3, kv_lora_rank=4, qk_nope_head_dim=5, qk_rope_head_dim=2, v_head_dim=4)
"""


@pytest.mark.parametrize("tokens", [1, 3, 4, 5, 40])
def test_closed_forms_have_the_values_that_numbers_give(tokens: int) -> None:
    form = closed_form(with_free(read_document(Source("w.yaml", WINDOWED)), ["T"]), "attended_macs").total
    graph = build(read_document(Source("w.yaml", WINDOWED.replace("[9,", f"[{tokens},"))))
    assert form.at(T=tokens) == MEASURES["attended_macs"].total(graph)
