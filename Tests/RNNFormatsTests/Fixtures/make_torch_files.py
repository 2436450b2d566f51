"""Writes small files in every layout that PyTorch has written, beside what they hold.

Made with torch 2.15.0; `python3 make_torch_files.py` in this folder. `torch/NAME.json` lists the tensors of
`torch/NAME.pt` in order, each with dtype, shape and its bytes in hexadecimal. Layouts that torch no longer writes, or
not on this machine, are made by hand and checked with torch.load.
"""

import collections
import io
import json
import pathlib
import pickle
import struct
import tarfile
import warnings
import zipfile

import torch

FOLDER = pathlib.Path(__file__).parent / "torch"
STORED = zipfile.ZIP_STORED


def raw(tensor):
    flat = torch.empty(tensor.numel(), dtype=tensor.dtype).copy_(tensor.detach().reshape(-1))
    return flat.view(torch.uint8).numpy().tobytes()


def expect(name, tensors):
    """What a reader must find."""
    entries = {k: {"dtype": str(v.dtype).removeprefix("torch."), "shape": list(v.shape), "bytes": raw(v).hex()}
               for k, v in tensors.items()}
    (FOLDER / f"{name}.json").write_text(json.dumps(entries, indent=0))


def path(name):
    return FOLDER / f"{name}.pt"


def save(name, value, tensors, **options):
    torch.save(value, path(name), **options)
    expect(name, tensors)


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = torch.nn.LSTM(3, 2, 2, bidirectional=True)
        self.fc = torch.nn.Linear(4, 1)

    def forward(self, x):
        return self.fc(self.lstm(x)[0])


def state_dicts():
    net = Net()
    state = net.state_dict()
    save("state_dict", state, state)
    big_endian("state_dict_big_endian", "state_dict", state)
    save("protocol4", state, state, pickle_protocol=4)
    save("legacy", state, state, _use_new_zipfile_serialization=False)
    torch.serialization.set_crc32_options(False)
    save("no_crc", state, state)
    torch.serialization.set_crc32_options(True)
    save("parameters", dict(net.named_parameters()), dict(net.named_parameters()))

    optimizer = torch.optim.Adam(net.parameters())
    net(torch.randn(4, 1, 3)).sum().backward()
    optimizer.step()
    state = net.state_dict()
    save("checkpoint", {"epoch": 3, "loss": 0.25, "name": "run 7", "optimizer": optimizer.state_dict(),
                        "model": {"state_dict": state}}, state)


def storages():
    tensor = torch.randn(4, 3)
    tied = {"encoder.weight": tensor, "decoder.weight": tensor, "first_rows": tensor[:2]}
    save("tied", tied, tied)
    whole = torch.arange(24.0).reshape(2, 3, 4)
    strided = {"transposed": whole[0].t(), "column": whole[:, 1, 2], "turned": whole.permute(2, 0, 1),
               "slice": whole[1, 1:, 1:3], "expanded": torch.tensor([[1.0], [2.0]]).expand(2, 5),
               "scalar": whole[1, 2, 3], "empty": whole[:0], "one": whole[:1, :1, :1].transpose(0, 2)}
    save("strided", strided, strided)
    # As cuDNN keeps an LSTM's weights: all in one storage, at offsets.
    flat = torch.randn(8 * 3 + 8 * 2 + 8 + 8)
    parts = torch.split(flat, [24, 16, 8, 8])
    shared = {"lstm.weight_ih_l0": parts[0].view(8, 3), "lstm.weight_hh_l0": parts[1].view(8, 2),
              "lstm.bias_ih_l0": parts[2], "lstm.bias_hh_l0": parts[3]}
    save("flat", shared, shared)
    save("flat_legacy", shared, shared, _use_new_zipfile_serialization=False)


def types():
    tensors = {str(t).removeprefix("torch."): torch.randn(3).to(t) for t in (
        torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.complex64, torch.complex128,
        torch.float8_e4m3fn, torch.float8_e5m2)}
    tensors |= {str(t).removeprefix("torch."): torch.tensor([0, 1, 100], dtype=t) for t in (
        torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.uint16, torch.uint32, torch.uint64)}
    tensors["bool"] = torch.tensor([True, False, True])
    save("types", tensors, tensors)
    big_endian("types_big_endian", "types", tensors)


