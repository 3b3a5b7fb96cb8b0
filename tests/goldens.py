"""Golden files: what people see, word for word. `GOLDEN=write pytest` writes them, to be read."""

import os
from pathlib import Path

FOLDER = Path(__file__).parent / "golden"


def assert_golden(name: str, text: str, folder: Path = FOLDER) -> None:
    """The text is that of the golden file of that name."""
    file = folder / name
    if os.environ.get("GOLDEN") == "write":
        folder.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")
