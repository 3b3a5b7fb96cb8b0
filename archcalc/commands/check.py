"""`archcalc check`: syntax, names, shapes and published numbers."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from archcalc.command import PROBLEMS, Settings, write_output
from archcalc.core.diagnostic import Diagnostic, SpecError, enumerated
from archcalc.core.location import Location, Source
from archcalc.core.render import render_all
from archcalc.graph.loading import document_of_chain, gc_paused, source_of
from archcalc.lint.checking import judged
from archcalc.lint.diagnostic_formats import FORMATS
from archcalc.lint.editing import edited
from archcalc.lint.linting import Selection, findings_of
from archcalc.lint.rule import RULES
from archcalc.spec.declaration import Document
from archcalc.spec.document import read_document, read_regular, variant_names

MANY = 8
"""Files that are worth a process of their own."""


@click.command("check")
@click.argument("specs", nargs=-1, metavar="SPEC|DIR...")
@click.option("-e", "expressions", multiple=True, metavar="CHAIN", help="A network in one line.")
@click.option("--select", multiple=True, metavar="CODE,...", help="Only these rules, or all that begin so: AR1.")
@click.option("--ignore", multiple=True, metavar="CODE,...", help="Not these rules.")
@click.option("--fix", is_flag=True, help="Mend in the files what can be mended safely.")
@click.option("--strict", is_flag=True, help="What rules find counts as a problem: exit code 1.")
@click.option("--format", "form", type=click.Choice(["text", *FORMATS]), default="text", show_default=True)
@click.pass_obj
def command(settings: Settings, /, specs: Sequence[str], expressions: Sequence[str], form: str, **options: Any) -> int:
    """Syntax, names, shapes, published numbers, and whether the design is sound.

    A directory stands for the specs in it, and a file for itself and its variants. What rules find are warnings:
    `archcalc explain AR101` says why, and `# noqa: AR101` at the end of a line leaves it out there.
    """
    if not specs and not expressions:
        raise click.UsageError("no SPEC or DIR")
    selection = selection_of(options["select"], options["ignore"])
    families = all_checked([name for spec in specs for name in expanded(spec)], selection)
    told = mended(families, selection) if options["fix"] else [each.found for each in families]
    if expressions:
        chain = partial(document_of_chain, "\n".join(expressions))
        told.append([*told_of(chain, None, selection).found])
    found = once(each for family in told for each in family)
    click.echo(written(found, form, settings), nl=False, color=True)
    if not found and form == "text" and not settings.quiet:
        count = sum(len(each.variants) for each in families) + bool(expressions)
        click.echo(f"{count} network{'s' * (count != 1)} checked, no problems", err=True)
    return PROBLEMS if any(options["strict"] or each.severity == "error" for each in found) else 0


def selection_of(select: Sequence[str], ignore: Sequence[str]) -> Selection:
    """The rules that are asked for; a word that no rule's code begins with is a mistake."""
    chosen, left_out = (tuple(code.strip() for each in given for code in each.split(",")) for given in (select, ignore))
    for word in (*chosen, *left_out):
        if not any(code.startswith(word.upper()) for code in RULES):
            raise click.UsageError(f"no rule begins with '{word}': {enumerated(RULES)}")
    return Selection(chosen or Selection().select, left_out)


