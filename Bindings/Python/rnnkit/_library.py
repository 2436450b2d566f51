"""librnnkit.so through ctypes: the structs of rnnkit.h, handles, and errors as exceptions. ctypes frees the GIL."""

import ctypes as c
import os
from typing import Any, Dict, Optional, Sequence

from ._errors import Error, Kind, spelled

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_lib")
"""Where a wheel has librnnkit.so, rnn and rnn-hdf5."""

MAXIMUM_RANK = 8
_text, _size, _int32, _int64, _pointer = c.c_char_p, c.c_size_t, c.c_int32, c.c_int64, c.c_void_p
_texts = c.POINTER(_text)


class Array(c.Structure):
    _fields_ = [("name", _text), ("data", _pointer), ("shape", _pointer), ("strides", _pointer), ("type", _int32),
                ("rank", _int32)]


# RNNKIT_WORDS_PYTHON
_PYTHON = 1


class _Options(c.Structure):
    """With struct_size set, from keyword arguments; None is left out, a sequence sets a member and its count."""

    def __init__(self, **members: Any) -> None:
        super().__init__()
        self.struct_size = c.sizeof(self)
        self.kept = []
        for name, value in members.items():
            if value is None:
                continue
            if isinstance(value, (list, tuple)):
                array = (_text * len(value))(*[encoded(item, name) for item in value])
                self.kept.append(array)
                setattr(self, name, array)
                setattr(self, (name[:-1] if name.endswith("s") else name) + "_count", len(value))
            else:
                setattr(self, name, encoded(value, name) if isinstance(value, str) else value)


class OpenOptions(_Options):
    _fields_ = [("struct_size", _size)] + [
        (name, _text) for name in ("format", "state_dict", "config", "forward", "nonlinearity", "head_activation")
    ] + [("modules", _texts), ("module_count", _size), ("renames", _texts), ("rename_count", _size), ("ignored", _texts),
         ("ignored_count", _size), ("batch_first", _int32), ("timeout", _int32), ("words", _int32)]

    def __init__(self, **members: Any) -> None:
        super().__init__(words=_PYTHON, **members)


class ConvertOptions(_Options):
    _fields_ = [("struct_size", _size), ("format", _text), ("dtype", _text), ("no_cases", _int32), ("force", _int32),
                ("timeout", _int32)]


class PlanOptions(_Options):
    _fields_ = [("struct_size", _size), ("forward", _text), ("modules", _texts), ("module_count", _size),
                ("precision", _int32), ("threads", _int32)]


class RunOptions(_Options):
    _fields_ = [("struct_size", _size), ("state", _pointer), ("threads", _int32)]


def encoded(text: str, place: str) -> bytes:
    """UTF-8, with the bytes of file names as they are."""
    data = text.encode("utf-8", "surrogateescape")
    if b"\0" in data:
        raise Error(Kind.USAGE, "it holds a zero byte", place=place, remedy="leave it out")
    return data


def _decoded(data: Optional[bytes]) -> Optional[str]:
    return None if data is None else data.decode("utf-8", "surrogateescape")


def _load() -> c.CDLL:
    path = os.environ.get("RNNKIT_LIBRARY") or os.path.join(FOLDER, "librnnkit.so")
    try:
        lib = c.CDLL(path)
    except OSError as error:
        raise ImportError(
            f"{path}: {error}; install the wheel that `make wheel` builds, or name librnnkit.so in RNNKIT_LIBRARY") from error
    for name in ("open", "open_memory", "model_with_case", "plan_make", "state_make", "state_copy", "state_load", "runner_make",
                 "describe", "plan_describe"):
        getattr(lib, "rnnkit_" + name).restype = _pointer
    for name in ("version", "error_file", "error_place"):
        getattr(lib, "rnnkit_" + name).restype = _text
    for name in ("problem_in", "remedy_in"):
        function = getattr(lib, "rnnkit_error_" + name)
        function.argtypes, function.restype = [_pointer, _int32], _pointer
    for name in ("model", "plan", "state", "runner", "text", "error"):
        function = getattr(lib, f"rnnkit_{name}_free")
        function.argtypes, function.restype = [_pointer], None
    for name in ("file", "place", "kind"):
        getattr(lib, "rnnkit_error_" + name).argtypes = [_pointer]
    lib.rnnkit_state_batch.argtypes, lib.rnnkit_state_batch.restype = [_pointer], _int64
    arrays, error = c.POINTER(Array), _pointer
    lib.rnnkit_run.argtypes = [_pointer, arrays, _size, arrays, _size, _pointer, error]
    for name in ("float32", "float64", "indices_float32", "indices_float64"):
        getattr(lib, "rnnkit_step_" + name).argtypes = [_pointer, _pointer, _int64, _pointer, _size, _pointer, _size, error]
    return lib


lib = _load()


def check(name: str, *arguments: Any) -> Any:
    """Calls rnnkit_`name` with an error after the arguments, and raises what that tells."""
    function, error = getattr(lib, "rnnkit_" + name), _pointer()
    result = function(*arguments, c.byref(error))
    if (result is None) if function.restype is _pointer else (result != 0):
        try:
            file, place = (_decoded(getattr(lib, "rnnkit_error_" + part)(error)) for part in ("file", "place"))
            problem, remedy = (
                spelled(taken(getattr(lib, f"rnnkit_error_{part}_in")(error, _PYTHON))) or None for part in ("problem", "remedy"))
            raise Error(lib.rnnkit_error_kind(error) or Kind.DEFECT, problem or "it failed and did not say why", file=file,
                        place=place, remedy=remedy)
        finally:
            lib.rnnkit_error_free(error)
    return result


def taken(address: Optional[int]) -> str:
    """Text that the library made, which is freed."""
    try:
        return c.string_at(address or 0).decode("utf-8", "surrogateescape") if address else ""
    finally:
        lib.rnnkit_text_free(address)


class Handle:
    """Something of the library's, freed with this object."""

    __slots__ = ("address", "_free")

    def __init__(self, kind: str, address: int) -> None:
        self.address = _pointer(address)
        self._free = getattr(lib, f"rnnkit_{kind}_free")

    def __del__(self) -> None:
        self._free(self.address)


def open_path(path: bytes, options: Dict[str, Any]) -> Handle:
    return Handle("model", check("open", path, c.byref(OpenOptions(**options))))


def open_bytes(data: Any, name: Optional[str], options: Dict[str, Any]) -> Handle:
    view = memoryview(data).cast("B")
    if view.readonly:
        data = bytes(view)
    else:
        data = (c.c_char * len(view)).from_buffer(view)
    return Handle("model", check(
        "open_memory", data, _size(len(view)), name and encoded(name, "name"), c.byref(OpenOptions(**options))))


def report(name: str, *arguments: Any) -> str:
    """The report that a function sets through its last argument."""
    text = _pointer()
    check(name, *arguments, c.byref(text))
    return taken(text.value)


def describe(kind: str, handle: Handle) -> str:
    return taken(check("describe" if kind == "model" else "plan_describe", handle.address))


def state_batch(handle: Handle) -> int:
    return lib.rnnkit_state_batch(handle.address)


def command(arguments: Sequence[str]) -> None:
    """Becomes the command `rnn`; returns only by an exception."""
    path = os.path.join(FOLDER, "rnn")
    os.execv(path, ["rnn", *arguments])
