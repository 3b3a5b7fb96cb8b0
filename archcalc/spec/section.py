"""The independent sections of a spec: inputs, params, symbols, defaults, expectations, texts."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeAlias, TypeVar, cast

from archcalc.core.catalogue import Late
from archcalc.core.diagnostic import Problems, did_you_mean, problem, quoted
from archcalc.core.location import Location, Source
from archcalc.spec import reader as tree
from archcalc.spec.chain import Body
from archcalc.spec.declaration import Expectation, InputDecl, Library, Parameter, SymbolDecl, checked_dimension
from archcalc.spec.expression import Expression, Number, Word, own_name, parse_expression
from archcalc.spec.item import body_of, keywords_of, value_of, word_of, words_of
from archcalc.spec.reader import Node, Scalar, Sequence

if TYPE_CHECKING:
    from archcalc.spec import setting
else:
    setting = Late("archcalc.spec.setting")

N = TypeVar("N", bound=Node)
P = ParamSpec("P")
T = TypeVar("T")

INPUT_KEYS = ("shape", "dtype", "vocab", "channels_last", "plain")
BOUNDS = ("min", "max", "multiple_of")
MARGIN = r"(?s)\s*(?:\+-|\+/-|\u00b1)\s*(?P<margin>.*?)\s*(?P<percent>%?)\s*\Z"
"""The tolerance after an expected number: `+- 1%`, `+- 5`."""


@lru_cache(maxsize=4)
def read_before(source: Source) -> dict[tuple[Any, int], tuple[Node, Any]]:
    """What the nodes of a file were read as, by what read them and their identities, each with its node."""
    return {}


def dimension_of(node: Node) -> Expression:
    return checked_dimension(value_of(node))


KeyHelp: TypeAlias = Callable[[str, Collection[str]], str]
"""What to write for a key, among those that are known; empty if it is not known."""


def arguments_of(node: tree.Mapping, problems: Problems) -> tuple[tuple[Word, Expression], ...]:
    return tuple(keywords_of(node.pairs, problems))


def expectations_in(node: Node, sections: "Sections") -> tuple[Expectation, ...]:
    return sections.every_expectation(node)


class Sections:
    """Reads the sections of one spec; `problems` collects their problems."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems

    # --- kinds of YAML nodes -------------------------------------------------------------------------------------

    def known(
        self, node: tree.Mapping, keys: Collection[str], what: str, helped: KeyHelp = did_you_mean
    ) -> tree.Mapping:
        """A mapping without its unknown keys, which are reported; `helped`: what to write for one of them, if known."""
        for key, _ in node.pairs:
            if key.value not in keys:
                help = helped(key.value, keys) or f"use one of {', '.join(keys)}"
                self.problems.add(problem("AC019", f"unknown {what} {quoted(key.value)}", key.where, help=help))
        return tree.Mapping(tuple(pair for pair in node.pairs if pair[0].value in keys), node.where)

    def pairs(self, node: Node | None, what: str) -> tuple[tuple[Scalar, Node], ...]:
        """The pairs of an optional mapping."""
        if isinstance(node, tree.Mapping):
            return node.pairs
        if node is not None and not (isinstance(node, Scalar) and node.is_null):
            self.problems.add(problem("AC016", f"{what} must be a mapping", node.where, help="write key: value"))
        return ()

    def text(self, node: tree.Mapping, key: str) -> str:
        value = node.get(key)
        return self.one_text(value) if value else ""

    def one_text(self, node: Node) -> str:
        if isinstance(node, Sequence):
            self.problems.add(
                problem(
                    "AC016",
                    "a single text is needed here, not a list",
                    node.where,
                    help="remove the brackets, or quote the text",
                )
            )
            return ""
        return next(self.texts(node), "")

    def texts(self, node: Node | None) -> Iterator[str]:
        """Plain texts: one, or a list of them."""
        for item in node.items if isinstance(node, Sequence) else (node,) if node else ():
            if isinstance(item, Scalar):
                yield item.value.strip()
            else:
                self.problems.add(problem("AC016", "a text is needed here", item.where, help="quote it"))

    def words(self, node: Node | None, what: str) -> tuple[Word, ...]:
        found = self.problems.attempt(lambda: tuple(words_of(node, what))) if node else ()
        return found or ()

    def value(self, node: Node | None) -> Expression | None:
        return self.once(value_of, node) if node else None

    def once(self, read: Callable[Concatenate[N, P], T], node: N, *more: P.args, **named: P.kwargs) -> T | None:
        """What a node is read as: once for the variants of a file, unless there are problems, which each reports."""
        known = read_before(node.where.source)
        if (read, id(node)) in known:
            return cast(T, known[read, id(node)][1])
        count = len(self.problems.found)
        made = self.problems.attempt(read, node, *more, **named)
        if made is not None and len(self.problems.found) == count:
            known[read, id(node)] = node, made
        return made

    def body(self, node: Node | None) -> Body:
        if node is None:
            return ()
        if (isinstance(node, Scalar) and node.is_null) or (isinstance(node, Sequence) and not node.items):
            self.problems.add(problem("AC022", "the list of layers is empty", node.where, help="write '- layer' below"))
            return ()
        return self.once(body_of, node, self.problems) or ()

    def flag(self, node: Node | None) -> bool:
        if node is None or (isinstance(node, Scalar) and node.value in ("true", "false")):
            return isinstance(node, Scalar) and node.value == "true"
        raise problem("AC016", "true or false is needed here", node.where)

    def plain_name(self, key: Scalar, what: str) -> Word:
        return own_name(word_of(key, what))

    # --- inputs and constants ------------------------------------------------------------------------------------

    def inputs(self, node: Node | None) -> tuple[InputDecl, ...]:
        if node is None:
            return ()
        if isinstance(node, tree.Mapping) and "shape" not in (key.value for key, _ in node.pairs):
            if not node.pairs:
                self.problems.add(problem("AC016", "the input is empty", node.where, help="write input: [3, 224, 224]"))
            found = [self.problems.attempt(self.named_input, key, value) for key, value in node.pairs]
        else:
            found = [self.problems.attempt(self.input, Word("input", node.where), node)]
        return tuple(each for each in found if each)

    def named_input(self, key: Scalar, node: Node) -> InputDecl:
        return self.input(self.plain_name(key, "an input's name"), node)

    def input(self, name: Word, node: Node) -> InputDecl:
        shape, keys = node, tree.Mapping((), node.where)
        if isinstance(node, tree.Mapping):
            keys = self.known(node, INPUT_KEYS, "key of an input")
            shape = keys.get("shape") or node
        if not isinstance(shape, Sequence) or not shape.items:
            raise problem(
                "AC016", "the shape of an input must be a list", shape.where, help="write [3, 224, 224], or [784]"
            )
        dims = tuple(self.problems.attempt(dimension_of, item) for item in shape.items)
        return InputDecl(
            name.text,
            tuple(dim for dim in dims if dim),
            self.text(keys, "dtype") or "float32",
            self.value(keys.get("vocab")),
            self.flag(keys.get("channels_last")),
            name.where,
            self.flag(keys.get("plain")),
        )

    def params(self, node: Node | None, changed: Mapping[str, Node]) -> Iterator[Parameter]:
        for key, value in self.pairs(node, "params"):
            name = self.problems.attempt(self.plain_name, key, "a parameter's name")
            found = self.value(changed.get(key.value, value))
            if name and found:
                yield Parameter(name, found)

    def symbols(self, node: Node | None) -> Iterator[SymbolDecl]:
        if isinstance(node, Sequence):
            for word in self.words(node, "a free dimension's name"):
                yield SymbolDecl(word.text, None, None, None, word.where)
            return
        for key, value in self.pairs(node, "symbols"):
            name = self.problems.attempt(self.plain_name, key, "a free dimension's name")
            bounds = self.known(tree.Mapping(self.pairs(value, "a free dimension"), value.where), BOUNDS, "bound")
            if name:
                least, most, step = (self.value(bounds.get(bound)) for bound in BOUNDS)
                yield SymbolDecl(name.text, least, most, step, name.where)

    def defaults(self, node: Node | None) -> Iterator[tuple[Word, tuple[tuple[Word, Expression], ...]]]:
        for key, value in self.pairs(node, "defaults"):
            word = self.problems.attempt(word_of, key, "a layer's name")
            self.pairs(value, f"the defaults of {quoted(key.value)}")
            found = self.once(arguments_of, value, self.problems) if isinstance(value, tree.Mapping) else ()
            if word:
                yield word, found or ()

    def settings(self, settings: Mapping[str, str], library: Library, free: Collection[str]) -> dict[str, Expression]:
        """The expressions of `--set name=expr`."""
        found = {}
        for name, text in settings.items():
            source = Source("--set", f"{name}={text}")
            if not setting.can_be_set(name, library, free):
                where = Location(source, 0, 0, max(1, len(name)))
                self.problems.add(setting.unknown_setting(name, library, free, where))
            elif value := self.problems.attempt(parse_expression, text, Location(source, 0, len(name) + 1)):
                found[name] = value
        return found

    # --- expectations --------------------------------------------------------------------------------------------

    def expectations(self, node: Node | None) -> tuple[Expectation, ...]:
        return (self.once(expectations_in, node, self) or ()) if node else ()

    def every_expectation(self, node: Node) -> tuple[Expectation, ...]:
        pairs = self.pairs(node, "expect")
        found = [self.problems.attempt(self.expectation, key, value) for key, value in pairs]
        return tuple(each for each in found if each)

    def expectation(self, key: Scalar, node: Node) -> Expectation:
        word = word_of(key, "a quantity or a layer")
        if isinstance(node, tree.Mapping):
            return Expectation(word, None, None, None, self.expectations(node), key.where)
        if isinstance(node, Sequence):
            return Expectation(word, value_of(node), None, None, (), node.where)
        match = re.search(MARGIN, node.text) if "+" in node.text or "\u00b1" in node.text else None
        if match is None:
            return Expectation(word, value_of(node), None, None, (), node.where)
        value = parse_expression(node.text[: match.start()], node.where)
        margin, percent = match["margin"], match["percent"]
        found = parse_expression(margin, node.where.part(match.start("margin"), max(1, len(margin))))
        if not percent:
            return Expectation(word, value, None, found, (), node.where)
        if not isinstance(found, Number):
            raise problem("AC012", "a tolerance in percent must be a number", found.where, help="write +- 1%")
        return Expectation(word, value, float(found.value / 100), None, (), node.where)
