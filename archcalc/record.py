"""Records: classes whose annotations are their fields, as `dataclasses` makes them, at little cost when imported.

A report imports a hundred records and makes half of them. `dataclasses` imports `inspect`, and compiles up to nine
methods of each class where it is defined. Records share their methods, except `__init__`, which is compiled when a
class has many records. To everyone else a record is a dataclass: the functions of `dataclasses` take it.
"""

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from operator import attrgetter
from types import CodeType, FunctionType, UnionType
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, dataclass_transform, overload

if TYPE_CHECKING:
    from dataclasses import asdict as asdict
    from dataclasses import replace as replace

Made = TypeVar("Made")


class Missing:
    """The default of a field that has none."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Any = Missing()


class Field:
    """What a record knows about one of its fields; `type` is its annotation."""

    __slots__ = ("compare", "default", "factory", "init", "keyword", "name", "type")

    def __init__(self, default: Any, factory: Any, init: bool, compare: bool) -> None:
        self.default, self.factory, self.init, self.compare = default, factory, init, compare
        self.name, self.type, self.keyword = "", None, False


def field(*, default: Any = MISSING, default_factory: Any = MISSING, init: bool = True, compare: bool = True) -> Any:
    """A field whose default is made anew for each record, or that is not compared or not an argument."""
    return Field(default, default_factory, init, compare)


@overload
def record(cls: type[Made], /) -> type[Made]: ...


@overload
def record(
    *, frozen: bool = True, slots: bool = True, kw_only: bool = False, eq: bool = True
) -> Callable[[type[Made]], type[Made]]: ...


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(
    cls: Any = None, /, *, frozen: bool = True, slots: bool = True, kw_only: bool = False, eq: bool = True
) -> Any:
    """Makes a class a record: `@record`, or `@record(kw_only=True)`.

    frozen   its fields cannot be assigned, and it has a hash
    slots    it takes less memory; without, `cached_property` works
    kw_only  its fields are given by name
    eq       records of one class are equal if their fields are

    >>> @record
    ... class Point:
    ...     x: int
    ...     y: int = 0
    >>> Point(1), Point(1) == Point(1, 0), replace(Point(1), y=2)
    (Point(x=1, y=0), True, Point(x=1, y=2))
    >>> Point()
    Traceback (most recent call last):
    TypeError: Point.__init__() missing 1 required positional argument: 'x'
    """
    if cls is None:
        return lambda cls: made(cls, frozen, slots, kw_only, eq)
    return made(cls, frozen, slots, kw_only, eq)


def made(cls: Any, frozen: bool, slots: bool, kw_only: bool, eq: bool) -> Any:
    methods = shared(fields_of(cls, kw_only), frozen, eq)
    for name in ("__repr__", "__eq__", "__hash__"):
        if cls.__dict__.get(name):
            methods.pop(name, None)  # its own
    cls = (with_slots if slots else with_methods)(cls, methods)
    cls.__init__ = compiled_when_called_often(cls, frozen)
    return cls


def fields_of(cls: type, keyword: bool = False) -> dict[str, Field]:
    """The fields of a class after those of the records that it extends. Of their values its body keeps the defaults."""
    found: dict[str, Field] = {}
    for base in cls.__mro__[-2:0:-1]:  # without `object`
        found |= base.__dict__.get("record_fields", {})
    body = cls.__dict__
    for name, kind in annotations_of(cls).items():
        if is_of_class(kind):
            continue
        value = body.get(name, MISSING)
        if value.__class__ is Field:
            delattr(cls, name) if value.default is MISSING else setattr(cls, name, value.default)
        else:
            value = Field(value, MISSING, True, True)
        value.name, value.type, value.keyword = name, kind, keyword
        found[name] = value
    return found


def is_of_class(annotation: Any) -> bool:
    """Whether it says that an attribute is the class's."""
    if annotation.__class__ in (type, UnionType):  # most are: `int`, `int | None`
        return False
    if isinstance(annotation, str):
        return annotation.startswith(("ClassVar", "typing.ClassVar"))
    return annotation is ClassVar or getattr(annotation, "__origin__", None) is ClassVar


def annotations_of(cls: type) -> Mapping[str, Any]:
    """The annotations in the body of a class; from Python 3.14 on they are computed when they are asked for."""
    given = vars(cls).get("__annotations__")
    if given is not None or not hasattr(cls, "__annotate__"):
        return given or {}
    annotationlib = importlib.import_module("annotationlib")
    found: Mapping[str, Any] = annotationlib.get_annotations(cls, format=annotationlib.Format.FORWARDREF)
    return found


def with_methods(cls: Any, methods: Mapping[str, Any]) -> Any:
    for name, method in methods.items():
        setattr(cls, name, method)
    return cls


