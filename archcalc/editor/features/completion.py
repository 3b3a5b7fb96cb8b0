"""What can stand at a place: keys, layers, blocks, labels, arguments and their words."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from archcalc.core.location import Location
from archcalc.editor.feature import answers
from archcalc.editor.opened import Opened
from archcalc.explanation.description import signature, summary
from archcalc.graph.binding import Signature, signature_of
from archcalc.layer import known_names, layer_named
from archcalc.lint.expectation import BY_LAYER
from archcalc.measure import MEASURES
from archcalc.spec.document import VARIED
from archcalc.spec.library import KEYS
from archcalc.spec.section import INPUT_KEYS

FUNCTION, VARIABLE, PROPERTY, VALUE, CONSTANT, KEYWORD = 3, 6, 10, 12, 21, 14
"""The protocol's numbers of kinds."""

WORDS = ("prev", "if", "else", "for", "in", "true", "false", "none")

Item = dict[str, Any]


@answers("textDocument/completion", completionProvider={"triggerCharacters": ["(", ",", ">", "=", "{", " "]})
def completion(opened: Opened, params: Mapping[str, Any], at: Location) -> list[Item]:
    before = opened.source.line(at.line)[: at.column]
    if "#" in before:
        return []
    section = opened.section_at(at.line)
    if re.fullmatch(r"\w*", before):
        there = {each.name for each in opened.outline.of_kind("section")}
        return [item(key, PROPERTY, insert=f"{key}: ") for key in KEYS if key not in there or key == before]
    return list(SECTIONS.get(section, nothing)(opened, before, at.line))


def item(label: str, kind: int, detail: str = "", about: str = "", insert: str = "") -> Item:
    made: Item = {"label": label, "kind": kind}
    found = {"detail": detail, "documentation": about, "insertText": insert}
    return made | {key: text for key, text in found.items() if text}


def nothing(opened: Opened, before: str, line: int) -> Iterable[Item]:
    return ()


# --- chains ----------------------------------------------------------------------------------------------------------


def in_chain(opened: Opened, before: str, line: int) -> Iterator[Item]:
    """Within brackets, the arguments of the call; else layers, blocks and labels."""
    call = open_call(before)
    if call:
        word, last = call
        yield from arguments(opened, word, last)
        yield from parameters(opened, line)
        return
    yield from layers()
    yield from (item(each.name, FUNCTION, f"{each.name}{each.detail}") for each in opened.outline.of_kind("block"))
    block = opened.block_at(line)
    if opened.document:
        own = {each.name for each in opened.outline.of_kind("block")}
        yield from (item(name, FUNCTION, "imported") for name in opened.document.library.blocks if name not in own)
    labels = [each.name for each in opened.outline.of_kind("label", "input") if each.block in ("", block)]
    yield from (item(name, VARIABLE) for name in dict.fromkeys(labels))
    yield from (item(word, KEYWORD) for word in WORDS)


def open_call(before: str) -> tuple[str, str] | None:
    """The name of the call whose brackets are open at the end of a text, and its last argument so far.

    >>> open_call("- conv(3, 64, pad"), open_call("- conv(3, f(1), act="), open_call("- conv(3) -> re")
    (('conv', 'pad'), ('conv', 'act='), None)
    """
    depth = 0
    for at in range(len(before) - 1, -1, -1):
        depth += (before[at] == ")") - (before[at] == "(")
        if depth < 0:
            word = re.search(r"[A-Za-z_][\w.]*$", before[:at])
            return (word[0], re.split(r"[,(]", before)[-1].strip()) if word else None
    return None


def layers() -> Iterator[Item]:
    for name in known_names():
        layer = layer_named(name)
        assert layer is not None
        yield item(name, FUNCTION, signature(layer), summary(layer))


def arguments(opened: Opened, call: str, last: str, sign: str = "=") -> Iterator[Item]:
    """The arguments of a call; after `name=`, the words that this argument takes."""
    layer = layer_named(call)
    known = signature_of(layer) if layer else None
    name, is_given, _ = last.partition(sign)
    if is_given:
        yield from (item(word, VALUE) for word in values_of(known, name.strip()))
        return
    names = [*known.kinds, *known.others] if known else block_arguments(opened, call)
    yield from (item(each, PROPERTY, insert=f"{each}{sign}{' ' * (sign == ':')}") for each in names)


def values_of(known: Signature | None, name: str) -> Iterable[str]:
    """The words that an argument takes; what follows a layer is the name of another one."""
    if known is None:
        return ()
    if name in ("act", "norm"):
        return ("none", *(word for word in known_names() if word.endswith("norm") == (name == "norm")))
    if name == "freeze":
        return ("true", "false")
    return known.kinds[name].words if name in known.kinds else ()


def block_arguments(opened: Opened, call: str) -> list[str]:
    place = opened.outline.found(call, "", "block")
    if place:
        return re.findall(r"(?:^\(|,)\s*([A-Za-z_]\w*)", place.detail)
    block = opened.document.library.blocks.get(call) if opened.document else None
    return [word.text for word, _ in block.parameters] if block else []


def parameters(opened: Opened, line: int) -> Iterator[Item]:
    """The names that an argument can use: parameters of the spec and of the block."""
    graph = opened.graph
    for each in opened.outline.of_kind("parameter"):
        value = graph.params.get(each.name) if graph else None
        yield item(each.name, CONSTANT, "" if value is None else str(value))
    yield from (item(name, VARIABLE) for name in block_arguments(opened, opened.block_at(line)))


# --- the other sections ----------------------------------------------------------------------------------------------


def in_defaults(opened: Opened, before: str, line: int) -> Iterator[Item]:
    """The names of layers, and in braces the arguments of one."""
    if found := re.match(r"\s*(\w+)\s*:\s*\{(.*)$", before):
        yield from arguments(opened, found[1], found[2].split(",")[-1].strip(), ":")
    elif re.fullmatch(r"\s+\w*", before):
        yield from (each | {"insertText": f"{each['label']}: {{"} for each in layers())


def in_expect(opened: Opened, before: str, line: int) -> Iterator[Item]:
    for name in (*MEASURES, *BY_LAYER, "output"):
        about = MEASURES[name].about if name in MEASURES else ""
        yield item(name, PROPERTY, about=about, insert=f"{name}: ")


def in_variants(opened: Opened, before: str, line: int) -> Iterator[Item]:
    names = [*VARIED, *(each.name for each in opened.outline.of_kind("parameter"))]
    yield from (item(name, PROPERTY, insert=f"{name}: ") for name in names)


def in_input(opened: Opened, before: str, line: int) -> Iterator[Item]:
    yield from (item(name, PROPERTY, insert=f"{name}: ") for name in INPUT_KEYS)


SECTIONS = {
    "layers": in_chain,
    "blocks": in_chain,
    "defaults": in_defaults,
    "expect": in_expect,
    "variants": in_variants,
    "input": in_input,
}
