"""Parts of values, and parts of those: what reads them where they lie, and what copies them, to the byte."""

from collections.abc import Iterator

import pytest

from archcalc.core.diagnostic import SpecError
from archcalc.core.location import Source
from archcalc.graph.builder import build
from archcalc.memory.footprint import Opaque
from archcalc.memory.training_setup import TrainingSetup
from archcalc.spec.document import read_document
from tests.memory.footprints import differences

TOKENS = (
    "slice(0, 1, axis=1)", "slice(3, 4, axis=1)", "slice(1, axis=1)", "select(2)", "select(-1)", "take(1, axis=1)",
    "slice(0, 1, axis=1) -> slice(2, 5)", "slice(0, 1, axis=1) -> slice(2, 3)", "slice(2, 6) -> select(1)",
    "slice(1, 3, axis=1) -> slice(0, 1, axis=1)", "slice(0, 1, axis=1) -> reshape(2, 4)", "select(1) -> slice(2, 6)",
    "slice(2, 6) -> slice(0, 1, axis=1)", "slice(0, 4, 2) -> slice(1, 4, axis=1)", "channels(4) -> take(1, axis=2)",
    "slice(0, 5, 2, axis=1)", "slice(2, 4) -> slice(0, 1)", 'slice(0, 1, axis=1) -> rearrange("b 1 c -> b c")',
)  # fmt: skip
GRIDS = (
    "slice(0, 1, axis=1)", "take(0, axis=2)", "slice(1, 2, axis=2)", "take(1, axis=1) -> select(0)",
    "take(1, axis=1) -> slice(0, 1, axis=1)", "slice(0, 1, axis=1) -> slice(0, 1, axis=2)", "slice(1, 3, axis=2)",
    "slice(2, 3, axis=2) -> slice(1, 4)", "slice(0, 4, 2, axis=2) -> take(0, axis=1)",
)  # fmt: skip
WHOLES = {"[5, 8]": TOKENS, "[3, 5, 8]": GRIDS, "[1, 5, 8]": GRIDS}
READERS = (
    "linear(4)", "linear(4, bias=false)", "linear(4, freeze=true)", "flatten -> linear(4)", "gelu -> linear(4)",
    "layernorm -> linear(4)", "flatten", "group_norm(1)", "attention(1)", "grouped_attention(1)", "maxout(2, 2)",
    "transpose -> linear(3)", "lstm(3)", "rnn(2)", "gru(2)", "reshape(2, 2) -> linear(3)", "rmsnorm",
    "mixture(3, 2, 4)", "channels_first -> conv(1, 2)", "cross_attention(1, a)", "window_attention(2, 1)",
    "reduce(mean, 1) -> linear(2)",
)  # fmt: skip
pytestmark = pytest.mark.filterwarnings("ignore:Mismatch dtype between input and weight")
SETUPS = ((2, ""), (1, ""), (2, "bfloat16"))


def wrong(shape: str, part: str, readers: tuple[str, ...]) -> Iterator[str]:
    """What differs where a part is read. Of what does not fit, and of what is not predicted, nothing."""
    for reader in readers:
        for before in ("linear(8) -> ", ""):
            chain = f"a -> {before}{part} -> {reader}"
            text = f"archcalc: 1\ninput: {{a: {{shape: {shape}, channels_last: true}}}}\nlayers:\n  - '{chain}'\n"
            for batch, autocast in SETUPS:
                try:
                    graph = build(read_document(Source("parts", text)), batch=batch)
                    found = differences(graph, TrainingSetup(autocast=autocast))
                except (SpecError, Opaque):
                    continue
                if off := {figure: nbytes for figure, nbytes in found.items() if nbytes}:
                    yield f"{chain}, batch {batch}, {autocast}: {off}"


CASES = [(shape, part) for shape, parts in WHOLES.items() for part in parts]


@pytest.mark.parametrize(("shape", "part"), CASES)
def test_a_part_is_copied_where_torch_copies_it(shape: str, part: str) -> None:
    at = CASES.index((shape, part))
    assert list(wrong(shape, part, (READERS[at % 4], READERS[4 + at % 18]))) == []


@pytest.mark.fuzz
@pytest.mark.parametrize(("shape", "part"), CASES)
def test_every_reader_copies_a_part_where_torch_copies_it(shape: str, part: str) -> None:
    assert list(wrong(shape, part, READERS)) == []
