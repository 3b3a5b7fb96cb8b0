"""Forms of the language in combination: each short spec is the graph of a longer one, written by hand without them."""

import pytest

from archcalc.core.diagnostic import SpecError
from archcalc.core.location import Source
from archcalc.graph.builder import build
from archcalc.graph.graph import Graph
from archcalc.measures.arithmetic import macs
from archcalc.measures.params import params
from archcalc.spec.declaration import Document
from archcalc.spec.document import read_document
from archcalc.verification import verify

BLOCKS = """
blocks:
  two(c):                         # two outputs besides its own
    - wide = conv(3, c, p1)
    - deep = conv(1, 2*c)
    - relu
  twice(c):
    - first = two(c)
    - again = two(c)
  fuse(ys):
    - add: ["y -> conv(1, 4) for y in ys"]
  run(g, y):
    - y -> g()
  tail(n):
    - conv(3, n, p1)
    - tail(n - 2) if n > 2
  tree(n):                        # two calls of itself
    - concat:
        - tree(n - 1) if n > 1 else conv(1, 2)
        - tree(n - 1) if n > 1 else conv(1, 3)
  ends(t):
    - concat: [t.wide, t.deep]
    - conv(1, t.wide.channels + t.deep.channels)
  passed(inner, i):
    - inner -> conv(1, i)
  deepest(c):
    - t = two(c) for i in range(2)
  picked(ys):
    - ys[0] -> conv(1, ys[1].channels)
    - concat: [prev, ys.1]
  both(ts):
    - concat: [t.wide for t in ts]
    - conv(1, sum([t.wide.channels for t in ts]))
  halved:
    - conv(1, x.channels // 2) -> conv(1, x.height)
  scaled(c=w):
    - conv(1, c)
  row(widths):
    - conv(1, c) for c in widths
"""

