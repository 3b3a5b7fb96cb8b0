"""Parquet: columns of any number of rows, written in groups. Whole numbers are int64; larger ones are texts."""

from pathlib import Path
from typing import Any

from archcalc.core.extra import MissingExtra
from archcalc.sweeping.sweep import Sweep


def write_to(sweep: Sweep, path: Path) -> None:
    """Writes the rows to a file. Raises MissingExtra if pyarrow is not installed."""
    try:
        import pyarrow  # lazy: an optional package
        import pyarrow.parquet  # lazy: an optional package
    except ImportError:
        raise MissingExtra("Parquet files need pyarrow: pip install 'archcalc[dask]'") from None
    schema, writer = None, None
    try:
        for table in sweep.tables():
            arrays = {name: as_array(values, pyarrow) for name, values in table.items()}
            if writer is None:
                types = [(name, each.type) for name, each in arrays.items()]
                schema = pyarrow.schema(types, metadata={"archcalc sweep": sweep.question.spec})
                writer = pyarrow.parquet.ParquetWriter(path, schema)
            columns = [arrays[field.name].cast(field.type) for field in schema or ()]
            writer.write_table(pyarrow.Table.from_arrays(columns, schema=schema))
    finally:
        if writer is not None:
            writer.close()


def as_array(values: list[Any], pyarrow: Any) -> Any:
    """A column as an array of int64, or of texts."""
    if all(value is None or (isinstance(value, int) and abs(value) < 2**63) for value in values):
        return pyarrow.array(values, type=pyarrow.int64())
    return pyarrow.array([None if value is None else str(value) for value in values], type=pyarrow.string())
