"""Layer items: a chain string, a one-key mapping or a merge of paths. All become the same steps."""

from collections.abc import Iterable, Iterator

from archcalc.core.diagnostic import Problems, SpecError, did_you_mean, problem, quoted
from archcalc.record import replace
from archcalc.spec.chain import (
    Body,
    Choice,
    Each,
    Invocation,
    Item,
    Merge,
    Step,
    argument,
    named_alike,
    names_given,
    parse_chain,
)
from archcalc.spec.expression import (
    Expression,
    Function,
    Loop,
    Name,
    TupleOf,
    Word,
    expression,
    loop,
    own_name,
    parse_expression,
)
from archcalc.spec.reader import Mapping, Node, Scalar, Sequence
from archcalc.spec.token import NAME, Cursor

SIBLINGS = ("name", "from", "repeat", "for", "if", "else")
"""Keys that a mapping may have besides its layer; a merge also takes its arguments there."""

LONGEST = 40
"""The most characters of a text that a help repeats."""

VALUE = tuple("-+.([0123456789")
"""The beginning of a text that is a value, not a layer."""


def body_of(node: Node, problems: Problems) -> Body:
    """The items of a tree node; `problems` collects their problems."""
    if isinstance(node, Sequence):
        parts = (problems.attempt(body_of, item, problems) for item in node.items)
        return tuple(item for part in parts if part for item in part)
    if isinstance(node, Mapping):
        return (_mapped(node, problems),)
    if node.is_null:
        raise problem("AC022", "an empty item", node.where, help="write a layer after '- ', or remove the dash")
    return parse_chain(node.text, node.where)


# --- the mapping form ---------------------------------------------------------------------------------------------


def _mapped(node: Mapping, problems: Problems) -> Item:
    heads = [(key, value) for key, value in node.pairs if key.value not in SIBLINGS]
    if not heads:
        raise problem("AC022", "this item has no layer", node.where, help="write layer: {key: value}")
    (key, value), *others = heads
    cursor = Cursor(key.text, key.where)
    names, target = _named_target(cursor, value)
    call = _call(target, value, problems)
    if isinstance(call, Merge):
        call = replace(call, keywords=tuple(keywords_of(others, problems)))
    else:
        for other, _ in others:
            problems.add(_beside(other, key, value))
    if given := node.get("name"):
        names = _second_names(names, tuple(words_of(given, "a name")))
    repeat, origin = node.get("repeat"), node.get("from")
    name, *further = (*map(own_name, names), None)
    step = Step(
        name,
        call,
        value_of(repeat) if repeat else None,
        tuple(words_of(origin, "an earlier layer's name")) if origin else (),
        True,
        key.where,
        others=tuple(filter(None, further)),
    )
    body = _chosen(node, step, problems)
    index = node.get("for")
    return Each(loop_of(index), body, key.where) if index else body[0]


def _chosen(node: Mapping, step: Step, problems: Problems) -> Body:
    """The step of a mapping, under the condition of its `if:`."""
    condition, otherwise = node.get("if"), node.get("else")
    if condition is None:
        if otherwise is not None:
            raise problem("AC022", "else without if", otherwise.where, help="write if: n > 1 beside it")
        return (step,)
    other = problems.attempt(body_of, otherwise, problems) or () if otherwise else ()
    return (Choice(value_of(condition), (step,), named_alike(other, *step.names), step.where),)


def loop_of(node: Node) -> Loop:
    """The loop of `for: i in range(n)`."""
    if not isinstance(node, Scalar):
        raise problem("AC016", "a loop is a text", node.where, help="write for: i in range(n)")
    cursor = Cursor(node.text, node.where)
    found = loop(cursor)
    cursor.finish()
    return found


