"""Makes the HDF5 files next to this script: an LSTM that can be read, and a linear layer stored in a way that RNNKit does not
read. Made with h5py 3.16.0 (HDF5 2.0.0), hdf5plugin 7.1.0 and NumPy 2.4.6."""
import io
import os
import zipfile

import h5py
import hdf5plugin
import numpy as np

os.chdir(os.path.dirname(os.path.abspath(__file__)))
print("h5py", h5py.__version__, "hdf5plugin", hdf5plugin.version, "NumPy", np.__version__)
random = np.random.default_rng(1)
LSTM = {
    "weight_ih_l0": random.normal(size=(20, 3)), "weight_hh_l0": random.normal(size=(20, 5)),
    "bias_ih_l0": random.normal(size=20), "bias_hh_l0": random.normal(size=20),
}
WEIGHT = random.normal(size=(64, 5)).astype("<f4")


def model(name, write, lstm=True):
    with h5py.File(name + ".h5", "w", track_order=True) as f:
        if lstm:
            group = f.create_group("lstm", track_order=True)
            for key, value in LSTM.items():
                group[key] = value.astype("<f4")
        group = f.create_group("fc", track_order=True)
        group["bias"] = np.zeros(64, "<f4")
        write(group)


def compressed(filter_):
    return lambda group: group.create_dataset("weight", data=WEIGHT, **filter_)


def virtual(group):
    layout = h5py.VirtualLayout(WEIGHT.shape, "<f4")
    layout[:] = h5py.VirtualSource("source.h5", "weight", WEIGHT.shape)[:]
    group.create_virtual_dataset("weight", layout)


def external(group):
    group.create_dataset("weight", WEIGHT.shape, "<f4", external=[("weight.bin", 0, WEIGHT.nbytes)])


def link(target):
    def write(group):
        group["weight"] = target
    return write


def vlen(group):
    data = group.create_dataset("weight", (64,), h5py.vlen_dtype("<f4"))
    for row in range(64):
        data[row] = WEIGHT[row]


def bitfield(group):
    h5py.h5d.create(group.id, b"weight", h5py.h5t.STD_B32LE, h5py.h5s.create_simple((64, 5)))



for name, filter_ in (
    ("blosc", hdf5plugin.Blosc()), ("zstd", hdf5plugin.Zstd()), ("lz4", hdf5plugin.LZ4()),
    ("bitshuffle", hdf5plugin.Bitshuffle()),
):
    model(name, compressed(filter_))
model("virtual", virtual)
model("external", external)
model("external_link", link(h5py.ExternalLink("source.h5", "/weight")))
model("dangling_link", link(h5py.SoftLink("/nowhere")))
model("long_double", link(WEIGHT.astype(np.longdouble)))
model("compound", link(np.zeros(64, [("a", "<f4"), ("b", "<f4")])))
model("enumeration", link(np.zeros((64, 5), h5py.enum_dtype({"A": 0, "B": 1, "C": 2}))))
model("lists", vlen)
model("references", lambda group: group.create_dataset("weight", (64,), h5py.ref_dtype))
model("opaque", link(np.full((64, 5), np.void(b"abc"))))
model("bit_field", bitfield)
model("no_lstm", lambda group: [group.file.create_dataset("lstm/" + k, data=v.astype("<f4"), **hdf5plugin.Blosc())
                                for k, v in LSTM.items()], lstm=False)
# A second name for a whole module.
model("alias", lambda group: group.__setitem__("weight", WEIGHT))
with h5py.File("alias.h5", "r+") as f:
    f["lstm2"] = h5py.SoftLink("/lstm")
# An input beside which the starting state cannot be read.
with h5py.File("input.h5", "w") as f:
    f["input"] = np.zeros((4, 2, 3), "<f4")
    f.create_dataset("h0", data=np.ones((1, 2, 5), "<f4"), chunks=(1, 2, 5), **hdf5plugin.Blosc())

# Keras' own files with one array compressed: the last of a layer's, which nobody would miss.
KERAS = "../../../RNNKitTests/Fixtures/keras/"


def recompressed(source, target, wanted):
    with h5py.File(source) as i, h5py.File(target, "w", track_order=True) as o:
        def copy(a, b):
            for key, value in a.attrs.items():
                b.attrs[key] = value
            for key, value in a.items():
                if isinstance(value, h5py.Group):
                    copy(value, b.create_group(key, track_order=True))
                elif value.name.endswith(wanted):
                    b.create_dataset(key, data=value[()], **hdf5plugin.Blosc())
                else:
                    a.copy(key, b)
        copy(i, o)


def keras():
    names = []
    with h5py.File(KERAS + "plain.h5") as f:
        f.visit(lambda name: names.append(name) if isinstance(f[name], h5py.Dataset) and f[name].ndim == 1 else None)
    recompressed(KERAS + "plain.h5", "keras.h5", "/" + names[-1])
    with zipfile.ZipFile(KERAS + "plain.keras") as i, zipfile.ZipFile("model.keras", "w") as o:
        for name in i.namelist():
            data = i.read(name)
            if name == "model.weights.h5":
                source, target = io.BytesIO(data), io.BytesIO()
                with h5py.File(source) as f:
                    names = []
                    f.visit(lambda name: names.append(name) if isinstance(f[name], h5py.Dataset) and f[name].ndim == 1 else None)
                recompressed(source, target, "/" + names[-1])
                data = target.getvalue()
            o.writestr(name, data)


keras()
for name in ("weight.bin", "source.h5"):
    if os.path.exists(name):
        os.remove(name)
