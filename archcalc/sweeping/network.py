"""The networks of a sweep: a spec with the values of a design set, and the numbers that stay free."""

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import cast

from archcalc.core.diagnostic import did_you_mean, enumerated, quoted
from archcalc.core.location import Location, Source
from archcalc.graph.builder import build
from archcalc.graph.declarations import Declarations, free_names, symbol_name
from archcalc.graph.free_axes import Declared, axes_of, declared
from archcalc.graph.freeing import with_free
from archcalc.graph.graph import Graph
from archcalc.graph.input_sizes import axis_names, with_axes
from archcalc.record import field, record, replace
from archcalc.spec.declaration import Document, Library, SymbolDecl
from archcalc.spec.expression import Expression, Name, Names, Number, TupleOf, parse_expression
from archcalc.spec.setting import can_be_set, default_arguments, with_settings
from archcalc.spec.value import Value as SpecValue
from archcalc.sweeping.space import Value, wrong
from archcalc.sym.expr import symbol

KEPT = 32
"""Networks with one more number set that are kept: designs come in an order in which few are needed at a time."""

VARIANT = "variant"
"""The axis that selects a variant of the spec."""


@record(slots=False)
class Network:
    """A spec whose numbers in `free` are symbols. `symbols`: for each of these names, its symbols."""

    document: Document
    symbols: Mapping[str, tuple[str, ...]]
    batch: int = 1
    dtype: str = "float32"
    children: "OrderedDict[tuple[tuple[str, Value], ...], Network]" = field(default_factory=OrderedDict, compare=False)

    @cached_property
    def graph(self) -> Graph:
        """The network, in symbols if any number is free. Raises SpecError."""
        if not self.symbols:
            return build(self.document, batch=self.batch, dtype=self.dtype)
        return with_free(self.document, list(self.symbols), batch=self.batch, dtype=self.dtype, alone=True)

    def at(self, given: Mapping[str, Value]) -> "Network":
        """The network with some of its numbers set."""
        key = tuple(given.items())
        if key not in self.children:
            rest = {name: each for name, each in self.symbols.items() if name not in given}
            document, batch = with_values(self.document, self.batch, given)
            self.children[key] = Network(document, rest, batch, self.dtype)
            if len(self.children) > KEPT:
                self.children.popitem(last=False)
        self.children.move_to_end(key)
        return self.children[key]

    @cached_property
    def names(self) -> Names:
        """The parameters of the spec and the free numbers, as far as they have values, for conditions."""
        found = Declarations(self.document, 1, self.dtype, {}, list(self.symbols), lambda error: None)
        known: dict[str, SpecValue] = dict(found.parameters_of(self.document.library))
        for name, symbols in self.symbols.items():
            if "[" not in name:
                known[name] = symbol(symbols[0])
        return known


def network_of(document: Document, names: Sequence[str], batch: int, dtype: str) -> Network:
    """The network in which these names are free. Raises SpecError for a name that cannot be."""
    known = declared(unbounded(document), batch=batch, dtype=dtype)
    return Network(unbounded(document), {name: symbols_of(name, known, dtype) for name in names}, batch, dtype)


def unbounded(document: Document) -> Document:
    """The spec without bounds on its free symbols, as where they are set to numbers."""
    symbols = tuple(SymbolDecl(each.name, None, None, None, each.where) for each in document.library.symbols)
    return with_library(document, replace(document.library, symbols=symbols))


def with_library(document: Document, library: Library) -> Document:
    libraries = {**document.libraries, document.source.name: library}
    return replace(document, library=library, libraries=libraries, expect=())


def symbols_of(name: str, known: Declared, dtype: str) -> tuple[str, ...]:
    """The symbols of a name that is free: several for the letter of an axis that differs between inputs."""
    if name in free_names(known.document):
        return (name,)
    if name in known.freeable and not isinstance(known.params.get(name), tuple):
        return (symbol_name(name),)
    if name == known.batch:
        return (name,)
    return tuple(axis.symbol for axis in axes_of(known, dtype).free if name in (axis.symbol, axis.letter))


def can_be_free(name: str, document: Document, dtype: str) -> bool:
    """Whether a number of a spec can be a symbol; otherwise each of its values makes a network of its own."""
    return bool(symbols_of(name, declared(unbounded(document), dtype=dtype), dtype))


