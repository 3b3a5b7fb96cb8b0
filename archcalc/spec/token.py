"""Tokens of chains and expressions, and a cursor over them with exact locations."""
# ruff: noqa: RUF001  look-alikes of signs are listed to suggest what to write instead

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import NoReturn

from archcalc.core.diagnostic import Label, SpecError, problem, quoted
from archcalc.core.location import Location

NAME, NUMBER, KERNEL, SIGN, PATTERN, MEMBER, END = "name", "number", "kernel", "sign", "pattern", "member", "end"

MAX_NESTING = 48
MAX_OPERATIONS = 200
"""The limit for one expression; it bounds the recursion of its evaluation."""

RESERVED = frozenset({"if", "else", "and", "or", "not", "true", "false", "none", "null", "prev"})
"""Words that cannot be names of layers, parameters or blocks."""

TOKEN = re.compile(
    r"""\s*(?:
      (?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.(?:[A-Za-z0-9_]+|\*(?!\*)))*)
    | (?P<pattern>"[^"\n]*->[^"\n]*"|'[^'\n]*->[^'\n]*')
    | (?P<sign>->|\*\*|//|==|!=|<=|>=|=(?!>)|[-+*/%(),\[\]<>])
    | (?P<member>(?<=\])(?:\.[A-Za-z_][A-Za-z0-9_]*)+)
    | (?P<kernel>[1-9][0-9]*(?:x[1-9][0-9]*)+)(?![A-Za-z0-9_.])
    | (?P<number>
        (?:[0-9][0-9_]*(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?:\ ?(?:[KMGT]iB|[kMGT]B?|B))?
      )(?![A-Za-z0-9_.])
    | (?P<bad>=>|[0-9.][A-Za-z0-9_.]*|.)
    )""",
    re.VERBOSE | re.DOTALL,
)

CONDITION = "put a condition after a whole path: conv(3, 64) if n > 1 else prev"

ELSE = "a value needs both: 64 if n > 1 else 32; for a whole layer: conv(3, 64) if n > 1"

MISPLACED = {"if": CONDITION, "for": "write a list: [2 * i for i in range(4)]"}
"""What to write for words that do not stand within a call."""

LINE_BREAK = r"\r?\n"

MEANT = {
    "=>": "write ->",
    "→": "write ->",
    "⟶": "write ->",
    "×": "write * for a product and x in a kernel: 3x3",
    "·": "write *",
    "÷": "write /",
    "^": "write **",
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
    "{": "write key=value inside a call; braces belong to YAML",
    "|": "join steps with ->",
    ";": "join steps with ->, or begin a new item with '- '",
    "&": "write and",
    "!": "write not",
    ":": "write key=value inside a call",
}
"""Common mistakes, and what to write instead."""

PRODUCT = "write {0}*{1} for a product; begin a name with a letter"
SUFFIXES = {
    "K": "write {0}k for thousands, or {0}*1024",
    "KB": "write {0}kB for thousands of bytes, or {0}KiB for 1,024",
    "m": "write {0}M for millions, or {0}*m for a product",
    "g": "write {0}G for billions, or {0}*g for a product",
    "b": "write {0}B for billions, or {0}*b for a product",
    "t": "write {0}T for trillions, or {0}*t for a product",
}
"""What may be meant by numbers whose suffix is written in another way."""


NOTHING: Mapping[str, str] = {}


class Cursor:
    """The tokens of one text and a position among them.

    `text` is the source text from `where` on, including its line breaks.
    """

    __slots__ = ("at", "breaks", "depth", "ends", "kinds", "operations", "starts", "text", "texts", "where")

    def __init__(self, text: str, where: Location) -> None:
        self.text, self.where = text, where
        self.at = self.depth = self.operations = 0
        self.breaks: Sequence[int] = [m.end() for m in re.finditer(LINE_BREAK, text)] if "\n" in text else ()
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
            help = "write a decimal number"
        elif scaled := re.fullmatch(r"(\d{1,16}(?:\.\d{1,16})?)([A-Za-z]B?)", text):
            help = SUFFIXES.get(scaled[2], PRODUCT).format(*scaled.groups())
        elif product := re.fullmatch(r"(\d{1,16})([A-Za-z_]\w{0,32})", text):
            help = PRODUCT.format(*product.groups())
        elif text.isalpha():
            help = "use only the letters a to z and A to Z, digits and _ in names"
        raise problem("AC013", f"cannot read {quoted(text)}", self.place(start, end), help=help)

    def place(self, start: int, end: int) -> Location:
        """The location of a part of the text, up to the end of its line."""
        where = self.where
        if not self.breaks:
            return Location(where.source, where.line, where.column + start, end - start)
        row = bisect_right(self.breaks, start)
        column = start - self.breaks[row - 1] if row else where.column + start
        line_end = min(end, self.breaks[row] if row < len(self.breaks) else end)
        length = max(1, len(self.text[start:line_end].rstrip("\r\n")))
        return Location(where.source, where.line + row, column, length)

    def here(self) -> Location:
        """The location of the next token, or of the last one at the end."""
        if self.kinds[self.at] == END:
            return self.place(self.starts[self.at], self.starts[self.at] + 1)
        return self.place(self.starts[self.at], self.ends[self.at])

    def since(self, first: int) -> Location:
        """The location of the tokens from number `first` to the last one read."""
        return self.place(self.starts[first], self.ends[max(first, self.at - 1)])

    def skip(self, text: str) -> bool:
        """Skips a sign or word if it comes next; returns whether it did."""
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
        """The problem of an unclosed call or list, opened at token `opening`."""
        labels = [Label(self.place(self.starts[opening], self.ends[opening]), "opened here")]
        closing = "]" if self.texts[opening] == "[" else ")"
        if self.texts[self.at] == "->":
            return problem(
                "AC015", "'->' inside a call", self.here(), labels=labels, help=f"close it with '{closing}' first"
            )
        if self.kinds[self.at] == END:
            return problem("AC015", f"{what} is not closed", labels[0].location, help=f"add '{closing}'")
        between = "" if self.kinds[self.at] == SIGN else "separate them with a comma"
        help = MISPLACED.get(self.texts[self.at], between)
        message = f"expected ',' or '{closing}', got {self.shown()}"
        return problem("AC012", message, self.here(), labels=labels, help=help)

    def enter(self) -> None:
        """Enters one level of nesting; the caller decrements `depth` on leaving."""
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise problem("AC014", f"nested deeper than {MAX_NESTING} levels", self.here())

    def count_operation(self) -> None:
        self.operations += 1
        if self.operations > MAX_OPERATIONS:
            raise problem(
                "AC014",
                f"the expression has more than {MAX_OPERATIONS} operations",
                self.here(),
                help="split it, and name its parts in params",
            )

    def finish(self, help: Mapping[str, str] = NOTHING) -> None:
        """Raises SpecError if tokens are left; `help`: what to write in the place of some."""
        if self.kinds[self.at] != END:
            advice = help.get(self.texts[self.at], "")
            raise problem("AC012", f"{self.shown()} is not expected here", self.here(), help=advice)
