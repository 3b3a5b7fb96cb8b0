"""`expect:` holds a spec to published numbers."""

import pytest

from archcalc.core.diagnostic import Diagnostic
from archcalc.core.location import Source
from archcalc.graph.builder import build
from archcalc.lint.expectation import failures
from archcalc.spec.document import read_document

SPEC = "archcalc: 1\ninput: [3, 8, 8]\nblocks:\n  b:\n    - conv(3, 4)\nlayers: [first = b, fc(2)]\nexpect: "


def found(expect: str) -> list[Diagnostic]:
    """What is wrong with the network. It has 402 parameters and 4,176 MACs."""
    document = read_document(Source("<test>", SPEC + expect + "\n"))
    return list(failures(build(document), document))


def reported(expect: str) -> list[str]:
    """The same in words."""
    return [each.message for each in found(expect)]


@pytest.mark.parametrize(
    "expect",
    [
        "{params: 402}",
        "{params: 402, macs: 4_176}",
        "{params: 400 +- 2}",
        "{params: 400 +- 0.5%}",
        "{output: [2]}",
        "{shapes: {first: [4, 6, 6], first.conv1: [4, 6, 6], fc1: [2]}}",
        "{receptive_field: {first: 3}}",
        "{flops: 2 * 4_176}",
    ],
)
def test_what_was_expected_is_no_problem(expect: str) -> None:
    assert reported(expect) == []


@pytest.mark.parametrize(
    ("expect", "message"),
    [
        ("{params: 403}", "expected params 403, computed 402"),
        ("{params: 400 +- 1}", "expected params 400, computed 402"),
        ("{params: 400 +- 0.4%}", "expected params 400, computed 402"),
        ("{output: [3]}", "expected output [3], computed [2]"),
        ("{shapes: {first: [4, 6, 7]}}", "expected shapes of first [4, 6, 7], computed [4, 6, 6]"),
        ("{receptive_field: {first: 5}}", "expected receptive_field of first 5, computed 3"),
        ("{parms: 402}", "unknown quantity 'parms'"),
        ("{shapes: {frist: [4, 6, 6]}}", "no layer or block is called 'frist'"),
    ],
)
def test_what_was_not_expected_is_reported(expect: str, message: str) -> None:
    assert reported(expect) == [message]


def test_every_expectation_is_looked_at() -> None:
    assert len(reported("{params: 1, macs: 2, output: [3], shapes: {first: [1], fc1: [9]}}")) == 5


def test_a_difference_that_is_one_layers_own_count_names_that_layer() -> None:
    [problem] = found("{params: 112}")
    assert problem.notes == ("the difference is +290", "this is exactly the total of fc1")


@pytest.mark.parametrize(
    ("expect", "note"),
    [
        ("{params: 500}", "the difference is -98"),
        ("{params: 300 +- 100}", "the difference is +102 (tolerance 100)"),
        ("{macs: 5.22e3 +- 1.5%}", "the difference is -1,044 (-20 %, tolerance 1.5 %)"),
        ("{macs: 4175.5}", "the difference is +0.5"),
    ],
)
def test_the_difference_is_reported_beside_what_is_allowed(expect: str, note: str) -> None:
    [problem] = found(expect)
    assert problem.notes == (note,)


def test_a_number_written_as_a_float_is_reported_as_people_write_it() -> None:
    assert reported("{macs: 4.09e9 +- 1%}") == ["expected macs 4,090,000,000, computed 4,176"]


def test_a_problem_stands_at_the_expected_number_and_a_slip_at_its_key() -> None:
    number, slip = found("{params: 403, parms: 402}")
    assert [marked(number), marked(slip)] == ["403", "parms"]
    assert (number.code, slip.code, slip.help) == ("AC300", "AC301", "did you mean 'params'?")


def marked(problem: Diagnostic) -> str:
    """The text that the carets are under."""
    place = problem.location
    assert place is not None
    return place.source.line(place.line)[place.column :][: place.length]


