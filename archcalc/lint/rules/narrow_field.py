"""Features that do not see the whole input."""

from collections.abc import Iterator

from archcalc.graph.application import Application
from archcalc.graph.graph import Input, Node
from archcalc.lint.rule import Design, Finding, Rule, of_layer
from archcalc.measures.receptive_field import Fields

OBJECT = "object_size"
"""The parameter of a spec that states the size of an object in input elements along an axis."""


class NarrowField(Rule, code="AR301"):
    """The receptive field before the classifier is smaller than the input.

    A classifier has to see the whole object. Pooling over all positions, or a linear layer on all of them, combines
    features of separate parts, and no earlier feature depends on several parts together. This is intended if textures
    are sufficient, or if every position has its own output. If objects are smaller than the image, state their size in
    the spec: `params: {object_size: 96}`.

    Sources: Luo et al. 2016, arXiv:1701.04128 (the receptive field has to cover the relevant region); Araujo, Norris
    & Sim 2019, "Computing Receptive Fields of Convolutional Neural Networks", Distill.
    """

    bad = "- conv(3, 16, p1) -> relu -> conv(3, 16, p1) -> relu\n- gap -> fc(10)  # <-"
    good = "- conv(3, 16, p1) -> relu -> maxpool(4) -> conv(8, 16) -> relu\n- gap -> fc(10)"

    def findings(self, design: Design) -> Iterator[Finding]:
        what = "an object" if OBJECT in design.graph.params else "an input"
        for node, seed, before in joined_fields(design):
            lengths = sizes_to_see(design, seed)
            if is_narrow(before, lengths) and not joined_before(design, node):
                size, whole = "x".join(str(each.size) for each in before), "x".join(map(str, lengths))
                message = (
                    f"{node.name} combines features with a receptive field of {size}, smaller than {what} of {whole}"
                )
                help = "add layers, strides or dilation before it: archcalc report shows receptive fields"
                yield Finding(node=node, message=message, help=help)


def sizes_to_see(design: Design, seed: Input) -> tuple[int, ...]:
    """The size to cover along each axis: an object, if the spec states its size, otherwise the whole input."""
    lengths, stated = seed.volume.spatial, design.graph.params.get(OBJECT)
    return tuple(min(n, stated) for n in lengths) if isinstance(stated, int) else lengths


def joined_fields(design: Design) -> Iterator[tuple[Node, Input, Fields]]:
    """The layers that combine all positions of an input into one, with the input and the field before them; a layer
    that combines several inputs once, with the first."""
    found: set[str] = set()
    vectors = design.where(has_one_position)
    for seed, fields in design.fields:
        for node in vectors:
            seen, before = fields.get(node.name, ()), fields.get(node.first, ())
            if node.name not in found and joins(seen, before):
                found.add(node.name)
                yield node, seed, before


@of_layer
def has_one_position(made: Application) -> bool:
    y = made.outputs[0]
    return y.positions == y.batch


def joins(seen: Fields, before: Fields) -> bool:
    """Whether a layer that sees `seen` of an input is the first to see all of it."""
    return bool(seen and before) and all(each.whole for each in seen) and not any(each.whole for each in before)


def is_narrow(fields: Fields, lengths: tuple[int, ...]) -> bool:
    """Whether fields are smaller than the input, but larger than one element: without convolutions, they are 1."""
    return any(each.size < n for each, n in zip(fields, lengths, strict=True)) and any(each.size > 1 for each in fields)


def joined_before(design: Design, node: Node) -> bool:
    """Whether it is on a gate next to the main path, as in squeeze and excitation."""
    return any(len(design.readers[source]) > 1 for source in node.sources)
