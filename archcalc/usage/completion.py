"""What a shell offers for each argument and option: specs, variants, layers, measures, rules, codes, parameters.

Loaded only when a shell asks: it may import whatever knows the words.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem, split_arg_string

from archcalc import layers, measures  # noqa: F401  every file in them registers itself
from archcalc.core.codes import CODES
from archcalc.core.diagnostic import SpecError
from archcalc.core.machine import MACHINES
from archcalc.core.overrides import AS_WRITTEN
from archcalc.graph.builder import build
from archcalc.graph.graph import Graph
from archcalc.graph.loading import documents_of, source_of
from archcalc.layer import known_names
from archcalc.lint import rules  # noqa: F401  every file in it registers itself
from archcalc.lint.rule import RULES
from archcalc.measure import MEASURES
from archcalc.memory import optimizers  # noqa: F401  every file in it registers itself
from archcalc.memory.footprint import FORMS
from archcalc.memory.optimizer import OPTIMIZERS
from archcalc.spec.declaration import Document
from archcalc.spec.document import variant_names
from archcalc.spec.zoo import bundled

AXES = ("N", "H", "W", "T", "D")
"""The symbols of the batch and of the axes of inputs."""


def specs(context: click.Context, typed: str) -> list[CompletionItem]:
    """Bundled specs and files; after @, the variants of the spec."""
    name, at, _ = typed.rpartition("@")
    if at:
        return offered((f"{name}@{variant}" for variant in variants_of(name)), typed)
    return offered([*bundled(), *files(typed)], typed) or [CompletionItem(typed, type="file")]


def files(typed: str) -> list[str]:
    """The folders, and the files with a suffix of a network, that begin with what is typed."""
    folder, _, begun = typed.rpartition("/")
    try:
        found = [
            each for each in Path(folder or ("/" if typed.startswith("/") else ".")).iterdir() if shown(each, begun)
        ]
    except OSError:
        return []
    return sorted(f"{typed[: len(typed) - len(begun)]}{each.name}{'/' * each.is_dir()}" for each in found)


def shown(path: Path, begun: str) -> bool:
    named = path.name.startswith(begun) and (begun.startswith(".") or not path.name.startswith("."))
    return named and (path.is_dir() or path.suffix in SUFFIXES)


SUFFIXES = (".yaml", ".yml")
"""The suffixes of specs."""


def variants_of(name: str) -> tuple[str, ...]:
    try:
        return variant_names(source_of(name)[0])
    except SpecError:
        return ()


def spec_then_layer(context: click.Context, typed: str) -> list[CompletionItem]:
    """For `explain`: a spec or a code first, and then a layer of the spec."""
    if given(context):
        return layers_of_spec(context, typed)
    return [*specs(context, typed), *offered([*CODES, *RULES], typed.upper())]


def layers_of_spec(context: click.Context, typed: str) -> list[CompletionItem]:
    """The layers of the network that the command line names."""
    graph = network(context)
    return offered((node.name for node in graph.nodes) if graph else (), typed)


def blocks_of_spec(context: click.Context, typed: str) -> list[CompletionItem]:
    return offered(blocks(context), typed)


def parameters_of_spec(context: click.Context, typed: str) -> list[CompletionItem]:
    return offered([*parameters(context), *AXES], typed)


def settings_of_spec(context: click.Context, typed: str) -> list[CompletionItem]:
    return offered((f"{name}=" for name in (*parameters(context), *AXES, *blocks(context))), typed)


def blocks(context: click.Context) -> Iterable[str]:
    found = document(context)
    return found.library.blocks if found else ()


def parameters(context: click.Context) -> list[str]:
    found = document(context)
    return [each.name.text for each in found.library.params] if found else []


def words(known: Callable[[], Iterable[str]], context: click.Context, typed: str) -> list[CompletionItem]:
    """Words separated by commas: those before the last comma stay."""
    done, comma, last = typed.rpartition(",")
    return offered((f"{done}{comma}{word}" for word in known() if word.startswith(last)), typed)


COLUMNS = ("layer", "type", "output", "receptive_field")
"""Columns of a report that are no measures."""

KINDS: Mapping[str, Callable[[click.Context, str], list[CompletionItem]]] = {
    "specs": specs,
    "spec then layer": spec_then_layer,
    "layers of spec": layers_of_spec,
    "blocks of spec": blocks_of_spec,
    "parameters of spec": parameters_of_spec,
    "settings of spec": settings_of_spec,
    "bundled": partial(words, bundled),
    "layers": partial(words, known_names),
    "columns": partial(words, lambda: (*COLUMNS, *MEASURES)),
    "measures": partial(words, lambda: MEASURES),
    "quantities": partial(words, lambda: (*MEASURES, "shape", "receptive_field", *FORMS)),
    "rules": partial(words, lambda: RULES),
    "machines": partial(words, lambda: MACHINES),
    "optimizers": partial(words, lambda: OPTIMIZERS),
}
"""What can be completed, by the word that an option declares: `completes="measures"`."""


def offered(words: Iterable[str], typed: str) -> list[CompletionItem]:
    return [CompletionItem(word) for word in dict.fromkeys(words) if word.startswith(typed)]


# --- the network on the command line so far --------------------------------------------------------------------------


def given(context: click.Context) -> tuple[str, ...]:
    """The specs that are already on the command line.

    Click drops the arguments when the last option has no value yet, which is when its value is asked for.
    """
    found: Any = context.params.get("specs")
    typed = split_arg_string(os.environ.get("COMP_WORDS", ""))[2:]
    return tuple(found or (each for each in typed if each.partition("@")[0] in bundled() or Path(each).is_file()))


def document(context: click.Context) -> Document | None:
    """The document of the first network on the command line; None if it cannot be read."""
    try:
        chains = context.params.get("expressions") or ()
        return next(iter(documents_of(given(context)[:1], chains, AS_WRITTEN)), None)
    except SpecError:
        return None


def network(context: click.Context) -> Graph | None:
    found = document(context)
    try:
        return build(found) if found else None
    except SpecError:
        return None
