"""Models as functions of DuckDB.

    rnnkit.duckdb.register(connection, "score", model)
    connection.sql("SELECT id, score(sequence) FROM sequences")
"""

from typing import Any, Optional, Union

from . import arrow
from ._arrays import PathLike
from ._model import Model
from ._open import open_model

__all__ = ["register"]


def register(
    connection: Any, name: str, model: Union[Model, PathLike], *, output: Optional[str] = None, threads: Optional[int] = None
) -> None:
    """Makes a function of a list column: FLOAT[] for one feature, BIGINT[] for an embedding's indices, or FLOAT[][].

    It gives FLOAT (or DOUBLE), an array FLOAT[n] for n features, and a list for each row of those where the model gives every
    step. NULL gives NULL. Needs pyarrow, as all of DuckDB's functions of Arrow columns do.
    """
    import pyarrow

    opened = model if isinstance(model, Model) else open_model(model)
    plan = opened._plan
    key = plan.result if output is None else output
    plan.shape(key, 1, 1)
    number = "FLOAT" if plan.dtype == "float32" else "DOUBLE"
    entry, axes = plan.inputs[0], plan.members[key]
    size = 1
    for axis in axes:
        size *= axis if isinstance(axis, int) else 1
    taken = "BIGINT[]" if entry.indices is not None else f"{number}[]" if entry.shape[-1] == 1 else f"{number}[][]"
    given = (number if size == 1 else f"{number}[{size}]") + ("[]" if "time" in axes else "")

    def function(column: Any) -> Any:
        found = pyarrow.array(arrow.run(opened, column, output=output, threads=threads))
        return found.cast(pyarrow.list_(found.type.value_type)) if pyarrow.types.is_large_list(found.type) else found

    connection.create_function(name, function, [taken], given, type="arrow", null_handling="special")
