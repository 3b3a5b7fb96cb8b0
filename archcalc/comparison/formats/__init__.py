"""The formats of `archcalc diff`, one per file.

Its functions `write` and `write_weights` take a comparison of networks or of weights, and how to show it.
A format is imported when it is requested. Pages are a later stage.
"""

import importlib
from types import ModuleType

from archcalc.core.catalogue import modules_in

MODULES = {found: f"{__name__}.{found}" for found in modules_in(__path__)} | {"html": "archcalc.pages.difference"}
"""Every format and its module."""

FORMATS = tuple(MODULES)

SUFFIXES = {
    ".html": "html",
    ".htm": "html",
    ".json": "json",
    ".md": "markdown",
    ".markdown": "markdown",
    ".txt": "table",
}
"""The suffixes of files, and the format of each."""


def format_named(name: str) -> ModuleType:
    """The module of a format."""
    return importlib.import_module(MODULES[name])
