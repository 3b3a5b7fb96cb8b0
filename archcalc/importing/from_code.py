"""A network in code, from its reference to what was imported."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from archcalc.core.diagnostic import did_you_mean, problem
from archcalc.importing.building import Reached, example_of, module_of, reported_as, versions, without_values
from archcalc.importing.guest import guest
from archcalc.importing.imported import CPU, META, imported_at_sizes
from archcalc.importing.network import Imported
from archcalc.importing.reference import CodeReference, Given
from archcalc.importing.tape import marked


def network_in(
    reference: CodeReference,
    inputs: Sequence[Given],
    *,
    config: str = "",
    until: str = "",
    source: str = "",
    blocks: bool = True,
    run_on: str = META,
) -> Imported:
    """Builds and runs a network. `until`: the path of a module inside it, which is imported instead. `run_on`: `meta`,
    without values, or `cpu`, with the weights of the constructor and random inputs, the same in each run.

    Raises SpecError with the place in the user's code if it cannot be followed.
    """
    with guest(reference.home):
        torch.manual_seed(0)
        model = module_of(reference, config, with_values=run_on == CPU).eval()
        positional, keywords = example_of(model, inputs)
        if run_on == CPU:
            positional, keywords = pytree.tree_map_only(Tensor, random, (positional, keywords))
        name = reference.name
        if until:
            name = f"{name}.{until}"
            model, positional, keywords = inside(model, until, positional, keywords)
        about = [
            f"imported from {reference} with {', '.join(f'{name} {n}' for name, n in versions(reference).items())}"
        ]
        if run_on == CPU:
            about.append(
                "run with values: what depends on them holds for one random input and the constructor's weights"
            )
        return imported_at_sizes(model, positional, keywords, name, source, about, blocks, run_on)


def random(each: Tensor) -> Tensor:
    """From 0 to 1, as pictures; whole numbers are 0 or 1, which every table has, and one for each sample is 1, which is
    a length, too."""
    if each.is_floating_point():
        return torch.rand(each.shape, dtype=each.dtype)
    return torch.randint(int(each.dim() == 1), 2, each.shape, dtype=each.dtype)


def inside(
    model: nn.Module, path: str, inputs: dict[str, Any], keywords: dict[str, Any]
) -> tuple[nn.Module, dict[str, Any], dict[str, Any]]:
    """A module of a model, and what it is called with when the model runs on these inputs.

    Where the model reads values before, it runs on zeros of the processor; inputs with values are used as they are.
    """
    modules = dict(model.named_modules())
    if path not in modules:
        help = did_you_mean(path, modules) or f"its modules are {', '.join(sorted(modules)[1:9])} ..."
        raise problem("AC500", f"{type(model).__name__} has no module '{path}'", help=help)
    args, kwargs = arguments_at(model, modules[path], inputs, keywords, path)
    return modules[path], {f"input{i}": each for i, each in enumerate(args)}, kwargs


def arguments_at(
    model: nn.Module, target: nn.Module, inputs: dict[str, Any], keywords: dict[str, Any], path: str
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    def stop(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        raise Reached(args, kwargs)

    hook = target.register_forward_pre_hook(stop, with_kwargs=True, prepend=True)
    try:
        with torch.no_grad(), reported_as(f"{type(model).__name__} cannot run", model.forward):
            if all(each.device.type != "meta" for each in pytree.tree_leaves((inputs, keywords))):
                model(*inputs.values(), **keywords)
            try:
                model.to("meta")(*map(marked, inputs.values()), **{key: marked(each) for key, each in keywords.items()})
            except Exception as error:
                if isinstance(error, Reached) or not without_values(error):
                    raise
                model.to_empty(device="cpu")
                model(*zeros(list(inputs.values())), **zeros(keywords))
    except Reached as reached:
        return reached.given
    finally:
        hook.remove()
    raise problem("AC500", f"{type(model).__name__} ran without calling its module '{path}'")


def zeros(tree: Any) -> Any:
    """Zeros of the processor, one sample each."""
    return pytree.tree_map_only(Tensor, lambda each: torch.zeros((1, *each.shape[1:]), dtype=each.dtype), tree)
