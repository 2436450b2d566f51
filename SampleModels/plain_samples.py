"""HDF5 files as people write them without RNNKit: no attributes, whatever names and storage they chose."""

import json
import os

import h5py
import torch
from torch import nn

from chain import Chain
from export import save_arrays
from sample import files


def _small(tensors, dtype):
    """The same small two-layer RNN, its weights rounded to a type."""
    chain = Chain(("rnn", nn.RNN(4, 12, 2, dtype=torch.float64)))
    chain.tree.load_state_dict(tensors)
    chain.tree.to(dtype)
    return chain


def _dump(path, tensors, new_format=False, **storage):
    # The oldest format that can hold the file, which is HDF5's own choice, or the newest of HDF5 1.10.
    libver = ("v110" if new_format else "earliest", "v110")
    with h5py.File(path, "w", libver=libver) as file:
        for name, tensor in tensors.items():
            options = dict(storage)
            if "chunks" in options:
                # No divisor of any axis, so that chunks at the edges are partial.
                options["chunks"] = tuple(5 if size > 5 else 3 for size in tensor.shape)
            file.create_dataset(name, data=tensor.numpy(), track_times=False, **options)


@files("plain/flat", "plain/grouped", "plain/chunked", "plain/new_format", "plain/big_endian", "plain/float16",
       "plain/float64")
def dumps(directory):
    directory = os.path.join(directory, "plain")
    os.makedirs(directory, exist_ok=True)
    source = Chain(("rnn", nn.RNN(4, 12, 2, dtype=torch.float64))).tree.state_dict()
    input = torch.randn(7, 3, 4, dtype=torch.float64)
    gzip = {"chunks": True, "compression": "gzip", "shuffle": True}
    for name, dtype, separator, storage in (
        ("flat", torch.float32, ".", {}),
        ("grouped", torch.float32, "/", {}),
        ("chunked", torch.float32, ".", gzip),
        ("new_format", torch.float32, "/", gzip | {"new_format": True}),
        ("big_endian", torch.float32, ".", {"dtype": ">f4"}),
        ("float16", torch.float16, ".", {}),
        ("float64", torch.float64, ".", {}),
    ):
        chain = _small(source, dtype)
        tensors = {key.replace(".", separator): value for key, value in chain.tree.state_dict().items()}
        _dump(os.path.join(directory, name + ".h5"), tensors, **storage)
        members, _ = chain.case(input if dtype == torch.float64 else input.float())
        save_arrays(os.path.join(directory, name + ".npz"), members)


@files("rename/weights")
def names_of_their_own(directory):
    """Names that follow no convention, with the mapping that makes sense of them."""
    directory = os.path.join(directory, "rename")
    os.makedirs(directory, exist_ok=True)
    chain = Chain(("gru", nn.GRU(4, 6, 2)), ("out", nn.Linear(6, 2)))
    own = {
        "enc_w_ih": "gru.weight_ih_l0", "enc_w_hh": "gru.weight_hh_l0",
        "enc_b_ih": "gru.bias_ih_l0", "enc_b_hh": "gru.bias_hh_l0",
        "enc2_w_ih": "gru.weight_ih_l1", "enc2_w_hh": "gru.weight_hh_l1",
        "enc2_b_ih": "gru.bias_ih_l1", "enc2_b_hh": "gru.bias_hh_l1",
        "proj_kernel": "out.weight", "proj_offset": "out.bias",
    }
    tensors = chain.tree.state_dict()
    assert sorted(own.values()) == sorted(tensors)
    _dump(os.path.join(directory, "weights.h5"), {name: tensors[known] for name, known in own.items()})
    with open(os.path.join(directory, "mapping.json"), "w") as file:
        json.dump({"rename": own}, file, indent=2)
        file.write("\n")
    members, _ = chain.case(torch.randn(8, 3, 4), {"gru": (torch.randn(2, 3, 6), None)})
    save_arrays(os.path.join(directory, "case.npz"), members)
