"""Keys and functions of other formats and languages: explained by meaning, and none of them is one of ours."""

import builtins
import math

import pytest

from archcalc.core.diagnostic import SpecError
from archcalc.graph.loading import load_text
from archcalc.spec import foreign
from archcalc.spec.function import FUNCTIONS
from archcalc.spec.library import KEYS


@pytest.mark.parametrize("key", foreign.KEYS)
def test_no_foreign_key_is_a_key(key: str) -> None:
    assert key not in KEYS
    with pytest.raises(SpecError) as caught:
        load_text(f"archcalc: 1\ninput: [3, 8, 8]\nlayers: [relu]\n{key}: x\n")
    assert [each.help for each in caught.value.diagnostics] == [foreign.KEYS[key]]


@pytest.mark.parametrize("name", foreign.FUNCTIONS)
def test_no_foreign_function_is_a_function(name: str) -> None:
    assert name not in FUNCTIONS
    with pytest.raises(SpecError) as caught:
        load_text(f"archcalc: 1\ninput: [3, 8, 8]\nlayers: [conv(3, {name}(7, 8))]\n")
    assert [each.help for each in caught.value.diagnostics] == [foreign.FUNCTIONS[name]]


@pytest.mark.parametrize("name", sorted(set(dir(math)) | set(dir(builtins))))
def test_functions_of_python_are_no_misspellings_of_other_functions(name: str) -> None:
    help = foreign.function_help(name, FUNCTIONS)
    assert name in FUNCTIONS or not help or name in foreign.FUNCTIONS or alike(name, help)


def alike(name: str, help: str) -> bool:
    """Whether what is suggested is spelt like the name, with a letter more or less."""
    meant = help.removeprefix("did you mean '").removesuffix("'?")
    return abs(len(meant) - len(name)) <= 2 and (meant in name or name in meant)
