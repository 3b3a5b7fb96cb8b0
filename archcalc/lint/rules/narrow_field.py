"""Features that do not see the whole input."""

from collections.abc import Iterator

from archcalc.graph.graph import Input, Node
from archcalc.lint.rule import Design, Finding, Rule
from archcalc.measures.receptive_field import Fields

OBJECT = "object_size"
"""The parameter of a spec that says how many units of the input an object takes along an axis."""


class NarrowField(Rule, code="AR301"):
    """The last features see less than the input before all of them are put together.

    What classifies an object has to see it. Pooling over all positions, or a linear layer on all of them, joins what
    was seen piece by piece, and no unit before it ever saw the pieces side by side. It is as meant where textures are
    enough, or where every position has an answer of its own. Objects that are smaller than the image are stated in the
    spec: `params: {object_size: 96}`.

    Sources: Luo et al. 2016, arXiv:1701.04128 (the receptive field has to cover the relevant region); Araujo, Norris
    & Sim 2019, "Computing Receptive Fields of Convolutional Neural Networks", Distill.
    """

    bad = "- conv(3, 16, p1) -> relu -> conv(3, 16, p1) -> relu\n- gap -> fc(10)  # <-"
    good = "- conv(3, 16, p1) -> relu -> maxpool(4) -> conv(8, 16) -> relu\n- gap -> fc(10)"

    def findings(self, design: Design) -> Iterator[Finding]:
        what = "an object's" if OBJECT in design.graph.params else "the input's"
        for node, seed, before in joined_fields(design):
            lengths = sizes_to_see(design, seed)
            if is_narrow(before, lengths) and not joined_before(design, node):
                size, whole = "x".join(str(each.size) for each in before), "x".join(map(str, lengths))
                message = f"{node.name} puts together features of {size} of {what} {whole}"
                help = "more layers, strides or dilation before it: archcalc report shows the field of each"
                yield Finding(node=node, message=message, help=help)


def sizes_to_see(design: Design, seed: Input) -> tuple[int, ...]:
    """How much of each axis is to be seen: an object, where the spec says how large one is, else the whole input."""
    lengths, stated = seed.volume.spatial, design.graph.params.get(OBJECT)
    return tuple(min(n, stated) for n in lengths) if isinstance(stated, int) else lengths


def joined_fields(design: Design) -> Iterator[tuple[Node, Input, Fields]]:
    """The layers that put all positions of an input into one, with the input and the field of what they read; a layer
    that joins several inputs once, with the first."""
    found: set[str] = set()
    for seed, fields in design.fields:
        for node in design:
            seen, before = fields.get(node.name, ()), fields.get(node.sources[0], ())
            if node.name not in found and joins(node, seen, before):
                found.add(node.name)
                yield node, seed, before


def joins(node: Node, seen: Fields, before: Fields) -> bool:
    """Whether a layer puts all positions into one, and is the first to see all of the input."""
    first = bool(seen and before) and all(each.whole for each in seen) and not any(each.whole for each in before)
    return first and node.output.positions == node.output.batch


def is_narrow(fields: Fields, lengths: tuple[int, ...]) -> bool:
    """Smaller than the input, and yet more than single units: then nothing has been convolved at all."""
    return any(each.size < n for each, n in zip(fields, lengths, strict=True)) and any(each.size > 1 for each in fields)


def joined_before(design: Design, node: Node) -> bool:
    """Whether what it joins is a gate beside the main path, as in squeeze and excitation."""
    return any(len(design.readers[source]) > 1 for source in node.sources)
