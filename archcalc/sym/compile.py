"""Expressions as Python: a function of whole numbers that stands alone, and how large its numbers can become.

The text is straight-line integer arithmetic. Floors, maxima, groups and products that occur again are worked out once,
each under a name that says what it is. Where no maximum is in it, the function takes numpy arrays of int64 as well, and
is exact where `upper_bound` is below 2**63.
"""

import builtins
import keyword
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import chain, count
from math import prod
from typing import Any

from archcalc.sym.bounds import interval
from archcalc.sym.expr import Atom, Expr, Group, Monomial, Symbol, of_atom, written
from archcalc.sym.notation import Notation, Part, Powers


def python_source(name: str, outputs: Mapping[str, Expr], arguments: Sequence[str], doc: str = "") -> str:
    '''The text of a function that works out expressions: a dictionary of several, a number where there is one.

    Raises ValueError for a name that no function or argument can have, and for a symbol that is no argument.

    >>> from archcalc.sym.expr import symbol
    >>> H = symbol("H")
    >>> print(python_source("positions", {"conv1": ((H + 1) // 2) ** 2 + 3}, ["H"], "How many are left."))
    def positions(H: int) -> int:
        """How many are left."""
        ceil_H_over_2 = -(-H // 2)
        return ceil_H_over_2**2 + 3
    <BLANKLINE>
    '''
    check_names(name, outputs.values(), arguments)
    source = Source(dict.fromkeys(outputs.values()), {name, *arguments})
    if len(outputs) == 1:
        kind, ending = "int", source.result(*outputs.values())
    else:
        kind, ending = "dict[str, int]", source.results(outputs)
    head = bracketed(f"def {name}(", [f"{each}: int" for each in arguments], f") -> {kind}:", WIDTH + len(INDENT))
    body = [*docstring(doc), *source.lines, *ending]
    return "\n".join([*head, *(f"{INDENT}{line}".rstrip() for line in body)]) + "\n"


def compiled(name: str, outputs: Mapping[str, Expr], arguments: Sequence[str], doc: str = "") -> Callable[..., Any]:
    """The function whose text `python_source` gives.

    >>> from archcalc.sym.expr import symbol
    >>> compiled("halved", {"n": symbol("n") // 2}, ["n"])(7)
    3
    """
    namespace: dict[str, Any] = {"__builtins__": {each.__name__: each for each in (int, str, dict, max, min)}}
    exec(python_source(name, outputs, arguments, doc), namespace)
    function: Callable[..., Any] = namespace[name]
    return function


# --- names -----------------------------------------------------------------------------------------------------------


def is_free(name: str) -> bool:
    """Whether a name may stand for something in Python: ASCII, no keyword, nothing that Python itself has.

    >>> [each for each in ("H", "w_1", "lambda", "max", "__x", "a b", "é") if is_free(each)]
    ['H', 'w_1']
    """
    plain = re.fullmatch(r"(?!__)[A-Za-z_][A-Za-z0-9_]*", name, re.ASCII)
    return bool(plain) and not keyword.iskeyword(name) and not hasattr(builtins, name)


def identifier(text: str, kind: str = "value") -> str:
    """The words of a text as one name, after their kind where they begin with no letter.

    >>> identifier("layer3.1.conv2"), identifier("1x1 conv"), identifier("depths[0]"), identifier("lambda")
    ('layer3_1_conv2', 'value_1x1_conv', 'depths_0', 'lambda_')
    """
    if is_free(text):
        return text
    words = re.findall(r"[A-Za-z0-9]+", text)
    name = "_".join(words if words and words[0][0].isalpha() else [kind, *words])
    return name if is_free(name) else f"{name}_"


def check_names(name: str, expressions: Iterable[Expr], arguments: Sequence[str]) -> None:
    for each in (name, *arguments):
        if not is_free(each):
            raise ValueError(f"no function and no argument can be called {each!r}")
    if len(set(arguments)) < len(arguments):
        raise ValueError(f"an argument is given twice: {', '.join(arguments)}")
    for missing in sorted(frozenset[str]().union(*(each.symbols() for each in expressions)) - set(arguments)):
        raise ValueError(f"{missing!r} is in an expression, and no argument")


KINDS = ("ceil", "floor", "max", "min", "sum", "product", "value")
"""What things are called, with a number, that no short name describes."""

WORDS = {"**": " to ", " * ": " times ", " // ": " over ", " + ": " plus ", "-": " minus "}

MAX_NAME = 32


def kind_of(right: str) -> str:
    """What a right-hand side works out: what is within it has names already, so that its look tells."""
    for start, kind in (("max(", "max"), ("min(", "min"), ("-(-", "ceil")):
        if right.startswith(start):
            return kind
    return "floor" if " // " in right else "sum" if " + " in right or " - " in right else "product"


