"""NumPy's arrays as the library takes them: where they are, with their strides."""

import ctypes as c
import os
from typing import Any, Iterable, List, Optional, Tuple, Union

import numpy as np

from . import _library
from ._errors import usage

ArrayLike = Any
PathLike = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]

_NUMBERS = {
    "float32": 1, "float64": 2, "int64": 3, "int32": 4, "float16": 5, "bfloat16": 6, "int16": 7, "int8": 8, "uint64": 9,
    "uint32": 10, "uint16": 11, "uint8": 12, "bool": 13,
}
_WORDS = c.c_int64 * (2 * _library.MAXIMUM_RANK)


def array(values: Any, place: str) -> np.ndarray:
    """Values as an array of a type that the library knows, in the machine's byte order; the memory of one that is one.

    A torch tensor is taken as it is, off its graph and its device. Raises `Error` (USAGE) for other types: objects, text,
    complex and long floats, masked arrays.
    """
    if hasattr(values, "detach") and hasattr(values, "numpy"):
        values = values.detach().cpu()
        if str(values.dtype) == "torch.bfloat16":
            values = values.float()
        values = values.numpy()
    if isinstance(values, np.ma.MaskedArray):
        raise usage("it is a masked array", "pass lengths= for sequences of several lengths, or fill it", place)
    try:
        result = np.asarray(values)
    except ValueError as error:
        raise usage(f"it is no array: {error}", "pass one array of numbers, and lengths= beside it", place) from None
    if result.dtype.name not in _NUMBERS:
        raise usage(f"its elements are {result.dtype}", 'convert them: x.astype("float32")', place)
    if result.ndim > _library.MAXIMUM_RANK:
        raise usage(f"it has {result.ndim} axes", f"pass one of at most {_library.MAXIMUM_RANK}", place)
    if not result.dtype.isnative:
        result = result.astype(result.dtype.newbyteorder("="))
    return result


class Members:
    """Arrays by their names, for one call. Keeps what the structs point to."""

    __slots__ = ("array", "count", "_kept")

    def __init__(self, members: Iterable[Tuple[Optional[str], np.ndarray]]) -> None:
        items: List[Tuple[Optional[str], np.ndarray]] = list(members)
        self.count = len(items)
        self.array = (_library.Array * max(1, self.count))()
        self._kept: List[Any] = []
        for target, (name, values) in zip(self.array, items):
            words = _WORDS(*values.shape)
            rank = values.ndim
            words[_library.MAXIMUM_RANK:_library.MAXIMUM_RANK + rank] = values.strides
            address = c.addressof(words)
            if name is not None:
                target.name = _library.encoded(name, "name")
            target.data = values.ctypes.data
            target.shape = address
            target.strides = address + 8 * _library.MAXIMUM_RANK
            target.type = _NUMBERS[values.dtype.name]
            target.rank = rank
            self._kept.append((words, values))

    @property
    def arguments(self) -> Tuple[Any, c.c_size_t]:
        """The pointer and the count that a function takes."""
        return self.array, c.c_size_t(self.count)