def big_endian(name, source, tensors):
    """The same zip as a big-endian machine writes it: storages turned, byteorder said."""
    sizes = {f"data/{i}": t.element_size() // (2 if t.is_complex() else 1) for i, t in enumerate(tensors.values())}
    with zipfile.ZipFile(path(source)) as old, zipfile.ZipFile(path(name), "w", STORED) as new:
        for info in old.infolist():
            member = info.filename.split("/", 1)[1]
            data = old.read(info)
            if size := sizes.get(member):
                data = b"".join(data[i:i + size][::-1] for i in range(0, len(data), size))
            if member == "byteorder":
                data = b"big"
            new.writestr(zipfile.ZipInfo(f"{name}/{member}"), data)
    expect(name, tensors)
    for key, value in torch.load(path(name)).items():
        # torch does not turn storages whose type stands only in the tensor.
        if str(value.dtype) not in ("torch.uint16", "torch.uint32", "torch.uint64"):
            assert raw(value) == raw(tensors[key]), key


def python2():
    """A legacy file as Python 2 wrote it: byte strings, an OrderedDict of a list of pairs, a part of a storage."""
    values = torch.arange(6.0)
    tensors = {"rnn.weight_ih_l0": values[2:6].reshape(2, 2), "rnn.weight_hh_l0": values[2:6].reshape(2, 2)}

    def text(value):
        return b"U" + bytes([len(value)]) + value.encode()

    def tensor(position):
        storage = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("17") + text("cpu") + b"K\x06("
        storage += text("18") + b"K\x02K\x04ttQ"
        return (b"ctorch._utils\n_rebuild_tensor\n(" + storage + b"K" + bytes([position])
                + b"(K\x02K\x02t(K\x02K\x01ttR")

    def pair(key, position):
        return b"](" + text(key) + tensor(position) + b"e"

    body = b"ccollections\nOrderedDict\n(]("
    body += pair("rnn.weight_ih_l0", 0) + pair("rnn.weight_hh_l0", 0) + b"etR."
    file = io.BytesIO()
    for value in (0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True, "type_sizes": {}}):
        pickle.dump(value, file, protocol=2)
    file.write(b"\x80\x02" + body)
    file.write(b"\x80\x02](" + text("17") + b"e.")
    file.write(struct.pack("<q", 6) + raw(values))
    path("python2").write_bytes(file.getvalue())
    expect("python2", tensors)
    with open(path("python2"), "rb") as f:
        loaded = torch.load(io.BytesIO(f.read()), weights_only=False)
    assert {str(k): raw(v) for k, v in loaded.items()} == {k: raw(v) for k, v in tensors.items()}


def tar():
    """As torch 0.1.9 wrote it; `legacy_load` in torch/serialization.py is the specification."""
    values, half = torch.randn(10), torch.randn(3).half()
    tensors = {"rnn.weight_ih_l0": values[:6].reshape(2, 3), "rnn.weight_hh_l0": values[6:10].reshape(2, 2).t(),
               "scale": half}
    storages = io.BytesIO()
    pickle.dump(2, storages, protocol=2)
    for key, kind, data in ((100, torch.FloatStorage, values), (200, torch.HalfStorage, half)):
        pickle.dump((key, "cpu", kind), storages, protocol=2)
        storages.write(struct.pack("<q", data.numel()) + raw(data))
    pickle.dump([(300, 100, 6, 4)], storages, protocol=2)
    descriptions = io.BytesIO()
    pickle.dump(3, descriptions, protocol=2)
    for key, storage, kind, sizes, strides, offset in (
            (1, 100, b"FloatTensor", (2, 3), (3, 1), 0), (2, 300, b"FloatTensor", (2, 2), (1, 2), 0),
            (3, 200, b"HalfTensor", (3,), (1,), 0)):
        # pickle.dump of torch.FloatTensor itself, whose class torch no longer lets be pickled by name everywhere.
        descriptions.write(b"\x80\x02K" + bytes([key]) + b"M" + struct.pack("<H", storage) + b"ctorch\n" + kind + b"\n\x87.")
        n = len(sizes)
        descriptions.write(struct.pack(f"<i4x{n}q{n}qq", n, *sizes, *strides, offset))

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            return str(value.id) if isinstance(value, Reference) else None

    class Reference:
        def __init__(self, number):
            self.id = number

    body = io.BytesIO()
    Pickler(body, 2).dump(collections.OrderedDict((k, Reference(i + 1)) for i, k in enumerate(tensors)))
    with tarfile.open(path("tar"), "w:", format=tarfile.PAX_FORMAT) as archive:
        for name, data in (("sys_info", pickle.dumps({"protocol_version": 1000}, 2)), ("pickle", body.getvalue()),
                           ("tensors", descriptions.getvalue()), ("storages", storages.getvalue())):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    expect("tar", tensors)
    loaded = torch.load(path("tar"), weights_only=False)
    assert {k: raw(v) for k, v in loaded.items()} == {k: raw(v) for k, v in tensors.items()}


class Scripted(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.randn(3))
        self.rnn = torch.nn.RNN(3, 2, 2, nonlinearity="relu", batch_first=True, bidirectional=True)
        self.fc = torch.nn.Linear(4, 1)

    def forward(self, x):
        return self.fc(self.rnn(x - self.mean)[0])


