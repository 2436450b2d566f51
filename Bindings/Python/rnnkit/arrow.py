"""Models over Arrow columns, of pyarrow, polars, duckdb, pandas or any other library that speaks Arrow's C data interface.

    scores = rnnkit.arrow.run(model, table["sequence"])
    pyarrow.array(scores)

A row is a sequence: a list column's offsets are the lengths, and nothing has to be padded. Nothing is imported: whatever has
`__arrow_c_array__` or `__arrow_c_stream__` goes in, and what comes out has `__arrow_c_array__`.
"""

import ctypes as c
import os
from typing import Any, Iterator, List, NamedTuple, Optional, Tuple

import numpy as np

from . import _library
from ._errors import Error, Kind, usage
from ._model import Model

__all__ = ["Array", "run"]

_int64, _pointer = c.c_int64, c.c_void_p


class _Schema(c.Structure):
    pass


class _Array(c.Structure):
    pass


class _Stream(c.Structure):
    _fields_ = [("get_schema", c.CFUNCTYPE(c.c_int, _pointer, _pointer)), ("get_next", c.CFUNCTYPE(c.c_int, _pointer, _pointer)),
                ("get_last_error", c.CFUNCTYPE(c.c_char_p, _pointer)), ("release", _pointer), ("private_data", _pointer)]


_Schema._fields_ = [
    ("format", c.c_char_p), ("name", c.c_char_p), ("metadata", _pointer), ("flags", _int64), ("n_children", _int64),
    ("children", c.POINTER(c.POINTER(_Schema))), ("dictionary", _pointer), ("release", _pointer), ("private_data", _pointer)]
_Array._fields_ = [
    ("length", _int64), ("null_count", _int64), ("offset", _int64), ("n_buffers", _int64), ("n_children", _int64),
    ("buffers", c.POINTER(_pointer)), ("children", c.POINTER(c.POINTER(_Array))), ("dictionary", _pointer), ("release", _pointer),
    ("private_data", _pointer)]

_release = c.CFUNCTYPE(None, _pointer)
_python = c.pythonapi
_python.PyCapsule_GetPointer.argtypes, _python.PyCapsule_GetPointer.restype = [c.py_object, c.c_char_p], _pointer
_python.PyCapsule_New.argtypes, _python.PyCapsule_New.restype = [_pointer, c.c_char_p, _pointer], c.py_object

_lib = c.PyDLL(os.path.join(os.environ.get("RNNKIT_ARROW_FOLDER") or _library.FOLDER, "librnnkit_arrow.so"))
# Frees the GIL, which what takes Python's capsules needs.
_clib = c.CDLL(_lib._name)
_clib.rnnkit_arrow_gather.argtypes, _clib.rnnkit_arrow_gather.restype = [_pointer] * 4 + [_int64] * 3, None
_clib.rnnkit_arrow_scatter.argtypes, _clib.rnnkit_arrow_scatter.restype = [_pointer] * 4 + [_int64] * 4, None
_lib.rnnkit_arrow_schema.argtypes, _lib.rnnkit_arrow_schema.restype = [c.c_char_p, c.c_char_p, _int64, _int64], c.POINTER(_Schema)
_lib.rnnkit_arrow_array.argtypes = [_int64, _int64, _int64, c.POINTER(_pointer), c.POINTER(_int64), _int64]
_lib.rnnkit_arrow_array.restype = c.POINTER(_Array)

_NUMBERS = {"f": "float32", "g": "float64", "e": "float16", "l": "int64", "i": "int32", "s": "int16", "c": "int8", "L": "uint64",
            "I": "uint32", "S": "uint16", "C": "uint8"}
_FORMATS = {"float32": "f", "float64": "g"}
_NULLABLE = 2
_MOST = 1 << 22
"""Numbers of the sequences that are run at once, at most."""
_FEW, _MIXED = 64, 192
"""From `_FEW` sequences of one length on they are run by themselves, without padding; of fewer, `_MIXED` of like length."""


class _Column(NamedTuple):
    """Sequences where they lie: rows of `values` from `starts` on, `lengths` of them; rows that are null are not valid."""

    values: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    valid: Optional[np.ndarray]


def _refuse(problem: str, remedy: str) -> Error:
    return Error(Kind.BAD_DATA, problem, place="column", remedy=remedy)


def _bytes(address: Optional[int], dtype: str, start: int, count: int) -> np.ndarray:
    """Elements of a buffer, without a copy."""
    if count == 0:
        return np.empty(0, dtype)
    if not address:
        raise _refuse("a buffer is missing", "use an Arrow array that its own library finds valid")
    size = np.dtype(dtype).itemsize
    return np.frombuffer((c.c_char * (count * size)).from_address(address + start * size), dtype)


