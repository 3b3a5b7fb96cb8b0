"""Axes and spaces: what a text means, and which are refused."""

from pathlib import Path

import pytest

from archcalc.core.diagnostic import SpecError
from archcalc.sweeping.question import conditions
from archcalc.sweeping.space import Axis, Space, axis_given, axis_of, checked, table_given
from tests.sweeping.spaces import asked


@pytest.mark.parametrize(
    ("text", "names", "values"),
    [
        ("w=16..32:8", ["w"], [16, 24, 32]),
        ("w=1..4", ["w"], [1, 2, 3, 4]),
        ("w=16..128*2", ["w"], [16, 32, 64, 128]),
        ("w=10..40*1.5", ["w"], [10, 15, 22, 34]),
        ("w=16,24, 8", ["w"], [16, 24, 8]),
        ("w=1..3,8,16..18", ["w"], [1, 2, 3, 8, 16, 17, 18]),
        ("H=W=128..192:32", ["H", "W"], [128, 160, 192]),
        ("depths[2]=3,6", ["depths[2]"], [3, 6]),
        ("alpha=1..1.2:0.1", ["alpha"], [1, "1.1", "1.2"]),
        ("act=relu|silu", ["act"], ["relu", "silu"]),
        ("depths=[3,4]|[2,2]", ["depths"], ["[3,4]", "[2,2]"]),
        ("depths=[3,4],[2,2]", ["depths"], ["[3,4]", "[2,2]"]),
        ("N=1k..3k:1k", ["N"], [1000, 2000, 3000]),
        ("w=8,8,16", ["w"], [8, 16]),
    ],
)
def test_an_axis_in_words(text: str, names: list[str], values: list[object]) -> None:
    axis = axis_of(text)
    assert list(axis.columns) == names
    assert all(list(each) == values for each in axis.columns.values())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("w", "an axis is a name and its values"),
        ("w=", "a value is missing"),
        ("w=1,,2", "a value is missing"),
        ("w=5..3", "the range from 5 to 3 is empty"),
        ("w=1..9:0", "the step of a range must be above 0"),
        ("w=1..9*1", "a range by factors begins above 0, with a factor above 1"),
        ("w=w=1..3", "'w' occurs twice"),
        ("1=2", "an axis is a name and its values"),
    ],
)
def test_an_axis_that_cannot_be_read(text: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        axis_of(text)
    assert caught.value.diagnostics[0].message == message


def test_values_from_python() -> None:
    assert list(axis_given("w", range(2, 5)).columns["w"]) == [2, 3, 4]
    assert axis_given("s", [0.35, 1.0, 1.4]).columns["s"] == ("0.35", 1, "1.4")
    assert axis_given("depths", [[3, 4], (2, 2)]).columns["depths"] == ("[3, 4]", "[2, 2]")
    assert table_given([{"a": 1, "b": 2}, {"b": 3, "a": 4}]).columns == {"a": (1, 4), "b": (2, 3)}
    with pytest.raises(SpecError, match="design 2 of the table"):
        table_given([{"a": 1}, {"b": 3}])


def test_designs_are_numbers_and_never_stored() -> None:
    space = Space((Axis({"a": range(1, 10**6)}), Axis({"b": (5, 6), "c": (7, 8)})))
    assert space.size == 2 * (10**6 - 1)
    assert [space.design(number) for number in (0, 1, 2)] == [
        {"a": 1, "b": 5, "c": 7},
        {"a": 1, "b": 6, "c": 8},
        {"a": 2, "b": 5, "c": 7},
    ]


def test_spaces_that_are_refused() -> None:
    with pytest.raises(SpecError, match="'w' has two axes"):
        checked([axis_of("w=1"), axis_of("w=2")])
    with pytest.raises(SpecError, match="more than can be numbered"):
        checked([axis_of(f"{name}=1..1000000000000") for name in "ab"])


@pytest.mark.parametrize(
    ("over", "message", "help"),
    [
        ("q=1..3", "ResNet-18 has nothing called 'q'", ""),
        ("depth=1..3", "ResNet-18 has nothing called 'depth'", "did you mean 'depths'?"),
        ("depths=1..3", "'depths' is a list", "name an entry, depths[0], or give lists"),
        ("depths[9]=1..3", "depths has 4 entries, counted from 0", ""),
    ],
)
def test_names_that_no_axis_can_have(over: str, message: str, help: str) -> None:
    with pytest.raises(SpecError) as caught:
        asked("resnet18", [over])
    assert caught.value.diagnostics[0].message == message
    assert help in caught.value.diagnostics[0].help


def test_a_condition_on_bytes_says_which_billions_are_meant() -> None:
    assert len(list(conditions(["params <= 7B and training_peak(N=2) <= 7GB"]))) == 2
    with pytest.raises(SpecError, match="7 billion or as 7 bytes"):
        list(conditions(["training_peak(N=2) <= 7B"]))


@pytest.mark.parametrize("over", ["depths=1..3", "depths[0]=1..3"])
def test_lists_of_an_imported_spec_are_no_axes(over: str, tmp_path: Path) -> None:
    spec = tmp_path / "it.yaml"
    spec.write_text("archcalc: 1\nimport: [resnet50]\ninput: [3, 32, 32]\nlayers: [relu]\n")
    with pytest.raises(SpecError, match="it has nothing called 'depths"):
        asked(str(spec), [over])
