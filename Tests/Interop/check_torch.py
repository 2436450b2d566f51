"""What `rnn convert` writes, opened with PyTorch, safetensors, NumPy and h5py, and run by PyTorch.

Every sample, in each of these containers, must load with load_state_dict(strict=True) into modules built from its
architecture alone, with the sample's own bits, and its reference cases must stand where the documentation says. Then
PyTorch runs every case and must give what `rnn run` gives.
"""

import base64
import contextlib
import json
import pathlib
import re

import h5py
import numpy as np
import safetensors
import safetensors.torch
import torch

from check_samples import build, states
from samples import samples


def pt(path):
    return torch.load(path, weights_only=True), None


def safe(path):
    with safetensors.safe_open(path, "pt") as file:
        arrays = json.loads(file.metadata().get("rnnkit.arrays", "[]"))
    cases = {a["name"]: np.frombuffer(base64.b64decode(a["base64"]), a["dtype"]).reshape(a["shape"]) for a in arrays}
    return safetensors.torch.load_file(path), cases


def npz(path):
    file = np.load(path)
    types = json.loads(bytes(file["__rnnkit__"])).get("dtypes", {})
    tensors = {k: torch.from_numpy(file[k]) for k in file.files if not k.startswith(("cases/", "__rnnkit__"))}
    tensors |= {k: tensors[k].view(getattr(torch, dtype)) for k, dtype in types.items()}
    return tensors, {k: file[k] for k in file.files if k.startswith("cases/")}


def hdf5(path):
    with h5py.File(path) as file:
        tensors = {k: torch.from_numpy(v[...]) for k, v in file["state_dict"].items()}
        for name, value in file["state_dict"].items():
            if "dtype" in value.attrs:
                tensors[name] = tensors[name].view(getattr(torch, value.attrs["dtype"]))
        cases = {f"cases/{name}/{k}": v[...] for name, group in file.get("cases", {}).items() for k, v in group.items()}
    return tensors, cases


def text(path):
    lists = json.loads(path.read_text())
    own = lists.pop("__rnnkit__")
    def tensors(lists, own):
        return {k: torch.tensor(v, dtype=getattr(torch, own.get("dtypes", {}).get(k, "float32")))
                .reshape(own.get("shapes", {}).get(k, np.shape(v))) for k, v in lists.items()}
    cases = {f"cases/{name}/{k}": v.numpy() for name, case in own.get("cases", {}).items()
             for k, v in tensors(case["members"], case).items()}
    return tensors(lists, own), cases


CONTAINERS = {"pt": pt, "safetensors": safe, "npz": npz, "h5": hdf5, "json": text}


def same(a, b):
    """Whether two tensors have one type, shape and bits."""
    raw = lambda tensor: tensor.reshape(-1).view(torch.uint8)
    return a.dtype == b.dtype and a.shape == b.shape and torch.equal(raw(a), raw(b))


def check_container(report, command, sample, extension, wanted):
    """The sample's chain in PyTorch with the container's tensors in it; None where PyTorch has no such cell."""
    place = f"{sample.name}.{extension}"
    path, refusal = command.convert(sample, extension)
    if refusal:
        # A state_dict of a cell that no torch.nn class computes.
        report.require(extension != "h5" and "compute something else" in refusal, f"{place}: {refusal}")
        return None
    tensors, cases = CONTAINERS[extension](path)
    report.require(list(tensors) == list(wanted) or extension in ("safetensors", "npz"),
                   f"{place}: the tensors are in another order")
    report.require(tensors.keys() == wanted.keys() and all(same(tensors[k], v) for k, v in wanted.items()),
                   f"{place}: the tensors are not the sample's")
    if cases is not None:
        stored = {f"cases/{case.name}/{k}": v for case in sample.cases for k, v in case.stored.items()}
        report.require(cases.keys() == stored.keys() and all(
            cases[k].dtype == v.dtype and cases[k].shape == v.shape and cases[k].tobytes() == v.tobytes()
            for k, v in stored.items()), f"{place}: the cases are not the sample's")
    chain = build(sample.architecture, tensors)
    if chain:
        try:
            chain.tree.load_state_dict(tensors, strict=True)
        except RuntimeError as error:
            report.require(False, f"{place}: {error}")
    return chain


def check_documentation(report, command, sample):
    """The Python in containers.md, each line as it stands there, must give the model its weights."""
    page = (pathlib.Path(__file__).resolve().parents[2] / "Schemas/containers.md").read_text()
    code = "\n".join(re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE))
    for extension in CONTAINERS:
        path, _ = command.convert(sample, extension)
        path.rename(command.folder / f"model.{extension}")
    chain = build(sample.architecture, {})
    loads = []
    load = chain.tree.load_state_dict
    def record(state, **options):
        torch.nn.init.zeros_(next(chain.tree.parameters()))
        load(state, **options)
        loads.append(all(np.array_equal(v.numpy(), sample.tensors[k]) for k, v in chain.tree.state_dict().items()))
    chain.tree.load_state_dict = record
    with contextlib.chdir(command.folder):
        exec(code, {"model": chain.tree, "torch": torch, "safetensors": safetensors, "numpy": np, "json": json})
    report.require(len(loads) == 4 and all(loads), f"containers.md loads {loads}")


def check(report, command):
    torch.set_num_threads(1)
    check_documentation(report, command, next(sample for sample in samples() if sample.name == "lstm"))
    models, ran = 0, 0
    for sample in samples():
        wanted = {k: torch.from_numpy(v).view(getattr(torch, sample.types[k])) for k, v in sample.tensors.items()}
        chains = [check_container(report, command, sample, extension, wanted) for extension in CONTAINERS]
        models += 1
        if not chains[0]:
            continue
        ran += 1
        path, _ = command.convert(sample, "pt")
        for case in sample.cases:
            part = chains[0].part(case.modules) if case.modules else chains[0]
            given = {k: torch.from_numpy(v) for k, v in case.inputs.items()}
            part = part.converted(torch.float64 if sample.is_double else torch.float32)
            theirs = part.run(given["input"], states(given, part), given.get("lengths"))
            ours = command.run(path, case.inputs, case.modules)
            report.require(ours.keys() == theirs.keys(), f"{case.place}: {[*ours]}, PyTorch {[*theirs]}")
            for member in ours.keys() & theirs.keys():
                report.compare(f"{case.place}, {member}", ours[member], theirs[member].numpy(), case.exact[member])
    report.say(f"{models} models as {', '.join(CONTAINERS)}, loaded strictly; {ran} of them run by PyTorch {torch.__version__}")
    report.judge("PyTorch")
