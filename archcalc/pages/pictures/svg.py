"""SVG: black on white, so that it can be printed, without scripts or fonts of its own."""

from collections.abc import Mapping
from typing import Any

from archcalc.pages.picture import Arrow, Card, Face, Label, Picture, Shape, draws
from archcalc.pages.styles import picture

INK, MUTED, LINE = "#1a1d22", "#5b636e", "#c9ced6"

HEAD = (
    '<defs><marker id="head" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="6" markerHeight="6" orient="auto">'
    f'<path d="M0 0L8 4L0 8z" fill="{MUTED}"/></marker></defs>'
)


@draws("svg")
def to_svg(document: Mapping[str, Any], style: str, depth: int) -> str:
    return written(picture(document, style, depth))


def written(made: Picture) -> str:
    """The text of the file."""
    width, height = round(made.width), round(made.height)
    place = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {place} font-family="Helvetica, Arial, sans-serif" role="img">',
        f"<title>{escaped(made.name)}</title>",
        HEAD,
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        *map(shape, made.shapes),
    ]
    return "\n".join([*lines, "</svg>\n"])


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def shape(each: Shape) -> str:
    match each:
        case Face(points, color, shade):
            corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            return (
                f'<polygon points="{corners}" fill="{mixed(color, shade)}" stroke="#{color}" stroke-linejoin="round"/>'
            )
        case Card(x, y, width, height, color):
            place = f'x="{x:.1f}" y="{y:.1f}" height="{height:.1f}"'
            return (
                f'<rect {place} width="{width:.1f}" rx="6" fill="#ffffff" stroke="{LINE}"/>'
                f'<rect {place} width="6" rx="3" fill="#{color}"/>'
            )
        case Arrow(path, is_skip):
            line = "".join(f"{command}{' '.join(f'{n:.1f}' for n in numbers)}" for command, numbers in path)
            dashes = ' stroke-dasharray="4 3"' if is_skip else ""
            return f'<path d="{line}" fill="none" stroke="{MUTED}"{dashes} marker-end="url(#head)"/>'
        case Label():
            weight = ' font-weight="bold"' if each.is_strong else ""
            place = f'x="{each.x:.1f}" y="{each.y:.1f}" text-anchor="{each.anchor}" font-size="{each.size:g}"'
            return f'<text {place}{weight} fill="{MUTED if each.is_muted else INK}">{escaped(each.text)}</text>'


def mixed(color: str, shade: float) -> str:
    """A colour on white.

    >>> mixed("3a7bd0", 0.5)
    '#9cbde8'
    """
    parts = (int(color[i : i + 2], 16) for i in (0, 2, 4))
    return "#" + "".join(f"{round(255 + (part - 255) * shade):02x}" for part in parts)
