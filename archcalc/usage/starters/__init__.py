"""Specs to start from, one per kind of network.

In: the name of a kind. Out: the text of a commented spec. To touch: add a spec; its name is the kind.
"""

from pathlib import Path

FOLDER = Path(__file__).parent


def starters() -> list[str]:
    """The kinds of networks that there is a spec for."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def starter(kind: str) -> str:
    """The text of the spec for a kind of network."""
    return (FOLDER / f"{kind}.yaml").read_text(encoding="utf-8")
