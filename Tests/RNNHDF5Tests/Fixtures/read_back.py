"""Prints what h5py finds in a file: attributes, then each dataset with type, shape and bytes."""
import sys

import h5py


def show(name, item):
    if isinstance(item, h5py.Dataset):
        print(name, item.dtype, item.shape, item[...].tobytes().hex())
    else:
        print(name)
    for key in sorted(item.attrs):
        print("@", key, repr(item.attrs[key]))
    if isinstance(item, h5py.Group):
        for key in item:
            show(f"{name.rstrip('/')}/{key}", item[key])


with h5py.File(sys.argv[1]) as file:
    show("/", file)
