"""Makes lzf.h5 next to this script: each array compressed with h5py's own filter, and as it is under `plain`. Made with
h5py 3.16.0 (HDF5 2.0.0) and NumPy 2.4.6."""
import os

import h5py
import numpy as np

os.chdir(os.path.dirname(os.path.abspath(__file__)))
print("h5py", h5py.__version__, "HDF5", h5py.version.hdf5_version, "NumPy", np.__version__)
random = np.random.default_rng(1)
smooth = (np.arange(3000) * 0.25).reshape(100, 30)
noise = random.normal(size=(40, 25))
half = smooth.copy()
half[50:] = random.normal(size=(50, 30))

with h5py.File("lzf.h5", "w") as f:
    def add(name, values, **options):
        f[f"plain/{name}"] = values
        return f.create_dataset(f"lzf/{name}", data=values, compression="lzf", **options)

    add("float32", smooth.astype("<f4"))
    add("float64", smooth)
    add("float16", smooth.astype("<f2"))
    add("big_endian", smooth.astype(">f4"))
    add("big_endian_float64", smooth.astype(">f8"), shuffle=True)
    add("int8", (np.arange(3000) % 7).astype("i1"))
    add("edges", smooth.astype("<f4"), chunks=(7, 11))
    add("shuffled", smooth.astype("<f4"), shuffle=True)
    add("checked", smooth.astype("<f4"), fletcher32=True)
    add("shuffled_checked", smooth.astype(">f2"), chunks=(9, 9), shuffle=True, fletcher32=True)
    add("zeros", np.zeros((64, 64), "<f4"))
    add("growing", smooth.astype("<f4"), chunks=(64, 64), maxshape=(None, None))
    # Chunks that do not get smaller are stored as they are, with a bit of the filter mask set.
    for name, values, chunks in (("noise", noise, (20, 25)), ("half_noise", half, (25, 30))):
        data = add(name, values, chunks=chunks)
        masks = [data.id.get_chunk_info(i).filter_mask for i in range(data.id.get_num_chunks())]
        print(name, masks)
        assert any(masks)
    # The checksum before the compression, as a program of one's own may have it.
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk((25, 30))
    plist.set_fletcher32()
    plist.set_filter(h5py.h5z.FILTER_LZF, h5py.h5z.FLAG_OPTIONAL)
    values = smooth.astype("<f4")
    f["plain/checked_first"] = values
    data = h5py.h5d.create(
        f.id, b"lzf/checked_first", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple(values.shape), plist)
    data.write(h5py.h5s.ALL, h5py.h5s.ALL, values)
    f.create_dataset("words", data=np.array([b"ab", b"cde"] * 50), compression="lzf")

# One byte of a chunk changed, which no checksum tells: a copy from before the start. And a chunk that decodes to less.
for name, bytes_ in (("bad_lzf_distance", b"\xff\xff\xff"), ("bad_lzf_short", bytes([3, 0, 0, 0, 0]))):
    with h5py.File(name + ".h5", "w") as f:
        data = f.create_dataset("weight", (64,), "<f4", chunks=(64,), compression="lzf")
        data.id.write_direct_chunk((0,), bytes_)
