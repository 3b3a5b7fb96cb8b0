"""From a spec by name to its graph: the first half of the pipeline in one call."""

from collections.abc import Mapping

from archcalc.builder import build
from archcalc.core.location import Source
from archcalc.graph import Graph
from archcalc.spec.document import read_document, read_source


def load(path: str, *, settings: Mapping[str, str] | None = None, batch: int = 1, dtype: str = "float32") -> Graph:
    """The graph of a spec file; `path@variant` takes one of its variants.

    Raises SpecError with every problem of the file.
    """
    name, _, variant = path.partition("@")
    document = read_document(read_source(name), variant=variant or None, settings=settings)
    return build(document, batch=batch, dtype=dtype)


def load_text(text: str, *, name: str = "<text>", variant: str | None = None) -> Graph:
    """The graph of a spec that is at hand as text."""
    return build(read_document(Source(name, text), variant=variant))