def with_slots(cls: Any, methods: Mapping[str, Any]) -> Any:
    """The class again, with a slot for each field that no base has one for: a class that exists takes no slots."""
    fields = methods["record_fields"]
    taken = [name for base in cls.__mro__[1:-1] for name in base.__dict__.get("__slots__", ())]
    body = {**cls.__dict__, **methods, "__slots__": [name for name in fields if name not in taken]}
    for name in ("__dict__", "__weakref__", *fields):
        body.pop(name, None)
    return type(cls)(cls.__name__, cls.__bases__, {**body, "__qualname__": cls.__qualname__})


# --- what records share ----------------------------------------------------------------------------------------------


def shared(fields: Mapping[str, Field], frozen: bool = True, eq: bool = True) -> dict[str, Any]:
    """The attributes of a class with these fields, all but `__init__`."""
    return {
        **(FROZEN if frozen else EVERY),
        **({"__eq__": equal, "__hash__": hashed if frozen else None} if eq else {}),
        "record_fields": fields,
        "record_compared": attrgetter("__class__", *[name for name, each in fields.items() if each.compare]),
        "__match_args__": tuple([name for name, each in fields.items() if each.init and not each.keyword]),
    }


def shown(self: Any) -> str:
    return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in self.record_fields)})"


def equal(self: Any, other: Any) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    return self.record_compared(self) == self.record_compared(other)


def hashed(self: Any) -> int:
    return hash(self.record_compared(self))


def cannot_assign(self: Any, name: str, value: Any) -> None:
    from dataclasses import FrozenInstanceError  # lazy: 5 ms

    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def cannot_delete(self: Any, name: str) -> None:
    from dataclasses import FrozenInstanceError  # lazy: 5 ms

    raise FrozenInstanceError(f"cannot delete field {name!r}")


def state_of(self: Any) -> dict[str, Any]:
    """What is copied and pickled."""
    return {name: getattr(self, name) for name in self.record_fields}


def set_state(self: Any, state: Mapping[str, Any]) -> None:
    for name, value in state.items():
        object.__setattr__(self, name, value)


# --- __init__, compiled when it is called often ----------------------------------------------------------------------


FEW = 3
"""Records of a class whose fields are set one by one: to compile `__init__` takes as long."""


def compiled_when_called_often(cls: Any, frozen: bool) -> Callable[..., None]:
    called = 0

    def __init__(self: Any, *given: Any, **named: Any) -> None:
        nonlocal called
        called += 1
        values = values_of(cls, given, named) if called <= FEW else None
        if values is None:
            cls.__init__ = compiled(cls, frozen)
            cls.__init__(self, *given, **named)
            return
        for name, value in values.items():
            object.__setattr__(self, name, value)
        if hasattr(cls, "__post_init__"):
            self.__post_init__()

    return __init__


