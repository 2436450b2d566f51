"""Writes pickles in which tensors and arrays stand among other objects, and others that hold none.

Made with torch 2.15.0, once with NumPy 2.4.6 and once with 1.26.4, whose modules have other names: `python3 make_pickles.py`
in this folder. `pickles/NAME.json` lists the tensors of `pickles/NAME.pt` or `.pkl` in order, each with dtype, shape and
its bytes in hexadecimal.
"""

import collections
import json
import pathlib
import pickle
import sys
import types
import warnings

import numpy
import torch

from random_pickles import describe, foreign_objects

FOLDER = pathlib.Path(__file__).parent / "pickles"
nn = torch.nn


def path(name, extension="pt"):
    return FOLDER / f"{name}.{extension}"


def expect(name, tensors):
    path(name, "json").write_text(json.dumps(describe(tensors), indent=0))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.RNN(3, 5, nonlinearity="relu", batch_first=True)
        self.drop = nn.Dropout(0.5)
        self.fc = nn.Linear(5, 2)
        self.register_buffer("kept", torch.ones(2))
        self.register_buffer("left", torch.ones(3), persistent=False)

    def forward(self, x):
        return self.fc(self.drop(self.rnn(x)[0]))


def checkpoints():
    net = Net()
    state = net.state_dict()
    others = dict(foreign_objects())
    for name, options in (("foreign", {}), ("foreign_p4", {"pickle_protocol": 4}), ("foreign_p5", {"pickle_protocol": 5}),
                          ("foreign_legacy", {"_use_new_zipfile_serialization": False})):
        torch.save({"before": others, "state_dict": state, "loss": torch.tensor(0.25), "after": others}, path(name),
                   **options)
        expect(name, state)
    decoder = nn.GRU(3, 4).state_dict()
    torch.save({"en": {f"rnn.{k}": v for k, v in nn.GRU(3, 4).state_dict().items()}, "de": decoder, "loss": 1.5},
               path("two_models"))
    torch.save({**state, "mean": numpy.ones(3), "best": numpy.float32(0.5)}, path("array_beside"))
    expect("array_beside", {**state, "mean": numpy.ones(3)})
    with open(path("state_dict", "pkl"), "wb") as file:
        pickle.dump(state, file)
    expect("state_dict", state)
    for name, options in (("module", {}), ("module_legacy", {"_use_new_zipfile_serialization": False})):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.save(net, path(name), **options)
        expect(name, state)
    torch.save({"epoch": 3, "model": net}, path("module_in_a_checkpoint"))
    expect("module_in_a_checkpoint", state)


def arrays():
    """The same in every protocol, under the names of this NumPy's modules."""
    source = numpy.random.default_rng(1)
    values = {
        "rnn.weight_ih_l0": source.standard_normal((5, 3)).astype("f4"),
        "rnn.weight_hh_l0": numpy.asfortranarray(source.standard_normal((5, 5)).astype("f4")),
        "big": source.standard_normal((2, 3)).astype(">f8"), "turned": source.standard_normal((2, 3, 4)).transpose(2, 0, 1),
        "half": source.standard_normal(3).astype("f2"), "number": numpy.array(2.5), "none": numpy.zeros((0, 2), "f4"),
        "whole": numpy.arange(-2, 3), "flags": numpy.array([True, False]), "c": numpy.array([1 + 2j], "c8"),
        "slice": numpy.arange(12.0).reshape(3, 4)[:, ::2], "bytes": numpy.arange(256, dtype="u1"),
        "matrix": numpy.asarray(source.standard_normal((40, 40))),
    }
    version = numpy.__version__.split(".")[0]
    for protocol in range(6):
        with open(path(f"numpy{version}_p{protocol}", "pkl"), "wb") as file:
            pickle.dump(values, file, protocol)
    expect("numpy", values)
    if version == "1":
        return
    with open(path("numpy_in_a_dictionary", "pkl"), "wb") as file:
        pickle.dump(collections.OrderedDict(epoch=numpy.int64(4), loss=numpy.float64(0.5), model=values), file)
    torch.save(values, path("numpy"))
    head = {"rnn.weight_ih_l0": values["rnn.weight_ih_l0"], "rnn.weight_hh_l0": values["rnn.weight_hh_l0"]}
    for name, value in (("structured", numpy.zeros(2, [("a", "f4"), ("b", "i4")])), ("objects", numpy.array([{}, []], object)),
                        ("texts", numpy.array(["a", "bc"])), ("masked_class", numpy.recarray(2, [("a", "f4")])),
                        ("long_double", numpy.zeros(2, numpy.longdouble))):
        for protocol in (2, 5):
            with open(path(f"{name}_p{protocol}", "pkl"), "wb") as file:
                pickle.dump({**head, name: value}, file, protocol)


