"""Random whole models in every container: `rnn run` gives PyTorch's numbers, or refuses; never another number.

    python check_forwards.py RNN [--count N] [--containers A,B] [--keep FOLDER] [--jobs N]

Expected is PyTorch in float64; allowed is 4 times PyTorch's own error in float32, plus 2e-7. Where the file does not say its
forward and none is given, other numbers with a note are counted as assumed, and right ones without a note are a failure.
Those that only run forward give the same bits a step at a time, and in two pieces, as at once.
"""

import argparse
import contextlib
import copy
import importlib.util
import io
import logging
import multiprocessing
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections import Counter

os.environ.setdefault("KERAS_BACKEND", "torch")

import numpy as np
import torch

from forwards import Description, keras_model
from samples import SEED, Command, Report, models

CONTAINERS = ("line", "text", "bare", "pickle", "pickle-bare", "script", "trace", "onnx", "onnx-dynamo", "keras", "h5")
BARE = ("bare", "pickle-bare")


class Trial:
    def __init__(self, path, folder, number):
        self.path, self.folder = path, pathlib.Path(folder)
        self.description = d = Description(SEED * 100_000 + number)
        self.place = f"seed {SEED}, model {number} ({'; '.join(d.kinds)})"
        source = self.folder / f"net{number}.py"
        source.write_text(d.source)
        spec = importlib.util.spec_from_file_location(source.stem, source)
        module = sys.modules[source.stem] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        self.net = d.fill(module.Net())
        self.x = d.sequence()
        (self.folder / "forward.py").write_text(d.text)
        self.exact = self.values(copy.deepcopy(self.net).double(), self.x if d.vocabulary else self.x.double())
        single = self.values(self.net, self.x)
        self.allowed = {k: 4 * np.abs(single[k] - v).max() + 2e-7 for k, v in self.exact.items()}

    def values(self, net, x):
        with torch.no_grad():
            y = net(x)
        return {name: v.numpy() for name, v in zip(self.description.names, y if isinstance(y, tuple) else (y,))}

    def layout(self):
        """What a state_dict does not say, beside the forward."""
        d = self.description
        return (["--batch-first"] if d.batch_first else []) + (["--nonlinearity", "relu"] if d.relu_rnn else [])

    def write(self, container):
        """The model's file and the options that go with it."""
        d, name = self.description, self.folder / f"model.{container}"
        if container in ("line", "text", "bare"):
            torch.save(self.net.state_dict(), name := name.with_suffix(f".{container}.pt"))
            forward = {"line": ["--forward", d.line], "text": ["--forward", f"@{self.folder / 'forward.py'}"], "bare": []}
            return name, [*forward[container], *self.layout()]
        if container in ("pickle", "pickle-bare"):
            torch.save(self.net, name := name.with_suffix(".pt"))
            return name, ["--forward", d.line] if container == "pickle" else []
        if container in ("script", "trace"):
            made = torch.jit.script(self.net) if container == "script" else torch.jit.trace(self.net, self.x)
            made.save(name := name.with_suffix(".pt"))
            return name, []
        if container in ("onnx", "onnx-dynamo"):
            torch.onnx.export(self.net, (self.x,), name := name.with_suffix(f".{container}.onnx"), input_names=["input"],
                              output_names=d.names, dynamo=container == "onnx-dynamo", verbose=False)
            return name, []
        keras_model(d, self.net).save(name := name.with_suffix(f".{container}"))
        return name, []

    def run(self, model, options, x, *more):
        given, got = self.folder / "x.npz", self.folder / "y.npz"
        got.unlink(missing_ok=True)
        np.savez(given, input=x.numpy())
        result = subprocess.run([self.path, "run", str(model), "--input", given, "--output", got, *map(str, [*options, *more])],
                                capture_output=True, text=True)
        return result.returncode, result.stderr.strip(), dict(np.load(got)) if result.returncode == 0 else {}

    def member(self, arrays, name):
        """An output by its name; the only one by whatever name its container gives; y0 and so on of a trace, which has no names."""
        if name in arrays or len(self.description.names) > 1:
            return arrays.get(name, arrays.get(f"y{self.description.names.index(name)}"))
        rest = [v for k, v in arrays.items() if k.split(".")[-1] not in ("hn", "cn", "output")]
        return rest[0] if len(rest) == 1 else arrays.get("output")

    def difference(self, arrays, turned):
        """What is not as PyTorch has it, None where all is."""
        for name, steps in self.description.outputs:
            ours, exact = self.member(arrays, name), self.exact[name]
            exact = exact.swapaxes(0, 1) if turned and steps else exact
            if ours is None:
                return f"no {name} among {[*arrays]}"
            if ours.shape != exact.shape:
                return f"{name} has shape {ours.shape} for {exact.shape}"
            if not (error := np.abs(ours - exact).max()) <= self.allowed[name]:
                return f"{name} is {error:.2g} off, {self.allowed[name]:.2g} allowed"
        return None

    def check(self, container):
        """(verdict, what was said): right, refused, assumed, unsaid, WRONG, or not written."""
        try:
            written = self.write(container)
        except Exception as error:
            return "not written", f"{type(error).__name__}: {error}"
        turned = container in ("keras", "h5") and not self.description.batch_first
        status, said, arrays = self.run(*written, self.x.swapaxes(0, 1) if turned else self.x)
        if status:
            return ("refused" if status in (64, 65) else f"exit {status}"), said.splitlines()[-1] if said else ""
        if not (difference := self.difference(arrays, turned)):
            return ("unsaid", "right, but no note of an assumption") if container in BARE and not said else ("right", "")
        return ("assumed" if container in BARE and said else "WRONG"), f"{difference}; said: {said}"

    def stream(self):
        """The whole run, one step at a time and in two pieces, where time only runs forward."""
        d = self.description
        if d.both:
            return []
        model, options = self.write("line")
        x, axis = d.sequence(batch=1, seed=7), 1 if d.batch_first else 0
        status, said, whole = self.run(model, options, x)
        if status:
            return [("stream", "whole refused", said.splitlines()[-1])]
        results, steps = [], x.numpy().reshape(x.shape[0] * x.shape[1], -1)
        if len(d.names) == 1:
            lines = "".join(",".join(map(repr, row)) + "\n" for row in steps.tolist())
            result = subprocess.run([self.path, "run", str(model), "--stream", *options], input=lines, capture_output=True, text=True)
            if result.returncode:
                results.append(("stream", "refused", result.stderr.strip()))
            else:
                ours = np.loadtxt(io.StringIO(result.stdout), np.float32, delimiter=",", ndmin=2)
                exact = self.member(whole, d.names[0])
                ours = ours if d.outputs[0][1] else ours[-1:]
                same = ours.tobytes() == exact.tobytes()
                results.append(("stream", "right" if same else "WRONG", f"{ours.tolist()} for {exact.tolist()}"))
        state, first, second = self.folder / "state.npz", *torch.tensor_split(x, [2], dim=axis)
        state.unlink(missing_ok=True)
        status, said, a = self.run(model, options, first, "--state-out", state)
        if not status:
            status, said, b = self.run(model, options, second, "--state-in", state)
        if status:
            return [*results, ("pieces", "refused", said.splitlines()[-1])]
        for name, steps in d.outputs:
            one, two, exact = (self.member(arrays, name) for arrays in (a, b, whole))
            same = np.array_equal(np.concatenate([one, two], axis) if steps else two, exact)
            results.append(("pieces", "right" if same else "WRONG", name))
        return results