class Cells(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = torch.nn.RNNCell(3, 2, nonlinearity="relu")

    def forward(self, x):
        return self.cell(x)


def scripts():
    for name, model, trace in (("script", Scripted(), None), ("trace", Net(), torch.zeros(2, 1, 3)),
                               ("trace_relu", Scripted(), torch.zeros(1, 2, 3)), ("script_cell", Cells(), None)):
        model.eval()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scripted = torch.jit.script(model) if trace is None else torch.jit.trace(model, trace)
        scripted.save(path(name))
        state = model.state_dict()
        # A module's tensors stand in the order of its attributes: parameters, buffers and modules as they were made.
        expect(name, state)


class Weighted(torch.nn.Module):
    """Of a class that only its writer knows, with tensors named as a linear layer's are."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(2, 2))

    def forward(self, x):
        return x * self.weight.sum()


class Mixed(torch.nn.Module):
    """What names and shapes would not tell: activations, and a normalization over two axes."""

    def __init__(self):
        super().__init__()
        self.norm = torch.nn.LayerNorm(3)
        self.rnn = torch.nn.LSTM(3, 4, batch_first=True)
        self.act = torch.nn.ReLU()
        self.drop = torch.nn.Dropout()
        self.plane = torch.nn.LayerNorm((5, 4), bias=False)
        self.head = torch.nn.Sequential(
            torch.nn.Linear(4, 4), torch.nn.Identity(), torch.nn.Tanh(), torch.nn.Linear(4, 2))
        self.own = Weighted()
        self.loss = torch.nn.MSELoss()

    def forward(self, x):
        y = self.rnn(self.norm(x))[0]
        return self.own(self.head(self.drop(self.plane(self.act(y)))))


def classes():
    torch.manual_seed(12)
    model = Mixed().eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(model).save(path("script_classes"))
        torch.jit.trace(model, torch.zeros(1, 5, 3)).save(path("trace_classes"))
    for name in ("script_classes", "trace_classes"):
        expect(name, model.state_dict())


class Headed(torch.nn.Module):
    """A recurrent layer and a linear one, of which `forwards` makes models by what stands in their forward()."""

    def __init__(self, rec, forward):
        super().__init__()
        self.rec, self.lin = rec, torch.nn.Linear(4, 1)
        self.says = forward

    def forward(self, x):
        return self.says(self, x)


class TwoStacks(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.enc, self.dec = torch.nn.GRU(4, 4), torch.nn.GRU(4, 4)

    def forward(self, x):
        out, h = self.enc(x)
        return self.dec(out, h)[0]


def forwards():
    """Traced models whose forward() is no chain of their modules, and one that is."""
    folder = FOLDER / "forward"
    folder.mkdir(exist_ok=True)
    torch.manual_seed(13)
    lstm, gru, cell = (lambda: torch.nn.LSTM(3, 4)), (lambda: torch.nn.GRU(3, 4)), (lambda: torch.nn.LSTMCell(3, 4))
    models = {
        "chain": (lstm, lambda m, x: m.lin(m.rec(x)[0])),
        "skip": (lstm, lambda m, x: m.lin(m.rec(x)[0]) + x[:, :, :1]),
        "relu": (lstm, lambda m, x: m.lin(torch.relu(m.rec(x)[0]))),
        "last": (lstm, lambda m, x: m.lin(m.rec(x)[0][-1])),
        "hidden": (gru, lambda m, x: m.lin(m.rec(x)[1])),
        "hidden_first": (gru, lambda m, x: (lambda out, h: (m.lin(h), out))(*m.rec(x))),
        "cell_state": (lstm, lambda m, x: m.lin(m.rec(x)[1][1])),
        "cell_of_a_cell": (cell, lambda m, x: m.lin(m.rec(x)[1])),
    }
    models = {name: Headed(rec(), forward) for name, (rec, forward) in models.items()} | {"two_stacks": TwoStacks()}
    for name, model in models.items():
        size = 4 if name == "two_stacks" else 3
        x = torch.zeros(2, size) if name == "cell_of_a_cell" else torch.zeros(5, 2, size)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.jit.trace(model.eval(), x).save(str(folder / f"{name}.pt"))
    # The chain's own class with more lines than anybody writes.
    with zipfile.ZipFile(folder / "chain.pt") as chain, zipfile.ZipFile(folder / "long_code.pt", "w") as file:
        for member in chain.namelist():
            data, packing = chain.read(member), zipfile.ZIP_STORED
            if member.endswith("make_torch_files.py"):
                lines = b"    _1 = " + b"(" * 60 + b"x" + b")" * 60 + b"\n"
                data = data.replace(b"    return", lines * (4 * 2**20 // len(lines) + 1) + b"    return")
                packing = zipfile.ZIP_DEFLATED
            file.writestr(zipfile.ZipInfo(member), data, packing)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    torch.manual_seed(11)
    state_dicts()
    storages()
    types()
    python2()
    tar()
    scripts()
    classes()
    forwards()
