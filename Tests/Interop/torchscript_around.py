"""Random models with convolutions, pools, norms, attention and reductions around recurrent layers, grown until PyTorch runs them."""

import random

import torch

from grown import Grown


class Sequence(Grown):
    """A model over (batch, features, time) or (batch, time, features); its text as torch.jit.script needs it."""

    def __init__(self, seed):
        self.rng = rng = random.Random(seed)
        torch.manual_seed(seed)
        self.init, self.lines, self.kinds, self.count = [], [], [], 0
        self.turned = rng.random() < 0.4
        batch, steps, features = rng.choice([1, 2, 3]), rng.choice([12, 17, 24]), rng.choice([1, 3, 4, 6])
        self.x = torch.randn(batch, features, steps) if self.turned else torch.randn(batch, steps, features)
        if self.turned and rng.random() < 0.3:
            self.x = torch.randn(batch, steps)
            self.turned = True
            self.lines.append(rng.choice(["y = x.unsqueeze(1)", "y = x[:, None]"]))
        else:
            self.lines.append("y = x")
        steps = [self.convolution, self.convolution, self.pool, self.norm, self.norm, self.function, self.recurrent, self.recurrent, self.linear,
                 self.attention, self.pad, self.slope, self.sequential, self.residual, self.cat]
        for _ in range(rng.randint(2, 5)):
            rng.choice(steps)()
        if not any(kind.startswith("recurrent") for kind in self.kinds):
            self.recurrent()
        self.reduce()

    def net(self):
        space = {}
        exec("import torch\nfrom torch import nn\nimport torch.nn.functional as F\n" + self.text(), space)
        return space["Net"]().eval()

    def turn(self, turned):
        if self.turned != turned:
            self.turned = turned
            self.lines.append(self.rng.choice(["y = y.transpose(1, 2)", "y = y.permute(0, 2, 1)", "y = torch.transpose(y, 2, 1)", "y = y.transpose(-1, -2).contiguous()"]))

    @property
    def features(self):
        return self.shape()[1 if self.turned else 2]

    # Parts.

    def convolution_of(self, features, keep=False):
        rng = self.rng
        out = features if keep else rng.choice([1, 2, 4, 5])
        size = rng.choice([1, 3, 5] if keep else [1, 2, 3, 4])
        more = [f"padding={size // 2}"] if keep else [rng.choice(["", "padding=1", "padding='same'", "stride=2", "dilation=2", "padding=2, padding_mode='replicate'",
                                                               "padding=1, padding_mode='reflect'", "padding=1, stride=2"])]
        if features % 2 == 0 and out % 2 == 0 and rng.random() < 0.3:
            more.append("groups=2")
        if rng.random() < 0.2:
            more.append("bias=False")
        return f"nn.Conv1d({', '.join(part for part in [str(features), str(out), str(size)] + more if part)})"

    def convolution(self):
        self.turn(True)
        name = self.name("conv")
        self.attempt([f"self.{name} = {self.convolution_of(self.features)}"], [f"y = self.{name}(y)"], "conv")

    def residual(self):
        self.turn(True)
        name, norm = self.name("conv"), self.name("bn")
        features = self.features
        self.attempt([f"self.{name} = {self.convolution_of(features, keep=True)}", f"self.{norm} = nn.BatchNorm1d({features})"],
                     [self.rng.choice([f"y = y + F.relu(self.{norm}(self.{name}(y)))", f"y = y * torch.sigmoid(self.{norm}(self.{name}(y)))", f"y = torch.relu(self.{name}(y) + y)"])], "residual")

    def cat(self):
        self.turn(True)
        a, b, features = self.name("conv"), self.name("conv"), self.features
        self.attempt([f"self.{a} = nn.Conv1d({features}, 2, 3, padding=1)", f"self.{b} = nn.Conv1d({features}, 3, 1)"],
                     [f"y = torch.cat([self.{a}(y), {self.rng.choice(['y', f'self.{b}(y)'])}], dim={self.rng.choice([1, -2])})"], "cat")

    def pool(self):
        self.turn(True)
        call = self.rng.choice(["F.max_pool1d(y, 2)", "F.avg_pool1d(y, 3, 1, 1)", "nn.MaxPool1d(2)", "nn.MaxPool1d(3, 2, 1)", "nn.AvgPool1d(2, 2)",
                                "nn.AvgPool1d(3, 1, 1, count_include_pad=False)", "nn.MaxPool1d(2, 1, dilation=2)", "nn.MaxPool1d(2, ceil_mode=True)"])
        if call.startswith("F."):
            self.attempt([], [f"y = {call}"], "pool")
        else:
            name = self.name("pool")
            self.attempt([f"self.{name} = {call}"], [f"y = self.{name}(y)"], "pool")

    def norm(self):
        name, kind = self.name("norm"), self.rng.choice(["BatchNorm1d", "LayerNorm", "RMSNorm", "GroupNorm", "function"])
        self.turn(kind in ("BatchNorm1d", "GroupNorm"))
        features = self.features
        if kind == "function":
            self.attempt([f"self.{name} = nn.LayerNorm({features})"], [f"y = F.layer_norm(y, ({features},), self.{name}.weight, self.{name}.bias, 1e-3)"], kind)
            return
        made = {"BatchNorm1d": self.rng.choice([f"nn.BatchNorm1d({features})", f"nn.BatchNorm1d({features}, affine=False)", f"nn.BatchNorm1d({features}, eps=1e-3)"]),
                "GroupNorm": f"nn.GroupNorm(1, {features})"}.get(kind, f"nn.{kind}({features})")
        self.attempt([f"self.{name} = {made}"], [f"y = self.{name}(y)"], kind)

    def function(self):
        made = self.rng.choice(["F.relu(y)", "torch.tanh(y)", "F.gelu(y)", "F.silu(y)", "F.elu(y)", "F.hardtanh(y)", "y * torch.sigmoid(y)", "y.clamp(-1, 1)", "y.relu()"])
        self.attempt([], [f"y = {made}"], "function")

    def slope(self):
        name = self.name("slope")
        self.turn(True)
        self.attempt([f"self.{name} = nn.PReLU({self.rng.choice([1, self.features])})"], [f"y = self.{name}(y)"], "prelu")

    def recurrent(self):
        self.turn(False)
        name, kind, both = self.name("rnn"), self.rng.choice(["LSTM", "GRU"]), self.rng.random() < 0.4
        features = self.features
        if self.rng.random() < 0.3:
            made = f"nn.{kind}({features}, 4, bidirectional={both})"
            self.attempt([f"self.{name} = {made}"], [f"y = self.{name}(y.{self.rng.choice(['transpose(0, 1)', 'permute(1, 0, 2)'])})[0].transpose(0, 1)"], "recurrent, time first")
            return
        self.attempt([f"self.{name} = nn.{kind}({features}, 4, batch_first=True, bidirectional={both})"],
                     [self.rng.choice([f"y, _ = self.{name}(y)", f"y = self.{name}(y)[0]"])], "recurrent")

    def linear(self):
        self.turn(False)
        name = self.name("fc")
        self.attempt([f"self.{name} = nn.Linear({self.features}, {self.rng.choice([2, 4])})"], [f"y = self.{name}(y)"], "linear")

    def attention(self):
        self.turn(False)
        features, name = self.features, self.name("attention")
        first = self.rng.random() < 0.6
        heads = self.rng.choice([n for n in (1, 2, 3) if features % n == 0])
        made = f"nn.MultiheadAttention({features}, {heads}, batch_first={first})"
        weights = self.rng.choice(["", ", need_weights=False"])
        around = (f"y = y + self.{name}(y, y, y{weights})[0]" if first else f"z = y.transpose(0, 1)\n        y = self.{name}(z, z, z{weights})[0].transpose(0, 1)")
        if self.rng.random() < 0.25:
            self.attempt([], ["y = F.scaled_dot_product_attention(y, y, y)"], "dot product")
            return
        self.attempt([f"self.{name} = {made}"], [around], "attention")

    def pad(self):
        self.turn(True)
        self.attempt([], [self.rng.choice(["y = F.pad(y, (2, 0))", "y = F.pad(y, (1, 1))", "y = y[:, :, 1:]", "y = y[..., :-1]", "y = F.pad(y, [0, 1], value=0.0)"])], "pad")

    def sequential(self):
        self.turn(True)
        features, name = self.features, self.name("seq")
        if self.rng.random() < 0.4:
            self.attempt([f"self.{name} = nn.ModuleList([nn.Conv1d({features}, {features}, 3, padding=1), nn.Conv1d({features}, {features}, 3, padding=2, dilation=2)])"],
                         [f"for layer in self.{name}:", "    y = torch.relu(layer(y)) + y"], "list")
            return
        self.attempt([f"self.{name} = nn.Sequential({self.convolution_of(features)[:-1]}), nn.ReLU(), nn.Dropout(0.1))"], [f"y = self.{name}(y)"], "sequential")

    def reduce(self):
        kind = self.rng.choice(["none", "mean", "max", "sum", "last", "adaptive", "weighted", "product", "keepdim"])
        if kind == "adaptive":
            self.turn(True)
            name = self.name("pool")
            self.attempt([f"self.{name} = nn.Adaptive{self.rng.choice(['Avg', 'Max'])}Pool1d(1)"],
                         [f"y = self.{name}(y)", self.rng.choice(["y = y.squeeze(-1)", "y = y.flatten(1)", "y = y[:, :, 0]", "y = y.view(y.size(0), -1)"])], kind)
        elif kind != "none":
            self.turn(False)
            features, name = self.features, self.name("score")
            lines = {"mean": ["y = y.mean(1)"], "max": [self.rng.choice(["y = y.max(dim=1)[0]", "y = y.amax(1)", "y, _ = torch.max(y, 1)"])], "sum": ["y = torch.sum(y, dim=1)"],
                     "last": ["y = y[:, -1]"], "weighted": [f"w = F.softmax(self.{name}(y), dim=1)", self.rng.choice(["y = (w * y).sum(1)", "y = torch.sum(y * w, dim=1)"])],
                     "product": [f"w = torch.softmax(self.{name}(torch.tanh(y)), 1)", "y = torch.bmm(w.transpose(1, 2), y).squeeze(1)"],
                     "keepdim": ["y = y - y.mean(dim=1, keepdim=True)"]}[kind]
            self.attempt([f"self.{name} = nn.Linear({features}, 1)"] if kind in ("weighted", "product") else [], lines, kind)
        if kind in ("none", "keepdim"):
            self.turn(False)
        shape = self.shape()
        if self.rng.random() < 0.7 and shape:
            self.attempt(["self.out = nn.Linear(%d, 3)" % shape[-1]], ["y = self.out(y)"], "out")


def fill(net):
    """Numbers that tell features apart."""
    for module in net.modules():
        for name, value in [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]:
            if value.ndim == 1 and value.is_floating_point():
                value.data.uniform_(0.5, 1.5) if name in ("running_var", "weight") else value.data.normal_(0, 0.5)
    return net
