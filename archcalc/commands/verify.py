"""`archcalc verify`: build the generated PyTorch, run it, compare every number."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from archcalc.command import (
    PROBLEMS,
    Settings,
    format_option,
    output_option,
    overrides_of,
    room_of,
    spec_options,
    training_options,
    write_output,
)
from archcalc.core.extra import MissingExtra
from archcalc.graph.builder import build
from archcalc.graph.loading import documents_of
from archcalc.memory.training_setup import setup_of_options
from archcalc.report.formats.table import View, table
from archcalc.report.report import report_of
from archcalc.spec.declaration import Document
from archcalc.usage.help import Command, option

if TYPE_CHECKING:
    from archcalc.verification import VerificationReport

EXAMPLES = (
    "archcalc verify resnet50 --device meta",
    "archcalc verify lenet5_1998 --device meta -o certificate.json",
)


@click.command("verify", cls=Command, examples=EXAMPLES)
@spec_options
@output_option
@option(
    "--device",
    type=click.Choice(["auto", "meta", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="meta: only shapes and counts; auto: the GPU if there is one.",
)
@option(
    "--sizes",
    type=click.IntRange(0),
    default=64,
    show_default=True,
    help="Compare closed forms at this many sizes, over two periods.",
)
@training_options
@option("--memory/--no-memory", default=True, show_default=True, help="Run a training step and measure its memory.")
@option("--time/--no-time", default=False, show_default=True, help="Time every layer and measure the device's limits.")
@option(
    "--depth",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Group layers by the first N parts of their names.",
)
@format_option("text", "json")
@click.pass_obj
def command(settings: Settings, /, specs: Sequence[str], expressions: Sequence[str], **options: Any) -> int:
    """Build the generated PyTorch, run it, compare every number.

    Compares shapes, parameters, state_dict, MACs and receptive fields, at the spec's size and at two other sizes. Every
    difference is printed as a row, and the exit code is 1. -o FILE.json writes a JSON certificate.
    """
    overrides = overrides_of(specs, expressions, options)
    documents = documents_of(specs, expressions, overrides)
    certificates, texts = [], []
    for document in documents:
        table_text = "" if settings.quiet else of_network(document, options, settings)
        certificate = verified(document, options, settings)
        certificates.append(certificate)
        texts.append(written(certificate, table_text, options, settings))
    write_output("\n".join(texts), options["output"])
    return 0 if all(each.agrees for each in certificates) else PROBLEMS


def of_network(document: Document, options: dict[str, Any], settings: Settings) -> str:
    """The layer table that is being verified."""
    report = report_of(build(document, batch=options["batch"], dtype=options["dtype"]), dtype=options["dtype"])
    room, color = room_of(options["output"]), settings.colors_for(options["output"])
    return table(report, View(depth=options["depth"], room=room, color=color)) + "\n"


def verified(document: Document, options: dict[str, Any], settings: Settings) -> "VerificationReport":
    try:
        from archcalc.verification import verify  # lazy: torch, 1 to 2 s
    except ModuleNotFoundError as missing:
        if missing.name != "torch":
            raise
        raise MissingExtra("verify needs torch: pip install 'archcalc[torch]'") from None
    with shown_progress(settings) as progress:
        return verify(
            document,
            batch=options["batch"],
            dtype=options["dtype"],
            device=options["device"],
            sizes=options["sizes"],
            memory=options["memory"],
            setup=setup_of_options(options),
            time=options["time"],
            progress=lambda stage: progress(f"{document.name or 'network'}: {stage}"),
        )


@contextmanager
def shown_progress(settings: Settings) -> Iterator[Callable[[str], None]]:
    """Shows the current stage, on a terminal only."""
    if settings.quiet or not sys.stderr.isatty():
        yield lambda stage: None
        return
    from rich.console import Console  # lazy: 30 ms

    with Console(stderr=True).status("") as status:
        yield status.update


def written(certificate: "VerificationReport", table_text: str, options: dict[str, Any], settings: Settings) -> str:
    from archcalc.verification.certificate import to_json, to_text  # lazy: torch

    is_json = options["form"] == "json" or str(options["output"] or "").endswith(".json")
    if is_json:
        return to_json(certificate)
    coloured = settings.colors_for(options["output"])
    return table_text + (to_text(certificate, paint) if coloured else to_text(certificate))


def paint(word: str, agrees: bool | None) -> str:
    return click.style(word, fg={True: "green", False: "red", None: "yellow"}[agrees], bold=agrees is False)
