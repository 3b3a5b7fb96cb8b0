"""What is imported when it is first asked for: files by the names that they declare, and modules by their own."""

import importlib
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar

Declaration = TypeVar("Declaration")


class Late:
    """Stands for a module that most commands do not need: it is imported for the first attribute that is read.

    >>> late = Late("colorsys")
    >>> late.rgb_to_hsv(1, 0, 0)
    (0.0, 1.0, 1)
    """

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(importlib.import_module(self.name), attribute)


class Catalogue(Mapping[str, Declaration], Generic[Declaration]):
    """Declarations by name. Looking at one imports its file, going through all of them imports every file.

    >>> letters = Catalogue()
    >>> letters.expect({"b": "string"})  # a module that will declare it
    >>> letters.add("a", 1)
    >>> letters["a"], "b" in letters, letters.names()
    (1, True, ['b', 'a'])
    """

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self.found: dict[str, Declaration] = {}

    def expect(self, files: Mapping[str, str]) -> None:
        """Makes names known, each with the module that declares it."""
        self.files.update(files)

    def add(self, name: str, declared: Declaration) -> None:
        """Raises TypeError if there is one of that name."""
        if name in self.found:
            raise TypeError(f"{name!r} is declared twice")
        self.found[name] = declared

    def names(self) -> list[str]:
        """All names; nothing is imported."""
        return [*self.files, *(name for name in self.found if name not in self.files)]

    def __getitem__(self, name: str) -> Declaration:
        if name not in self.found and name in self.files:
            importlib.import_module(self.files[name])
        return self.found[name]

    def __contains__(self, name: object) -> bool:
        return name in self.files or name in self.found

    def __iter__(self) -> Iterator[str]:
        for module in dict.fromkeys(self.files.values()):
            importlib.import_module(module)
        return iter([name for name in self.names() if name in self.found])

    def __len__(self) -> int:
        return sum(1 for _ in self)


def modules_in(folders: Iterable[str]) -> list[str]:
    """The names of the modules in a package, whose `__path__` is given; not of packages in it.

    `pkgutil.iter_modules` does more, and takes as long to import as ten modules.
    """
    files = (each for folder in folders for each in os.listdir(folder))
    return sorted(each.removesuffix(".py") for each in files if each.endswith(".py") and each != "__init__.py")
