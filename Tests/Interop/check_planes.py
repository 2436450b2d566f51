"""Random models with four axes, written as PyTorch writes them: `rnn run` gives PyTorch's numbers, or refuses; never another number.

    python check_planes.py RNN [--count N] [--first N] [--keep FOLDER]

Convolutions, pools and norms over time and positions, with time before positions or behind them, brought to a sequence in every
order that `permute`, `view`, `flatten` and the like allow, those included that mix steps. Each as a state_dict with the module's
own text as `--forward`, and as a whole pickle with its forward alone. Expected is PyTorch in float64; allowed is 4 times PyTorch's
own error in float32, plus 2e-7.
"""

import copy
import pathlib
import random
import sys
import warnings
from collections import Counter

import numpy as np
import torch

from grown import Grown, alone
from samples import SEED, models


class Description(Grown):
    """A model's text, grown until PyTorch runs it."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        torch.manual_seed(seed)
        self.init, self.lines, self.kinds, self.count = [], [], [], 0
        rng = self.rng
        self.last = rng.random() < 0.5
        self.batch, self.steps, self.positions = rng.choice([1, 2, 3]), rng.choice([9, 12, 17]), rng.choice([5, 8, 9])
        channels = rng.choice([1, 1, 2, 3])
        if not self.last and channels == 1 and rng.random() < 0.5:
            self.kinds.append("front")
            self.header, self.x = f"x({self.positions}) -> _", torch.randn(self.batch, self.steps, self.positions)
            self.lines.append(rng.choice(["y = x.unsqueeze(1)", "y = torch.unsqueeze(x, 1)", "y = x[:, None]", "y = x.view(x.size(0), 1, x.size(1), x.size(2))"]))
        elif self.last:
            self.header = f"x(batch, {channels}, {self.positions}, time) -> _"
            self.x = torch.randn(self.batch, channels, self.positions, self.steps)
            self.lines.append("y = x")
        else:
            self.header = f"x(batch, {channels}, time, {self.positions}) -> _"
            self.x = torch.randn(self.batch, channels, self.steps, self.positions)
            self.lines.append("y = x")
        for _ in range(rng.choice([1, 1, 2, 2, 3])):
            self.block()
        if rng.random() < 0.15:
            self.adaptive()
        self.flatten()
        if self.shape() is None or len(self.shape()) != 3:
            self.rows, self.time_first = False, False
        else:
            self.rest()

    # What is there so far.

    def net(self):
        space = {}
        exec("import torch\nfrom torch import nn\nimport torch.nn.functional as F\n" + self.text(), space)
        Net = space["Net"]
        Net.__module__ = "__main__"
        sys.modules["__main__"].Net = Net
        return Net().eval()

    # Parts.

    def convolution(self, channels, same=False):
        rng = self.rng
        out = channels if same else rng.choice([1, 2, 3, 4])
        groups = rng.choice([g for g in (1, 1, 2, 3) if channels % g == 0 and out % g == 0])
        if same:
            return f"nn.Conv2d({channels}, {out}, 3, padding=1)", out
        kernel = (rng.choice([1, 2, 3]), rng.choice([1, 2, 3]))
        arguments = [str(channels), str(out), str(kernel) if rng.random() < 0.8 else str(kernel[0])]
        if rng.random() < 0.5:
            arguments.append(f"stride={(rng.choice([1, 2]), rng.choice([1, 2]))}")
        if rng.random() < 0.6:
            arguments.append(f"padding={rng.choice([1, (0, 1), (1, 0), (1, 1)])}")
        if rng.random() < 0.2:
            arguments.append(f"dilation={rng.choice([2, (1, 2), (2, 1)])}")
        if groups > 1:
            arguments.append(f"groups={groups}")
        if rng.random() < 0.15:
            arguments.append(f"padding_mode={rng.choice(['reflect', 'replicate', 'circular'])!r}")
        if rng.random() < 0.3:
            arguments.append("bias=False")
        return f"nn.Conv2d({', '.join(arguments)})", out

    def pool(self):
        rng = self.rng
        kernel = rng.choice([2, (2, 1), (1, 2), (2, 2), (3, 2), (1, 3)])
        arguments = [str(kernel)]
        if rng.random() < 0.6:
            arguments.append(f"stride={rng.choice([1, 2, (2, 1), (1, 2)])}")
        if rng.random() < 0.3 and kernel not in ((1, 2), (2, 1), (1, 3)):
            arguments.append(f"padding={rng.choice([1, (0, 1), (1, 0)])}")
        kind = rng.choice(["max", "max", "avg"])
        if kind == "avg" and rng.random() < 0.4:
            arguments.append("count_include_pad=False")
        if rng.random() < 0.08:
            arguments.append("ceil_mode=True")
        return kind, ", ".join(arguments)

    def block(self):
        rng = self.rng
        shape = self.shape()
        if shape is None or len(shape) != 4:
            return
        channels = shape[1]
        kind = rng.random()
        if kind < 0.3:
            parts, out = [], channels
            for _ in range(rng.choice([1, 2])):
                made, out = self.convolution(out)
                parts.append(made)
                if rng.random() < 0.5:
                    parts.append(f"nn.BatchNorm2d({out})")
                parts.append(rng.choice(["nn.ReLU(True)", "nn.ReLU()", "nn.LeakyReLU(0.2)", "nn.Tanh()", f"nn.PReLU({out})", "nn.Dropout2d(0.1)"]))
                if rng.random() < 0.4:
                    which, arguments = self.pool()
                    parts.append(f"nn.{which.capitalize()}Pool2d({arguments})")
            name = self.name("seq")
            self.attempt([f"self.{name} = nn.Sequential({', '.join(parts)})"], [f"y = self.{name}(y)"], "sequential")
        elif kind < 0.45:
            name, other = self.name("conv"), self.name("conv")
            made, _ = self.convolution(channels, same=True)
            self.attempt([f"self.{name} = {made}", f"self.{other} = {made}"],
                         [f"y = torch.relu(self.{other}(F.relu(self.{name}(y))) + y)"], "residual")
        elif kind < 0.55:
            name, other = self.name("conv"), self.name("conv")
            out = rng.choice([1, 2, 3])
            self.attempt([f"self.{name} = nn.Conv2d({channels}, {out}, 3, padding=1)", f"self.{other} = nn.Conv2d({channels}, 2, 1)"],
                         [f"y = torch.cat([self.{name}(y), self.{other}(y)], dim={rng.choice([1, -3])})"], "cat")
        else:
            name = self.name("conv")
            made, out = self.convolution(channels)
            if not self.attempt([f"self.{name} = {made}"], [f"y = self.{name}(y)"], "conv"):
                return
            if rng.random() < 0.4:
                name = self.name("bn")
                self.attempt([f"self.{name} = {rng.choice([f'nn.BatchNorm2d({out})', f'nn.GroupNorm(1, {out})'])}"], [f"y = self.{name}(y)"], "norm")
            self.attempt([], [rng.choice(["y = F.relu(y)", "y = torch.tanh(y)", "y = y.relu()", "y = F.leaky_relu(y, 0.1)", "y = y * 0.5 + 0.1"])], "function")
            if rng.random() < 0.5:
                which, arguments = self.pool()
                if rng.random() < 0.5:
                    self.attempt([], [f"y = F.{which}_pool2d(y, {arguments})"], "pool")
                else:
                    name = self.name("pool")
                    self.attempt([f"self.{name} = nn.{which.capitalize()}Pool2d({arguments})"], [f"y = self.{name}(y)"], "pool")

    def adaptive(self):
        shape = self.shape()
        if shape is None or len(shape) != 4:
            return
        which, name = self.rng.choice(["Avg", "Max"]), self.name("pool")
        size = self.rng.choice([1, 1, 2])
        sizes = f"({size}, None)" if self.last else f"(None, {size})"
        self.attempt([f"self.{name} = nn.Adaptive{which}Pool2d({sizes})"], [f"y = self.{name}(y)"], "adaptive")

    def flatten(self):
        rng = self.rng
        shape = self.shape()
        if shape is None or len(shape) != 4:
            return
        size = "b, c, f, t = y.shape" if self.last else "b, c, t, f = y.size()"
        time, place = (3, 2) if self.last else (2, 3)
        ways = {
            "rows": [[f"y = y.permute(0, {time}, 1, {place}).flatten(2)"], [f"y = y.permute(0, {time}, {place}, 1).flatten(2)"],
                     [size, f"y = y.permute(0, {time}, 1, {place}).contiguous().view(b, t, c * f)"],
                     [size, f"y = y.permute(0, {time}, 1, {place}).reshape(b, t, -1)"],
                     [f"y = y.permute(0, {time}, 1, {place})", "y = y.reshape(y.size(0), y.size(1), -1)"],
                     [f"y = torch.flatten(y.permute(0, {time}, {place}, 1), 2)"],
                     [f"y = y.permute(0, {time}, 1, {place}).flatten(start_dim=2, end_dim=-1)"],
                     [size, f"y = y.transpose(1, {time}).contiguous().reshape(b, t, f * c)"],
                     [size, f"y = y.permute(0, {time}, 1, {place}).reshape(-1, t, c * f)"],
                     [f"y = y.mean({place}).transpose(1, 2)"], [f"y = y.max(dim={place})[0].permute(0, 2, 1)"], [f"y = y.mean(1).{'transpose(1, 2)' if self.last else 'contiguous()'}"],
                     ["y = y[:, :, 0].transpose(1, 2)" if self.last else "y = y[:, :, :, -1].transpose(1, 2)"],
                     [("y = y[:, :, 1:3]" if self.last else "y = y[..., 1:]"), f"y = y.permute(0, {time}, 1, {place}).flatten(2)"]],
            "turned": [[size, "y = y.reshape(b, c * f, t)" if self.last else "y = y.transpose(2, 3).reshape(b, c * f, t)", "y = y.transpose(1, 2)"],
                       ["y = y.flatten(1, 2).transpose(1, 2)" if self.last else "y = y.permute(0, 3, 1, 2).flatten(1, 2).permute(0, 2, 1)"]],
            "squeezed": [[f"y = y.squeeze({place}).transpose(1, 2)"], [f"y = y.squeeze(1){'.transpose(1, 2)' if self.last else ''}"],
                         [f"y = y.squeeze({place - 4}).permute(0, 2, 1)"]],
            # Those that mix steps, which PyTorch computes.
            "mixed": [[size, "y = y.reshape(b, t, c * f)"], [size, "y = y.reshape(b, t, -1)"], ["y = y.flatten(2)"], ["y = y.flatten(1, 2)"],
                      [f"y = y.reshape(y.size(0), -1, {shape[1] * shape[place]})"], [size, f"y = y.transpose(1, {place}).reshape(b, t, -1)"],
                      [size, f"y = y.permute(0, {time}, 1, {place}).reshape(b, -1, c)"],
                      [f"y = y.view(y.size(0), y.size(1) * y.size({place}), -1).transpose(1, 2)"]],
        }
        kind = rng.choice(["rows", "rows", "rows", "rows", "turned", "turned", "squeezed", "mixed"])
        if 1 in (shape[1], shape[place]) and rng.random() < 0.4:
            kind = "squeezed"
        self.attempt([], rng.choice(ways[kind]), kind)
        if shape[1] % 2 == 0 and kind == "rows" and rng.random() < 0.1:
            self.attempt([], ["y = y.unflatten(2, (2, -1)).transpose(2, 3).flatten(2)"], "unflatten")

    def rest(self):
        rng = self.rng
        self.rows, self.time_first = True, rng.random() < 0.4
        features = self.shape()[2]
        if rng.random() < 0.2:
            name = self.name("conv1d")
            out = rng.choice([2, 3])
            self.attempt([f"self.{name} = nn.Conv1d({features}, {out}, 3, padding=1)"], [f"y = F.relu(self.{name}(y.transpose(1, 2))).transpose(1, 2)"], "conv1d")
            features = self.shape()[2]
        if self.time_first:
            self.lines.append(rng.choice(["y = y.permute(1, 0, 2)", "y = y.transpose(0, 1)"]))
        if rng.random() < 0.5:
            name, out = self.name("fc"), rng.choice([3, 5])
            self.attempt([f"self.{name} = nn.Linear({features}, {out})"], [f"y = torch.relu(self.{name}(y))"], "linear")
            features = self.shape()[2]
        if rng.random() < 0.2:
            name = self.name("ln")
            self.attempt([f"self.{name} = nn.LayerNorm({features})"], [f"y = self.{name}(y)"], "layernorm")
        cell, both, first = rng.choice(["LSTM", "GRU"]), rng.random() < 0.5, not self.time_first
        for _ in range(rng.choice([1, 1, 2])):
            name = self.name("rnn")
            self.init.append(f"self.{name} = nn.{cell}({features}, 3, batch_first={first}, bidirectional={both})")
            self.lines.append(rng.choice([f"y, _ = self.{name}(y)", f"y = self.{name}(y)[0]"]))
            features = 6 if both else 3
            if rng.random() < 0.5:
                name = self.name("fc")
                self.init.append(f"self.{name} = nn.Linear({features}, 4)")
                if self.time_first and rng.random() < 0.6:
                    self.lines += ["T, b, h = y.size()", f"y = self.{name}(y.reshape(T * b, h))", "y = y.view(T, b, -1)"]
                else:
                    self.lines.append(f"y = self.{name}(y)")
                features = 4
        tail = rng.choice(["", "", "y = F.log_softmax(y, dim=2)", "y = y[-1]" if self.time_first else "y = y[:, -1]",
                           f"y = y.mean({0 if self.time_first else 1})", "y = y.softmax(-1)"])
        if tail:
            self.lines.append(tail)

    def forward(self, declared):
        plain = [line for line in self.init if not any(word in line for word in ("nn.LSTM", "nn.GRU"))]
        header = f"x(batch, time, {self.positions}) -> _" if "front" in self.kinds and self.time_first else self.header
        return "\n".join([header] + (plain if declared else []) + ["def forward(self, x):"] + ["    " + line for line in self.lines] + ["    return y"]) + "\n"


def fill(net):
    for module in net.modules():
        if isinstance(module, (torch.nn.BatchNorm2d, torch.nn.GroupNorm)):
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_()
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return net


def trial(report, command, number, counts, refusals):
    d = Description(SEED * 100_000 + number)
    # Four axes going out are a sequence of another layout here.
    if d.shape() is None or len(d.shape()) == 4:
        return
    net, place = fill(d.net()), f"seed {SEED}, model {number} ({', '.join(d.kinds)})"
    with torch.no_grad():
        single = net(d.x).numpy()
        exact = copy.deepcopy(net).double()(d.x.double()).numpy()
    allowed = 4 * np.abs(single - exact).max() + 2e-7
    folder = command.folder
    np.save(folder / "x.npy", d.x.numpy())
    torch.save(net.state_dict(), folder / "state.pt")
    torch.save(net, folder / "whole.pt")
    for container in ("state", "whole"):
        text = folder / f"{container}.txt"
        text.write_text(d.forward(container == "state"))
        (folder / "y.npy").unlink(missing_ok=True)
        options = ["--batch-first"] if not d.time_first and container == "state" or not d.rows else []
        refusal = command("run", folder / f"{container}.pt", "--input", folder / "x.npy", "--output", folder / "y.npy", "--forward", f"@{text}", "--quiet", *options)
        if refusal is not None:
            report.require(refusal.startswith("rnn: "), f"{place}, {container}: {refusal}")
            counts["mixed, refused" if "mixed" in d.kinds else f"refused, {container}"] += 1
            refusals.append(f"{place}, {container}: {refusal}\n{text.read_text()}")
            continue
        y = np.load(folder / "y.npy")
        right = y.shape == exact.shape and np.abs(y - exact).max() <= allowed
        counts["right" if right else "wrong"] += 1
        apart = f"{np.abs(y - exact).max():.1e} apart, {allowed:.1e} allowed" if y.shape == exact.shape else f"{y.shape}, expected {exact.shape}"
        report.require(right, f"{place}, {container}: {apart}\n{text.read_text()}")


def check(report, command, first=0, count=None, keep=None):
    warnings.simplefilter("ignore")
    counts, refusals = Counter(), []
    for number in range(first, first + (count or models())):
        trial(report, command, number, counts, refusals)
    report.require(counts["right"] > 4 * (counts["refused, state"] + counts["refused, whole"]), f"too few are read: {dict(counts)}")
    report.say(", ".join(f"{value} {key}" for key, value in sorted(counts.items())))
    if keep:
        pathlib.Path(keep).write_text("\n".join(refusals))


if __name__ == "__main__":
    sys.exit(alone(check, __doc__))
