"""Inverse questions: every answer against trying all values, and as people see it."""

import io
import json
import random
from collections.abc import Mapping
from contextlib import redirect_stdout
from functools import cache

import pytest

from archcalc import measures  # noqa: F401  every file in it registers itself
from archcalc.closed_forms.budget import budgets
from archcalc.closed_forms.feasibility import feasible
from archcalc.closed_forms.solve import Answer, answer, exactly, solve
from archcalc.command import run
from archcalc.core.diagnostic import SpecError
from archcalc.core.location import Source
from archcalc.graph.builder import build
from archcalc.graph.freeing import with_free
from archcalc.graph.graph import Graph
from archcalc.graph.loading import load
from archcalc.measure import MEASURES
from archcalc.measures.receptive_field import receptive_fields
from archcalc.spec.document import read_document
from archcalc.sym.decide import Effort, Undecided, size_of
from archcalc.sym.expr import Claim, largest, symbol
from archcalc.sym.periodic import PeriodicSet
from tests.goldens import assert_golden
from tests.networks.zoo import document

NETWORK = """
archcalc: 1
params: {w: 8, depths: [2, 3]}
input: [3, 32, 32]
blocks:
  unit(c):
    - add:
        - conv(3, c, p1) -> relu
        - prev
layers:
  - conv(5, w, s2) -> maxpool(2)
  - a = unit(w) * depths[0]
  - conv(3, 2*w, s2, p1)
  - b = unit(2*w) * (depths[1] - 1)
  - gap -> fc(10)
"""

SPEC = read_document(Source("net.yaml", NETWORK))


def asked(symbol: str, *where: str, most: int | None = None) -> Answer:
    graph = with_free(SPEC, [symbol])
    name = symbol.replace("[", "_").replace("]", "")
    return answer(graph, name, budgets(where, graph), within=PeriodicSet.interval(1, most))


@cache
def numeric(symbol: str, value: int) -> Graph | None:
    """The network with a number for the symbol; None where it is refused."""
    try:
        if symbol in "HW":
            size = (3, value, 32) if symbol == "H" else (3, 32, value)
            return build(SPEC, sizes={"input": size})
        if symbol == "N":
            return build(SPEC, batch=value)
        text = NETWORK.replace("w: 8", f"w: {value}") if symbol == "w" else listed(symbol, value)
        return build(read_document(Source("net.yaml", text)))
    except SpecError:
        return None


def listed(symbol: str, value: int) -> str:
    entries = [str(value), "3"] if symbol == "depths[0]" else ["2", str(value)]
    return NETWORK.replace("depths: [2, 3]", f"depths: [{', '.join(entries)}]")


def cost(graph: Graph, name: str) -> int:
    return MEASURES[name].total(graph)


@pytest.mark.parametrize("symbol", ["H", "W", "N", "w", "depths[0]", "depths[1]"])
@pytest.mark.parametrize("measure", ["params", "macs", "output_bytes", "scalar"])
def test_a_budget_has_the_values_that_trying_finds(symbol: str, measure: str) -> None:
    networks = {value: numeric(symbol, value) for value in range(1, 61)}
    costs = {value: cost(graph, measure) for value, graph in networks.items() if graph}
    pick = random.Random(0)
    for _ in range(6):
        limit = pick.choice(list(costs.values())) + pick.randint(-1, 1)
        for sign in ("<=", "<", ">=", ">", "==", "!="):
            found = asked(symbol, f"{measure} {sign} {limit}", most=60)
            tried = [value for value, amount in costs.items() if holds(amount, sign, limit)]
            assert [n for n in range(1, 61) if n in found.allowed] == tried
            assert found.best == (max(tried) if tried else None)
            if found.best is not None and found.fails is not None:
                assert found.fails in set(costs) - set(tried)
                assert found.costs(found.best) == {measure: costs[found.best]}


