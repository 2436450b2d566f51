"""State_dicts with something beside recurrent layers and head: a number that `rnn run` gives is PyTorch's, or it gives none.

Of each random model `rnn run` either gives what PyTorch gives for the whole model, or refuses. Where it refuses, every choice
of modules that the error names is followed: it must run, name every tensor that it leaves out, and give what PyTorch gives for
these modules alone; a renaming that the error names must give the whole model's numbers, and so must one of the lines that it
names, which `rnn verify` finds by the case. Otherwise `rnn verify` and a run of the converted model judge alike. Where it gives
PyTorch's numbers, PyTorch loads the converted state_dict strictly into a model without extras, which gives the same numbers.
"""

import re
import shlex
import subprocess
from collections import Counter

import numpy as np
import safetensors.torch
import torch
from torch import nn

from leftovers import COMPUTED, make
from samples import SEED, models

COUNT = models()
TOLERANCE = 2e-6
COMPUTED_NAMES = {function.__name__ for function in COMPUTED}


def save(model, folder, number):
    """The state_dict in one container or another."""
    tensors = {name: value.detach() for name, value in model.saved().items()}
    if number % 3 == 0:
        path = folder / "model.safetensors"
        safetensors.torch.save_file({name: value.contiguous().clone() for name, value in tensors.items()}, path)
    else:
        path = folder / "model.pt"
        torch.save(tensors, path)
    return path