def _beside(other: Scalar, key: Scalar, value: Node) -> SpecError:
    """The problem of an unknown key next to a layer."""
    head = key.value.split("=")[-1].strip()
    help = did_you_mean(other.value, SIBLINGS)
    if not help and isinstance(value, Scalar) and value.is_null:
        help = f"indent it under '{head}:'"
    help = help or f"put arguments inside, {head}: {{{other.value}: ...}}; begin another layer with '- '"
    return problem("AC022", f"unknown key {quoted(other.value)} next to {quoted(head)}", other.where, help=help)


def _named_target(cursor: Cursor, value: Node) -> tuple[tuple[Word, ...], Word]:
    """The names, if any, and the layer of a key: `skip = add`."""
    if "->" in cursor.texts:
        raise _after_arrow(cursor, value)
    names, target = names_given(cursor), _word(cursor)
    if cursor.texts[cursor.at] == "(":
        empty = isinstance(value, Scalar) and value.is_null
        help = "remove the ':'" if empty else f"write {target.text}: {{key: value}}, or key=value inside the call"
        if isinstance(value, Sequence):
            beside = cursor.text[cursor.ends[cursor.at] :].rstrip(") ").replace("=", ": ")
            help = f"arguments of a merge stand beside its list: {{{target.text}: [a, b], {beside or 'key: value'}}}"
        raise problem("AC022", "a call with arguments cannot be a key", target.where, help=help)
    cursor.finish()
    return names, target


def _after_arrow(cursor: Cursor, value: Node) -> SpecError:
    """The problem of a chain that ends in a merge, or in another layer that is a mapping: `a -> concat: [b, c]`."""
    at = len(cursor.texts) - 1 - cursor.texts[::-1].index("->")
    before, last = cursor.text[: cursor.starts[at]].strip(), cursor.text[cursor.ends[at] :].strip()
    start, end = value.span
    given = cursor.where.source.text[start:end]
    if (isinstance(value, Sequence) and not value.flow) or "\n" in given or len(given) > LONGEST:
        given = "[...]" if isinstance(value, Sequence) else "..."
    before = before if len(before) <= LONGEST else "..."
    what = "a merge" if isinstance(value, Sequence) else "a layer with ':'"
    where = cursor.place(cursor.starts[at], cursor.ends[-1])
    help = f"write two items: '- {before}', then '- {last}: {given}'"
    return problem("AC022", f"{what} is an item of its own and cannot end a chain", where, help=help)


def _word(cursor: Cursor) -> Word:
    if cursor.kinds[cursor.at] != NAME:
        raise cursor.expected("a layer's name")
    word = Word(cursor.texts[cursor.at], cursor.here())
    cursor.at += 1
    return word


def _second_names(first: tuple[Word, ...], second: tuple[Word, ...]) -> tuple[Word, ...]:
    if first:
        raise problem("AC122", "the name is given twice", second[0].where, help="remove one of them")
    return second


def _call(target: Word, value: Node, problems: Problems) -> Invocation | Merge:
    if isinstance(value, Sequence):
        paths = tuple(problems.attempt(_path, path, problems) or () for path in value.items)
        return Merge(target, paths, (), target.where)
    if isinstance(value, Mapping):
        return Invocation(target, (), tuple(keywords_of(value.pairs, problems)), True, target.where)
    if not value.value:
        return Invocation(target, (), (), False, target.where)
    cursor = Cursor(value.text, value.where)
    given = argument(cursor)
    cursor.finish()
    if isinstance(given, Expression):
        return Invocation(target, (given,), (), True, target.where)
    return Invocation(target, (), (given,), True, target.where)


def _path(node: Node, problems: Problems) -> Body:
    """One path of a merge.

    A number is not a path. It becomes a step whose target is its text, so that the builder, which knows the layers, can
    suggest what to write instead of `conv: [3, 64]`.
    """
    if isinstance(node, Sequence):
        parts = (problems.attempt(_path, item, problems) for item in node.items)
        return tuple(item for part in parts if part for item in part)
    if isinstance(node, Scalar) and node.plain and node.text.lstrip().startswith(VALUE):
        target = Word(node.value, node.where)
        return (Step(None, Invocation(target, (), (), False, node.where), None, (), True, node.where),)
    return body_of(node, problems)