def holds(amount: int, sign: str, limit: int) -> bool:
    return {
        "<=": amount <= limit,
        "<": amount < limit,
        ">=": amount >= limit,
        ">": amount > limit,
        "==": amount == limit,
        "!=": amount != limit,
    }[sign]


@pytest.mark.parametrize("symbol", ["H", "N", "w", "depths[0]", "depths[1]"])
def test_free_parameters_have_the_values_that_numbers_give(symbol: str) -> None:
    graph = with_free(SPEC, [symbol])
    [name] = graph.symbols
    for value in (*range(1, 20), 100):
        plain = numeric(symbol, value)
        if plain is None:
            continue
        for measure in ("params", "macs", "flops", "output_bytes", "buffers", "operations", "fvcore", "netscope"):
            assert at(MEASURES[measure].total(graph), {name: value}) == cost(plain, measure), (measure, value)


def at(form: object, values: Mapping[str, int]) -> object:
    return form.at(**values) if hasattr(form, "at") else form


@pytest.mark.parametrize("depth", [2, 9, 36])
def test_the_receptive_field_has_a_budget(depth: int) -> None:
    deepest = load("resnet50", settings={"depths": f"[3, 4, {depth}, 3]"})
    size = max(fields[0].size for fields in receptive_fields(deepest).values() if not fields[0].whole)
    graph = load("resnet50", free=("depths[2]",))
    found = answer(graph, "depths_2", budgets((f"receptive_field <= {size}",), graph))
    assert (depth in found.allowed, depth + 1 in found.allowed) == (True, False)


def test_how_an_answer_was_found_is_said() -> None:
    assert asked("w", "params <= 50k").how == ("bisection: never decreases as w grows, so the answer is exact",)
    assert asked("N", "params <= 50k").how == ("independent of N",)
    assert asked("H", "H % 4 == 1").how == ("exact: periodic in the size",)
    assert asked("w", "macs - 400000*w <= 0", most=90).how == ("exact: periodic in the size",)
    assert asked("w", "max(w, 5) * (w - 20) ** 2 <= 100", most=90).how == ("all 90 values tried",)


def test_what_has_to_be_tried_without_end_is_decided_up_to_where_it_was_tried() -> None:
    found = asked("w", "max(w, 5) * (w - 20) ** 2 <= 100")
    assert (found.best, found.decided) == (22, 65_536)
    assert found.how == ("all 65,536 values tried",)


def test_where_decisions_run_out_the_bound_that_is_named_is_one_that_can_be_followed() -> None:
    w = symbol("w")
    claim = Claim(100 - largest(w, 5) * (w - 20) ** 2, ">=")
    for least in (1, 224):
        with pytest.raises(Undecided) as refused:
            exactly(claim, "w", PeriodicSet.interval(least), Effort(5 * size_of(claim.left)))
        bound = int(str(refused.value).partition("--most ")[2])
        assert bound == least + 4
        assert exactly(claim, "w", PeriodicSet.interval(least, bound), Effort(5 * size_of(claim.left))).how
    with pytest.raises(Undecided, match="give w a number"):
        exactly(claim, "w", PeriodicSet.interval(), Effort(0))


def test_coprime_moduli_are_solved_together() -> None:
    found = asked("H", "H % 997 == 5 and H % 1009 == 7 and H % 1013 == 9")
    assert found.best == 233_553_237
    assert (233_553_237 % 997, 233_553_237 % 1009, 233_553_237 % 1013) == (5, 7, 9)


def test_published_networks() -> None:
    """The widths and depths that people chose are those that their published sizes allow."""
    graph = with_free(document("resnet50"), ["depths[2]"])
    found = answer(graph, "depths_2", budgets(("params <= 44_549_160",), graph))
    assert (found.best, found.costs(23)) == (23, {"params": 44_549_160})  # ResNet-101, He et al. 2015
    graph = with_free(document("resnet50"), ["w"])
    assert answer(graph, "w", budgets(("params <= 5M",), graph)).best == 26
    graph = with_free(document("resnet50"), ["H", "W"])
    with pytest.raises(Undecided, match="also depends on W"):
        answer(graph, "H", budgets(("macs <= 10G",), graph))


