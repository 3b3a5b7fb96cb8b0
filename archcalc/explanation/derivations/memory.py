"""Memory: the bytes of the layer's output and of its parameters."""

from collections.abc import Iterator

import archcalc.measures  # noqa: F401  every file in it registers itself
from archcalc.core.volume import ITEMSIZE
from archcalc.explanation.derivation import Part, Subject, derivation, step
from archcalc.explanation.tracing import Derived, named, written
from archcalc.explanation.written import tree_of
from archcalc.measure import MEASURES


@derivation("Memory", 60)
def memory(subject: Subject) -> Iterator[Part]:
    node = subject.node
    y = node.output
    samples = "for all samples" if y.shared else "1 sample" if y.batch == 1 else f"a batch of N = {y.batch:,}"
    found = subject.trace.derive(MEASURES["output_bytes"].of)
    yield step("output", found, unit="bytes", note=f"{samples}, {y.dtype}: {ITEMSIZE[y.dtype]} bytes per element")
    known = MEASURES["param_bytes"].of(node)
    if known:
        yield step("parameters", parameter_bytes(subject, known), unit="bytes")


def parameter_bytes(subject: Subject, known: int) -> Derived:
    """The parameters times the item size, if all weights have the same item size."""
    params = MEASURES["params"].of(subject.node)
    made = written(tree_of(named("params", params) * (known // params)))
    return made if made.result == known else Derived(known)