def keywords_of(pairs: Iterable[tuple[Scalar, Node]], problems: Problems) -> Iterator[tuple[Word, Expression]]:
    """The named arguments in a mapping, or beside the list of a merge."""
    for key, value in pairs:
        word = problems.attempt(word_of, key, "an argument's name")
        found = problems.attempt(value_of, value)
        if word and found:
            yield word, found


# --- values and words ---------------------------------------------------------------------------------------------


def value_of(node: Node) -> Expression:
    """The expression of a node: the text of a scalar, or a list of expressions.

    A mapping with one key is a layer as an argument: `act: {leaky_relu: 0.1}`.
    """
    if isinstance(node, Sequence):
        return TupleOf(tuple(map(value_of, node.items)), node.where)
    if isinstance(node, Mapping):
        return _function(node)
    if not node.value.strip():
        raise problem("AC016", "a value is missing", node.where)
    if node.plain and node.value == "~":
        return Name("none", node.where)
    return parse_expression(node.text, node.where)


def _function(node: Mapping) -> Expression:
    if len(node.pairs) != 1 or isinstance(node.pairs[0][1], Mapping):
        raise problem(
            "AC016",
            "expected a value, got a mapping",
            node.where,
            help="write a value, or a layer with one argument: {leaky_relu: 0.1}",
        )
    key, value = node.pairs[0]
    found = value_of(value)
    arguments = found.items if isinstance(value, Sequence) and isinstance(found, TupleOf) else (found,)
    return Function(word_of(key, "a layer's name"), arguments, key.where)


def word_of(node: Node, what: str) -> Word:
    """The word in a scalar."""
    if not isinstance(node, Scalar) or not node.value.strip():
        raise problem("AC016", f"expected {what}", node.where)
    cursor = Cursor(node.text, node.where)
    if cursor.kinds[0] != NAME:
        raise cursor.expected(what)
    cursor.at = 1
    cursor.finish()
    return Word(cursor.texts[0], cursor.place(cursor.starts[0], cursor.ends[0]))


def words_of(node: Node, what: str) -> Iterator[Word]:
    """The words in a list, or the single word in a scalar."""
    for item in node.items if isinstance(node, Sequence) else (node,):
        yield word_of(item, what)


# --- the keys of blocks -------------------------------------------------------------------------------------------


def signature_of(key: Scalar) -> tuple[Word, tuple[tuple[Word, Expression | None], ...]]:
    """The name and parameters of a block: `bottleneck(width, stride=1)`."""
    cursor = Cursor(key.text, key.where)
    name = own_name(_word(cursor))
    parameters: dict[str, tuple[Word, Expression | None]] = {}
    if cursor.skip("("):
        opening = cursor.at - 1
        while not cursor.skip(")"):
            word, default = _parameter(cursor, parameters)
            parameters[word.text] = word, default
            if not cursor.skip(",") and cursor.texts[cursor.at] != ")":
                raise cursor.unclosed(opening, quoted(f"{name.text}("))
    cursor.finish()
    return name, tuple(parameters.values())


def _parameter(cursor: Cursor, before: dict[str, tuple[Word, Expression | None]]) -> tuple[Word, Expression | None]:
    if cursor.kinds[cursor.at] != NAME:
        raise cursor.expected("a parameter's name")
    word = own_name(Word(cursor.texts[cursor.at], cursor.here()))
    cursor.at += 1
    default = expression(cursor) if cursor.skip("=") else None
    if word.text in before:
        raise problem("AC122", f"the parameter {quoted(word.text)} is given twice", word.where)
    if default is None and any(value is not None for _, value in before.values()):
        help = "put parameters without a default first"
        raise problem(
            "AC119", f"{quoted(word.text)} has no default, but an earlier parameter has one", word.where, help=help
        )
    return word, default
