"""`rnn verify` as a judge: references that are wrong must not hold, references that PyTorch computed must.

Random RNNs, LSTMs and GRUs, chaotic ones among them, with PyTorch's outputs: as they are, by another number of threads,
without oneDNN, a row at a time, among other rows, with the hidden units in another order (which is another order of every
sum), and in float64, rounded. Beside each, references of every wrong kind below. RNNKIT_VERIFY_MODELS models, else 500,
from RNNKIT_VERIFY_SEED, else 1.
"""

import copy
import json
import os
import subprocess

import numpy as np
import torch
from torch import nn

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
        self.steps, self.batch = int(rng.integers(20, 201)), int(rng.integers(1, 9))
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
        """The first step at which a reference is plainly wrong where rounding changes nothing yet; None without one."""
        known = np.abs(right - exact) <= 1e-6 + 1e-5 * np.abs(exact)
        half = right.shape[2] // 2 if self.bidirectional else right.shape[2]
        grown = [np.logical_and.accumulate(known[:, :, :half].all(2), 0)]
        if self.bidirectional:
            grown.append(np.logical_and.accumulate(known[::-1, :, half:].all(2), 0)[::-1])
        part = lambda i: np.s_[:, :, i * half : (i + 1) * half]
        # Every cell's first layer is known for as long as the last one is.
        apart = [g & ~(np.abs(wrong[part(i)] - exact[part(i)]) <= 1e-3 * (1 + np.abs(exact[part(i)]))).all(2)
                 for i, g in enumerate(grown)]
        steps = np.flatnonzero(np.any(apart, (0, 2)))
        return int(steps[0]) if steps.size else None


def check(report, command):
    count, seed = int(os.environ.get("RNNKIT_VERIFY_MODELS", 500)), int(os.environ.get("RNNKIT_VERIFY_SEED", 1))
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    passed, failed, late, tried, alike, verdicts = [], [], [], 0, 0, {}
    trues, chaotic, unknown = 0, 0, 0
    np.seterr(all="ignore")
    for number in range(count):
        draw = Draw(np.random.default_rng([seed, number]))
        path = command.folder / f"{number}.pt"
        torch.save(draw.net.state_dict(), path)
        right, exact = draw.true()
        base = right["as it is"]
        members = ["output"] + [name for name in base if name != "output" and draw.rng.random() < 0.6]
        wrong = draw.wrong(base)
        cases, options = {}, ["--nonlinearity", "relu" if draw.relu else "tanh"]
        for kind, found in (right | wrong).items():
            place = command.folder / f"{number} {kind}.npz"
            np.savez(place, **draw.inputs(), **{name: found[name] for name in members})
            cases[kind] = place
            options += ["--case", place]
        result = subprocess.run([command.path, "verify", "--json", path, *map(str, options)], capture_output=True, text=True)
        if not result.stdout:
            report.require(False, f"model {number}: {result.stderr.strip()}")
            continue
        about = f"model {number} ({draw.cell}{' relu' if draw.relu else ''} {draw.sizes}, radius {draw.radius}, " \
                f"{'bidirectional, ' if draw.bidirectional else ''}{draw.steps} steps, {draw.batch} rows)"
        for kind, case in zip(cases, json.loads(result.stdout)["cases"], strict=True):
            output = next(m for m in case["members"] if m["name"] == "output")
            if kind in right:
                trues += 1
                chaotic += kind == "as it is" and "not_compared" in output
                verdicts[output["verdict"]] = verdicts.get(output["verdict"], 0) + 1
                # Where rounding alone decides every number, as where all of them overflow, no reference holds.
                if all(m["verdict"] == "not comparable" for m in case["members"]):
                    unknown += 1
                elif not case["holds"]:
                    failed.append(f"{about}, {kind}: {case['diverges']} {case['members']} {case['last_state_is_last_output']}")
                continue
            step = draw.first_difference(wrong[kind]["output"], base["output"], exact["output"])
            if step is None:
                alike += 1
                continue
            tried += 1
            if case["holds"] or output["verdict"] != "mismatch":
                passed.append(f"{about}, {kind}: {output}")
            elif output["first_mismatch"]["at"]["step"] > step:
                late.append(f"{about}, {kind}: wrong at step {step}, mismatch at {output['first_mismatch']}")
        for place in [path, *cases.values()]:
            place.unlink()
    report.say(f"{count} models from seed {seed}, in {chaotic} of which rounding grows until nothing can be compared")
    report.say(f"{tried} wrong references, {len(passed)} of which passed, {len(late)} were found after their first step; "
               f"{alike} do not differ where anything can be compared")
    report.say(f"{trues} true references, {len(failed)} of which failed; "
               + ", ".join(f"{n} {verdict}" for verdict, n in sorted(verdicts.items())))
    report.say(f"{unknown} true references of which nothing can be compared")
    report.require(unknown * 20 <= trues, f"nothing can be compared of {unknown} of {trues} true references")
    for failure in passed + failed + late:
        report.require(False, failure)
    report.checked += tried + trues
