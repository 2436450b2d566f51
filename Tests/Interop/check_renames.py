"""Proposed names, followed to the letter: PyTorch models under names of their own give PyTorch's numbers, or are left out aloud.

A module is proposed whole or not at all: some of a stack's layers are another model. Every tensor that a proposal leaves out
is listed or counted in it.
"""

import re
from collections import Counter

import numpy as np
import torch

from samples import SEED, models

SPELLINGS = [
    {"weight_ih": "w_ih", "weight_hh": "w_hh", "bias_ih": "b_ih", "bias_hh": "b_hh", "bias": "b"},
    {"weight_ih": "Wxh", "weight_hh": "Whh", "bias_ih": "bih", "bias_hh": "bhh", "bias": "bias"},
    {"weight_ih": "input_kernel", "weight_hh": "recurrent_kernel", "bias_ih": "input_bias", "bias_hh": "recurrent_bias", "bias": "bias"},
    {"weight_ih": "i2h_weight", "weight_hh": "h2h_weight", "bias_ih": "i2h_bias", "bias_hh": "h2h_bias", "bias": "bias"},
    {"weight_ih": "W", "weight_hh": "U", "bias_ih": "b_x", "bias_hh": "b_h", "bias": "b"},
    {"weight_ih": "first", "weight_hh": "second", "bias_ih": "third", "bias_hh": "fourth", "bias": "fifth"},
]
NAMES = [["enc"], ["enc", "dec"], ["encoder.rnn", "decoder.rnn"], ["rnn_a", "rnn_b", "rnn_c"], ["speaker/lstm_like"]]


def disguise(rng):
    """Arrays under names of their own, and by prefix the module that they are of and how its parameters are called."""
    spelling, separator = SPELLINGS[rng.integers(len(SPELLINGS))], "_./"[rng.integers(3)]
    start, omits, backward = int(rng.integers(2)), bool(rng.integers(2)), ["rev", "bw", "backward", "reverse"][rng.integers(4)]
    transposed = rng.random() < 0.1
    arrays, modules = {}, {}
    for prefix in NAMES[rng.integers(len(NAMES))]:
        kind = [torch.nn.RNN, torch.nn.GRU, torch.nn.LSTM][rng.integers(3)]
        if "lstm" in prefix:
            kind = torch.nn.LSTM
        layers, both, biases = int(rng.integers(1, 4)), bool(rng.integers(2)), int(rng.integers(3))
        module = kind(int(rng.integers(2, 6)), int(rng.integers(6, 9)), layers, bias=biases > 0, bidirectional=both)
        single = biases == 1
        for name, value in module.named_parameters():
            base, layer, reverse = re.fullmatch(r"(\w+?)_l(\d+)(_reverse)?", name).groups()
            if single and base == "bias_hh":
                value.data.zero_()
                continue
            number = "" if layers == 1 or (omits and layer == "0") else str(int(layer) + start)
            direction = [backward if reverse else "fw"] if both else []
            last = spelling["bias" if single and base == "bias_ih" else base]
            value = value.detach().numpy()
            arrays[separator.join([prefix + number, *direction, last])] = np.ascontiguousarray(value.T) if transposed else value
        modules[prefix] = module
    if rng.random() < 0.5:
        arrays["fc_w"], arrays["fc_b"] = rng.standard_normal((3, 7), np.float32), rng.standard_normal(3).astype(np.float32)
    return dict(arrays), modules


def check_left(report, place, message, arrays, rules):
    """What the proposal leaves out is what it has no rule for."""
    part = message.partition("leaves out " if rules else ", but ")[2].split("; ")[0]
    listed, more = re.findall(r"(\S+) \(\d+,(?: \d+)?\)", part), re.search(r"and (\d+) more", part)
    left = arrays.keys() - {rule.split("=")[0] for rule in rules}
    whole = set(listed) <= left and len(listed) + (int(more[1]) if more else 0) == len(left)
    report.require(whole, f"{place}: leaves out {sorted(left)}, and says {listed}{f' and {more[1]} more' if more else ''}: {message}")


def follow(report, command, place, source, rules, name, module):
    """Whether the proposed module gives the module's numbers."""
    x = torch.randn(6, 2, module.input_size)
    given, outputs = command.folder / "in.npz", command.folder / "out.npz"
    np.savez(given, input=x.numpy())
    options = [word for rule in rules for word in ("--rename", rule)]
    refusal = command("run", source, "--input", given, "--output", outputs, "--force", "--module", name, *options)
    if not report.require(refusal is None, f"{place}: the proposal was followed and fails: {refusal}"):
        return "failing"
    with torch.no_grad():
        wanted = module(x)[0].numpy()
    ours = np.load(outputs)["output"]
    right = ours.shape == wanted.shape and np.abs(ours - wanted).max() <= 2e-6
    report.require(right, f"{place}: the proposal was followed and gives other numbers")
    return "right" if right else "WRONG"


def check(report, command):
    torch.set_num_threads(1)
    count, rng, counts = models(), np.random.default_rng(SEED), Counter()
    for trial in range(count):
        torch.manual_seed(SEED * 100_000 + trial)
        arrays, modules = disguise(rng)
        source = command.folder / "disguised.npz"
        np.savez(source, **arrays)
        message = command("inspect", source) or ""
        place = f"seed {SEED}, file {trial}"
        report.require(": no recurrent layer: " in message, f"{place}: {message}")
        rules = re.findall(r"--rename '([^']+)'", message)
        check_left(report, place, message, arrays, rules)
        for prefix, module in modules.items():
            place = f"seed {SEED}, file {trial}, {prefix} ({type(module).__name__}, {module.num_layers} layers)"
            own = re.compile(re.escape(prefix) + r"\d*[_./]")
            mine = [rule for rule in rules if own.match(rule)]
            if not mine:
                counts["not proposed"] += 1
                continue
            names = {rule.split("=")[1].rsplit(".", 1)[0] for rule in mine}
            missing = [name for name in arrays if own.match(name) and name not in {rule.split("=")[0] for rule in mine}]
            if report.require(len(names) == 1 and not missing, f"{place}: became {sorted(names)} without {missing}: {message}"):
                counts[follow(report, command, place, source, rules, min(names), module)] += 1
            else:
                counts["IN PART"] += 1
    report.require(counts["right"] > count // 2, f"only {counts['right']} proposals were followed")
    report.say(f"{count} files from seed {SEED}; modules under proposed names: {counts['right']} right, {counts['WRONG']} wrong, "
               f"{counts['failing']} failing, {counts['IN PART']} proposed in part; {counts['not proposed']} not proposed")
