"""Chains: `e1 = conv(3, 64, p1) -> relu * 2 if wide else prev`, parsed into steps with exact locations.

path  := chain ["if" expr ["else" path]] ["for" name {"," name} "in" expr ["if" expr]]
chain := step {"->" step}
step  := [name {"," name} "="] call ["*" expr]
call  := layer-or-block-or-name {"[" expr "]"} ["(" [arg {"," arg}] ")"]
arg   := value | key "=" value | tag          tag: s2 p1 d2 g32 k3
value := expr ["if" expr "else" value]
"""

from collections.abc import Collection, Container, Sequence
from typing import TypeAlias

from archcalc.core.diagnostic import Label, SpecError, problem, quoted
from archcalc.core.location import Location
from archcalc.record import field, record, replace
from archcalc.spec.expression import (
    Expression,
    Loop,
    Name,
    Number,
    Word,
    conditional_value,
    expression,
    indexed,
    loop,
    number,
    own_name,
)
from archcalc.spec.token import END, KERNEL, NAME, NUMBER, RESERVED, Cursor

TAGS = {"s": "stride", "p": "padding", "d": "dilation", "g": "groups", "k": "kernel_size"}
"""The arguments that `s2`, `p1` ... abbreviate."""

MERGED = {
    "+": "write add: [a, b] for the sum of two layers",
    "-": "write sub: [a, b] for the difference of two layers",
    "/": "write div: [a, b] for the quotient of two layers",
    ",": "join steps with ->; a list of paths belongs to a merge: add: [a, b]",
}
"""What to write for a sign after a whole chain."""


@record
class Tag(Name):
    """`s2`: the value of an argument, and its name; or a name that looks like one, where something is called so."""

    word: Word
    value: Number


@record
class Invocation:
    """`conv(3, 64, stride=2)`: a call of a layer, a block or a name; `parens` distinguishes `relu()` from `relu`.

    `positional` includes the tags: only names decide whether `s2` is one. `picked`: the entry of a list of layers that
    is meant instead of `target`, `ys[i]`.
    """

    target: Word
    positional: tuple[Expression, ...]
    keywords: tuple[tuple[Word, Expression], ...]
    parens: bool
    where: Location = field(compare=False)
    picked: Expression | None = None


@record
class Merge:
    """`add: [path, path]`: a call whose inputs are the ends of its paths."""

    target: Word
    paths: tuple["Body", ...]
    keywords: tuple[tuple[Word, Expression], ...]
    where: Location = field(compare=False)


@record
class Step:
    """One call of a chain. `origin`: the names in the `from:` of a mapping. `leads`: it is the first of its chain.

    `others`: the names of further outputs, `k` and `v` of `q, k, v = split(3)`. `chain`: the locations of all steps, if
    its name labels the first layer of a longer chain whose end has no name.
    """

    name: Word | None
    call: Invocation | Merge
    repeat: Expression | None
    origin: tuple[Word, ...]
    leads: bool
    where: Location = field(compare=False)
    chain: tuple[Location, ...] = field(default=(), compare=False)
    others: tuple[Word, ...] = ()

    @property
    def names(self) -> tuple[Word, ...]:
        """All that it gives."""
        return (self.name, *self.others) if self.name else ()


@record
class Choice:
    """`then if condition else otherwise`. Without `else`, `otherwise` is empty: a merge omits the path, and a chain
    passes its input through."""

    condition: Expression
    then: "Body"
    otherwise: "Body"
    where: Location = field(compare=False)


@record
class Each:
    """`body for i in range(n)`: in a chain one turn after the other, in a merge one path for each turn."""

    loop: Loop
    body: "Body"
    where: Location = field(compare=False)

    @property
    def named(self) -> Step | None:
        """The only step of its body, if that has one name, `h = block(i) for i in range(n)`; of a choice between such
        steps under one name the first."""
        steps = alternatives(self.body, self.index)
        names = {tuple(word.text for word in step.names) for step in steps}
        return steps[0] if len(names) == 1 and len(steps[0].names) == 1 else None

    @property
    def index(self) -> frozenset[str]:
        """The names that take the values of the list."""
        return frozenset(word.text for word in self.loop.targets)


Item: TypeAlias = Step | Choice | Each
Body: TypeAlias = tuple[Item, ...]


def alternatives(body: Body, index: Collection[str]) -> tuple[Step, ...]:
    """The steps of which a body is one, as conditions say; none if it may be another number of steps."""
    _, body = after_lead(body, index)
    item = body[0] if len(body) == 1 else None
    if isinstance(item, Step):
        return (item,)
    sides = [alternatives(side, index) for side in (item.then, item.otherwise)] if isinstance(item, Choice) else [()]
    return tuple(step for side in sides for step in side) if all(sides) else ()


def after_lead(body: Body, index: Collection[str]) -> tuple[Body, Body]:
    """The value that a body begins with if it is an entry of a list or an index, `ys[i] -> f`; and what follows."""
    first = body[0] if len(body) > 1 else None
    if isinstance(first, Step) and first.leads and isinstance(first.call, Invocation) and not first.names:
        is_index = first.call.target.text in index and not first.call.parens
        if first.call.picked is not None or is_index:
            return body[:1], body[1:]
    return (), body


