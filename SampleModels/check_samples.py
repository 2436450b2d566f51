"""Loads every sample back into PyTorch and replays its cases.

    python check_samples.py [FILE]...

Of each file: the modules are built from its architecture alone, its tensors go into them with
load_state_dict(strict=True), and every case must come out as stored: the same bits or, on another kind of processor,
within atol 1e-6 + rtol 1e-5 (float64: 1e-12). What PyTorch cannot hold is evaluated from the formulas. All float64
results are compared with the formulas, which share no code with PyTorch. Exits with 1 where something differs.
"""

import json
import os
import sys

import h5py
import numpy as np
import torch
from torch import nn

from chain import Chain, Link
from formulas import evaluate
from sample import DIRECTORY

PYTORCH = {"RNN": nn.RNN, "LSTM": nn.LSTM, "GRU": nn.GRU, "RNNCell": nn.RNNCell, "LSTMCell": nn.LSTMCell,
           "GRUCell": nn.GRUCell, "Linear": nn.Linear, "Embedding": nn.Embedding, "Unknown": nn.Module}
# Keys of a module that say how it is used, and so are no argument of its constructor.
USE = ("type", "name", "activation", "returns_sequence", "tensors")


def tensor(dataset):
    """A dataset as a tensor; bfloat16, which HDF5 has not, is stored as its bits."""
    value = torch.from_numpy(dataset[...])
    return value.view(torch.bfloat16) if dataset.attrs.get("dtype") == "bfloat16" else value


def build(architecture, tensors):
    """The chain that an architecture describes, None where PyTorch cannot hold it."""
    links = []
    for about in architecture["modules"]:
        if not holds(about):
            return None
        arguments = {key: value for key, value in about.items() if key not in USE}
        links.append(Link(about["name"], PYTORCH[about["type"]](**arguments), about.get("activation"),
                          about.get("returns_sequence", True)))
    chain = Chain(*links, batch_first=architecture["batch_first"])
    known = chain.tree.state_dict()
    for name, value in tensors.items():
        if name in known:
            parameter = chain.tree.get_parameter(name)
            parameter.data = parameter.data.to(value.dtype)
        else:
            register(chain.tree, name, value)
    return chain


def holds(about):
    """Whether PyTorch has such a module."""
    return not {"activations", "reset_after"} & about.keys() and about.get("nonlinearity", "tanh") in ("tanh", "relu")


def register(tree, name, value):
    """Makes room for a tensor that is no part of the chain."""
    *path, last = name.split(".")
    for part in path:
        if part not in tree._modules:
            tree.add_module(part, nn.Module())
        tree = tree._modules[part]
    tree.register_buffer(last, torch.empty_like(value))


def states(members, chain):
    """module name -> (h0, c0) from a case's members."""
    recurrent = [link.name for link in chain.links if link.is_recurrent]
    label = lambda name: "" if len(recurrent) == 1 else name + "."
    found = {name: tuple(members.get(label(name) + key) for key in ("h0", "c0")) for name in recurrent}
    return {name: pair for name, pair in found.items() if pair[0] is not None}


def difference(a, b):
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    return float(np.abs(a - b).max()) if a.size else 0.0


def close(a, b):
    """Whether a replayed value is a stored one, within what the stored one's type allows."""
    atol, rtol = (1e-12, 0) if b.dtype == np.float64 else (1e-6, 1e-5)
    return a.dtype == b.dtype and a.shape == b.shape and np.allclose(a, b, rtol=rtol, atol=atol)


def check(file):
    """Returns what was wrong, and prints a line a case."""
    architecture = json.loads(file.attrs["architecture"])
    tensors = {name: tensor(dataset) for name, dataset in file["state_dict"].items()}
    chain, problems = build(architecture, tensors), []
    if chain:
        chain.tree.load_state_dict(tensors, strict=True)
    for name, group in file.get("cases", {}).items():
        problems += [f"{name}: {p}" for p in check_case(group, name, architecture, tensors, chain)]
    return problems


