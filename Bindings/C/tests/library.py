"""librnnkit.so through ctypes: the structs of rnnkit.h, and errors as exceptions."""

import ctypes as c
import json
import os

import numpy as np

FLOAT32, FLOAT64, INT64, INT32, FLOAT16, BFLOAT16 = 1, 2, 3, 4, 5, 6
TYPES = {"float32": FLOAT32, "float64": FLOAT64, "int64": INT64, "int32": INT32, "float16": FLOAT16, "int16": 7, "int8": 8,
         "uint64": 9, "uint32": 10, "uint16": 11, "uint8": 12, "bool": 13}
USAGE, BAD_DATA, MISSING_INPUT, DEFECT, CANNOT_CREATE, INPUT_OUTPUT = 64, 65, 66, 70, 73, 74

text, size, int32, int64, pointer = c.c_char_p, c.c_size_t, c.c_int32, c.c_int64, c.c_void_p


class Array(c.Structure):
    _fields_ = [("name", text), ("data", pointer), ("shape", c.POINTER(int64)), ("strides", c.POINTER(int64)),
                ("type", int32), ("rank", int32)]


class Options(c.Structure):
    """With struct_size set, from keyword arguments; a list sets a member and its count."""

    def __init__(self, **members):
        super().__init__()
        self.struct_size = c.sizeof(self)
        self.kept = []
        for name, value in members.items():
            if isinstance(value, list):
                array = (text * len(value))(*[item.encode() for item in value])
                self.kept.append(array)
                setattr(self, name, array)
                setattr(self, (name[:-1] if name.endswith("s") else name) + "_count", len(value))
            else:
                setattr(self, name, value.encode() if isinstance(value, str) else value)


class OpenOptions(Options):
    _fields_ = [("struct_size", size)] + [
        (name, text) for name in ("format", "state_dict", "config", "forward", "nonlinearity", "head_activation")
    ] + [("modules", c.POINTER(text)), ("module_count", size), ("renames", c.POINTER(text)), ("rename_count", size),
         ("ignored", c.POINTER(text)), ("ignored_count", size), ("batch_first", int32), ("timeout", int32)]


class ConvertOptions(Options):
    _fields_ = [("struct_size", size), ("format", text), ("dtype", text), ("no_cases", int32), ("force", int32), ("timeout", int32)]


class PlanOptions(Options):
    _fields_ = [("struct_size", size), ("forward", text), ("modules", c.POINTER(text)), ("module_count", size),
                ("precision", int32), ("threads", int32)]


class PlanInfo(Options):
    _fields_ = [("struct_size", size), ("input_size", int64), ("output_size", int64)] + [
        (name, int32) for name in
        ("input_count", "output_count", "precision", "batch_first", "takes_indices", "ends_in_last_step", "streamable")]


class RunOptions(Options):
    _fields_ = [("struct_size", size), ("state", pointer), ("threads", int32)]


class Error(Exception):
    def __init__(self, kind, message, file, place, problem, remedy):
        super().__init__(message)
        self.kind, self.message, self.file, self.place, self.problem, self.remedy = kind, message, file, place, problem, remedy


PREFIX = os.environ["RNNKIT_PREFIX"]
lib = c.CDLL(PREFIX + "/lib/librnnkit.so")
for _name in ("open", "open_memory", "model_with_case", "plan_make", "state_make", "state_copy", "state_load", "runner_make",
              "describe", "plan_describe"):
    getattr(lib, "rnnkit_" + _name).restype = pointer
for _name in ("version", "error_message", "error_file", "error_place", "error_problem", "error_remedy"):
    getattr(lib, "rnnkit_" + _name).restype = text
lib.rnnkit_state_batch.restype = int64


def check(name, *arguments):
    """Calls a function with an error object after the arguments, and raises what that tells."""
    error = pointer()
    function = getattr(lib, "rnnkit_" + name)
    result = function(*arguments, c.byref(error))
    failed = result is None if function.restype is pointer else result != 0
    if failed:
        parts = [getattr(lib, "rnnkit_error_" + part)(error) for part in ("message", "file", "place", "problem", "remedy")]
        kind = lib.rnnkit_error_kind(error)
        lib.rnnkit_error_free(error)
        assert function.restype is pointer or result == kind, (result, kind)
        raise Error(kind, *[part if part is None else part.decode("utf-8", "surrogateescape") for part in parts])
    assert not error, "an error was set by what succeeded"
    return result


