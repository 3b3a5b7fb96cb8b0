"""Modules from references: code is imported and called, with the rights of whoever runs archcalc."""

import importlib
import importlib.util
import inspect
import re
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from archcalc.core.diagnostic import SpecError, did_you_mean, problem
from archcalc.core.location import Location, Source
from archcalc.importing.program import BATCH
from archcalc.importing.reference import CodeReference, Given

TORCH = str(Path(torch.__file__).parent)
OURS = str(Path(__file__).parent)
PYTHON = sysconfig.get_path("stdlib")


def module_of(reference: CodeReference, config: str = "", with_values: bool = False) -> nn.Module:
    """The module that a reference builds, without values where its constructor allows it, unless they are needed.

    `config`: a configuration file of a class of transformers. Raises SpecError with the place in the user's code.
    """
    home = imported(reference)
    made = attribute(home, reference)
    if isinstance(made, nn.Module):
        return made
    if not callable(made):
        raise problem("AC500", f"{reference} is neither a module of torch nor something that builds one")
    given = dict(reference.arguments)
    positional = [configuration(made, config)] if config else []
    with reported_as(f"{reference.name} cannot be built", made):
        built = without_storage(lambda: made(*positional, **given), with_values)
    if not isinstance(built, nn.Module):
        raise problem("AC500", f"{reference} gives {type(built).__name__}, which is no module of torch")
    return built


class Storage(TorchFunctionMode):
    """Tensors are made without values, except counts, tables of constants and the like, which code may read."""

    def __torch_function__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if func in FACTORIES and kwargs.get("device") is None:
            whole = str(kwargs.get("dtype", "")).startswith("torch.int")
            kwargs["device"] = "cpu" if func in CONSTANT_FACTORIES or whole else "meta"
        return func(*args, **kwargs)


CONSTANT_FACTORIES = frozenset((torch.arange, torch.linspace, torch.logspace, torch.tensor))

FACTORIES = CONSTANT_FACTORIES | {
    torch.empty, torch.zeros, torch.ones, torch.full, torch.rand, torch.randn, torch.randint, torch.eye, torch.randperm,
}  # fmt: skip
"""Functions that make tensors."""


def without_storage(build: Callable[[], Any], with_values: bool = False) -> Any:
    """What a constructor builds: with values of constants alone, else with none, else with all."""
    for place in () if with_values else (Storage(), torch.device("meta")):
        try:
            with place:
                return build()
        except (NotImplementedError, RuntimeError, TypeError):  # it reads values of a tensor that it makes
            continue
    with torch.device("cpu"):
        return build()


def imported(reference: CodeReference) -> ModuleType:
    """The module that holds the name."""
    with reported_as(f"{reference.home} cannot be imported", None):
        if not reference.is_file:
            here = str(Path.cwd())
            if here not in sys.path:
                sys.path.insert(0, here)
            return importlib.import_module(reference.home)
        path = Path(reference.home)
        if not path.is_file():
            raise problem("AC500", f"there is no file {reference.home}")
        return from_file(path.resolve())


def from_file(path: Path) -> ModuleType:
    """The module in a file; as a part of its package if it imports its neighbours: `from .layers import Block`."""
    depth = len(packages(path))
    while depth <= len(path.parts) - 2:
        root = path.parents[depth]
        if str(root) not in sys.path:
            sys.path.insert(0, str(root))
        try:
            return (
                importlib.import_module(".".join(path.relative_to(root).with_suffix("").parts))
                if depth
                else alone(path)
            )
        except ImportError as error:
            if "attempted relative import" not in str(error):
                raise
            depth += 1
    raise ImportError(f"{path.name} imports from above all of its folders")


def packages(path: Path) -> list[Path]:
    """The folders around a file that are packages."""
    found: list[Path] = []
    for folder in path.parents:
        if not (folder / "__init__.py").is_file():
            return found
        found.append(folder)
    return found


