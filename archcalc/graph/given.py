"""What every function of the Python interface takes as a network, and its graph or document.

A graph, the name or path of a spec or another reference, or whatever has a graph: a report, an import.
"""

from collections.abc import Collection
from os import PathLike
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

from archcalc.core.catalogue import Late
from archcalc.graph.graph import Graph
from archcalc.graph.loading import document_of, gc_paused, load
from archcalc.spec.declaration import Document

if TYPE_CHECKING:
    from archcalc.graph import freeing
else:
    freeing = Late("archcalc.graph.freeing")


@runtime_checkable
class HasGraph(Protocol):
    """A report, or a network that was read from code."""

    @property
    def graph(self) -> Graph:
        """The layer graph."""


Network: TypeAlias = Graph | str | PathLike[str] | HasGraph


def loaded(network: Network, free: Collection[str] | None = None, dtype: str = "float32") -> Graph:
    """The graph of a network. `free`: names to make free symbols, as in `load`; None leaves a graph as it is. `dtype`:
    that of a spec; a graph has its own.

    Raises TypeError for what is no network, SpecError for a spec that cannot be read.
    """
    if isinstance(network, str | PathLike):
        return load(network, free=free, dtype=dtype)
    graph = graph_of(network)
    if free is None:
        return graph
    batch = graph.inputs[0].volume.batch if graph.inputs else 1
    with gc_paused():
        number = batch if isinstance(batch, int) else 1
        return freeing.with_free(document_in(graph), free, batch=number, dtype=graph.dtype)


def loaded_free(network: Network, free: Collection[str] | None = None) -> Graph:
    """The graph of a network with free symbols: a graph as it is; of a spec, what `free` names, or else the axes of its
    inputs."""
    if isinstance(network, str | PathLike) and free is None:
        with gc_paused():
            return freeing.with_free(document_of(str(network)))
    return loaded(network, free)


def loaded_with(network: Network, symbol: str) -> Graph:
    """The graph of a network with a free symbol: a graph that has symbols as it is.

    Raises ValueError if it lacks the symbol, SpecError if nothing of that name can be free.
    """
    graph = None if isinstance(network, str | PathLike) else graph_of(network)
    if graph is None or not graph.symbols:
        return loaded(network, (symbol,))
    if symbol not in graph.symbols:
        raise ValueError(f"{symbol!r} is no free symbol of {graph.name}; it has {', '.join(graph.symbols)}")
    return graph


def loaded_in_numbers(network: Network) -> Graph:
    """The graph of a network without free symbols. Raises ValueError if it has some."""
    graph = loaded(network)
    if graph.symbols:
        raise ValueError(f"{graph.name or 'the network'} has free symbols, {', '.join(graph.symbols)}: give numbers")
    return graph


def document_given(network: Network | Document) -> Document:
    """The document of a network, which can be built again with other sizes."""
    if isinstance(network, Document):
        return network
    if isinstance(network, str | PathLike):
        return document_of(str(network))
    return document_in(graph_of(network))


def graph_of(network: Any) -> Graph:
    """The graph of what is no name."""
    if isinstance(network, Graph):
        return network
    if isinstance(network, HasGraph) and isinstance(network.graph, Graph):
        return network.graph
    if hasattr(network, "state_dict") and hasattr(network, "forward"):
        raise TypeError(
            f"{type(network).__name__} is a module of torch, which does not say the size of its input; "
            "give archcalc.from_torch(module, example) in its place"
        )
    raise TypeError(
        f"a network is a graph, the name or path of a spec, a report or an import; got {type(network).__name__}"
    )


def document_in(graph: Graph) -> Document:
    if graph.document is None:
        raise TypeError(f"{graph!r} was not built from a spec")
    return graph.document
