"""The document: a spec with its imports read and a variant and settings applied, not yet evaluated."""

import os
import stat
from codecs import BOM_UTF8
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO

from archcalc.core.answers import doubt, looked
from archcalc.core.catalogue import Late
from archcalc.core.diagnostic import Problems, closest, did_you_mean, enumerated, problem, quoted
from archcalc.core.location import Location, Source
from archcalc.record import field, record
from archcalc.spec import reader as tree
from archcalc.spec.declaration import Document
from archcalc.spec.library import Libraries
from archcalc.spec.reader import MAX_BYTES, Node, Scalar, read_tree, too_large

if TYPE_CHECKING:
    from archcalc.spec import one_line
else:
    one_line = Late("archcalc.spec.one_line")

SUFFIXES = (".yaml", ".yml")

TEXTS = ("name", "about", "source")
VARIED = ("params", "input", "expect", *TEXTS)
"""Keys that a variant may change, besides parameters by name."""


@record
class Changes:
    """The changes of a variant."""

    params: Mapping[str, Node] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    input: Node | None = None
    expect: Node | None = None


def read_source(path: str) -> Source:
    """The text of a file. Raises SpecError if it cannot be read."""
    name = os.fspath(path)
    with readable(name) as file:
        data = file.read(MAX_BYTES + 1)
    looked(name, data)
    return decoded(name, data)


@contextmanager
def readable(name: str) -> Iterator[BinaryIO]:
    """An open file. Raises SpecError if it cannot be read."""
    try:
        with regular(name) as file:
            yield file
    except FileNotFoundError:
        raise problem("AC001", f"{name} does not exist", help=_neighbour(name)) from None
    except IsADirectoryError:
        raise problem("AC001", f"{name} is a directory", help="name a file in this directory") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise problem("AC001", f"{name} cannot be read: {str(reason).lower()}") from None


def read_regular(name: str) -> bytes:
    """The bytes of a regular file; OSError if there is none."""
    with regular(name) as file:
        data = file.read(MAX_BYTES + 1)
    looked(name, data)
    return data


@contextmanager
def regular(name: str) -> Iterator[BinaryIO]:
    """An open regular file. A pipe or a device is refused without waiting for it; OSError if there is none."""
    try:
        descriptor = os.open(name, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError):
        doubt()
        raise
    try:
        kind = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(kind):
            raise IsADirectoryError
        if not stat.S_ISREG(kind):
            doubt()
            raise problem("AC001", f"{name} is not a regular file", help="write - to read standard input")
        with open(descriptor, "rb", closefd=False) as file:
            yield file
    finally:
        os.close(descriptor)


def decoded(name: str, data: bytes) -> Source:
    """The text of a file from its bytes."""
    if len(data) > MAX_BYTES:
        raise too_large()
    if b"\0" in data:
        raise problem("AC002", f"{name} is not a text file", help="write the spec as YAML in UTF-8")
    try:
        return Source(name, data.removeprefix(BOM_UTF8).decode())
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise problem(
            "AC002", f"{name} is not UTF-8 text; the first invalid byte is in line {line}", help="save it as UTF-8"
        ) from None


def _neighbour(path: str) -> str:
    """The suggestion of a spec with a similar name in the same folder; suffixes are ignored."""
    folder, name = os.path.split(path)
    try:
        files = (os.path.splitext(each) for each in islice(os.listdir(folder or "."), 1000))
        specs = {stem: stem + suffix for stem, suffix in files if suffix in SUFFIXES}
    except (OSError, ValueError):
        return ""
    close = closest(os.path.splitext(name)[0], specs)
    return f"did you mean '{specs[close]}'?" if close else ""


def read_document(
    source: Source,
    *,
    variant: str | None = None,
    settings: Mapping[str, str] | None = None,
    load: Callable[[str], Source] = read_source,
    roots: Sequence[str] = (),
) -> Document:
    """The document of a spec, with `variant` and `settings` (name to expression) applied.

    A variant changes the numbers, so only its own expectations apply; with settings, none apply. `load` reads the
    imports by their paths. They lie in the spec's folder or below, or in one of the folders `roots`, or are bundled.

    Raises SpecError with every problem of the file and its imports, in file order.
    """
    problems = Problems()
    document = problems.attempt(Reading(problems, load, roots).document, source, variant, settings or {})
    return settled(document, problems)


def variant_names(source: Source) -> tuple[str, ...]:
    """The names of a spec's variants, without checking the spec."""
    if "variants" not in source.text:
        return ()
    root = read_tree(source, Problems())
    variants = root.get("variants") if isinstance(root, tree.Mapping) else None
    return tuple(key.value for key, _ in variants.pairs) if isinstance(variants, tree.Mapping) else ()


