"""Random models saved by every Keras that is at hand: run where they are chains, else converted with all their arrays.

RNNKIT_KERAS names Pythons that have other versions, one after the other with ":", each with the folder to put in its
PYTHONPATH after "=" where it needs one. The one that runs this is always among them; nothing stands in for a version that
is missing.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
from collections import Counter

import numpy as np

from samples import SEED, models

TOLERANCE = 2e-5
KEYS = ("right", "WRONG", "refused", "carried whole", "NOT CARRIED", "not saved by Keras")


def pythons():
    """Commands with their environments."""
    yield [sys.executable], dict(os.environ)
    for entry in filter(None, os.environ.get("RNNKIT_KERAS", "").split(":")):
        path, _, packages = entry.partition("=")
        yield [path], dict(os.environ) | ({"PYTHONPATH": packages.replace(",", ":")} if packages else {})


def values(arrays):
    return np.sort(np.concatenate([np.ravel(array).astype(np.float64) for array in arrays]))


def examine(report, command, path, expected, counts):
    """One file: its numbers, or a refusal by name and every value in a conversion."""
    given, out = command.folder / "in.npz", command.folder / "out.npz"
    np.savez(given, input=expected["input"])
    refusal = command("run", path, "--input", given, "--output", out, "--force")
    if refusal is None:
        found = dict(np.load(out))
        y = found.get("y", found.get("output"))
        right = y.shape == expected["y"].shape and np.abs(y - expected["y"]).max() <= TOLERANCE
        report.require(right, f"{path}: a wrong number in silence")
        counts["right" if right else "WRONG"] += 1
        return
    report.require("class" in refusal or "layer" in refusal or "tensors" in refusal, f"{path}: {refusal}")
    counts["refused"] += 1
    refusal = command("convert", "--quiet", "--force", path, out)
    report.require(refusal is None, f"{path}: not carried: {refusal}")
    if refusal is None:
        # Biases of Keras that are one are two in PyTorch, one of them zero.
        carried = values([v for key, v in np.load(out).items() if v.dtype.kind == "f" and not key.startswith("__")])
        wanted = values([v for key, v in expected.items() if key.startswith("weight")])
        same = np.array_equal(carried[carried != 0].astype("f4"), wanted[wanted != 0].astype("f4"))
        report.require(same, f"{path}: {np.count_nonzero(carried)} values carried of {np.count_nonzero(wanted)}")
        counts["carried whole" if same else "NOT CARRIED"] += 1


def check(report, command):
    makers, total = list(pythons()), Counter()
    script = pathlib.Path(__file__).with_name("keras_models.py")
    for number, (python, environment) in enumerate(makers):
        folder, log, version = command.folder / f"keras{number}", command.folder / f"keras{number}.log", None
        folder.mkdir()
        count, counts = models() // len(makers) + (number < models() % len(makers)), Counter()
        # What is made is examined while more is being made.
        with open(log, "w") as errors:
            making = subprocess.Popen([*python, "-B", script, folder, str(count), str(SEED + number)], env=environment,
                                      stdout=subprocess.PIPE, stderr=errors, text=True)
            for line in making.stdout:
                if re.fullmatch(r"\d+", line.strip()):
                    expected = dict(np.load(folder / f"{int(line)}.npz"))
                    for extension in ("keras", "h5"):
                        path = folder / f"{int(line)}.{extension}"
                        if path.exists():
                            examine(report, command, path, expected, counts)
                        else:
                            counts["not saved by Keras"] += 1
                elif match := re.fullmatch(r"version (\S+)", line.strip()):
                    version = match[1]
        made = sum(counts[key] for key in ("right", "WRONG", "refused", "not saved by Keras")) == 2 * count
        report.require(making.wait() == 0 and version and made, f"{' '.join(python)}: {log.read_text().strip()[-300:]}")
        report.say(f"Keras {version}, {count} models as .keras and .h5: " + ", ".join(f"{counts[key]} {key}" for key in KEYS))
        total += counts
        shutil.rmtree(folder)
    report.require(total["right"] >= models(), f"only {total['right']} of {2 * models()} files were run")
    report.say(f"{total['WRONG']} wrong numbers in silence")
