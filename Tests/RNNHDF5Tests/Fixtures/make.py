"""Makes the HDF5 files next to this script. Made with h5py 3.16.0 (HDF5 2.0.0) and NumPy 2.4.6.

The values are simple enough for the tests to work them out by themselves.
"""
import os

import h5py
import numpy as np

os.chdir(os.path.dirname(os.path.abspath(__file__)))
print("h5py", h5py.__version__, "HDF5", h5py.version.hdf5_version, "NumPy", np.__version__)


def numbers():
    """Every element type, in both byte orders: 0, 1, … 5 in two rows."""
    with h5py.File("numbers.h5", "w") as f:
        for order, group in (("<", "little"), (">", "big")):
            for name in ["float16", "float32", "float64", "int8", "int16", "int32", "int64",
                         "uint8", "uint16", "uint32", "uint64", "complex64", "complex128"]:
                values = np.arange(6).reshape(2, 3).astype(np.dtype(name).newbyteorder(order))
                if "complex" in name:
                    values += (values * 2j).astype(values.dtype)
                f[f"{group}/{name}"] = values
        f["bool"] = np.array([True, False, True])
        f["scalar"] = np.float32(1.5)
        f["empty"] = np.zeros((0, 3), np.float32)
        f["minus"] = np.array([-1, -2], ">i4")
        # NaNs with a payload and one that signals, whose bits no conversion may change.
        nan = f.create_dataset("nan", 2, ">f4")
        nan.id.write(h5py.h5s.ALL, h5py.h5s.ALL, np.array([0x7FC01234, 0xFF800001], ">u4").view(">f4"))
        # HDF5's description of a float is free: bfloat16 is one that its library does not name yet.
        bfloat16 = h5py.h5t.IEEE_F32LE.copy()
        bfloat16.set_fields(15, 7, 8, 0, 7)
        bfloat16.set_size(2)
        bfloat16.set_ebias(127)
        raw = h5py.h5d.create(f.id, b"bfloat16", bfloat16, h5py.h5s.create_simple((2,)))
        raw.write(h5py.h5s.ALL, h5py.h5s.ALL, np.array([0x3F80, 0xC000], "<u2"), bfloat16)
        # Twelve bits in two bytes.
        narrow = h5py.h5t.STD_I16LE.copy()
        narrow.set_precision(12)
        raw = h5py.h5d.create(f.id, b"twelve_bits", narrow, h5py.h5s.create_simple((2,)))
        raw.write(h5py.h5s.ALL, h5py.h5s.ALL, np.array([-3, 5], "<i2"), h5py.h5t.STD_I16LE)


def filters():
    """One array, 0, 0.25, 0.5 … in (100, 30), stored in every way."""
    values = (np.arange(3000) * 0.25).reshape(100, 30).astype("<f4")
    with h5py.File("filters.h5", "w") as f:
        f["contiguous"] = values
        f.create_dataset("chunked", data=values, chunks=(7, 11))
        f.create_dataset("gzip", data=values, chunks=(7, 11), compression="gzip", compression_opts=9)
        f.create_dataset("shuffle", data=values, chunks=(16, 30), compression="gzip", shuffle=True)
        f.create_dataset("fletcher32", data=values, chunks=(100, 30), fletcher32=True)
        f.create_dataset("szip", data=values, chunks=(10, 30), compression="szip")
        f.create_dataset("big_gzip", data=values.astype(">f4"), chunks=(9, 9), compression="gzip")
        f.create_dataset("growing", data=values, chunks=(64, 64), maxshape=(None, None))
        f.create_dataset("lzf", data=values, compression="lzf")
        f.create_dataset("filled", (100, 30), "<f4", fillvalue=2.5)
        sparse = f.create_dataset("sparse", (100, 30), "<f4", chunks=(10, 30), fillvalue=-1)
        sparse[50:60] = values[50:60]
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_layout(h5py.h5d.COMPACT)
        compact = h5py.h5d.create(f.id, b"compact", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((2, 3)), plist)
        compact.write(h5py.h5s.ALL, h5py.h5s.ALL, np.arange(6, dtype="<f4").reshape(2, 3))
    with h5py.File("userblock.h5", "w", userblock_size=1024) as f:
        f["weight"] = values


