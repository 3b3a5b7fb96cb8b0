"""The output formats of a sweep, one file each: `SUFFIXES`, and `write`, which takes a sweep and returns text or bytes.

A format is imported when it is requested. One that cannot hold a result whole in memory has `write_to`, which takes the
sweep and a path.
"""

import importlib
from types import ModuleType

from archcalc.core.catalogue import modules_in

NAMES = tuple(modules_in(__path__))
"""All formats."""

SUFFIXES = {
    ".txt": "table",
    ".csv": "csv",
    ".json": "json",
    ".parquet": "parquet",
    ".html": "html",
    ".svg": "svg",
}
"""The format of each suffix of a file."""


def format_named(name: str) -> ModuleType:
    """The module of a format."""
    return importlib.import_module(f"{__name__}.{name}")
