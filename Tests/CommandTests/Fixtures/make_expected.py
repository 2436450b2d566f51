"""Writes expected.json, what PyTorch itself prints for the samples' modules and outputs, and two_orders.h5, two RNNs of
one size that could follow each other either way.

    python make_expected.py

Needs what SampleModels/requirements.txt pins.
"""

import json
import pathlib
import sys

FOLDER = pathlib.Path(__file__).resolve().parent
SAMPLES = FOLDER.parents[2] / "SampleModels"
sys.path.insert(0, str(SAMPLES))

import h5py
import torch

from check_samples import build, states, tensor

# Files and cases whose outputs are printed: float32, float64, unbatched, shortened, without a sign, with lengths.
PRINTED = {
    "tutorial/sequence_first": "h0_zeros", "rnn_float64": "h0_normal", "rnn_unbatched": "unbatched",
    "sunspots/sunspots": "yearly", "head_softmax": "normal", "lengths_lstm": "any_order", "empty_batch": "empty",
    "chain_lstm_lstm2_dense": "state_given",
}


def main():
    torch.manual_seed(1)
    reprs, prints = {}, {}
    for path in sorted(SAMPLES.rglob("*.h5")):
        name = path.relative_to(SAMPLES).with_suffix("").as_posix()
        with h5py.File(path) as file:
            if "architecture" not in file.attrs:
                continue
            tensors = {key: tensor(value) for key, value in file["state_dict"].items()}
            chain = build(json.loads(file.attrs["architecture"]), tensors)
            if chain is None:
                continue
            reprs[name] = {link.name: repr(link.module) for link in chain.links if link.is_runnable}
            if name in PRINTED:
                chain.tree.load_state_dict(tensors)
                members = {key: tensor(value) for key, value in file["cases"][PRINTED[name]].items()}
                outputs = chain.run(members["input"], states(members, chain), members.get("lengths"))
                text = "".join(f"{key}\n{value}\n" for key, value in outputs.items())
                prints[name] = {"case": PRINTED[name], "text": text}
    result = {"versions": {"torch": torch.__version__.split("+")[0]}, "repr": reprs, "print": prints}
    with h5py.File(FOLDER / "two_orders.h5", "w") as file:
        for name in "ab":
            for key, value in torch.nn.RNN(4, 4, bias=False).state_dict().items():
                file.create_dataset(f"{name}.{key}", data=value.numpy(), track_times=False)
    (FOLDER / "expected.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", "utf-8")


main()
