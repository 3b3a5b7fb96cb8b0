"""A spec that is open in an editor: its text, and the last network that could be built from it."""

import re
from functools import cached_property
from urllib.parse import quote, unquote

from archcalc.core.diagnostic import SpecError
from archcalc.core.location import Location, Source
from archcalc.editor.outline import Outline, outline_of
from archcalc.graph.graph import Graph
from archcalc.report.report import Report, report_of
from archcalc.spec.declaration import Document

WORD = re.compile(r"[A-Za-z_][\w.]*")


class Opened:
    """A text and its version. `document` and `graph` are of the last text that had any."""

    def __init__(self, uri: str, text: str, version: int | None = None, before: "Opened | None" = None) -> None:
        self.uri, self.version = uri, version
        self.source = Source(path_of(uri), text)
        self.document: Document | None = before.document if before else None
        self.graph: Graph | None = before.graph if before else None

    @property
    def is_spec(self) -> bool:
        """Whether it is a spec, and not any other YAML file."""
        return any(line.startswith("archcalc:") for line in self.source.lines)

    @property
    def is_current(self) -> bool:
        """Whether the network is that of the text, rather than of an earlier one."""
        return self.document is not None and self.document.source == self.source

    @cached_property
    def outline(self) -> Outline:
        return outline_of(self.source.lines)

    @cached_property
    def report(self) -> Report | None:
        """The numbers of the network; None before there is one."""
        if self.graph is None:
            return None
        try:
            return report_of(self.graph)
        except SpecError:
            return None

    def block_at(self, line: int) -> str:
        return self.outline.blocks[line] if line < len(self.outline.blocks) else ""

    def section_at(self, line: int) -> str:
        return self.outline.sections[line] if line < len(self.outline.sections) else ""

    def word_at(self, line: int, column: int) -> Location | None:
        """The dotted name at a place, up to the part that the place is in: `layers` of `layers.3`."""
        text = self.source.line(line)
        for found in WORD.finditer(text):
            if found.start() <= column <= found.end():
                end = text.find(".", column, found.end())
                length = (end if end >= 0 else found.end()) - found.start()
                return Location(self.source, line, found.start(), length)
        return None


def path_of(uri: str) -> str:
    """The path of a file's URI; other URIs stay as they are.

    >>> path_of("file:///a%20b/net.yaml"), path_of("file:///c%3A/net.yaml"), path_of("untitled:1")
    ('/a b/net.yaml', 'c:/net.yaml', 'untitled:1')
    """
    if not uri.startswith("file://"):
        return uri
    path = unquote(uri.removeprefix("file://"))
    return path[1:] if re.match(r"/[A-Za-z]:", path) else path


def uri_of(path: str) -> str:
    return path if re.match(r"\w\w+:", path) else "file://" + quote(path if path.startswith("/") else f"/{path}")
