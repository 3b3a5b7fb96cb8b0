"""What commands take, declared: click's commands are made of it, and plain command lines are read by it alone.

In: decorators on the function of a command. Out: its declaration. To touch: the groups of `--help`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from archcalc.core.version import VERSION
from archcalc.record import record

INPUT = "Input"
CONTENT = "What to show"
TRAINING = "Training"
OUTPUT = "Output"

GROUPS = (INPUT, CONTENT, TRAINING, OUTPUT)
"""The groups of options, in the order of `--help`."""


SUMMARIES = {
    "report": "Print the layer table and the totals of a network.",
    "serve": "Show the page of a spec, and refresh it when the file is saved.",
    "draw": "Draw a network, in a file or on the terminal.",
    "check": "Find errors in specs and weaknesses in designs.",
    "diff": "Print what differs between two networks and their totals.",
    "import": "Write existing code as a spec.",
    "verify": "Build the generated PyTorch, run it, compare every number.",
    "selftest": "Check the figures on this machine, with this torch.",
    "generate": "Write the network as PyTorch source.",
    "formula": "Print totals as closed forms in free sizes, and the valid sizes.",
    "solve": "Find what fits a budget: a size, the batch size or a width.",
    "sweep": "Find the best of a space of designs, or its Pareto front.",
    "explain": "Derive the numbers of a layer, or explain a diagnostic code.",
    "layers": "List the layers.",
    "specs": "List the bundled specs.",
    "config": "Show the configuration and where it is from.",
    "cache": "Show where answers are kept, or remove them.",
    "schema": "Print the JSON Schema of specs, for editors.",
    "server": "Run the language server, which editors start.",
    "new": "Print a commented spec to start from.",
    "fmt": "Lay out specs in one canonical form.",
    "completion": "Print what makes a shell complete archcalc's words.",
    "help": "Show the help of a command.",
}
"""Every command, in the order of `--help`; each is in the file of its name."""


UNCONFIGURED = ("help", "completion", "new", "server", "selftest", "cache")
"""Commands without options that the configuration sets. The server reads it for each file."""

NAMED = f"archcalc {VERSION}"
"""What `--version` prints."""


class Refused(Exception):
    """What a command cannot do, in a sentence, and where to look."""

    code = 1

    def __init__(self, message: str, help: str = "", code: int = 0) -> None:
        super().__init__(message)
        self.help, self.code = help, code or self.code


class UsageError(Refused):
    """A command line that does not say what its command needs."""

    code = 2


@record
class Choice:
    """A value that is one of a few words."""

    words: tuple[str, ...]

    def read(self, text: str) -> str | None:
        return text if text in self.words else None


@record
class Range:
    """A value that is a whole number, from `least` to `most`."""

    least: int
    most: int | None = None

    def read(self, text: str) -> int | None:
        number = int(text) if text.isdecimal() and text.isascii() else -1
        return number if number >= self.least and (self.most is None or number <= self.most) else None


@record
class Parameter:
    """An argument or an option: its names as click takes them, and its settings.

    Of those, `group` is the group of an option in `--help`, `completes` says what a shell may offer, by a word of
    usage/completion.py, `type` is a Choice or a Range, and all others are click's.
    """

    names: tuple[str, ...]
    settings: Mapping[str, Any]

    @property
    def options(self) -> list[str]:
        """`--cache` and `--no-cache` of `--cache/--no-cache`; an argument has none."""
        return [name for each in self.names if each[0] == "-" for name in each.split("/")]

    @property
    def name(self) -> str:
        """The parameter of the function that takes it."""
        given = [each for each in self.names if each[0] != "-"]
        return given[0] if given else max(self.names, key=len).partition("/")[0].lstrip("-").replace("-", "_")

    @property
    def is_flag(self) -> bool:
        return bool(self.settings.get("is_flag")) or any("/" in each for each in self.names)


Function = TypeVar("Function", bound=Callable[..., Any])

Decorator = Callable[[Function], Function]


@record(slots=False)
class Declared:
    """A command: its function, and what it takes.

    `with_settings`: the function is also given the settings of the program, first.
    """

    name: str
    function: Callable[..., Any]
    examples: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    with_settings: bool


def called(name: str, examples: Sequence[str], with_settings: bool = False) -> Callable[[Callable[..., Any]], Declared]:
    """Makes a function a command: `@called("report", EXAMPLES)` above the decorators of its options."""
    return lambda function: Declared(name, function, tuple(examples), parameters_of(function), with_settings)


def option(*names: str, **settings: Any) -> Decorator[Any]:
    """Declares an option of a group: `@option("--top", type=Range(1), group=OUTPUT, help="...")`."""
    return taking(Parameter(names, settings))


def argument(*names: str, **settings: Any) -> Decorator[Any]:
    """Declares an argument: `@argument("specs", nargs=-1, completes="specs")`."""
    return taking(Parameter(names, settings))


def taking(parameter: Parameter) -> Decorator[Any]:
    def decorated(function: Any) -> Any:
        function.parameters = (parameter, *parameters_of(function))
        return function

    return decorated


def parameters_of(function: Any) -> tuple[Parameter, ...]:
    """What a function has been declared to take, in the order of its decorators."""
    found: tuple[Parameter, ...] = getattr(function, "parameters", ())
    return found
