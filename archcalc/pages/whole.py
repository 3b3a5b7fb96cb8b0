"""The whole report of a document: its numbers, memory with an optimizer, findings and closed forms, as pages show them.

Sizes that the spec leaves free have an example value.
"""

from collections.abc import Callable, Collection
from typing import Any

from archcalc.closed_forms.feasibility import example
from archcalc.closed_forms.formula import ClosedForms, closed_forms
from archcalc.closed_forms.formulas.json import of_totals
from archcalc.closed_forms.memory import Memory
from archcalc.core.dim import number_at
from archcalc.graph.builder import build
from archcalc.graph.declarations import free_names
from archcalc.graph.freeing import with_all_free, with_free
from archcalc.graph.graph import Graph
from archcalc.lint.linting import findings_of
from archcalc.memory.footprint import Footprint, Opaque, footprint_of
from archcalc.memory.optimizer import read_optimizer
from archcalc.memory.training_setup import TrainingSetup
from archcalc.record import record, replace
from archcalc.report.report import Report, report_of
from archcalc.spec.declaration import Document
from archcalc.sym.decide import Undecided
from archcalc.sym.expr import NoClosedForm

MEASURED = ("params", "macs", "output_bytes")
"""The totals whose closed forms a page shows."""

OPTIMIZER = "adamw"
"""The optimizer, if none is named."""


def silent(said: str) -> None:
    """Drops what is said."""


@record(kw_only=True)
class Wanted:
    """How to look at a network.

    `free`: parameters that are symbols of the closed forms, too; `memory_forms`: whether memory has closed forms, which
    takes seconds; `say`: takes a sentence about what is not predicted.
    """

    batch: int = 1
    dtype: str = "float32"
    convention: str = "macs"
    setup: TrainingSetup = TrainingSetup(optimizer=read_optimizer(OPTIMIZER))
    free: Collection[str] = ()
    memory_forms: bool = False
    say: Callable[[str], None] = silent


def whole_report(document: Document, wanted: Wanted) -> Report:
    """The report of a document with all that a page shows. Raises SpecError if it cannot be built."""
    graph = in_numbers(document, wanted)
    report = report_of(graph, wanted.convention, wanted.dtype, footprint=memory_of(graph, wanted))
    return replace(report, findings=findings_of(document, graph), formulas=formulas_of(document, wanted))


def completed(report: Report) -> Report:
    """A report from Python with all that a page shows. Its own memory stays where it has moments."""
    graph = report.graph
    if report.findings is not None or graph.document is None or graph.symbols:
        return report
    batch = graph.inputs[0].volume.batch if graph.inputs else 1
    wanted = Wanted(batch=batch, dtype=report.dtype, convention=report.convention)
    own = report.footprint if report.footprint and report.footprint.timeline else memory_of(graph, wanted)
    made = report_of(graph, report.convention, report.dtype, report.conditions, own)
    return replace(made, findings=findings_of(graph.document, graph), formulas=formulas_of(graph.document, wanted))


def in_numbers(document: Document, wanted: Wanted) -> Graph:
    sizes = None
    if free_names(document):
        open_graph = with_free(document, batch=wanted.batch, dtype=wanted.dtype)
        values = example(open_graph)
        sizes = {x.name: tuple(number_at(n, values) for n in x.volume.item_shape) for x in open_graph.inputs}
    return build(document, batch=wanted.batch, dtype=wanted.dtype, sizes=sizes)


def memory_of(graph: Graph, wanted: Wanted) -> Footprint | None:
    """Memory over a training step; None, and said, if a layer's is not predicted."""
    try:
        return footprint_of(graph, wanted.setup, with_timeline=True)
    except Opaque as opaque:
        wanted.say(f"memory is not predicted: {opaque}")
        return None


def formulas_of(document: Document, wanted: Wanted) -> dict[str, Any]:
    """The closed forms in the sizes of the inputs, the batch size, and what is free besides."""
    graph = with_all_free(document, wanted.free, batch=wanted.batch, dtype=wanted.dtype)
    forms = closed_forms(graph, MEASURED)
    return of_totals(with_memory(forms, wanted.setup) if wanted.memory_forms else forms)


FIGURES = ("saved_bytes", "inference_peak", "training_peak", "iteration_peak")


def with_memory(forms: ClosedForms, setup: TrainingSetup) -> ClosedForms:
    """The closed forms with those of memory; where there are none, with the reason."""
    try:
        piece = Memory(forms.graph, setup).main()
        if not piece.why:
            return replace(forms, memory=piece.figures(*FIGURES), piece=piece)
        why = f"memory is not predicted: {piece.why}"
    except (NoClosedForm, Undecided) as error:
        why = str(error)
    return replace(forms, without={**forms.without, "memory": why})
