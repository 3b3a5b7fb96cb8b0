"""Tokens of chains and expressions, and the cursor that moves over them with exact places."""
# ruff: noqa: RUF001  the look-alikes of signs are listed to say what to write instead

import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import NoReturn

from archcalc.core.diagnostic import Label, SpecError, problem, quoted
from archcalc.core.location import Location

NAME, NUMBER, KERNEL, SIGN, END = "name", "number", "kernel", "sign", "end"

MAX_NESTING = 48
MAX_OPERATIONS = 200
"""Of one expression; bounds the depth that its evaluation recurses to."""

RESERVED = frozenset({"if", "else", "and", "or", "not", "true", "false", "none", "null", "prev"})
"""Words that no layer, parameter or block may be called."""

TOKEN = re.compile(
    r"""\s*(?:
      (?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*)
    | (?P<sign>->|\*\*|//|==|!=|<=|>=|=(?!>)|[-+*/%(),\[\]<>])
    | (?P<kernel>[1-9][0-9]*(?:x[1-9][0-9]*)+)(?![A-Za-z0-9_.])
    | (?P<number>
        (?:[0-9][0-9_]*(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?:\ ?(?:[KMGT]iB|[kMGT]B?))?
      )(?![A-Za-z0-9_.])
    | (?P<bad>=>|[0-9.][A-Za-z0-9_.]*|.)
    )""",
    re.VERBOSE | re.DOTALL,
)

CONDITION = "a condition stands behind a whole path: conv(3, 64) if n > 1 else prev"

LINE_BREAK = re.compile(r"\r?\n")

MEANT = {
    "=>": "write ->",
    "→": "write ->",
    "⟶": "write ->",
    "×": "write * for a product and x in a kernel: 3x3",
    "·": "write *",
    "÷": "write /",
    "^": "a power is written **",
    "–": "write -",
    "−": "write -",
    "≤": "write <=",
    "≥": "write >=",
    "≠": "write !=",
    "‘": "write names without quotes",
    "’": "write names without quotes",
    "“": "write names without quotes",
    "”": "write names without quotes",
    "'": "write names without quotes",
    '"': "write names without quotes",
    "{": "braces belong to YAML: within a call write key=value",
    "|": "steps are joined by ->",
    ";": "steps are joined by ->, items begin with '- '",
    "&": "write and",
    "!": "write not",
    ":": "within a call write key=value",
}
"""What people write, and what is read."""


class Cursor:
    """The tokens of one text and a position among them.

    `text` is what stands in the source from `where` on, so that its line breaks are the source's.
    """

    __slots__ = ("at", "breaks", "depth", "ends", "kinds", "operations", "starts", "text", "texts", "where")

    def __init__(self, text: str, where: Location) -> None:
        self.text, self.where = text, where
        self.at = self.depth = self.operations = 0
        self.breaks: Sequence[int] = [m.end() for m in LINE_BREAK.finditer(text)] if "\n" in text else ()
        self.kinds: list[str] = []
        self.texts: list[str] = []
        self.starts: list[int] = []
        self.ends: list[int] = []
        self._read()

    def _read(self) -> None:
        kinds, texts, starts, ends = self.kinds, self.texts, self.starts, self.ends
        for match in TOKEN.finditer(self.text):
            kind = match.lastgroup
            assert kind is not None
            start, end = match.span(kind)
            if kind == "bad":
                if self.text[start:].isspace():
                    break
                self._refuse(start, end)
            kinds.append(kind)
            texts.append(match.group(kind))
            starts.append(start)
            ends.append(end)
        last = ends[-1] if ends else 0
        kinds.append(END)
        texts.append("")
        starts.append(last)
        ends.append(last)

    def _refuse(self, start: int, end: int) -> NoReturn:
        text = self.text[start:end]
        help = MEANT.get(text, "")
        if text.lower().startswith(("0x", "0o", "0b")):
            help = "numbers are decimal"
        elif product := re.fullmatch(r"(\d{1,16})([A-Za-z_]\w{0,32})", text):
            help = f"a product is written {product[1]}*{product[2]}; a name begins with a letter"
        elif text.isalpha():
            help = "names are made of the letters a to z, digits and _"
        raise problem("AC013", f"cannot read {quoted(text)}", self.place(start, end), help=help)

    def place(self, start: int, end: int) -> Location:
        """The place of a part of the text, up to the end of its line."""
        where = self.where
        if not self.breaks:
            return Location(where.source, where.line, where.column + start, end - start)
        row = bisect_right(self.breaks, start)
        column = start - self.breaks[row - 1] if row else where.column + start
        line_end = min(end, self.breaks[row] if row < len(self.breaks) else end)
        length = max(1, len(self.text[start:line_end].rstrip("\r\n")))
        return Location(where.source, where.line + row, column, length)

    def here(self) -> Location:
        """The place of the next token; after the last one, of the last one."""
        if self.kinds[self.at] == END:
            return self.place(self.starts[self.at], self.starts[self.at] + 1)
        return self.place(self.starts[self.at], self.ends[self.at])

    def since(self, first: int) -> Location:
        """The place of all tokens from number `first` to the one before the next."""
        return self.place(self.starts[first], self.ends[max(first, self.at - 1)])

    def skip(self, text: str) -> bool:
        """Steps over a sign or word where it comes next."""
        if self.texts[self.at] != text:
            return False
        self.at += 1
        return True

    def shown(self) -> str:
        return quoted(self.texts[self.at])

    def expected(self, what: str, help: str = "") -> SpecError:
        got = f"got {self.shown()}" if self.kinds[self.at] != END else "but the text ends here"
        return problem("AC012", f"expected {what}, {got}", self.here(), help=help)

    def expect(self, sign: str, what: str = "") -> None:
        if not self.skip(sign):
            raise self.expected(what or f"'{sign}'")

    def unclosed(self, opening: int, what: str) -> SpecError:
        """The problem of a call or list, opened at token `opening`, whose end does not come."""
        labels = [Label(self.place(self.starts[opening], self.ends[opening]), "opened here")]
        closing = "]" if self.texts[opening] == "[" else ")"
        if self.texts[self.at] == "->":
            return problem(
                "AC015", "'->' within a call", self.here(), labels=labels, help=f"close it with '{closing}' first"
            )
        if self.kinds[self.at] == END:
            return problem("AC015", f"{what} is not closed", labels[0].location, help=f"add '{closing}'")
        help = CONDITION if self.texts[self.at] == "if" else ""
        message = f"expected ',' or '{closing}', got {self.shown()}"
        return problem("AC012", message, self.here(), labels=labels, help=help)

    def enter(self) -> None:
        """One level of nesting deeper; `depth` is taken down again by whoever entered."""
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise problem("AC014", f"nested deeper than {MAX_NESTING} levels", self.here())

    def count_operation(self) -> None:
        self.operations += 1
        if self.operations > MAX_OPERATIONS:
            raise problem(
                "AC014",
                f"an expression of more than {MAX_OPERATIONS} operations",
                self.here(),
                help="give its parts names in params",
            )

    def finish(self) -> None:
        """Makes sure that nothing is left."""
        if self.kinds[self.at] != END:
            raise problem("AC012", f"{self.shown()} is not expected here", self.here())