def called(right: str) -> str:
    """A name that says what is worked out; its kind where that would be long.

    >>> called("-(-H // 32)"), called("(H - 12) // 4"), called("H - 4"), called("max(H, W)"), called("2 * H - 1")
    ('ceil_H_over_32', 'floor_H_minus_12_over_4', 'H_minus_4', 'max', 'sum')
    """
    kind, said = kind_of(right), right.removeprefix("-(-")
    for sign, word in WORDS.items():
        said = said.replace(sign, word)
    name = "_".join([kind] * (kind in ("ceil", "floor")) + re.findall(r"\w+", said))
    return name if is_free(name) and len(name) <= MAX_NAME and kind not in ("max", "min") else kind


# --- statements ------------------------------------------------------------------------------------------------------

MAX_TERMS = 500
"""Longer sums are made of parts: Python compiles no sum of thousands."""


class Source(Notation):
    """Python: `lines` assign what is needed by all that has been written so far, in their order."""

    def __init__(self, expressions: Iterable[Expr], taken: Iterable[str]) -> None:
        self.lines: list[str] = []
        self.taken = set(taken)
        self.names: dict[Part | Powers, str] = {}
        self.uses = uses(expressions)

    # --- notation ----------------------------------------------------------------------------------------------------

    def name(self, symbol: str) -> str:
        return symbol

    def number(self, size: int | Fraction) -> str:
        return f"{size:_}"

    def power(self, base: str, exponent: int) -> str:
        return f"{base}**{exponent}"

    def product(self, factors: Sequence[str]) -> str:
        return " * ".join(factors)

    def quotient(self, numerator: str, divisor: str, up: bool) -> str:
        return f"-(-{numerator} // {divisor})" if up else f"{numerator} // {divisor}"

    def extremum(self, args: Sequence[str], sign: int) -> str:
        return f"{'max' if sign > 0 else 'min'}({', '.join(args)})"

    def group(self, total: str) -> str:
        return f"({total})"

    def total(self, terms: Sequence[tuple[str, str]]) -> str:
        if len(terms) <= MAX_TERMS:
            return super().total(terms)
        parts = [self.total(terms[i : i + MAX_TERMS]) for i in range(0, len(terms), MAX_TERMS)]
        return self.total([("+", self.assigned(part)) for part in parts])

    # --- names -------------------------------------------------------------------------------------------------------

    def atom(self, part: Part) -> str:
        """Its name, under which it is worked out where it is first met."""
        if part not in self.names:
            right = part.written(self)
            inner = right[1:-1] if isinstance(part, Group) else right
            self.names[part] = right if isinstance(part, Symbol) else self.assigned(inner)
        return self.names[part]

    def factors(self, powers: Powers) -> list[str]:
        return self.once(powers, self.of_halves)

    def of_halves(self, powers: Powers) -> list[str]:
        plain, both = super().factors, halves(powers)
        return plain(powers) if len(both) < 2 else [name for half in both for name in self.once(half, plain)]

    def once(self, powers: Powers, factors: Callable[[Powers], list[str]]) -> list[str]:
        """The factors of a product; the name that it has instead where it occurs again."""
        if self.uses[powers] < 2:
            return factors(powers)
        if powers not in self.names:
            self.names[powers] = self.assigned(self.product(factors(powers)))
        return [self.names[powers]]

    def assigned(self, right: str) -> str:
        """The name that something is worked out under."""
        made = self.unlike(called(right))
        self.lines += statement(f"{made} = ", right)
        return made

    def unlike(self, name: str) -> str:
        """The name where nothing has it; else, and where it is that of a kind, one with a number."""
        numbered = (f"{name}_{i}" for i in count(1))
        plain = [name] if name not in KINDS else []
        made = next(each for each in chain(plain, numbered) if each not in self.taken)
        self.taken.add(made)
        return made

    # --- what comes back ---------------------------------------------------------------------------------------------

    def result(self, whole: Expr) -> list[str]:
        return statement("return ", written(whole.terms, self))

    def results(self, outputs: Mapping[str, Expr]) -> list[str]:
        """A dictionary: numbers as they are, other values under their own names before, equal ones once."""
        names = {key: self.unlike(identifier(key)) for key, whole in outputs.items() if not whole.is_constant}
        made: dict[Expr, str] = {}
        for key, whole in outputs.items():
            if whole not in made:
                right = written(whole.terms, self)
                made[whole] = names.get(key, right)
                self.lines += statement(f"{names[key]} = ", right) if key in names else []
        return bracketed("return {", [f"{quoted(key)}: {made[whole]}" for key, whole in outputs.items()], "}")


def uses(expressions: Iterable[Expr]) -> Counter[Powers]:
    """How often each product occurs, and how often as the symbols, or as the rest, of another one."""
    wholes: Counter[Powers] = Counter(powers for whole in every(expressions) for powers in whole.terms)
    parts = Counter(half for powers in wholes for half in halves(powers) if half != powers)
    return Counter({powers: times for powers, times in (wholes + parts).items() if not is_bare(powers)})


