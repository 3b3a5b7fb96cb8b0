"""`archcalc report`: the layer table and totals of networks."""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import archcalc.pages  # noqa: F401  it makes its format known
from archcalc.command import Settings, notice, room_of, write_output
from archcalc.core.answers import whole_answer
from archcalc.core.diagnostic import Diagnostic, did_you_mean
from archcalc.core.overrides import Overrides
from archcalc.graph.builder import build
from archcalc.graph.declarations import free_names
from archcalc.graph.graph import Graph
from archcalc.graph.loading import documents_of, gc_paused, read_from_specs
from archcalc.measure import MEASURES
from archcalc.record import replace
from archcalc.report import formats  # noqa: F401  it makes the formats known
from archcalc.report.formats.table import AUTO, EXACT, SHORT, View, table
from archcalc.report.layout import every_column
from archcalc.report.report import CONVENTIONS, REPORTS, Format, Report, folded, report_of
from archcalc.spec.declaration import Document
from archcalc.usage.declared import TRAINING, Choice, Range, UsageError, called, option
from archcalc.usage.options import (
    cache_option,
    changes_of,
    format_option,
    free_option,
    names_of,
    output_option,
    overrides_of,
    spec_options,
    training_options,
)

if TYPE_CHECKING:
    from archcalc.memory.footprint import Footprint

EXAMPLES = (
    "archcalc report resnet50 --depth 1",
    "archcalc report resnet50 --train --batch 32 --optimizer adamw",
    'archcalc report -e "input(3,32,32) -> conv(5,32,p2) -> relu -> fc(10)"',
)


@called("report", EXAMPLES, with_settings=True)
@spec_options
@free_option
@output_option
@cache_option
@format_option(
    *sorted(REPORTS.names()), default=None, help="Output format. Default: from the suffix of -o, else table."
)
@option(
    "--convention", type=Choice(tuple(sorted(CONVENTIONS))), default="macs", show_default=True, help="What to count."
)
@option(
    "--by",
    type=Choice(("layer", "block", "type")),
    default="layer",
    show_default=True,
    help="Lines of the table.",
)
@option("--depth", type=Range(1), help="Group layers by the first N parts of their names.")
@option("--columns", default="", metavar="A,B", completes="columns", help="Columns to show, in this order.")
@option(
    "--units",
    type=Choice((AUTO, EXACT, SHORT)),
    default=AUTO,
    show_default=True,
    help="Numbers in full, or to three digits: 1.81 G. auto rounds where full numbers do not fit.",
)
@option("--sort", default="", metavar="MEASURE", completes="measures", help="Sort by this quantity, largest first.")
@option(
    "--train",
    is_flag=True,
    help="Also predict memory: saved for backward, peaks of inference and training.",
    group=TRAINING,
)
@training_options
@option(
    "--timeline",
    is_flag=True,
    help="Show memory over a training step, and the tensors alive at its peak.",
    group=TRAINING,
)
@option(
    "--whole",
    is_flag=True,
    help="Add all that a page shows: memory over a training step with AdamW, closed forms.",
)
@option(
    "--memory-forms",
    is_flag=True,
    help="Add memory in closed form to --whole and to a page; takes seconds.",
    group=TRAINING,
)
@option("--variants", is_flag=True, help="Also report every variant of each SPEC.")
@option("--top", type=Range(1), help="Show only the first N lines.")
def command(settings: Settings, /, specs: Sequence[str], expressions: Sequence[str], **options: Any) -> None:
    """Print the layer table and the totals of a network."""
    options["configured"] = settings.configured
    overrides = overrides_of(specs, expressions, options)
    documents = documents_of(specs, expressions, overrides)
    if options["variants"]:
        documents += variants_of(specs, documents, overrides)
    form = format_of(options["form"], options["output"])
    if REPORTS[form].single and len(documents) > 1:
        raise UsageError(f"the format {form} takes one network: name one SPEC")
    with gc_paused():
        reports = [completed(document, REPORTS[form], options) for document in documents]
        write_output(text_of(reports, form, options, settings), options["output"])
    if options["cache"] and options["output"] is None and read_from_specs(specs):
        whole_answer()


def variants_of(specs: Sequence[str], documents: Sequence[Document], overrides: Overrides) -> list[Document]:
    """The variants of specs that are none themselves."""
    if "-" in specs:
        raise UsageError("--variants: standard input can be read only once; name a file")
    pairs = zip(specs, documents, strict=False)  # a one-line network, the last document, has no variants
    names = [f"{spec}@{each}" for spec, it in pairs if not it.variant for each in it.variants]
    return documents_of(names, (), overrides)


def completed(document: Document, form: Format, options: Mapping[str, Any]) -> Report:
    """The report of a document with all that a format shows."""
    if form.whole or options["whole"]:
        return whole(document, options)
    report = reported(document, options)
    return replace(report, findings=findings_in(document, report.graph)) if form.judges else report


