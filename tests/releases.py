"""What other releases of torch do otherwise than the one whose memory is predicted, and which tests that concerns.

Shapes, parameters, MACs, fields and closed forms are tested with every release; none of their tests is named here.
"""

import re
from collections.abc import Iterator

from archcalc.core.release import numbers
from archcalc.record import record


@record
class Difference:
    """Tests, as a pattern of their names, that do not hold with releases `since` up to, and without, `until`."""

    tests: str
    why: str
    since: str = "0.0"
    until: str = "99.0"

    def concerns(self, test: str, release: str) -> bool:
        after, before = numbers(release) >= numbers(self.since), numbers(release) < numbers(self.until)
        return after and before and re.search(self.tests, test) is not None


# Releases between those that were run (2.4, 2.11, 2.13, 2.14) are taken for the older of their neighbours.
DIFFERENCES = (
    Difference(
        r"tests/memory/.*[\[](slice|take|select|channels)-",
        "autograd copies the gradient that slice_backward returns, where it takes it later",
        until="2.11",
    ),
    Difference(
        r"tests/memory/test_order_in_memory.*(a contiguous volume|moved axes|a part of|copies a part|tokens of a)"
        r"|tests/memory/test_parts_of_others.*(of a last axis|every second|features of one position)"
        r"|tests/layers/test_(ids.*more_rows_than_tokens.*position_embedding|random_tensors.*takes_the_predicted_bytes)",
        "autograd copies the gradient that slice_backward returns, where it takes it later",
        until="2.11",
    ),
    Difference(
        r"tests/memory/.*[\[]lstm-|test_zoo_recurrent.*(to_the_byte.*lstm|sequence_to_sequence)"
        r"|tests/test_machines.*after_dye.*lstm",
        "oneDNN keeps a larger workspace of an LSTM, and uses a larger one for its time",
        until="2.11",
    ),
    Difference(
        r"tests/memory/.*[\[](rmsnorm|latent_attention)-",
        "rms_norm keeps its factors until it ends, and computes 16 bits in 32",
        until="2.11",
    ),
    Difference(
        r"tests/memory/.*(transposed|einsum of a value with itself|test_memory.*shared)"
        r"|tests/layers/test_(einsum.*letters_of_an_input|plain.*take_plain_tensors)",
        "where two gradients of one value meet, autograd makes a third tensor more often",
        until="2.11",
    ),
    Difference(r"tests/memory/.*unpool-\d-bfloat16", "max_unpool has no 16 bits", until="2.11"),
    Difference(
        r"adamw\(weight_decay=0\)(-forloop)?\]",
        "AdamW multiplies weights by 1 - lr * weight_decay also where that is 1",
        until="2.7",
    ),
    Difference(
        r"tests/memory/test_without_a_gpu",
        "tensors without values on a GPU that is not there end the interpreter",
        until="2.11",
    ),
    Difference(
        r"group norm copies a part",
        "group norm copies a part within its kernel, and keeps the part itself",
        since="2.14",
    ),
    Difference(
        r"tests/importing/test_pt2",
        "torch.export writes files in another format before 2.8, and has no free sizes before 2.6",
        until="2.8",
    ),
    Difference(
        r"test_the_outputs_agree\[Padded",
        "attention of which every position is hidden is not a number",
        until="2.5",
    ),
    Difference(
        r"refused_at_its_line\[Chosen",
        "a selection by a condition fails on meta with another error",
        until="2.11",
    ),
)


def differences(test: str, release: str) -> Iterator[str]:
    """Why a test does not hold with a release."""
    return (f"torch {release}: {each.why}" for each in DIFFERENCES if each.concerns(test, release))
