"""References to code: `py:package.module:Name`, `my_net.py:Net(depth=4)`. Reading one runs nothing."""

import ast
import re
from collections.abc import Mapping
from typing import Any

from archcalc.core.diagnostic import problem
from archcalc.importing.named_modules import how_to_name
from archcalc.record import field, record

PREFIX = "py:"

FORM = re.compile(r"(?P<home>[^:()]+?):(?P<name>[A-Za-z_][\w.]*)(?:\((?P<arguments>.*)\))?", re.DOTALL)

SHAPE = re.compile(r"(?:(?P<name>[A-Za-z_]\w*)=)?(?P<dims>[\d,\s]*)(?::(?P<dtype>[a-z]+\d*))?")

DTYPES = ("float32", "float64", "float16", "bfloat16", "int64", "int32", "bool")


@record
class CodeReference:
    """`home`: a dotted module or a file; `name`: what it holds; `arguments`: of its call, by name."""

    home: str
    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_file(self) -> bool:
        return self.home.endswith(".py")

    def __str__(self) -> str:
        given = ", ".join(f"{key}={value!r}" for key, value in self.arguments.items())
        return f"{self.home}:{self.name}" + (f"({given})" if given else "")


def code_reference(text: str, arguments: str = "") -> CodeReference:
    """The reference that a text names. `arguments`: more arguments, as `depth=4, width=64`.

    Raises SpecError if it has another form.

    >>> code_reference("py:my_net.py:Net(depth=4)")
    CodeReference(home='my_net.py', name='Net', arguments={'depth': 4})
    """
    named = text.removeprefix(PREFIX)
    found = FORM.fullmatch(named)
    if found is None:
        forms = "write py:package.module:Name, or py:my_net.py:Net(depth=4)"
        help = how_to_name(named) if named.endswith(".py") else forms
        raise problem("AC500", f"'{text}' does not name a class or function of a module", help=help)
    both = ", ".join(each for each in (found["arguments"] or "", arguments) if each.strip())
    return CodeReference(found["home"], found["name"], literal_arguments(both))


def literal_arguments(text: str) -> dict[str, Any]:
    """The arguments in `depth=4, act="relu"`. They are literals: nothing is evaluated. Raises SpecError if not."""
    try:
        call = ast.parse(f"f({text})", mode="eval").body
        assert isinstance(call, ast.Call)
        assert isinstance(call.func, ast.Name)
        if call.args or any(each.arg is None for each in call.keywords):
            raise ValueError
        return {str(each.arg): ast.literal_eval(each.value) for each in call.keywords}
    except (SyntaxError, ValueError, AssertionError, RecursionError, MemoryError):
        raise problem(
            "AC500",
            f"the arguments '{text}' are not literals by name",
            help="write --args 'depth=4, widths=[64, 128], act=\"relu\"'",
        ) from None


@record
class Given:
    """An input: the shape of one sample, its dtype, and its name; empty if the order says which input it is."""

    shape: tuple[int, ...]
    dtype: str = "float32"
    name: str = ""


def given_input(text: str) -> Given:
    """The input in `3,224,224`, `image=3,64,64` or `ids=128:int64`; `user=:int64` is one number for each sample.

    Raises SpecError if it has another form.

    >>> given_input("ids=128:int64"), given_input("user=:int64")
    (Given(shape=(128,), dtype='int64', name='ids'), Given(shape=(), dtype='int64', name='user'))
    """
    found = SHAPE.fullmatch(text.strip().replace("[", "").replace("]", ""))
    alone = found is not None and found["dtype"] and not found["dims"].strip()
    dims = [] if found is None or alone else [each.strip() for each in found["dims"].split(",")]
    if found is None or not all(dims) or (found["dtype"] or "float32") not in DTYPES:
        raise problem(
            "AC501",
            f"'{text}' is not the shape of an input",
            help="write --input 3,224,224, --input image=3,64,64 or --input ids=128:int64, without the batch; --input "
            "user=:int64 is one number for each sample",
        )
    return Given(tuple(map(int, dims)), found["dtype"] or "float32", found["name"] or "")
