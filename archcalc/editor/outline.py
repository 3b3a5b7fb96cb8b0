"""What a text defines, line by line: sections, blocks, parameters, labels. It needs no text that is complete."""

import re
from collections.abc import Iterator, Sequence

from archcalc.record import record

SECTION = re.compile(r"([A-Za-z_]\w*)\s*:")
BLOCK = re.compile(r"\s+([A-Za-z_]\w*)\s*(\([^)]*\))?\s*:")
LABEL = re.compile(
    r"(?:(?:^|[->\"'])\s*([A-Za-z_]\w*(?:\s*,\s*[A-Za-z_]\w*)*)|(?:[\[,{]|\bfrom:)\s*([A-Za-z_]\w*))\s*=(?!=)"
)
"""One name, or where no list is open several: `q, k, v = split(3)`."""
WORD = re.compile(r"[A-Za-z_]\w*")
KEY = re.compile(r"(?:^\s+|[{,]\s*)([A-Za-z_]\w*)\s*:")

SECTIONS_WITH_CHAINS = ("blocks", "layers")


@record
class Place:
    """A name in the text and where it stands. `kind`: section, block, parameter, input or label.

    `detail`: what is written beside it; `block`: the block that contains it.
    """

    name: str
    kind: str
    line: int
    column: int
    detail: str = ""
    block: str = ""


@record
class Outline:
    """The definitions of a text, in the order of its lines, and the section and block of each line."""

    places: tuple[Place, ...]
    sections: tuple[str, ...]
    blocks: tuple[str, ...]

    def of_kind(self, *kinds: str) -> list[Place]:
        return [each for each in self.places if each.kind in kinds]

    def found(self, name: str, block: str = "", *kinds: str) -> Place | None:
        """The definition of a name: in this block, if it is there."""
        known = [each for each in self.places if each.name == name and (not kinds or each.kind in kinds)]
        return next((each for each in known if each.block == block), known[0] if known else None)


def outline_of(lines: Sequence[str]) -> Outline:
    places: list[Place] = []
    sections, blocks = [], []
    section = block = ""
    depth = 0
    for number, text in enumerate(lines):
        line = re.sub(r"(^|\s)#.*", "", text)
        if found := SECTION.match(line):
            section, block, depth = found[1], "", 0
            places.append(Place(section, "section", number, 0))
        indent = len(line) - len(line.lstrip())
        if section == "blocks" and (found := BLOCK.match(line)) and (not depth or indent <= depth):
            block, depth = found[1], indent
            places.append(Place(block, "block", number, found.start(1), found[2] or ""))
        places += names_in(line, number, section, block)
        sections.append(section)
        blocks.append(block)
    return Outline(tuple(places), tuple(sections), tuple(blocks))


def names_in(line: str, number: int, section: str, block: str) -> Iterator[Place]:
    """The labels, parameters and inputs that a line defines."""
    if section in SECTIONS_WITH_CHAINS:
        for found in LABEL.finditer(line):
            begin, end = found.span(found.lastindex or 1)
            if line[:begin].count("(") <= line[:begin].count(")"):
                for name in WORD.finditer(line, begin, end):
                    yield Place(name[0], "label", number, name.start(), block=block)
    elif section in ("params", "input", "symbols"):
        kind = "input" if section == "input" else "parameter"
        yield from (Place(found[1], kind, number, found.start(1)) for found in KEY.finditer(line))
