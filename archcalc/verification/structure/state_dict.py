"""The entries of `state_dict`, and their numbers of elements."""

from collections.abc import Iterator

from torch import nn

from archcalc.codegen.names import key
from archcalc.graph.graph import Graph
from archcalc.measures.params import buffers, params, trainable_params
from archcalc.verification.row import META, Row, compared, total


def structure(graph: Graph, module: nn.Module, at: str) -> Iterator[Row]:
    """Compares `state_dict` entry by entry, and the counts of parameters and buffers."""
    yield compared("state_dict: names, shapes, training", META, at, predicted(graph), measured(module), "entry")
    learned = list(module.parameters())
    names = dict(all_parameters(module))
    kept = [tensor for name, tensor in module.state_dict().items() if name not in names]
    yield total("parameters", META, at, sum(map(params, graph)), sum(p.numel() for p in learned))
    trained = sum(p.numel() for p in learned if p.requires_grad)
    yield total("trainable parameters", META, at, sum(map(trainable_params, graph)), trained)
    yield total("buffer elements", META, at, sum(map(buffers, graph)), sum(tensor.numel() for tensor in kept))


def predicted(graph: Graph) -> dict[str, str]:
    """Every entry with its shape and kind; for a shared one, also the owner."""
    owners = {f"{node.name}.{weight.name}": weight for node in graph for weight in node.weights}
    found = {}
    for node in graph:
        for weight in node.weights:
            owner = owners.get(weight.shared_with, weight)
            kind = "buffer" if weight.buffer else "trained" if owner.trainable else "frozen"
            shared = f", shared with {entry(weight.shared_with)}" if weight.shared_with else ""
            found[f"{key(node.module)}.{weight.name}"] = f"{list(weight.shape)} {kind}{shared}"
    return found


def entry(path: str) -> str:
    module, _, name = path.rpartition(".")
    return f"{key(module)}.{name}"


def measured(module: nn.Module) -> dict[str, str]:
    learned = dict(all_parameters(module))
    first: dict[int, str] = {}
    found = {}
    for name, tensor in module.state_dict().items():
        parameter = learned.get(name)
        kind = "buffer" if parameter is None else "trained" if parameter.requires_grad else "frozen"
        owner = first.setdefault(id(parameter), name) if parameter is not None else name
        shared = f", shared with {owner}" if owner != name else ""
        found[name] = f"{list(tensor.shape)} {kind}{shared}"
    return found


def all_parameters(module: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    return module.named_parameters(remove_duplicate=False)
