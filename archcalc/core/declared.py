"""What a call in a spec or on the command line creates: an immutable value with named fields, such as a layer."""

from abc import ABCMeta
from typing import Any, ClassVar, dataclass_transform

from archcalc.record import MISSING, fields_of, shared, with_methods


class Nominal(ABCMeta):
    """Of classes that may be abstract. Their instances are those of their subclasses, and no class is registered as
    one: so whether a value is one is found out as fast as for plain classes."""

    __instancecheck__ = type.__instancecheck__
    __subclasscheck__ = type.__subclasscheck__


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Declared(metaclass=Nominal):
    """A subclass's annotations are its fields. Without `name` it is abstract; with it, final.

    Each subclass is a record whose fields are given by name. Its `__init__`, too, is shared with all others: layers are
    made by their names, and seldom by hand.

    >>> class Scale(Declared, name="scale"):
    ...     by: float
    ...     centred: bool = False
    >>> Scale(by=2.0), Scale(by=2.0) == Scale(by=2.0, centred=False), Scale(by=2.0) == Scale(by=3.0)
    (scale(by=2.0), True, False)
    >>> Scale(to=2.0)
    Traceback (most recent call last):
    TypeError: scale takes by, centred, and needs by; got to
    """

    name: ClassVar[str] = ""
    known: ClassVar[dict[str, Any]] = {}
    """Its fields, each with its default."""
    required: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls, name: str = "") -> None:
        if cls.name:
            raise TypeError(f"{cls.__name__} extends {cls.name}, which is final; share an abstract class instead")
        cls.name = name
        fields = fields_of(cls, keyword=True)
        with_methods(cls, shared(fields) | {"__repr__": cls.__repr__})
        cls.known = {name: each.default for name, each in fields.items()}
        cls.required = frozenset(field for field, default in cls.known.items() if default is MISSING)

    def __init__(self, **given: Any) -> None:
        if not self.required <= given.keys() <= self.known.keys():
            words = (", ".join(each) for each in (self.known, sorted(self.required), given))
            raise TypeError("{} takes {}, and needs {}; got {}".format(self.name, *words))
        vars(self).update(self.known | given)

    def __repr__(self) -> str:
        return f"{self.name}({', '.join(f'{name}={value!r}' for name, value in self.stated().items())})"

    def stated(self, *without: str) -> dict[str, Any]:
        """The fields that differ from their defaults, in order: the arguments that a constructor needs."""
        each = ((name, getattr(self, name), default) for name, default in self.known.items() if name not in without)
        return {name: value for name, value, default in each if value != default}
