"""`archcalc sweep`: a space of designs, evaluated by closed forms."""

import csv
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click

from archcalc.command import INTERRUPTED, PROBLEMS, Settings, notice, replacing, room_of, write_output
from archcalc.core.extra import MissingExtra
from archcalc.core.overrides import Overrides
from archcalc.graph.builder import build
from archcalc.graph.loading import document_of_chain
from archcalc.memory.training_setup import setup_of_options
from archcalc.spec.declaration import Document
from archcalc.sweeping.asking import documents_for, engine_of, listed, objectives_of, question_of, variant_of, wanted_of
from archcalc.sweeping.checking import differences, document_at
from archcalc.sweeping.cluster import Cluster
from archcalc.sweeping.formats import NAMES, SUFFIXES, format_named
from archcalc.sweeping.formats.svg import NoPicture
from archcalc.sweeping.journal import Journal, JournalError
from archcalc.sweeping.question import COUNT, ROWS, Question, conditions, parsed
from archcalc.sweeping.run import Engine, Run, State, cores, silent
from archcalc.sweeping.space import axis_of, table_given
from archcalc.sweeping.sweep import MOST_ROWS, Sweep, TooManyRows, corners, random_designs
from archcalc.usage.declared import INPUT, OUTPUT, Range, Refused, UsageError, called, option
from archcalc.usage.options import format_option, output_option, overrides_of, spec_options, training_options

ALONE = 10_000_000
"""Designs without memory that one process evaluates sooner than several are started."""


EXAMPLES = (
    "archcalc sweep resnet18 --over w=16..64:8 --over H=96,128 --min macs --max w",
    "archcalc sweep lenet5 --over H=W=28..64:4 --where 'macs <= 1M'",
)


@called("sweep", EXAMPLES, with_settings=True)
@spec_options
@option(
    "--over",
    multiple=True,
    metavar="NAME=VALUES",
    help="An axis: 'w=16..128:8', 'w=16..1024*2', 'H=W=224,288'.",
    completes="parameters of spec",
    group=INPUT,
)
@option(
    "--choose",
    multiple=True,
    metavar="NAME=A|B",
    help="An axis of settings: 'act=relu|silu', 'variant=..'.",
    completes="settings of spec",
    group=INPUT,
)
@option("--designs", metavar="FILE.csv", help="An axis of designs, one per row; headings are names.", group=INPUT)
@option("--where", multiple=True, metavar="CONDITION", help="A condition: 'params <= 30M and macs <= 4G'.", group=INPUT)
@option("--min", "minimise", multiple=True, metavar="QUANTITY", help="What is to be small.")
@option("--max", "maximise", multiple=True, metavar="QUANTITY", help="What is to be large.")
@option("--pareto", is_flag=True, help="Keep the Pareto front: the default for several objectives.")
@option("--top", type=Range(1), help="Keep the best N designs. Default with one objective: 1.")
@option("--count", is_flag=True, help="Only count the designs.")
@option("--histogram", metavar="QUANTITY", help="Count the designs by the values of this.")
@option("--columns", multiple=True, metavar="A,B", help="Further quantities of the designs that are kept.")
@option("--verify", type=Range(0), default=0, help="Compare N random designs with their reports.")
@training_options
@output_option
@format_option(*NAMES, default=None, help="Output format. Default: from the suffix of -o, else table.")
@option("--resume", is_flag=True, help="Continue the interrupted sweep with this output file.", group=OUTPUT)
@option("--jobs", type=Range(0), default=0, help="Processes. Default: 1, or all cores.", group=OUTPUT)
@option("--scheduler", metavar="ADDRESS", help="Run on a Dask cluster; `local` starts one.", group=OUTPUT)
def command(settings: Settings, /, specs: Sequence[str], expressions: Sequence[str], **options: Any) -> int:
    """Search a space of designs by closed forms: all of them, the best, or the Pareto front.

    A space is made of axes: every combination of their values is a design. Quantities are those of `report` and of
    `solve`, and receptive_field; brackets change a value: 'training_peak(N=32)'. Designs that do not fit the network
    are counted with the reason. -o FILE keeps a journal beside the file while it runs, so that --resume can continue
    after an interruption. Exits with 1 if no design is left.
    """
    form = format_of(options["form"], options["output"])
    check_options(form, options)
    question = question_asked(specs, expressions, options)
    refuse_rows(question, form)
    journal = Journal(Path(f"{os.path.realpath(options['output'])}.journal"), question) if is_file(options) else None
    run = Run(question, journal, partial(show, sys.stderr) if shows(settings) else silent)
    try:
        started(run, options)
        run.go(engine(question, options))
    except JournalError as error:
        raise Refused(str(error)) from None
    finally:
        if shows(settings):
            click.echo("\r\033[K", nl=False, err=True)
    sweep = Sweep(question, run.part, run.done)
    write(sweep, form, options["output"], journal)
    return ended(run, sweep, options)


