"""All YAML, read by PyYAML: what is not plain, and what is wrong with a text that cannot be read.

YAML reads neither lists in calls in [ ] or { } nor tabs; what it says of them is said in our words.
"""

import re
from collections.abc import Iterator
from typing import Any

import yaml
from yaml.events import AliasEvent, DocumentStartEvent, NodeEvent

from archcalc.core.diagnostic import Diagnostic, Problems, SpecError, problem, quoted
from archcalc.core.location import Location, Source
from archcalc.spec.reader import Node, Reader, place_of

MAX_NODES = 200_000

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
BRACKET = re.compile(
    r"""  "[^"\n]*" | '[^'\n]*' | (?:^|(?<=\s))\#.* | \n
    | (?P<continued>(?:(?<=[\w=)+])|(?<=[\w=)+][ ]))\[)
    | [()\[\]{}]""",
    re.VERBOSE | re.MULTILINE,
)
"""Brackets outside quotes and comments; `continued`: after a word or sign, where YAML cannot begin a list."""
AFTER_A_LIST = re.compile(r"(for|if|\*|->)\s*(.*)")
"""What may follow a call, and is written behind a list in brackets."""

UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def parsed(source: Source) -> tuple[Node | None, tuple[Diagnostic, ...]]:
    """The tree of a text and its problems. Raises SpecError if the text cannot be read."""
    problems = Problems()
    try:
        return Reader(source, problems, source.text).read(events(source, source.text)), tuple(problems.found)
    except yaml.MarkedYAMLError as error:
        if (found := with_lists_in_calls(source, error)) is not None:
            return found
        raise syntax_error(source, error) from None
    except (yaml.YAMLError, UnicodeError):
        raise unprintable(source) from None


def events(source: Source, text: str) -> Iterator[Any]:
    """The events of a text. Raises SpecError for events that specs cannot have."""
    documents = nodes = 0
    for event in yaml.parse(text, Loader=LOADER):
        if isinstance(event, NodeEvent):
            check(event, source)
            nodes += 1
            if nodes > MAX_NODES:
                raise problem("AC004", f"the spec has more than {MAX_NODES:,} YAML nodes", place_of(source, event))
        elif type(event) is DocumentStartEvent:
            documents += 1
            if documents > 1:
                help = "put each spec in its own file"
                raise problem("AC009", "a second YAML document", place_of(source, event), help=help)
        yield event


def check(event: Any, source: Source) -> None:
    """Rejects aliases, anchors and tags, which would let a file mean more than it shows."""
    if type(event) is AliasEvent:
        help = "swap the factors of a product, or quote it; name repeated values in params"
        raise problem(
            "AC007",
            f"YAML reads '*{event.anchor}' as an alias, which is not supported",
            place_of(source, event),
            help=help,
        )
    if event.anchor:
        help = "remove it; name repeated values in params, and repeated layers in blocks"
        raise problem(
            "AC007", f"the YAML anchor '&{event.anchor}' is not supported", place_of(source, event), help=help
        )
    if event.tag:
        where = place_of(source, event)
        tag = source.line(where.line)[where.column :].split()[0]
        raise problem("AC008", f"the YAML tag {quoted(tag)} is not supported", where, help="remove the tag")


def with_lists_in_calls(
    source: Source, error: yaml.MarkedYAMLError
) -> tuple[Node | None, tuple[Diagnostic, ...]] | None:
    """The tree and its problems of a file that YAML cannot read only because calls in [ ] or { } contain lists."""
    text = parenthesised(source.text) if "expected ',' or" in (error.problem or "") else source.text
    if text == source.text:
        return None
    problems = Problems()
    try:
        return Reader(source, problems, text).read(events(source, text)), tuple(problems.found)
    except yaml.YAMLError:
        return None


def parenthesised(text: str) -> str:
    """The text, of the same length, with parentheses for the brackets of lists that stand in calls.

    What is open at the end of a line counts on the next one only if YAML's own brackets are.
    """
    found, opened = list(text), ""
    for part in BRACKET.finditer(text):
        sign, at = part.group(), part.start()
        if sign == "\n":
            opened = opened if opened[:1] in ("[", "{") else ""
        elif sign in ("(", "[", "{"):
            in_call = sign == "[" and (part.lastgroup == "continued" or opened[-1:] in ("(", "<"))
            opened += "<" if in_call else sign
            found[at] = "(" if in_call else sign
        elif sign in (")", "]", "}"):
            found[at] = ")" if opened[-1:] == "<" and sign == "]" else sign
            opened = opened[:-1]
    return "".join(found)


