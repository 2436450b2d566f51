"""Writes the .npy and .npz files that the tests read, and arrays.json: what they hold.

Made with numpy 2.x (numpy.__version__ is in arrays.json). Run: python make_arrays.py
"""

import io
import json
import pathlib
import zipfile

import numpy as np

here = pathlib.Path(__file__).parent
count = 2 * 3 * 4


def values(dtype):
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return (np.arange(count) % 3 == 0).reshape(2, 3, 4)
    if dtype.kind == "c":
        return (np.arange(count) * (0.5 - 0.25j)).astype(dtype).reshape(2, 3, 4)
    return (np.arange(count) / (4 if dtype.kind == "f" else 1)).astype(dtype).reshape(2, 3, 4)


files = []


def save(name, array, version=None):
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, version=version)
    little = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"))
    files.append(
        {
            "name": name,
            "file": stream.getvalue().hex(),
            "dtype": array.dtype.name,
            "shape": list(array.shape),
            "bytes": little.tobytes().hex(),
            "asSaved": bool(array.flags.c_contiguous and array.dtype.str == little.dtype.str and version is None),
        }
    )


types = ["f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "?", "c16", "c8"]
for type in types:
    save(type, values(type))
    save(type + " big-endian", values(type).astype(np.dtype(type).newbyteorder(">")))
    save(type + " Fortran order", np.asfortranarray(values(type)))
save("big-endian, Fortran order", np.asfortranarray(values(">f4")))
save("Fortran matrix", np.asfortranarray(np.arange(6, dtype="f4").reshape(2, 3)))
save("version 2", values("f4"), (2, 0))
save("version 3", values("f4"), (3, 0))
save("scalar", np.array(1.5, dtype="f4"))
save("vector", np.arange(5, dtype="f4"))
save("no rows", np.zeros((0, 3), dtype="f4"))
save("many axes", np.zeros((1,) * 20 + (2,), dtype="i2"))
document = {"numpy": np.__version__, "files": files}
(here / "arrays.json").write_text(json.dumps(document, indent=0) + "\n")

members = {"input": values("f4"), "h0": np.asfortranarray(np.arange(6.0).reshape(2, 3)), "lengths": np.array([2, 1])}
np.savez(here / "stored.npz", **members)
np.savez_compressed(here / "deflated.npz", **members)

with zipfile.ZipFile(here / "zeros.zip", "w") as archive:
    info = zipfile.ZipInfo("zeros")  # of 1980, so that the file is the same every time
    info.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(info, bytes(1 << 24))
