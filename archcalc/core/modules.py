"""The program's own modules, found and read in four calls of the system each, where Python makes eleven.

A report reads a hundred of them. Python lists and looks at folders, since a module may be of many kinds and may stand
in many places; each of these is a file beside the others, compiled before. What is not is left to Python.
"""

import os
import sys
from collections.abc import Sequence
from importlib._bootstrap import ModuleSpec
from importlib._bootstrap_external import MAGIC_NUMBER, SourceFileLoader
from marshal import loads
from types import CodeType, ModuleType

PACKAGE = "archcalc."

HEADER = 16
"""Bytes before the code of a compiled file: the version of its format, how it is checked, and the time and the length
of the text that it was compiled from."""

CHECKED_BY_TIME = MAGIC_NUMBER + bytes(4)

USUAL = 1 << 16
"""Bytes that are read at once: most files are smaller."""


class Compiled(SourceFileLoader):
    """Loads a module whose code was read when it was found."""

    def __init__(self, name: str, path: str, code: CodeType) -> None:
        super().__init__(name, path)
        self.code: CodeType | None = code

    def get_code(self, fullname: str) -> CodeType | None:
        """The code; from the file again when it is asked for again."""
        code, self.code = self.code, None
        return code or super().get_code(fullname)


class Modules:
    """Finds the modules of the package whose compiled file is there, and is that of their text."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not name.startswith(PACKAGE):
            return None
        stem = self.folder + name[len(PACKAGE) - 1 :].replace(".", os.sep)
        folder, _, file = stem.rpartition(os.sep)
        return self.spec(name, folder, file) or self.spec(name, stem, "__init__")

    def spec(self, name: str, folder: str, file: str) -> ModuleSpec | None:
        """What Python would find: the module in a file, or the package if that is called so."""
        text = f"{folder}{os.sep}{file}.py"
        compiled = f"{folder}{os.sep}__pycache__{os.sep}{file}.{sys.implementation.cache_tag}.pyc"
        try:
            code = code_of(text, compiled)
        except (OSError, ValueError, EOFError, TypeError):
            return None
        if code is None:
            return None
        found = ModuleSpec(name, Compiled(name, text, code), origin=text, is_package=file == "__init__")
        found.has_location = True
        found.cached = compiled
        if file == "__init__":
            found.submodule_search_locations = [folder]
        return found


def code_of(text: str, compiled: str) -> CodeType | None:
    """The code in a compiled file; None if it was compiled from another text. Raises OSError if one is missing."""
    file = os.open(compiled, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0))
    try:
        data = part = os.read(file, USUAL)
        while len(part) == USUAL:
            part = os.read(file, USUAL)
            data += part
    finally:
        os.close(file)
    there = os.stat(text)
    stamp = (int(there.st_mtime) & 0xFFFFFFFF) + ((there.st_size & 0xFFFFFFFF) << 32)
    if data[:HEADER] != CHECKED_BY_TIME + stamp.to_bytes(8, "little"):
        return None
    code = loads(memoryview(data)[HEADER:])
    return code if isinstance(code, CodeType) else None


def find_quickly() -> None:
    """From now on modules of the package are found here first, unless options of Python ask for others."""
    package = sys.modules[PACKAGE[:-1]]
    if package.__file__ and not (sys.flags.optimize or sys.pycache_prefix):
        sys.meta_path.insert(0, Modules(os.path.dirname(package.__file__)))
