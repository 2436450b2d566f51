"""Random models with a forward() as people write them, as Python source, which torch.jit.script needs."""

import importlib.util

import numpy as np
import torch

HEADER = """import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from typing import Dict, Optional, Tuple


class Block(nn.Module):
    def __init__(self, rnn, drop):
        super().__init__()
        self.rnn = rnn
        self.drop = nn.Dropout(drop)

    def forward(self, x):
        out, state = self.rnn(x)
        return self.drop(out), state


class Model(nn.Module):
    def __init__(self):
        super().__init__()
"""


class Source:
    """A model's source. What no line can say is in `beyond`."""

    def __init__(self, seed):
        self.rng = rng = np.random.default_rng(seed)
        self.made, self.lines, self.beyond, self.count = [], [], [], 0
        self.first = bool(rng.random() < 0.75)
        self.turned = bool(not self.first and rng.random() < 0.4)
        self.tokens = bool(rng.random() < 0.25)
        self.features = int(rng.integers(1, 6))
        self.packed = bool(self.first and not self.tokens and rng.random() < 0.12)
        self.write()

    def pick(self, *words):
        return words[self.rng.integers(len(words))]

    def chance(self, p):
        return bool(self.rng.random() < p)

    def module(self, kind, name=None):
        self.count += 1
        name = name or self.pick("m", "layer", "part", "relu") + str(self.count)
        self.made.append(f"self.{name} = {kind}")
        return name

    def call(self, kind, value):
        return f"self.{self.module(kind)}({value})"

    def say(self, line):
        self.lines.append(line)

    def activation(self, value):
        """The text of an activation of a value."""
        word = self.pick("F.relu", "torch.tanh", "torch.sigmoid", "nn.ReLU()", "nn.Tanh()", "nn.LeakyReLU(0.1)", "nn.ELU()",
                         "F.leaky_relu", "nn.Softplus()", "nn.SiLU()", "nn.Hardtanh()", "nn.ReLU6()", 'nn.GELU(approximate="tanh")', "nn.ReLU(inplace=True)", "F.softsign", "nn.Hardsigmoid()", "nn.GELU()")
        if word.startswith("nn."):
            return self.call(word, value)
        return f"{word}({value}, 0.2)" if word == "F.leaky_relu" else f"{word}({value})"

    def recurrent(self, width):
        kind = self.pick("LSTM", "GRU", "RNN")
        hidden, layers, both = int(self.rng.integers(1, 6)), int(self.rng.integers(1, 4)), self.chance(0.35)
        if self.chance(0.2) and self.lines:
            hidden = width
        more = ", nonlinearity='relu'" if kind == "RNN" and self.chance(0.5) else ""
        more += ", bias=False" if self.chance(0.2) else ""
        more += ", dropout=0.2" if layers > 1 and self.chance(0.3) else ""
        made = f"nn.{kind}({width}, {hidden}, {layers}, batch_first={self.first}, bidirectional={both}{more})"
        return kind, made, hidden, layers, 2 if both else 1

    def write(self):
        width = self.features
        name = self.pick("x", "input", "audio")
        self.say(f"def forward(self, {name}{', lengths' if self.packed else ''}):")
        now = name
        if self.tokens:
            width = int(self.rng.integers(2, 6))
            self.say("a = " + self.call(f"nn.Embedding(9, {width})", now))
            now = "a"
        if self.turned:
            self.say(f"t = {now}.{self.pick('transpose(0, 1)', 'transpose(1, 0)', 'permute(1, 0, 2)')}")
            now = "t"
        before = now, width
        if self.chance(0.2) and not self.packed:
            out = int(self.rng.integers(2, 5))
            self.say("p = " + self.activation(self.call(f"nn.Linear({width}, {out})", now)))
            now, width = "p", out
        if self.packed:
            self.say(f"q = pack_padded_sequence({now}, lengths, batch_first=True, enforce_sorted=False)")
            now = "q"
        state = ""
        for index in range(1 if self.packed else int(self.rng.integers(1, 4))):
            kind, made, hidden, layers, both = self.recurrent(width)
            names = f"o{index}, (h{index}, c{index})" if kind == "LSTM" else f"o{index}, h{index}"
            if not self.packed and self.chance(0.25):
                self.say(f"{names} = " + self.call(f"Block({made}, 0.1)", now))
            elif not self.packed and self.chance(0.2):
                batch = f"{now}.{'size(0)' if self.first else 'shape[1]'}"
                zeros = f"torch.zeros({layers * both}, {batch}, {hidden})"
                state = f"({zeros}, {zeros})" if kind == "LSTM" else zeros
                self.say(f"{names} = " + self.call(made, f"{now}, {state}"))
            else:
                self.say(f"{names} = " + self.call(made, now))
            new = hidden * both
            if self.packed:
                self.say(f"o{index}, _ = pad_packed_sequence(o{index}, batch_first=True)")
            elif new == width and self.chance(0.5):
                self.say(f"o{index} = o{index} + {now}")
            elif self.chance(0.2):
                self.say(f"o{index} = " + self.activation(f"o{index}"))
            elif self.chance(0.15):
                self.say(f"o{index} = F.dropout(o{index}, 0.3, self.training)")
            elif self.chance(0.1):
                self.say(f"o{index} = torch.cat([o{index}, {now}], {self.pick('-1', '2', 'dim=2')})")
                new += width
            now, width, last = f"o{index}", new, (index, kind, hidden, layers, both)
        index, kind, hidden, layers, both = last
        time = not self.reduce(now, width, last, before)
        if time and self.turned:
            self.say(f"y = y.{self.pick('transpose(0, 1)', 'permute(1, 0, 2)')}" + (".contiguous()" if self.chance(0.3) else ""))
        tail = self.pick("y", "y", "y", "y, h", "two")
        if tail == "two" and not (time and self.turned):
            self.say("return y, torch.tanh(y) * 0.5")
        elif tail == "y, h":
            self.say("return y, " + (f"(h{index}, c{index})" if kind == "LSTM" else f"h{index}"))
        else:
            self.say("return y")

    def reduce(self, now, width, last, before):
        """Writes y; True where it has no time axis."""
        index, kind, hidden, layers, both = last
        way = self.pick("every", "every", "last", "last", "first", "state", "states", "mean", "attention", "max", "cell", "both")
        time = way == "every"
        step = f"{now}[:, {{}}]" if self.first else f"{now}[{{}}]"
        if way == "last":
            self.say(f"y = {step.format(self.pick('-1', '-1, :') if self.first else '-1')}")
        elif way == "first":
            self.say(f"y = {step.format(self.pick('0', '1', '-2'))}")
        elif way == "state":
            self.say(f"y = h{index}[{self.pick('-1', '0', '-1, :, :')}]")
            width = hidden
        elif way == "cell" and kind == "LSTM":
            self.say(f"y = c{index}[-1]")
            width = hidden
        elif way == "states" and both == 2:
            parts = self.pick("[h{0}[-2], h{0}[-1]]", "(h{0}[-2, :, :], h{0}[-1, :, :])").format(index)
            self.say(f"y = torch.cat({parts}, dim={self.pick('1', '-1')})")
            width = 2 * hidden
        elif way == "both" and both == 2 and width == 2 * hidden:
            self.say(f"y = torch.cat([{step.format('-1')}[:, :{hidden}], {step.format('0')}[:, {hidden}:]], 1)")
        elif way == "mean":
            self.beyond.append("mean")
            self.say(f"y = {now}.mean({1 if self.first else 0})")
        elif way == "max":
            self.beyond.append("max")
            self.say(f"y = {now}.max(dim={1 if self.first else 0})[0]")
        elif way == "attention":
            self.beyond.append("attention")
            axis = 1 if self.first else 0
            self.say(f"w = torch.softmax({self.call(f'nn.Linear({width}, 1)', now)}, dim={axis})")
            self.say(f"y = ({now} * w).sum({axis})")
        else:
            time = True
            self.say(f"y = {now}")
        if self.chance(0.15) and time:
            self.beyond.append("norm")
            self.say("y = " + self.call(f"nn.LayerNorm({width})", "y"))
        out = int(self.rng.integers(1, 4))
        if self.chance(0.5):
            middle = int(self.rng.integers(2, 6))
            inner = self.pick("nn.ReLU()", "nn.Tanh()", "nn.Sigmoid()", "nn.PReLU()", "nn.Identity()")
            made = f"nn.Sequential(nn.Linear({width}, {middle}), {inner}, nn.Dropout(0.1), nn.Linear({middle}, {out}))"
            self.say("y = " + self.call(made, "y"))
        else:
            for _ in range(int(self.rng.integers(1, 3))):
                self.say("y = " + self.call(f"nn.Linear({width}, {out})", "y"))
                width = out
                if self.chance(0.4):
                    self.say("y = " + self.activation("y"))
        if time and self.chance(0.3):
            name, features = before
            if features == out or out == 1 or features == 1:
                self.say(f"y = y + {name}")
            else:
                self.say(f"y = y + {name}[{self.pick('...', ':, :')}, {self.pick(':1', '-1:', '0:1')}]")
        if self.chance(0.15):
            self.say(f"y = {self.pick('y * 2 - 1', '1 - y', '-y', 'y / 4', '0.5 * y + 0.25', 'y * self.gain')}")
            if "gain" in self.lines[-1]:
                self.made.append("self.gain = nn.Parameter(torch.rand(1))")
        if out > 1 and self.chance(0.25):
            self.say(f"y = {self.pick('F.softmax(y, dim=-1)', 'F.log_softmax(y, -1)', 'torch.softmax(y, -1)')}")
        elif out == 1 and self.chance(0.2):
            self.say(f"y = {self.pick('y.squeeze(-1)', 'y', 'torch.sigmoid(y)')}")
            if "squeeze" in self.lines[-1] and time and self.turned:
                self.lines.pop()
        return not time

    @property
    def text(self):
        body = "".join(f"        {line}\n" for line in self.made)
        return HEADER + body + f"\n    {self.lines[0]}\n" + "".join(f"        {line}\n" for line in self.lines[1:])


def make(seed, folder):
    """The source, the model, and what goes in."""
    source = Source(seed)
    path = folder / f"model_{seed}.py"
    path.write_text(source.text)
    spec = importlib.util.spec_from_file_location(f"model_{seed}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    torch.manual_seed(seed)
    model = module.Model().eval()
    shape = (3, 6) if source.first or source.turned else (6, 3)
    x = torch.randint(0, 9, shape) if source.tokens else torch.randn(*shape, source.features)
    return source, model, (x, torch.tensor([4, 6, 5])) if source.packed else (x,)
