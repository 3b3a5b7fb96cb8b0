"""The list of what other releases of torch do otherwise: it names memory and files, and nothing that it need not."""

import pytest

from archcalc.core.release import RELEASE
from tests.releases import DIFFERENCES, differences


def test_nothing_is_left_out_with_the_release_that_memory_is_predicted_for() -> None:
    assert [each.tests for each in DIFFERENCES if each.concerns(each.tests, RELEASE)] == []


@pytest.mark.parametrize("subject", ["layers", "measures", "closed_forms", "graph", "verification", "codegen"])
def test_shapes_parameters_macs_fields_and_closed_forms_are_tested_with_every_release(subject: str) -> None:
    for kind in ("slice", "lstm", "rmsnorm", "attend"):
        for release in ("2.4.0", "2.11.0", "2.14.1"):
            assert not list(differences(f"tests/{subject}/test_all.py::test_one[{kind}-0]", release))


def test_a_difference_ends_with_the_release_that_ends_it() -> None:
    test = "tests/memory/test_kernels.py::test_a_layer_saves_what_autograd_saves[lstm-0-float32]"
    (why,) = differences(test, "2.4.0+cu121")
    assert why.startswith("torch 2.4.0+cu121: oneDNN keeps a larger workspace")
    assert not list(differences(test, "2.11.0"))
