"""HTML: one page per file that shows a network, or several with a switch between them, and needs nothing else."""

import importlib
import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from archcalc.core.answers import looked_for
from archcalc.core.render import printable
from archcalc.core.version import VERSION
from archcalc.pages.packing import packed
from archcalc.record import record
from archcalc.report.formats.json import document_of
from archcalc.report.report import Report, writes

SOURCE = Path(__file__).parent / "page_source"

SCRIPTS = ("model", "layout", "graph", "table", "shares", "memory", "field", "formulas", "spec", "page")
"""The scripts of a page, in the order in which they run."""


def page(reports: Sequence[Report]) -> str:
    """A page of these networks."""
    return page_of([document_of(each) for each in reports])


@writes("html", ".html", ".htm", judges=True, whole=True, join=page)
def to_html(report: Report) -> str:
    """The page of one network; of a report from Python, with what it lacks."""
    complete: Report = importlib.import_module("archcalc.pages.whole").completed(report)
    return page([complete])


@record(kw_only=True)
class Surroundings:
    """What a page has besides its networks.

    `script`: runs after its own; `style`: comes after its own; `connect`, `workers`: the sources that it may load data
    and threads from; `notice`: a text on top; `top`: HTML on top; `footer`: says what the page needs.
    """

    script: str = ""
    style: str = ""
    connect: str = "'none'"
    workers: str = "'none'"
    notice: str = ""
    top: str = ""
    footer: str = "This page is one file and needs no network."


ALONE = Surroundings()
"""A page that is a file of its own."""


def page_of(documents: Sequence[Mapping[str, Any]], around: Surroundings = ALONE) -> str:
    """A page made from nothing but the JSON of reports."""
    parts = {
        "TITLE": escape(printable(documents[0]["name"] or "Network")) if documents else "archcalc",
        "VERSION": VERSION,
        "STYLE": part("page.css") + around.style,
        "CONNECT": around.connect,
        "WORKERS": around.workers,
        "NOTICE": notice(around.notice) if around.notice else "",
        "TOP": around.top,
        "FOOTER": around.footer,
        "DATA": compressed([packed(each) for each in documents]),
        "SCRIPT": "\n".join(part(f"{name}.js") for name in SCRIPTS) + around.script,
    }
    return re.sub(r"@@([A-Z]+)@@", lambda found: parts[found[1]], source_of("page.html"))


def notice(text: str) -> str:
    return f'<pre class="notice" role="alert">{escape(safe_lines(text))}</pre>'


def source_of(name: str) -> str:
    looked_for(str(SOURCE / name))
    return (SOURCE / name).read_text(encoding="utf-8")


def part(name: str) -> str:
    """A script or style sheet of a page."""
    return stripped(source_of(name))


def compressed(value: object) -> str:
    """JSON by zlib, in base64: a third of its size, and nothing in it that a browser could read as anything else."""
    import json  # lazy: 2 ms, and every report imports all formats
    import zlib  # lazy: 1 ms
    from base64 import b64encode  # lazy: 1 ms

    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return b64encode(zlib.compress(text.encode("utf-8", "replace"), 9)).decode("ascii")


def stripped(source: str) -> str:
    """A script or style sheet without its indentation, empty lines and comment lines."""
    lines = (line.strip() for line in source.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


def safe_lines(text: str) -> str:
    return "\n".join(map(printable, text.splitlines()))
