"""`archcalc formula`: closed forms in free symbols."""

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import archcalc.measures  # noqa: F401  every file in it registers itself
from archcalc.closed_forms.feasibility import example
from archcalc.closed_forms.formula import ClosedForms, Formula, formula
from archcalc.closed_forms.formulas import FORMATS
from archcalc.closed_forms.memory import Memory, Piece
from archcalc.command import notice, write_output, write_text
from archcalc.core.diagnostic import did_you_mean
from archcalc.graph.freeing import with_free
from archcalc.graph.graph import Graph, Node
from archcalc.graph.loading import documents_of
from archcalc.measure import MEASURES
from archcalc.measures.receptive_field import seen_by
from archcalc.memory.footprint import FORMS
from archcalc.memory.training_setup import TrainingSetup, setup_of_options
from archcalc.sym.decide import Undecided
from archcalc.sym.expr import NoClosedForm
from archcalc.usage.declared import UsageError, called, option
from archcalc.usage.options import (
    format_option,
    free_option,
    names_of,
    output_option,
    overrides_of,
    spec_options,
    training_options,
)

BY_LAYER = ("shape", "receptive_field")
"""Quantities without a total, printed layer by layer."""

EXAMPLES = (
    "archcalc formula resnet50 --free H,W",
    "archcalc formula llama2 --free N,T --of macs,training_peak",
)


@called("formula", EXAMPLES)
@spec_options
@free_option
@output_option
@training_options
@option(
    "--of",
    "wanted",
    default="params,macs",
    show_default=True,
    metavar="MEASURE,...",
    completes="quantities",
    help="Quantities to print.",
)
@option("--layers", "by_layer", is_flag=True, help="Also print the volume and counts of every layer.")
@option(
    "--layer",
    "only",
    multiple=True,
    metavar="NAME",
    completes="layers of spec",
    help="Also print the volume and counts of this layer.",
)
@format_option(*FORMATS)
def command(specs: Sequence[str], expressions: Sequence[str], **options: Any) -> None:
    """Print totals as closed forms in free symbols, and the values for which they are valid.

    --free H,W frees the axes of the inputs (T for a sequence, D,H,W for a volume), --free N the batch size, and
    --free w or --free depths[0] a parameter. --of accepts every quantity of `report`, shape and receptive_field; in
    text and JSON also saved_bytes, inference_peak, training_peak and iteration_peak.
    """
    overrides = overrides_of(specs, expressions, options)
    wanted = [known(name.strip()) for name in options["wanted"].split(",") if name.strip()]
    found = []
    for document in documents_of(specs, expressions, overrides):
        graph = with_free(document, names_of(options["free"]), batch=options["batch"], dtype=options["dtype"])
        found.append(closed_forms(graph, wanted, options["by_layer"], options["only"], setup_of_options(options)))
    text = importlib.import_module(f"archcalc.closed_forms.formulas.{options['form']}").write(found)
    (write_text if options["form"] == "text" else write_output)(text, options["output"])


def known(name: str) -> str:
    if name not in (*MEASURES, *BY_LAYER, *FORMS):
        raise UsageError(f"--of: unknown quantity '{name}'; use one of {', '.join((*MEASURES, *BY_LAYER, *FORMS))}")
    return name


def closed_forms(
    graph: Graph, wanted: Sequence[str], by_layer: bool, only: Sequence[str], setup: TrainingSetup
) -> ClosedForms:
    """The requested closed forms of a network. Quantities without one are reported and omitted."""
    own = example(graph)
    made = (closed_or_reported(graph, name, own) for name in wanted if name in MEASURES)
    nodes = tuple(named(graph, name) for name in only)
    if by_layer or (not only and any(name in BY_LAYER for name in wanted)):
        nodes = graph.nodes
    seen = seen_by(graph) if "receptive_field" in wanted else {}
    formulas = tuple(each for each in made if each)
    figures = [name for name in wanted if name in FORMS]
    piece = memory_or_said(graph, figures, setup) if figures else None
    return ClosedForms(graph, own, formulas, piece.figures(*figures) if piece else {}, piece, nodes, seen)


def memory_or_said(graph: Graph, figures: Sequence[str], setup: TrainingSetup) -> Piece | None:
    """The memory that figures are wanted of; what has no closed form is said."""
    try:
        found = Memory(graph, setup, tuple(figures)).main()
        why = found.why and f"memory is not predicted: {found.why}"
    except (NoClosedForm, Undecided) as error:
        why = str(error)
    if why:
        notice(f"{', '.join(figures)}: {why}")
    return None if why else found


def named(graph: Graph, name: str) -> Node:
    if name not in graph.by_name:
        help = did_you_mean(name, graph.by_name) or "`--layers` lists them"
        raise UsageError(f"--layer: {graph.name} has no layer '{name}'; {help}")
    return graph.by_name[name]


def closed_or_reported(graph: Graph, name: str, own: Mapping[str, int]) -> Formula | None:
    try:
        return formula(graph, MEASURES[name], own)
    except NoClosedForm as error:
        notice(str(error))
        return None
