"""Models."""

import ctypes as c
import hashlib
import json
import os
import threading
import warnings
import weakref
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union, overload

import numpy as np

from . import _library
from ._arrays import ArrayLike, Members, PathLike, array
from ._errors import AssumptionWarning, Error, Kind, usage
from ._line import Step, steps
from ._plan import Input, Member, Plan
from ._source import Identity, Source, digest, identity
from ._stream import State, Stream

all_models: "weakref.WeakSet[Model]" = weakref.WeakSet()
"""Every one that is alive, whose locks a child is given anew after a fork."""


class Verification(Dict[str, Any]):
    """What `rnn verify --json` prints. True where every reference case holds."""

    @property
    def holds(self) -> bool:
        """Whether every reference case holds."""
        return bool(self["holds"])

    def __bool__(self) -> bool:
        return self.holds


class Model:
    """A model that was opened with `rnnkit.open`: called like a function, it runs.

    Any number of threads may use one at once, and the GIL is free while it loads and runs. It may be used after a fork in
    parent and child. It pickles by path and checksum, or by its bytes where it was opened from bytes; a process that
    unpickles it several times opens it once, and a native file is mapped, so that processes share its memory.
    """

    def __init__(self, source: Source, handle: Optional[_library.Handle] = None) -> None:
        self._source = source
        self._lock = threading.Lock()
        self._made: Optional[Plan] = None
        self._about: Optional[Dict[str, Any]] = None
        self._checksum: Optional[str] = None
        self._extended = handle is not None
        options = dict(source.options)
        self._identity: Optional[Identity] = None
        if handle is not None:
            self._handle = handle
        elif source.path is not None:
            self._identity = identity(source.path)
            self._handle = _library.open_path(source.path, options)
        else:
            self._handle = _library.open_bytes(source.data, source.name, options)
        all_models.add(self)

    # ---- What it is

    @property
    def _plan(self) -> Plan:
        made = self._made
        if made is None:
            with self._lock:
                made = self._made
                if made is None:
                    made = Plan(self._handle, self._source.precision, self._source.threads)
                    self._made = made
                    for note in made.notes:
                        warnings.warn(f"{self.file}: {note}", AssumptionWarning, stacklevel=3)
        return made

    @property
    def file(self) -> str:
        """The path it was opened from, or the name of the bytes."""
        return self._source.name or "memory" if self._source.path is None else os.fsdecode(self._source.path)

    @property
    def forward(self) -> Optional[str]:
        """What is computed, as a line: "fc(last(lstm(x)))"."""
        return self.describe()["architecture"]["forward"]

    @property
    def steps(self) -> List[Step]:
        """The line's steps in the order in which they run, with the names of what each takes."""
        return steps(self.forward)

    @property
    def inputs(self) -> List[Input]:
        """What a run takes, in the forward's order."""
        return list(self._plan.inputs)

    @property
    def members(self) -> List[Member]:
        """What a run can give, by the names that `outputs=` takes."""
        return [Member(*item) for item in self._plan.members.items()]

    @property
    def result(self) -> str:
        """The name of the member that the forward gives first, which `run` returns."""
        return self._plan.result

    @property
    def states(self) -> List[Member]:
        """What a state consists of."""
        return [Member(*item) for item in self._plan.states.items()]

    @property
    def dtype(self) -> np.dtype:
        """float32 or float64: the type of every output."""
        return self._plan.dtype

    @property
    def batch_first(self) -> bool:
        """Whether inputs and outputs are (batch, time, features) rather than (time, batch, features)."""
        return self._plan.batch_first

    @property
    def streamable(self) -> bool:
        """Whether time only runs forward, so that `stream` works."""
        return self._plan.streamable

    @property
    def notes(self) -> List[str]:
        """What was assumed of the model's file, a sentence each."""
        return list(self.describe()["notes"])

    def describe(self) -> Dict[str, Any]:
        """What `rnn inspect --json` prints: architecture, modules, parameters, reference cases, metadata. Reads every
        weight once, the first time."""
        if self._about is None:
            self._about = json.loads(_library.describe("model", self._handle))
        return self._about

    def __repr__(self) -> str:
        lines = [f"  ({module['name']}): {module['repr']}\n" for module in self.describe()["modules"]]
        return f"Model(\n{''.join(lines)})" if lines else "Model()"

    def parameters(self) -> Dict[str, np.ndarray]:
        """Copies of the weights by their names. bfloat16 comes as float32, which holds every one of its numbers."""
        return self._read(None, self.describe()["parameters"])

    def case(self, name: str) -> Dict[str, np.ndarray]:
        """Copies of the inputs and outputs of a reference case."""
        cases = {item["name"]: item["members"] for item in self.describe()["cases"]}
        if name not in cases:
            raise usage("there is no such reference case", f"use one of {', '.join(cases) or 'none'}", name)
        return self._read(name, cases[name])

    def _read(self, case: Optional[str], items: Sequence[Mapping[str, Any]]) -> Dict[str, np.ndarray]:
        found = {
            item["name"]: np.empty(item["shape"], "uint16" if item["dtype"] == "bfloat16" else item["dtype"])
            for item in items}
        members = Members(found.items())
        for target, item in zip(members.array, items):
            if item["dtype"] == "bfloat16":
                target.type = 6
        _library.check("model_read", self._handle.address, case and _library.encoded(case, "case"), *members.arguments)
        for item in items:
            if item["dtype"] == "bfloat16":
                found[item["name"]] = (found[item["name"]].astype("uint32") << 16).view("float32")
        return found

    # ---- Running

    @overload
    def run(
        self, x: ArrayLike = ..., *, lengths: Optional[ArrayLike] = ..., state: Union[State, Mapping[str, ArrayLike], None] = ...,
        threads: Optional[int] = ..., out: Optional[np.ndarray] = ..., outputs: Optional[str] = ..., **inputs: ArrayLike,
    ) -> np.ndarray: ...

    @overload
    def run(
        self, x: ArrayLike = ..., *, lengths: Optional[ArrayLike] = ..., state: Union[State, Mapping[str, ArrayLike], None] = ...,
        threads: Optional[int] = ..., out: Optional[Mapping[str, np.ndarray]] = ..., outputs: Sequence[str], **inputs: ArrayLike,
    ) -> Dict[str, np.ndarray]: ...

    def run(self, x=None, *, lengths=None, state=None, threads=None, out=None, outputs=None, **inputs):
        """Runs whole sequences.

        Args:
            x: (time, batch, features), or (batch, time, features) where the model is batch-first, or either without the
                batch; indices of an embedding have no features. float32, float64, float16 or, for indices, whole numbers;
                rounded or widened to the model's precision. A contiguous float32 array is read where it is. Several
                inputs are given by their names, as keyword arguments or in a mapping.
            lengths: for each row how many steps count, 0 to time. As with PyTorch's packed sequences, output past a
                length is zero, and states are those of each last step.
            state: what to start from: a `State`, which is left as the run leaves it, or arrays by their names, "h0", "c0",
                "<module>.h0". None is the model's own start.
            threads: how many threads may be used; None for those of `open`. Results are the same bits.
            out: where the results go: an array of the result's shape and dtype, of any strides, or a mapping of such.
            outputs: a member's name, "output", "hn", "cn", "y", ..., or a list of names.

        Returns:
            An array, in the model's precision, of the member that the forward gives first or that `outputs` names; for a
            list of names, or a mapping in `out`, a dictionary. NaN and infinity go through the arithmetic as they are. Of
            no rows come arrays of no rows.

        Raises:
            Error: USAGE for names, shapes and types that do not fit; BAD_DATA for indices and lengths that are out of range
                and for arrays of no steps or that are too large. Nothing was written then.
        """
        plan = self._plan
        given: List[Tuple[Optional[str], np.ndarray]] = []
        if isinstance(x, Mapping):
            inputs = {**x, **inputs}
        elif x is not None:
            given.append((None, array(x, "x")))
        elif not inputs:
            raise usage("no input is given", f"pass {' and '.join(item.names[0] for item in plan.inputs)}", "x")
        given += [(name, array(values, name)) for name, values in inputs.items()]
        steps, batch = self._sizes(given)
        if lengths is not None:
            counts = array(lengths, "lengths")
            # An empty list is float64 to NumPy.
            given.append(("lengths", counts.astype(np.int64) if counts.size == 0 else counts))
        handle = None
        if isinstance(state, State):
            handle = state._handle.address
        elif state is not None:
            given += [(name, array(values, name)) for name, values in state.items()]
        targets = self._targets(out, outputs, steps, batch)
        if threads is not None and not 1 <= threads <= 4096:
            raise usage(f"{threads} threads", "use 1 to 4096, or None for those of rnnkit.open", "threads")
        sources, sinks = Members(given), Members(targets.items())
        options = _library.RunOptions(state=handle, threads=threads)
        _library.check(
            "run", plan.handle.address, sources.array, sources.count, sinks.array, sinks.count, c.addressof(options))
        if isinstance(out, Mapping) or not (outputs is None or isinstance(outputs, str)):
            return targets
        return next(iter(targets.values()))

    __call__ = run

    def _sizes(self, given: Sequence[Tuple[Optional[str], np.ndarray]]) -> Tuple[int, Optional[int]]:
        """How many steps and rows there are; no rows without an axis for them. Where nothing fits, the run says why."""
        plan = self._plan
        for name, values in given:
            axes = plan.inputs[0 if name is None else plan.names.get(name, 0)].shape if name is None or name in plan.names else ()
            if "time" in axes and values.ndim == len(axes):
                return values.shape[axes.index("time")], values.shape[axes.index("batch")]
            if "time" in axes and values.ndim == len(axes) - 1:
                return values.shape[[axis for axis in axes if axis != "batch"].index("time")], None
        return 0, None

    def _targets(self, out: Any, outputs: Any, steps: int, batch: Optional[int]) -> Dict[str, np.ndarray]:
        plan = self._plan
        if isinstance(out, Mapping):
            names = list(out) if outputs is None else [outputs] if isinstance(outputs, str) else list(outputs)
            given = dict(out)
        else:
            names = [plan.result] if outputs is None else [outputs] if isinstance(outputs, str) else list(outputs)
            given = {}
            if out is not None:
                if len(names) != 1:
                    raise usage(f"it is one array for {len(names)} outputs", "pass a mapping of names to arrays", "out")
                given[names[0]] = out
        unknown = [name for name in given if name not in names]
        if unknown:
            raise usage("it is not among outputs", "name it there, or leave it out", f"out: {unknown[0]}")
        targets: Dict[str, np.ndarray] = {}
        for name in names:
            shape = plan.shape(name, steps, batch)
            if name in given:
                target = given[name]
                if not isinstance(target, np.ndarray) or target.dtype != plan.dtype or target.shape != shape:
                    found = f"{target.dtype} {target.shape}" if isinstance(target, np.ndarray) else type(target).__name__
                    raise usage(f"it is {found}", f"pass an array of {plan.dtype} {shape}", f"out: {name}")
                if not target.flags.writeable:
                    raise usage("it is read-only", "pass an array that may be written to", f"out: {name}")
                targets[name] = target
            else:
                try:
                    targets[name] = np.empty(shape, plan.dtype)
                except (MemoryError, ValueError, OverflowError):
                    raise Error(Kind.BAD_DATA, f"{plan.dtype} {shape} does not fit into memory", place=name,
                                remedy="use a smaller batch or a shorter sequence") from None
        return targets

    def shape(self, name: Optional[str] = None, *, time: int, batch: Optional[int] = None) -> Tuple[int, ...]:
        """The shape of a member of a run of so many steps and rows; `batch` None for an input without that axis."""
        return self._plan.shape(self._plan.result if name is None else name, time, batch)

    def state(self, batch: int = 1, **members: ArrayLike) -> State:
        """The state to start a batch from: the model's own, else zeros, with the members that are given: h0, c0 of
        (layers * directions, batch, size). Members with a dot in their name go as `**{"lstm.h0": h}`."""
        plan = self._plan
        given = Members((name, array(values, name)) for name, values in members.items())
        return State(self, _library.Handle("state", _library.check(
            "state_make", plan.handle.address, c.c_int64(batch), *given.arguments)))

    def load_state(self, path: PathLike) -> State:
        """Reads what `State.save` or `rnn run --state-out` wrote."""
        return State(self, _library.Handle("state", _library.check("state_load", self._plan.handle.address, os.fsencode(path))))

    def stream(self, batch: Optional[int] = None, *, state: Optional[State] = None, chunk: int = 64) -> Stream:
        """A stream: steps as they come, with the state carried along.

        Args:
            batch: how many sequences go side by side; None for one, whose arrays have no axis for it.
            state: what to start from; it is carried along. None for the model's own start.
            chunk: how many steps are computed at once; larger is faster for long pieces and takes more memory.

        Raises:
            Error: where time does not only run forward, or the model has several inputs or outputs.
        """
        start = self.state(1 if batch is None else batch) if state is None else state
        if state is not None and state.batch != (1 if batch is None else batch):
            raise usage(f"it has {state.batch} rows", f"pass batch={state.batch}", "state")
        return Stream(self, start, batch is not None, chunk)

    # ---- Checking and writing

    def verify(self) -> Verification:
        """Replays the reference cases, the outputs that the model's framework gave. True where every one holds; raises
        `Error` (BAD_DATA) where there is none."""
        holds, text = c.c_int32(), ""
        text = _library.report("verify", self._handle.address, c.byref(holds))
        result = Verification(json.loads(text))
        result["holds"] = holds.value == 1
        return result

    def with_case(self, name: str, **members: ArrayLike) -> "Model":
        """The same model with one more reference case: `input` and what its framework gave, by their names."""
        given = Members((key, array(values, key)) for key, values in members.items())
        handle = _library.Handle("model", _library.check(
            "model_with_case", self._handle.address, _library.encoded(name, "name"), *given.arguments))
        return Model(self._source, handle)

    def save(
        self, path: PathLike, *, format: Optional[str] = None, dtype: Optional[str] = None, no_cases: bool = False,
        force: bool = False, timeout: int = 0,
    ) -> Dict[str, Any]:
        """Writes the model to a file, which appears whole or not at all.

        Args:
            path: where; its extension tells the format.
            format: the format's name (`rnn formats`) instead.
            dtype: "f64", "f32", "f16", "bf16" or "int8" rounds weights; None keeps every bit.
            no_cases: leaves reference cases out.
            force: replaces an existing file.
            timeout: seconds of CPU time in which writing HDF5 must get further; 0 for the default.

        Returns:
            What was mapped, assumed, rounded or left out, as `rnn convert --json` prints it.
        """
        options = _library.ConvertOptions(
            format=format, dtype=dtype, no_cases=int(no_cases), force=int(force), timeout=timeout)
        return json.loads(_library.report("convert", self._handle.address, os.fsencode(path), c.byref(options)))

    # ---- Other processes

    def __reduce__(self):
        from ._open import reopened

        if self._extended:
            raise Error(Kind.USAGE, "a model with a case that is in no file cannot be sent to another process", file=self.file,
                        remedy="save it, and open what was written")
        source = self._source
        if source.path is None:
            return reopened, (source, hashlib.sha256(source.data or b"").hexdigest(), False)
        if self._checksum is None:
            checksum = digest(source.path)
            if self._identity is None or identity(source.path) != self._identity:
                raise Error(Kind.BAD_DATA, "the file was changed since it was opened", file=self.file, remedy="open it again")
            self._checksum = checksum
        return reopened, (source, self._checksum, True)

    def __copy__(self) -> "Model":
        return self

    def __deepcopy__(self, memo: Any) -> "Model":
        return self