def taken(address):
    """Text that the library made, which is freed."""
    result = c.string_at(address).decode()
    lib.rnnkit_text_free(pointer(address))
    return result


def array(name, values, type=None):
    """An array as C has it; the values' own memory and strides."""
    values = np.asarray(values)
    result = Array(name if name is None else name.encode(), values.ctypes.data,
                   (int64 * max(1, values.ndim))(*values.shape), (int64 * max(1, values.ndim))(*values.strides),
                   TYPES[values.dtype.name] if type is None else type, values.ndim)
    result.kept = values
    return result


def arrays(members):
    items = [item if isinstance(item, Array) else array(*item) for item in members]
    result = (Array * max(1, len(items)))(*items)
    result.kept = items
    return result


class Handle:
    def __init__(self, kind, address):
        self.kind, self.address = kind, pointer(address)

    def __del__(self):
        getattr(lib, f"rnnkit_{self.kind}_free")(self.address)


def open_model(path, **options):
    return Handle("model", check("open", os.fsencode(path), c.byref(OpenOptions(**options))))


def open_bytes(data, name=None, **options):
    return Handle("model", check("open_memory", data, size(len(data)), name, c.byref(OpenOptions(**options))))


def describe(model):
    return json.loads(taken(check("describe", model.address)))


def read_tensors(model, case, arrays_):
    """Fills arrays by name with tensors of a model or members of a case."""
    targets = arrays(arrays_)
    check("model_read", model.address, case and case.encode(), targets, size(len(targets.kept)))


def plan_of(model, **options):
    return Handle("plan", check("plan_make", model.address, c.byref(PlanOptions(**options))))


def describe_plan(plan):
    return json.loads(taken(check("plan_describe", plan.address)))


def info(plan):
    result = PlanInfo()
    check("plan_get_info", plan.address, c.byref(result))
    return result


def shape_of(plan, name, steps, batch):
    shape, rank = (int64 * 8)(), int32()
    check("plan_get_shape", plan.address, name and name.encode(), int64(steps), int64(-1 if batch is None else batch), shape, c.byref(rank))
    return tuple(shape[:rank.value])


def run(plan, inputs, names=None, state=None, threads=0, outputs=None):
    """Runs it and gives the members of those names, all for None; into `outputs` where given."""
    given = arrays(inputs)
    about = describe_plan(plan)
    if outputs is None:
        axes = about["inputs"][0]["shape"]
        known = [name for i in about["inputs"] for name in i["names"]]
        x = next(item.kept for item in given.kept if item.name is None or item.name.decode() in known)
        batched = x.ndim == len(axes)
        at = dict(zip(axes if batched else [a for a in axes if a != "batch"], x.shape))
        names = [member["name"] for member in about["members"]] if names is None else names
        outputs = {name: np.full(shape_of(plan, name, at["time"], at["batch"] if batched else None), 7, about["precision"]) for name in names}
    targets = arrays(list(outputs.items()))
    options = RunOptions(threads=threads, state=state and state.address)
    check("run", plan.address, given, size(len(given.kept)), targets, size(len(targets.kept)), c.byref(options))
    return outputs


def state_of(plan, batch, members=()):
    given = arrays(members)
    return Handle("state", check("state_make", plan.address, int64(batch), given, size(len(members))))


def read_state(state, shapes, dtype):
    found = {name: np.zeros(shape, dtype) for name, shape in shapes.items()}
    targets = arrays(list(found.items()))
    check("state_read", state.address, targets, size(len(found)))
    return found


def runner_of(plan, batch=1, steps=1):
    return Handle("runner", check("runner_make", plan.address, int64(batch), int64(steps)))


def step(runner, state, x, y, steps=1):
    kind = ("indices_" if x.dtype == np.int64 else "") + y.dtype.name
    check("step_" + kind, runner.address, state.address, int64(steps), pointer(x.ctypes.data), size(x.size), pointer(y.ctypes.data), size(y.size))


def verify(model):
    holds, report = int32(), pointer()
    check("verify", model.address, c.byref(holds), c.byref(report))
    return holds.value == 1, json.loads(taken(report.value))


def convert(model, path, **options):
    report = pointer()
    check("convert", model.address, os.fsencode(path), c.byref(ConvertOptions(**options)), c.byref(report))
    return json.loads(taken(report.value))
