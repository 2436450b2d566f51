"""Models over columns of Spark data frames.

    scored = rnnkit.spark.score(df, "model.rnn", "sequence")
"""

import os
import shutil
from typing import Any, Iterator, Optional, Sequence, Union

from ._arrays import PathLike
from ._errors import usage
from ._model import Model
from ._open import open_model, reopened

__all__ = ["score"]


def score(
    df: Any, model: Union[Model, PathLike], column: str, name: str = "score", *, output: Optional[str] = None,
    keep: Optional[Sequence[str]] = None, rows: int = 1920,
) -> Any:
    """The data frame with a column of a model's results.

    The model's file is sent once to each executor (`SparkContext.addFile`), and each of its Python processes opens it once. A
    row's result has the same bits on every partitioning and batch size. `rnnkit` and pyarrow are installed on the executors.

    Args:
        df: a `pyspark.sql.DataFrame`.
        model: a `Model`, or a path of this machine.
        column: the column of sequences: array<float> for one feature, array<bigint> for an embedding's indices, or
            array<array<float>>, the features.
        name: the new column: float or double, an array of them for several features, and an array for each step of those where
            the model gives every step.
        output: the member to return; None for what the forward gives first.
        keep: which of the data frame's columns the result has beside the new one; None for all. What is not kept need not
            travel back from Python.
        rows: how many sequences are run at once, at most.

    Raises:
        Error: USAGE where there are no such columns, or one of the new name already.
    """
    from pyspark.sql import types

    opened = model if isinstance(model, Model) else open_model(model)
    frame, kept = df, list(df.columns if keep is None else keep)
    for wanted in [column, *kept]:
        if wanted not in df.columns:
            raise usage(f"there is no column {wanted}", f"use one of {', '.join(df.columns)}", "df")
    if name in kept:
        raise usage(f"there is a column {name} already", "pass another name=", "df")
    if keep is not None:
        wanted = kept if column in kept else [*kept, column]
        frame = df.select(*["`" + item.replace("`", "``") + "`" for item in wanted])
    place = frame.columns.index(column)
    plan = opened._plan
    key = plan.result if output is None else output
    plan.shape(key, 1, 1)
    axes = plan.members[key]
    number: Any = types.FloatType() if plan.dtype == "float32" else types.DoubleType()
    size = 1
    for axis in axes:
        size *= axis if isinstance(axis, int) else 1
    kind = number if size == 1 else types.ArrayType(number)
    if "time" in axes:
        kind = types.ArrayType(kind)
    schema = types.StructType(frame.schema.fields[:len(kept)] + [types.StructField(name, kind, True)])
    source = opened._source
    checksum, file = None, None
    context = getattr(df.sparkSession, "_sc", None)
    if source.path is not None and context is not None:
        checksum = opened.__reduce__()[1][1]
        file = _sent(context, source.path, checksum)
        source = source._replace(path=None)
    elif source.path is not None:
        with open(source.path, "rb") as data:
            source = source._replace(path=None, data=data.read())

    def scored(batches: Iterator[Any]) -> Iterator[Any]:
        for batch in _scored(batches, source, file, checksum, place, len(kept), name, output, rows):
            yield batch

    return frame.mapInArrow(scored, schema)


def _sent(context: Any, path: bytes, checksum: str) -> str:
    """Adds a model's file to the context under a name of its contents, as Spark refuses a second file of one name."""
    file = f"{checksum[:16]}-{os.path.basename(os.fsdecode(path))}"
    # Spark's own folder, which it removes at the end.
    target = os.path.join(context._temp_dir, file)
    if not os.path.exists(target):
        try:
            os.link(path, target)
        except OSError:
            shutil.copyfile(path, target + ".part")
            os.replace(target + ".part", target)
    if not any(item.endswith("/" + file) for item in context.listFiles):
        context.addFile(target)
    return file


def _scored(
    batches: Iterator[Any], source: Any, file: Optional[str], checksum: Optional[str], place: int, kept: int, name: str,
    output: Optional[str], rows: int,
) -> Iterator[Any]:
    """What runs on an executor: takes the sequences from the column at `place`, and gives the first columns back."""
    import pyarrow

    from . import arrow

    if file is not None and checksum is not None:
        from pyspark import SparkFiles

        model = reopened(source._replace(path=os.fsencode(SparkFiles.get(file))), checksum, True)
    else:
        import hashlib

        model = reopened(source, hashlib.sha256(source.data or b"").hexdigest(), False)
    for batch in batches:
        found = pyarrow.array(arrow.run(model, batch.column(place), output=output, rows=rows))
        yield pyarrow.RecordBatch.from_arrays(
            batch.columns[:kept] + [found.cast(_variable(found.type, pyarrow))], names=batch.schema.names[:kept] + [name])


def _variable(kind: Any, pyarrow: Any) -> Any:
    """A type without fixed-size and large lists, which Spark does not have."""
    if pyarrow.types.is_fixed_size_list(kind) or pyarrow.types.is_large_list(kind) or pyarrow.types.is_list(kind):
        return pyarrow.list_(_variable(kind.value_type, pyarrow))
    return kind