def check_name(name: str, value: Value, document: Document, option: str) -> None:
    """Raises SpecError for a name that no axis of a sweep can have, or not with such a value."""
    known = declared(unbounded(document))
    base, entry, _ = name.partition("[")
    free = list(free_names(document))
    axes = [each for given in known.inputs for each in axis_names(given)]
    own = [each.name.text for each in document.library.params]
    if name in own and isinstance(known.params.get(name), tuple) and not isinstance(value, str):
        raise wrong(f"{quoted(name)} is a list", name, option, help=f"name an entry, {name}[0], or give lists")
    if can_be_set(name, document.library, free) or name in (VARIANT, known.batch, *axes):
        return
    if base in own and entry and isinstance(entries := known.params.get(base), tuple):
        if int(name[len(base) + 1 : -1]) < len(entries):
            return
        raise wrong(f"{base} has {len(entries)} entries, counted from 0", name, option)
    candidates = [*own, *free, *dict.fromkeys(axes), known.batch, *default_arguments(document.library)]
    help = did_you_mean(name, candidates) or f"an axis can be one of {enumerated(candidates)}"
    raise wrong(f"{document.name} has nothing called {quoted(name)}", name, option, help=help)


# --- values ----------------------------------------------------------------------------------------------------------


def with_values(document: Document, batch: int, given: Mapping[str, Value]) -> tuple[Document, int]:
    """The spec and the batch with these values set: parameters, then entries of lists, then lengths of axes."""
    free = list(free_names(document))
    whole = {name: text for name, text in given.items() if can_be_set(name, document.library, free)}
    if whole:
        expressions = {name: expression_of(name, value) for name, value in whole.items()}
        document = with_library(document, with_settings(document.library, expressions, free))
    entries = {name: value for name, value in given.items() if name not in whole and "[" in name}
    if entries:
        document = with_entries(document, entries)
    own_batch = declared(document).batch if len(whole) + len(entries) < len(given) else ""
    axes = {name: str(value) for name, value in given.items() if name not in {*whole, *entries, own_batch, VARIANT}}
    document = with_axes(document, axes) if axes else document
    return document, int(given.get(own_batch, batch))


def expression_of(name: str, value: Value) -> Expression:
    text = str(value)
    where = Location(Source("--set", f"{name}={text}"), 0, len(name) + 1)
    return Number(value, where) if isinstance(value, int) and value >= 0 else parse_expression(text, where)


def with_entries(document: Document, given: Mapping[str, Value]) -> Document:
    """The spec with other entries in the lists of its parameters."""
    changed: dict[str, Expression] = {}
    for name, value in given.items():
        base, _, index = name.removesuffix("]").partition("[")
        if base not in changed:
            changed[base] = listed(document, base)
        items = list(cast(TupleOf, changed[base]).items)
        items[int(index)] = expression_of(name, value)
        changed[base] = TupleOf(tuple(items), changed[base].where)
    return with_library(document, with_settings(document.library, changed))


def listed(document: Document, name: str) -> TupleOf:
    """A parameter as the list of its entries."""
    own = next(each.value for each in document.library.params if each.name.text == name)
    if isinstance(own, TupleOf):
        return own
    return TupleOf(
        tuple(literal(each, own) for each in cast(tuple[SpecValue, ...], declared(document).params[name])), own.where
    )


def literal(value: SpecValue, at: Expression) -> Expression:
    if isinstance(value, tuple):
        return TupleOf(tuple(literal(each, at) for each in value), at.where)
    return Name(str(value).lower(), at.where) if isinstance(value, bool | str) else Number(cast(int, value), at.where)


def settings_in_words(document: Document, given: Mapping[str, Value]) -> Iterator[str]:
    """The options that set a design on the command line: `--set w=32`, `--batch 8`."""
    batch = declared(document).batch
    with_lists = with_values(document, 1, {name: value for name, value in given.items() if "[" in name})[0]
    lists = dict.fromkeys(name.partition("[")[0] for name in given if "[" in name)
    for name, value in given.items():
        if name == batch:
            yield f"--batch {value}"
        elif name != VARIANT and "[" not in name:
            yield f"--set {name}={value}"
    for name in lists:
        entries = ",".join(
            each.where.text if not isinstance(each, Number) else str(each.value)
            for each in listed(with_lists, name).items
        )
        yield f"--set {name}=[{entries}]"
