"""What a `.pt2` file says: its operations, inputs and weights, from the JSON in it. No weight and no pickle is read."""

import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from math import prod
from pathlib import PurePosixPath
from typing import IO, Any, TypeAlias

from archcalc.core.diagnostic import SpecError, problem
from archcalc.record import record

MOST_BYTES = 1 << 28
"""The longest JSON that is read."""

MOST_NODES = 200_000

LARGEST = 1 << 31
"""Elements along an axis; a tensor has at most its square."""


Json: TypeAlias = dict[str, Any]

DTYPES = {
    1: "uint8", 2: "int8", 3: "int16", 4: "int32", 5: "int64", 6: "float16", 7: "float32", 8: "float64", 9: "complex32",
    10: "complex64", 11: "complex128", 12: "bool", 13: "bfloat16", 28: "uint16", 29: "float8_e4m3fn", 30: "float8_e5m2",
    34: "uint32", 35: "uint64",
}  # fmt: skip
"""The names of the numbers that the format has for dtypes."""


@record
class Name:
    """An argument that refers to a value or size by its name."""

    name: str


@record
class Word:
    """An argument that is a dtype, a device, a layout or a memory format of torch, by its name there."""

    kind: str
    name: str = ""


@record
class Shape:
    """`sizes`: of a tensor; those that the file leaves free are as in the example with which it was written. `free`:
    which of them are free."""

    sizes: tuple[int, ...]
    free: tuple[bool, ...]
    dtype: str


@record
class Node:
    """One call. `modules`: the modules that it is in, outermost first, each with its class. `trace`: the file, line and
    text of the code that made it; empty if it is not known."""

    target: str
    arguments: tuple[Any, ...]
    keywords: Mapping[str, Any]
    makes: tuple[str | tuple[str, ...], ...]
    modules: tuple[tuple[str, str], ...]
    trace: tuple[str, int, str] | tuple[()]


@record
class Exported:
    """`inputs`: the names of the values that the user gives. `stored`: the value of each weight, buffer and constant,
    with its name in the module and its kind. `ties`: weights that are another one, by their names."""

    path: str
    torch: str
    nodes: Sequence[Node]
    shapes: Mapping[str, Shape]
    inputs: Sequence[str]
    stored: Mapping[str, tuple[str, str]]
    outputs: Sequence[str]
    ties: Mapping[str, str]


def damaged(path: str, why: str) -> SpecError:
    return problem("AC532", f"{path} is not a program of torch.export that can be read: {why}")


def exported_in(source: str | IO[bytes]) -> Exported:
    """What a file says. Raises SpecError if it is damaged, too long, or of another version."""
    path = source if isinstance(source, str) else "the program"
    try:
        with zipfile.ZipFile(source) as archive:
            program = document(path, archive, "models", ".json")
            weights = document(path, archive, "data/weights", "_weights_config.json", needed=False)
        return read(path, program, weights.get("config") or {})
    except (OSError, zipfile.BadZipFile, NotImplementedError, EOFError) as error:
        raise damaged(path, str(error) or type(error).__name__) from None
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, RecursionError) as error:
        raise damaged(path, f"{type(error).__name__}: {error}"[:200]) from None


def document(path: str, archive: zipfile.ZipFile, folder: str, suffix: str, needed: bool = True) -> Json:
    """The JSON file with this suffix in a folder below the top."""
    found = [
        each
        for each in archive.infolist()
        if each.filename.endswith(suffix) and str(PurePosixPath(each.filename).parent).endswith(folder)
    ]
    if not found:
        if not needed:
            return {}
        raise damaged(
            path, "it has no models/*.json, which torch writes since 2.8: save it with torch.export.save again"
        )
    if len(found) > 1:
        raise damaged(path, f"it has several programs: {', '.join(each.filename for each in found[:4])}")
    if found[0].file_size > MOST_BYTES:
        raise damaged(path, f"its program is longer than {MOST_BYTES:,} bytes")
    with archive.open(found[0]) as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise damaged(path, f"its program is longer than {MOST_BYTES:,} bytes")
    loaded = json.loads(data)
    if not isinstance(loaded, dict):
        raise ValueError("the program is no object of JSON")
    return loaded


def read(path: str, program: Json, weights: Json) -> Exported:
    graph, signature = program["graph_module"]["graph"], program["graph_module"]["signature"]
    if len(graph["nodes"]) > MOST_NODES:
        raise damaged(path, f"it has more than {MOST_NODES:,} nodes")
    inputs, stored = [], {}
    for spec in signature["input_specs"]:
        ((kind, given),) = spec.items()
        if kind == "user_input":
            inputs += [text(each["name"]) for each in (given["arg"].get("as_tensor"),) if each]
        elif kind in KINDS:
            key, group = KINDS[kind]
            stored[given["arg"]["name"]] = (path_of(given[key]), group)
    outputs = [
        text(each["user_output"]["arg"]["as_tensor"]["name"])
        for each in signature["output_specs"]
        if "as_tensor" in each.get("user_output", {}).get("arg", {})
    ]
    shapes = {name: shape_in(each) for name, each in graph["tensor_values"].items()}
    for name in (*inputs, *stored):
        if name not in shapes or (name in inputs and not shapes[name].sizes):
            raise ValueError(f"no shape of {name}")
    return Exported(
        path=path,
        torch=str(program.get("torch_version", "")),
        nodes=[node_in(each) for each in graph["nodes"]],
        shapes=shapes,
        inputs=inputs,
        stored=stored,
        outputs=outputs,
        ties=ties_in(weights),
    )


