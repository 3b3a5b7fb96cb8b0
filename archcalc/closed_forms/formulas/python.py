"""Closed forms as self-contained Python: a function per network that computes its measures."""

from collections.abc import Iterator, Mapping, Sequence

from archcalc.closed_forms.formula import ClosedForms
from archcalc.sym.compile import identifier, python_source
from archcalc.sym.expr import Expr, symbol


def write(found: Sequence[ClosedForms]) -> str:
    """The functions of each network, separated by two empty lines."""
    names: list[str] = []
    for forms in found:
        name = identifier(forms.graph.name.lower(), "network")
        names.append(f"{name}_{len(names) + 1}" if name in names else name)
    return "\n\n".join(each for name, forms in zip(names, found, strict=True) for each in functions(name, forms))


def functions(name: str, forms: ClosedForms) -> Iterator[str]:
    """One function for all measures; if layers are requested, one more per measure, by layer name."""
    measures = [made.measure for made in forms.formulas]
    suffix = f"_{measures[0].name}" if len(measures) == 1 else ""
    heading = f"{forms.graph.name}, {forms.inputs}: {', '.join(measure.noun for measure in measures)}"
    totals = {made.measure.name: made.total for made in forms.formulas}
    yield source(name + suffix, totals, forms, f"{heading}.\n\n{sizes(forms)}\n\n{example(name + suffix, forms)}")
    if forms.nodes:
        for made in forms.formulas:
            doc = f"{forms.graph.name}, {forms.inputs}: {made.measure.noun} of every layer.\n\n{sizes(forms)}"
            layers = {node.name: made.layers[node.name] for node in forms.nodes}
            yield source(f"{name}_{made.measure.name}_by_layer", layers, forms, doc)


def source(name: str, outputs: Mapping[str, Expr], forms: ClosedForms, doc: str) -> str:
    """A function of the free symbols, renamed to Python identifiers."""
    arguments = {each: identifier(each) for each in forms.own}
    renamed = {each: symbol(argument) for each, argument in arguments.items() if each != argument}
    made = {key: whole.subs(**renamed) for key, whole in outputs.items()} if renamed else outputs
    return python_source(name, made, list(arguments.values()), doc)


def sizes(forms: ClosedForms) -> str:
    """The valid sizes, one line per symbol."""
    return "\n".join(forms.sizes_in_words.values())


def example(name: str, forms: ClosedForms) -> str:
    """The call at the spec's own sizes, and its result."""
    values = {made.measure.name: made.total.at(**forms.own) for made in forms.formulas}
    given = ", ".join(f"{identifier(each)}={n}" for each, n in forms.own.items())
    return f">>> {name}({given})\n{values if len(values) != 1 else next(iter(values.values()))}"
