"""What results have in common in Python: rows as a DataFrame, rich's and files' forms of their text."""

import os
from collections.abc import Callable, Mapping
from typing import Any

from archcalc.core.extra import MissingExtra


class Shown:
    """A result whose `str` is its table."""

    def __rich__(self) -> str:
        """Its text, in which rich reads no markup."""
        return str(self).replace("[", "\\[")


def data_frame(rows: list[dict[str, Any]]) -> Any:
    """Rows as a DataFrame of pandas. Raises MissingExtra if pandas is not installed."""
    try:
        import pandas  # lazy: 300 ms, and not a dependency
    except ModuleNotFoundError:
        raise MissingExtra("to_pandas needs pandas: pip install pandas; the rows themselves do not") from None
    return pandas.DataFrame(rows)


def save(path: str | os.PathLike[str], writers: Mapping[str, Callable[[], str]]) -> None:
    """Writes a file with the writer of its suffix. Raises ValueError for another suffix."""
    suffix = os.path.splitext(path)[1].lower()
    if suffix not in writers:
        raise ValueError(f"no format has the suffix '{suffix}'; use one of {', '.join(writers)}")
    text = writers[suffix]()  # before the file is opened: an error leaves it as it was
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
