r"""Closed forms in LaTeX, for amsmath: one `align*` per network, and one for its layers."""

import re
from collections.abc import Iterator, Sequence

from archcalc.closed_forms.formula import ClosedForms, Formula
from archcalc.graph.graph import Node
from archcalc.sym.expr import expression, written
from archcalc.sym.latex import LATEX, escaped, latex, named
from archcalc.sym.periodic import PeriodicSet


def write(found: Sequence[ClosedForms]) -> str:
    """One environment per network, separated by empty lines."""
    return "\n".join("\n".join(of_network(each)) + "\n" for each in found)


def of_network(forms: ClosedForms) -> Iterator[str]:
    yield f"% {' '.join(forms.graph.name.split())}: {forms.inputs}"
    measures = [line for made in forms.formulas for line in of_measure(made, forms)]
    yield from aligned([*measures, of_sizes(forms)])
    yield from (f"% undecided: {each.node}: {each.message} ({why})" for each, why in forms.feasible.residual)
    if forms.nodes:
        yield from aligned([of_layer(node, forms.formulas) for node in forms.nodes])


def aligned(lines: Sequence[str]) -> Iterator[str]:
    yield r"\begin{align*}"
    yield from (f"{line} \\\\" for line in lines[:-1])
    yield from lines[-1:]
    yield r"\end{align*}"


# --- a measure -------------------------------------------------------------------------------------------------------


def of_measure(made: Formula, forms: ClosedForms) -> Iterator[str]:
    """The form for multiples, the terms with their layers and shares, and the value."""
    name = rf"\text{{{escaped(made.measure.noun)}}} "
    if made.even:
        multiples = r",\ ".join(rf"{n} \mid {named(symbol)}" for symbol, n in made.even.items())
        yield rf"{name}&= {written(made.lattice, LATEX)} && \text{{where }} {multiples}"
    for i, stage in enumerate(made.stages):
        term = latex(stage.term)
        sign = "=" if not i else "-" if term.startswith("-") else "+"
        lead = name if not i and not made.even else ""
        said = rf"\text{{{stage.so_many_layers}, {100 * stage.share:.1f}\,\%}}"
        yield f"{lead}&{sign} {term.removeprefix('-') if i else term} && {said}"
    if made.stages and made.total.is_constant:
        return
    value = f"{made.total.at(**forms.own):,}".replace(",", "{,}")
    size = r",\ ".join(f"{named(symbol)} = {n}" for symbol, n in forms.own.items())
    yield rf"{'' if made.stages else name}&= {value} && \text{{at }} {size}"


# --- sizes -----------------------------------------------------------------------------------------------------------


def of_sizes(forms: ClosedForms) -> str:
    each = [condition(name, allowed) for name, allowed in forms.feasible.by_symbol.items()]
    return r"\text{sizes that fit} &\colon\; " + r",\quad ".join(each)


SIGNS = {"≥": r"\ge", "≤": r"\le", "≡": r"\equiv", "≢": r"\not\equiv", " mod ": r" \bmod ", " or ": r" \text{ or } "}


def condition(name: str, allowed: PeriodicSet) -> str:
    r"""The valid sizes in LaTeX.

    >>> print(condition("H", PeriodicSet.modulo(32, [0, 29, 30, 31])))
    H \bmod 32 \in \{0, 29, \ldots, 31\}
    >>> print(condition("w_in", PeriodicSet.modulo(16, [12], 188)))
    w_{\mathrm{in}} \equiv 12 \pmod{16}, w_{\mathrm{in}} \ge 188
    """
    words = allowed.named(named(name))
    if words in ("always", "never"):
        return rf"\text{{{'every' if words == 'always' else 'no'} }} {named(name)}"
    made = re.sub(r" \(mod (\d+)\)", r" \\pmod{\1}", words.replace("..", r", \ldots, "))
    made = re.sub(r"∈ \{(.*?)\}", r"\\in \\{\1\\}", made)
    for sign, command in SIGNS.items():
        made = made.replace(sign, command)
    return made


# --- layers ----------------------------------------------------------------------------------------------------------


def of_layer(node: Node, formulas: Sequence[Formula]) -> str:
    """A layer: its volume and counts."""
    shape = ", ".join(latex(expression(n)) for n in node.output.item_shape)
    counts = r",\quad ".join(
        rf"\text{{{escaped(made.measure.noun)} }} {latex(count)}"
        for made in formulas
        if (count := made.layers[node.name]) != 0
    )
    volume = rf"\text{{{escaped(node.name)}}} &\colon\; \left[{shape}\right]"
    return f"{volume} && {counts}" if counts else volume