def check_case(group, name, architecture, tensors, chain):
    modules = json.loads(group.attrs["metadata"]).get("modules")
    stored = {key: dataset[...] for key, dataset in group.items()}
    exact = evaluate(
        architecture,
        {key: value.double().numpy() for key, value in tensors.items()},
        {key: value.astype(np.float64) if value.dtype.kind == "f" else value for key, value in stored.items()},
        modules)
    wide = {key[:-2]: value for key, value in stored.items() if key.endswith("64")} or stored
    tolerance = {key: 1e-13 * max(1, np.abs(value).max(initial=0)) for key, value in exact.items()}
    problems = [f"{key} is not what the formulas give" for key in exact
                if key in wide and difference(exact[key], wide[key]) > tolerance[key]]
    expected = {key: value for key, value in stored.items() if key in exact}
    if missing := exact.keys() - expected.keys():
        problems.append(f"no {', '.join(sorted(missing))}")
    how = "by formulas"
    if chain:
        given = {key: torch.from_numpy(value) for key, value in stored.items()}
        part = chain.part(modules) if modules else chain
        replayed, _ = chain.case(given["input"], states(given, part), given.get("lengths"), modules)
        expected = {key: value for key, value in stored.items() if key in replayed}
        problems += [f"{key} is not stored" for key in replayed.keys() - stored.keys()]
        problems += [f"{key} is not replayed" for key in stored.keys() - replayed.keys()]
        problems += [f"{key} differs by {difference(replayed[key], value):.3g}"
                     for key, value in expected.items() if not close(replayed[key].numpy(), value)]
        same = all(replayed[key].numpy().tobytes() == value.tobytes() for key, value in expected.items())
        how = "same bits" if same else "close"
    else:
        problems += [f"{key} differs" for key, value in expected.items()
                     if not close(exact[key].astype(value.dtype), value)]
    error = max(difference(stored[key], exact[key]) for key in exact)
    print(f"  {name:16} {how:12} largest distance from float64 {error:.2e}")
    return problems


def check_tutorial():
    """Both layouts hold the same numbers, and the last layer of hn is the last output."""
    files = [h5py.File(os.path.join(DIRECTORY, "tutorial", name + ".h5")) for name in ("sequence_first", "batch_first")]
    for case in files[0]["cases"]:
        one, two = ({key: value[...] for key, value in file["cases"][case].items()} for file in files)
        assert all(np.array_equal(one[key].swapaxes(0, 1), two[key]) for key in ("input", "output"))
        assert all(np.array_equal(one[key], two[key]) for key in ("h0", "hn"))
        assert np.array_equal(one["hn"][-1], one["output"][-1])


def check_plain(path, rename=lambda name: name.replace("/", "."), case=None):
    """A plain dump holds the model of which the .npz beside it is a case."""
    tensors = {}
    with h5py.File(path) as file:
        def visit(name, item):
            assert not item.attrs
            if isinstance(item, h5py.Dataset):
                tensors[rename(name)] = item[...].astype(np.float64)
        file.visititems(visit)
    members = dict(np.load(case or path.replace(".h5", ".npz")))
    name = "gru" if "gru.weight_ih_l0" in tensors else "rnn"
    modules = [{"type": name.upper(), "name": name, "num_layers": 2,
                "hidden_size": tensors[name + ".weight_hh_l0"].shape[1]}]
    modules += [{"type": "Linear", "name": "out"}] if "out.weight" in tensors else []
    exact = evaluate({"modules": modules}, tensors, {key: value.astype(np.float64) for key, value in members.items()})
    for key, value in exact.items():
        assert difference(value, members[key]) < (1e-13 if members[key].dtype == np.float64 else 1e-6), (path, key)
        assert difference(value, members.get(key + "64", value)) < 1e-13, (path, key)


def main(paths):
    torch.set_num_threads(1)
    others = ("plain", "rename")
    everything = not paths
    if everything:
        paths = sorted(os.path.join(folder, name) for folder, _, names in os.walk(DIRECTORY) for name in names
                       if name.endswith(".h5") and os.path.basename(folder) not in others)
    failed = 0
    for path in paths:
        print(os.path.relpath(path, DIRECTORY))
        with h5py.File(path) as file:
            problems = check(file)
        failed += bool(problems)
        for problem in problems:
            print("  WRONG", problem)
    if everything:
        check_tutorial()
        folder = os.path.join(DIRECTORY, "plain")
        for name in sorted(os.listdir(folder)):
            if name.endswith(".h5"):
                check_plain(os.path.join(folder, name))
        folder = os.path.join(DIRECTORY, "rename")
        with open(os.path.join(folder, "mapping.json")) as file:
            mapping = json.load(file)["rename"]
        check_plain(os.path.join(folder, "weights.h5"), mapping.__getitem__, os.path.join(folder, "case.npz"))
    print(f"{len(paths)} files, {failed} wrong")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