def explicit_names(body: Body) -> frozenset[str]:
    """The names that a chain gives explicitly, including those in its paths."""
    found: set[str] = set()
    for item in body:
        if isinstance(item, Choice):
            found |= explicit_names(item.then) | explicit_names(item.otherwise)
            continue
        if isinstance(item, Each):
            found |= explicit_names(item.body)
            continue
        found.update(word.text for word in item.names)
        if isinstance(item.call, Merge):
            found.update(*(explicit_names(path) for path in item.call.paths))
    return frozenset(found)


def parse_chain(text: str, where: Location) -> Body:
    """The items of one chain string; `where` is the location of its first character."""
    cursor = Cursor(text, where)
    body = path(cursor)
    if found := MERGED.get(cursor.texts[cursor.at]) or joined(cursor):
        raise problem("AC012", f"{cursor.shown()} is not expected here", cursor.here(), help=found)
    cursor.finish()
    return body


def joined(cursor: Cursor) -> str:
    """What to write where a word or a number follows a step: `relu conv(3, 8)`, `conv 3 8`."""
    before, text, kind = cursor.texts[cursor.at - 1], cursor.texts[cursor.at], cursor.kinds[cursor.at]
    if cursor.kinds[cursor.at - 1] == NAME and kind in (NUMBER, KERNEL):
        return f"put arguments in parentheses: {before}({text})"
    return f"join steps with ->: ... -> {text}" if kind == NAME and text not in RESERVED else ""


def path(cursor: Cursor) -> Body:
    first = cursor.at
    found = conditional(cursor)
    return (Each(loop(cursor), found, cursor.since(first)),) if cursor.texts[cursor.at] == "for" else found


def conditional(cursor: Cursor) -> Body:
    """A chain, or one that a condition chooses."""
    first = cursor.at
    steps = [_step(cursor, leads=True)]
    while cursor.skip("->"):
        steps.append(_step(cursor, leads=False))
    if steps[0].name and not steps[-1].name:
        steps[0] = labelled(steps, *steps[0].names)
    if not cursor.skip("if"):
        return tuple(steps)
    cursor.enter()
    condition = expression(cursor)
    otherwise = named_alike(conditional(cursor), *steps[0].names) if cursor.skip("else") else ()
    cursor.depth -= 1
    return (Choice(condition, tuple(steps), otherwise, cursor.since(first)),)


def labelled(steps: Sequence[Step], name: Word, *others: Word) -> Step:
    """The first of several steps with a name, which is that of its layer, and of the value where it is alone."""
    return replace(
        steps[0], name=name, others=others, chain=tuple(step.where for step in steps) if len(steps) > 1 else ()
    )


def named_alike(otherwise: Body, *names: Word) -> Body:
    """The other side of a condition under the names of the first, unless it has some: `y = conv(3, 64) if wide else
    prev`."""
    first = otherwise[0] if otherwise else None
    if not names or explicit_names(otherwise) or first is None:
        return otherwise
    if isinstance(first, Choice) and len(otherwise) == 1:
        then, other = (named_alike(side, *names) for side in (first.then, first.otherwise))
        return (replace(first, then=then, otherwise=other),)
    steps = [item for item in otherwise if isinstance(item, Step)]
    return (labelled(steps, *names), *otherwise[1:]) if len(steps) == len(otherwise) else otherwise


def _step(cursor: Cursor, leads: bool) -> Step:
    first = cursor.at
    names = names_given(cursor)
    call = _call(cursor, _target(cursor))
    repeat = expression(cursor) if cursor.skip("*") else None
    name, *others = names or (None,)
    return Step(name, call, repeat, (), leads, cursor.since(first), others=tuple(filter(None, others)))


def names_given(cursor: Cursor) -> tuple[Word, ...]:
    """The names before an equals sign, which is skipped: `y =`, or `q, k, v =`; none where there is no such sign."""
    if cursor.kinds[cursor.at] == END:
        return ()
    at = cursor.at + 1
    while cursor.texts[at] == "," and cursor.kinds[at + 1] == NAME:
        at += 2
    if cursor.texts[at] != "=":
        return ()
    names = []
    while cursor.at < at:
        names.append(own_name(_target(cursor)))
        cursor.at += 1
    return tuple(names)


def _target(cursor: Cursor) -> Word:
    text = cursor.texts[cursor.at]
    if cursor.kinds[cursor.at] != NAME or (text in RESERVED and text != "prev"):
        raise cursor.expected("a layer's name", _name_help(cursor))
    word = Word(text, cursor.here())
    cursor.at += 1
    return word