def is_bare(powers: Powers) -> bool:
    """Whether it is a number or an atom alone, which has a name already."""
    return not powers or (len(powers) == 1 and powers[0][1] == 1)


def halves(powers: Powers) -> list[Powers]:
    """The symbols of a product, and what is no symbol, where there are such."""
    symbols = tuple(pair for pair in powers if isinstance(pair[0], Symbol))
    others = tuple(pair for pair in powers if not isinstance(pair[0], Symbol))
    return [half for half in (symbols, others) if half]


def every(expressions: Iterable[Expr]) -> Iterator[Expr]:
    """The expressions, and all that are within their atoms: those of each atom once."""
    waiting, seen = list(expressions), set[Atom]()
    while waiting:
        whole = waiting.pop()
        yield whole
        for atom in whole.atoms():
            if atom not in seen:
                seen.add(atom)
                waiting += atom.parts()


# --- layout: that of the usual formatters ----------------------------------------------------------------------------

INDENT = "    "
WIDTH = 88 - len(INDENT)
"""What formatters take for a line where nobody has told them, within a function."""


def statement(left: str, right: str) -> list[str]:
    """An assignment or a return, over several lines where one would be too long."""
    if len(left) + len(right) <= WIDTH:
        return [left + right]
    if right.startswith(("max(", "min(")):
        return bracketed(left + right[:4], right[4:-1].split(", "), ")")
    head, inner, tail = brackets(right)
    fits = len(inner) + len(INDENT) <= WIDTH or "(" in inner
    return [left + head, *(INDENT + line for line in ([inner] if fits else re.split(r" (?=[+-] )", inner))), tail]


def brackets(right: str) -> tuple[str, str, str]:
    """What stands before a line break, what between two, and what after them: in brackets of its own or in new ones."""
    found = re.fullmatch(r"(-\()(.*)(\))|(\()([^()]*)(\) // \w+)", right)
    head, inner, tail = (each for each in found.groups() if each is not None) if found else ("(", right, ")")
    return head, inner, tail


def bracketed(head: str, items: Sequence[str], tail: str, width: int = WIDTH) -> list[str]:
    """Items in brackets on one line, or each on its own."""
    line = f"{head}{', '.join(items)}{tail}"
    return [line] if len(line) <= width or not items else [head, *(f"{INDENT}{each}," for each in items), tail]


def docstring(doc: str) -> list[str]:
    """Text as a docstring of the same words, whatever is in it."""
    lines = [line.rstrip() for line in doc.strip().splitlines()]
    if not lines:
        return []
    safe = [literal(line).replace('"""', r"\"\"\"") for line in lines]
    if safe[-1].endswith('"'):
        safe[-1] = safe[-1][:-1] + r"\""
    return ['"""' + safe[0] + '"""'] if len(safe) == 1 else ['"""' + safe[0], *safe[1:], '"""']


def literal(text: str) -> str:
    """The characters of a string as its literal has them."""
    return "".join(each if each.isprintable() and each != "\\" else repr(each)[1:-1] for each in text)


def quoted(text: str) -> str:
    """A string as a literal.

    >>> print(quoted('a "b"'))
    "a \\"b\\""
    """
    return '"' + literal(text).replace('"', r"\"") + '"'


# --- how large numbers become ----------------------------------------------------------------------------------------


def upper_bound(expressions: Iterable[Expr], ranges: Mapping[str, tuple[int, int]]) -> int:
    """A number that nothing exceeds, in size, which `python_source` works out on the way to expressions.

    Where it is below 2**63, numpy's int64 is exact. Raises ValueError for a symbol without a range, and where a divisor
    may be 0 or less.

    >>> from archcalc.sym.expr import symbol
    >>> N, H = symbol("N"), symbol("H")
    >>> upper_bound([64 * N * (H // 2) - 3], {"N": (1, 256), "H": (1, 4096)})
    33554435
    """
    found = list(every(expressions))
    for missing in sorted(frozenset[str]().union(*(each.symbols() for each in found)) - ranges.keys()):
        raise ValueError(f"{missing!r} has no range")
    sizes: dict[Atom, int] = {}
    return max((sum(abs(c) * bound(m, ranges, sizes) for m, c in whole.terms.items()) for whole in found), default=0)


def bound(monomial: Monomial, ranges: Mapping[str, tuple[int, int]], sizes: dict[Atom, int]) -> int:
    """How large a product is, or any part of it: no factor makes it smaller."""
    for atom, _ in monomial:
        if atom not in sizes:
            sizes[atom] = size_of(atom, ranges)
    return prod(max(1, sizes[atom]) ** exponent for atom, exponent in monomial)


def size_of(atom: Atom, ranges: Mapping[str, tuple[int, int]]) -> int:
    least, most = interval(of_atom(atom), ranges)
    if not (isinstance(least, int) and isinstance(most, int)):
        raise ValueError(f"{of_atom(atom)} has no bound: the divisor may be 0 or less")
    return max(abs(least), abs(most))
