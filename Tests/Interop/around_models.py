"""Random models of convolutions, pools, norms and attention around recurrent layers: a state_dict and its forward."""

import random

import numpy as np
import torch
from torch import nn


class Drawn:
    """`forward` and `modules`, whose state_dict it is of. A value is (name, features, time), time (offset, stride) or None."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        torch.manual_seed(seed)
        self.modules, self.statements, self.kinds, self.count = nn.ModuleDict(), [], [], 0
        value = ("x", 4, (0, 1))
        sequences = [value]
        count = self.random.randint(2, 5)
        recurrent = self.random.randrange(count)
        for index in range(count):
            step = self.recurrent if index == recurrent else self.random.choice([self.recurrent, self.recurrent, self.convolution, self.convolution, self.pool, self.norm, self.norm,
                                       self.padded, self.function, self.linear, self.attention, self.dot, self.module, self.skip])
            self.kinds.append(step.__name__)
            value = step(self.random.choice(sequences) if self.chance(0.15) else value, sequences)
            sequences.append(value)
        if self.chance(0.4):
            value = self.reduced(value)
        if self.chance(0.6):
            value = self.linear(value, sequences)
        self.forward = "x(4) -> y\n" + "\n".join(self.statements) + f"\n{value[0]}"
        for name, buffer in self.modules.named_buffers():
            if name.endswith(("running_mean", "running_var")):
                buffer.uniform_(0.5, 1.5)
        for name, parameter in self.modules.named_parameters():
            if parameter.ndim == 1:
                nn.init.uniform_(parameter, -1, 1)

    def chance(self, p):
        return self.random.random() < p

    def add(self, text, features, time):
        self.count += 1
        self.statements.append(f"v{self.count} = {text}")
        return f"v{self.count}", features, time

    def own(self, module, declaration=None):
        self.count += 1
        name = self.random.choice(["m{}", "block{}.0", "query{}", "part.{}"]).format(self.count)
        place = self.modules
        *path, last = name.split(".")
        for part in path:
            if part not in place:
                place[part] = nn.ModuleDict()
            place = place[part]
        place[last] = module
        if declaration:
            self.statements.append(f"self.{name} = {declaration}")
        return f"self.{name}"

    @staticmethod
    def under(time, size, stride=1, dilation=1, before=0, after=0):
        offset, step = time
        return offset + step * (before + after - ((size - 1) * dilation + 1) + stride), step * stride

    # Steps.

    def recurrent(self, value, _):
        name, features, time = value
        size, both = self.random.randint(2, 6), self.chance(0.3)
        kind = self.random.choice([nn.LSTM, nn.GRU, nn.RNN])
        module = self.own(kind(features, size, num_layers=2 if self.chance(0.2) else 1, bidirectional=both))
        return self.add(f"{module}({name})", size * (1 + both), time)

    def convolution(self, value, _):
        name, features, time = value
        size, dilation = self.random.randint(1, 4), self.random.choice([1, 1, 2])
        stride = self.random.choice([1, 1, 2]) if dilation == 1 else 1
        groups = self.random.choice([n for n in (1, 2, features) if features % n == 0])
        out, span = groups * self.random.randint(1, 4), (size - 1) * dilation
        padding = self.random.choice([(0, 0), (span, 0), (span // 2, span - span // 2), (1, 1), (0, 2), (-1, 1), (2, -1)])
        bias = self.chance(0.8)
        module = self.own(nn.Conv1d(features, out, size, stride, dilation=dilation, groups=groups, bias=bias),
                          f"Conv1d({features}, {out}, {size}, stride={stride}, padding=[{padding[0]}, {padding[1]}], dilation={dilation}, "
                          f"groups={groups}, bias={bias})")
        return self.add(f"{module}({name})", out, self.under(time, size, stride, dilation, *padding))

    def pool(self, value, _):
        name, features, time = value
        size, stride = self.random.randint(1, 4), self.random.randint(1, 3)
        rest = size - 1
        padding = self.random.choice([(0, 0), (rest // 2, rest - rest // 2), (rest, 0), (rest // 2, rest // 2)])
        function = self.random.choice(["max_pool", "avg_pool"])
        more = f", count_include_pad={self.random.choice([True, False])}" if function == "avg_pool" else ""
        return self.add(f"{function}({name}, {size}, stride={stride}, padding=[{padding[0]}, {padding[1]}]{more})", features,
                        self.under(time, size, stride, 1, *padding))

    def padded(self, value, _):
        name, features, time = value
        before, after = self.random.choice([(1, 0), (2, 1), (-1, 0), (0, -2), (-1, 2), (3, -1)])
        return self.add(f"pad({name}, {before}, {after})", features, self.under(time, 1, 1, 1, before, after))

    def norm(self, value, _):
        name, features, time = value
        eps = self.random.choice([1e-5, 1e-3, 0.1])
        module, text = self.random.choice([
            (nn.BatchNorm1d(features, eps), f"BatchNorm1d({features}, eps={eps})"),
            (nn.BatchNorm1d(features, eps, affine=False), f"BatchNorm1d({features}, eps={eps}, affine=False)"),
            (nn.LayerNorm(features, eps), f"LayerNorm({features}, eps={eps})"),
            (nn.LayerNorm(features, eps, bias=False), f"LayerNorm({features}, eps={eps}, bias=False)"),
            (nn.GroupNorm(1, features, eps), f"GroupNorm(1, {features}, eps={eps})"),
            (nn.RMSNorm(features, eps), f"RMSNorm({features}, eps={eps})")])
        return self.add(f"{self.own(module, text)}({name})", features, time)

    def function(self, value, _):
        name, features, time = value
        return self.add(f"{self.random.choice(['relu', 'tanh', 'sigmoid', 'softmax'])}({name})", features, time)

    def linear(self, value, _):
        name, features, time = value
        out, bias = self.random.randint(1, 5), self.chance(0.8)
        module = self.own(nn.Linear(features, out, bias=bias), f"Linear({features}, {out}, bias={bias})")
        return self.add(f"{module}({name})", out, time)

    def skip(self, value, sequences):
        name, features, time = value
        other = self.random.choice([s for s in sequences if s[2] == time])
        if other[1] == features and self.chance(0.6):
            return self.add(f"{name} {self.random.choice('+-*')} {other[0]}", features, time)
        return self.add(f"cat({name}, {other[0]})", features + other[1], time)

    def attention(self, value, _):
        """A score for each step, softmax over time, the weighted sum or the weighted steps."""
        name, features, time = value
        score = self.linear((name, features, time), None) if self.chance(0.5) else (name, features, time)
        score = self.add(f"{self.own(nn.Linear(score[1], self.random.choice([1, features])))}({score[0]})", 1, time)
        weights = self.add(f"softmax({score[0]}, time)", 1, time)
        return self.add(f"{weights[0]} * {name}", features, time)

    def dot(self, value, sequences):
        name, features, time = value
        key = self.random.choice([s for s in sequences if s[1] == features])
        other = self.random.choice([s for s in sequences if s[1] == features and s[2] == key[2]])
        heads = 2 if features % 2 == 0 and self.chance(0.2) else 1
        scale = self.random.choice(["", ", scale=0.5", ", scale=1"])
        return self.add(f"attention({name}, {key[0]}, {other[0]}{f', heads={heads}' if heads > 1 else ''}{scale})", features, time)

    def module(self, value, sequences):
        name, features, time = value
        key = self.random.choice(sequences)
        other = self.random.choice([s for s in sequences if s[2] == key[2]])
        heads = self.random.choice([n for n in (1, 2, 3) if features % n == 0])
        bias = self.chance(0.7)
        module = nn.MultiheadAttention(features, heads, bias=bias, kdim=key[1], vdim=other[1])
        own = self.own(module, f"MultiheadAttention({features}, {heads}, bias={bias}, kdim={key[1]}, vdim={other[1]})")
        return self.add(f"{own}({name}, {key[0]}, {other[0]})", features, time)

    def reduced(self, value):
        name, features, _ = value
        kind = self.random.choice(["mean", "max", "sum", "last"])
        return self.add(f"last({name})" if kind == "last" else f"{kind}({name}, time)", features, None)


def draw(seed):
    """Forward, state_dict and an input of sequences whose lengths are to be tried."""
    drawn = Drawn(seed)
    x = np.random.default_rng(seed).standard_normal((3, 30, 4)).astype(np.float32)
    return drawn.forward, drawn.modules.state_dict(), x, [30, 23, 17], drawn.kinds
