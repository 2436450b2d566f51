"""Writes pickles of tensors among other objects, chosen at random, and what their tensors are.

python3 random_pickles.py FOLDER COUNT SEED: FOLDER/<n>.pt or .pkl, and FOLDER/<n>.json with dtype, shape and bytes of
each tensor of the model in order. Needs torch and NumPy, whose own picklers write every byte.
"""

import argparse
import array
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import json
import operator
import pathlib
import pickle
import random
import re
import sys
import types
import uuid

import numpy
import torch


class Colour(enum.Enum):
    RED = 1
    GREEN = "green"


@dataclasses.dataclass
class Config:
    hidden: int = 5
    path: pathlib.Path = pathlib.Path("a/b")


Point = collections.namedtuple("Point", "x y")


class Slots:
    __slots__ = ("a", "b")

    def __init__(self):
        self.a, self.b = 1, [2]


class AttributeDict(dict):
    """As Lightning's, Munch and others."""


class Ordered(collections.OrderedDict):
    pass


class Items(list):
    pass


class WithNew:
    def __new__(cls, a, *, b):
        value = super().__new__(cls)
        value.a, value.b = a, b
        return value

    def __getnewargs_ex__(self):
        return (self.a,), {"b": self.b}


class WithReduce:
    def __init__(self):
        self.items, self.entries = [1, "two"], {"three": 3}

    def append(self, value):
        pass

    def __setitem__(self, key, value):
        pass

    def __reduce__(self):
        return WithReduce, (), {"state": self.items}, iter(self.items), iter(self.entries.items())


class WithState:
    def __getstate__(self):
        return ("a tuple", 1.5)

    def __setstate__(self, state):
        pass


def recursive():
    value = [1]
    value.append(value)
    holder = types.SimpleNamespace(value=value)
    holder.self = holder
    return holder


def optimizer():
    layer = torch.nn.Linear(2, 2)
    result = torch.optim.Adam(layer.parameters())
    layer(torch.ones(1, 2)).sum().backward()
    result.step()
    return result


def foreign_objects():
    """Names and objects that are no tensors of a model."""
    yield from {
        "none": None, "ellipsis": ..., "small": 200, "word": 60000, "negative": -5, "long": 2**70, "less": -(2**70),
        "big": 2**2100, "float": 0.1, "nan": float("nan"), "complex": 1 + 2j, "text": "größe\n'\"\\", "wide": "𝄞" * 3,
        "long text": "ß" * 5000, "surrogate": "a\udc80", "bytes": b"\x00\xff", "many bytes": bytes(range(256)) * 20,
        "bytearray": bytearray(b"abc"), "set": {1, 2}, "frozenset": frozenset([("a",)]), "range": range(3),
        "slice": slice(1, 2), "function": len, "class": int, "method": str.upper, "partial": functools.partial(int, base=2),
        "getter": operator.itemgetter(1), "pattern": re.compile("a+"), "error": ValueError("no"),
        "path": pathlib.PurePosixPath("/a/b"), "windows": pathlib.PureWindowsPath("C:\\a"), "enum": Colour.RED,
        "date": datetime.date(2024, 1, 2), "time": datetime.datetime(2024, 1, 2, 3, tzinfo=datetime.timezone.utc),
        "delta": datetime.timedelta(seconds=5), "decimal": decimal.Decimal("1.5"), "fraction": fractions.Fraction(1, 3),
        "uuid": uuid.UUID(int=5), "deque": collections.deque([1, 2], 5), "counter": collections.Counter("aab"),
        "default": collections.defaultdict(list, {"a": [1]}), "chain": collections.ChainMap({"a": 1}),
        "user": collections.UserDict(a=1), "array": array.array("d", [1.0, 2.0]), "dataclass": Config(),
        "namedtuple": Point(1, 2), "slots": Slots(), "dict": AttributeDict(a=1), "ordered": Ordered(a=1),
        "list": Items([1, 2]), "new": WithNew(1, b=2), "reduce": WithReduce(), "state": WithState(),
        "namespace": argparse.Namespace(hidden=5, lr=0.1), "simple": types.SimpleNamespace(a=1), "recursive": recursive(),
        "nested": [[[[[(1, (2,))]]]], {"a": {"b": {}}}], "empty": ((), [], {}),
        "numpy float": numpy.float32(0.5), "numpy int": numpy.int64(3), "numpy bool": numpy.bool_(True),
        "numpy text": numpy.str_("a"), "numpy array": numpy.arange(3.0), "numpy objects": numpy.array([{}, "a"], object),
        "numpy records": numpy.zeros(2, [("a", "f4"), ("b", "i4")]), "numpy texts": numpy.array(["a", "bc"]),
        "numpy dtype": numpy.dtype(">f4"), "numpy date": numpy.datetime64("2024-01-02"),
        "numpy random": numpy.random.default_rng(1), "numpy masked": numpy.ma.masked_array([1, 2], [True, False]),
        "torch dtype": torch.float16, "torch device": torch.device("cpu"), "torch size": torch.Size([2, 3]),
        "torch layout": torch.strided, "optimizer class": torch.optim.Adam, "optimizer": optimizer(),
        "optimizer state": optimizer().state_dict(), "loss": torch.tensor(0.25), "module class": torch.nn.LSTM,
        "losses": [torch.tensor(0.5), torch.tensor([1.0, 2.0])], "sparse": {"sparse": torch.eye(2).to_sparse()},
        "rng": torch.get_rng_state(),
    }.items()


