"""`archcalc serve`: the page of a spec on this machine, made anew when the file is saved."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from archcalc.command import Settings
from archcalc.commands.report import completed
from archcalc.core.diagnostic import SpecError
from archcalc.core.overrides import Overrides
from archcalc.graph.loading import documents_of, gc_paused, source_of
from archcalc.pages.page import Surroundings, page_of
from archcalc.pages.server import HOST, Live, script, server_of
from archcalc.record import replace
from archcalc.report.formats.json import document_of
from archcalc.report.report import REPORTS
from archcalc.usage.declared import Range, Refused, UsageError, called, option
from archcalc.usage.options import overrides_of, spec_options, training_options

EXAMPLES = ("archcalc serve net.yaml", "archcalc serve net.yaml@large --port 8200")

PORT = 8137


@called("serve", EXAMPLES, with_settings=True)
@spec_options
@training_options
@option("--port", type=Range(0, 65535), default=PORT, show_default=True, help="0 takes any that is free.")
def command(settings: Settings, /, specs: Sequence[str], expressions: Sequence[str], **options: Any) -> None:
    """Show the page of a spec, and refresh it when the file is saved. While the spec is broken, the page says why.

    The page is at http://127.0.0.1:8137. Other machines cannot reach it. Ctrl-C ends it.
    """
    overrides = overrides_of(specs, expressions, {**options, "free": ()})
    if len(specs) != 1 or expressions or specs[0] == "-":
        raise UsageError("serve takes one SPEC, a file or a bundled spec")
    file = Path(source_of(specs[0])[0].name)
    try:
        server = server_of(live(specs[0], file, overrides, options), options["port"])
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise Refused(f"port {options['port']}: {reason}; choose another one with --port") from None
    with server:
        if not settings.quiet:
            click.echo(f"{file.name}: http://{HOST}:{server.server_address[1]}  (Ctrl-C ends)", err=True)
        server.serve_forever()


def live(spec: str, file: Path, overrides: Overrides, options: Mapping[str, Any]) -> Live:
    """The page of a spec, by the time of its file."""

    def version() -> str:
        try:
            return str(file.stat().st_mtime_ns)
        except OSError:  # an editor that replaces the file has removed it for a moment
            return "missing"

    return Live(version, lambda variant, of: made(varied(spec, variant), overrides, options, of))


def varied(spec: str, variant: str) -> str:
    """The name of a variant; of the spec as it was named if that is empty."""
    if not variant:
        return spec
    base = spec.rpartition("@")[0] if source_of(spec)[1] else spec
    return f"{base}@{variant}"


def made(spec: str, overrides: Overrides, options: Mapping[str, Any], version: str) -> str:
    """The page, or what is wrong with the spec."""
    around = Surroundings(script=script(version), connect="'self'")
    given = {**options, "whole": True, "timeline": True, "train": True, "convention": "macs", "sort": ""}
    try:
        with gc_paused():
            [document] = documents_of([spec], (), overrides)
            return page_of([document_of(completed(document, REPORTS["html"], given))], around)
    except SpecError as error:
        return page_of([], replace(around, notice=str(error)))
