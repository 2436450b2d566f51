"""Opening models, in this process and after a pickle."""

import os
import threading
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple, Union

from ._arrays import PathLike
from ._errors import Error, Kind, usage
from ._model import Model, all_models
from ._plan import PRECISIONS
from ._source import Source, digest, identity

# The last one that was used stands last.
_cache: Dict[Tuple[Source, str], Model] = {}
_KEPT = 8
_cache_lock = threading.Lock()


def _after_fork() -> None:
    """Locks that another thread held at a fork are free in the child, where that thread is not."""
    global _cache_lock
    _cache_lock = threading.Lock()
    for model in list(all_models):
        model._lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def reopened(source: Source, checksum: str, is_path: bool) -> Model:
    """The model of a pickle, opened once a process: the few last ones stay open, as tasks come one after another."""
    key = (Source(*source), checksum)
    with _cache_lock:
        model = _cache.pop(key, None)
        if model is None:
            path = key[0].path if is_path else None
            before = None if path is None else identity(path)
            if path is not None and digest(path) != checksum:
                raise Error(Kind.BAD_DATA, "it is not the file that was pickled: its checksum differs", file=os.fsdecode(path),
                            remedy="put that file there, or open and pickle this one")
            model = Model(key[0])
            if path is not None and not before == model._identity == identity(path):
                raise Error(Kind.BAD_DATA, "it was changed while it was opened", file=model.file, remedy="try again")
            model._checksum = checksum
        _cache[key] = model
        while len(_cache) > _KEPT:
            del _cache[next(iter(_cache))]
        return model


def open_model(
    model: Union[PathLike, bytearray, memoryview], *, forward: Optional[str] = None, modules: Optional[Sequence[str]] = None,
    batch_first: bool = False, format: Optional[str] = None, state_dict: Optional[str] = None, config: Optional[PathLike] = None,
    nonlinearity: Optional[str] = None, head_activation: Optional[str] = None,
    renames: Union[Mapping[str, str], Sequence[str], None] = None, ignore: Sequence[str] = (), precision: Optional[str] = None,
    threads: int = 1, timeout: int = 0, name: Optional[str] = None,
) -> Model:
    """Opens a model file of any format that RNNKit reads, recognised by content, and checks it.

    Args:
        model: a path (str or PathLike), or a file's bytes (bytes, bytearray or memoryview), which are copied.
        forward: what is computed, "fc(last(lstm(x)))", where the file does not say; a PyTorch `forward` may be pasted.
        modules: takes these modules alone, in this order.
        batch_first: says that inputs are (batch, time, features), where the file does not say.
        format: the format's name, instead of recognising it by content.
        state_dict: which of several models in the file: "ema", "policy.pth:ema".
        config: the path of the config of Keras weights that have none.
        nonlinearity: "tanh" or "relu", of RNNs whose file does not say.
        head_activation: "tanh", "relu", "sigmoid", "softmax" or "log_softmax".
        renames: tensors' names to those of PyTorch: {"enc_w_ih": "gru.weight_ih_l0"}.
        ignore: "masks", "half-precision", "unreadable", "randomness", "forward": what may be gone without.
        precision: "float32" or "float64"; None for float64 where a weight is float64, else float32.
        threads: how many threads a run may use; results are the same bits.
        timeout: seconds of CPU time in which reading HDF5 must get further; 0 for the default.
        name: what bytes are called in errors; "memory" otherwise.

    Returns:
        A `Model`. It is made ready to run when it is first run; what was assumed is an `AssumptionWarning` then.

    Raises:
        Error: MISSING_INPUT where there is no such file, BAD_DATA where it is damaged or not supported, USAGE where the
            arguments do not fit it. An empty file is BAD_DATA; sizes in a file are checked before memory is taken for them.
    """
    if precision not in PRECISIONS:
        raise usage(f"it is {precision!r}", 'use "float32", "float64" or None', "precision")
    if not 1 <= threads <= 4096:
        raise usage(f"{threads} threads", "use 1 to 4096", "threads")
    if isinstance(renames, Mapping):
        renames = [f"{old}={new}" for old, new in renames.items()]
    options: Dict[str, Any] = {
        "format": format, "state_dict": state_dict, "config": None if config is None else os.path.abspath(os.fsencode(config)),
        "forward": forward, "nonlinearity": nonlinearity, "head_activation": head_activation,
        "modules": tuple(_listed(modules, "modules")) or None, "renames": tuple(_listed(renames, "renames")) or None,
        "ignored": tuple(_listed(ignore, "ignore")) or None, "batch_first": int(batch_first), "timeout": timeout,
    }
    kept = tuple((key, value) for key, value in options.items() if value)
    if isinstance(model, (bytes, bytearray, memoryview)):
        return Model(Source(None, bytes(model), name, kept, precision, threads))
    try:
        path = os.path.abspath(os.fsencode(model))
    except TypeError:
        raise usage(f"it is {type(model).__name__}", "pass a path or a file's bytes", "model") from None
    if b"\0" in path:
        raise usage("it holds a zero byte", "pass the path of a file", "model")
    return Model(Source(path, None, None, kept, precision, threads))


def _listed(names: Optional[Sequence[str]], place: str) -> Sequence[str]:
    if isinstance(names, str):
        raise usage("it is one string", f"pass a list: {place}=[{names!r}]", place)
    return () if names is None else names


def convert(
    source: Union[PathLike, bytearray, memoryview], target: PathLike, *, to: Optional[str] = None, dtype: Optional[str] = None,
    no_cases: bool = False, force: bool = False, timeout: int = 0, **options: Any,
) -> Dict[str, Any]:
    """Converts a model file, as `rnn convert` does: `rnnkit.convert("model.keras", "model.onnx")`.

    Further options are those of `rnnkit.open`; `to` is the target's format, where its extension does not tell, and the
    others those of `Model.save`, whose report is returned. Raises `Error`; the target is whole or not there.
    """
    return open_model(source, timeout=timeout, **options).save(
        target, format=to, dtype=dtype, no_cases=no_cases, force=force, timeout=timeout)