class Trial:
    def __init__(self, command, number):
        self.command, self.number = command, number
        self.model, self.extras = make(SEED * 100_000 + number)
        self.place = f"seed {SEED}, model {number} ({self.model.cell}; {', '.join(self.extras)})"
        x = torch.randn((3, 6, self.model.inputs) if self.model.batch_first else (6, 3, self.model.inputs))
        with torch.no_grad():
            self.x, self.y = x, self.model(x)
        self.given, self.got = command.folder / "x.npz", command.folder / "y.npz"
        np.savez(self.given, input=x.numpy())
        self.options = ["--batch-first"] if self.model.batch_first else []
        self.path = save(self.model, command.folder, number)

    def rnn(self, *arguments):
        return subprocess.run([self.command.path, *map(str, arguments)], capture_output=True, text=True)

    def run(self, path, *options):
        """The exit status, what was said, and the chain's end."""
        self.got.unlink(missing_ok=True)
        result = self.rnn("run", "-v", path, "--input", self.given, "--output", self.got, *options)
        if result.returncode:
            return result.returncode, result.stderr.strip(), None
        arrays = np.load(self.got)
        return 0, result.stderr, arrays["y"] if "y" in arrays else arrays["output"]

    def near(self, ours, theirs):
        theirs = theirs.detach().numpy()
        return ours.shape == theirs.shape and np.abs(ours - theirs).max() <= TOLERANCE * max(1, np.abs(theirs).max())

    def check(self, report, counts):
        status, said, ours = self.run(self.path, *self.options)
        counts[f"exit {status}"] += 1
        judged = self.command.folder / "case.npz"
        names = {"y": self.y.numpy()} if self.model.linear is not None else {"output": self.y.numpy()}
        np.savez(judged, input=self.x.numpy(), **names)
        verified = self.rnn("verify", self.path, "--case", judged, *self.options).returncode
        converted = self.command.folder / "model.rnn"
        made = self.rnn("convert", self.path, converted, "--force", *self.options).returncode
        if status == 0:
            if not report.require(self.near(ours, self.y), f"{self.place}: WRONG NUMBERS, exit 0, said: {said}"):
                counts["wrong"] += 1
                return
            counts["right"] += 1
            report.require(verified == 0, f"{self.place}: verify ends with {verified}")
            again = self.run(converted, *self.options)
            report.require(again[0] == 0 and np.array_equal(again[2], ours), f"{self.place}: converted, it is another: {again[1]}")
            self.check_plain(report)
            return
        counts["refused"] += 1
        report.require(status in (64, 65) and len(said.splitlines()[-1]) > 0 and "; " in said, f"{self.place}: {said}")
        # A case tells which of the lines it is that are proposed.
        report.require(verified == status or verified == 0 and "--forward '" in said,
                       f"{self.place}: verify ends with {verified}, run with {status}")
        report.require(not COMPUTED_NAMES & set(self.extras) , f"{self.place}: not computed: {said}")
        if made == 0:
            report.require(self.run(converted, *self.options)[0] == status, f"{self.place}: converted, it runs")
        self.follow(report, counts, said.splitlines()[-1])

    def check_plain(self, report):
        """The state_dict that a conversion writes, in plain PyTorch modules."""
        target = self.command.folder / "plain.safetensors"
        if made := self.command("convert", self.path, target, "--force", *self.options):
            return report.require(False, f"{self.place}: {made}")
        tensors = safetensors.torch.load_file(target)
        model, given = self.model, {}
        prefix = model.rnn_name + (".module" if "weight_drop" in self.extras else "")
        rnn = getattr(nn, model.cell)(model.inputs, model.hidden, num_layers=model.layers, bidirectional=model.both,
                                      bias=model.plain.bias, batch_first=model.batch_first)
        for owner, module in [(prefix, rnn)] + ([(model.fc_name, nn.Linear(model.size, model.out, model.linear.bias is not None))] if model.fc_name else []):
            module.load_state_dict({name: tensors[f"{owner}.{name}"] for name in module.state_dict()}, strict=True)
            given[owner] = module
        modules = list(given.values())
        with torch.no_grad():
            y = rnn(self.x, self.model.start(self.x) if self.model.start else None)[0]
            for module in modules[1:]:
                y = module(y)
        report.require(self.near(y.numpy(), self.y), f"{self.place}: the converted state_dict is another model's")

    def follow_lines(self, report, counts, lines, error):
        """Each line that is proposed runs, and one of them is the model."""
        right = 0
        for line in lines:
            status, said, ours = self.run(self.path, "--forward", line, *self.options)
            report.require(status == 0, f"{self.place}: --forward '{line}' is proposed and ends with {status}: {said}")
            right += status == 0 and bool(self.near(ours, self.y))
        report.require(right == 1, f"{self.place}: {right} of the proposed lines are the model: {error}")
        counts["lines followed"] += 1

    def follow(self, report, counts, error):
        remedy = error.rsplit("; ", 1)[1]
        if lines := re.findall("--forward '([^']*)'", remedy):
            return self.follow_lines(report, counts, lines, error)
        found = re.findall(r"((?:--(?:module|rename) (?:'[^']*'|\S+) ?)+)", remedy)
        if not found:
            counts["refused without a command to follow"] += 1
            return report.require("remove_parametrizations" in remedy, f"{self.place}: no next step: {error}")
        for words in found:
            options = shlex.split(words)
            status, said, ours = self.run(self.path, *self.options, *options)
            counts["remedies followed"] += 1
            if not report.require(status == 0, f"{self.place}: '{words}' was proposed and fails: {said}"):
                continue
            modules = [value for option, value in zip(options[::2], options[1::2]) if option == "--module"]
            if not modules:
                report.require(self.near(ours, self.y), f"{self.place}: '{words}' gives other numbers")
                continue
            left = [name for name, value in self.model.saved().items()
                    if not any(name.startswith(module + ".") for module in modules) and value.numel()]
            missing = [name for name in left if name not in said and name.rsplit(".", 1)[0] + " is left out" not in said
                       and name.split(".parametrizations")[0] + " is left out" not in said]
            report.require(not missing, f"{self.place}: '{words}' leaves out {missing} and says: {said}")
            with torch.no_grad():
                part = self.model.part(self.x, modules)
            report.require(self.near(ours, part), f"{self.place}: '{words}' gives other numbers than these modules")


def check(report, command):
    torch.set_num_threads(1)
    counts, kinds = Counter(), Counter()
    for number in range(COUNT):
        trial = Trial(command, number)
        kinds.update(trial.extras)
        trial.check(report, counts)
    report.say(f"{COUNT} models of seed {SEED}: " + ", ".join(f"{value} {name}" for name, value in sorted(counts.items())))
    report.say(", ".join(f"{value} {name}" for name, value in sorted(kinds.items())))
    report.say(f"{counts['wrong']} wrong numbers in silence")
    for kind in kinds:
        report.require(kinds[kind] > 5 or COUNT < 300, f"only {kinds[kind]} models with {kind}")
