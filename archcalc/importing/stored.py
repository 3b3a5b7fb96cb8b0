"""What a module of torch stores: its weights and buffers, also those in plain lists, of which torch does not know."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.utils import _pytree as pytree

from archcalc.importing.program import Plain, Stored

DEEPEST = 4
"""How deep lists in lists are looked into."""

OWN = frozenset(vars(nn.Module()))
"""Attributes that every module has."""


def modules_of(model: nn.Module) -> dict[str, nn.Module]:
    """Every module by its path; also those in a list, tuple or mapping of Python, which torch does not know."""
    found: dict[str, nn.Module] = {}
    known: set[int] = set()
    waiting = [("", model)]
    while waiting:
        prefix, root = waiting.pop(0)
        for path, module in root.named_modules(prefix=prefix):
            if id(module) not in known:
                known.add(id(module))
                found[path] = module
        for path, module in root.named_modules(prefix=prefix):
            waiting += [
                pair for pair in held(path, module) if isinstance(pair[1], nn.Module) and id(pair[1]) not in known
            ]
    return found


def held(path: str, module: nn.Module) -> Iterator[tuple[str, Any]]:
    """The modules and parameters in the plain lists of a module, with their paths."""
    for name, value in vars(module).items():
        if name not in OWN and isinstance(value, list | tuple | dict):
            yield from inside(f"{path}.{name}" if path else name, value, DEEPEST)


def inside(path: str, value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    if isinstance(value, nn.Module | nn.Parameter):
        yield path, value
    elif isinstance(value, list | tuple | dict) and depth:
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from inside(f"{path}.{key}", each, depth - 1)


def settings_of(module: nn.Module) -> dict[str, Plain]:
    """The attributes of a module that are numbers, words, truths, lists of whole numbers or of such lists, or nothing;
    none of a module of torch."""
    if type(module).__module__.startswith("torch.nn"):
        return {}
    pairs = vars(module).items()
    return {name: each for name, each in pairs if name not in OWN and is_plain(each)}


def is_plain(value: object) -> bool:
    if isinstance(value, tuple):
        return all(type(each) is int or (isinstance(each, tuple) and is_plain(each)) for each in value)
    return value is None or isinstance(value, bool | int | float | str)


def named_tensors(model: nn.Module) -> dict[str, Tensor]:
    """Every weight and buffer by each of its names."""
    found: dict[str, Tensor] = {}
    for path, module in modules_of(model).items():
        prefix = f"{path}." if path else ""
        for part in (module.named_parameters, module.named_buffers):
            for name, tensor in part(prefix="", recurse=False, remove_duplicate=False):
                found[prefix + name] = tensor
        found |= {name: each for name, each in held(path, module) if isinstance(each, nn.Parameter)}
    twice = (*model.named_parameters(remove_duplicate=False), *model.named_buffers(remove_duplicate=False))
    return dict(twice) | {name: each for name, each in found.items() if name not in dict(twice)}


def stored_in(model: nn.Module, tensors: Mapping[str, Tensor]) -> dict[str, Stored]:
    """The weights and buffers by their first names, learned ones first."""
    names: dict[int, list[str]] = {}
    for name, tensor in tensors.items():
        names.setdefault(id(tensor), []).append(name)
    known = {id(each) for each in (*model.parameters(), *model.buffers())}
    left_out = set(unsaved(model))
    found = {}
    for tensor in dict(zip(map(id, tensors.values()), tensors.values(), strict=True)).values():
        alike = tuple(names[id(tensor)])
        learned = isinstance(tensor, nn.Parameter)
        found[alike[0]] = Stored(
            tuple(tensor.shape),
            dtype_of(tensor),
            alike,
            buffer=not learned,
            registered=id(tensor) in known,
            frozen=learned and tensor.is_floating_point() and not tensor.requires_grad,
            saved=not left_out.issuperset(alike),
        )
    return dict(sorted(found.items(), key=lambda pair: pair[1].buffer))


def unsaved(model: nn.Module) -> Iterator[str]:
    """The buffers that are in no `state_dict`."""
    for path, module in modules_of(model).items():
        yield from (f"{path}.{name}" if path else name for name in module._non_persistent_buffers_set)


def dtype_of(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def initialized(model: nn.Module, args: Any, kwargs: Any) -> nn.Module:
    """A model whose lazy modules have their sizes: itself if there are none, else a copy that ran once on zeros."""
    lazy = [each for each in (*model.parameters(), *model.buffers()) if is_lazy(each)]
    if not lazy:
        return model
    known = {
        id(each): cast(Any, type(each))(requires_grad=False, device=each.device, dtype=each.dtype) for each in lazy
    }
    model, device = copy.deepcopy(model, known).eval(), lazy[0].device  # torch copies no buffer without a size itself

    def zeros(each: Tensor) -> Tensor:
        return torch.zeros((1, *each.shape[1:]), dtype=each.dtype, device=device)

    args, kwargs = pytree.tree_map_only(Tensor, zeros, (args, kwargs))
    with torch.no_grad():
        model(*args, **kwargs)
    return model