def _name_help(cursor: Cursor) -> str:
    """The help for a step that does not begin with a name."""
    text = cursor.texts[cursor.at]
    if text == "->" and cursor.at == 0:
        return "a chain begins with a layer; it reads the output of the previous item"
    if cursor.kinds[cursor.at] == END and cursor.at > 0 and cursor.texts[cursor.at - 1] == "->":
        return "write a layer after ->, or remove the arrow"
    if text[:1].isdigit() and cursor.texts[cursor.at + 1] == "=":
        return "a name begins with a letter"
    if cursor.at > 1 and cursor.texts[cursor.at - 1] == "=":
        return "a name stands before a layer: y = conv(3, 64); arguments of a merge stand beside its list"
    if text[:1].isdigit():
        return "write numbers in the parentheses of a layer: conv(3, 64)"
    if text == "(":
        return "parentheses hold arguments: make the chain in them a block, or items of their own"
    if text == "-":
        return "begin an item with '- ': a dash and a space"
    if text == "none":
        return "write prev for a path that changes nothing"
    return ""


def _call(cursor: Cursor, target: Word) -> Invocation:
    first = cursor.at - 1
    picked = _picked(cursor, target)
    if not cursor.skip("("):
        return Invocation(target, (), (), False, cursor.since(first), picked)
    opening = cursor.at - 1
    positional: list[Expression] = []
    keywords: dict[str, tuple[Word, Expression]] = {}
    while not cursor.skip(")"):
        if cursor.kinds[cursor.at] == END:
            raise cursor.unclosed(opening, f"{quoted(target.text + '(')}")
        given = argument(cursor)
        if isinstance(given, Tag):
            positional.append(given)
        elif isinstance(given, Expression):
            if named := next((word for word, _ in keywords.values()), None):
                raise misplaced(given, named)
            positional.append(given)
        else:
            _add_keyword(keywords, given)
        if not cursor.skip(",") and cursor.texts[cursor.at] != ")":
            raise cursor.unclosed(opening, f"{quoted(target.text + '(')}")
    return Invocation(target, tuple(positional), tuple(keywords.values()), True, cursor.since(first), picked)


def _picked(cursor: Cursor, target: Word) -> Expression | None:
    """The entry of a list of layers that follows a name: `ys[i]`, `layers[-1].skip`."""
    if cursor.texts[cursor.at] != "[":
        return None
    first = cursor.at - 1
    found: Expression = Name(target.text, target.where)
    while cursor.texts[cursor.at] == "[":
        found = indexed(cursor, found, first)
    return found


def misplaced(given: Expression, named: Word) -> SpecError:
    """The problem of a positional argument that follows a named one."""
    label = Label(named.where, "named here")
    tag = named.where.text
    help = f"move {tag} to the end, or name this argument too"
    notes = [] if tag == named.text else [f"{tag} means {named.text}={tag[1:]}, because nothing before is called {tag}"]
    message = "a positional argument follows a named one"
    return problem("AC012", message, given.where, labels=[label], help=help, notes=notes)


def settled(call: Invocation, names: Container[str]) -> Invocation:
    """The call with its tags made named arguments, except those that are names of something."""
    if not any(isinstance(given, Tag) for given in call.positional):
        return call
    positional: list[Expression] = []
    named = list(call.keywords)
    for given in call.positional:
        if isinstance(given, Tag) and given.id not in names:
            named.append((given.word, given.value))
            continue
        before = [word for word, _ in named if place_of(word) < place_of(given)]
        if before:
            raise misplaced(given, before[0])
        positional.append(given)
    keywords: dict[str, tuple[Word, Expression]] = {}
    for each in sorted(named, key=lambda each: place_of(each[0])):
        _add_keyword(keywords, each)
    return replace(call, positional=tuple(positional), keywords=tuple(keywords.values()))


def place_of(part: Word | Expression) -> tuple[int, int]:
    return part.where.line, part.where.column


def _add_keyword(keywords: dict[str, tuple[Word, Expression]], given: tuple[Word, Expression]) -> None:
    word = given[0]
    if word.text in keywords:
        raise problem(
            "AC122",
            f"{quoted(word.text)} is given twice",
            word.where,
            labels=[Label(keywords[word.text][0].where, "first given here")],
            help="remove one of them",
        )
    keywords[word.text] = given


def argument(cursor: Cursor) -> Expression | tuple[Word, Expression]:
    """The next argument: a value, or a value with the name of its field."""
    at = cursor.at
    if cursor.kinds[at] == NAME:
        text, after = cursor.texts[at], cursor.texts[at + 1]
        if after == "=":
            word = Word(text, cursor.here())
            cursor.at += 2
            return word, conditional_value(cursor)
        if after in (",", ")", "") and text[0] in TAGS and text[1:].isdecimal():
            return _tag(cursor)
    return conditional_value(cursor)


def _tag(cursor: Cursor) -> Tag:
    start, end, text = cursor.starts[cursor.at], cursor.ends[cursor.at], cursor.texts[cursor.at]
    digits = cursor.place(start + 1, end)
    word = Word(TAGS[text[0]], cursor.here())
    cursor.at += 1
    return Tag(text, word.where, word, Number(number(text[1:], digits), digits))
