"""TorchScript archives, scripted and traced, of random models with what stands around recurrent layers: `rnn run` gives PyTorch's
numbers, or refuses; never another number.

    python check_torchscript_around.py RNN [--count N] [--first N] [--keep FILE]

Half of the models are over time alone (torchscript_around.py), half over time and positions (check_planes.py). Expected is PyTorch in
float64; allowed is 4 times PyTorch's own error in float32, plus 2e-7.
"""

import copy
import importlib.util
import pathlib
import re
import subprocess
import sys
import warnings
from collections import Counter

import numpy as np
import torch

import check_planes
from grown import alone
from samples import SEED, models
from torchscript_around import Sequence, fill


def trial(report, command, number, counts, refusals):
    seed = SEED * 100_000 + number
    d = Sequence(seed) if number % 2 else check_planes.Description(seed)
    if d.shape() is None or not any(word in d.text() for word in ("nn.LSTM", "nn.GRU")):
        return
    path = command.folder / f"model_{number}.py"
    path.write_text("import torch\nfrom torch import nn\nimport torch.nn.functional as F\n\n\n" + d.text())
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    torch.manual_seed(seed)
    net = fill(module.Net().eval())
    for parameter in net.parameters():
        parameter.requires_grad_(False)
    with torch.no_grad():
        single = net(d.x).numpy()
        exact = copy.deepcopy(net).double()(d.x.double()).numpy()
    allowed = 4 * np.abs(single - exact).max() + 2e-7
    np.save(command.folder / "x.npy", d.x.numpy())
    for way in ("script", "trace"):
        place = f"seed {SEED}, model {number}, {way} ({', '.join(d.kinds)})"
        try:
            written = torch.jit.script(net) if way == "script" else torch.jit.trace(net, d.x, check_trace=False)
        except Exception:
            counts["not written by PyTorch"] += 1
            continue
        archive, y = command.folder / f"{way}.pt", command.folder / "y.npy"
        written.save(str(archive))
        y.unlink(missing_ok=True)
        ran = subprocess.run([command.path, "run", archive, "--input", command.folder / "x.npy", "--output", y], capture_output=True, text=True)
        if ran.returncode:
            refusal = ran.stderr.strip().splitlines()[-1]
            report.require(ran.returncode in (64, 65) and refusal.startswith("rnn: "), f"{place}: {refusal}")
            # Of a model with modules that are not run, a note has the reason.
            refusal = next((line for line in ran.stderr.splitlines() if "which says at" in line), refusal)
            counts["mixed, refused" if "mixed" in d.kinds else "refused, read for another size" if "reshape it" in refusal else f"refused, {way}"] += 1
            refusals.append(f"{place}: {refusal}\n{d.text()}")
            continue
        ours = np.load(y)
        # An axis of 1 that the code leaves out or keeps is no difference.
        right = [n for n in ours.shape if n > 1] == [n for n in exact.shape if n > 1] and np.abs(ours.reshape(exact.shape) - exact).max() <= allowed
        counts[f"right, {way}" if right else "WRONG"] += 1
        apart = f"{np.abs(ours.reshape(exact.shape) - exact).max():.1e} apart, {allowed:.1e} allowed" if ours.size == exact.size else f"{ours.shape}, expected {exact.shape}"
        report.require(right, f"{place}: {apart}\n{d.text()}")


def check(report, command, first=0, count=None, keep=None):
    warnings.simplefilter("ignore")
    counts, refusals = Counter(), []
    for number in range(first, first + (count or models())):
        trial(report, command, number, counts, refusals)
    right = sum(value for key, value in counts.items() if key.startswith("right"))
    refused = sum(value for key, value in counts.items() if key.startswith("refused, ") and "size" not in key)
    report.require(right > 2 * refused, f"too few are read: {dict(counts)}")
    report.say(", ".join(f"{value} {key}" for key, value in sorted(counts.items())))
    reasons = Counter(re.sub(r"\d+", "N", re.split("followed here: |which says at [^:]*: |rnn: [^:]*: ", text.split("\n")[0])[-1])[:90] for text in refusals)
    report.say("; ".join(f"{value} x {key}" for key, value in reasons.most_common(8)))
    if keep:
        pathlib.Path(keep).write_text("\n".join(refusals))


if __name__ == "__main__":
    sys.exit(alone(check, __doc__))
