"""Closed forms as text: for every measure the form for multiples, then its terms with layers and shares."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from math import inf

from archcalc.closed_forms.formula import ClosedForms, Formula
from archcalc.closed_forms.memory import Piece
from archcalc.graph.graph import Condition, Node
from archcalc.measures.receptive_field import spatial_inputs
from archcalc.sym.decide import Undecided, of_claim, reach
from archcalc.sym.expr import Expr, Extremum, written
from archcalc.sym.periodic import PeriodicSet
from archcalc.sym.text import TEXT


def write(found: Sequence[ClosedForms]) -> str:
    """One block per network, separated by empty lines."""
    return "\n".join("\n".join(of_network(each)) + "\n" for each in found)


def of_network(forms: ClosedForms) -> Iterator[str]:
    yield forms.graph.name
    yield forms.inputs
    yield from forms.graph.following
    for made in forms.formulas:
        yield ""
        yield from of_measure(made, forms)
    if forms.memory:
        yield ""
        yield from of_memory(forms.memory, forms.piece)
        yield from (f"exact for {words}" for words in forms.exact_for[:MOST_SHOWN])
        if len(forms.exact_for) > MOST_SHOWN:
            yield f"and under {len(forms.exact_for) - MOST_SHOWN} more conditions (--format json)"
    if forms.nodes:
        yield ""
        yield from map(partial(of_layer, forms=forms), forms.nodes)
    yield ""
    yield from of_sizes(forms)


def of_measure(made: Formula, forms: ClosedForms) -> Iterator[str]:
    """The form for multiples, then the terms with their layers and shares."""
    name = made.measure.noun
    if made.even:
        multiples = ", ".join(f"{n} | {symbol}" for symbol, n in made.even.items())
        yield f"{name} = {written(made.lattice, TEXT)}   where {multiples}"
    terms = [str(stage.term) for stage in made.stages]
    counts = [stage.so_many_layers for stage in made.stages]
    longest, most = (max(map(len, each), default=0) for each in (terms, counts))
    for i, (term, count, stage) in enumerate(zip(terms, counts, made.stages, strict=True)):
        sign = "=" if not i else "-" if term.startswith("-") else "+"
        lead = f"{name} =" if not i and not made.even else f"{sign:>{len(name) + 2}}"
        yield f"{lead} {term.removeprefix('-') if i else term:{longest}}  {count:>{most}}  {100 * stage.share:5.1f} %"
    lead = f"{'=':>{len(name) + 2}}" if made.stages else f"{name} ="
    yield f"{lead} {made.total.at(**forms.own):,} at {forms.values}"


MOST_SHOWN = 6
"""Of a figure that is the greatest of more amounts, they are counted and not shown."""

FAR = 10**9
"""What is the greatest so far away is the greatest in the end, or nothing is said."""


def of_memory(memory: Mapping[str, Expr], piece: Piece | None) -> Iterator[str]:
    """Each figure; of the greatest of several amounts, the one that is the greatest in the end, and from where on."""
    for name, whole in memory.items():
        amounts = amounts_of(whole)
        shown = str(whole) if len(amounts) <= MOST_SHOWN else f"the greatest of {len(amounts)} amounts (--format json),"
        yield f"{name} = {shown} bytes"
        if len(amounts) > 1 and piece and piece.sizes:
            yield from in_the_end(amounts, piece.sizes)


def amounts_of(whole: Expr) -> tuple[Expr, ...]:
    """Those that a figure is the greatest of."""
    [monomial, *others] = whole.terms or [()]
    [(atom, exponent)] = monomial if len(monomial) == 1 else [(None, 1)]
    alone = not others and exponent == 1 and whole.terms[monomial] == 1
    return atom.args if alone and isinstance(atom, Extremum) and atom.sign > 0 else (whole,)


def in_the_end(amounts: Sequence[Expr], sizes: PeriodicSet) -> Iterator[str]:
    [name] = frozenset[str]().union(*(each.symbols() for each in amounts))
    least, most = reach(sizes)
    best = max(amounts, key=lambda each: each.at(**{name: FAR}))
    try:
        held = [of_claim(best >= each, name, PeriodicSet.interval(int(least))) for each in amounts]
    except Undecided:
        return
    failing = [bounds[1] for each in held if (bounds := (PeriodicSet.interval(int(least)) - each).bounds())]
    first = max(failing, default=least - 1) + 1
    if first <= most == inf:
        yield f"  = {best} from {name} = {int(first)}"


def of_layer(node: Node, forms: ClosedForms) -> str:
    """A layer: its volume, counts and receptive field."""
    counts = (f"{made.measure.noun} {count}" for made in forms.formulas if (count := made.layers[node.name]) != 0)
    times = [f"x {node.times}"] if node.times != 1 else []
    return "  ".join([f"{node.name} {node.output}", *times, *counts, *seen(node, forms)])


def seen(node: Node, forms: ClosedForms) -> Iterator[str]:
    """Its receptive field in every input that reaches it, named where there are several."""
    several = len(spatial_inputs(forms.graph)) > 1
    for each in forms.seen.get(node.name, ()):
        of_input = f" of {each.input}" if several else ""
        if each.fields:
            jump = by_axis(axis.jump for axis in each.fields)
            yield f"sees {by_axis(axis.size for axis in each.fields)}{of_input}, jump {jump}"
        else:
            yield f"receptive field{of_input}: {each.why}"


def by_axis(values: Iterable[object]) -> str:
    """A single value if the axes agree."""
    each = list(map(str, values))
    return each[0] if len(set(each)) == 1 else " x ".join(each)


def of_sizes(forms: ClosedForms) -> Iterator[str]:
    """The valid values, and the layers that restrict them."""
    found = forms.feasible
    for name, words in forms.sizes_in_words.items():
        reasons = [(each.allowed.named(name), said(each.condition)) for each in found.reasons.get(name, ())]
        alone = len(reasons) == 1 and reasons[0][0] == words
        yield f"{words}  {reasons[0][1]}" if alone else words
        yield from () if alone else (f"  {allowed}  {why}" for allowed, why in reasons)
    yield from (f"not among these: {each}" for each in forms.beside)
    yield from (f"undecided: {said(condition)} ({why})" for condition, why in found.residual)


def said(condition: Condition) -> str:
    return f"{condition.node}: {condition.message.partition(': ')[0]}"
