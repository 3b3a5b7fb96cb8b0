"""Closed forms, in process: building them, and solving for budgets."""

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from archcalc import closed_form, load
from archcalc.closed_forms.budget import budgets
from archcalc.closed_forms.solve import satisfying
from archcalc.core.dim import Dim, free, summed
from archcalc.graph.graph import Graph
from archcalc.sym import expr
from archcalc.sym.expr import Claim, Expr, expression
from archcalc.sym.periodic import PeriodicSet

ROUNDS = 15


def median_of(work: Callable[[], object]) -> float:
    """Milliseconds."""
    taken = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begin)
    return 1000 * statistics.median(taken)


def symbolic(graph: Graph) -> Dim:
    """Every volume with H and W free, and the MACs, computed without caches."""
    expr.floor_div.cache_clear()
    expr.volume.cache_clear()
    volumes = {each.name: replace(each.volume, spatial=(free("H"), free("W"))) for each in graph.inputs}
    known: dict[object, tuple[object, Dim]] = {}
    counts = []
    for node in graph:
        inputs = tuple(volumes[source] for source in node.sources)
        found = known.get((node.layer, inputs))
        if found is None:
            y = node.layer.shape(*inputs)
            found = known[node.layer, inputs] = (y, node.layer.ops(y, *inputs).mac)
        volumes[node.name], count = found  # type: ignore[assignment]
        counts.append(count)
    return summed(counts)


def operations(whole: Expr) -> int:
    """Additions, multiplications and divisions, each floor once."""
    seen: set[object] = set()

    def of(part: Expr) -> int:
        made = max(0, len(part.terms) - 1)
        for monomial, c in part.terms.items():
            factors = sum(k for _, k in monomial) + (abs(c) != 1 or not monomial)
            made += factors - 1
            for atom, _ in monomial:
                if atom not in seen:
                    seen.add(atom)
                    made += sum(map(of, atom.parts())) + bool(atom.parts())
        return made

    return of(whole)


def main() -> None:
    print(f"in process, median of {ROUNDS} rounds: every volume and the MACs, H and W free")
    for name, spec in {"ResNet-50": "resnet50", "DenseNet-201": "densenet121@densenet201"}.items():
        graph = load(spec)
        total = expression(symbolic(graph))
        print(f"{median_of(partial(symbolic, graph)):9.2f} ms  {name}: {operations(total)} operations")
    print("largest value within a budget, from the closed form")
    for symbol, where, step in (("N", "output_bytes <= 24GiB", 1), ("w", "params <= 5M", 1), ("H", "macs <= 10G", 32)):
        graph = load("resnet50", free=[symbol])
        [budget] = budgets((where,), graph)
        [case] = budget.cases
        assert isinstance(case.claim, Claim)
        domain = PeriodicSet.modulo(step, [0])
        work = partial(satisfying, case.claim, symbol, domain, {})
        best = work().allowed.bounds()
        print(f"{median_of(work):9.2f} ms  {symbol}: {where} (from {best[0]} to {best[1]})" if best else "none")
    whole = median_of(lambda: closed_form(load("resnet50", free=["H", "W"]), "macs"))
    print(f"{whole:9.1f} ms  spec to formula, ResNet-50")


if __name__ == "__main__":
    main()
