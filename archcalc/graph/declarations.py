"""What a document declares before its first layer: parameters, inputs, defaults."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, cast

import archcalc.layers  # noqa: F401  every file in it registers itself
from archcalc.core.catalogue import Late
from archcalc.core.diagnostic import SpecError, did_you_mean, problem
from archcalc.core.dim import Dim, free, is_number
from archcalc.core.location import Location
from archcalc.core.padding import RULES
from archcalc.core.volume import ITEMSIZE, Volume, ids
from archcalc.graph.binding import Kind, dimension, read, signature_of, whole_number
from archcalc.graph.graph import Free, Input
from archcalc.graph.inference import check_lengths
from archcalc.layer import Layer, known_names, layer_named
from archcalc.record import field, record
from archcalc.spec.declaration import Document, InputDecl, Library, SymbolDecl
from archcalc.spec.expression import CONSTANTS, Expression, Names, Word, names_in
from archcalc.spec.value import Value, decided_within
from archcalc.sym.expr import Claim

if TYPE_CHECKING:
    from archcalc.graph import foreign_arguments, foreign_layers
    from archcalc.sym import periodic
else:
    foreign_arguments = Late("archcalc.graph.foreign_arguments")
    foreign_layers = Late("archcalc.graph.foreign_layers")
    periodic = Late("archcalc.sym.periodic")

Defaults = tuple[tuple[Word, Expression, Names], ...]
"""Default arguments for every call of a layer, each with the names for evaluating it."""

WORDS = frozenset({*known_names(), *RULES, "none"})
"""Words that an expression may contain besides names: layers (`act=relu`), padding rules, none."""


@record(frozen=False)
class Declarations:
    """The declarations of a document and of its imports; `report` receives each of their problems once.

    `wanted`: parameters to make free, in addition to the document's free symbols.
    """

    document: Document
    batch: Dim
    dtype: str
    sizes: Mapping[str, tuple[Dim, ...]]
    wanted: Collection[str]
    report: Callable[[SpecError], None]
    symbols: dict[str, Free] = field(default_factory=dict)
    parameters: dict[int, Names] = field(default_factory=dict)
    default_arguments: dict[int, Mapping[str, Defaults]] = field(default_factory=dict)

    def truth(self, claim: Claim, where: Location) -> bool:
        """Whether a claim holds for all values of the symbols."""
        return decided_within({name: each.domain for name, each in self.symbols.items()}, claim, where)

    def parameters_of(self, library: Library) -> Names:
        """The named constants of a file, each an expression over earlier ones, and its symbols."""
        known = self.parameters.get(id(library))
        if known is None:
            values: dict[str, Value] = {}
            for prefix, home in library.imports:
                theirs = self.parameters_of(self.document.libraries[home])
                values |= {f"{prefix}.{name}" if prefix else name: value for name, value in theirs.items()}
            if library is self.document.library:
                values |= self.declared_symbols()
            for parameter in library.params:
                name = parameter.name.text
                try:
                    value = parameter.value.evaluate(values, WORDS, self.truth)
                    values[name] = self.freed(name, value) if library is self.document.library else value
                except SpecError as error:
                    self.report(error)
            if library is self.document.library:
                self.bound_symbols(library, values)
            known = self.parameters[id(library)] = values
        return known

    # --- symbols -------------------------------------------------------------------------------------------------

    def declared_symbols(self) -> Names:
        """The symbols that the document itself leaves free."""
        self.symbols |= {name: Free(periodic.PeriodicSet.interval()) for name in free_names(self.document)}
        return {name: cast(Value, free(name)) for name in self.symbols}

    def bound_symbols(self, library: Library, names: Names) -> None:
        """Evaluates the bounds in `symbols:`, which can use parameters."""
        for declared in library.symbols:
            try:
                self.symbols[declared.name] = bounded(declared, names)
            except SpecError as error:
                self.report(error)

    def freed(self, name: str, value: Value) -> Value:
        """A parameter's value, or a symbol that replaces it if it is to be free."""
        if isinstance(value, tuple):
            return tuple(self.entry(name, i, each) for i, each in enumerate(value))
        return self.symbol(name, value) if name in self.wanted and is_whole(value) else value

    def entry(self, name: str, index: int, value: Value) -> Value:
        asked = name in self.wanted or f"{name}[{index}]" in self.wanted
        return self.symbol(symbol_name(f"{name}[{index}]"), value) if asked and is_whole(value) else value

    def symbol(self, name: str, value: Value) -> Value:
        assert isinstance(value, int)
        self.symbols[name] = Free(periodic.PeriodicSet.interval(), value)
        return cast(Value, free(name))

    def input(self, declared: InputDecl, names: Names) -> Input:
        shape = self.sizes.get(declared.name) or tuple(self.size(part, names) for part in declared.shape)
        vocab = None
        if declared.vocab is not None:
            try:
                vocab = read("vocab", declared.vocab, Kind(whole_number), names)
            except SpecError as error:
                self.report(error)
        last = declared.channels_last or (declared.plain and len(shape) > 1)
        if last:
            shape = (shape[-1], *shape[:-1])
        dtype = self.dtype if declared.dtype == "float32" else declared.dtype
        if dtype not in ITEMSIZE:
            known = ", ".join(ITEMSIZE)
            self.report(problem("AC125", f"unknown dtype '{dtype}'", declared.where, help=f"one of {known}"))
        volume = Volume(shape[0], tuple(shape[1:]), self.batch, last, dtype, plain=declared.plain)
        if volume.is_ids:
            volume = ids(*shape, batch=self.batch, dtype=dtype)
        try:
            check_lengths(volume, declared.where)
        except SpecError as error:
            self.report(error)
            volume = volume.to(spatial=(0,) * volume.rank)
        return Input(declared.name, volume, vocab, declared.where)

    def size(self, part: Expression, names: Names) -> Dim:
        """A dimension of an input; 0 if it cannot be evaluated."""
        try:
            size: Dim = read("a dimension", part, Kind(dimension), names)
            if is_number(size) and size < 1:
                raise problem("AC201", f"a dimension must be at least 1, got {size}", part.where)
            return size
        except SpecError as error:
            self.report(error)
            return 0

    def check_blocks(self) -> None:
        """Reports blocks that have the name of a layer, which no call could reach."""
        for name, block in self.document.library.blocks.items():
            if layer_named(name):
                message = f"'{name}' is a layer, so a block cannot have this name"
                self.report(problem("AC115", message, block.name.where, help=f"choose another name: my_{name}"))

    def defaults_of(self, library: Library) -> Mapping[str, Defaults]:
        """The `defaults:` of a file by the canonical names of the layers; their problems are reported once."""
        known = self.default_arguments.get(id(library))
        if known is None:
            names = self.parameters_of(library)
            known = {}
            for word in library.default_names:
                layer, arguments = layer_named(word.text), library.defaults[word.text]
                if layer is None:
                    self.report(unknown_layer(word.text, word.where))
                    continue
                known[layer.name] = tuple((key, value, names) for key, value in self.known_defaults(layer, arguments))
            self.default_arguments[id(library)] = known
        return known

    def known_defaults(
        self, layer: type[Layer], arguments: tuple[tuple[Word, Expression], ...]
    ) -> Iterator[tuple[Word, Expression]]:
        signature = signature_of(layer)
        for key, value in arguments:
            if key.text in signature.kinds or key.text in signature.others:
                yield key, value
            else:
                help = foreign_arguments.suggested(key.text, [*signature.kinds, *signature.others])
                self.report(problem("AC120", f"unknown argument '{key.text}' of {layer.name}", key.where, help=help))


