"""A callable for whatever hands out batches of a table: Ray Data's map_batches, Dask's map_partitions, Beam's Map.

    dataset.map_batches(rnnkit.batches.Scorer, fn_constructor_args=[model, "sequence"], batch_format="pyarrow")
    frame.map_partitions(rnnkit.batches.Scorer(model, "sequence"))
    tables | beam.Map(rnnkit.batches.Scorer(model, "sequence"))

The model travels as its pickle does, by path and checksum, and each process opens it once. Where workers do not see the path,
open it from bytes: `rnnkit.open(pathlib.Path("model.rnn").read_bytes())`.
"""

from typing import Any, Optional, Union

import numpy as np

from . import arrow
from ._arrays import PathLike
from ._errors import usage
from ._model import Model
from ._open import open_model

__all__ = ["Scorer"]


class Scorer:
    """Adds a column of a model's results to a batch.

    Args:
        model: a `Model`, or a path.
        column: the column of sequences, as `rnnkit.arrow.run` takes them.
        name: the new column.
        output: the member to return; None for what the forward gives first.
        threads: as in `Model.run`; engines run several processes, so 1 is the default.
    """

    def __init__(
        self, model: Union[Model, PathLike], column: str, name: str = "score", *, output: Optional[str] = None, threads: int = 1
    ) -> None:
        self.model = model if isinstance(model, Model) else open_model(model)
        self.column, self.name, self.output, self.threads = column, name, output, threads

    def __call__(self, batch: Any) -> Any:
        """A pyarrow table or record batch, a pandas data frame, or a mapping of NumPy arrays; returns one of the same kind.

        In a data frame or a mapping a sequence is a list or an array, of numbers or of lists or arrays of features, and None
        or a missing value is a row without one; a mapping may have one array of (rows, time) or (rows, time, features) too.
        """
        import pyarrow

        if isinstance(batch, (pyarrow.Table, pyarrow.RecordBatch)):
            return batch.append_column(self.name, self._results(batch.column(self._known(batch.schema.names))))
        if hasattr(batch, "assign") and hasattr(batch, "columns"):
            series = batch[self._known(list(batch.columns))]
            column = pyarrow.array(_rows(series)) if series.dtype == object else pyarrow.array(series)
            # Under the frame's own index. Lists become arrays of NumPy's, as in every frame that Arrow makes.
            scores = self._results(column).to_pandas()
            return batch.assign(**{self.name: scores.set_axis(batch.index)})
        if hasattr(batch, "keys"):
            given = batch[self._known(list(batch))]
            if isinstance(given, np.ndarray) and given.dtype != object and given.ndim > 1:
                column = pyarrow.array(np.ascontiguousarray(given).reshape(-1))
                for size in reversed(given.shape[1:]):
                    column = pyarrow.FixedSizeListArray.from_arrays(column, size)
            else:
                column = pyarrow.array(_rows(given))
            return {**batch, self.name: self._results(column).to_numpy(zero_copy_only=False)}
        raise usage(f"it is {type(batch).__name__}", 'pass pyarrow, pandas or NumPy batches: batch_format="pyarrow"', "batch")

    def _known(self, names: Any) -> str:
        if self.column not in names:
            raise usage("there is no such column", f"use one of {', '.join(map(str, names))}", self.column)
        return self.column

    def _results(self, column: Any) -> Any:
        import pyarrow

        return pyarrow.array(arrow.run(self.model, column, output=self.output, threads=self.threads))


def _rows(values: Any) -> Any:
    """Sequences as pyarrow takes them, which has nothing of two axes. A NaN inside of one stays a number."""
    return [None if not hasattr(row, "__len__") else list(row) if getattr(row, "ndim", 1) > 1 else row for row in values]