@pytest.mark.parametrize(
    ("expect", "message"),
    [
        ("{params: {fc1: 290}}", "params needs one value, not a mapping"),
        ("{params: {}}", "params needs one value, not a mapping"),
        ("{output: {fc1: [2]}}", "output needs one value, not a mapping"),
        ("{shapes: {first: {conv1: [4, 6, 6]}}}", "shapes of first needs one value, not a mapping"),
        ("{shapes: [4, 6, 6]}", "shapes needs a value per layer"),
        ("{receptive_field: 3}", "receptive_field needs a value per layer"),
    ],
)
def test_an_expectation_of_the_wrong_form_is_reported_not_passed_over(expect: str, message: str) -> None:
    [problem] = found(expect)
    assert (problem.code, problem.message) == ("AC016", message)
    assert problem.help.startswith("write ")


def test_an_expectation_may_be_computed_from_the_parameters_of_the_spec() -> None:
    spec = "archcalc: 1\nparams: {w: 5}\ninput: [4]\nlayers: [fc(w)]\nexpect: {params: 5*w +- w, output: [w + 1]}\n"
    document = read_document(Source("<test>", spec))
    assert [each.message for each in failures(build(document), document)] == ["expected output [6], computed [5]"]


# --- who is likely to be at fault ------------------------------------------------------------------------------------

NETWORK = """archcalc: 1
input: [3, 16, 16]
blocks:
  unit(c, bias = true):
    - conv(3, c, p1, bias=bias) -> batchnorm -> relu
layers:
  - stem = conv(3, 8, p1) -> relu
  - {units}
  - gap -> fc(10) -> softmax
expect: {{{expect}}}
"""
UNITS = "unit(16) -> unit(32)"
WITHOUT_BIAS = "biases for every conv without one would total exactly this: bias=true"
WITH_BUFFERS = "parameters and buffers together total 6,556: the publication may count running statistics"
PARAMS = 6_458
MACS = 1_530_176


def explained(expect: str, units: str = UNITS) -> list[str]:
    """All that is reported of an expectation beside the difference."""
    document = read_document(Source("<test>", NETWORK.format(expect=expect, units=units)))
    return [note for each in failures(build(document), document) for note in each.notes[1:]]


def test_the_numbers_that_are_spoiled_here_hold() -> None:
    assert explained(f"params: {PARAMS}, macs: {MACS}") == []


@pytest.mark.parametrize(
    ("expect", "units", "note"),
    [
        (f"params: {PARAMS - 224}", UNITS, "this is exactly the total of stem"),
        (f"params: {PARAMS - 4704}", UNITS, "this is exactly the total of unit2"),
        (f"params: {PARAMS - 1152}", UNITS, "this is exactly the total of unit1.conv1.weight"),
        (f"params: {PARAMS - 48}", UNITS, "the biases of every conv before a norm total exactly this: bias=false"),
        (f"params: {PARAMS - 56}", UNITS, "the biases of every conv total exactly this: bias=false"),
        (f"params: {PARAMS}", "unit(16, false) -> unit(32, false)", WITHOUT_BIAS),
        (f"params: {PARAMS - 96}", UNITS, "the parameters of the 2 norms total exactly this"),
        (f"params: {PARAMS + 98}", UNITS, WITH_BUFFERS),
        (f"params: {PARAMS + 33}", UNITS, "with 11 outputs of fc1 instead of 10 the totals would agree"),
        (f"params: {PARAMS + 990 * 33}", UNITS, "with 1,000 outputs of fc1 instead of 10 the totals would agree"),
        (f"macs: {2 * MACS}", UNITS, "flops total 3,060,352: was this quantity published?"),
        (f"flops: {MACS}", UNITS, "macs total 1,530,176: was this quantity published?"),
        (f"macs: {MACS - 320}", UNITS, "this is exactly the total of fc1"),
        (f"macs: {MACS - 32}", UNITS, "with 9 outputs of fc1 instead of 10 the totals would agree"),
    ],
)  # fmt: skip
def test_what_explains_a_difference_is_reported(expect: str, units: str, note: str) -> None:
    assert note in explained(expect, units)


@pytest.mark.parametrize("expect", [f"params: {PARAMS + 1}", f"params: {PARAMS - 5}", f"macs: {MACS + 7}"])
def test_nothing_is_reported_where_nothing_explains_it(expect: str) -> None:
    assert explained(expect) == []