def test_lossless_sizes_drop_no_row() -> None:
    """U-Net takes 572: 12 more than a multiple of 16 (Ronneberger et al. 2015, arXiv:1505.04597, figure 1)."""
    graph = load("unet", free=["H"])
    found = solve(graph, "H", lossless=True)
    assert found.allowed.named("H") == "H ≡ 12 (mod 16), H ≥ 188"
    assert (found.fits, found.allowed.prev(600)) == (found.allowed, 588)
    assert 572 in found.allowed
    assert "every H" in reported("solve", "resnet50", "--for", "H", "--lossless")


def reported(*arguments: str) -> str:
    out = io.StringIO()
    with redirect_stdout(out):
        assert run(list(arguments)) == 0
    return out.getvalue()


def test_the_fewest_reasons_are_kept() -> None:
    graph = with_free(document("vgg16"), ["H"])
    [reason] = feasible(graph).reasons["H"]
    assert (reason.condition.node, reason.allowed.named("H")) == ("stage5.pool1", "H ≥ 32")


@pytest.mark.parametrize(
    ("name", "arguments"),
    {
        "width": ["resnet50", "--for", "w", "--where", "params <= 5M and macs <= 1G"],
        "batch": ["vgg16", "--for", "N", "--where", "output_bytes <= 24 GiB"],
        "size": ["vgg16", "--for", "H", "--near", "20"],
        "dropped_rows": ["vit_b16", "--for", "H", "--near", "230"],
        "never": ["resnet50", "--for", "w", "--where", "params < 1k"],
        "least": ["resnet50", "--for", "w", "--where", "macs >= 10G"],
        "turns": ["resnet50", "--for", "H", "--where", "H % 7 == 3", "--near", "50"],
    }.items(),
)
def test_the_text_word_for_word(name: str, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["solve", *arguments]) == (1 if name == "never" else 0)
    assert_golden(f"solve_{name}.txt", capsys.readouterr().out)


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["solve", "resnet50", "--for", "w", "--where", "params <= 5M", "--near", "30", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["best"], found["next_that_fails"], found["costs"]) == (26, 27, {"params": 4_727_826})
    assert (found["allowed"], found["near"]) == ("1 ≤ w ≤ 26", [26, None])


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--for", "ww"], 1, "did you mean 'w'?"),
        (["--for", "depths"], 2, "name an entry: depths[0]"),
        (["--for", "w", "--where", "parms <= 5M"], 1, "did you mean 'params'?"),
        (["--for", "w", "--where", "params"], 1, "a budget must be a comparison"),
        (["--for", "w", "--where", "params <= 5M or macs <= 1G"], 1, "a budget must be a comparison"),
        (["--for", "w", "--where", "params <="], 1, "expected a value"),
        (["--for", "w", "--where", "params = 5M"], 1, "write == to compare"),
        (["--for", "w", "--where", "params <= yes"], 1, "unknown name 'yes'"),
        (["--for", "H", "--where", "fvcore <= 1G", "-e", "input(2,9,9) -> adaptive_avgpool(7)"], 1, ""),
        (["--for", "w", "params <= 5M"], 2, "--where 'params <= 5M'"),
        ([], 2, "--for"),
    ],
    ids=str,
)
def test_questions_that_make_no_sense(
    arguments: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["solve", *([] if "-e" in arguments else ["resnet50"]), *arguments]) in (code, 0 if not said else code)
    assert said in capsys.readouterr().err


def test_all_problems_of_a_question_are_reported_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["solve", "resnet50", "--for", "w", "--where", "parms <= 5M and mac <= 1G", "--where", "x"]) == 1
    err = capsys.readouterr().err
    assert all(word in err for word in ("'parms'", "'mac'", "a budget must be a comparison"))
