"""Closed forms as text: for every measure the form for multiples, then its terms with layers and shares."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from archcalc.closed_forms.formula import ClosedForms, Formula
from archcalc.graph.graph import Condition, Node
from archcalc.measures.receptive_field import spatial_inputs
from archcalc.sym.decide import solutions
from archcalc.sym.expr import Expr, Extremum, written
from archcalc.sym.text import TEXT


def write(found: Sequence[ClosedForms]) -> str:
    """One block per network, separated by empty lines."""
    return "\n".join("\n".join(of_network(each)) + "\n" for each in found)


def of_network(forms: ClosedForms) -> Iterator[str]:
    yield forms.graph.name
    yield forms.inputs
    for made in forms.formulas:
        yield ""
        yield from of_measure(made, forms)
    if forms.memory:
        yield ""
        yield from (f"{name} = {whole} bytes{from_where(whole)}" for name, whole in forms.memory.items())
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


def from_where(whole: Expr) -> str:
    """For a maximum of several linear forms, the one that is largest in the end, and from which value on."""
    atoms = [atom for atom in whole.atoms() if isinstance(atom, Extremum)]
    if len(whole.terms) != 1 or len(atoms) != 1 or len(whole.symbols()) != 1:
        return ""
    [name] = whole.symbols()
    slopes = {line.at(**{name: 1}) - line.at(**{name: 0}): line for line in atoms[0].args}
    steepest = slopes.pop(max(slopes))
    beaten = (solutions(steepest - other, ">=", name).bounds() for other in slopes.values())
    first = max((int(found[0]) for found in beaten if found), default=1)
    return f"\n  = {steepest} from {name} = {first}"


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
    yield from (f"undecided: {said(condition)} ({why})" for condition, why in found.residual)


def said(condition: Condition) -> str:
    return f"{condition.node}: {condition.message.partition(': ')[0]}"
