"""What a network can be read from besides a spec: code, a model file, a configuration.

The kind of a reference is its prefix (`py:my_net:Net`) or its suffix (`model.onnx`). The file of that name in
importing/sources reads it; it is imported when a reference of its kind is read, so that specs need none of them.
"""

import importlib
import os
import re
from typing import Protocol, cast

from archcalc.core.overrides import Overrides
from archcalc.spec.declaration import Document


class Reader(Protocol):
    """What a file of importing/sources defines."""

    def claims(self, reference: str) -> bool:
        """Whether it reads this reference; if not, it is a spec."""

    def read(self, reference: str, overrides: Overrides) -> Document:
        """The document, with everything that the command line changes. Raises SpecError if it cannot be read."""


PACKAGE = "archcalc.importing.sources"

SPECS = ("", "yaml", "yml")

OTHER_SUFFIXES = {"pth": "pt", "ckpt": "pt", "bin": "pt", "pkl": "pt", "pickle": "pt"}
"""Suffixes that name the kind of another one."""

PREFIX = r"([a-z]\w+):"


def reader_of(reference: str) -> Reader | None:
    """The reader of a reference; None if it is a spec."""
    kind = kind_of(reference)
    if kind in SPECS or not kind.isidentifier():
        return None
    from importlib.util import find_spec  # lazy: 1 ms, needed only where the reference may not be a spec

    if find_spec(f"{PACKAGE}.{kind}") is None:
        return None
    reader = cast(Reader, importlib.import_module(f"{PACKAGE}.{kind}"))
    return reader if reader.claims(reference) else None


def kind_of(reference: str) -> str:
    """The prefix of a reference, or else its suffix without the dot; empty if it has neither.

    >>> [kind_of(each) for each in ("py:net:Net", "C:/a/model.ONNX", "weights.pth", "a.yaml@large", "resnet50@large")]
    ['py', 'onnx', 'pt', 'yaml', '']
    """
    if ":" in reference and (found := re.match(PREFIX, reference)):
        return found.group(1)
    path = reference if os.path.isfile(reference) else reference.partition("@")[0]
    suffix = os.path.splitext(path)[1][1:].lower()
    return OTHER_SUFFIXES.get(suffix, suffix)
