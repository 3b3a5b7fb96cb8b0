"""Loading: from the name of a spec to its graph."""

import gc
import os
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from archcalc.core.catalogue import Late
from archcalc.core.diagnostic import did_you_mean, problem
from archcalc.core.location import Source
from archcalc.core.overrides import AS_WRITTEN, Overrides
from archcalc.graph.builder import build
from archcalc.graph.graph import Graph
from archcalc.graph.sources import reader_of
from archcalc.record import replace
from archcalc.spec.declaration import Document
from archcalc.spec.document import decoded, one_liner, read_document, read_source
from archcalc.spec.reader import MAX_BYTES
from archcalc.spec.zoo import bundled

if TYPE_CHECKING:
    from archcalc.graph import freeing, input_sizes
else:
    input_sizes = Late("archcalc.graph.input_sizes")
    freeing = Late("archcalc.graph.freeing")


@contextmanager
def gc_paused() -> Iterator[None]:
    """Pauses garbage collection. All objects created here are kept; scanning them again and again makes the time grow
    faster than the spec (measured: 13 times the time for 10 times the layers, 10 times without collection)."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def load(
    spec: str | os.PathLike[str],
    *,
    settings: Mapping[str, str | int] | None = None,
    free: Collection[str] | None = None,
    batch: int = 1,
    dtype: str = "float32",
) -> Graph:
    """The graph of a spec: a path, `-`, or the name of a bundled one, each with `@variant`; or of another reference.

    `free`: names to make free symbols: axes of the first input (`H`), the batch size `N`, parameters (`w`,
    `depths[0]`), in addition to the free symbols of the spec. None requires numbers throughout.

    Raises SpecError with every problem of the file, ValueError for a batch or dtype that no network has.

    >>> load("lenet5", batch=0)
    Traceback (most recent call last):
    ValueError: batch must be a whole number from 1 on, got 0
    """
    check_arguments(batch, dtype)
    with gc_paused():
        document = document_of(str(spec), Overrides(settings={name: str(n) for name, n in (settings or {}).items()}))
        if free is not None:
            return freeing.with_free(document, free, batch=batch, dtype=dtype)
        return build(document, batch=batch, dtype=dtype)


DTYPES = ("float64", "float32", "bfloat16", "float16")


def check_arguments(batch: int, dtype: str) -> None:
    if not isinstance(batch, int) or isinstance(batch, bool) or batch < 1:
        raise ValueError(f"batch must be a whole number from 1 on, got {batch!r}")
    check_dtype(dtype)


def check_dtype(dtype: str) -> None:
    if dtype not in DTYPES:
        help = did_you_mean(str(dtype), DTYPES) or f"use one of {', '.join(DTYPES)}"
        raise ValueError(f"there is no dtype {dtype!r}; {help}")


def load_text(text: str, *, name: str = "<text>", variant: str | None = None) -> Graph:
    """The graph of a spec given as text."""
    with gc_paused():
        return build(read_document(Source(name, text), variant=variant))


def document_of(spec: str, overrides: Overrides = AS_WRITTEN) -> Document:
    """The document of a spec by its name, or of another reference: `py:my_net:Net`, `model.onnx`, `config.json`."""
    if reader := reader_of(spec):
        return reader.read(spec, overrides)
    source, variant = source_of(spec)
    return overridden(partial(read_document, source, variant=variant, roots=overrides.roots), overrides)


def document_of_chain(chain: str, overrides: Overrides = AS_WRITTEN) -> Document:
    """The document of a one-line network."""
    return overridden(partial(one_liner, chain), overrides)


def overridden(read: Callable[..., Document], overrides: Overrides) -> Document:
    """The document that `read(settings=...)` returns, with everything else that the command line changes."""
    settings, inputs = overrides.settings, overrides.inputs
    certain = {name: value for name, value in settings.items() if not input_sizes.may_be_axis(name)}
    document = read(settings=certain)
    axes = input_sizes.axis_settings(settings, document) if len(certain) < len(settings) else {}
    if len(certain) + len(axes) < len(settings):
        document = read(settings={name: value for name, value in settings.items() if name not in axes})
    document = input_sizes.with_input_sizes(document, inputs) if inputs else document
    document = input_sizes.with_axes(document, axes) if axes else document
    return replace(document, max_layers=overrides.max_layers)


def read_from_specs(specs: Sequence[str]) -> bool:
    """Whether all of these are files with specs, rather than standard input, code or a model."""
    return not any(each.partition("@")[0] == "-" or reader_of(each) for each in specs)


def documents_of(specs: Sequence[str], chains: Sequence[str], overrides: Overrides) -> list[Document]:
    """The documents of named specs, and of a one-line network, which can be given in several pieces."""
    one_line = [document_of_chain("\n".join(chains), overrides)] if chains else []
    return [*(document_of(spec, overrides) for spec in specs), *one_line]


def source_of(spec: str) -> tuple[Source, str | None]:
    """The text of a named spec, and the requested variant."""
    if os.path.isfile(spec):
        return read_source(spec), None
    path, _, variant = spec.rpartition("@") if "@" in spec else (spec, "", "")
    if path == "-":
        return decoded("<stdin>", standard_input()), variant or None
    if not path:
        raise problem("AC021", f"'{spec}' is not the name of a spec", help="`archcalc specs` lists the bundled specs")
    known = bundled()
    if path in known and not os.path.isfile(path):
        return read_source(known[path]), variant or None
    if "->" in spec or spec.startswith("input("):
        raise problem("AC021", f"'{spec}' is a network, not the name of one", help=f"put -e before it: -e '{spec}'")
    if is_a_name(path):
        help = did_you_mean(path, known) or "`archcalc specs` lists the bundled specs"
        raise problem("AC021", f"'{path}' is neither a file nor a bundled spec", help=help)
    return read_source(path), variant or None


def standard_input() -> bytes:
    """What standard input holds."""
    if sys.stdin is None:
        raise problem("AC001", "standard input is closed", help="name a file")
    try:
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise problem("AC001", f"standard input cannot be read: {reason}", help="name a file") from None


def is_a_name(spec: str) -> bool:
    """Whether it looks like the name of a bundled spec rather than a path."""
    return not os.path.exists(spec) and not os.path.splitext(spec)[1] and "/" not in spec
