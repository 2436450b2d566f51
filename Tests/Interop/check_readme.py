"""The README's Python, as it is pasted: it writes the files of SampleModels/tagger, as far as PyTorch gives the same numbers."""

import pathlib
import subprocess
import sys

import numpy as np
import torch

ROOT = pathlib.Path(__file__).resolve().parents[2]


def check(report, command):
    readme = (ROOT / "README.md").read_text()
    code = readme.split("```python\n", 1)[1].split("```", 1)[0]
    result = subprocess.run([sys.executable, "-c", code], cwd=command.folder, capture_output=True, text=True)
    report.require(result.returncode == 0, result.stderr)
    sample = ROOT / "SampleModels/tagger"
    made, kept = (torch.load(folder / "model.pt", weights_only=True) for folder in (command.folder, sample))
    report.require(list(made) == list(kept), f"other tensors: {list(made)}")
    for name in made:
        report.require(torch.equal(made[name], kept[name]), f"{name} differs from the sample's")
    for name, tolerance in (("x.npy", 0), ("y.npy", 1e-6)):
        report.require(
            np.allclose(np.load(command.folder / name), np.load(sample / name), rtol=0, atol=tolerance), f"{name} differs from the sample's")
    refusal = command("convert", command.folder / "model.pt", command.folder / "model.rnn", "--case", f"input={command.folder}/x.npy",
                      "--case", f"y={command.folder}/y.npy") or command("verify", command.folder / "model.rnn")
    report.require(refusal is None, refusal)