# --- messages for YAML's own errors ------------------------------------------------------------------------------

MESSAGES: tuple[tuple[str, bool, str, str], ...] = (
    (
        "mapping values are not allowed",
        False,
        "':' is not expected here",
        "quote texts that contain ': ', or check the indentation",
    ),
    ("expected ',' or ']'", True, "this list is not closed", "add ']', or a comma between its items"),
    ("expected ',' or '}'", True, "this mapping is not closed", "add '}', or a comma between its pairs"),
    ("found unexpected end of stream", True, "this quote is not closed", "add the closing quote"),
    ("found unexpected document indicator", True, "this quote is not closed", "add the closing quote"),
    ("could not find expected ':'", True, "a ':' is missing after this key", ""),
    ("did not find expected key", False, "the indentation does not match the lines before", "check the indentation"),
    ("expected <block end>", False, "the indentation does not match the lines before", "check the indentation"),
    (
        "did not find expected '-' indicator",
        False,
        "expected another item with '- ', or the end of the list",
        "check the indentation",
    ),
    ("did not find expected alphabetic or numeric", False, "a value cannot begin with * or &", "put it in quotes"),
    (
        "did not find expected <document start>",
        False,
        "unexpected text after the end of the document",
        "check the indentation",
    ),
    ("directive", False, "a line cannot begin with '%'", "put the text in quotes"),
    ("found a tab character", False, "a tab cannot indent a line", "use spaces"),
    ("undefined tag handle", True, "YAML tags are not supported", "quote texts that begin with !"),
)
"""Part of PyYAML's message; whether to use the location of its context; our message; and the help."""


def syntax_error(source: Source, error: yaml.MarkedYAMLError) -> SpecError:
    theirs = error.problem or "invalid YAML"
    mark = error.problem_mark or error.context_mark
    if "cannot start any token" in theirs and mark:
        return no_token(source, mark)
    if mark and (arrow := re.search(r"->\s*[\[{]", source.line(mark.line))):
        where = Location(source, mark.line, arrow.start(), len(arrow.group()))
        help = "it is an item of its own: end the line before the arrow, and begin the next with '- '"
        return problem("AC005", "a list or a mapping cannot follow an arrow", where, help=help)
    if mark and (found := after_a_list(source.line(mark.line), mark.column)):
        sign, help = found
        return problem("AC005", f"{quoted(sign)} cannot follow a list in [ ]", marked(source, mark), help=help)
    if "expected ',' or" in theirs and (at := error.problem_mark) and source.line(at.line)[at.column :][:1] == "[":
        help = "put the whole call in quotes, or write its list in parentheses: (6, 12, 18)"
        return problem("AC005", "YAML cannot read a list in a call that stands in [ ]", marked(source, at), help=help)
    for part, at_context, message, help in MESSAGES:
        if part in theirs:
            mark = (error.context_mark or mark) if at_context else mark
            return problem("AC005", message, marked(source, mark), help=help)
    return problem("AC005", f"invalid YAML: {theirs}", marked(source, mark))


def after_a_list(line: str, column: int) -> tuple[str, str] | None:
    """What follows a list in brackets there as if that were a call, and what to write instead."""
    at = column - 1 if line[column - 1 : column] == "*" else column
    after = AFTER_A_LIST.match(line[at:])
    before = line[:at].strip().removeprefix("-").strip()
    if after is None or not before.endswith("]"):
        return None
    sign, rest = after[1], after[2].strip()
    if sign == "->":
        return sign, f"begin another item: '- {rest}' reads what comes out of this one"
    return sign, f"make it a mapping: {{{before}, {'repeat' if sign == '*' else sign}: {rest}}}"


def marked(source: Source, mark: Any) -> Location:
    return Location(source, mark.line, mark.column) if mark else Location(source)


def no_token(source: Source, mark: Any) -> SpecError:
    """The problem of a character that YAML reserves."""
    where = marked(source, mark)
    rest = source.line(mark.line)[mark.column :]
    if rest.startswith("\t"):
        return problem("AC005", "a tab cannot indent a line", where, help="use spaces")
    return problem("AC005", f"a value cannot begin with {quoted(rest[:1])}", where, help="put it in quotes")


def unprintable(source: Source) -> SpecError:
    found = UNPRINTABLE.search(source.text)
    if not found:
        return problem("AC002", "the text is not valid YAML", Location(source))
    line = source.text.count("\n", 0, found.start())
    column = found.start() - (source.text.rfind("\n", 0, found.start()) + 1)
    return problem(
        "AC002", f"the character U+{ord(found.group()):04X} is not allowed in a spec", Location(source, line, column)
    )