def links():
    with h5py.File("links.h5", "w", track_order=True) as f:
        f["zebra"] = np.arange(3, dtype="<f4")
        f["apple"] = np.arange(4, dtype="<i8")
        f["tied"] = f["zebra"]
        f["soft"] = h5py.SoftLink("/group/inner")
        f.create_group("group", track_order=True)["inner"] = np.arange(2, dtype="<f8")
        f["group/up"] = f["/"]
        f["alias"] = h5py.SoftLink("/group")
        f["dangling"] = h5py.SoftLink("/nowhere")
        f["elsewhere"] = h5py.ExternalLink("numbers.h5", "/scalar")
        f["through"] = h5py.SoftLink("/elsewhere")
        f.create_dataset("outside", (4,), "<f4", external=[("outside.bin", 0, 16)])
        layout = h5py.VirtualLayout((3,), "<f4")
        layout[:] = h5py.VirtualSource("filters.h5", "compact", (2, 3))[0]
        f.create_virtual_dataset("virtual", layout)
    if os.path.exists("outside.bin"):
        os.remove("outside.bin")


def kinds():
    """What a tensor cannot hold, and strings."""
    with h5py.File("kinds.h5", "w") as f:
        f["compound"] = np.zeros(2, [("a", "<f4"), ("b", "<i4")])
        f.create_dataset("lists", (2,), h5py.vlen_dtype("<f4"))
        f.create_dataset("reference", (1,), h5py.ref_dtype)
        f["opaque"] = np.void(b"abc")
        f["enumeration"] = np.zeros(2, h5py.enum_dtype({"A": 0, "B": 1, "C": 2}))
        f["array"] = np.zeros(2, [("x", "<f4", (3,))])
        f["type"] = np.dtype("<f4")
        f["shapeless"] = h5py.Empty("<f4")
        f["long_double"] = np.zeros(2, np.longdouble)
        f["words"] = ["one", "två", ""]
        f["fixed"] = np.array([b"ab", b"cde"])
        f["word"] = "single"
        f["grid"] = np.array([["a", "b"], ["c", "d"]], dtype=object)


def attributes():
    with h5py.File("attributes.h5", "w") as f:
        f.attrs["text"] = "grün"
        f.attrs["bytes"] = np.bytes_(b"fixed")
        f.attrs["texts"] = ["a", "bc"]
        f.attrs["byte_texts"] = np.array([b"lstm", b"gru"])
        f.attrs["integer"] = 7
        f.attrs["integers"] = np.array([1, -2], ">i2")
        f.attrs["large"] = np.uint64(2**64 - 1)
        f.attrs["number"] = 0.5
        f.attrs["numbers"] = np.array([0.5, 2], "<f4")
        f.attrs["flag"] = True
        f.attrs["flags"] = np.array([True, False])
        f.attrs["nothing"] = h5py.Empty("<f4")
        f.attrs["square"] = np.array([[1, 2], [3, 4]])
        f.attrs["none"] = np.zeros(0)
        f.attrs["one"] = [3]
        f.attrs["compound"] = np.zeros(1, [("a", "<f4"), ("b", "<i4")])
        f.attrs["latin"] = np.bytes_(b"gr\xfcn")
        f["data"] = np.zeros(1, "<f4")
        f["data"].attrs["unit"] = "V"
        f.create_group("ordered", track_order=True)
        f["ordered"].attrs["z"] = 1
        f["ordered"].attrs["a"] = 2
    with h5py.File("large_attribute.h5", "w", libver=("v108", "v110")) as f:
        f.attrs["many"] = np.arange(9000)


def claims():
    """One thing each that is refused."""
    with h5py.File("bad_unstored.h5", "w") as f:
        f.create_dataset("weight", (2**40,), "<f4")
    with h5py.File("bad_ratio.h5", "w") as f:
        sparse = f.create_dataset("weight", (2**36,), "<f4", chunks=(2**16,), compression="gzip")
        sparse[:4] = 1
    with h5py.File("bad_chunk.h5", "w") as f:
        f.create_dataset("weight", (4,), "<f4", chunks=(2**27,), maxshape=(None,), compression="gzip")
    with h5py.File("bad_total.h5", "w") as f:
        for name in "abc":
            f.create_dataset(name, (2**21,), "<f4")
    with h5py.File("bad_shape.h5", "w") as f:
        f.create_dataset("weight", (2**32, 2**32), "<f4", chunks=(1, 1))
    with h5py.File("bad_depth.h5", "w") as f:
        f.create_group("/".join("g" * 65))
    with h5py.File("bad_checksum.h5", "w") as f:
        f.create_dataset("weight", data=np.arange(64, dtype="<f4"), chunks=(64,), fletcher32=True)
        offset = f["weight"].id.get_chunk_info(0).byte_offset
    with open("bad_checksum.h5", "r+b") as f:
        f.seek(offset)
        f.write(b"\xff")


numbers()
filters()
links()
kinds()
attributes()
claims()
