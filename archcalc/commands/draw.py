"""`archcalc draw`: a picture of a network, in a file or on the terminal."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from archcalc.command import Settings, room_of, write_output
from archcalc.commands.report import memory_in
from archcalc.core.extra import MissingExtra
from archcalc.graph.builder import build
from archcalc.graph.loading import documents_of
from archcalc.pages import pictures  # noqa: F401  every file in it registers itself
from archcalc.pages.picture import PICTURES
from archcalc.pages.styles import STYLES
from archcalc.pages.terminal import text
from archcalc.report.formats.json import document_of
from archcalc.report.report import report_of
from archcalc.usage.declared import Choice, Range, UsageError, called, option
from archcalc.usage.options import output_option, overrides_of, spec_options

EXAMPLES = (
    "archcalc draw unet",
    "archcalc draw unet -o unet.svg",
    "archcalc draw resnet50 --style graph --depth 2 -o resnet50.svg",
)

CONVERTED = {".pdf": "svg2pdf", ".png": "svg2png"}
"""The suffixes of formats that are made from SVG, and the function of cairosvg that makes them."""

WIDTH = 100
"""Columns, where the output is no terminal."""

SETUP = {
    "optimizer": None, "implementation": None, "accumulate": False, "autocast": None, "machine": None,
    "checkpoint": (), "timeline": True,
}  # fmt: skip


@called("draw", EXAMPLES, with_settings=True)
@spec_options
@output_option
@option("--style", type=Choice(tuple(STYLES)), default="volumes", show_default=True, help="What a file looks like.")
@option("--depth", type=Range(1), default=1, show_default=True, help="Open blocks down to this depth.")
def command(settings: Settings, /, specs: Sequence[str], expressions: Sequence[str], **options: Any) -> None:
    """Draw a network: as text, or in a file as its suffix says.

    volumes is the figure of a paper: every block or layer as its output, boxes scaled by size and channels. graph is
    compact: cards, from top to bottom. Suffixes: .svg, .tex (TikZ), .dot (Graphviz), .mmd (Mermaid), .pdf and .png.
    """
    overrides = overrides_of(specs, expressions, {**options, "free": ()})
    [document, *others] = documents_of(specs, expressions, overrides)
    if others:
        raise UsageError("draw takes one network: name one SPEC")
    graph = build(document, batch=options["batch"], dtype=options["dtype"])
    output = options["output"]
    if output in (None, "-"):
        report = report_of(graph, dtype=options["dtype"], footprint=memory_in(graph, SETUP))
        write_output(text(document_of(report), options["depth"], room_of(output) or WIDTH), output)
        return
    suffix = Path(output).suffix.lower()
    known = {each.suffix: each for each in PICTURES.values()}
    if suffix not in known and suffix not in CONVERTED:
        raise UsageError(f"-o {output}: no picture has the suffix '{suffix}'; use {', '.join([*known, *CONVERTED])}")
    made = known.get(suffix, PICTURES["svg"])
    written = made.write(document_of(report_of(graph, dtype=options["dtype"])), options["style"], options["depth"])
    if suffix in CONVERTED:
        write_output(converted(written, CONVERTED[suffix]), output)
    else:
        write_output(written, output)


def converted(svg: str, function: str) -> bytes:
    try:
        import cairosvg  # lazy: 60 ms, and only PDF and PNG need it
    except (ModuleNotFoundError, OSError) as missing:  # OSError: the library has no cairo to load
        raise MissingExtra(f"PDF and PNG need cairosvg: pip install 'archcalc[pictures]' ({missing})") from None
    made: bytes = getattr(cairosvg, function)(bytestring=svg.encode("utf-8"), scale=1 if function == "svg2pdf" else 2)
    return made
