"""What a document declares before its first layer: parameters, inputs, defaults."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from archcalc import layers  # noqa: F401  every file in it registers itself
from archcalc.binding import Kind, read, signature_of, whole_number
from archcalc.core.diagnostic import SpecError, did_you_mean, problem
from archcalc.core.location import Location
from archcalc.core.padding import RULES
from archcalc.core.volume import ITEMSIZE, Volume
from archcalc.graph import Input
from archcalc.inference import check_lengths
from archcalc.layer import Layer, known_names, layer_named
from archcalc.spec.declaration import Document, InputDecl, Library
from archcalc.spec.expression import Expression, Name, Names, Value, Word

Defaults = tuple[tuple[Word, Expression, Names], ...]
"""Arguments given to every call of a layer, each with the names it is read with."""

WORDS = frozenset({*known_names(), *RULES, "none"})
"""Words that an expression may hold without being a name: layers (`act=relu`), padding rules, none."""


@dataclass
class Declarations:
    """The declarations of a document and of the files it imports; what is wrong with them goes to `report`, once."""

    document: Document
    batch: int
    dtype: str
    sizes: Mapping[str, tuple[int, ...]]
    report: Callable[[SpecError], None]
    parameters: dict[int, Names] = field(default_factory=dict)
    default_arguments: dict[int, Mapping[str, Defaults]] = field(default_factory=dict)

    def parameters_of(self, library: Library) -> Names:
        """The named constants of a file, each an expression over earlier ones."""
        known = self.parameters.get(id(library))
        if known is None:
            values: dict[str, Value] = {}
            for prefix, home in library.imports:
                theirs = self.parameters_of(self.document.libraries[home])
                values |= {f"{prefix}.{name}" if prefix else name: value for name, value in theirs.items()}
            for parameter in library.params:
                try:
                    values[parameter.name.text] = parameter.value.evaluate(values, WORDS)
                except SpecError as error:
                    self.report(error)
            known = self.parameters[id(library)] = values
        return known

    def input(self, declared: InputDecl, names: Names) -> Input:
        shape = self.sizes.get(declared.name) or tuple(self.size(part, names) for part in declared.shape)
        vocab = None
        if declared.vocab is not None:
            try:
                vocab = read("vocab", declared.vocab, Kind(whole_number), names)
            except SpecError as error:
                self.report(error)
        if declared.channels_last:
            shape = (shape[-1], *shape[:-1])
        dtype = self.dtype if declared.dtype == "float32" else declared.dtype
        if dtype not in ITEMSIZE:
            known = ", ".join(ITEMSIZE)
            self.report(problem("AC125", f"unknown dtype '{dtype}'", declared.where, help=f"one of {known}"))
        volume = Volume(shape[0], tuple(shape[1:]), self.batch, declared.channels_last, dtype)
        try:
            check_lengths(volume, declared.where)
        except SpecError as error:
            self.report(error)
            volume = volume.to(spatial=(0,) * volume.rank)
        return Input(declared.name, volume, vocab, declared.where)

    def size(self, part: Expression, names: Names) -> int:
        """A dimension of an input; 0 where it cannot be known."""
        try:
            if isinstance(part, Name) and part.id not in names:
                raise free_symbol(part)
            size: int = read("a dimension", part, Kind(whole_number), names)
            if size < 1:
                raise problem("AC201", f"a dimension must be at least 1, got {size}", part.where)
            return size
        except SpecError as error:
            self.report(error)
            return 0

    def defaults_of(self, library: Library) -> Mapping[str, Defaults]:
        """The `defaults:` of a file by the layers' own names; what is wrong with them is reported once."""
        known = self.default_arguments.get(id(library))
        if known is None:
            names = self.parameters_of(library)
            known = {}
            for word in library.default_names:
                layer, arguments = layer_named(word.text), library.defaults[word.text]
                if layer is None:
                    self.report(unknown_layer(word.text, word.where, known_names()))
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
                help = did_you_mean(key.text, [*signature.kinds, *signature.others])
                self.report(problem("AC120", f"unknown argument '{key.text}' of {layer.name}", key.where, help=help))


def unknown_layer(word: str, where: Location | None, known: list[str]) -> SpecError:
    help = did_you_mean(word, known) or "`archcalc layers` lists what there is"
    return problem("AC101", f"no layer or block is called '{word}'", where, help=help)


def free_symbol(name: Name) -> SpecError:
    return problem(
        "AC134",
        f"'{name.id}' is a free symbol, and a spec takes numbers so far",
        name.where,
        help=f"give it a number, --set {name.id}=224; `archcalc formula` frees sizes",
    )