def one_liner(text: str, *, settings: Mapping[str, str] | None = None) -> Document:
    """The document of `input(3,32,32) -> conv(5,32,p2) -> fc(100)`; a `;` or a line break ends a statement.

    Additional inputs have names and begin their own statements: `b = input(8, 32, 32) -> conv(1, 4)`.

    Raises SpecError with every problem of the text.
    """
    problems = Problems()
    document = problems.attempt(Reading(problems, read_source, ()).one_liner, Source("-e", text), settings or {})
    return settled(document, problems)


def settled(document: Document | None, problems: Problems) -> Document:
    """The document. Raises SpecError if there are problems."""
    problems.settle()
    assert document is not None
    return document


class Reading(Libraries):
    """Reads one document."""

    def document(self, source: Source, variant: str | None, settings: Mapping[str, str]) -> Document:
        top = self.top(source, required=("archcalc", "input", "layers"))
        variants = self.variants(top)
        changes = self.chosen(top, variants, variant)
        self.open.append(os.path.normpath(source.name))
        self.roots = (os.path.dirname(source.name) or os.curdir, *self.roots)
        inputs = self.inputs(changes.input or top.get("input"))
        library = self.library(source, top, changes.params, settings, inputs)
        self.libraries[source.name] = library
        text = {key: changes.texts.get(key) or self.text(top, key) for key in TEXTS}
        stem = os.path.splitext(os.path.basename(source.name))[0]
        name = text["name"] if variant is None or "name" in changes.texts else f"{text['name'] or stem}@{variant}"
        own = self.expectations(top.get("expect"))
        stated = own if variant is None else self.expectations(changes.expect)
        return Document(
            source=source,
            name=name or stem,
            about=text["about"],
            citation=text["source"],
            tags=tuple(self.texts(top.get("tags"))),
            library=library,
            libraries=self.libraries,
            inputs=inputs,
            layers=self.body(top.get("layers")),
            outputs=self.words(top.get("outputs"), "a layer's name"),
            expect=() if settings else stated,
            variants=tuple(variants),
            variant=variant,
        )

    def variants(self, top: tree.Mapping) -> dict[str, Changes]:
        """The changes of every variant. All variants are checked, selected or not."""
        params = [key.value for key, _ in top_pairs(top, "params")]
        pairs = self.pairs(top.get("variants"), "variants")
        return {key.value: self.once(changes_in, value, self, params) or Changes() for key, value in pairs}

    def changes(self, node: Node, params: Collection[str]) -> Changes:
        found: dict[str, Node] = {}
        texts: dict[str, str] = {}
        known = (*params, *VARIED)
        given = tree.Mapping(self.pairs(node, "a variant"), node.where)
        for key, value in given.pairs:
            if key.value == "params":
                for inner, changed in self.pairs(value, "params"):
                    if self.is_param(inner, params, params):
                        found[inner.value] = changed
            elif key.value in TEXTS:
                texts[key.value] = self.one_text(value)
            elif key.value not in VARIED and self.is_param(key, params, known):
                found[key.value] = value
        changes = Changes(found, texts, given.get("input"), given.get("expect"))
        for value in found.values():
            self.value(value)
        return changes

    def is_param(self, key: Scalar, params: Collection[str], known: Collection[str]) -> bool:
        if key.value in params:
            return True
        help = did_you_mean(key.value, known) or (f"the parameters are {enumerated(params)}" if params else "")
        message = f"unknown parameter {quoted(key.value)} in a variant"
        self.problems.add(problem("AC117", message, key.where, help=help))
        return False

    def chosen(self, top: tree.Mapping, variants: Mapping[str, Changes], variant: str | None) -> Changes:
        if variant is None:
            return Changes()
        if variant not in variants:
            there = f"the variants are {enumerated(variants)}" if variants else "the spec has no variants"
            help = did_you_mean(variant, variants) or there
            where = next((key.where for key, _ in top.pairs if key.value == "variants"), top.where)
            self.problems.add(problem("AC116", f"unknown variant {quoted(variant)}", where, help=help))
            return Changes()
        return variants[variant]

    def one_liner(self, source: Source, settings: Mapping[str, str]) -> Document:
        inputs, layers = one_line.network(source, self.problems)
        library = self.library(source, tree.Mapping((), Location(source)), {}, settings, inputs)
        return Document(
            source=source,
            name="One-line network",
            library=library,
            libraries={source.name: library},
            inputs=inputs,
            layers=layers,
        )


def changes_in(node: Node, reading: Reading, params: Collection[str]) -> Changes:
    return reading.changes(node, params)


def top_pairs(top: tree.Mapping, key: str) -> tuple[tuple[Scalar, Node], ...]:
    node = top.get(key)
    return node.pairs if isinstance(node, tree.Mapping) else ()
