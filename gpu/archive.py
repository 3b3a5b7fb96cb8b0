"""The archive: one compressed file for each part, in a few volumes that are whole after every part."""

import gzip
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MOST_BYTES = 15 * 2**20
"""The size of a volume."""

VOLUMES = 7
"""The number of volumes; what does not fit is kept without its recordings."""

RECORDINGS = "measurement"
"""The largest part of a result."""


class Archive:
    """A folder of volumes `part-1.tar`, `part-2.tar`, ...; parts are only added."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def volumes(self) -> list[Path]:
        return sorted(self.folder.glob("part-*.tar"), key=lambda path: int(path.stem.removeprefix("part-")))

    def names(self) -> set[str]:
        """The parts that it has."""
        return {name for name, _ in self.members()}

    def members(self) -> Iterator[tuple[str, bytes]]:
        for volume in self.volumes:
            yield from members_of(volume)

    def add(self, name: str, result: dict[str, Any]) -> None:
        """Adds a part, without its recordings if there is no room for them. Nothing that is there is written again."""
        packed = compressed(result)
        volume = self.room_for(len(packed))
        if volume is None:
            packed = compressed({**result, RECORDINGS: None, "left_out": "recordings: the archive is full"})
            volume = self.volumes[-1]
        about = tarfile.TarInfo(f"{name}.json.gz")
        about.size = len(packed)
        with tarfile.open(volume, "a") as archive:
            archive.addfile(about, io.BytesIO(packed))

    def room_for(self, size: int) -> Path | None:
        """The volume for so many bytes more: the last one, or a new one; None if there are enough."""
        found = self.volumes
        if found and found[-1].stat().st_size + size <= MOST_BYTES:
            return found[-1]
        return self.folder / f"part-{len(found) + 1}.tar" if len(found) < VOLUMES else None


def compressed(result: dict[str, Any]) -> bytes:
    return gzip.compress(json.dumps(result, separators=(",", ":")).encode(), mtime=0)


def members_of(volume: Path) -> Iterator[tuple[str, bytes]]:
    """The parts of a volume, by name, still compressed; one that was cut off as it was written is left out."""
    with tarfile.open(volume) as archive:
        try:
            for member in archive:
                file = archive.extractfile(member)
                if file:
                    yield member.name.removesuffix(".json.gz"), file.read()
        except tarfile.ReadError:
            return


def read(packed: bytes) -> dict[str, Any]:
    """The result of a part."""
    found: dict[str, Any] = json.loads(gzip.decompress(packed))
    return found
