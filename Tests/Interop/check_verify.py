"""`rnn verify` as a judge: references that are wrong must not hold, references that PyTorch computed must.

Random RNNs, LSTMs and GRUs, chaotic ones among them, with PyTorch's outputs: as they are, by another number of threads,
without oneDNN, a row at a time, among other rows, with the hidden units in another order (which is another order of every
sum), and in float64, rounded. Beside each, references of every wrong kind below.
"""

import copy
import json
import shutil
import subprocess
from collections import Counter

import numpy as np
import torch
from torch import nn

from samples import SEED, models

GATES = {"RNN": 1, "LSTM": 4, "GRU": 3}


class Net(nn.Module):
    """A recurrent module, and a linear one for `y` where `outputs` is not 0."""

    def __init__(self, cell, relu, sizes, bidirectional, outputs):
        super().__init__()
        features, hidden, layers = sizes
        options = {"nonlinearity": "relu"} if relu else {}
        self.rnn = getattr(nn, cell)(features, hidden, layers, bidirectional=bidirectional, **options)
        self.fc = nn.Linear(hidden * (1 + bidirectional), outputs) if outputs else None

    def forward(self, x, states, lengths):
        if lengths is not None:
            x = nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
        output, last = self.rnn(x, states)
        if lengths is not None:
            output, _ = nn.utils.rnn.pad_packed_sequence(output, total_length=int(lengths.max()))
        members = {"output": output}
        members |= {"hn": last[0], "cn": last[1]} if isinstance(last, tuple) else {"hn": last}
        return members | ({"y": self.fc(output)} if self.fc else {})


