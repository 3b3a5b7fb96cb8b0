"""The code that is written for layers, and which of them may make the calls of a module."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from archcalc.core.torch_modules import text_of
from archcalc.importing.lowering.batches import AS_BATCH, OF_BATCH
from archcalc.importing.program import BATCH, Operation
from archcalc.layer import LAYERS, Call, Layer
from archcalc.record import record

FEWEST = 2
"""The fewest calls that a layer is recognised by; rules take what has fewer."""

OPERATORS = frozenset((
    "add", "sub", "rsub", "mul", "div", "floor_divide", "remainder", "neg", "pow", "matmul", "bitwise_not",
    "bitwise_and", "bitwise_or", "logical_not", "gt", "ge", "lt", "le", "eq", "ne", "unbind", "zeros", "write_part",
    "read_part", AS_BATCH, OF_BATCH,
))  # fmt: skip
"""Functions that code calls without their names; first states of torch's recurrent layers are zeros, and parts of
tensors are written and read where code changes them in place."""


ASKED = "_with_indices"
"""What the names of functions end in that code calls without it, and asks for the places of maxima."""


def squeezed(text: str) -> str:
    return re.sub(r"[_.]", "", text).lower()


def with_parts(call: Call) -> Iterator[Call]:
    yield call
    for part in call.parts.values():
        yield from with_parts(part)


@record
class Code:
    """What a layer's code says: its words, the classes of its modules, and those of them that torch lacks."""

    words: str
    classes: frozenset[str]
    own: frozenset[str]


@cache
def written_layers() -> Mapping[type[Layer], Code]:
    """Every layer with its code."""
    found = {}
    for kind in LAYERS.values():
        calls = [kind(**each.given).call(*each.xs) for each in kind.examples if each.x]
        parts = [part for call in calls for part in with_parts(call)]
        words = {text_of(each.file) if each.file else each.target for each in parts} | {each.forward for each in calls}
        classes = frozenset(each.target for each in calls)
        own = frozenset(each.target for each in calls if each.file)
        found[kind] = Code(squeezed(" ".join(words)), classes, own)
    return found


@cache
def kinds_with(functions: frozenset[str], module: str) -> tuple[type[Layer], ...]:
    """The layers whose code may call all of these functions. If none of them has a name of its own: those whose module
    is called like this one, and those whose code has operators alone."""
    named = [squeezed(each.removesuffix(ASKED)) for each in functions if is_named(each)]
    known = written_layers().items()
    if named:
        return tuple(kind for kind, code in known if all(each in code.words for each in named))
    return tuple(kind for kind, code in known if (module in code.classes if module else not has_words(code.words)))


def has_words(text: str) -> bool:
    """Whether code calls something by its name."""
    return re.search(r"[a-z]", text.replace("none", "")) is not None


def is_named(function: str) -> bool:
    """Whether a function is called by a name that tells it from others, and not by an operator or by unpacking."""
    return not function.startswith("__") and function.rstrip("_") not in OPERATORS


def may_be_a_layer(operations: Sequence[Operation], module: str) -> bool:
    """Whether some layer's code may make these calls: several, or one in a module that is called like a layer's."""
    count = sum(any(made.varies or made.shape[:1] == (BATCH,) for made in each.makes) for each in operations)
    few = count < FEWEST and not any(module in code.own for code in written_layers().values())
    return not few and bool(kinds_with(frozenset(each.function for each in operations), module))
