"""`archcalc formula`: closed forms in free sizes."""

import json
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

import click

from archcalc import measures  # noqa: F401  every file in it registers itself
from archcalc.command import output_option, put, settings_of, spec_options
from archcalc.core.dim import NoClosedForm
from archcalc.formula import Formula, fitting, formula, with_free
from archcalc.graph import Graph, Node
from archcalc.loading import documents_of
from archcalc.measure import MEASURES
from archcalc.sym.expr import Monomial, powered
from archcalc.sym.periodic import PeriodicSet

DEFAULT = "H,W"


@click.command("formula")
@spec_options
@output_option
@click.option("--of", "wanted", default="params,macs", show_default=True, metavar="MEASURE,...", help="What to give.")
@click.option("--layers", "each", is_flag=True, help="Every layer's volume and counts too.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(specs: Sequence[str], expressions: Sequence[str], **options: Any) -> None:
    """Totals as closed forms in free sizes, and the sizes for which they hold.

    --free H,W frees the axes of the first input (T along a sequence, D,H,W in a volume), --free N the batch.
    """
    names = [name for given in options["free"] or [DEFAULT] for name in given.split(",") if name]
    settings = settings_of(specs, expressions, {**options, "free": ()})
    measures_wanted = [known(name.strip()) for name in options["wanted"].split(",") if name.strip()]
    texts = []
    for document in documents_of(specs, expressions, settings, options["max_layers"]):
        graph, own = with_free(document, names)
        found = [made for name in measures_wanted if (made := closed_or_said(graph, name, own))]
        write = as_json if options["form"] == "json" else as_text
        texts.append(write(graph, own, found, options["each"]))
    put("\n".join(texts), options["output"])


def known(name: str) -> str:
    if name not in MEASURES:
        raise click.UsageError(f"--of: nothing is called '{name}'; one of {', '.join(MEASURES)}")
    return name


def closed_or_said(graph: Graph, name: str, own: Mapping[str, int]) -> Formula | None:
    try:
        return formula(graph, MEASURES[name], own)
    except NoClosedForm as error:
        click.echo(f"archcalc: {error}", err=True)
        return None


# --- text ------------------------------------------------------------------------------------------------------------


def as_text(graph: Graph, own: Mapping[str, int], found: Sequence[Formula], each: bool) -> str:
    inputs = ", ".join(f"{given.name} {given.volume}" for given in graph.inputs)
    lines = [graph.name, f"{inputs}, batch {graph.inputs[0].volume.batch}"]
    for made in found:
        lines += ["", *of_measure(made, own)]
    if each:
        lines += ["", *of_layers(graph, found)]
    return "\n".join([*lines, "", *of_sizes(graph, own)]) + "\n"


def of_measure(made: Formula, own: Mapping[str, int]) -> Iterator[str]:
    """The readable form where sizes are multiples, then the terms with their layers and shares."""
    name, even = made.measure.noun, {symbol: n for symbol, n in made.multiples.items() if n > 1}
    if even:
        multiples = ", ".join(f"{n} | {symbol}" for symbol, n in even.items())
        yield f"{name} = {polynomial(made.lattice)}   where {multiples}"
    terms = [str(stage.term) for stage in made.stages]
    counts = [f"{len(stage.layers)} layer{'s' * (len(stage.layers) > 1)}" for stage in made.stages]
    longest, most = (max(map(len, each), default=0) for each in (terms, counts))
    for i, (term, count, stage) in enumerate(zip(terms, counts, made.stages, strict=True)):
        sign = "=" if not i else "-" if term.startswith("-") else "+"
        lead = f"{name} =" if not i and not even else f"{sign:>{len(name) + 2}}"
        yield f"{lead} {term.removeprefix('-') if i else term:{longest}}  {count:>{most}}  {100 * stage.share:5.1f} %"
    size = ", ".join(f"{symbol} = {n}" for symbol, n in own.items())
    yield f"{'=':>{len(name) + 2}} {made.total.at(**own):,} at {size}"


def polynomial(lattice: Mapping[Monomial, Fraction]) -> str:
    """A polynomial with fractions for coefficients, the highest degree first."""
    order = sorted(lattice.items(), key=lambda term: (not term[0], -sum(k for _, k in term[0])))
    parts = []
    for monomial, c in order:
        number = f"{abs(c)}" if c.denominator == 1 else f"({abs(c)})"
        factors = [powered(atom, k) for atom, k in monomial]
        body = "·".join([*([number] if abs(c) != 1 or not factors else []), *factors])
        parts.append(("- " if c < 0 else "+ ") + body)
    return " ".join(parts).removeprefix("+ ") or "0"


def of_layers(graph: Graph, found: Sequence[Formula]) -> Iterator[str]:
    """Every layer: its volume, and each count."""
    for node in graph:
        counts = (f"{made.measure.noun} {made.layers[node.name]}" for made in found if made.layers[node.name] != 0)
        yield "  ".join([f"{node.name} {node.output}", *counts])


def of_sizes(graph: Graph, own: Mapping[str, int]) -> Iterator[str]:
    for name, allowed in fitting(graph, list(own)).items():
        words = allowed if isinstance(allowed, str) else allowed.named(name)
        yield f"{name}: {'every size fits' if words == 'always' else words}"


# --- JSON ------------------------------------------------------------------------------------------------------------


def as_json(graph: Graph, own: Mapping[str, int], found: Sequence[Formula], each: bool) -> str:
    sizes = fitting(graph, list(own))
    document: dict[str, Any] = {
        "name": graph.name,
        "spec": graph.spec,
        "symbols": dict(own),
        "totals": {made.measure.name: str(made.total) for made in found},
        "lattice": {made.measure.name: on_multiples(made) for made in found},
        "valid": {
            name: allowed if isinstance(allowed, str) else allowed.named(name) for name, allowed in sizes.items()
        },
        "first_valid": {n: allowed.first(8) for n, allowed in sizes.items() if isinstance(allowed, PeriodicSet)},
    }
    if each:
        document["layers"] = [of_layer(node, found) for node in graph]
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def on_multiples(made: Formula) -> dict[str, Any]:
    return {"multiples": dict(made.multiples), "form": polynomial(made.lattice)}


def of_layer(node: Node, found: Sequence[Formula]) -> dict[str, Any]:
    counts = {made.measure.name: str(made.layers[node.name]) for made in found}
    return {"name": node.name, "output_shape": [str(n) for n in node.output.item_shape], **counts}