def whole(document: Document, options: Mapping[str, Any]) -> Report:
    """The report with all that a page shows."""
    from archcalc.memory.training_setup import setup_of_options  # lazy: 10 ms
    from archcalc.pages.whole import OPTIMIZER, Wanted, whole_report  # lazy: 30 ms, with memory and closed forms

    wanted = Wanted(
        batch=options["batch"],
        dtype=options["dtype"],
        convention=options["convention"],
        setup=setup_of_options({**options, "optimizer": options["optimizer"] or OPTIMIZER}),
        free=names_of(options["free"]) or (),
        memory_forms=options.get("memory_forms", False),
        say=lambda said: notice(said),
    )
    return whole_report(document, wanted)


MEMORY = ("train", "optimizer", "accumulate", "autocast", "machine", "checkpoint", "timeline")
"""Options that request memory predictions, on the command line: the configuration only says how to predict."""


def asks_for_memory(options: Mapping[str, Any]) -> bool:
    return any(options.get(each) and each not in options.get("configured", ()) for each in MEMORY)


def reported(document: Document, options: Mapping[str, Any]) -> Report:
    """The report of a document: numbers, or closed forms if it has free symbols."""
    batch, dtype = options["batch"], options["dtype"]
    free = [name for name in names_of(options["free"]) or () if name not in changes_of(options).settings]
    if not free and not free_names(document):
        graph = build(document, batch=batch, dtype=dtype)
        memory = memory_in(graph, options) if asks_for_memory(options) else None
        return report_of(graph, options["convention"], dtype, footprint=memory)
    from archcalc.graph.freeing import with_free  # lazy: a plain report frees nothing

    graph = with_free(document, free, batch=batch, dtype=dtype)
    if options["sort"]:
        raise UsageError("--sort: the order depends on the free symbols; give them numbers with --set")
    from archcalc.closed_forms.feasibility import feasible  # lazy: 5 ms

    words = ((name, allowed.named(name)) for name, allowed in feasible(graph).by_symbol.items())
    conditions = [each for _, each in words if each != "always"]
    return report_of(graph, options["convention"], dtype, conditions)


def findings_in(document: Document, graph: Graph) -> Sequence[Diagnostic]:
    """The findings of rules in a network."""
    from archcalc.lint.linting import findings_of  # lazy: 20 ms

    return findings_of(document, graph)


def memory_in(graph: Graph, options: Mapping[str, Any]) -> "Footprint | None":
    """The memory of a network. If a layer's memory cannot be predicted, reports that and returns None."""
    from archcalc.memory.footprint import Opaque, footprint_of  # lazy: 4 ms
    from archcalc.memory.training_setup import setup_of_options  # lazy: 10 ms

    try:
        return footprint_of(graph, setup_of_options(options), with_timeline=options["timeline"])
    except Opaque as opaque:
        notice(f"memory is not predicted: {opaque}")
        return None


def format_of(form: str | None, output: str | None) -> str:
    """The requested format, by name or by the file's suffix."""
    if form or output in (None, "-"):
        return form or "table"
    suffix = os.path.splitext(output)[1].lower()
    for each in REPORTS.values():
        if suffix in each.suffixes:
            return each.name
    raise UsageError(
        f"-o {output}: no format has the suffix '{suffix}'; add --format {'|'.join(sorted(REPORTS.names()))}"
    )


def text_of(reports: Sequence[Report], form: str, options: Mapping[str, Any], settings: Settings) -> str:
    if form != "table":
        depth = 1 if options["by"] == "block" and options["depth"] is None else options["depth"]
        if REPORTS[form].folds and depth is not None:
            reports = [replace(each, lines=folded(each.lines, depth)) for each in reports]
        return REPORTS[form].write_all(reports)
    return "\n".join(table_of(report, options, settings) for report in reports)


def table_of(report: Report, options: Mapping[str, Any], settings: Settings) -> str:
    columns = tuple(each.strip() for each in options["columns"].split(",") if each.strip())
    known_names(columns, list(every_column(report)), "--columns")
    known_names((options["sort"],) if options["sort"] else (), list(MEASURES), "--sort")
    view = View(
        by=options["by"],
        depth=options["depth"],
        columns=columns,
        sort=options["sort"],
        top=options["top"],
        units=options["units"],
        room=room_of(options["output"]),
        color=settings.colors_for(options["output"]),
    )
    return table(report, view)


def known_names(given: Sequence[str], known: Sequence[str], option: str) -> None:
    for number, name in enumerate(given):
        if name in given[:number]:
            raise UsageError(f"{option}: '{name}' stands twice")
        if name not in known:
            meant = did_you_mean(name, known)
            names = f"the names are {', '.join(known)}"
            raise UsageError(f"{option}: unknown name '{name}'; {f'{meant} {names}' if meant else names}")