def classes():
    """Of packages that need not be there."""
    def made(module, name, **attributes):
        parts = module.split(".")
        for count in range(1, len(parts) + 1):
            sys.modules.setdefault(".".join(parts[:count]), types.ModuleType(".".join(parts[:count])))
        kind = type(name, (), {"__module__": module})
        setattr(sys.modules[module], name, kind)
        value = kind()
        value.__dict__.update(attributes)
        return value

    layer = made("madmom.ml.nn.layers", "LSTMLayer", weights=numpy.zeros((2, 3), "f4"), bias=numpy.zeros(3, "f4"))
    network = made("madmom.ml.nn", "NeuralNetwork", layers=[layer])
    mlp = made("sklearn.neural_network._multilayer_perceptron", "MLPRegressor", coefs_=[numpy.zeros((2, 3))], n_iter_=3)
    for protocol in range(6):
        with open(path(f"madmom_p{protocol}", "pkl"), "wb") as file:
            pickle.dump(network, file, protocol)
    for name, value in (("sklearn", mlp), ("in_a_list", [network, mlp]), ("weights_alone", [numpy.zeros(3), numpy.zeros(2)]),
                        ("array_alone", numpy.zeros(3)), ("texts_alone", {"a": "b"})):
        with open(path(name, "pkl"), "wb") as file:
            pickle.dump(value, file)
    wrapper = made("joblib.numpy_pickle", "NumpyArrayWrapper", subclass=numpy.ndarray, shape=(3,), order="C",
                   dtype=numpy.dtype("f4"), allow_mmap=True)
    data = pickle.dumps({"w": wrapper}, 4)
    at = data.rindex(b"b") + 1
    path("joblib", "pkl").write_bytes(data[:at] + numpy.ones(3, "f4").tobytes() + data[at:])


class Float(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(3, 5, batch_first=True)
        self.fc = nn.Linear(5, 2)

    def forward(self, x):
        return self.fc(self.rnn(x)[0])


def quantized():
    quantize = torch.ao.quantization.quantize_dynamic
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole = quantize(Float().eval(), {nn.LSTM, nn.Linear}, dtype=torch.qint8)
        head = quantize(Float().eval(), {nn.Linear}, dtype=torch.qint8)
        torch.save(whole.state_dict(), path("quantized"))
        torch.save(whole.state_dict(), path("quantized_legacy"), _use_new_zipfile_serialization=False)
        torch.save({"epoch": 1, "model": whole.state_dict()}, path("quantized_checkpoint"))
        torch.save(head.state_dict(), path("quantized_head"))
        torch.save(whole, path("quantized_module"))
        torch.jit.script(whole).save(path("quantized_script"))
        torch.jit.trace(head, torch.zeros(1, 2, 3)).save(path("quantized_trace"))
        tensor = torch.quantize_per_tensor(torch.ones(5, 3), 0.5, 0, torch.qint8)
        torch.save({**nn.RNN(3, 5).state_dict(), "weight_ih_l0": tensor}, path("quantized_tensor"))


class Dropped(nn.Module):
    """A chain with dropout of one kind; a class for each, whose code has no other."""

    def __init__(self, between=0.0, after=0.5):
        super().__init__()
        self.rnn = nn.GRU(3, 5, 2, dropout=between)
        self.drop = nn.Dropout(after)
        self.fc = nn.Linear(5, 2)

    def forward(self, x):
        return self.fc(self.drop(self.rnn(x)[0]))


class Always(Dropped):
    def __init__(self):
        super().__init__(after=0.0)

    def forward(self, x):
        return self.fc(nn.functional.dropout(self.rnn(x)[0], 0.5, training=True))


class Own(Dropped):
    def __init__(self):
        super().__init__(after=0.0)

    def forward(self, x):
        return self.fc(nn.functional.dropout(self.rnn(x)[0], 0.5, training=self.training))


class Zoneout(Dropped):
    def __init__(self):
        super().__init__(after=0.0)

    def forward(self, x):
        y = self.rnn(x)[0]
        return self.fc(y * torch.bernoulli(torch.full_like(y, 0.5)))


class CellOf(nn.Module):
    def __init__(self, cell):
        super().__init__()
        self.cell = cell

    def forward(self, x):
        h = self.cell(x[0])
        for step in range(1, 3):
            h = self.cell(x[step], h)
        return h[0] if isinstance(h, tuple) else h


class Stack(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.RNN(3, 5, nonlinearity="relu")
        self.b = nn.RNN(5, 4, nonlinearity="tanh")

    def forward(self, x):
        return self.b(self.a(x)[0])[0]


def scripts():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kinds = {"always": Always, "own": Own, "module": Dropped, "between": lambda: Dropped(0.5, 0.0),
                 "zoneout": Zoneout, "none": lambda: Dropped(0.0, 0.0)}
        for kind, made in kinds.items():
            for training in (True, False):
                model = made().train(training)
                mode = "train" if training else "eval"
                torch.jit.trace(model, torch.zeros(2, 1, 3), check_trace=False).save(path(f"trace_{kind}_{mode}"))
                torch.jit.script(model).save(path(f"script_{kind}_{mode}"))
        x = torch.zeros(3, 1, 3)
        for name, cell in (("relu", nn.RNNCell(3, 2, nonlinearity="relu")), ("tanh", nn.RNNCell(3, 2)),
                           ("gru", nn.GRUCell(3, 2)), ("lstm", nn.LSTMCell(3, 2))):
            torch.jit.trace(CellOf(cell), x).save(path(f"trace_cell_{name}"))
            torch.jit.trace(cell, x[0]).save(path(f"trace_bare_cell_{name}"))
        torch.jit.trace(Stack(), x).save(path("trace_stack"))
        torch.jit.script(Stack()).save(path("script_stack"))
        torch.jit.trace(nn.RNN(3, 2, nonlinearity="relu"), x).save(path("trace_bare_rnn_relu"))


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    torch.manual_seed(12)
    arrays()
    if not numpy.__version__.startswith("1."):
        checkpoints()
        classes()
        quantized()
        scripts()