def _valid(array: _Array, start: int, count: int) -> Optional[np.ndarray]:
    """Which elements are not null; None for all."""
    if array.null_count == 0 or array.n_buffers == 0 or not array.buffers[0] or count == 0:
        return None
    first = start // 8
    bits = _bytes(array.buffers[0], "uint8", first, (start + count + 7) // 8 - first)
    found = np.unpackbits(bits, bitorder="little")[start - 8 * first:][:count].astype(bool)
    return None if found.all() else found


def _lists(schema: _Schema, array: _Array, start: int, count: int) -> Tuple[np.ndarray, np.ndarray]:
    """Where lists begin in their child, and how long they are."""
    kind = schema.format.decode()
    if kind in ("+l", "+L"):
        offsets = _bytes(array.buffers[1], "int32" if kind == "+l" else "int64", start, count + 1 if count else 0).astype(np.int64)
        lengths = np.diff(offsets)
        if count and (offsets[0] < 0 or (lengths < 0).any()):
            raise _refuse("its offsets go backwards", "use an Arrow array that its own library finds valid")
        return (offsets[:-1] if count else offsets), lengths
    size = int(kind[3:])
    return np.arange(start, start + count, dtype=np.int64) * size, np.full(count, size, np.int64)


def _is_list(kind: str) -> bool:
    return kind in ("+l", "+L") or kind.startswith("+w:")


def _column(schema: _Schema, array: _Array) -> _Column:
    """A list array as sequences. Raises `Error` (BAD_DATA) for other types and for nulls inside of sequences."""
    kind = schema.format.decode()
    if kind == "n":
        # A batch without a single sequence tells no other type.
        nothing = np.zeros(array.length, np.int64)
        return _Column(np.empty((0, 1), "float32"), nothing, nothing, nothing.astype(bool))
    if not _is_list(kind):
        raise _refuse(f"its Arrow format is {kind!r}, not lists of numbers", "use a list column, of numbers or of lists of features")
    starts, lengths = _lists(schema, array, array.offset, array.length)
    valid = _valid(array, array.offset, array.length)
    if valid is not None:
        # What a null row's offsets span is nothing.
        lengths = np.where(valid, lengths, 0)
    child_schema, child = schema.children[0].contents, array.children[0].contents
    end = int((starts + lengths).max()) if len(starts) else 0
    first = int(starts[lengths > 0].min()) if (lengths > 0).any() else 0
    if end > child.length:
        raise _refuse("its offsets lead out of its values", "use an Arrow array that its own library finds valid")
    count = max(0, end - first)
    _no_nulls(child, child.offset + first, count)
    kind = child_schema.format.decode()
    if not _is_list(kind):
        values = _numbers(child_schema, child, first, count)[:, np.newaxis]
        return _Column(values, starts - first, lengths, valid)
    inner_starts, sizes = _lists(child_schema, child, child.offset + first, count)
    features = int(sizes[0]) if count else 0
    if (sizes != features).any():
        raise _refuse(f"steps have {int(sizes.min())} to {int(sizes.max())} features", "give every step as many")
    number_schema, numbers = child_schema.children[0].contents, child.children[0].contents
    if count and int((inner_starts + sizes).max()) > numbers.length:
        raise _refuse("its offsets lead out of its values", "use an Arrow array that its own library finds valid")
    begin = int(inner_starts[0]) if count else 0
    _no_nulls(numbers, numbers.offset + begin, count * features)
    values = _numbers(number_schema, numbers, begin, count * features)
    if count:
        values = values.reshape(count, features)
    return _Column(values if count else values.reshape(0, 1), starts - first, lengths, valid)


def _no_nulls(array: _Array, start: int, count: int) -> None:
    found = _valid(array, start, count)
    if found is not None and not found.all():
        raise _refuse(f"{int((~found).sum())} steps or features are null", "fill them, or make the whole row null")


def _numbers(schema: _Schema, array: _Array, start: int, count: int) -> np.ndarray:
    kind = schema.format.decode()
    if kind not in _NUMBERS:
        raise _refuse(f"its numbers are of Arrow's format {kind!r}", "use float32, float64, float16 or whole numbers")
    return _bytes(array.buffers[1], _NUMBERS[kind], array.offset + start, count)


def _pieces(column: Any) -> Iterator[_Column]:
    """The arrays of a column, each alive while it is used."""
    if hasattr(column, "__arrow_c_array__"):
        schema, array = column.__arrow_c_array__()
        yield _column(_Schema.from_address(_python.PyCapsule_GetPointer(schema, b"arrow_schema")),
                      _Array.from_address(_python.PyCapsule_GetPointer(array, b"arrow_array")))
        return
    if not hasattr(column, "__arrow_c_stream__"):
        raise usage(f"it is {type(column).__name__}", "pass something with __arrow_c_array__ or __arrow_c_stream__: a pyarrow or "
                    "polars column", "column")
    capsule = column.__arrow_c_stream__()
    address = _python.PyCapsule_GetPointer(capsule, b"arrow_array_stream")
    stream, schema = _Stream.from_address(address), _Schema()

    def checked(status: int) -> None:
        if status != 0:
            raise _refuse(f"its stream failed: {(stream.get_last_error(address) or b'').decode(errors='replace')}", "read it again")

    checked(stream.get_schema(address, c.addressof(schema)))
    try:
        while True:
            array = _Array()
            checked(stream.get_next(address, c.addressof(array)))
            if not array.release:
                return
            try:
                yield _column(schema, array)
            finally:
                _release(array.release)(c.addressof(array))
    finally:
        _release(schema.release)(c.addressof(schema))


class Array:
    """An Arrow array: what has `__arrow_c_array__` is taken by `pyarrow.array`, `polars.Series` and others.

    A row's result is a number where the model gives one feature, else a fixed-size list; a list of these for each sequence
    where the model gives every step. Rows that are null stay null.
    """

    def __init__(self, values: np.ndarray, lengths: Optional[np.ndarray], valid: Optional[np.ndarray]) -> None:
        self._values, self._lengths, self._valid = values, lengths, valid

    def __len__(self) -> int:
        return len(self._values) if self._lengths is None else len(self._lengths)

    def __repr__(self) -> str:
        return f"Array({len(self)} rows of {self._format})"

    @property
    def _format(self) -> str:
        step = str(self._values.dtype) + ("" if self._values.shape[1] == 1 else f"[{self._values.shape[1]}]")
        return step if self._lengths is None else f"list<{step}>"

    def __arrow_c_schema__(self) -> Any:
        """A capsule of the type alone."""
        return self._schema()

    def __arrow_c_array__(self, requested_schema: Any = None) -> Tuple[Any, Any]:
        """Capsules of the type and of a copy of the numbers."""
        schema = self._schema()
        array = _lib.rnnkit_arrow_array
        steps, size = self._values.shape
        values = np.ascontiguousarray(self._values)
        nulls = 0 if self._valid is None else int((~self._valid).sum())
        bits = None if self._valid is None else np.packbits(self._valid, bitorder="little")

        def made(length: int, nulls: int, buffers: List[Optional[np.ndarray]], child: Any) -> Any:
            addresses = (_pointer * max(1, len(buffers)))(*[None if item is None else item.ctypes.data for item in buffers])
            sizes = (_int64 * max(1, len(buffers)))(*[-1 if item is None else item.nbytes for item in buffers])
            result = array(length, nulls, len(buffers), addresses, sizes, 0 if child is None else 1)
            if not result:
                raise MemoryError
            if child is not None:
                result.contents.children[0] = child
            return result

        rows = self._lengths is None
        result = made(steps * size, nulls if rows and size == 1 else 0, [bits if rows and size == 1 else None, values], None)
        if size != 1:
            result = made(steps, nulls if rows else 0, [bits if rows else None], result)
        if not rows:
            assert self._lengths is not None
            offsets = np.concatenate([[0], np.cumsum(self._lengths)]).astype(np.int64)
            result = made(len(self._lengths), nulls, [bits, offsets], result)
        return schema, _python.PyCapsule_New(c.addressof(result.contents), b"arrow_array",
                                             c.cast(_lib.rnnkit_arrow_end_array, _pointer))

    def _schema(self) -> Any:
        make = _lib.rnnkit_arrow_schema

        def made(format: str, name: str, child: Any) -> Any:
            result = make(format.encode(), name.encode(), _NULLABLE, 0 if child is None else 1)
            if not result:
                raise MemoryError
            if child is not None:
                result.contents.children[0] = child
            return result

        size, rows = self._values.shape[1], self._lengths is None
        result = made(_FORMATS[self._values.dtype.name], "" if rows and size == 1 else "item", None)
        if size != 1:
            result = made(f"+w:{size}", "" if rows else "item", result)
        if not rows:
            result = made("+L", "", result)
        return _python.PyCapsule_New(c.addressof(result.contents), b"arrow_schema", c.cast(_lib.rnnkit_arrow_end_schema, _pointer))


def run(model: Model, column: Any, *, output: Optional[str] = None, rows: int = 1920, threads: Optional[int] = None) -> Array:
    """Runs a model over a column of sequences.

    Args:
        model: one with a single input.
        column: an object with `__arrow_c_array__` or `__arrow_c_stream__`. Its type is a list of numbers, for one feature or
            indices of an embedding, or a list of lists or fixed-size lists, the features. Sequences of one length that lie
            one after another are read where they are; others are gathered, those of like length together.
        output: the member to return; None for what the forward gives first.
        rows: how many sequences are run at once, at most. Results are the same bits with any number.
        threads: as in `Model.run`.

    Returns:
        An `Array` of as many rows. A null row's result is null, as is that of a sequence without steps where there is one
        result a sequence; where there is one a step, it is an empty list.

    Raises:
        Error: BAD_DATA for other types, nulls inside of sequences, and features that do not fit; USAGE for an unknown output.
    """
    plan = model._plan
    if len(plan.inputs) != 1:
        raise usage(f"it takes {len(plan.inputs)} inputs", "use one of a single input", "model")
    name = plan.result if output is None else output
    plan.shape(name, 1, 1)
    results = [_run(model, name, piece, rows, threads) for piece in _pieces(column)]
    axes = plan.members[name]
    size = int(np.prod([axis for axis in axes if isinstance(axis, int)], dtype=np.int64))
    values = np.concatenate([np.empty((0, size), plan.dtype)] + [item[0] for item in results])
    steps = "time" in axes
    lengths = np.concatenate([np.empty(0, np.int64)] + [item[1] for item in results])
    valid = np.concatenate([np.empty(0, bool)] + [item[2] for item in results])
    return Array(values, lengths if steps else None, None if valid.all() else valid)


def _run(
    model: Model, name: str, column: _Column, rows: int, threads: Optional[int]
) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Results by row, or by step in the rows' order; lengths; which are not null."""
    plan = model._plan
    axes = plan.members[name]
    others = tuple(axis for axis in axes if isinstance(axis, int))
    size = int(np.prod(others, dtype=np.int64))
    indices = plan.inputs[0].indices is not None
    values = column.values[:, 0] if indices else column.values
    if indices and column.values.shape[1] != 1:
        raise _refuse(f"steps have {column.values.shape[1]} features", "give indices of the embedding alone")
    lengths = column.lengths
    by_step = "time" in axes
    valid = np.ones(len(lengths), bool) if column.valid is None else column.valid.copy()
    if not by_step:
        valid &= lengths > 0
    ends = np.cumsum(lengths)
    targets = ends - lengths
    total = int(ends[-1]) if len(ends) else 0
    found = np.zeros((total if by_step else len(lengths), size), plan.dtype)
    # Longest first, so that memory is taken once; of one length in the order in which they lie.
    order = np.argsort(-lengths, kind="stable")
    order = order[lengths[order] > 0]
    sorted_lengths = lengths[order]
    other_length = np.searchsorted(-sorted_lengths, -sorted_lengths, side="right")
    # Axes of a run: where it has the batch and time, then what is left.
    place = [axes.index("batch")] + ([axes.index("time")] if by_step else [])
    by_time = plan.inputs[0].shape.index("time") == 0
    start = 0
    while start < len(order):
        longest = int(sorted_lengths[start])
        count = max(1, min(rows, _MOST // (longest * max(1, values[:1].size)), len(order) - start))
        equal = int(other_length[start]) - start
        if equal < count:
            count = equal if equal >= _FEW else min(count, _MIXED)
        chosen = order[start:start + count]
        start += count
        counts, begins = lengths[chosen], column.starts[chosen]
        even = equal >= count
        if even and (np.diff(begins) == longest).all():
            x = values[begins[0]:begins[0] + longest * count].reshape((count, longest) + values.shape[1:])
        else:
            x = np.empty((count, longest) + values.shape[1:], values.dtype)
            _move(_clib.rnnkit_arrow_gather, values, x, begins, counts, longest, values[:1].nbytes)
        x = x.swapaxes(0, 1) if by_time else x
        first, shape = int(chosen[0]), (count, longest) if by_step else (count,)
        out = None
        if even and int(chosen[-1]) - first == count - 1:
            # Rows that lie side by side: results go where they belong at once.
            begin = int(targets[first]) if by_step else first
            out = np.moveaxis(found[begin:begin + count * longest if by_step else begin + count].reshape(shape + others),
                              range(len(place)), place)
        y = model.run(x, lengths=None if even else counts, outputs=name, threads=threads, out=out)
        if out is not None:
            continue
        if by_step:
            y = np.ascontiguousarray(y)
            _move(_clib.rnnkit_arrow_scatter, found, y, targets[chosen], counts, y.strides[place[0]], y.strides[place[1]],
                  found[:1].nbytes)
        else:
            found[chosen] = np.moveaxis(y, place, range(len(place))).reshape(count, size)
    return found, lengths, valid


def _move(
    function: Any, values: np.ndarray, rows: np.ndarray, starts: np.ndarray, counts: np.ndarray, *numbers: int
) -> None:
    function(values.ctypes.data, rows.ctypes.data, starts.ctypes.data, counts.ctypes.data, len(counts), *numbers)
