"""Records behave as dataclasses do, and `dataclasses` takes them as its own."""

import copy
import dataclasses
import pickle
import subprocess
import sys
from collections.abc import Mapping
from functools import cached_property
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from archcalc.core.declared import Declared
from archcalc.record import MISSING, asdict, field, fields, fields_of, record, replace


class Shape:
    __slots__ = ()


@record
class Box(Shape):
    width: int
    height: int = 2
    parts: Mapping[str, Any] = field(default_factory=dict)
    where: str = field(default="", compare=False)
    kinds: ClassVar[int] = 3

    @property
    def area(self) -> int:
        return self.width * self.height


@dataclasses.dataclass(frozen=True, slots=True)
class DataBox(Shape):
    width: int
    height: int = 2
    parts: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    where: str = dataclasses.field(default="", compare=False)
    kinds: ClassVar[int] = 3


@record(kw_only=True)
class Named:
    name: str = "a"
    size: int


@record(frozen=False)
class Counter:
    start: int
    seen: list[int] = field(default_factory=list)
    next: int = field(init=False)

    def __post_init__(self) -> None:
        self.next = self.start + 1


@record(slots=False)
class Lazy:
    n: int

    @cached_property
    def double(self) -> int:
        return 2 * self.n


@record(slots=False)
class Lazier(Lazy):
    m: int = 1


@record
class Pair:
    left: Box
    right: tuple[Box, ...] = ()


@record(eq=False)
class Thing:
    n: int


def test_a_record_is_shown_compared_and_hashed_as_a_dataclass() -> None:
    one: Any = Box(3)
    other: Any = DataBox(3)
    assert repr(one) == repr(other).replace("DataBox", "Box")
    assert Box(3, where="here") == one != Box(4)
    assert one != other
    assert {Lazy(1): 2}[Lazy(1)] == 2
    assert Box.__match_args__ == DataBox.__match_args__
    match one:
        case Box(width, height):
            assert (width, height, one.area) == (3, 2, 6)
    with pytest.raises(TypeError, match="unhashable"):
        hash(Counter(1))
    assert Thing(1) != Thing(1)


@pytest.mark.parametrize("given", [((), {}), ((1, 2, {}, "", 5), {}), ((1,), {"depth": 2}), ((1,), {"width": 2})])
def test_wrong_arguments_are_refused_as_those_of_a_dataclass(given: tuple[tuple[Any, ...], dict[str, Any]]) -> None:
    for call in (Box, Box):  # the first call compiles __init__
        with pytest.raises(TypeError) as ours:
            call(*given[0], **given[1])
        with pytest.raises(TypeError) as theirs:
            DataBox(*given[0], **given[1])
        assert str(ours.value) == str(theirs.value).replace("DataBox", "Box")


def test_its_fields_cannot_be_assigned_unless_it_says_so() -> None:
    for made, name in ((Box(1), "width"), (Lazy(1), "other")):
        with pytest.raises(dataclasses.FrozenInstanceError, match=f"cannot assign to field '{name}'"):
            setattr(made, name, 2)
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot delete field 'n'"):
        del Lazy(1).n
    counter = Counter(1)
    counter.start = 5
    assert (counter.start, counter.next, Counter(1).seen is counter.seen) == (5, 2, False)
    assert not hasattr(counter, "__dict__")
    assert not hasattr(Box(1), "__dict__")
    assert Lazy(2).double == 4
    assert Lazier(2, 3) != Lazier(2)


def test_fields_by_name_come_in_any_order() -> None:
    assert Named(size=2) == Named(name="a", size=2)
    with pytest.raises(TypeError, match="positional"):
        Named("a", 2)  # type: ignore[call-arg]


def test_dataclasses_takes_records_as_its_own() -> None:
    one = Box(3, parts={"a": 1}, where="here")
    assert dataclasses.is_dataclass(one)
    assert dataclasses.replace(one, height=5) == replace(one, height=5) == Box(3, 5, {"a": 1})
    ours = [(each.name, each.type, each.init, each.compare) for each in dataclasses.fields(Box)]
    assert ours == [(each.name, each.type, each.init, each.compare) for each in dataclasses.fields(DataBox)]
    nested = Pair(one, (one,))
    assert dataclasses.asdict(nested) == asdict(nested)
    assert asdict(nested)["right"][0]["parts"] == {"a": 1}
    assert [each.default is MISSING for each in fields(Box)] == [True, False, True, False]

    @dataclasses.dataclass(frozen=True)
    class Crate(Box):
        label: str = "x"

    assert Crate(1, label="y") == Crate(1, 2, {}, "", "y")


def test_a_layer_is_one_too() -> None:
    class Scaled(Declared, name="scaled_of_this_test"):
        by: int
        centred: bool = False

    assert dataclasses.replace(Scaled(by=2), centred=True) == replace(Scaled(by=2), centred=True)
    assert [each.name for each in dataclasses.fields(Scaled)] == ["by", "centred"]


@pytest.mark.parametrize("one", [Box(3, 4, {"a": 1}, "here"), Lazier(1), Named(size=2), Counter(2), Pair(Box(1))])
def test_records_are_copied_and_pickled(one: Any) -> None:
    for made in (copy.copy(one), copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
        assert made == one
        assert repr(made) == repr(one)


def test_records_are_defined_without_importing_dataclasses() -> None:
    code = "import sys, archcalc.graph.graph, archcalc.memory.footprint; sys.exit('dataclasses' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_annotations_that_are_computed_when_asked_for_are_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    """As from Python 3.14 on."""
    library = SimpleNamespace(Format=SimpleNamespace(FORWARDREF=3), get_annotations=lambda cls, format: {"x": int})
    monkeypatch.setitem(sys.modules, "annotationlib", library)
    assert [*fields_of(type("Late", (), {"__annotate__": None}))] == ["x"]
