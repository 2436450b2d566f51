"""What the checks share: the command, the samples with their cases, and when two programs' numbers agree."""

import json
import os
import pathlib
import subprocess
import sys

import h5py
import numpy as np

SAMPLES = pathlib.Path(__file__).resolve().parents[2] / "SampleModels"
sys.path.insert(0, str(SAMPLES))

from formulas import evaluate  # noqa: E402  Second after the path it stands in.

# Units in the last place by which a framework may be away from float64 when it runs the right model.
SANE = 20

# The random models of a check that draws them are these, unless RNNKIT_SEED says which others.
SEED = int(os.environ.get("RNNKIT_SEED", "1"))


def models():
    """How many models a check draws: RNNKIT_INTEROP_MODELS, else 500."""
    return int(os.environ.get("RNNKIT_INTEROP_MODELS", "500"))


class Command:
    """The command, and a folder for what it writes."""

    def __init__(self, path, folder):
        self.path, self.folder = path, pathlib.Path(folder)

    def __call__(self, *arguments):
        """The line by which it refuses, None where it does not."""
        result = subprocess.run([self.path, *map(str, arguments)], capture_output=True, text=True)
        return None if result.returncode == 0 else (result.stderr.strip().splitlines() or ["ended without a word"])[-1]

    def convert(self, sample, extension):
        """The sample in another container, and the line by which the command refuses it, one of them None."""
        target = self.folder / f"{sample.name.replace('/', '_')}.{extension}"
        refusal = self("convert", "--quiet", "--force", sample.path, target)
        return (None, refusal) if refusal else (target, None)

    def run(self, model, inputs, modules=None):
        """What `rnn run` gives for a case's inputs."""
        given, outputs = self.folder / "in.npz", self.folder / "out.npz"
        np.savez(given, **inputs)
        options = [word for name in modules or () for word in ("--module", name)]
        if refusal := self("run", model, "--input", given, "--output", outputs, "--force", *options):
            raise RuntimeError(refusal)
        return dict(np.load(outputs))


class Case:
    """A reference case: what goes in, and what comes out by the formulas in float64."""

    def __init__(self, sample, name, group):
        self.name, self.place = name, f"{sample.name}, {name}"
        self.modules = json.loads(group.attrs["metadata"]).get("modules")
        self.stored = {key: dataset[...] for key, dataset in group.items()}
        self.inputs = {key: value for key, value in self.stored.items()
                       if key.split(".")[-1] in ("input", "h0", "c0", "lengths")}
        wide = lambda value: value.astype(np.float64) if value.dtype.kind == "f" else value
        self.exact = evaluate(sample.architecture, sample.exact_tensors,
                              {key: wide(value) for key, value in self.inputs.items()}, self.modules)


class Sample:
    """A sample model: its architecture, its tensors as they are stored, and its cases."""

    def __init__(self, path):
        self.path = path
        self.name = path.relative_to(SAMPLES).with_suffix("").as_posix()
        with h5py.File(path) as file:
            self.architecture = json.loads(file.attrs["architecture"])
            self.tensors, self.types = {}, {}
            for name, dataset in file["state_dict"].items():
                self.tensors[name] = dataset[...]
                self.types[name] = dataset.attrs.get("dtype", dataset.dtype.name)
            self.exact_tensors = {name: self._wide(name) for name in self.tensors}
            self.cases = [Case(self, name, group) for name, group in file.get("cases", {}).items()]

    def _wide(self, name):
        value = self.tensors[name]
        if self.types[name] == "bfloat16":
            value = (value.astype(np.uint32) << 16).view(np.float32)
        return value.astype(np.float64) if value.dtype.kind == "f" else value

    @property
    def is_double(self):
        return any(case.inputs["input"].dtype == np.float64 for case in self.cases)


def samples():
    """Those that state their architecture."""
    return [Sample(path) for path in sorted(SAMPLES.rglob("*.h5")) if path.parent.name not in ("plain", "rename")]


class Report:
    """What a check found."""

    def __init__(self):
        self.lines, self.failures, self.checked = [], [], 0
        self._compared = []

    def require(self, condition, failure):
        self.checked += 1
        if not condition:
            self.failures.append(failure)
        return condition

    def say(self, text):
        self.lines.append(text)

    def compare(self, place, ours, theirs, exact):
        """Keeps our numbers and a framework's beside those of the formulas in float64, for `judge`."""
        if not ours.shape == theirs.shape == exact.shape:
            return self.require(False, f"{place}: shapes {ours.shape}, the framework {theirs.shape}, expected {exact.shape}")
        if not exact.size:
            return self.require(True, "")
        unit = float(np.spacing(np.abs(exact).max().astype(ours.dtype)))
        distance = lambda a, b: float(np.abs(np.asarray(a, np.float64) - np.asarray(b, np.float64)).max()) / unit
        self._compared.append((place, distance(ours, theirs), distance(ours, exact), distance(theirs, exact)))

    def judge(self, framework):
        """Whether all our numbers and the framework's are the same within the framework's own error.

        Distances are counted in units in the last place of an output's largest number. The framework's own error E is how
        far it is at most from float64, over all outputs of this check. Two results that are each within E of the truth are
        within 2·E of each other, and no more is allowed. That the framework is within SANE of the truth shows that it ran
        the very model, and keeps E from growing with a defect.
        """
        own = max((theirs for *_, theirs in self._compared if theirs <= SANE), default=0)
        for place, apart, ours, theirs in self._compared:
            self.require(theirs <= SANE, f"{place}: {framework} is {theirs:.1f} units from float64, ours {ours:.1f}")
            self.require(apart <= 2 * own, f"{place}: {apart:.1f} units from {framework}'s, {2 * own:.1f} are allowed; "
                         f"from float64 ours is {ours:.1f}, {framework}'s {theirs:.1f}")
        worst = [max(column) for column in zip(*(distances for _, *distances in self._compared))]
        self.say(f"{len(self._compared)} outputs, in units in the last place: rnn and {framework} at most {worst[0]:.1f} apart, "
                 f"{2 * own:.1f} allowed; from float64 rnn {worst[1]:.1f}, {framework} {worst[2]:.1f}")
