"""Budgets: conditions on the costs of a network, `params <= 5M and macs <= 4G`, as claims about its free symbols."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from archcalc.core.diagnostic import Diagnostic, SpecError, problem
from archcalc.core.location import Location, Source
from archcalc.graph.freeing import BATCH
from archcalc.graph.graph import Graph
from archcalc.measure import MEASURES
from archcalc.memory.footprint import FORMS, Opaque, in_the_batch
from archcalc.memory.training_setup import DEFAULT_SETUP, TrainingSetup
from archcalc.spec.expression import COMPARISONS, EQUALITY, Binary, Expression, names_in, parse_expression
from archcalc.spec.value import Real, Value, compared, number_of
from archcalc.sym.expr import Claim, Expr, NoClosedForm, expression, symbol
from archcalc.sym.ratio import is_equal

HELP = "write a condition: params <= 5M and macs <= 4G"


@dataclass(frozen=True, slots=True)
class Budget:
    """A condition on the costs of a network: its text, its claim about free symbols, and the quantities in it."""

    text: str
    claim: Claim | bool
    quantities: Mapping[str, Expr]


class Quantities(Mapping[str, Value]):
    """The names in budgets: symbols, parameters, totals of measures, and memory. Values are computed on demand."""

    def __init__(self, graph: Graph, setup: TrainingSetup) -> None:
        self.graph, self.setup = graph, setup
        self.known: dict[str, Value] = {**graph.params, **{name: symbol(name) for name in graph.symbols}}

    def __getitem__(self, name: str) -> Value:
        if name not in self.known and name in FORMS:
            self.known |= memory_of(self.graph, self.setup)
        if name not in self.known:
            self.known[name] = MEASURES[name].total(self.graph)
        return self.known[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**dict.fromkeys((*MEASURES, *FORMS)), **self.known})

    def __len__(self) -> int:
        return len({*MEASURES, *FORMS, *self.known})


def memory_of(graph: Graph, setup: TrainingSetup) -> dict[str, Value]:
    """The memory of a network as closed forms in the batch size."""
    if set(graph.symbols) - {BATCH}:
        raise NoClosedForm("memory has a closed form only in the batch size N")
    try:
        return dict(in_the_batch(graph, setup))
    except Opaque as opaque:
        raise NoClosedForm(f"memory is not predicted: {opaque}") from None


def budgets(texts: tuple[str, ...], graph: Graph, setup: TrainingSetup = DEFAULT_SETUP) -> tuple[Budget, ...]:
    """The budgets in several texts, each with one or more conditions joined by `and`.

    Raises SpecError with all their problems.
    """
    quantities = Quantities(graph, setup)
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
    try:
        left, right = (number_of(side.evaluate(names), side.where) for side in (part.left, part.right))
    except NoClosedForm as error:
        raise problem("AC136", f"no closed form: {error}", part.where) from None
    measured = {word.id: expression(names[word.id]) for word in names_in(part) if word.id in (*MEASURES, *FORMS)}  # type: ignore[arg-type]
    return Budget(part.where.text, judged(part.op, left, right), measured)


def judged(op: str, left: Real, right: Real) -> Claim | bool:
    if op not in EQUALITY:
        return compared(op, left, right)
    equal = is_equal(left, right)
    if isinstance(equal, bool):
        return equal == (op == "==")
    return equal if op == "==" else Claim(equal.left, "!=")