# --- the question ----------------------------------------------------------------------------------------------------


def question_asked(specs: Sequence[str], expressions: Sequence[str], options: Mapping[str, Any]) -> Question:
    overrides = overrides_of(specs, expressions, options)
    if len(specs) + bool(expressions) > 1:
        raise UsageError("a sweep takes one network: name one SPEC")
    if not (options["over"] or options["choose"] or options["designs"]):
        raise UsageError("a sweep needs an axis: name one with --over 'w=16..128:8'")
    axes = [axis_of(text) for text in options["over"]] + [axis_of(text, "--choose") for text in options["choose"]]
    axes += [table_given(designs_in(options["designs"]))] if options["designs"] else []
    objectives = objectives_of(options["minimise"], options["maximise"])
    if (options["pareto"] or options["top"]) and not objectives:
        raise UsageError("--pareto and --top need an objective: add --min or --max")
    return question_of(
        documents_for(axes, reader(specs, expressions, overrides)),
        axes,
        conditions(options["where"]),
        objectives,
        [parsed(text, "--columns") for text in listed(options["columns"])],
        wanted=wanted_of(objectives, options["pareto"], options["top"], options["count"]),
        top=options["top"] or 1,
        histogram=parsed(options["histogram"], "--histogram") if options["histogram"] else None,
        setup=setup_of_options(options),
        batch=options["batch"],
        dtype=options["dtype"],
        spec=specs[0] if specs else "",
        options=tuple(options_of_report(expressions, options)),
    )


def reader(specs: Sequence[str], expressions: Sequence[str], overrides: Overrides) -> Callable[[str], Document]:
    """What reads the spec, or one of its variants by its name."""
    if not specs:
        return lambda variant: document_of_chain("\n".join(expressions), overrides)
    return partial(variant_of, specs[0], overrides)


def designs_in(path: str) -> Iterator[dict[str, object]]:
    """The rows of a CSV file; whole numbers are numbers."""
    try:
        with Path(path).open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                yield {(name or "").strip(): number(value or "") for name, value in row.items()}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise Refused(f"--designs {path}: {str(reason).lower()}") from None


def number(text: str) -> object:
    return int(text) if text.strip().isdecimal() else text.strip()


def options_of_report(expressions: Sequence[str], options: Mapping[str, Any]) -> Iterator[str]:
    """The options of this command that the report of a design needs too."""
    yield from (f"-e {chain}" for chain in expressions)
    yield from (f"--set {each}" for each in options["assignments"])
    yield from (f"--input {each}" for each in options["inputs"])
    yield from (f"--import-root {each}" for each in options["import_roots"])
    yield from (f"--batch {options['batch']}" for _ in range(options["batch"] != 1))
    yield from (f"--dtype {options['dtype']}" for _ in range(options["dtype"] != "float32"))
    for name in ("optimizer", "implementation", "autocast", "machine"):
        yield from (f"--{name} {options[name]}" for _ in range(bool(options[name])))
    yield from (f"--checkpoint {each}" for each in options["checkpoint"])
    yield from ("--accumulate" for _ in range(options["accumulate"]))


def refuse_rows(question: Question, form: str) -> None:
    """Refuses to list too many designs before they are evaluated, if their number is known."""
    if question.wanted == ROWS and not question.where and question.space.size > MOST_ROWS and form != "parquet":
        raise Refused(
            f"the space has {question.space.size:,} designs, too many to list: ask for the best with --pareto or "
            "--top, narrow it with --where, or write a Parquet file: -o designs.parquet"
        )


# --- the run ---------------------------------------------------------------------------------------------------------


def check_options(form: str, options: Mapping[str, Any]) -> None:
    if options["resume"] and not is_file(options):
        raise UsageError("--resume continues a sweep that was writing to a file: name it with -o")
    if form in ("svg", "html") and len(listed(options["minimise"])) + len(listed(options["maximise"])) < 2:
        raise UsageError("a picture shows two objectives: add --min or --max")


def is_file(options: Mapping[str, Any]) -> bool:
    """Whether the output is a regular file, which can have a journal beside it."""
    output = options["output"]
    return output not in (None, "-") and (not Path(output).exists() or Path(output).is_file())


def started(run: Run, options: Mapping[str, Any]) -> None:
    """Begins or continues the journal, which is in the folder of the output."""
    if run.journal and not run.journal.path.parent.is_dir():
        raise Refused(f"cannot write {options['output']}: No such file or directory")
    if run.journal and options["resume"]:
        run.resume()
    elif run.journal:
        run.journal.start()


