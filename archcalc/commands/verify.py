"""`archcalc verify`: build the generated PyTorch, run it, compare every number."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import click

from archcalc.command import PROBLEMS, Settings, room_of, write_output
from archcalc.core.extra import MissingExtra
from archcalc.graph.builder import build
from archcalc.graph.loading import documents_of
from archcalc.memory.training_setup import setup_of_options
from archcalc.report.formats.table import AUTO, View, table
from archcalc.report.report import report_of
from archcalc.spec.declaration import Document
from archcalc.usage.declared import Choice, Range, called, option
from archcalc.usage.options import format_option, output_option, overrides_of, spec_options, training_options

if TYPE_CHECKING:
    from rich.progress import Progress

    from archcalc.verification import Row, VerificationReport

EXAMPLES = (
    "archcalc verify resnet50 --device meta",
    "archcalc verify lenet5_1998 --device meta -o certificate.json",
)


@called("verify", EXAMPLES, with_settings=True)
@spec_options
@output_option
@option(
    "--device",
    type=Choice(("auto", "meta", "cpu", "cuda")),
    default="auto",
    show_default=True,
    help="meta: only shapes and counts; auto: the GPU if there is one.",
)
@option(
    "--sizes",
    type=Range(0),
    default=64,
    show_default=True,
    help="Compare closed forms at this many sizes, over two periods.",
)
@training_options
@option("--memory/--no-memory", default=True, show_default=True, help="Run a training step and measure its memory.")
@option("--time/--no-time", default=False, show_default=True, help="Time every layer and measure the device's limits.")
@option(
    "--depth",
    type=Range(1),
    default=1,
    show_default=True,
    help="Group layers by the first N parts of their names.",
)
@option("--quick", is_flag=True, help="Only the size of the spec, without receptive fields and memory.")
@format_option("text", "json")
def command(settings: Settings, /, specs: Sequence[str], expressions: Sequence[str], **options: Any) -> int:
    """Build the generated PyTorch, run it, compare every number.

    Compares shapes, parameters, state_dict, MACs and receptive fields, at the spec's size and at two other sizes. Every
    difference is printed as a row, and the exit code is 1. -o FILE.json writes a JSON certificate.
    """
    overrides = overrides_of(specs, expressions, options)
    documents = documents_of(specs, expressions, overrides)
    is_json = options["form"] == "json" or str(options["output"] or "").endswith(".json")
    with shown(options, settings, is_json) as screen:
        agrees = [verified(document, options, screen).agrees for document in documents]
    if options["output"] not in (None, "-") or is_json:
        write_output("\n".join(screen.texts), options["output"])
    return 0 if all(agrees) else PROBLEMS


def verified(document: Document, options: dict[str, Any], screen: "Screen") -> "VerificationReport":
    if find_spec("torch") is None:
        raise MissingExtra("verify needs torch: pip install 'archcalc[torch]'")
    screen.begin(document)  # the table, before torch is loaded
    from archcalc.verification import Watch, verify  # lazy: torch, 1 to 2 s

    made = verify(
        document,
        batch=options["batch"],
        dtype=options["dtype"],
        device=options["device"],
        sizes=options["sizes"],
        memory=options["memory"],
        setup=setup_of_options(options),
        time=options["time"],
        quick=options["quick"],
        watch=Watch(screen.head, screen.stage, screen.row),
    )
    screen.end(made)
    return made


class Screen:
    """Where a verification is shown: text on standard output as it comes, unless it is kept for a file or as JSON."""

    def __init__(self, options: dict[str, Any], settings: Settings, is_json: bool, progress: "Progress | None") -> None:
        self.options, self.settings, self.is_json, self.progress = options, settings, is_json, progress
        self.is_kept = is_json or options["output"] not in (None, "-")
        self.is_coloured = settings.colors_for(options["output"])
        self.texts: list[str] = []
        self.name = ""
        self.task: Any = None

    def write(self, text: str) -> None:
        """Writes text at once; the line of progress is taken away for it."""
        if self.is_json or not text:
            return
        if self.is_kept:
            self.texts[-1] += text
            return
        if self.progress:
            self.progress.stop()
        sys.stdout.write(text)
        sys.stdout.flush()
        if self.progress:
            self.progress.start()

    def begin(self, document: Document) -> None:
        """The layer table that is verified."""
        self.name = document.name or "network"
        if not self.is_kept and self.texts:
            self.write("\n")
        self.texts.append("")
        if not self.settings.quiet and not self.is_json:
            self.write(self.table_of(document) + "\n")

    def table_of(self, document: Document) -> str:
        options, dtype = self.options, self.options["dtype"]
        report = report_of(build(document, batch=options["batch"], dtype=dtype), dtype=dtype)
        room = room_of(options["output"])
        return table(report, View(depth=options["depth"], room=room, color=self.is_coloured, units=AUTO))

    def head(self, report: "VerificationReport") -> None:
        from archcalc.verification.certificate import RowWriter, heading, unpainted  # lazy: torch

        self.rows = RowWriter(paint if self.is_coloured else unpainted)
        self.write(heading(report))

    def stage(self, text: str) -> None:
        """Shows the stage, on a terminal only."""
        if self.progress:
            if self.task is None:
                self.task = self.progress.add_task("")
            self.progress.update(self.task, description=f"{self.name}: {text}")

    def row(self, row: "Row") -> None:
        self.write(self.rows.text(row))

    def end(self, report: "VerificationReport") -> None:
        from archcalc.verification.certificate import ending, to_json, unpainted  # lazy: torch

        if self.is_json:
            self.texts[-1] = to_json(report)
        self.write(ending(report, paint if self.is_coloured else unpainted))


@contextmanager
def shown(options: dict[str, Any], settings: Settings, is_json: bool) -> Iterator[Screen]:
    """A screen whose line of progress, with the time so far, is shown on a terminal only."""
    if settings.quiet or not sys.stderr.isatty():
        yield Screen(options, settings, is_json, None)
        return
    from rich.console import Console  # lazy: 30 ms
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # lazy: 30 ms

    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False) as progress:
        yield Screen(options, settings, is_json, progress)


def paint(word: str, agrees: bool | None) -> str:
    return click.style(word, fg={True: "green", False: "red", None: "yellow"}[agrees], bold=agrees is False)