KINDS = {
    "parameter": ("parameter_name", "weight"),
    "buffer": ("buffer_name", "buffer"),
    "tensor_constant": ("tensor_constant_name", "constant"),
}
"""Kinds of inputs that the module has itself, with the key of their name."""


def ties_in(weights: Json) -> dict[str, str]:
    """Names whose data is that of an earlier name, with that name."""
    first: dict[str, str] = {}
    found = {}
    for name, each in weights.items():
        key = json.dumps([each["path_name"], each.get("tensor_meta")], sort_keys=True)
        if key in first:
            found[name] = first[key]
        first.setdefault(key, name)
    return found


def shape_in(meta: Json) -> Shape:
    sizes = [size_in(each) for each in meta["sizes"]]
    if not all(0 <= n < LARGEST for n, _ in sizes) or prod(n for n, _ in sizes) > LARGEST**2:
        raise ValueError("a size that no tensor has")
    return Shape(tuple(n for n, _ in sizes), tuple(free for _, free in sizes), DTYPES.get(meta["dtype"], "float32"))


def size_in(size: Json) -> tuple[int, bool]:
    """A size, and whether the file leaves it free."""
    if "as_int" in size:
        return int(size["as_int"]), False
    hint = (size["as_expr"].get("hint") or {}).get("as_int")
    if not isinstance(hint, int):
        raise ValueError(f"the size {size['as_expr'].get('expr_str')} has no example")
    return hint, True


def node_in(node: Json) -> Node:
    given = [(each.get("name", ""), argument_in(each["arg"]), each.get("kind")) for each in node["inputs"]]
    notes = node.get("metadata") or {}
    return Node(
        target=str(node["target"]),
        arguments=tuple(value for _, value, kind in given if kind != 2),
        keywords={name: value for name, value, kind in given if kind == 2},
        makes=tuple(made_in(each) for each in node["outputs"]),
        modules=tuple(modules_in(notes.get("nn_module_stack", ""))),
        trace=trace_in(notes.get("stack_trace", "")),
    )


def made_in(output: Json) -> str | tuple[str, ...]:
    ((kind, value),) = output.items()
    if kind == "as_tensors":
        return tuple(text(each["name"]) for each in value)
    if isinstance(value, dict):
        return str(value.get("name") or value.get("as_name") or "")
    return ""


def argument_in(argument: Json) -> Any:
    """An argument, in which values are `Name` and what only torch has is `Word`. Raises ValueError for other kinds."""
    ((kind, value),) = argument.items()
    if kind == "as_none":
        return None
    if kind in ("as_int", "as_float", "as_bool", "as_string", "as_ints", "as_floats", "as_bools", "as_strings"):
        return value
    if kind in ("as_tensor", "as_custom_obj"):
        return Name(text(value["name"]))
    if kind in ("as_tensors", "as_nested_tensors"):
        return [Name(text(each["name"])) for each in value]
    if kind in ("as_optional_tensor",):
        return argument_in(value)
    if kind == "as_optional_tensors":
        return [argument_in(each) for each in value]
    if kind in ("as_sym_int", "as_sym_bool", "as_sym_float"):
        return symbol_in(value)
    if kind in ("as_sym_ints", "as_sym_bools", "as_sym_floats"):
        return [symbol_in(each) for each in value]
    if kind == "as_scalar_type":
        return Word("dtype", DTYPES.get(value, "float32"))
    if kind in ("as_device", "as_layout", "as_memory_format"):
        return Word(kind.removeprefix("as_"))
    if kind in ("as_int_lists", "as_float_lists"):
        return value
    raise ValueError(f"an argument of the kind {kind}")


def path_of(name: Any) -> str:
    """A name of a weight. Raises ValueError if it is none."""
    if not all(text(name).split(".")):
        raise ValueError("a name with an empty part")
    return text(name)


def text(name: Any) -> str:
    """A name of a value. Raises ValueError if it is none."""
    if not isinstance(name, str):
        raise ValueError("a name that is no text")
    return name


def symbol_in(value: Json) -> Any:
    return Name(text(value["as_name"])) if "as_name" in value else next(iter(value.values()))


def modules_in(stack: str) -> Iterator[tuple[str, str]]:
    """The modules in `key,path,class;key,path,class`."""
    for each in stack.split(";"):
        _, _, rest = each.partition(",")
        path, _, kind = rest.rpartition(",")
        if kind:
            yield path, kind.rpartition(".")[2]


def trace_in(trace: str) -> tuple[str, int, str] | tuple[()]:
    """The innermost line of code outside torch."""
    found: tuple[str, int, str] | tuple[()] = ()
    lines = trace.splitlines()
    for line, text in zip(lines, [*lines[1:], ""], strict=True):
        parts = line.strip().split('"')
        if len(parts) == 3 and parts[0] == "File " and "/torch/" not in parts[1]:
            number = parts[2].removeprefix(", line ").partition(",")[0]
            if number.isdigit() and int(number) < 1_000_000:
                found = (parts[1], int(number), text.strip())
    return found
