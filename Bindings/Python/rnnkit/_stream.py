"""States, and streams that carry one along."""

import ctypes as c
import os
from typing import TYPE_CHECKING, Dict, Mapping, Optional

import numpy as np

from . import _library
from ._arrays import ArrayLike, Members, PathLike, array
from ._errors import usage
from ._plan import sized

if TYPE_CHECKING:
    from ._model import Model


class State:
    """What a recurrent network carries from one step to the next, for a batch of sequences.

    Made by `Model.state` or `Model.load_state`. `Model.run` starts from it and leaves it at the last step. Used by one
    thread at a time; pickles with its model.
    """

    def __init__(self, model: "Model", handle: _library.Handle) -> None:
        self.model = model
        self._handle = handle

    @property
    def batch(self) -> int:
        """How many rows it has."""
        return _library.state_batch(self._handle)

    def arrays(self) -> Dict[str, np.ndarray]:
        """Copies of its members, "h0", "c0", "<module>.h0", ...: (layers * directions, batch, size) each, in the model's
        precision."""
        plan = self.model._plan
        found = {name: np.empty(sized(axes, 0, self.batch), plan.dtype) for name, axes in plan.states.items()}
        members = Members(found.items())
        _library.check("state_read", self._handle.address, *members.arguments)
        return found

    def copy(self) -> "State":
        """Another of the same numbers."""
        return State(self.model, _library.Handle("state", _library.check("state_copy", self._handle.address)))

    def save(self, path: PathLike, *, force: bool = False) -> None:
        """Writes it to a .npz or .json file, as `rnn run --state-out` does. `force` replaces an existing file."""
        _library.check("state_save", self._handle.address, os.fsencode(path), c.c_int32(force))

    def __reduce__(self):
        return _state, (self.model, self.batch, self.arrays())

    def __repr__(self) -> str:
        plan = self.model._plan
        return f"State({', '.join(f'{name} {sized(axes, 0, self.batch)}' for name, axes in plan.states.items())})"


def _state(model: "Model", batch: int, members: Mapping[str, np.ndarray]) -> State:
    return model.state(batch, **members)


class Stream:
    """Runs a model's steps as they come, its state carried along. Made by `Model.stream`.

    Results are the same bits as those of one `Model.run` over all steps. Used by one thread at a time; pickles with its
    state, so that it goes on in another process.

    Attributes:
        model: the model.
        state: the `State`, which may be read, replaced, or set with `reset`.
    """

    def __init__(self, model: "Model", state: State, batched: bool, chunk: int) -> None:
        plan = model._plan
        self.model, self.state, self._batched, self._chunk, self._rows = model, state, batched, chunk, state.batch
        self._runner = _library.Handle("runner", _library.check(
            "runner_make", plan.handle.address, c.c_int64(self._rows), c.c_int64(chunk)))
        self._indices = plan.inputs[0].indices is not None
        self._step = "step_" + ("indices_" if self._indices else "") + plan.dtype.name
        self._keeps_time = "time" in plan.members[plan.result]

    def reset(self, state: Optional[State] = None) -> None:
        """Starts again from `state`, or from the model's own start."""
        self.state = self.model.state(self._rows) if state is None else state

    def __call__(self, x: ArrayLike) -> np.ndarray:
        """Runs a piece of a sequence, of any number of steps: the axes of `Model.run`, without the batch where the stream
        was made without one. Returns what `Model.run` returns of these steps."""
        plan = self.model._plan
        given = array(x, "x")
        swaps = plan.batch_first and self._batched
        rank = len(plan.inputs[0].shape) - (0 if self._batched else 1)
        if given.ndim != rank:
            axes = [str(axis) for axis in plan.inputs[0].shape if self._batched or axis != "batch"]
            raise usage(f"it has {given.ndim} axes", f"pass ({', '.join(axes)})", "x")
        if swaps:
            given = given.swapaxes(0, 1)
        return self._run(given, swaps)

    def step(self, x: ArrayLike) -> np.ndarray:
        """Runs one step: (batch, features), or (features,) where the stream was made without a batch; for indices
        without features. Returns the same axes of the output."""
        plan = self.model._plan
        given = array(x, "x")[np.newaxis]
        if given.ndim != len(plan.inputs[0].shape) - (0 if self._batched else 1):
            raise usage(f"a step of shape {given.shape[1:]}", "pass one step, or call the stream with a piece", "x")
        result = self._run(given, False)
        return result[0] if self._keeps_time else result

    def _run(self, given: np.ndarray, swaps: bool) -> np.ndarray:
        plan = self.model._plan
        features = () if self._indices else (plan.inputs[0].shape[-1],)
        expected = (given.shape[0],) + ((self._rows,) if self._batched else ()) + features
        if given.shape != expected:
            raise usage(f"its shape is {given.shape}, time first", f"pass {expected}", "x")
        if self._indices:
            if given.dtype.kind not in "iu":
                raise usage(f"its elements are {given.dtype}", "pass whole numbers, indices of the embedding", "x")
            given = np.ascontiguousarray(given, np.int64)
        else:
            if given.dtype.kind != "f":
                raise usage(f"its elements are {given.dtype}", 'convert them: x.astype("float32")', "x")
            given = np.ascontiguousarray(given, plan.dtype)
        count = given.shape[0]
        axes = plan.members[plan.result]
        target = np.empty(
            ((count,) if self._keeps_time else ()) + ((self._rows,) if self._batched else ()) + (int(axes[-1]),), plan.dtype)
        _library.check(
            self._step, self._runner.address, self.state._handle.address, count, given.ctypes.data, given.size,
            target.ctypes.data, target.size)
        return target.swapaxes(0, 1) if swaps and self._keeps_time else target

    def __reduce__(self):
        return Stream, (self.model, self.state, self._batched, self._chunk)

    def __repr__(self) -> str:
        return f"Stream(batch={self._rows if self._batched else None})"
