"""Closed forms of a network: its totals in free sizes, where they come from, and the sizes for which they hold."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from archcalc.builder import build
from archcalc.core.diagnostic import did_you_mean, problem
from archcalc.core.dim import Dim, NoClosedForm, free
from archcalc.frame import AXES
from archcalc.graph import Graph, Node
from archcalc.measure import Measure
from archcalc.solve import valid
from archcalc.spec.declaration import Document, InputDecl
from archcalc.sym.decide import Undecided, period_of
from archcalc.sym.expr import Expr, Monomial, expression, symbol
from archcalc.sym.periodic import PeriodicSet

LETTERS = {"length": "T", "depth": "D", "height": "H", "width": "W"}
"""What the axes of an input are called in formulas."""

BATCH = "N"


@dataclass(frozen=True, slots=True)
class Stage:
    """A term of a total: the product that its layers share, and the part of the total that they make."""

    term: Expr
    layers: tuple[str, ...]
    share: float


@dataclass(frozen=True)
class Formula:
    """One measure of a network in free symbols: layer by layer, its total, and that in stages.

    `lattice`: the total where every symbol is a multiple of `multiples`: a polynomial with fractions for coefficients.
    """

    measure: Measure
    layers: Mapping[str, Expr]
    total: Expr
    stages: tuple[Stage, ...]
    multiples: Mapping[str, int] = field(default_factory=dict)
    lattice: Mapping[Monomial, Fraction] = field(default_factory=dict)


def with_free(document: Document, names: Sequence[str]) -> tuple[Graph, dict[str, int]]:
    """The network with some of its sizes free, and the values that these have in the spec.

    Raises SpecError for a name that is no size of the first input.
    """
    plain = build(document)
    declared, volume = document.inputs[0], plain.inputs[0].volume
    letters = [LETTERS[axis] for axis in AXES.get(volume.rank, ())]
    own = {**dict(zip(letters, volume.spatial, strict=True)), BATCH: volume.batch}
    for name in names:
        if name not in own:
            raise unknown_size(name, declared, list(own))
    spatial = tuple(free(x) if x in names else n for x, n in zip(letters, volume.spatial, strict=True))
    batch: Dim = free(BATCH) if BATCH in names else volume.batch
    graph = build(document, batch=batch, sizes={declared.name: volume.to(spatial=spatial).item_shape})
    return graph, {name: own[name] for name in names}


def unknown_size(name: str, declared: InputDecl, known: Sequence[str]) -> Exception:
    help = did_you_mean(name, known) or f"what can be free is {', '.join(known)}: parameters cannot, yet"
    return problem("AC135", f"{declared.name} has no size called '{name}'", declared.where, help=help)


def formula(graph: Graph, measure: Measure, own: Mapping[str, int]) -> Formula:
    """A measure in closed form. Raises NoClosedForm where it has none."""
    layers = {node.name: closed(node, measure) for node in graph}
    total = sum(layers.values(), expression(0))
    multiples = periods(total, list(own))
    lattice = on_lattice(total, multiples) if multiples else {}
    return Formula(measure, layers, total, tuple(stages(layers, total, own)), multiples, lattice)


def closed(node: Node, measure: Measure) -> Expr:
    try:
        return expression(measure.of(node))
    except NoClosedForm as error:
        raise NoClosedForm(f"{measure.name} of {node.name} has no closed form: {error}") from None


def stages(layers: Mapping[str, Expr], total: Expr, own: Mapping[str, int]) -> Iterator[Stage]:
    """The terms of a total in the order of their share at the spec's own size, each with the layers it is of."""
    whole = total.at(**own)
    found = []
    for monomial, coefficient in total.terms.items():
        term = Expr({monomial: coefficient})
        names = tuple(name for name, each in layers.items() if monomial in each.terms)
        found.append(Stage(term, names, term.at(**own) / whole if whole else 0.0))
    yield from sorted(found, key=lambda stage: -stage.share)


def periods(total: Expr, names: Sequence[str]) -> dict[str, int]:
    """For every symbol the multiple at which all floors come out even; empty where that is not decided."""
    try:
        return {name: period_of(total, name)[0] for name in names if name in total.symbols()}
    except Undecided:
        return {}


def on_lattice(total: Expr, multiples: Mapping[str, int]) -> dict[Monomial, Fraction]:
    """The total where every symbol is such a multiple: floors vanish, and what is left is a polynomial."""
    scaled = total.subs(**{name: symbol(name) * multiple for name, multiple in multiples.items()})
    found = {}
    for monomial, coefficient in scaled.terms.items():
        by = 1
        for atom, exponent in monomial:
            by *= multiples.get(getattr(atom, "name", ""), 1) ** exponent
        found[monomial] = Fraction(coefficient, by)
    return found


def fitting(graph: Graph, names: Sequence[str]) -> dict[str, PeriodicSet | str]:
    """For every free symbol the values that fit; in words why not, where that is not decided."""
    found: dict[str, PeriodicSet | str] = {}
    for name in names:
        try:
            found[name] = valid(graph, name)
        except Undecided as undecided:
            found[name] = f"not decided: {undecided}"
    return found
