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
        for volume in self.volumes:
            repair(volume)

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
    for member, packed in whole_members(volume):
        yield member.name.removesuffix(".json.gz"), packed


def whole_members(volume: Path) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    try:
        with tarfile.open(volume) as archive:
            for member in archive:
                file = archive.extractfile(member)
                if file:
                    yield member, file.read()
    except tarfile.ReadError:
        return


def repair(volume: Path) -> None:
    """Cuts off what a run that was ended while it wrote has left at the end, so that parts can be added again."""
    end = 0
    for member, packed in whole_members(volume):
        end = member.offset_data + -(-len(packed) // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
    content = volume.read_bytes()[:end]
    if not content:
        volume.unlink()
    elif len(content) < end or not ends(volume, end):
        volume.write_bytes(content.ljust(end, tarfile.NUL) + 2 * tarfile.BLOCKSIZE * tarfile.NUL)


def ends(volume: Path, at: int) -> bool:
    """Whether a volume has its end there: two blocks of zeros or more, and nothing else."""
    rest = volume.read_bytes()[at:]
    return len(rest) >= 2 * tarfile.BLOCKSIZE and not any(rest)


def read(packed: bytes) -> dict[str, Any]:
    """The result of a part."""
    found: dict[str, Any] = json.loads(gzip.decompress(packed))
    return found