def alone(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = made
    spec.loader.exec_module(made)
    return made


def attribute(home: ModuleType, reference: CodeReference) -> Any:
    found: Any = home
    for part in reference.name.split("."):
        if not hasattr(found, part):
            names = [each for each in dir(found) if not each.startswith("_")]
            help = did_you_mean(part, names)
            raise problem("AC500", f"{reference.home} has no '{part}'", help=help)
        found = getattr(found, part)
    return found


def configuration(made: Any, path: str) -> Any:
    """A configuration of transformers from its file, without a cache of keys and values."""
    kind = getattr(made, "config_class", None)
    if kind is None:
        raise problem("AC500", f"{made.__name__} takes no configuration file", help="leave out --config")
    config = kind.from_json_file(path)
    if hasattr(config, "use_cache"):
        config.use_cache = False
    return config


# --- inputs -------------------------------------------------------------------------------------------------------


def example_of(model: nn.Module, given: Sequence[Given]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The inputs by position and by name, one sample each. Raises SpecError if there are none, or too many."""
    parameters = inspect.signature(model.forward).parameters
    names = [
        name for name, each in parameters.items() if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
    ]
    if not given:
        takes = ", ".join(map(str, parameters.values()))
        raise problem(
            "AC501",
            f"{type(model).__name__} needs an input: its forward takes ({takes})",
            help="write --input 3,224,224 for its first argument, or --input name=3,64,64 for one of them",
        )
    positional: dict[str, Any] = {}
    keywords: dict[str, Any] = {}
    for i, each in enumerate(given):
        dtype = getattr(torch, each.dtype)
        tensor = torch.empty((1, *each.shape), dtype=dtype, device="meta")
        if each.name:
            keywords[each.name] = tensor
        else:
            positional[names[i] if i < len(names) else f"input{i}"] = tensor
    return positional, keywords


class Reached(Exception):
    """A module was called, with these arguments."""

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        super().__init__("reached")
        self.given = args, kwargs


# --- errors of the user's code ------------------------------------------------------------------------------------


@contextmanager
def reported_as(message: str, made: Any) -> Iterator[None]:
    """Turns an exception of the user's code into a diagnostic that holds its own traceback."""
    try:
        yield
    except (SpecError, Reached):
        raise
    except (Exception, SystemExit) as error:
        raise their_error(error, message, made) from None


def their_error(error: BaseException, message: str, made: Any = None) -> SpecError:
    """What the user's code raised: where, in its own words, and the calls that led there."""
    frames = [each for each in traceback.extract_tb(error.__traceback__) if is_theirs(each.filename)]
    where = place_of(frames[-1]) if frames else None
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        where = place(error.filename, error.lineno, (error.offset or 1) - 1, error.offset or 1)
    said = (error.msg if isinstance(error, SyntaxError) else str(error)).strip().splitlines() or [""]
    notes = [f"called from {each.filename}:{each.lineno}, in {each.name}" for each in frames[:-1]]
    if without_values(error):
        return problem(
            "AC520",
            "the network reads a value to decide what to do next, and a run without values has none",
            where,
            notes=[f"{type(error).__name__}: {said[0]}", *notes],
            help="--run-on cpu follows what one example decides (from_torch: run_on='cpu'); --until MODULE imports the "
            "part before this",
        )
    notes += batches_in(said[0])
    help = signature_help(made) if isinstance(error, TypeError) else ""
    if isinstance(error, SystemExit):
        help = "it ends the program: put what a script does under `if __name__ == '__main__':`"
    return problem("AC500", f"{message}: {type(error).__name__}: {said[0]}", where, notes=notes, help=help)


def batches_in(said: str) -> list[str]:
    """Why a message has numbers that are not in the code: the run has a batch of its own."""
    whole = [int(each) for each in re.findall(r"\d{4,12}", said)]
    folded = dict.fromkeys(each for each in whole if each and each % BATCH == 0)
    shown = ", ".join(f"{each} is {each // BATCH} for each sample" for each in folded if each != BATCH)
    return [f"the run has a batch of {BATCH} samples" + (f": {shown}" if shown else "")] if folded else []


def is_theirs(file: str) -> bool:
    """Whether a file is neither torch's, nor ours, nor Python's own."""
    own = file.startswith((TORCH, OURS, "<frozen")) or "importlib" in file
    return not own and not (file.startswith(PYTHON) and "-packages" not in file)


NEEDS_VALUES = ("meta tensor", "'Meta' backend", "data-dependent", "data-independent", "but got 1D meta")
"""What torch says where an operation needs values."""


def without_values(error: BaseException) -> bool:
    """Whether an operation needs values that a tensor without storage does not have."""
    return any(each in str(error) for each in NEEDS_VALUES)


def signature_help(made: Any) -> str:
    try:
        return f"it takes {inspect.signature(made)}" if made is not None else ""
    except (TypeError, ValueError):
        return ""


def place_of(frame: traceback.FrameSummary) -> Location | None:
    """Where a call stands, as far as it is on one line."""
    if frame.lineno is None:
        return None
    return place(
        frame.filename, frame.lineno, frame.colno, frame.end_colno if frame.end_lineno == frame.lineno else None
    )


def place(file: str, number: int, begin: int | None, end: int | None) -> Location | None:
    """A part of a line of a file, whose numbers begin at 1; its columns begin at 0. Without them, all of the line."""
    if not Path(file).is_file():
        return None
    source = Source(file, Path(file).read_text(errors="replace"))
    line = source.line(number - 1)
    first = len(line) - len(line.lstrip()) if begin is None else begin
    return Location(source, number - 1, first, max(1, (len(line) if end is None else end) - first))


def versions(reference: CodeReference) -> Mapping[str, str]:
    """The versions of torch and of the library that the code is from."""
    top = sys.modules.get(reference.home.partition(".")[0])
    found = {"torch": str(torch.__version__)}
    if not reference.is_file and (version := getattr(top, "__version__", None)):
        found[reference.home.partition(".")[0]] = str(version)
    return found
