"""`archcalc diff`: what differs between two networks, and where the difference of their totals comes from."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from archcalc.command import PROBLEMS, Settings, print_diagnostics, room_of, write_output
from archcalc.commands.report import asks_for_memory, memory_in, whole
from archcalc.comparison.comparison import compare
from archcalc.comparison.formats import FORMATS, SUFFIXES, format_named
from archcalc.comparison.naming import names_in
from archcalc.comparison.rows import Look
from archcalc.comparison.totals import Wanted, compared, wanted_total
from archcalc.comparison.translation import compared_by_map
from archcalc.comparison.weights import WeightComparison, Weights, weights_of
from archcalc.core.diagnostic import SpecError, did_you_mean
from archcalc.core.overrides import Overrides
from archcalc.graph.builder import build
from archcalc.graph.loading import document_of, document_of_chain, gc_paused
from archcalc.importing.checkpoint import checkpoint_of, weights_in
from archcalc.importing.naming import compared_by_family
from archcalc.measure import MEASURES
from archcalc.report.report import CONVENTIONS, Report, report_of
from archcalc.spec.declaration import Document
from archcalc.usage.declared import INPUT, TRAINING, Choice, UsageError, called, option
from archcalc.usage.options import changes_of, format_option, output_option, spec_options, training_options

TROUBLE = 2
"""The exit code if a network cannot be read: 1 says that they differ, as for `diff` and `git diff --exit-code`."""

EXAMPLES = (
    "archcalc diff resnet50 resnet50@resnet101",
    "archcalc diff resnet50 params=25_583_592",
    "archcalc diff resnet50 resnet50@resnet101 -o diff.html",
    "archcalc diff resnet18 specs/lenet5.yaml --format markdown -o diff.md",
)


@called("diff", EXAMPLES, with_settings=True)
@spec_options
@output_option
@format_option(*FORMATS, default=None, help="Output format. Default: from the suffix of -o, else table.")
@option(
    "--convention", type=Choice(tuple(sorted(CONVENTIONS))), default="macs", show_default=True, help="What to count."
)
@option("--all", "every", is_flag=True, help="One row per layer: do not combine those that differ in the same way.")
@option("--names", metavar="FILE", help="A map in YAML: names of the network to those of a checkpoint.", group=INPUT)
@option("--train", is_flag=True, help="Also compare memory: saved for backward, peaks.", group=TRAINING)
@training_options
def command(settings: Settings, /, specs: Sequence[str], expressions: Sequence[str], **options: Any) -> int:
    """Print what differs between two networks, and where the difference of their totals comes from.

    Layers correspond by their names and by their place, so that a layer put in between changes no other. In place of
    the second network stands also a total from elsewhere, `params=25_583_592`, or a checkpoint, model.safetensors or
    model.gguf, whose weights are compared by name and shape. Options apply to both networks.

    Exits with 0 if the networks are equal (names do not matter), with 1 if they differ, with 2 if one cannot be read.
    """
    if len(specs) + len(expressions) != 2:
        raise UsageError("diff compares two networks: name two SPECs, or one and -e CHAIN for the other")
    try:
        with gc_paused():
            return reported(
                settings, specs, expressions, options | {"expressions": expressions, "configured": settings.configured}
            )
    except SpecError as error:
        print_diagnostics(error.diagnostics, settings)
        return TROUBLE


def reported(settings: Settings, specs: Sequence[str], expressions: Sequence[str], options: Mapping[str, Any]) -> int:
    """Prints the comparison and returns the exit code."""
    overrides = changes_of(options)
    numbers = [(i, wanted) for i, each in enumerate(specs) if (wanted := wanted_total(each))]
    if numbers:
        at, wanted = numbers[-1]
        others = [*specs[:at], *specs[at + 1 :]]
        return with_total(documents(others, expressions, overrides)[0], wanted, options)
    output = options["output"]
    look = Look(every=options["every"], room=room_of(output), color=settings.colors_for(output))
    form = format_named(format_of(options["form"], output))
    if specs and (given := checkpoint_of(specs[-1])):
        if not hasattr(form, "write_weights"):
            raise UsageError("a page shows two networks: compare weights as a table, in .json or in .md")
        found = with_checkpoint([*specs[:-1], *expressions], given, overrides, options)
        write_output(form.write_weights(found, look), output)
        return 0 if found.is_empty else PROBLEMS
    made = whole if getattr(form, "WHOLE", False) else report
    comparison = compare(*(made(each, {**options, "free": ()}) for each in documents(specs, expressions, overrides)))
    write_output(form.write(comparison, look), output)
    return 0 if comparison.is_empty else PROBLEMS


def documents(specs: Sequence[str], chains: Sequence[str], overrides: Overrides) -> list[Document]:
    """The networks: named ones, then those in one line, each of which is a network of its own."""
    named = [document_of(spec, overrides) for spec in specs]
    return named + [document_of_chain(chain, overrides) for chain in chains]


def with_checkpoint(
    first: Sequence[str], given: Weights, overrides: Overrides, options: Mapping[str, Any]
) -> WeightComparison:
    """Compares the weights of a network, or of another checkpoint, with those of a checkpoint."""
    expected = checkpoint_of(first[0]) or (None if options["expressions"] else weights_in(first[0], overrides))
    if expected is None:
        [document] = documents((), first, overrides) if options["expressions"] else documents(first, (), overrides)
        expected = weights_of(build(document, batch=options["batch"], dtype=options["dtype"]))
    return (
        compared_by_map(expected, given, names_in(options["names"]))
        if options["names"]
        else compared_by_family(expected, given)
    )


def report(document: Document, options: Mapping[str, Any]) -> Report:
    graph = build(document, batch=options["batch"], dtype=options["dtype"])
    memory = memory_in(graph, {**options, "timeline": False}) if asks_for_memory(options) else None
    return report_of(graph, options["convention"], options["dtype"], footprint=memory)


def with_total(document: Document, wanted: Wanted, options: Mapping[str, Any]) -> int:
    """Compares one total with a number from elsewhere."""
    if wanted.measure not in MEASURES:
        help = did_you_mean(wanted.measure, MEASURES) or f"use one of {', '.join(MEASURES)}"
        raise UsageError(f"'{wanted.measure}' is no quantity; {help}")
    graph = build(document, batch=options["batch"], dtype=options["dtype"])
    equal, lines = compared(graph, wanted)
    write_output("\n".join(lines) + "\n", options["output"])
    return 0 if equal else PROBLEMS


def format_of(form: str | None, output: str | None) -> str:
    """The requested format, by name or by the file's suffix."""
    return form or SUFFIXES.get(Path(output or "").suffix.lower(), "table")
