"""Budgets: conditions on the costs of a network, `params <= 5M and macs <= 4G`, as claims about its free symbols."""

from collections import ChainMap
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import cast

import archcalc.measures  # noqa: F401  every file in it registers itself
from archcalc.closed_forms.memory import EVERY_SIZE, Memory, Piece
from archcalc.core.diagnostic import Diagnostic, SpecError, problem
from archcalc.core.location import Location, Source
from archcalc.graph.graph import Graph
from archcalc.measure import MEASURES
from archcalc.measures.receptive_field import FIELD, NO_FIELD, sizes_along_first_axis
from archcalc.memory.footprint import FORMS
from archcalc.memory.training_setup import DEFAULT_SETUP, TrainingSetup
from archcalc.record import record, replace
from archcalc.spec.expression import (
    COMPARISONS,
    EQUALITY,
    Binary,
    Expression,
    Names,
    check_bytes,
    names_in,
    parse_expression,
)
from archcalc.spec.value import Real, Value, compared, number_of
from archcalc.sym.expr import Claim, Expr, NoClosedForm, expression, largest, symbol
from archcalc.sym.periodic import PeriodicSet
from archcalc.sym.ratio import is_equal

HELP = "write a condition: params <= 5M and macs <= 4G"


@record
class Case:
    """A condition whose quantities have these forms at `sizes`.

    `why`: the reason, if there is no claim.
    """

    claim: Claim | bool
    quantities: Mapping[str, Expr]
    sizes: PeriodicSet = EVERY_SIZE
    why: str = ""


@record
class Budget:
    """A condition on a network in free symbols: its text, and its cases. Memory has several forms.

    `last`: the cases are those of sizes up to here; None if they are those of all sizes.
    """

    text: str
    cases: tuple[Case, ...]
    last: int | None = None

    def at(self, size: int) -> Case:
        """The case of a size."""
        return next(case for case in self.cases if size in case.sizes)

    @property
    def is_constant(self) -> bool:
        """Whether it does not depend on any symbol."""
        return len(self.cases) == 1 and isinstance(self.cases[0].claim, bool)


class Quantities(Mapping[str, Value]):
    """The names in budgets: symbols, parameters, totals of measures, the receptive field, and memory at the requested
    `sizes`. Values are computed on demand."""

    def __init__(self, graph: Graph, setup: TrainingSetup, sizes: PeriodicSet) -> None:
        self.graph, self.setup, self.sizes = graph, setup, sizes
        self.known: dict[str, Value] = {**graph.params, **{name: symbol(name) for name in graph.symbols}}
        self.found: dict[tuple[str, ...], tuple[tuple[Piece, ...], int | None]] = {}

    def pieces(self, *figures: str) -> tuple[tuple[Piece, ...], int | None]:
        """The pieces of figures of memory, and the last size that they reach. Raises NoClosedForm if none is
        predicted."""
        if figures not in self.found:
            self.found[figures] = Memory(self.graph, self.setup, figures).decided(self.sizes)
        found, last = self.found[figures]
        if found and all(piece.why for piece in found):
            raise NoClosedForm(f"memory is not predicted: {found[0].why}")
        return found, last

    def __getitem__(self, name: str) -> Value:
        if name not in self.known:
            self.known[name] = widest_field(self.graph) if name == FIELD else MEASURES[name].total(self.graph)
        return self.known[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**dict.fromkeys((*MEASURES, *FORMS, FIELD)), **self.known})

    def __len__(self) -> int:
        return len({*MEASURES, *FORMS, FIELD, *self.known})


def widest_field(graph: Graph) -> Expr:
    """The largest receptive field of a layer that does not see the whole input, along the first axis."""
    sizes = sizes_along_first_axis(graph)
    if not sizes:
        raise NoClosedForm(NO_FIELD)
    return expression(largest(*sizes))


def budgets(
    texts: tuple[str, ...], graph: Graph, setup: TrainingSetup = DEFAULT_SETUP, sizes: PeriodicSet = EVERY_SIZE
) -> tuple[Budget, ...]:
    """The budgets in several texts, each with one or more conditions joined by `and`; `sizes`: the requested values.

    Raises SpecError with all their problems, Undecided if memory has too many forms.
    """
    quantities = Quantities(graph, setup, sizes)
    found: list[Budget] = []
    problems: list[Diagnostic] = []
    for text in texts:
        where = Location(Source("--where", text))
        try:
            written = list(parts(parse_expression(text, where)))
        except SpecError as error:
            problems += error.diagnostics
            continue
        for part in written:
            try:
                found.append(budget(part, quantities))
            except SpecError as error:
                problems += error.diagnostics
    if problems:
        raise SpecError(problems)
    return tuple(found)


def parts(whole: Expression) -> Iterator[Binary]:
    """The comparisons that an expression joins with `and`."""
    if isinstance(whole, Binary) and whole.op == "and":
        yield from parts(whole.left)
        yield from parts(whole.right)
    elif isinstance(whole, Binary) and whole.op in COMPARISONS:
        yield whole
    else:
        raise problem("AC126", "a budget must be a comparison", whole.where, help=HELP)


def budget(part: Binary, names: Quantities) -> Budget:
    """One case for all sizes, or one per piece of memory if the condition is about memory."""
    words = {word.id for word in names_in(part)}
    of_memory = [name for name in FORMS if name in words and name not in names.known]
    if of_memory or any(MEASURES[name].unit for name in words if name in MEASURES and name not in names.known):
        check_bytes(part)
    try:
        if not of_memory:
            return Budget(part.where.text, (case(part, names, words),))
        pieces, last = names.pieces(*of_memory)
        return Budget(part.where.text, tuple(of_piece(part, names, words, of_memory, each) for each in pieces), last)
    except NoClosedForm as error:
        raise problem("AC136", f"no closed form: {error}", part.where) from None


def of_piece(part: Binary, names: Quantities, words: Collection[str], of_memory: Sequence[str], piece: Piece) -> Case:
    sizes = cast(PeriodicSet, piece.sizes)
    if piece.why:
        return Case(False, {}, sizes, piece.why)
    known = ChainMap(piece.figures(*of_memory), names)  # type: ignore[arg-type]
    return replace(case(part, known, words), sizes=sizes)


def case(part: Binary, names: Names, words: Collection[str]) -> Case:
    left, right = (number_of(side.evaluate(names), side.where) for side in (part.left, part.right))
    measured = {name: expression(cast(Expr, names[name])) for name in words if name in (*MEASURES, *FORMS, FIELD)}
    return Case(judged(part.op, left, right), measured)


def judged(op: str, left: Real, right: Real) -> Claim | bool:
    if op not in EQUALITY:
        return compared(op, left, right)
    equal = is_equal(left, right)
    if isinstance(equal, bool):
        return equal == (op == "==")
    return equal if op == "==" else Claim(equal.left, "!=")
