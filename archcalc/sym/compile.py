"""Expressions as Python: a self-contained function of integers, and a bound on its intermediate values.

The text is straight-line integer arithmetic. Repeated floors, maxima, groups and products are computed once, each under
a descriptive name. Without maxima, the function also accepts numpy arrays of int64, and is exact if `upper_bound` is
below 2**63.
"""

import builtins
import keyword
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import chain, count
from math import prod
from types import MappingProxyType
from typing import Any

from archcalc.sym.bounds import interval
from archcalc.sym.expr import Atom, Expr, Group, Monomial, Symbol, of_atom, written
from archcalc.sym.notation import Notation, Part, Powers


def python_source(name: str, outputs: Mapping[str, Expr], arguments: Sequence[str], doc: str = "") -> str:
    '''The text of a function that computes expressions: it returns a number for one, a dictionary for several.

    Raises ValueError for a name that is not a valid identifier, and for a symbol that is not an argument.

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


def compiled(
    name: str,
    outputs: Mapping[str, Expr],
    arguments: Sequence[str],
    doc: str = "",
    extrema: Mapping[str, Callable[..., Any]] = MappingProxyType({"max": max, "min": min}),
) -> Callable[..., Any]:
    """The function of `python_source`, compiled. With `extrema` that take arrays, it takes arrays.

    >>> from archcalc.sym.expr import symbol
    >>> compiled("halved", {"n": symbol("n") // 2}, ["n"])(7)
    3
    """
    namespace: dict[str, Any] = {"__builtins__": {each.__name__: each for each in (int, str, dict)} | dict(extrema)}
    exec(python_source(name, outputs, arguments, doc), namespace)
    function: Callable[..., Any] = namespace[name]
    return function


# --- names -----------------------------------------------------------------------------------------------------------


def is_free(name: str) -> bool:
    """Whether a name is usable in Python: ASCII, not a keyword, not a builtin.

    >>> [each for each in ("H", "w_1", "lambda", "max", "__x", "a b", "é") if is_free(each)]
    ['H', 'w_1']
    """
    plain = re.fullmatch(r"(?!__)[A-Za-z_][A-Za-z0-9_]*", name, re.ASCII)
    return bool(plain) and not keyword.iskeyword(name) and not hasattr(builtins, name)


def identifier(text: str, kind: str = "value") -> str:
    """The words of a text as one identifier, prefixed with `kind` if they do not begin with a letter.

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
            raise ValueError(f"{each!r} cannot be the name of a function or argument")
    if len(set(arguments)) < len(arguments):
        raise ValueError(f"an argument is given twice: {', '.join(arguments)}")
    for missing in sorted(frozenset[str]().union(*(each.symbols() for each in expressions)) - set(arguments)):
        raise ValueError(f"the symbol {missing!r} of an expression is not an argument")


KINDS = ("ceil", "floor", "max", "min", "sum", "product", "value")
"""Names, followed by a number, for values without a short descriptive name."""

WORDS = {"**": " to ", " * ": " times ", " // ": " over ", " + ": " plus ", "-": " minus "}

MAX_NAME = 32


def kind_of(right: str) -> str:
    """The kind of value of a right-hand side. Its operands are names, so its text determines the kind."""
    for start, kind in (("max(", "max"), ("min(", "min"), ("-(-", "ceil")):
        if right.startswith(start):
            return kind
    return "floor" if " // " in right else "sum" if " + " in right or " - " in right else "product"


def called(right: str) -> str:
    """A descriptive name for a value; its kind if that name would be too long.

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
"""Longer sums are split: Python cannot compile sums of thousands of terms."""


class Source(Notation):
    """Python: `lines` are the assignments that the text written so far needs, in order."""

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
        """Its name; its first use adds the assignment."""
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
        """The factors of a product, or its name if it occurs more than once."""
        if self.uses[powers] < 2:
            return factors(powers)
        if powers not in self.names:
            self.names[powers] = self.assigned(self.product(factors(powers)))
        return [self.names[powers]]

    def assigned(self, right: str) -> str:
        """Assigns a right-hand side to a name, and returns the name."""
        made = self.unlike(called(right))
        self.lines += statement(f"{made} = ", right)
        return made

    def unlike(self, name: str) -> str:
        """The name if it is free and descriptive; otherwise the name with a number."""
        numbered = (f"{name}_{i}" for i in count(1))
        plain = [name] if name not in KINDS else []
        made = next(each for each in chain(plain, numbered) if each not in self.taken)
        self.taken.add(made)
        return made

    # --- results -----------------------------------------------------------------------------------------------------

    def result(self, whole: Expr) -> list[str]:
        return statement("return ", written(whole.terms, self))

    def results(self, outputs: Mapping[str, Expr]) -> list[str]:
        """The return of a dictionary: numbers inline, other values assigned to their names first, equal ones once."""
        names = {key: self.unlike(identifier(key)) for key, whole in outputs.items() if not whole.is_constant}
        made: dict[Expr, str] = {}
        for key, whole in outputs.items():
            if whole not in made:
                right = written(whole.terms, self)
                made[whole] = names.get(key, right)
                self.lines += statement(f"{names[key]} = ", right) if key in names else []
        return bracketed("return {", [f"{quoted(key)}: {made[whole]}" for key, whole in outputs.items()], "}")


def uses(expressions: Iterable[Expr]) -> Counter[Powers]:
    """How often each product occurs, by itself or as the symbols, or the rest, of another product."""
    wholes: Counter[Powers] = Counter(powers for whole in every(expressions) for powers in whole.terms)
    parts = Counter(half for powers in wholes for half in halves(powers) if half != powers)
    return Counter({powers: times for powers, times in (wholes + parts).items() if not is_bare(powers)})


def is_bare(powers: Powers) -> bool:
    """Whether it is a number or a single atom, which already has a name."""
    return not powers or (len(powers) == 1 and powers[0][1] == 1)


def halves(powers: Powers) -> list[Powers]:
    """The symbols of a product, and its other factors; empty parts are omitted."""
    symbols = tuple(pair for pair in powers if isinstance(pair[0], Symbol))
    others = tuple(pair for pair in powers if not isinstance(pair[0], Symbol))
    return [half for half in (symbols, others) if half]


def every(expressions: Iterable[Expr]) -> Iterator[Expr]:
    """The expressions, and all expressions within their atoms; those of each atom once."""
    waiting, seen = list(expressions), set[Atom]()
    while waiting:
        whole = waiting.pop()
        yield whole
        for atom in whole.atoms():
            if atom not in seen:
                seen.add(atom)
                waiting += atom.parts()


# --- layout, as the usual formatters have it -------------------------------------------------------------------------

INDENT = "    "
WIDTH = 88 - len(INDENT)
"""The default line length of formatters, within a function."""


def statement(left: str, right: str) -> list[str]:
    """An assignment or a return, split over several lines if it is too long."""
    if len(left) + len(right) <= WIDTH:
        return [left + right]
    if right.startswith(("max(", "min(")):
        return bracketed(left + right[:4], right[4:-1].split(", "), ")")
    head, inner, tail = brackets(right)
    fits = len(inner) + len(INDENT) <= WIDTH or "(" in inner
    return [left + head, *(INDENT + line for line in ([inner] if fits else re.split(r" (?=[+-] )", inner))), tail]


def brackets(right: str) -> tuple[str, str, str]:
    """A text split for line breaks into head, inner part and tail, at its own brackets or at new ones."""
    found = re.fullmatch(r"(-\()(.*)(\))|(\()([^()]*)(\) // \w+)", right)
    head, inner, tail = (each for each in found.groups() if each is not None) if found else ("(", right, ")")
    return head, inner, tail


def bracketed(head: str, items: Sequence[str], tail: str, width: int = WIDTH) -> list[str]:
    """Items in brackets on one line, or each on its own."""
    line = f"{head}{', '.join(items)}{tail}"
    return [line] if len(line) <= width or not items else [head, *(f"{INDENT}{each}," for each in items), tail]


def docstring(doc: str) -> list[str]:
    """Any text, escaped, as a docstring."""
    lines = [line.rstrip() for line in doc.strip().splitlines()]
    if not lines:
        return []
    safe = [literal(line).replace('"""', r"\"\"\"") for line in lines]
    if safe[-1].endswith('"'):
        safe[-1] = safe[-1][:-1] + r"\""
    return ['"""' + safe[0] + '"""'] if len(safe) == 1 else ['"""' + safe[0], *safe[1:], '"""']


def literal(text: str) -> str:
    """The characters of a string, escaped for a literal."""
    return "".join(each if each.isprintable() and each != "\\" else repr(each)[1:-1] for each in text)


def quoted(text: str) -> str:
    """A string as a literal.

    >>> print(quoted('a "b"'))
    "a \\"b\\""
    """
    return '"' + literal(text).replace('"', r"\"") + '"'


# --- bounds on values -----------------------------------------------------------------------------------------------


def upper_bound(expressions: Iterable[Expr], ranges: Mapping[str, tuple[int, int]]) -> int:
    """A bound on the absolute value of every intermediate result of `python_source`.

    If it is below 2**63, numpy's int64 is exact. Raises ValueError for a symbol without a range, and for a divisor that
    can be 0 or less.

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
    """A bound on a product and on every partial product."""
    for atom, _ in monomial:
        if atom not in sizes:
            sizes[atom] = size_of(atom, ranges)
    return prod(max(1, sizes[atom]) ** exponent for atom, exponent in monomial)


def size_of(atom: Atom, ranges: Mapping[str, tuple[int, int]]) -> int:
    least, most = interval(of_atom(atom), ranges)
    if not (isinstance(least, int) and isinstance(most, int)):
        raise ValueError(f"{of_atom(atom)} is unbounded: its divisor can be 0 or less")
    return max(abs(least), abs(most))
