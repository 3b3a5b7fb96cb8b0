"""The faults of `make faults` can still be planted: what each replaces stands where it says, once."""

import ast

import pytest

from tests.faults import FAULTS, ROOT, Fault


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.what)
def test_a_fault_can_be_planted(fault: Fault) -> None:
    text = (ROOT / fault.path).read_text()
    assert text.count(fault.right) == 1
    ast.parse(text.replace(fault.right, fault.wrong))


def test_there_are_enough_of_them() -> None:
    assert len(FAULTS) >= 20