SAME = {
    # --- loops in merges, in blocks with several outputs ---
    "a loop in a merge within a path": (
        "- concat: ['conv(1, 4) -> relu', 'conv(1, i) for i in range(1, 3)']",
        "- concat: ['conv(1, 4) -> relu', 'conv(1, 1)', 'conv(1, 2)']",
    ),
    "a merge in a loop in a merge": (
        "- concat:\n    - {add: ['conv(1, i)', 'conv(3, i, p1)'], for: 'i in [2, 4]'}",
        "- concat:\n    - add: ['conv(1, 2)', 'conv(3, 2, p1)']\n    - add: ['conv(1, 4)', 'conv(3, 4, p1)']",
    ),
    "outputs of blocks in a loop": (
        "- t = two(2 * i) for i in [1, 2]\n- concat: [t.*.wide]",
        "- a = two(2)\n- b = two(4)\n- concat: [a.wide, b.wide]",
    ),
    "outputs of blocks side by side": (
        "- add: ['t = two(4) for i in range(2)']\n- concat: [t.*.deep]",
        "- e = prev\n- e -> a = two(4)\n- e -> b = two(4)\n- add: [a, b]\n- concat: [a.deep, b.deep]",
    ),
    "outputs of nested repeats": (
        "- t = twice(4) * 2\n- concat: [t.*.first.wide, t.*.again.deep]",
        "- a = twice(4)\n- b = twice(4)\n- concat: [a.first.wide, b.first.wide, a.again.deep, b.again.deep]",
    ),
    "members of members": (
        "- r = deepest(2) for i in range(2)\n- add: [r.*.t.*.wide]",
        "- a = two(2) -> b = two(2) -> c = two(2) -> d = two(2)\n- add: [a.wide, b.wide, c.wide, d.wide]",
    ),
    "a chain behind all members": (
        "- t = two(4) * 3\n- concat: ['t.*.wide -> conv(1, 2) -> relu']",
        "- t = two(4) * 3\n- concat:\n" + "".join(f"    - t.{i}.wide -> conv(1, 2) -> relu\n" for i in range(3)),
    ),
    "a loop over members": (
        "- t = two(4) * 2\n- concat: ['conv(1, y.channels) for y in t.*.deep']",
        "- t = two(4) * 2\n- concat: ['conv(1, 8)', 'conv(1, 8)']",
    ),
    # --- one of several ---
    "an entry by its number": ("- t = two(4) * 2\n- t[0] -> relu", "- t = two(4) * 2\n- t.0 -> relu"),
    "the last entry": ("- t = two(4) * 3\n- t[-1].wide -> relu", "- t = two(4) * 3\n- t.2.wide -> relu"),
    "entries in a loop": (
        "- t = two(2 * i) for i in [1, 2]\n- concat: [t[i].wide -> conv(1, 3) for i in range(2)]",
        "- t = two(2 * i) for i in [1, 2]\n- concat: [t.0.wide -> conv(1, 3), t.1.wide -> conv(1, 3)]",
    ),
    "sizes of an entry": (
        "- t = two(2 * i) for i in [1, 2]\n- conv(1, t[0].deep.channels + t[1].wide.height)",
        "- t = two(2 * i) for i in [1, 2]\n- conv(1, 12)",
    ),
    "sizes of entries in a list": (
        "- t = two(2 * i) for i in [1, 2]\n- conv(1, sum([y.channels for y in t.*.deep]))",
        "- t = two(2 * i) for i in [1, 2]\n- conv(1, 12)",
    ),
    "sizes of all members": (
        "- t = two(2 * i) for i in [1, 2]\n- conv(1, sum(t.*.deep.channels) - t.*.height[1])",
        "- t = two(2 * i) for i in [1, 2]\n- conv(1, 4)",
    ),
    "an entry again": ("- c = conv(1, 8) * 2\n- c[0]()", "- c = conv(1, 8) * 2\n- c.0()"),
    "an entry as an argument": (
        "- t = two(4) * 2\n- ends(t[1])",
        "- t = two(4) * 2\n- ends(t.1)",
    ),
    "an entry of an argument": (
        "- t = two(4) * 2\n- picked([t[0], t[1]])",
        "- t = two(4) * 2\n- t.0 -> a = conv(1, 8)\n- concat: [a, t.1]",
    ),
    "the number of an entry is computed": (
        "- c = conv(1, i) for i in range(1, 5)\n- add: [c[2*i + 1] -> conv(1, 4) for i in range(2)]",
        "- c = conv(1, i) for i in range(1, 5)\n- add: [c.1 -> conv(1, 4), c.3 -> conv(1, 4)]",
    ),
    "a size as a layer's": (
        "- s = conv(3, 4, s2)\n- input -> resize(like=s) -> conv(1, s.channels * s.height)",
        "- s = conv(3, 4, s2)\n- input -> resize(like=s) -> conv(1, 12)",
    ),
    # --- names ---
    "a name for both sides": (
        "- y = conv(1, 4) if 1 > 2 else conv(1, 5)\n- relu\n- y -> tanh",
        "- y = conv(1, 5)\n- relu\n- y -> tanh",
    ),
    "a name for three sides": (
        "- y = conv(1, 4) if 1 > 2 else tanh if 2 > 3 else prev\n- relu\n- add: [y, prev]",
        "- y = prev\n- relu\n- add: [y, prev]",
    ),
    "a name for both sides of a path": (
        "- add: [y = relu if 1 > 2 else prev, tanh]\n- y -> conv(1, 4)",
        "- y = prev\n- add: [prev, tanh]\n- y -> conv(1, 4)",
    ),
    "the end of a side is named": (
        "- y = conv(1, 4) if 1 > 2 else relu -> y = tanh\n- y -> conv(1, 4)",
        "- relu -> y = tanh\n- conv(1, 4)",
    ),
    "a value has two names": (
        "- relu -> y = prev\n- z = y\n- tanh\n- add: [y, z]",
        "- r = relu\n- tanh\n- add: [r, r]",
    ),
    "a name that looks like a tag": (
        "- g1 = conv(1, 4)\n- d3 = conv(1, 4)\n- fuse([g1, d3])",
        "- a = conv(1, 4)\n- b = conv(1, 4)\n- fuse([a, b])",
    ),
    "a parameter that looks like a tag": (
        "- conv(3, 8, p1) -> conv(1, s2)\n",
        "- conv(3, 8, p1) -> conv(1, 6)",
        "params: {s2: 6}",
    ),
    "a tag beside a name that looks like one": (
        "- k3 = conv(1, 4)\n- passed(k3, 5) -> conv(3, 4, s2, p1)",
        "- conv(1, 4)\n- conv(1, 5) -> conv(3, 4, stride=2, padding=1)",
    ),
    "an index that looks like a tag": (
        "- conv(1, g4) for g4 in [2, 4]",
        "- conv(1, 2) -> conv(1, 4)",
    ),
    "an index shadows a parameter": (
        "- conv(1, c) for c in [c, 2 * c]\n- conv(1, c)",
        "- conv(1, 3) -> conv(1, 6) -> conv(1, 3)",
        "params: {c: 3}",
    ),
    "an index shadows a layer": (
        "- y = conv(1, 4)\n- conv(1, y) for y in [2, 3]\n- add: [y -> conv(1, 3), prev]",
        "- y = conv(1, 4)\n- conv(1, 2) -> conv(1, 3)\n- add: [y -> conv(1, 3), prev]",
    ),
    "an index shadows a block with outputs": (
        "- y = two(4)\n- z = two(2)\n- concat: [y.wide for y in [z, y]]",
        "- y = two(4)\n- z = two(2)\n- concat: [z.wide, y.wide]",
    ),
    "an index shadows an index": (
        "- conv(1, sum([i for i in range(i + 1)]) + 1) for i in range(3)",
        "- conv(1, 1) -> conv(1, 2) -> conv(1, 4)",
    ),
    "a name of a layer kind as a value": (
        "- exp = conv(1, 4)\n- relu\n- exp -> tanh",
        "- e = conv(1, 4)\n- relu\n- e -> tanh",
    ),
    # --- arguments ---
    "an index in the arguments of a block": (
        "- two(4 * (i + 1) - 2) for i in range(2)",
        "- two(2) -> two(6)",
    ),
    "a block as an argument": (
        "- t = two(8)\n- y = conv(1, 8)\n- r = run(t, y)",
        "- t = two(8)\n- y = conv(1, 8)\n- t()",
    ),
    "an index beside a passed layer": (
        "- e = conv(1, 4)\n- passed(e, 2 * i) for i in [1, 2]",
        "- e = conv(1, 4)\n- conv(1, 2)\n- e -> conv(1, 4)",
    ),
    "an index chooses the passed layer": (
        "- a = conv(1, 4)\n- b = conv(1, 5)\n- concat: ['passed(each, i) for i, each in enumerate([a, b]) if i > 0']",
        "- a = conv(1, 4)\n- b = conv(1, 5)\n- conv(1, 1)",
    ),
    "outputs of a passed block": (
        "- t = two(4)\n- relu -> ends(t)",
        "- t = two(4)\n- relu\n- concat: [t.wide, t.deep]\n- conv(1, 12)",
    ),
    "outputs of blocks in a passed list": (
        "- t = two(4) * 2\n- both(t.*)",
        "- t = two(4) * 2\n- concat: [t.0.wide, t.1.wide]\n- conv(1, 8)",
    ),
    "the input of a block with outputs": (
        "- t = two(4)\n- halved",
        "- t = two(4)\n- conv(1, 4) -> conv(1, 8)",
    ),
    "a default of a block": (
        "- scaled -> scaled(3)",
        "- conv(1, 6) -> conv(1, 3)",
        "params: {w: 6}",
    ),
    # --- recursion ---
    "recursion in a row": ("- tail(6)", "- conv(3, 6, p1) -> conv(3, 4, p1) -> conv(3, 2, p1)"),
    "recursion with two calls": (
        "- tree(2)",
        "- concat:\n    - {concat: ['conv(1, 2)', 'conv(1, 3)']}\n    - {concat: ['conv(1, 2)', 'conv(1, 3)']}",
    ),
    "recursion in a loop": (
        "- tail(2 * i) for i in [1, 2]",
        "- conv(3, 2, p1) -> conv(3, 4, p1) -> conv(3, 2, p1)",
    ),
    # --- conditions ---
    "a chain of comparisons": (
        "- conv(1, i) for i in range(1, 9) if 2 < i <= 4 != 5",
        "- conv(1, 3) -> conv(1, 4)",
    ),
    "a step that is left out": ("- relu -> tanh\n- tanh if 1 > 2\n- relu", "- relu -> tanh -> relu"),
    "a path that is left out in a loop": (
        "- concat: ['conv(1, i) if i > 1 for i in range(4)', prev]",
        "- concat: ['conv(1, 2)', 'conv(1, 3)', prev]",
    ),
    "a choice in a loop in a merge": (
        "- add: ['conv(1, 4) if i > 0 else conv(3, 4, p1) for i in range(2)']",
        "- add: ['conv(3, 4, p1)', 'conv(1, 4)']",
    ),
    "a merge under a condition": (
        "- {add: ['conv(1, 8)', prev], if: 'w > 7'}\n- {add: ['conv(1, 8)', prev], if: 'w > 5'}",
        "- add: ['conv(1, 8)', prev]",
    ),
    "a merge or something else": (
        "- {name: y, add: ['conv(1, 8)', prev], if: 'w > 7', else: conv(1, 4)}\n- relu\n- add: [y, prev]",
        "- y = conv(1, 4)\n- relu\n- add: [y, prev]",
    ),
    "a merge under a condition in a loop": (
        "- {add: ['conv(1, 8)', prev], for: i in range(3), if: i != 1, else: relu}",
        "- add: ['conv(1, 8)', prev]\n- relu\n- add: ['conv(1, 8)', prev]",
    ),
    "one path is left": ("- add: ['conv(1, 4)', 'relu if 1 > 2']", "- conv(1, 4)"),
    # --- lists and numbers ---
    "lists in params with conditions": (
        "- conv(1, c) for c in widths",
        "- conv(1, 2) -> conv(1, 8)",
        "params: {widths: '[2**i if i < 3 else 2**i // 4 for i in range(6) if i % 4 == 1]'}",
    ),
    "lists of lists": (
        "- conv(k, c, padding=k // 2) for k, c in stages",
        "- conv(3, 4, p1) -> conv(5, 2, p2)",
        "params: {stages: [[3, 4], [5, 2]]}",
    ),
    "lists of lists in a nested loop": (
        "- row(r) for r in stages",
        "- conv(1, 4) -> conv(1, 5) -> conv(1, 2)",
        "params: {stages: [[4, 5], [2]]}",
    ),
    "zip, enumerate and reversed": (
        "- conv(1, i + a + b) for i, a, b in zip(range(2), [1, 2], reversed([5, 7]))",
        "- conv(1, 8) -> conv(1, 8)",
    ),
    "units of counts": (
        "- conv(1, heads)\n- conv(1, 2) if size >= 7B",
        "- conv(1, 7) -> conv(1, 2)",
        "params: {size: 7B, heads: size / 1G, budget: 1T}",
    ),
    "powers that are exact": (
        "- conv(1, 64 ** 0.5) -> scale(16 ** -0.5)",
        "- conv(1, 8) -> scale(0.25)",
    ),
    # --- YAML ---
    "unquoted calls in a flow list": (
        "- concat: [conv(3, 4, p1), conv(1, 4) -> relu, prev]",
        "- concat: ['conv(3, 4, p1)', 'conv(1, 4) -> relu', prev]",
    ),
    "an unquoted call over several lines": (
        "- concat: [conv(3, 4,\n            p1), conv(1,\n              4)]",
        "- concat: ['conv(3, 4, p1)', 'conv(1, 4)']",
    ),
    "a list in an unquoted call": (
        "- concat: [conv(1, c) for c in [2, 4], prev]",
        "- concat: ['conv(1, 2)', 'conv(1, 4)', prev]",
    ),
    "a list over several lines in an unquoted call": (
        "- concat: [conv(1, c) for c in [2,\n      4], prev]",
        "- concat: ['conv(1, 2)', 'conv(1, 4)', prev]",
    ),
    "a list of layers in an unquoted call": (
        "- a = conv(1, 4)\n- b = conv(1, 4)\n- concat: [fuse([a, b]), prev]",
        "- a = conv(1, 4)\n- b = conv(1, 4)\n- concat: ['fuse([a, b])', prev]",
    ),
    "an entry in a flow list": (
        "- t = two(4) * 2\n- add: [t[0], t[1]]",
        "- t = two(4) * 2\n- add: [t.0, t.1]",
    ),
    "an entry in an unquoted call": (
        "- concat: [conv(1, widths[1]), conv(1, widths[0]) -> relu]",
        "- concat: ['conv(1, 3)', 'conv(1, 2) -> relu']",
        "params: {widths: [2, 3]}",
    ),
    "a mapping with a loop over a list": (
        "- {name: c, conv: {kernel_size: 1, out_channels: i}, for: 'i in [2, 3]'}\n- add: ['c.* -> conv(1, 4)']",
        "- a = conv(1, 2)\n- b = conv(1, 3)\n- add: ['a -> conv(1, 4)', 'b -> conv(1, 4)']",
    ),
}