class Draw:
    """A random model with an input."""

    def __init__(self, rng):
        self.rng = rng
        self.cell = str(rng.choice(["RNN", "RNN", "LSTM", "GRU"]))
        self.relu = self.cell == "RNN" and rng.random() < 0.5
        hidden = int(rng.choice([1, 2, 3, 5, 8, 16, 32, 64], p=[0.05, 0.05, 0.1, 0.1, 0.2, 0.2, 0.2, 0.1]))
        self.sizes = (int(rng.integers(1, 9)), hidden, int(rng.integers(1, 4)))
        self.bidirectional = bool(rng.random() < 0.35)
        self.outputs = int(rng.integers(1, 4)) if rng.random() < 0.4 else 0
        self.radius = float(rng.choice([0.5, 0.95, 1.2, 1.6, 2, 3, 5]))
        self.steps, self.batch = int(rng.integers(20, 121)), int(rng.integers(1, 6))
        self.net = self.model()
        self.x = torch.from_numpy(rng.normal(size=(self.steps, self.batch, self.sizes[0])).astype(np.float32))
        self.lengths = None
        if rng.random() < 0.25:
            lengths = rng.integers(1, self.steps + 1, self.batch)
            lengths[rng.integers(self.batch)] = self.steps
            self.lengths = torch.from_numpy(lengths)
        self.states = None
        if rng.random() < 0.3:
            shape = (self.sizes[2] * (1 + self.bidirectional), self.batch, hidden)
            drawn = lambda: torch.from_numpy(rng.normal(size=shape).astype(np.float32))
            self.states = (drawn(), drawn()) if self.cell == "LSTM" else drawn()

    def model(self):
        net = Net(self.cell, self.relu, self.sizes, self.bidirectional, self.outputs)
        with torch.no_grad():
            for name, value in net.named_parameters():
                bound = self.radius if "weight_hh" in name else 1
                value.copy_(torch.from_numpy(self.rng.normal(size=value.shape) * bound / value.shape[-1] ** 0.5))
        return net

    def run(self, net=None, rows=None, dtype=torch.float32, order=None):
        """The members for these rows of the input, by a model whose hidden units are in this order."""
        rows = slice(None) if rows is None else rows
        order = slice(None) if order is None else order
        cut = lambda states: states[:, rows][:, :, order].to(dtype) if states is not None else None
        states = tuple(map(cut, self.states)) if isinstance(self.states, tuple) else cut(self.states)
        lengths = self.lengths[rows] if self.lengths is not None else None
        net = copy.deepcopy(net or self.net).to(dtype)
        with torch.no_grad():
            members = net(self.x[:, rows].to(dtype), states, lengths)
        steps = lambda m: nn.functional.pad(m, (0, 0, 0, 0, 0, self.steps - m.shape[0]))
        y = lambda m: members["y"] if lengths is None else net.fc(steps(members["output"])).detach()
        return {name: (value if name in ("hn", "cn") else y(value) if name == "y" else steps(value)).numpy()
                for name, value in members.items()}

    def inputs(self):
        given = {"input": self.x.numpy()}
        if self.lengths is not None:
            given["lengths"] = self.lengths.numpy()
        if self.states is not None:
            names = ("h0", "c0")
            given |= dict(zip(names, (s.numpy() for s in (
                self.states if isinstance(self.states, tuple) else (self.states,)))))
        return given

    def changed(self, change):
        """The model with its state_dict changed."""
        net = copy.deepcopy(self.net)
        state = {name: value.clone() for name, value in net.state_dict().items()}
        change(state)
        net.load_state_dict(state)
        return net

    def reordered(self):
        """The members by the same model with its hidden units in another order."""
        hidden, gates, directions = self.sizes[1], GATES[self.cell], 1 + self.bidirectional
        order = self.rng.permutation(hidden)
        wide = np.concatenate([order + hidden * d for d in range(directions)])

        def change(state):
            for name, value in state.items():
                if name.startswith("rnn."):
                    value = value.reshape(gates, hidden, *value.shape[1:])[:, order].reshape(value.shape)
                    if "weight_hh" in name:
                        value = value[:, order]
                    elif "weight_ih" in name and "_l0" not in name:
                        value = value[:, wide]
                elif name == "fc.weight":
                    value = value[:, wide]
                state[name] = value.clone()
        members = self.run(self.changed(change), order=order)
        back = np.argsort(order)
        for name in ("hn", "cn"):
            if name in members:
                members[name] = members[name][:, :, back]
        members["output"] = members["output"][:, :, np.argsort(wide)]
        return members

    def true(self):
        """Each way in which PyTorch computes the right numbers."""
        joined = lambda parts: {name: np.concatenate([part[name] for part in parts], 1) for name in parts[0]}
        found = {"as it is": self.run(), "units in another order": self.reordered()}
        torch.set_num_threads(2)
        found["two threads"] = self.run()
        torch.set_num_threads(1)
        with torch.backends.mkldnn.flags(enabled=False):
            found["no oneDNN"] = self.run()
        found["a row at a time"] = joined([self.run(rows=[row]) for row in range(self.batch)])
        many = [row % self.batch for row in range(32)]
        found["among 32 rows"] = {name: value[:, : self.batch] for name, value in self.run(rows=many).items()}
        exact = self.run(dtype=torch.float64)
        found["float64, rounded"] = {name: value.astype(np.float32) for name, value in exact.items()}
        return found, exact

    def wrong(self, right):
        """References of each wrong kind."""
        each = lambda change: {name: change(value).astype(np.float32) for name, value in right.items()}
        scale = {name: np.abs(value[np.isfinite(value)]).max(initial=1e-3) for name, value in right.items()}
        def off(state):
            state["rnn.bias_ih_l0"][int(self.rng.integers(len(state["rnn.bias_ih_l0"])))] += 0.01
        def gates(state):
            for name in [n for n in state if n.startswith("rnn.")]:
                parts = list(state[name].chunk(GATES[self.cell]))
                parts[0], parts[1] = parts[1], parts[0]
                state[name] = torch.cat(parts)
        def transposed(state):
            state["rnn.weight_hh_l0"] = state["rnn.weight_hh_l0"].t().clone()
        found = {
            "zeros": each(np.zeros_like),
            "random numbers": {name: self.rng.uniform(-1, 1, value.shape).astype(np.float32) * min(scale[name], 1e30)
                               for name, value in right.items()},
            "absolute values": each(np.abs),
            "another sign": each(np.negative),
            "another model's": self.run(self.model()),
            "a bias off by 0.01": self.run(self.changed(off)),
            "a step late": {name: value if name in ("hn", "cn") else np.roll(value, 1, 0) for name, value in right.items()},
            "minus infinity": each(lambda value: np.full_like(value, -np.inf)),
            "NaN": each(lambda value: np.full_like(value, np.nan)),
        }
        found["a permuted gate" if self.cell != "RNN" else "a transposed weight"] = self.run(
            self.changed(gates if self.cell != "RNN" else transposed))
        if self.batch > 1:
            found["a wrong batch row"] = each(lambda value: np.roll(value, 1, 1))
        return found

    def first_difference(self, wrong, right, exact):
        """The first step at which a reference is plainly wrong where rounding changes nothing yet; None without one.

        The reverse direction's first is its last one: its errors grow towards step 0.
        """
        known = np.abs(right - exact) <= 1e-6 + 1e-5 * np.abs(exact)
        half = right.shape[2] // 2 if self.bidirectional else right.shape[2]
        grown = [np.logical_and.accumulate(known[:, :, :half].all(2), 0)]
        if self.bidirectional:
            grown.append(np.logical_and.accumulate(known[::-1, :, half:].all(2), 0)[::-1])
        part = lambda i: np.s_[:, :, i * half : (i + 1) * half]
        # Every cell's first layer is known for as long as the last one is.
        apart = [g & ~(np.abs(wrong[part(i)] - exact[part(i)]) <= 1e-3 * (1 + np.abs(exact[part(i)]))).all(2)
                 for i, g in enumerate(grown)]
        steps = [np.flatnonzero(a.any(1)) for a in apart]
        first = [int(found[-1] if i else found[0]) for i, found in enumerate(steps) if found.size]
        return min(first, default=None)