def engine(question: Question, options: Mapping[str, Any]) -> Engine:
    if options["scheduler"]:
        return Cluster(question, options["scheduler"], options["jobs"] or cores())
    is_large = question.space.size > ALONE or any(each.cost > 2 for each in question.quantities)
    return engine_of(question, options["jobs"] or (cores() if is_large else 1))


def shows(settings: Settings) -> bool:
    """Whether progress is shown: on a terminal only."""
    return not settings.quiet and bool(sys.stderr.isatty()) and os.environ.get("TERM") != "dumb"


def show(stream: Any, state: State) -> None:
    done = 100 * state.done // max(1, state.designs)
    left = f"{state.seconds_left:,.0f} s left" if state.done < state.designs else "done"
    text = f"{done} %  {state.done:,} of {state.designs:,} designs, {state.kept:,} kept, {state.speed:,.0f}/s, {left}"
    stream.write(f"\r\033[K{text}")
    stream.flush()


# --- the result ------------------------------------------------------------------------------------------------------


def format_of(form: str | None, output: str | None) -> str:
    """The requested format, by name or by the file's suffix."""
    if form or output in (None, "-"):
        if form == "parquet" and output in (None, "-"):
            raise UsageError("a Parquet file needs a name: -o designs.parquet")
        return form or "table"
    suffix = Path(output).suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(f"-o {output}: no format has the suffix '{suffix}'; add --format {'|'.join(NAMES)}")
    return SUFFIXES[suffix]


def write(sweep: Sweep, form: str, output: str | None, journal: Journal | None) -> None:
    """Writes the result. If that fails, the journal stays."""
    kept = f"; the results stay in {journal.path}: add --resume" if journal and not journal.why else ""
    try:
        made = format_named(form)
        if hasattr(made, "write_to"):
            with replacing(output or "") as path:
                made.write_to(sweep, Path(path))
        else:
            write_output(made.write(sweep, room_of(output)) if form == "table" else made.write(sweep), output)
    except (NoPicture, TooManyRows) as error:
        raise Refused(f"{error}{kept}") from None
    except Refused as error:
        raise Refused(f"{error}{kept}") from None
    except MissingExtra as error:
        raise MissingExtra(f"{error}{kept}") from None


def ended(run: Run, sweep: Sweep, options: Mapping[str, Any]) -> int:
    """What is said at the end, and the exit code."""
    journal = run.journal
    if journal and journal.why:
        notice(f"the journal could not be written to the end: {journal.why.lower()}")
    if not run.is_whole:
        how = "--resume continues" if journal else "with -o FILE, --resume could continue"
        done = f"{run.done:,} of {run.question.space.size:,} designs are evaluated"
        notice(f"{run.stopped or 'stopped'}: {done}; {how}")
        return INTERRUPTED if run.stopped == "interrupted" else PROBLEMS
    if journal:
        journal.remove()
    if sweep.tally.designs and sum(sweep.tally.invalid.values()) == sweep.tally.designs:
        build(document_at(run.question, run.question.space.design(0))[0])  # raises what is wrong, with its place
    good = verified(sweep, options["verify"]) if options["verify"] else True
    return 0 if good and sweep.tally.kept else PROBLEMS


def verified(sweep: Sweep, count: int) -> bool:
    """Compares random designs and the corners of the result with their reports, and the corners with torch."""
    question = sweep.question
    best = corners(sweep) if question.wanted != COUNT else []
    chosen = random_designs(question, count)
    found = list(differences(question, list(dict.fromkeys([*chosen, *best]))))
    for each in found:
        notice(f"{each}: {sweep.command(each.design)}")
    said = f"{len(chosen):,} random designs" + (f" and {len(best)} best in one objective" if best else "")
    click.echo(
        f"checked {said}: {f'{len(found)} numbers differ' if found else 'all numbers equal their reports'}", err=True
    )
    return not found and built(question, best)


def built(question: Question, designs: Sequence[int]) -> bool:
    """Whether torch agrees about these designs, built on the meta device."""
    if not designs:
        return True
    try:
        from archcalc.verification import verify  # lazy: torch, a second
    except ImportError:
        click.echo("torch is not installed: the best designs were not built", err=True)
        return True
    good = True
    for design in designs:
        document, batch = document_at(question, question.space.design(design))
        rows = verify(document, batch=batch, dtype=question.dtype, device="meta", sizes=0).rows
        wrong = [row for row in rows if row.agrees is False]
        good = good and not wrong
        click.echo(f"design {design}, built on meta: {len(rows)} comparisons, {len(wrong)} differ", err=True)
    return good