def document(layers: str, given: str = "params: {w: 6}") -> Document:
    body = "\n".join(f"  {line}" for line in layers.splitlines())
    text = f"archcalc: 1\nname: test\n{given}\ninput: [8, 8, 8]{BLOCKS}layers:\n{body}\n"
    return read_document(Source("test.yaml", text))


def rows(found: Graph) -> list[tuple[object, ...]]:
    """What makes two graphs equal but for the names of their layers."""
    numbers: dict[str, int] = {node.name: i for i, node in enumerate(found)}
    return [
        (node.layer.name, [numbers.get(each, each) for each in node.sources], node.output, params(node), macs(node))
        for node in found
    ]


@pytest.mark.parametrize("forms", SAME.values(), ids=SAME.keys())
def test_combined_forms_are_the_graph_written_by_hand(forms: tuple[str, ...]) -> None:
    short, long, *given = forms
    assert rows(build(document(short, *given))) == rows(build(document(long, *given)))


def test_combined_forms_agree_with_torch() -> None:
    for each in ("entries in a loop", "recursion with two calls", "outputs of nested repeats"):
        assert verify(document(SAME[each][0]), device="meta", sizes=0).agrees


WRONG = {
    "lists of unequal lengths": (
        "- conv(1, a + b) for a, b in zip([1, 2], [3])",
        "the lists of zip have 2 and 1 entries",
        "zip takes lists of the same length",
    ),
    "an entry that is not there": (
        "- t = two(4) * 2\n- t[2] -> relu",
        "index 2 of a list of 2 entries",
        "valid indices are 0 to 1",
    ),
    "an entry of one layer": (
        "- c = conv(1, 4)\n- c[0] -> relu",
        "a list is needed here, got the layer 'c'",
        "",
    ),
    "sizes of all where a number is meant": (
        "- t = two(4) * 2\n- conv(1, 2 * t.*.channels)",
        "a number is needed here, got a list",
        "use one entry, name[0], or sum(name)",
    ),
    "a size of an index that is a number": ("- conv(1, i.channels) for i in [1, 2]", "unknown name 'i.channels'", ""),
    "a block without that output": (
        "- t = two(4) * 2\n- t[0].wider -> relu",
        "unknown name 't[0].wider': t[0] is the layer 't.0.relu1'",
        "",
    ),
    "a comparison that is no condition": ("- relu if w", "a condition must be true or false, got 6", "n > 1"),
    "a loop behind a list": (
        "- y = concat: [relu, tanh] for i in range(3)",
        "'for' cannot follow a list in [ ]",
        "make it a mapping: {y = concat: [relu, tanh], for: i in range(3)}",
    ),
    "a repeat behind a list": (
        "- add: [relu, tanh] * 3",
        "'*' cannot follow a list in [ ]",
        "make it a mapping: {add: [relu, tanh], repeat: 3}",
    ),
    "a condition behind a list": (
        "- add: [relu, tanh] if w > 3",
        "'if' cannot follow a list in [ ]",
        "make it a mapping: {add: [relu, tanh], if: w > 3}",
    ),
    "an arrow behind a list": (
        "- add: [relu, tanh] -> relu",
        "'->' cannot follow a list in [ ]",
        "begin another item: '- relu' reads what comes out of this one",
    ),
    "a mapping behind an arrow": (
        "- relu -> {add: [tanh, prev]}",
        "a list or a mapping cannot follow an arrow",
        "it is an item of its own: end the line before the arrow, and begin the next with '- '",
    ),
    "else without if": ("- {add: [relu, tanh], else: relu}", "else without if", "write if: n > 1 beside it"),
    "bytes among counts": ("- conv(1, 7 B)", "'7 B' can be read as 7 billion or as 7 bytes", "write 7GB or 7e9"),
}


@pytest.mark.parametrize(("text", "message", "help"), WRONG.values(), ids=WRONG.keys())
def test_what_has_no_graph_says_what_to_write(text: str, message: str, help: str) -> None:
    with pytest.raises(SpecError) as caught:
        build(document(text))
    [found] = caught.value.diagnostics
    assert message in found.message
    assert help in found.help
    assert found.location is not None