class Trial:
    """A model's file and cases, and `rnn verify` at work on them: the next model is drawn meanwhile."""

    def __init__(self, command, number):
        self.draw = draw = Draw(np.random.default_rng([SEED, number]))
        self.place = f"seed {SEED}, model {number} ({draw.cell}{' relu' if draw.relu else ''} {draw.sizes}, " \
                     f"radius {draw.radius}, {'bidirectional, ' if draw.bidirectional else ''}{draw.steps} steps, " \
                     f"{draw.batch} rows)"
        self.folder = command.folder / str(number)
        self.folder.mkdir()
        path = self.folder / "model.pt"
        torch.save(draw.net.state_dict(), path)
        self.right, self.exact = draw.true()
        self.base = self.right["as it is"]
        self.wrong = draw.wrong(self.base)
        members = ["output"] + [name for name in self.base if name != "output" and draw.rng.random() < 0.6]
        options = ["--nonlinearity", "relu" if draw.relu else "tanh"] if draw.cell == "RNN" else []
        for kind, found in self.references().items():
            place = self.folder / f"{kind}.npz"
            np.savez(place, **draw.inputs(), **{name: found[name] for name in members})
            options += ["--case", str(place)]
        # A pipe that nobody reads would fill.
        with open(self.folder / "out", "w") as out, open(self.folder / "err", "w") as err:
            self.process = subprocess.Popen([command.path, "verify", "--json", path, *options], stdout=out, stderr=err)

    def references(self):
        return self.right | self.wrong

    def cases(self):
        """By kind what was said of the references; a line in place of it where there is nothing."""
        status = self.process.wait()
        said, error = (self.folder / "out").read_text(), (self.folder / "err").read_text().strip()
        shutil.rmtree(self.folder)
        if not said or status not in (0, 1):
            return None, f"{self.place}: exit {status}, {error}"
        cases = dict(zip(self.references(), json.loads(said)["cases"], strict=True))
        if status != (0 if all(case["holds"] for case in cases.values()) else 1):
            return None, f"{self.place}: exit {status}, and the cases hold: {[case['holds'] for case in cases.values()]}"
        return cases, None


def check(report, command):
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    np.seterr(all="ignore")
    count, tally, verdicts, failures = models(), Counter(), Counter(), []

    def judge(trial):
        cases, error = trial.cases()
        if error:
            return failures.append(error)
        for kind, case in cases.items():
            output = next(m for m in case["members"] if m["name"] == "output")
            if kind in trial.right:
                tally["true"] += 1
                tally["chaotic"] += kind == "as it is" and "not_compared" in output
                verdicts[output["verdict"]] += 1
                # Where rounding alone decides every number, as where all of them overflow, no reference holds.
                if all(m["verdict"] == "not comparable" for m in case["members"]):
                    tally["unknown"] += 1
                elif not case["holds"]:
                    tally["failed"] += 1
                    failures.append(f"{trial.place}, {kind}: {case['diverges']} {case['members']} "
                                    f"{case['last_state_is_last_output']}")
                continue
            step = trial.draw.first_difference(trial.wrong[kind]["output"], trial.base["output"], trial.exact["output"])
            if step is None:
                tally["alike"] += 1
                continue
            tally["wrong"] += 1
            if case["holds"] or output["verdict"] != "mismatch":
                tally["passed"] += 1
                failures.append(f"{trial.place}, {kind}: {output}")
            elif output["first_mismatch"]["at"]["step"] > step:
                tally["late"] += 1
                failures.append(f"{trial.place}, {kind}: wrong at step {step}, mismatch at {output['first_mismatch']}")

    before = None
    for number in range(count):
        trial = Trial(command, number)
        if before:
            judge(before)
        before = trial
    if before:
        judge(before)
    report.say(f"{count} models from seed {SEED}, in {tally['chaotic']} of which rounding grows until nothing can be compared")
    report.say(f"{tally['wrong']} wrong references, {tally['passed']} of which passed, {tally['late']} were found after their "
               f"first step; {tally['alike']} do not differ where anything can be compared")
    report.say(f"{tally['true']} true references, {tally['failed']} of which failed; "
               + ", ".join(f"{n} {verdict}" for verdict, n in sorted(verdicts.items())))
    report.say(f"{tally['unknown']} true references of which nothing can be compared")
    report.require(tally["unknown"] * 20 <= tally["true"],
                   f"nothing can be compared of {tally['unknown']} of {tally['true']} true references")
    report.require(tally["wrong"] >= 4 * count and tally["chaotic"] > 0, "hardly anything wrong, or nothing chaotic, was tried")
    report.failures += failures
    report.checked += tally["wrong"] + tally["true"]
