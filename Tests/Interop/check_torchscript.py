"""TorchScript archives of random models, scripted and traced: `rnn run` gives PyTorch's numbers, or refuses.

    python check_torchscript.py RNN [--seed 1] [--count 500]
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile
import warnings
from collections import Counter

import numpy as np
import torch

from samples import SEED, Command, Report, models
from torchscript_models import make


def flat(value):
    return [value] if isinstance(value, torch.Tensor) else [tensor for part in value for tensor in flat(part)]


def near(ours, theirs):
    """Whether the numbers are the same but for rounding; axes of length 1 may be left out or kept."""
    if ours.size != theirs.size or [n for n in ours.shape if n > 1] != [n for n in theirs.shape if n > 1]:
        return False
    return np.abs(ours.reshape(theirs.shape) - theirs).max() <= 2e-6 * max(1, np.abs(theirs).max())


def trial(report, command, seed, counts):
    source, model, inputs = make(seed, command.folder)
    with torch.no_grad():
        # The states of all layers come after y.
        result = model(*inputs)
        wanted = flat(result[0]) if isinstance(result, tuple) and source.lines[-1] != "return y, torch.tanh(y) * 0.5" else flat(result)
    given, got = command.folder / "x.npz", command.folder / "y.npz"
    arrays = {"input": inputs[0].numpy()}
    if source.packed:
        arrays["lengths"] = inputs[1].numpy()
    np.savez(given, **arrays)
    for way in ("script", "trace"):
        place = f"seed {seed}, {way} ({', '.join(source.beyond) or 'nothing beyond'})"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            written = torch.jit.script(model) if way == "script" else torch.jit.trace(model, inputs, check_trace=False)
        path = command.folder / f"{way}.pt"
        written.save(str(path))
        got.unlink(missing_ok=True)
        ran = subprocess.run([command.path, "run", path, "--input", given, "--output", got], capture_output=True, text=True)
        counts[f"{way}, exit {ran.returncode}"] += 1
        said = ran.stderr.strip()
        if ran.returncode:
            report.require(ran.returncode in (64, 65) and said, f"{place}: exit {ran.returncode}: {said}")
            counts["refused"] += 1
            counts["refused, nothing beyond"] += not source.beyond
            continue
        ours = dict(np.load(got))
        states = {name for name in ours if name.rsplit(".", 1)[-1] in ("hn", "cn")}
        results = [value for name, value in ours.items() if name not in states]
        holds = all(any(near(value, tensor.numpy()) for value in results) for tensor in wanted)
        report.require(holds, f"{place}: WRONG NUMBERS, exit 0, said: {said}")
        counts["right" if holds else "WRONG"] += 1


def check(report, command, seed=SEED, count=None):
    count, counts = count or models(), Counter()
    for number in range(count):
        trial(report, command, seed * 100_000 + number, counts)
    report.say(f"{count} models of seed {seed}: " + ", ".join(f"{value} {name}" for name, value in sorted(counts.items())))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rnn", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--count", type=int, default=models())
    options = parser.parse_args()
    report = Report()
    with tempfile.TemporaryDirectory() as folder:
        check(report, Command(options.rnn.resolve(), folder), options.seed, options.count)
    print("\n".join([*report.lines, *(f"FAILED {failure}" for failure in report.failures)]))
    sys.exit(1 if report.failures else 0)