def trial(job):
    path, number, containers, keep = job
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        made = Trial(path, folder, number)
        results = [(c, *made.check(c)) for c in containers if c != "stream"]
        results += made.stream() if "stream" in containers else []
        if keep and any(verdict in ("WRONG", "unsaid") or verdict.startswith("exit") for _, verdict, _ in results):
            shutil.copytree(folder, pathlib.Path(keep) / f"{SEED}-{number}", dirs_exist_ok=True)
        results = [(c, verdict, said.replace(f"{folder}/", "")) for c, verdict, said in results]
        return made.place, made.description.line, results


def check(report, command, count=None, containers=(*CONTAINERS, "stream"), keep=None, jobs=os.cpu_count()):
    jobs_given = [(str(pathlib.Path(command.path).resolve()), n, containers, keep) for n in range(count or models() // 5)]
    table, words = Counter(), Counter()
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        for place, line, results in pool.imap(trial, jobs_given):
            for container, verdict, said in results:
                table[container, verdict] += 1
                if verdict in ("refused", "not written", "whole refused"):
                    words[verdict, said.replace("\n", " ")[:100]] += 1
                bad = verdict in ("WRONG", "unsaid") or verdict.startswith("exit") or (container == "stream" and verdict == "refused")
                report.require(not bad, f"{place}, {container}: {verdict}: {said}\n    {line!r}")
    verdicts = sorted({verdict for _, verdict in table})
    report.say(f"{len(jobs_given)} models of seed {SEED}")
    report.say(f"{'':12}" + "".join(f"{verdict:>16}" for verdict in verdicts))
    for container in dict.fromkeys(c for c, _ in table):
        report.say(f"{container:12}" + "".join(f"{table[container, verdict]:16}" for verdict in verdicts))
    for (verdict, text), number in words.most_common(40):
        report.say(f"{number:5} {verdict}: {text}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("rnn")
    parser.add_argument("--count", type=int)
    parser.add_argument("--containers", type=lambda text: text.split(","), default=[*CONTAINERS, "stream"])
    parser.add_argument("--keep")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    given = parser.parse_args()
    report = Report()
    check(report, Command(given.rnn, "."), given.count, given.containers, given.keep, given.jobs)
    print("\n".join([*report.lines, *(f"FAILED {failure}" for failure in report.failures)]))
    sys.exit(bool(report.failures))
