"""Writes a model and its reference cases as HDF5, in the layout that RNNKit reads.

    /                      attributes format, format_version, architecture, metadata
    /state_dict/<name>     one dataset a tensor, in the state_dict's order
    /cases/<case>/<name>   one dataset a member; the group's attribute metadata says how the case was made

The same arguments give the same bytes: no time is stored, and nothing depends on where the file is written.
"""

import json
import os

import h5py
import numpy as np
import torch


def save(path, state_dict, architecture=None, cases=None, metadata=None):
    """Writes one file.

    state_dict: name -> tensor. architecture: the chain as a dictionary, None where the file is to carry none.
    cases: name -> (members, metadata). metadata: what else is worth keeping, as a dictionary.
    """
    with _create(path) as file:
        file.attrs["format"] = "rnnkit"
        file.attrs["format_version"] = 1
        if architecture is not None:
            file.attrs["architecture"] = _json(architecture)
        if metadata:
            file.attrs["metadata"] = _json(metadata)
        tensors = _group(file, "state_dict")
        for name, tensor in state_dict.items():
            _dataset(tensors, name, tensor)
        if cases:
            group = _group(file, "cases")
            for name, (members, about) in cases.items():
                case = _group(group, name)
                case.attrs["metadata"] = _json(about)
                for member, value in members.items():
                    _dataset(case, member, value)


def save_arrays(path, members):
    """Writes a case as .npz; NumPy stores no time either."""
    np.savez(path, **{name: _array(value)[0] for name, value in members.items()})


def _create(path):
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    creation = _in_order(h5py.h5p.create(h5py.h5p.FILE_CREATE))
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    # HDF5 1.10, which Debian and Ubuntu ship, reads what this writes.
    access.set_libver_bounds(h5py.h5f.LIBVER_EARLIEST, h5py.h5f.LIBVER_V110)
    return h5py.File(h5py.h5f.create(os.fsencode(path), h5py.h5f.ACC_TRUNC, fcpl=creation, fapl=access))


def _group(parent, name):
    creation = _in_order(h5py.h5p.create(h5py.h5p.GROUP_CREATE))
    return h5py.Group(h5py.h5g.create(parent.id, name.encode(), gcpl=creation))


def _in_order(creation):
    """Members are listed in the order they were made in, and no time is stored."""
    order = h5py.h5p.CRT_ORDER_TRACKED | h5py.h5p.CRT_ORDER_INDEXED
    creation.set_link_creation_order(order)
    creation.set_attr_creation_order(order)
    creation.set_obj_track_times(False)
    return creation


def _dataset(group, name, value):
    values, dtype = _array(value)
    dataset = group.create_dataset(name, data=values, track_times=False)
    if dtype:
        dataset.attrs["dtype"] = dtype


def _array(value):
    """A tensor as NumPy holds it, and the name of its type where HDF5 has none like it."""
    if isinstance(value, np.ndarray):
        return value, None
    value = value.detach().cpu().contiguous()
    if value.dtype == torch.bfloat16:
        return value.view(torch.uint16).numpy(), "bfloat16"
    return value.numpy(), None


def _json(value):
    return json.dumps(value, ensure_ascii=False)
