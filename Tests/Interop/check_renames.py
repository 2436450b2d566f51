"""Proposed names, followed to the letter: PyTorch models under names of their own give PyTorch's numbers, or are left out aloud."""

import os
import re

import numpy as np
import torch

COUNT = int(os.environ.get("RNNKIT_RENAMES", "120"))

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
        single = biases == 1 and kind is not torch.nn.GRU
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


def check(report, command):
    torch.set_num_threads(1)
    rng = np.random.default_rng(int(os.environ.get("RNNKIT_SEED", "1")))
    right = left = 0
    for trial in range(COUNT):
        torch.manual_seed(trial)
        arrays, modules = disguise(rng)
        source = command.folder / "disguised.npz"
        np.savez(source, **arrays)
        message = command("inspect", source) or ""
        report.require(message.startswith(f"error: {source}: no recurrent layer") or "no recurrent layer" in message, f"{trial}: {message}")
        rules = re.findall(r"--rename '([^']+)'", message)
        options = [word for rule in rules for word in ("--rename", rule)]
        for prefix, module in modules.items():
            mine = [rule for rule in rules if re.match(re.escape(prefix) + r"\d*[_./]", rule)]
            if not mine:
                left += 1
                continue
            names = {rule.split("=")[1].rsplit(".", 1)[0] for rule in mine}
            report.require(len(names) == 1, f"{trial}: {prefix} became {names}")
            x = torch.randn(6, 2, module.input_size)
            given, outputs = command.folder / "in.npz", command.folder / "out.npz"
            np.savez(given, input=x.numpy())
            refusal = command("run", source, "--input", given, "--output", outputs, "--force", "--module", min(names), *options)
            report.require(refusal is None, f"{trial}: {prefix}: {refusal}\n{message}")
            if refusal is None:
                with torch.no_grad():
                    wanted = module(x)[0].numpy()
                error = np.abs(np.load(outputs)["output"] - wanted).max()
                report.require(error <= 2e-6, f"{trial}: {prefix} is off by {error}\n{message}")
                right += error <= 2e-6
    report.require(right > COUNT // 2, f"only {right} proposals were followed")
    report.say(f"{right} modules right under proposed names, {left} not proposed, of {COUNT} files")
