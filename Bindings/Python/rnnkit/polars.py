"""Models over columns of Polars.

    frame.with_columns(rnnkit.polars.score("sequence", model).alias("score"))
"""

from typing import Any, Optional, Union

from . import arrow
from ._arrays import PathLike
from ._model import Model
from ._open import open_model

__all__ = ["score"]


def score(column: Any, model: Union[Model, PathLike], *, output: Optional[str] = None, threads: Optional[int] = None) -> Any:
    """An expression of a model's results over a list column, by its name or an expression, as `rnnkit.arrow.run` takes it.

    One number a row, an array for several features, and a list for each row of those where the model gives every step.
    """
    import polars

    opened = model if isinstance(model, Model) else open_model(model)
    plan = opened._plan
    key = plan.result if output is None else output
    plan.shape(key, 1, 1)
    axes = plan.members[key]
    size = 1
    for axis in axes:
        size *= axis if isinstance(axis, int) else 1
    kind: Any = polars.Float32 if plan.dtype == "float32" else polars.Float64
    if size != 1:
        kind = polars.Array(kind, size)
    if "time" in axes:
        kind = polars.List(kind)
    expression = polars.col(column) if isinstance(column, str) else column

    def run(series: Any) -> Any:
        return polars.Series(series.name, arrow.run(opened, series, output=output, threads=threads))

    return expression.map_batches(run, return_dtype=kind)