def values_of(cls: Any, given: Sequence[Any], named: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The values of all fields; None if the arguments are not those of `__init__`, which says what is wrong."""
    if len(given) > len(cls.__match_args__):
        return None
    values = dict(zip(cls.__match_args__, given, strict=False))
    left = dict(named)
    for name, each in cls.record_fields.items():
        if each.init and name in left and name not in values:
            values[name] = left.pop(name)
        elif name not in values or values[name] is MISSING:
            if each.factory is not MISSING:
                values[name] = each.factory()
            elif each.init:
                if each.default is MISSING:
                    return None
                values[name] = each.default
    return None if left else values


def compiled(cls: Any, frozen: bool) -> Callable[..., None]:
    """`__init__` with the fields as its parameters, as it would be written by hand."""
    given = sorted((each for each in cls.record_fields.values() if each.init), key=lambda each: each.keyword)
    every = [*given, *[each for each in cls.record_fields.values() if not each.init]]
    names: dict[str, Any] = {"MISSING": MISSING, "assign": object.__setattr__, "become": BECOME, "closed": cls}
    names["opened"] = opened(cls) if frozen else None
    lines: list[str] = ["become(self, opened)"] if names["opened"] else []
    for i, each in enumerate(every):
        lines += assignments(cls, i, each, not frozen or names["opened"] is not None, names)
    lines += ["self.__class__ = closed"] if names["opened"] else []
    if hasattr(cls, "__post_init__"):
        lines.append("self.__post_init__()")
    keyword = sum(each.keyword for each in given)
    parameters = ["self", *[f"p{i}" for i in range(len(given))]]
    if keyword:
        parameters.insert(len(parameters) - keyword, "*")
    body = "\n ".join(lines or ["pass"])
    code = code_of(f"def __init__({', '.join(parameters)}):\n {body}")
    assigned = {f"f{i}": each.name for i, each in enumerate(every)}
    code = code.replace(
        co_varnames=("self", *[each.name for each in given]),
        co_names=tuple([assigned.get(name, name) for name in code.co_names]),
    )
    made = FunctionType(code, names, "__init__", defaults_of(cls, given[: len(given) - keyword]))
    made.__kwdefaults__ = {each.name: each.default for each in given if each.keyword and not is_required(each)}
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    return made


BECOME = object.__dict__["__class__"].__set__
"""Makes an object one of another class, whose objects have the same slots."""

MANY_FIELDS = 5
"""Of a record for which it takes less time to be another class for a while than to be assigned to as it is."""


def opened(cls: Any) -> type | None:
    """A class with the slots of a frozen record, to which fields are assigned as fast as Python can; None where that
    gains nothing: a record is one of it while `__init__` runs."""
    slots = cls.__dict__.get("__slots__", ())
    if cls.__bases__ != (object,) or len(slots) < max(MANY_FIELDS, len(cls.record_fields)):
        return None
    made: type = type(cls)(cls.__name__, cls.__bases__, {"__slots__": slots})
    return made


@cache
def code_of(text: str) -> CodeType:
    """The code of a function: classes with as many fields share it, except for the names of these."""
    names: dict[str, Any] = {}
    exec(text, names)  # `compile` would first make the classes of syntax trees, a quarter of the start of Python
    code: CodeType = names["__init__"].__code__
    return code


def is_required(each: Field) -> bool:
    return each.default is MISSING and each.factory is MISSING


def defaults_of(cls: type, positional: Sequence[Field]) -> tuple[Any, ...]:
    """The defaults of the last parameters; MISSING where one is made anew."""
    optional = [each for each in positional if not is_required(each)]
    if any(map(is_required, positional[len(positional) - len(optional) :])):
        raise TypeError(f"{cls.__name__}: a field without a default follows one with a default")
    return tuple([each.default for each in optional])


def assignments(cls: Any, place: int, each: Field, plain: bool, names: dict[str, Any]) -> Iterator[str]:
    """The lines that set a field: plainly where that is possible, or else a slot by its descriptor, which is twice as
    fast as `object.__setattr__`."""
    value = f"p{place}"
    if each.factory is not MISSING:
        names[f"make{place}"] = each.factory
        value = f"make{place}() if {value} is MISSING else {value}" if each.init else f"make{place}()"
    elif not each.init:
        return
    slot: Any = getattr(cls, each.name, None)
    if plain:
        yield f"self.f{place} = {value}"
    elif hasattr(slot, "__set__"):
        names[f"set{place}"] = slot.__set__
        yield f"set{place}(self, {value})"
    else:
        yield f"assign(self, {each.name!r}, {value})"


def fields(made: Any) -> tuple[Field, ...]:
    """The fields of a record or of its class, in order."""
    return tuple(made.record_fields.values())


# --- records as values -----------------------------------------------------------------------------------------------

if not TYPE_CHECKING:

    def replace(this, /, **changes):
        """The record with other values in some fields."""
        for name, each in type(this).record_fields.items():
            if each.init and name not in changes:
                changes[name] = getattr(this, name)
        return type(this)(**changes)

    def asdict(this):
        """The record as a dict, and so each record in it."""
        if hasattr(this, "record_fields"):
            return {name: asdict(getattr(this, name)) for name in this.record_fields}
        if isinstance(this, list | tuple):
            return type(this)(asdict(each) for each in this)
        if isinstance(this, dict):
            return {asdict(key): asdict(value) for key, value in this.items()}
        return this


# --- records as dataclasses ------------------------------------------------------------------------------------------


class MadeWhenAsked:
    """An attribute of a class that is made when `dataclasses` looks for it."""

    def __init__(self, make: Callable[[type], Any]) -> None:
        self.make = make

    def __get__(self, record: Any, cls: type) -> Any:
        return self.make(cls)


def as_dataclass(cls: Any) -> Any:
    """A dataclass with the fields of a record."""
    import dataclasses  # lazy: 5 ms

    return dataclasses.make_dataclass(
        cls.__name__, [(name, each.type, of_dataclass(each)) for name, each in cls.record_fields.items()],
        frozen=cls.__setattr__ is cannot_assign,
    )  # fmt: skip


def of_dataclass(each: Field) -> Any:
    import dataclasses  # lazy: 5 ms

    known = {"default": each.default, "default_factory": each.factory}
    given: dict[str, Any] = {word: value for word, value in known.items() if value is not MISSING}
    return dataclasses.field(**given, init=each.init, compare=each.compare, kw_only=each.keyword)


EVERY: dict[str, Any] = {
    "__repr__": shown,
    **{
        name: MadeWhenAsked(lambda cls, name=name: vars(as_dataclass(cls))[name])  # type: ignore[misc]
        for name in ("__dataclass_fields__", "__dataclass_params__")
    },
}
"""What every record has."""

FROZEN: dict[str, Any] = {
    **EVERY,
    "__setattr__": cannot_assign,
    "__delattr__": cannot_delete,
    "__getstate__": state_of,
    "__setstate__": set_state,
}
"""What every record has whose fields cannot be assigned."""
