"""`archcalc check`: syntax, names, shapes and published numbers."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from archcalc.command import PROBLEMS, Settings, say, write_output
from archcalc.core.answers import apart, merged, whole_answer
from archcalc.core.diagnostic import Diagnostic, SpecError, enumerated
from archcalc.core.location import Source
from archcalc.core.overrides import Overrides
from archcalc.core.render import render_all, width_of
from archcalc.graph.loading import (
    document_of,
    document_of_chain,
    gc_paused,
    overridden,
    read_from_specs,
    source_of,
)
from archcalc.graph.sources import reader_of
from archcalc.lint.checking import judged
from archcalc.lint.diagnostic_formats import FORMATS
from archcalc.lint.editing import edited
from archcalc.lint.linting import Selection
from archcalc.lint.rule import RULES
from archcalc.lint.variants import once, outcome_of, variants_in
from archcalc.record import record, replace
from archcalc.spec.declaration import Document
from archcalc.spec.document import read_document
from archcalc.usage.declared import INPUT, OUTPUT, UsageError, argument, called, option
from archcalc.usage.files import expanded
from archcalc.usage.options import cache_option, changes_of, format_option, override_options

MANY = 8
"""Number of files for which another process pays off."""

EXAMPLES = (
    "archcalc check resnet50",
    "archcalc check specs --ignore AR1 --format json",
)


@called("check", EXAMPLES, with_settings=True)
@argument("specs", nargs=-1, metavar="SPEC|DIR...", completes="specs")
@option("-e", "expressions", multiple=True, metavar="CHAIN", help="A network in one line.", group=INPUT)
@override_options
@option(
    "--select",
    multiple=True,
    metavar="CODE,...",
    completes="rules",
    help="Only these rules. A prefix selects a group: AR1.",
)
@option("--ignore", multiple=True, metavar="CODE,...", completes="rules", help="Skip these rules.")
@option("--fix", is_flag=True, help="Apply safe fixes to the files.", group=OUTPUT)
@option("--strict", is_flag=True, help="Exit with 1 for warnings too.")
@format_option("text", *FORMATS)
@cache_option
def command(settings: Settings, /, specs: Sequence[str], expressions: Sequence[str], form: str, **options: Any) -> int:
    """Check syntax, names, shapes and published numbers, and find weaknesses in designs.

    A directory means all specs in it; a file means the spec and its variants. Findings of rules are warnings:
    `archcalc explain AR101` gives the reason, and `# noqa: AR101` at the end of a line suppresses the warning there.
    """
    if not specs and not expressions:
        raise UsageError("no SPEC or DIR given")
    selection = selection_of(options["select"], options["ignore"])
    overrides = changes_of(options)
    families = all_checked([name for spec in specs for name in expanded(spec)], selection, overrides)
    results = fixed(families, selection, overrides) if options["fix"] else [each.found for each in families]
    if expressions:
        chain = partial(document_of_chain, "\n".join(expressions), overrides)
        results.append([*outcome_of(chain, None, selection).found])
    found = once(each for family in results for each in family)
    if text := written(found, form, settings):
        say(text.removesuffix("\n"), sys.stdout)
    if not found and form == "text" and not settings.quiet:
        count = sum(len(each.variants) for each in families) + bool(expressions)
        say(f"{count} network{'s' * (count != 1)} checked, no problems")
    if options["cache"] and not options["fix"] and read_from_specs(specs):
        whole_answer()
    return PROBLEMS if any(options["strict"] or each.severity == "error" for each in found) else 0


def selection_of(select: Sequence[str], ignore: Sequence[str]) -> Selection:
    """The selected rules. Raises UsageError for a prefix that matches no rule."""
    chosen, left_out = (tuple(code.strip() for each in given for code in each.split(",")) for given in (select, ignore))
    for word in (*chosen, *left_out):
        if not any(code.startswith(word.upper()) for code in RULES):
            raise UsageError(f"no rule begins with '{word}': {enumerated(RULES)}")
    return Selection(chosen or Selection().select, left_out)


# --- checking --------------------------------------------------------------------------------------------------------


@record
class Family:
    """A spec by its name, its checked variants (None for the spec itself), and their problems."""

    name: str
    variants: Sequence[str | None]
    found: list[Diagnostic]


def document(source: Source, variant: str | None, overrides: Overrides) -> Document:
    """The document of a variant, with what the command line changes."""
    return overridden(partial(read_document, source, variant=variant, roots=overrides.roots), overrides)


@gc_paused()
def checked(name: str, selection: Selection, overrides: Overrides) -> Family:
    """Checks a spec and its variants. Keeps the edits of a finding only if it applies to all variants."""
    if reader_of(name):  # neither variants nor a text to edit
        outcome = outcome_of(partial(document_of, name, overrides), None, selection)
        return Family(name, (None,), once(outcome.found))
    try:
        source, chosen = source_of(name)
    except SpecError as error:
        return Family(name, (None,), [*error.diagnostics])
    variants = variants_in(source) if Path(name).is_file() else (chosen,)
    outcomes = [outcome_of(partial(document, source, each, overrides), each, selection) for each in variants]
    ruled = [{(each.code, each.location) for each in variant.found} for variant in outcomes]
    sound = not any(each.severity == "error" for variant in outcomes for each in variant.found)

    def in_every_variant(each: Diagnostic) -> bool:
        pairs = zip(outcomes, ruled, strict=True)
        return sound and all(
            (each.code, each.location) in of or each.location not in (v.locations or ()) for v, of in pairs
        )

    found = once(each for variant in outcomes for each in variant.found)
    return Family(
        name,
        variants,
        [each if not each.edits or in_every_variant(each) else replace(each, edits=()) for each in found],
    )


def all_checked(names: Sequence[str], selection: Selection, overrides: Overrides) -> list[Family]:
    """Checks every spec. Many specs are distributed among forked processes, which share the imported modules, and what
    specs that were checked before them made known of layers."""
    workers = min(len(names) // MANY, os.cpu_count() or 1)
    alone = threading.active_count() == 1 and "torch" not in sys.modules  # forking a process with threads can deadlock
    if workers < 2 or not alone or "fork" not in multiprocessing.get_all_start_methods():
        return [checked(name, selection, overrides) for name in names]
    first = {each: checked(each, selection, overrides) for each in names[:: max(1, len(names) // MANY)]}
    left = [each for each in names if each not in first]
    quiet = signal.SIGINT, signal.SIG_IGN  # only the parent handles interrupts
    with multiprocessing.get_context("fork").Pool(workers, signal.signal, quiet) as pool:
        check = partial(checked, selection=selection, overrides=overrides)
        first |= zip(left, map(merged, pool.map(partial(apart, check), left, chunksize=1)), strict=True)
    return [first[each] for each in names]


# --- fixing ----------------------------------------------------------------------------------------------------------


def fixed(families: Sequence[Family], selection: Selection, overrides: Overrides) -> list[list[Diagnostic]]:
    """Edits the files that stay valid with the edits; returns the remaining problems."""
    left, count, files = [], 0, []
    for family in families:
        name, found = family.name, family.found
        edits = [edit for each in found for edit in each.edits if edit.where.source.name == name]
        if edits and Path(name).is_file():
            text = edited(edits[0].where.source.text, edits)
            if problem := next(problems_with(text, family, overrides), None):
                say(f"{name} not changed: after the fixes, {problem.message}")
            else:
                write_output(text, name)
                files.append(name)
                count += sum(bool(each.edits) for each in found)
                found = checked(name, selection, overrides).found
        left.append(found)
    if files:
        say(f"{count} fixed in {enumerated(files)}")
    return left


def problems_with(text: str, family: Family, overrides: Overrides) -> Iterator[Diagnostic]:
    """The problems that the file would have with this text."""
    for variant in family.variants:
        try:
            yield from judged(document(Source(family.name, text), variant, overrides))[1]
        except SpecError as error:
            yield from error.diagnostics


def written(found: Sequence[Diagnostic], form: str, settings: Settings) -> str:
    if form == "text":
        room = width_of(sys.stdout)
        return f"{render_all(found, color=settings.colors(sys.stdout), room=room)}\n" if found else ""
    return FORMATS[form](found)
