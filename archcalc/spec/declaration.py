"""Declarations: the parts of a spec with their locations, not yet evaluated. spec/ creates them, graph/ reads them."""

from collections.abc import Mapping
from functools import cached_property

from archcalc.core.diagnostic import problem
from archcalc.core.location import Location, Source
from archcalc.core.overrides import MAX_LAYERS
from archcalc.record import field, record
from archcalc.spec.chain import Body, explicit_names
from archcalc.spec.expression import Expression, Name, Word


@record
class InputDecl:
    """One input: its dimensions per sample in torch's order. `channels_last`: the channels come last; `plain`: the axes
    have no meaning."""

    name: str
    shape: tuple[Expression, ...]
    dtype: str
    vocab: Expression | None
    channels_last: bool
    where: Location = field(compare=False)
    plain: bool = False


def checked_dimension(size: Expression) -> Expression:
    """A dimension of an input. Raises SpecError for `None`, which Keras writes for the batch and for free sizes."""
    if isinstance(size, Name) and size.id.lower() in ("none", "null"):
        help = "leave the batch out; write a name, such as H, for a size that is free"
        raise problem("AC016", f"a dimension must be a number or a name, got {size.where.text}", size.where, help=help)
    return size


@record
class SymbolDecl:
    """A free dimension and its bounds."""

    name: str
    min: Expression | None
    max: Expression | None
    multiple_of: Expression | None
    where: Location = field(compare=False)


@record
class Parameter:
    """A named constant: an expression over earlier ones."""

    name: Word
    value: Expression


@record(slots=False)
class BlockDef:
    """A block. `home`: the key in `Document.libraries` of the file whose params, blocks and defaults it uses."""

    name: Word
    parameters: tuple[tuple[Word, Expression | None], ...]
    body: Body
    home: str
    where: Location = field(compare=False)

    @cached_property
    def names(self) -> frozenset[str]:
        """The names that its chain gives explicitly."""
        return explicit_names(self.body)


@record
class Library:
    """The definitions of one file. `blocks` includes imported ones, by their names in this file.

    `default_names`: the layer names in `defaults`, as written. `imports`: (prefix or "", home) of each import.
    """

    params: tuple[Parameter, ...] = ()
    blocks: Mapping[str, BlockDef] = field(default_factory=dict)
    defaults: Mapping[str, tuple[tuple[Word, Expression], ...]] = field(default_factory=dict)
    symbols: tuple[SymbolDecl, ...] = ()
    default_names: tuple[Word, ...] = ()
    imports: tuple[tuple[str, str], ...] = ()


@record
class Expectation:
    """A published number: `params: 25_557_032`, `macs: 4.09e9 +- 1%` (tolerance 0.01), `+- 5` (absolute 5).

    `shapes:` and `receptive_field:` have `parts`, one per layer, and no value.
    """

    key: Word
    value: Expression | None
    tolerance: float | None
    absolute: Expression | None
    parts: tuple["Expectation", ...]
    where: Location = field(compare=False)


@record(kw_only=True)
class Document:
    """A spec. `libraries` holds `library` under `source.name`, and every imported file's under its own path.

    `max_layers`: the limit on expanded layers. Without it, four nested `block * 1000` would exhaust the memory.
    """

    source: Source
    name: str = ""
    about: str = ""
    citation: str = ""
    tags: tuple[str, ...] = ()
    library: Library = field(default_factory=Library)
    libraries: Mapping[str, Library] = field(default_factory=dict)
    inputs: tuple[InputDecl, ...] = ()
    layers: Body = ()
    outputs: tuple[Word, ...] = ()
    expect: tuple[Expectation, ...] = ()
    variants: tuple[str, ...] = ()
    variant: str | None = None
    max_layers: int = MAX_LAYERS