def once(told: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Without what variants repeat: they share most of a file, and what is wrong with it."""
    found: dict[object, Diagnostic] = {}
    for each in told:
        what = () if each.severity == "warning" else (each.message,)
        found.setdefault((each.code, each.location, *what) if each.location else each, each)
    return list(found.values())


# --- which specs -----------------------------------------------------------------------------------------------------


def expanded(spec: str) -> Iterator[str]:
    """The specs that a name stands for: those of a directory, or itself."""
    path = Path(spec)
    if spec and path.is_dir():
        files = [file for file in sorted(path.rglob("*.yaml")) if not hidden(file.relative_to(path)) and is_spec(file)]
        if not files:
            raise click.UsageError(f"no spec lies in {spec}")
        yield from map(str, files)
    else:
        yield spec


def hidden(file: Path) -> bool:
    """Whether a file lies where nobody looks: .venv, .git."""
    return any(part.startswith(".") for part in file.parts)


def is_spec(file: Path) -> bool:
    """Whether a YAML file claims to be one of ours."""
    try:
        text = read_regular(str(file)).decode("utf-8-sig")
    except (OSError, SpecError, UnicodeDecodeError):
        return False
    return any(line.startswith("archcalc:") for line in text.splitlines())


def variants_in(source: Source) -> tuple[str | None, ...]:
    """A spec itself, None, and its variants."""
    try:
        return None, *variant_names(source)
    except SpecError:
        return (None,)  # what is wrong with the file is told when it is checked itself


# --- checking --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """What is wrong with a network, and the places of the spec that its layers come from; None where it has none."""

    found: Sequence[Diagnostic]
    places: Collection[Location | None] | None = None


def told_of(read: Callable[[], Document], variant: str | None, selection: Selection) -> Told:
    """What is wrong with a spec, and what rules find where nothing keeps it from being built."""

    def noted(each: Diagnostic) -> Diagnostic:
        return replace(each, notes=(*each.notes, f"in the variant {variant}")) if variant else each

    try:
        document = read()
        graph, found = judged(document)
        if graph is None:
            return Told([*map(noted, found)])
        told = [*map(noted, found), *findings_of(document, graph, selection)]
        return Told(told, {node.where for node in graph})
    except SpecError as error:
        return Told([*map(noted, error.diagnostics)])


@dataclass(frozen=True, slots=True)
class Family:
    """A spec by its name, those of its variants that were looked at, None for itself, and what is wrong with them."""

    name: str
    variants: Sequence[str | None]
    found: list[Diagnostic]


@gc_paused()
def checked(name: str, selection: Selection) -> Family:
    """A spec, looked at with its variants. What is to be edited is so in all of them, or it is not edited."""
    try:
        source, chosen = source_of(name)
    except SpecError as error:
        return Family(name, (None,), [*error.diagnostics])
    variants = variants_in(source) if Path(name).is_file() else (chosen,)
    told = [told_of(partial(read_document, source, variant=each), each, selection) for each in variants]
    ruled = [{(each.code, each.location) for each in variant.found} for variant in told]
    sound = not any(each.severity == "error" for variant in told for each in variant.found)

    def holds(each: Diagnostic) -> bool:
        pairs = zip(told, ruled, strict=True)
        return sound and all(
            (each.code, each.location) in of or each.location not in (v.places or ()) for v, of in pairs
        )

    found = once(each for variant in told for each in variant.found)
    return Family(
        name, variants, [each if not each.edits or holds(each) else replace(each, edits=()) for each in found]
    )


def all_checked(names: Sequence[str], selection: Selection) -> list[Family]:
    """Every spec, looked at; many are shared out among processes, which share all that was imported."""
    workers = min(len(names) // MANY, os.cpu_count() or 1)
    alone = threading.active_count() == 1 and "torch" not in sys.modules  # forks of threads may wait for one another
    if workers < 2 or not alone or "fork" not in multiprocessing.get_all_start_methods():
        return [checked(name, selection) for name in names]
    quiet = signal.SIGINT, signal.SIG_IGN  # an interrupt is this process's to answer
    with multiprocessing.get_context("fork").Pool(workers, signal.signal, quiet) as pool:
        return pool.map(partial(checked, selection=selection), names, chunksize=1)


# --- mending ---------------------------------------------------------------------------------------------------------


def mended(families: Sequence[Family], selection: Selection) -> list[list[Diagnostic]]:
    """Makes the edits in the files that are as sound with them as before; what is left."""
    left, count, files = [], 0, []
    for family in families:
        name, found = family.name, family.found
        edits = [edit for each in found for edit in each.edits if edit.where.source.name == name]
        if edits and Path(name).is_file():
            text = edited(edits[0].where.source.text, edits)
            if problem := next(problems_with(text, family), None):
                click.echo(f"{name} is left as it is: mended, {problem.message}", err=True)
            else:
                write_output(text, name)
                files.append(name)
                count += sum(bool(each.edits) for each in found)
                found = checked(name, selection).found
        left.append(found)
    if files:
        click.echo(f"{count} mended in {enumerated(files)}", err=True)
    return left


def problems_with(text: str, family: Family) -> Iterator[Diagnostic]:
    """What would be wrong with a file of this text."""
    for variant in family.variants:
        try:
            yield from judged(read_document(Source(family.name, text), variant=variant))[1]
        except SpecError as error:
            yield from error.diagnostics


def written(found: Sequence[Diagnostic], form: str, settings: Settings) -> str:
    if form == "text":
        return f"{render_all(found, color=settings.colors(sys.stdout))}\n" if found else ""
    return FORMATS[form](found)
