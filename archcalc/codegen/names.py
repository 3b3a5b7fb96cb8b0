"""Names in generated source: names of the spec, made valid as Python identifiers and module attributes."""

import builtins
import keyword
import re
from collections.abc import Collection, Iterable

TAKEN = frozenset((
    "T_destination", "add_module", "apply", "bfloat16", "buffers", "call_super_init", "children", "compile", "cpu",
    "cuda", "double", "dump_patches", "eval", "extra_repr", "float", "forward", "get_buffer", "get_extra_state",
    "get_parameter", "get_submodule", "half", "ipu", "load_state_dict", "modules", "mtia", "named_buffers",
    "named_children", "named_modules", "named_parameters", "parameters", "register_backward_hook",
    "register_buffer", "register_forward_hook", "register_forward_pre_hook", "register_full_backward_hook",
    "register_full_backward_pre_hook", "register_load_state_dict_post_hook", "register_load_state_dict_pre_hook",
    "register_module", "register_parameter", "register_state_dict_post_hook", "register_state_dict_pre_hook",
    "requires_grad_", "set_extra_state", "set_submodule", "share_memory", "state_dict", "to", "to_empty", "train",
    "training", "type", "xpu", "zero_grad", "self", "torch", "nn", "F", "Tensor", "super", "range", "tuple", "int",
))  # fmt: skip
"""Attributes of torch.nn.Module, and names that the source itself uses. Layers cannot have these names."""


CALLED = "checkpoint"
"""The function that a `forward` may call by its bare name."""


def attribute(name: str) -> str:
    """One part of a layer's path as an attribute. Different names stay different.

    >>> attribute("conv1"), attribute("train"), attribute("train_"), attribute("lambda"), attribute("0")
    ('conv1', 'train_', 'train__', 'lambda_', '0')
    """
    base = name.rstrip("_")
    less = {base + "_" * i for i in range(len(name) - len(base) + 1)}
    return f"{name}_" if less & TAKEN or keyword.iskeyword(base) or name.startswith("_") else name


def key(path: str) -> str:
    """The prefix in `state_dict` of the layer at a path."""
    return ".".join(map(attribute, path.split(".")))


def access(path: str) -> str:
    """A path as Python code.

    >>> access("layer3.0.conv1")
    'layer3[0].conv1'
    """
    return re.sub(r"(^|\.)(\d+)(?=\.|$)", r"[\2]", key(path))


def words(text: str) -> list[str]:
    return re.findall(r"[A-Za-z0-9]+", text)


def class_name(text: str) -> str:
    """A class name in CapWords.

    >>> class_name("ResNet-50"), class_name("LeNet-5 (1998)"), class_name("bottleneck"), class_name("3 layers")
    ('ResNet50', 'LeNet5_1998', 'Bottleneck', 'Network3Layers')
    """
    name = ""
    for word in words(text):
        joint = "_" if name[-1:].isdigit() and word[0].isdigit() else ""
        name += joint + word[0].upper() + word[1:]
    if not name or name[0].isdigit():
        name = f"Network{name}"
    return f"{name}_" if keyword.iskeyword(name) else name


def variable(path: str) -> str:
    """A variable for the output of a layer: the layer's name without its block's, never a builtin.

    >>> variable("layer1.0"), variable("stem.conv1"), variable("input")
    ('y0', 'conv1', 'input_')
    """
    name = attribute(path.rpartition(".")[2])
    if hasattr(builtins, name) or name == CALLED:
        return f"{name}_"
    return f"y{name}" if name[0].isdigit() else name


def unlike(name: str, others: Collection[str]) -> str:
    """The name, with a number if it is taken.

    >>> unlike("conv", ()), unlike("conv", {"conv", "conv2"})
    ('conv', 'conv3')
    """
    number = 2
    tried = name
    while tried in others:
        tried, number = f"{name}{number}", number + 1
    return tried


class Distinct:
    """Makes names different from those taken and from each other; numbers are counted on, not tried anew."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self.taken = set(taken)
        self.numbers: dict[str, int] = {}

    def claim(self, name: str) -> str:
        """The name, with a number where others have it; it is taken then."""
        tried, number = name, self.numbers.get(name, 2)
        while tried in self.taken:
            tried, number = f"{name}{number}", number + 1
        self.taken.add(tried)
        self.numbers[name] = number
        return tried


def all_unlike(names: Iterable[str], taken: Iterable[str] = ()) -> list[str]:
    """Each name, made different from earlier names and from `taken`."""
    return list(map(Distinct(taken).claim, names))