def unknown_layer(word: str, where: Location | None, own: Sequence[str] = ()) -> SpecError:
    """The error for a word that is no layer. `own`: the names that the spec gives, one of which may be meant."""
    plain = word.rpartition(".")[2]
    layers = known_names()
    grouped = "parentheses hold arguments: make the chain in them a block, or items of their own"
    help = (
        (grouped if word.startswith("(") else "")
        or (f"write {plain}" if plain != word and plain in layers else foreign_layers.meaning_of(word))
        or did_you_mean(word, own)
        or foreign_layers.part_of(word)
        or did_you_mean(word, layers)
        or "`archcalc layers` lists the layers"
    )
    return problem("AC101", f"no layer or block is called '{word}'", where, help=help)


def free_names(document: Document) -> Mapping[str, Location | None]:
    """The symbols that a document leaves free, with their locations."""
    library = document.library
    given = {parameter.name.text for parameter in library.params}
    names = [name for each in document.inputs for dim in each.shape for name in names_in(dim)]
    found = {declared.name: declared.where for declared in library.symbols}
    return {name.id: name.where for name in names if name.id not in given and name.id not in CONSTANTS} | found


def free_symbol(name: str, where: Location | None) -> SpecError:
    help = f"set it: --set {name}=224; `archcalc formula` and `archcalc solve` accept free symbols"
    return problem("AC134", f"'{name}' is a free symbol, but a number is needed here", where, help=help)


def symbol_name(name: str) -> str:
    """The symbol of a freed parameter: entries of lists get a plain name.

    >>> symbol_name("w"), symbol_name("depths[0]")
    ('w', 'depths_0')
    """
    return name.replace("[", "_").replace("]", "")


def is_whole(value: Value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def bounded(declared: SymbolDecl, names: Names) -> Free:
    """A symbol with the values that `symbols:` allows."""
    least, most, step = (
        None if bound is None else read("a bound", bound, Kind(whole_number), names)
        for bound in (declared.min, declared.max, declared.multiple_of)
    )
    step = 1 if step is None else step
    least = 1 if least is None else least
    if least < 1 or step < 1 or (most is not None and most < least):
        message = f"'{declared.name}' has impossible bounds: min {least}, max {most or 'none'}, multiple_of {step}"
        raise problem("AC137", message, declared.where, help="write symbols: {T: {min: 1, max: 4096, multiple_of: 64}}")
    return Free(periodic.PeriodicSet.modulo(step, [0], least, most), step=step)
