"""Random graphs of nearly all layers: tensors of every rank, features first and last, attention with masks, broadcasts.

A line that does not fit what is there is left out. The oracle of shapes, dtypes, parameters and MACs is torch on the
generated source; that of fields is dye in every element of every axis of every input, which looks at every value: a
field must hold all that an element depends on, and where a path reaches one of its ends, the dye must arrive there.
"""

import random
import string
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

import pytest
import torch

from archcalc.codegen import generate
from archcalc.core.diagnostic import SpecError
from archcalc.core.volume import Volume
from archcalc.graph.graph import Graph
from archcalc.graph.loading import load_text
from archcalc.measures.receptive_field import fields_of, spatial_inputs
from archcalc.verification.field.borders import attained
from archcalc.verification.field.dye import Predicted, Slab, dye, look
from archcalc.verification.network import on_meta
from archcalc.verification.trace import Running

MOST = 3_000
"""The maximum elements of a value."""


@dataclass
class Drawn:
    """Lines of a spec that fit, and the graph of them."""

    pick: random.Random
    inputs: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    graph: Graph | None = None

    def text(self, *more: str) -> str:
        names = ["first", *(f"v{i}" for i in range(1, len(self.lines) + len(more)))]
        inputs = ", ".join(f"{name}: {shape}" for name, shape in self.inputs.items())
        lines = [f"  - {line}" for line in (*self.lines, *more)]
        head = ["archcalc: 1", "name: drawn", f"input: {{{inputs}}}", "layers:"]
        return "\n".join([*head, *lines, f"outputs: [{', '.join(names)}]"]) + "\n"

    def grow(self, steps: int) -> None:
        for name in "abc"[: self.pick.choice([1, 1, 2, 3])]:
            rank = self.pick.choice([0, 1, 1, 2, 2])
            shape = [self.pick.choice([1, 2, 3, 4, 4, 5, 6, 8, 8, 12 // max(1, rank)]) for _ in range(rank + 1)]
            last = rank > 0 and self.pick.random() < 0.5
            self.inputs[name] = f"{{shape: {shape}, channels_last: {str(last).lower()}}}"
        for _ in range(steps):
            self.step()

    @property
    def volumes(self) -> dict[str, Volume]:
        if self.graph is None:
            self.graph = load_text(self.text(f"{next(iter(self.inputs))} -> first = relu"))
            self.lines = [f"{next(iter(self.inputs))} -> first = relu"]
        return {name: volume for name, volume in self.graph.volumes.items() if "." not in name}

    def step(self) -> None:
        """Tries lines until one fits."""
        volumes = self.volumes
        for _ in range(8):
            make = self.pick.choice(STEPS)
            names = [name for name, volume in volumes.items() if TAKES.get(make, bool)(volume)] or [*volumes]
            x = self.pick.choice([*names, *names[-3:] * 2])
            call = make(self.pick, volumes, x)
            name = f"v{len(self.lines)}"
            line = f"{x} -> {name} = {call}"
            if ": [" in call:
                line = f"{{{call}, name: {name}}}" if "]," in call else f"{name} = {call}"
            elif call.startswith(("learned", "constant")) and "op=" not in call:
                line = f"{name} = {call}"
            try:
                graph = load_text(self.text(line))
            except SpecError:
                continue
            if graph.volumes[name].numel <= MOST and self.takes(graph):
                self.lines.append(line)
                self.graph = graph
                return

    def takes(self, graph: Graph) -> bool:
        """Whether a graph with one more line is one of those that are drawn."""
        return True


Volumes = dict[str, Volume]
Make = Callable[[random.Random, Volumes, str], str]


def axis(pick: random.Random, x: Volume) -> int:
    return pick.randint(1, len(x.item_shape))


def another(pick: random.Random, volumes: Volumes, fits: Callable[[Volume], bool] = lambda x: True) -> str:
    return pick.choice([name for name, x in volumes.items() if fits(x)] or [*volumes])


def elementwise(pick: random.Random, volumes: Volumes, x: str) -> str:
    c = volumes[x].channels
    return pick.choice([
        "relu", "gelu", "abs", "neg", "square", "sigmoid", "tanh", "softplus", "mish", "clamp(min=0.1)", "sin",
        "add_constant(0.5)", "scale(2)", "identity", "leaky_relu", "prelu", f"learned([{c}], op=add)", "layer_scale",
        "dropout(0.1)", "hardswish", "selu", "softsign", "glu", "scaled_tanh", "hardtanh", "celu", "relu6", "exp",
        "erf", "hardsigmoid", "cos", "sign", "floor", "ceil", "round", "heaviside", "logsigmoid", "silu", "elu",
        "drop_path(0.1)", "pow(2)", "rbf(3)", "channel_maxpool(2)",
    ])  # fmt: skip


def over_axis(pick: random.Random, volumes: Volumes, x: str) -> str:
    v = volumes[x]
    at = axis(pick, v)
    n = v.item_shape[at - 1]
    begin = pick.randrange(n)
    return pick.choice([
        f"softmax(axis={at})", f"cumsum(axis={at})", f"roll({pick.randint(-3, 3)}, axis={at})",
        f"repeat({pick.randint(1, 3)}, axis={at}, interleave={pick.choice(['true', 'false'])})",
        f"slice({begin}, {pick.randint(begin + 1, n)}, {pick.randint(1, 2)}, axis={at})", f"take({begin}, axis={at})",
        f"flip(axis={at})", f"pad([[{pick.randint(0, 2)}, 1]], axis={at})",
        f"reduce({pick.choice(['sum', 'mean', 'max', 'norm'])}, {at}, keep={pick.choice(['true', 'false'])})",
    ])  # fmt: skip


def rearranged(pick: random.Random, volumes: Volumes, x: str) -> str:
    """Axes are split, merged, reordered; one of length 1 comes or goes."""
    v = volumes[x]
    left, words, sizes = [], [], ""
    for i, n in enumerate(v.item_shape):
        if n == 1 and pick.random() < 0.5:
            left.append("1")
            continue
        word = "chwdefg"[i]
        parts = [p for p in (2, 3) if n % p == 0 and n > p]
        if parts and pick.random() < 0.4:
            left.append(f"({word} {word}s)")
            words += [word, f"{word}s"]
            sizes += f", {word}s={pick.choice(parts)}"
        else:
            left.append(word)
            words.append(word)
    if pick.random() < 0.7:
        pick.shuffle(words)
    right: list[str] = []
    while words:
        group = [words.pop(0) for _ in range(min(len(words), pick.choice([1, 1, 1, 2])))]
        right.append(f"({' '.join(group)})" if len(group) > 1 else group[0])
    if pick.random() < 0.2:
        right.insert(pick.randint(0, len(right)), "1")
    end = pick.choice(["", ", last", ", first"])
    return f"""'rearrange("b {" ".join(left)} -> b {" ".join(right)}"{end}{sizes})'""".strip("'")


def reshaped(pick: random.Random, volumes: Volumes, x: str) -> str:
    n = prod(volumes[x].item_shape)
    made: list[int] = []
    for _ in range(pick.randint(0, 2)):
        part = pick.choice([p for p in range(1, 9) if n % p == 0])
        made.append(part)
        n //= part
    made.insert(pick.randint(0, len(made)), n)
    return pick.choice([f"reshape({', '.join(map(str, made))})", "flatten", "tokens", "transpose", "channels_last",
                        "channels_first", f"untokens({made[0]}, {made[-1]})"])  # fmt: skip


def on_maps(pick: random.Random, volumes: Volumes, x: str) -> str:
    k, c, s, p, d = pick.randint(1, 3), pick.randint(1, 6), pick.randint(1, 2), pick.randint(0, 1), pick.randint(1, 2)
    norm = pick.choice(["", "", ", parametrization=weight_norm", ", parametrization=spectral_norm"])
    return pick.choice([
        f"conv({k}, {c}, s{s}, p{p}, d{d}{norm})", f"conv({k}, {c}, s{s}, p{p}, d{d}{norm})", f"conv(1, {c}{norm})",
        f"upconv({k}, {c}, s{s})", f"maxpool({k}, {s})", f"avgpool({k}, {s})", "batchnorm", "instance_norm", "gap",
        f"upsample({s + 1})", f"pad({p})", f"adaptive_avgpool({pick.randint(1, 4)})", f"locally_connected({k}, {c})",
        f"modulated_conv({k}, {c}, style={another(pick, volumes, lambda v: not v.rank)})", "grn", "lrn(3)",
        f"resize({pick.randint(1, 7)})", f"unfold({k}, p{p})", "pixel_shuffle(2)", "pixel_unshuffle(2)",
        "channel_shuffle(2)", "group_norm(2)", "global_maxpool(keepdim=true)", "crop(border=1)",
        f"adaptive_maxpool({pick.randint(1, 4)})", f"filter_bank_conv(3, {c}, 1)", f"conv_lstm({c})", "global_avgpool",
        f"subsampling({k}, {s})", f"resize({pick.randint(2, 7)}, mode=bilinear)",
        f"crop(like={another(pick, volumes)})", f"resize(scale_factor={pick.choice([0.5, 1.1, 1.5])})",
        f"correlation({another(pick, volumes, lambda v: v.item_shape == volumes[x].item_shape)}, {p})",
        f"conv({k}, {c * 2}, g2, padding=same)",
        f"fold({pick.randint(2, 6)}, {k})",
        f"deform_conv({k}, {c}, offsets={another(pick, volumes, lambda v: v.rank == 2)})",
        f"pad({p + 1}, mode=reflect)",
    ])  # fmt: skip


def on_tokens(pick: random.Random, volumes: Volumes, x: str) -> str:
    v = volumes[x]
    heads = pick.choice([h for h in (1, 2, 4) if v.channels % h == 0] or [1])
    n = v.spatial[0] if v.rank else 1
    masks = [m for m, y in volumes.items() if y.rank == 2 and y.spatial[-1] == n and not y.channels_last]
    mask = f", mask={pick.choice(masks)}" if masks and pick.random() < 0.7 else ""
    causal = pick.choice(["", ", causal=true"])
    dilated = pick.choice(["", ", dilation=2", ", global_tokens=1", ", dilation=2, global_tokens=2"])
    window = f", window={pick.randint(1, 4)}{dilated}" if pick.random() < 0.5 else ""
    kv = pick.choice(["", ", num_kv_heads=1"])
    rope = pick.choice(["", ", rope=10000"])
    memory = another(pick, volumes, lambda y: y.rank == 1 and y.channels_last and y.channels == v.channels)
    norm = pick.choice(["", ", parametrization=weight_norm", ", parametrization=spectral_norm"])
    bias = pick.choice(["", ", bias=false"])
    return pick.choice([
        f"linear({pick.choice([2, 4, 8])}{norm}{bias})", f"linear({pick.choice([2, 4, 8])})", "layernorm", "rmsnorm",
        f"grouped_attention({heads}{kv}{rope}{mask}{causal}{window})",
        f"grouped_attention({heads}{kv}{rope}{mask}{causal}{window}{norm})", f"attention({heads}{mask}{causal})",
        f"cross_attention({heads}, {memory}{pick.choice(['', norm])})", f"rope({heads})", "class_token", "glu",
        "log_softmax", "softmax", "tokens", "layernorm(bias=false)",
        f"lstm(3{pick.choice(['', ', bidirectional=true'])})", "gru(2)", f"select({pick.randrange(n)})",
        f"maxout({pick.randint(1, 3)}, 2)", "position_embedding", "sinusoidal_positions", "rnn(2)",
        f"latent_attention(2, kv_lora_rank=4, qk_nope_head_dim=2, qk_rope_head_dim=2, v_head_dim=2{mask})",
        f"t5_attention({heads}, num_buckets=4{mask}{causal})", "mixture(3, 2, 4)", f"rope({heads}, rotary_dim=2)",
        f"attention({heads}{mask}{causal}{norm})", f"gru(2, returns={pick.choice(['last', 'sequence'])}{norm})",
        f"grouped_attention({heads}, alibi=true{causal})", f"grouped_attention({heads}, qk_norm=rms, softcap=5)",
    ])  # fmt: skip


def on_grids(pick: random.Random, volumes: Volumes, x: str) -> str:
    """Maps whose features come last."""
    return pick.choice(["patch_merging", "window_attention(2, 1)", "window_attention(3, 2, shift_size=1)", "layernorm",
                        "channels_first", "linear(4)", "grid_sample(a)", "glu", "rmsnorm"])  # fmt: skip


def joined(pick: random.Random, volumes: Volumes, x: str) -> str:
    v = volumes[x]
    alike = [n for n, y in volumes.items() if len(y.item_shape) == len(v.item_shape) or not y.rank or not v.rank]
    names = [x, *pick.choices(alike, k=pick.randint(1, 2))]
    pick.shuffle(names)
    kind = pick.choice(
        ["add", "mul", "sub", "maximum", "minimum", "concat", "stack", "where", "div", "matmul", "attend"]
    )
    if kind == "attend":
        tokens = [n for n, y in volumes.items() if y.rank == 1 and y.channels_last] or [x]
        memory = pick.choice(tokens)
        window = pick.choice([", causal: true", ", window: 3, dilation: 2", ", window: 2, global_tokens: 1", ""])
        return f"attend: [{pick.choice(tokens)}, {memory}, {memory}], num_heads: {pick.choice([1, 2])}{window}"
    if kind == "concat" and pick.random() < 0.5:
        return f"concat: [{', '.join(names)}], axis: {axis(pick, v)}"
    if kind == "stack" and pick.random() < 0.5:
        return f"stack: [{x}, {x}], axis: {axis(pick, v)}"
    if kind == "where":
        names = [pick.choice(alike) for _ in range(3)]
    elif kind in ("sub", "div", "matmul"):
        names = names[:2]
    elif kind in ("concat", "stack") and pick.random() < 0.5:
        names = [pick.choice([n for n, y in volumes.items() if y.item_shape == v.item_shape]) for _ in names]
    return f"{kind}: [{', '.join(names)}]"


def beside(pick: random.Random, volumes: Volumes, x: str) -> str:
    """Products and masks with another value."""
    v = volumes[x]
    y = another(pick, volumes, lambda y: bool({*y.item_shape} & {*v.item_shape}))
    if pick.random() < 0.2:
        lengths = [pick.choice([1, 2, *v.item_shape]) for _ in range(pick.randint(1, 3))]
        return pick.choice([f"learned({lengths})", f"constant(0.5, {lengths})", f"learned({[*v.item_shape]}, op=mul)"])
    if pick.random() < 0.3:
        return f"mask({another(pick, volumes, lambda y: y.rank == v.rank or not y.rank)}, fill=0)"
    left = "b" + string.ascii_lowercase[8 : 8 + len(v.item_shape)]
    spare, right = [*string.ascii_lowercase[15:]], "b"
    sizes = dict(zip(left[1:], v.item_shape, strict=True))
    for n in volumes[y].item_shape:
        same = [each for each, m in sizes.items() if m == n and each not in right]
        right += pick.choice(same) if same and pick.random() < 0.8 else spare.pop(0)
    letters = [*dict.fromkeys(left[1:] + right[1:])]
    pick.shuffle(letters)
    return f"einsum({left}, {right}, b{''.join(letters[: pick.randint(1, 4)])}, {y})"


STEPS: Sequence[Make] = (
    elementwise, over_axis, over_axis, rearranged, rearranged, reshaped, on_maps, on_maps, on_maps, on_tokens,
    on_tokens, on_tokens, on_grids, joined, joined, joined, beside, beside,
)  # fmt: skip


TAKES: Mapping[Make, Callable[[Volume], bool]] = {
    on_tokens: lambda x: x.rank == 1 and x.channels_last,
    on_maps: lambda x: x.rank > 0 and not x.channels_last,
    on_grids: lambda x: x.rank == 2 and x.channels_last,
}


def drawn(first: int, count: int) -> Iterator[Drawn]:
    for seed in range(first, first + count):
        made = Drawn(random.Random(f"graph {seed}"))
        made.grow(made.pick.randint(2, 10))
        yield made


def wrong(graph: Graph) -> Iterator[str]:
    """What archcalc says otherwise than torch."""
    for row in on_meta(graph, lambda stage: None):
        if row.agrees is False:
            yield f"{row.quantity}: {row.predicted}, torch {row.measured} {row.differences[:2]}"
    yield from wrong_fields(graph)


def wrong_fields(graph: Graph) -> Iterator[str]:
    torch.manual_seed(0)
    running = Running(generate(graph), graph, "cpu")
    if not is_finite(running):  # 0 / 0 looks like dye
        return
    differences = []
    for seed in spatial_inputs(graph):
        fields = fields_of(graph, seed)
        predicted = Predicted(seed, fields, attained(graph, seed, fields))
        for place, n in enumerate(seed.volume.spatial):
            for element in range(n):
                found = look(running, predicted, Slab(place, element))
                differences += [f"field in {seed.name}: {name}: {what}" for name, what in found.differences.items()]
    if differences and all(is_finite(running) for _ in range(20)):  # every look draws other numbers
        yield from differences


def is_finite(running: Running) -> bool:
    found = []
    running.run(running.inputs(), lambda node, value: found.append(bool(value.isfinite().all())))
    return all(found)


def check(first: int, count: int) -> None:
    for each in drawn(first, count):
        if each.graph is not None:
            assert list(wrong(each.graph)) == [], each.text()


FOUND = {
    "positions of a map in one row, which becomes one axis of several": (
        "{x: [4, 3, 5]}",
        'x -> tokens -> row = linear(4)', "maps = learned([3, 4])", "row -> einsum(bid, bjd, bijd, maps)",
        "reduce(sum, 2) -> linear(2)",
    ),
    "an axis of a sequence stands second": ("{x: {shape: [5, 6], channels_last: true}}",
        'x -> rearrange("b n (k d) -> b k n d", last, k=2)', "softmax -> reduce(max, 1)"),
    "axes change places": ("{x: [2, 4, 6]}", 'x -> conv(3, 2) -> rearrange("b c h w -> b c w h") -> conv([2, 1], 3)'),
    "an axis meets another": ("{x: [2, 4, 4]}", 'x -> turned = rearrange("b c h w -> b c w h")', "add: [x, turned]"),
    "elements that are differently far apart": (
        "{x: [1, 16]}", "x -> a = conv(1, 1, s2)", "x -> b = slice(0, 8, axis=2)", "add: [a, b]", "conv(2, 1)",
    ),
    "windows in a row": ("{x: [3, 6, 5]}", "x -> unfold(2, 2)", "identity"),
    "a mask that is compared": ("{x: {shape: [6, 4], channels_last: true}, by: {shape: [6, 4], channels_last: true}}",
        "x -> mask(by)", "softmax(axis=1)"),
    "cropped like a sequence": ("{x: [1, 5], c: {shape: [3, 4], channels_last: true}}", "x -> crop(like=c)"),
    "resized like a sequence": ("{x: [1, 5], c: {shape: [3, 4], channels_last: true}}", "x -> resize(like=c)"),
    "steps and signs": ("{x: [2, 5]}", "x -> heaviside -> conv(3, 2) -> sign"),
    "where": ("{x: [2, 5], by: [2, 5]}", "by -> c = conv(3, 2, p1)", "where: [c, x, x]"),
    "a token alone, with positions again": ("{x: {shape: [5, 12], channels_last: true}}",
        "x -> select(1) -> reshape(4, 3)", "identity"),
    "mirrored padding": ("{x: [2, 6, 6]}", "x -> pad(2, mode=reflect) -> conv(3, 2)"),
    "features that were positions are left out": ("{x: [4, 6, 3]}", "x -> take(3, axis=1) -> take(4, axis=1)"),
    "padding along one axis of a row": ("{x: [2, 4, 5]}", "x -> pad(1) -> tokens"),
}  # fmt: skip
"""Graphs whose fields were wrong, or whose dye did not show them."""


@pytest.mark.parametrize("case", FOUND)
def test_fields_that_were_wrong_agree_with_dye(case: str) -> None:
    inputs, *lines = FOUND[case]
    graph = load_text("\n".join(["archcalc: 1", f"input: {inputs}", "layers:", *(f"  - {each}" for each in lines)]))
    assert list(wrong(graph)) == []


def test_random_graphs_agree_with_torch() -> None:
    check(0, 15)


@pytest.mark.fuzz
@pytest.mark.parametrize("first", range(0, 3_000, 300))
def test_many_random_graphs_agree_with_torch(first: int) -> None:
    check(10_000 + first, 300)


def test_values_that_are_no_numbers_without_dye_show_nothing() -> None:
    graph = load_text("""archcalc: 1
input: {x: [2, 5]}
layers:
  - conv(1, 2) -> zero = scale(0)
  - div: [zero, zero]
""")
    (row,) = dye(Running(generate(graph), graph, "cpu"), "")
    assert (row.agrees, row.differences) == (True, ())