def describe(tensors):
    result = {}
    for name, value in tensors.items():
        if isinstance(value, torch.Tensor):
            flat = torch.empty(value.numel(), dtype=value.dtype).copy_(value.detach().reshape(-1))
            data, kind = flat.view(torch.uint8).numpy().tobytes(), str(value.dtype).removeprefix("torch.")
        else:
            plain = numpy.ascontiguousarray(value).reshape(value.shape)
            data, kind = plain.astype(plain.dtype.newbyteorder("<")).tobytes(), plain.dtype.name
        result[name] = {"dtype": kind, "shape": list(value.shape), "bytes": data.hex()}
    return result


def state_dict(source, as_arrays):
    """A recurrent layer and whatever else, of random sizes, types, orders and layouts."""
    cell = source.choice([torch.nn.RNN, torch.nn.GRU, torch.nn.LSTM])
    prefix = source.choice(["", "rnn.", "model.encoder."])
    state = cell(source.randint(1, 4), source.randint(1, 4), source.randint(1, 2)).state_dict()
    result = {prefix + name: value for name, value in state.items()}
    for number in range(source.randint(0, 4)):
        shape = [source.randint(0, 4) for _ in range(source.randint(0, 3))]
        value = torch.randn(shape).to(source.choice([torch.float32, torch.float64, torch.float16, torch.int64, torch.bool]))
        if value.dim() > 1 and source.random() < 0.5:
            value = value.transpose(0, 1)
        result[f"{prefix}other{number}.x"] = value
    if not as_arrays:
        kind = source.choice([dict, collections.OrderedDict])
        if source.random() < 0.2:
            result = {name: torch.nn.Parameter(value) if value.is_floating_point() else value for name, value in result.items()}
        return kind(result)
    result = {name: value.numpy() for name, value in result.items()}
    for name, value in result.items():
        if source.random() < 0.3:
            result[name] = value.astype(value.dtype.newbyteorder(">"))
        elif source.random() < 0.3:
            result[name] = numpy.asfortranarray(value)
    return result


def around(source, model, others):
    """A model among other objects."""
    def some():
        names = source.sample(list(others), source.randint(0, 5))
        return {name: others[name] for name in names}

    def foreign():
        return source.choice([some(), list(some().values()), tuple(some().values()), AttributeDict(some())])

    kind = source.randrange(6)
    if kind == 0:
        entries = list(some().items()) + [("model", model)] + list(some().items())
        return collections.OrderedDict(entries) if source.random() < 0.5 else dict(entries)
    if kind == 1:
        return [foreign(), {"deep": {"deeper": model}}, foreign()]
    if kind == 2:
        return foreign(), model, foreign()
    if kind == 3:
        return {"holder": types.SimpleNamespace(weights=model, other=foreign()), "other": foreign()}
    if kind == 4:
        return collections.defaultdict(dict, {"a": foreign(), "model": model})
    # In the model's own dictionary, under names that no tensor has. There only what is no tensor can stand.
    own = {name: value for name, value in some().items()
           if not isinstance(value, (torch.Tensor, numpy.ndarray))}
    return type(model)(list(own.items())[:2] + list(model.items()) + list(own.items())[2:])


# What Python cannot write in protocols 0 and 1.
NOT_IN_OLD = {"slots", "new"}


def main():
    folder, count, seed = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    torch.manual_seed(seed)
    # Under the name by which it can be imported, so that what is pickled is found again.
    others = dict(foreign_objects())
    for number in range(count):
        source = random.Random(f"{seed}/{number}")
        as_arrays = source.random() < 0.4
        model = state_dict(source, as_arrays)
        if as_arrays:
            plain = {name: value for name, value in others.items()
                     if not isinstance(value, numpy.ndarray) and not name.startswith(("loss", "sparse", "rng", "optimizer"))}
            protocol = source.randrange(6)
            if protocol < 2:
                plain = {name: value for name, value in plain.items() if name not in NOT_IN_OLD}
            whole = around(source, model, plain)
            with open(folder / f"{number}.pkl", "wb") as file:
                pickle.dump(whole, file, protocol)
        else:
            # In protocol 0 torch's own ids cannot be written, and its reader of legacy files takes 2 and later.
            whole = around(source, model, others)
            torch.save(whole, folder / f"{number}.pt", pickle_protocol=source.randrange(2, 6),
                       _use_new_zipfile_serialization=source.random() < 0.7)
        (folder / f"{number}.json").write_text(json.dumps(describe(model)))


if __name__ == "__main__":
    main()
