"""Closed forms of a network: its totals in free sizes, the layers of each term, and the valid sizes."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import cached_property

import archcalc.measures  # noqa: F401  every file in it registers itself
from archcalc.closed_forms.feasibility import Feasible, example, feasible
from archcalc.closed_forms.memory import Piece, exactness
from archcalc.closed_forms.repeating import repeating
from archcalc.core.diagnostic import did_you_mean
from archcalc.graph.given import Network, loaded_free
from archcalc.graph.graph import Graph, Node
from archcalc.measure import MEASURES, Measure
from archcalc.measures.receptive_field import Seen
from archcalc.record import field, record
from archcalc.sym.decide import Undecided
from archcalc.sym.expr import Expr, Monomial, NoClosedForm, expression, symbol, total
from archcalc.sym.periods import period_of


@record
class Stage:
    """A term of a total: the common product of its layers, and their share of the total."""

    term: Expr
    layers: tuple[str, ...]
    share: float

    @property
    def so_many_layers(self) -> str:
        return f"{len(self.layers)} layer{'s' * (len(self.layers) > 1)}"


@record
class Formula:
    """One measure of a network in free symbols: by layer, in total, and the total by stages.

    `lattice`: the total for symbols that are multiples of `multiples`: a polynomial with fractional coefficients.
    """

    measure: Measure
    layers: Mapping[str, Expr]
    total: Expr
    stages: tuple[Stage, ...]
    multiples: Mapping[str, int] = field(default_factory=dict)
    lattice: Mapping[Monomial, Fraction] = field(default_factory=dict)

    @property
    def even(self) -> dict[str, int]:
        """The multiples greater than 1."""
        return {name: n for name, n in self.multiples.items() if n > 1}


@record(slots=False)
class ClosedForms:
    """The results for a network in free symbols. Each file in formulas/ writes them in one format.

    `own`: a value for every symbol, the spec's if it has one. `memory`: quantities of footprint.FORMS, those of a
    `piece`. `nodes`: the layers to list; `seen`: their receptive fields, if requested. `without`: the measures that
    have no closed form, each with the reason.
    """

    graph: Graph
    own: Mapping[str, int]
    formulas: tuple[Formula, ...]
    memory: Mapping[str, Expr] = field(default_factory=dict)
    piece: Piece | None = None
    nodes: tuple[Node, ...] = ()
    seen: Mapping[str, tuple[Seen, ...]] = field(default_factory=dict)
    without: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def feasible(self) -> Feasible:
        """The valid values of every symbol."""
        return feasible(self.graph)

    @property
    def beside(self) -> list[str]:
        """Sizes that fit the network, but of which the forms are not, in words; of one free symbol."""
        if len(self.graph.symbols) != 1:
            return []
        [(name, free)] = self.graph.symbols.items()
        others = free.domain - self.feasible.by_symbol.get(name, free.domain)
        return [each.named(name) for each in repeating(self.graph, name, others)]

    @property
    def exact_for(self) -> list[str]:
        """The sizes for which `memory` is exact, in words; empty where all that fit are."""
        return list(exactness(self.piece, self.feasible.by_symbol)) if self.piece else []

    @property
    def sizes_in_words(self) -> dict[str, str]:
        said = {name: each.named(name) for name, each in self.feasible.by_symbol.items()}
        return {name: f"every {name} fits" if words == "always" else words for name, words in said.items()}

    @property
    def inputs(self) -> str:
        """The inputs as text: `input [3, H, W], batch 1`."""
        volumes = ", ".join(f"{given.name} {given.volume}" for given in self.graph.inputs)
        return f"{volumes}, batch {self.graph.inputs[0].volume.batch}"

    @property
    def values(self) -> str:
        """The symbols at their own values: `H = 224, W = 224`."""
        return ", ".join(f"{name} = {n}" for name, n in self.own.items())


def closed_form(network: Network, measure: str, *, free: Collection[str] | None = None) -> Formula:
    """A total of a network in its free symbols: `params`, `macs`, or any other key of `archcalc report`.

    `free`: the names to make free, as in `load`; None takes a graph as it is, and frees the axes of a spec's inputs.

    Raises NoClosedForm if it has none, ValueError for another measure.

    >>> import archcalc
    >>> made = archcalc.closed_form("resnet50", "macs", free=["H", "W", "N"])
    >>> print(made.stages[0].term, "in", made.stages[0].so_many_layers)
    7471104·N·⌈H/16⌉·⌈W/16⌉ in 19 layers
    >>> made.total.at(H=224, W=224, N=1)
    4089184256
    """
    if measure not in MEASURES:
        help = did_you_mean(str(measure), MEASURES) or f"use one of {', '.join(MEASURES)}"
        raise ValueError(f"there is no measure {measure!r}; {help}")
    graph = loaded_free(network, free)
    return formula(graph, MEASURES[measure], example(graph))


def formula(graph: Graph, measure: Measure, own: Mapping[str, int]) -> Formula:
    """A measure in closed form. Raises NoClosedForm if it has none."""
    layers = {node.name: closed(node, measure) for node in graph}
    whole = total(layers.values())
    multiples = periods(whole, list(own))
    lattice = on_lattice(whole, multiples) if multiples else {}
    return Formula(measure, layers, whole, tuple(stages(layers, whole, own)), multiples, lattice)


def closed_forms(graph: Graph, measures: Sequence[str]) -> ClosedForms:
    """The totals of a network in its free symbols; what has no closed form is listed with the reason."""
    own = example(graph)
    made, without = [], {}
    for name in measures:
        try:
            made.append(formula(graph, MEASURES[name], own))
        except NoClosedForm as error:
            without[name] = str(error)
    return ClosedForms(graph, own, tuple(made), without=without)


def closed(node: Node, measure: Measure) -> Expr:
    try:
        return expression(measure.of(node) * node.times)
    except NoClosedForm as error:
        raise NoClosedForm(f"{measure.name} of {node.name} has no closed form: {error}") from None


def stages(layers: Mapping[str, Expr], whole: Expr, own: Mapping[str, int]) -> Iterator[Stage]:
    """The terms of a total, largest share at the spec's own size first, each with its layers."""
    at_own_size = whole.at(**own)
    names: dict[Monomial, list[str]] = {}
    for name, each in layers.items():
        for monomial in each.terms:
            names.setdefault(monomial, []).append(name)
    found = []
    for monomial, coefficient in whole.terms.items():
        term = Expr({monomial: coefficient})
        found.append(Stage(term, tuple(names[monomial]), term.at(**own) / at_own_size if at_own_size else 0.0))
    yield from sorted(found, key=lambda stage: -stage.share)


def periods(whole: Expr, names: Sequence[str]) -> dict[str, int]:
    """For every symbol the multiple at which all floors are exact; empty if that is undecided."""
    try:
        return {name: period_of(whole, name).length for name in names if name in whole.symbols()}
    except Undecided:
        return {}


def on_lattice(whole: Expr, multiples: Mapping[str, int]) -> dict[Monomial, Fraction]:
    """The total for symbols that are such multiples: without floors, a polynomial."""
    scaled = whole.subs(**{name: symbol(name) * multiple for name, multiple in multiples.items()})
    found = {}
    for monomial, coefficient in scaled.terms.items():
        by = 1
        for atom, exponent in monomial:
            by *= multiples.get(getattr(atom, "name", ""), 1) ** exponent
        found[monomial] = Fraction(coefficient, by)
    return found
