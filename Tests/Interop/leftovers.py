"""Small PyTorch models with something beside their recurrent layers and head, and what the whole and its parts compute.

A `Model` has the modules `rnn` and, mostly, `fc`, under whatever names, and extras: things that change a weight, a number on
its way, or nothing. `kind` says which extras there are.
"""

import random

import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune
from torch.nn.utils import spectral_norm as spectral_norm_hook, weight_norm as weight_norm_hook


class WeightDropout(nn.Module):
    """fastai's wrapper, text/models/awdlstm.py: in training some recurrent weights are 0."""

    def __init__(self, module, stale):
        super().__init__()
        self.module = module
        weight = module.weight_hh_l0
        del module._parameters["weight_hh_l0"]
        self.register_parameter("weight_hh_l0_raw", nn.Parameter(weight.data))
        # Earlier versions keep what the last training step dropped.
        dropped = torch.dropout(weight.data, 0.5, True)
        if stale:
            module.register_parameter("weight_hh_l0", nn.Parameter(dropped))
        else:
            module.weight_hh_l0 = dropped

    def forward(self, *arguments):
        if "weight_hh_l0" in self.module._parameters:
            self.module._parameters["weight_hh_l0"].data = self.weight_hh_l0_raw.data
        else:
            self.module.weight_hh_l0 = self.weight_hh_l0_raw.detach().clone()
        return self.module(*arguments)


class Symmetric(nn.Module):
    def forward(self, weight):
        return weight.triu() + weight.triu(1).transpose(-1, -2)


class Softplus(nn.Module):
    def forward(self, weight):
        return nn.functional.softplus(weight)


class Model(nn.Module):
    """rnn, then fc where there is one; before, between and after them what `before`, `between`, `after` do."""

    def __init__(self, dice):
        super().__init__()
        self.dice = dice
        self.cell = dice.choice(["RNN", "LSTM", "GRU"])
        self.inputs, self.hidden, self.layers = dice.randint(2, 4), dice.randint(3, 5), dice.randint(1, 2)
        self.both, self.batch_first = dice.random() < 0.3, dice.random() < 0.5
        options = dict(num_layers=self.layers, bidirectional=self.both, bias=dice.random() < 0.85, batch_first=self.batch_first)
        self.rnn_name = dice.choice(["rnn", "encoder", "layer1", "gru_block"])
        self.fc_name = dice.choice(["fc", "head", "out_proj"]) if dice.random() < 0.8 else None
        self.add_module(self.rnn_name, getattr(nn, self.cell)(self.inputs, self.hidden, **options))
        self.size = self.hidden * (2 if self.both else 1)
        if self.fc_name:
            # As wide as what it takes, so that without it the output has the same shape.
            self.out = self.size if dice.random() < 0.5 else dice.randint(1, 3)
            self.add_module(self.fc_name, nn.Linear(self.size, self.out, bias=dice.random() < 0.8))
        else:
            self.out = self.size
        self.before, self.between, self.after, self.start = [], [], [], None
        self.replaced = {}

    @property
    def recurrent(self):
        return getattr(self, self.rnn_name)

    @property
    def plain(self):
        return self.recurrent.module if isinstance(self.recurrent, WeightDropout) else self.recurrent

    @property
    def linear(self):
        return getattr(self, self.fc_name) if self.fc_name else None

    def part(self, x, names, start=None):
        """The modules of these names, one after the other, from zeros or `start`."""
        for name in names:
            if name.removesuffix(".module") == self.rnn_name:
                x = self.recurrent(x, start)[0] if start is not None else self.recurrent(x)[0]
            else:
                x = getattr(self, name)(x)
        return x

    def forward(self, x):
        for function in self.before:
            x = function(x)
        x = self.part(x, [self.rnn_name], self.start(x) if self.start else None)
        for function in self.between:
            x = function(x)
        if self.linear is not None:
            x = self.linear(x)
        for function in self.after:
            x = function(x)
        return x

    def saved(self):
        """The state_dict, with what stands in it in another type."""
        return {name: self.replaced.get(name, value) for name, value in self.state_dict().items()} | {
            name: value for name, value in self.replaced.items() if name not in self.state_dict()}


def recurrent_weight(model):
    return model.dice.choice([n for n in model.plain._parameters if n.startswith("weight_")])


def owner(model):
    """A module and the name of one of its weights."""
    if model.linear is not None and model.dice.random() < 0.5:
        return model.linear, "weight"
    return model.plain, recurrent_weight(model)


def weight_norm(model):
    module, name = owner(model)
    dim = model.dice.choice([0, 0, 1, None])
    if model.dice.random() < 0.5:
        weight_norm_hook(module, name, dim)
        part = f"{name}_g"
    else:
        parametrizations.weight_norm(module, name, dim)
        part = f"parametrizations.{name}.original0"
    with torch.no_grad():
        module.get_parameter(part).mul_(torch.rand(module.get_parameter(part).shape) + 0.5)


def spectral_norm(model):
    module, name = owner(model)
    isHook = model.dice.random() < 0.5
    (spectral_norm_hook if isHook else parametrizations.spectral_norm)(module, name)
    # As after training: u and v are near the singular vectors, not at them.
    model.train()
    for _ in range(model.dice.randint(0, 20)):
        model.recurrent(torch.randn(2, 2, model.inputs)) if module is not model.linear else module(torch.randn(2, model.size))
    weight = f"{name}_orig" if isHook else f"parametrizations.{name}.original"
    with torch.no_grad():
        module.get_parameter(weight).add_(0.02 * torch.randn(module.get_parameter(weight).shape))


def pruning(model):
    module, name = owner(model)
    prune.random_unstructured(module, name, 0.5)
    if model.dice.random() < 0.3 and name == "weight" and module.bias is not None:
        prune.random_unstructured(module, "bias", 0.5)


def weight_drop(model):
    setattr(model, model.rnn_name, WeightDropout(model.recurrent, stale=model.dice.random() < 0.5))


def orthogonal(model):
    if model.linear is None:
        return learned_state(model)
    parametrizations.orthogonal(model.linear, "weight", model.dice.choice(["householder", "cayley", "matrix_exp"]) if model.size == model.out else None)
    for p in model.linear.parameters():
        p.data.add_(0.1 * torch.randn(p.shape))


def own_parametrization(model):
    if model.linear is not None and model.dice.random() < 0.5:
        kind = Symmetric if model.out == model.size else Softplus
        parametrize.register_parametrization(model.linear, "weight", kind())
    else:
        parametrize.register_parametrization(model.plain, recurrent_weight(model), Softplus())


def parameter_head(model):
    """A head that is a Parameter, as it stands or turned."""
    turned, size = model.dice.random() < 0.5, model.out if model.dice.random() < 0.5 else model.dice.randint(1, 3)
    name = model.dice.choice(["w_out", "weight", "proj", "decoder_weight", "V"])
    matrix = nn.Parameter(torch.randn(*((model.out, size) if turned else (size, model.out))))
    model.register_parameter(name, matrix)
    bias = None
    if model.dice.random() < 0.5:
        bias = nn.Parameter(torch.randn(size))
        model.register_parameter("b_out", bias)
    model.after.append(lambda y: nn.functional.linear(y, matrix.T if turned else matrix, bias))


def learned_state(model):
    """A starting state among the parameters."""
    directions = 2 if model.both else 1
    names = {"RNN": [["h0"], ["init_hidden"], ["h_0"]], "GRU": [["h0"], ["init_h"], ["hidden0"]],
             "LSTM": [["h0", "c0"], ["h_init", "c_init"], ["init_hidden", "init_cell"]]}[model.cell]
    shape = model.dice.choice([(model.layers * directions, 1, model.hidden), (model.layers * directions, model.hidden)])
    states = [nn.Parameter(torch.randn(shape)) for _ in model.dice.choice(names)]
    for name, value in zip(model.dice.choice(names), states):
        model.register_parameter(name, value)
    def start(x):
        rows = x.shape[0 if model.batch_first else 1]
        wide = [s.reshape(-1, 1, model.hidden).expand(-1, rows, -1).contiguous() for s in states]
        return tuple(wide) if model.cell == "LSTM" else wide[0]
    model.start = start


def state_in_the_module(model):
    """The same in the recurrent module itself, under the names that are read."""
    states = [nn.Parameter(torch.randn(model.layers * (2 if model.both else 1), model.hidden))
              for _ in range(2 if model.cell == "LSTM" else 1)]
    for name, value in zip(["h0", "c0"], states):
        model.recurrent.register_parameter(name, value)
    def start(x):
        rows = x.shape[0 if model.batch_first else 1]
        wide = [s[:, None].expand(-1, rows, -1).contiguous() for s in states]
        return tuple(wide) if model.cell == "LSTM" else wide[0]
    model.start = start


def normalization(model):
    """A norm between or after, with and without weights, with running statistics or none."""
    name, place = model.dice.choice(["bn", "norm", "post"]), model.between if model.dice.random() < 0.5 else model.after
    size = model.size if place is model.between else model.out
    kind = model.dice.choice(["batch", "plain batch", "layer", "bias"])
    if kind == "bias":
        layer = nn.Module()
        layer.bias = nn.Parameter(torch.randn(size))
        model.add_module(name, layer)
        place.append(lambda y: y + layer.bias)
        return
    layer = nn.LayerNorm(size) if kind == "layer" else nn.BatchNorm1d(size, affine=kind == "batch")
    model.add_module(name, layer)
    with torch.no_grad():
        for tensor in layer.state_dict().values():
            if tensor.is_floating_point():
                tensor.add_(torch.rand(tensor.shape))
    place.append(lambda y: layer(y.reshape(-1, size)).reshape(y.shape))


def standardization(model):
    """mean and std of the input as buffers, the model's own or a part's."""
    mean, std = torch.randn(model.inputs), torch.rand(model.inputs) + 0.5
    if model.dice.random() < 0.3:
        mean, std = torch.randn(()), torch.rand(()) + 0.5
    target, names = model, model.dice.choice([("mean", "std"), ("x_mean", "x_scale"), ("input_offset", "input_gain")])
    if model.dice.random() < 0.5:
        target = nn.Module()
        model.add_module("scaler", target)
    for name, value in zip(names, (mean, std)):
        target.register_buffer(name, value)
    model.before.append(lambda x: (x - mean) / std)


def factor(model):
    """A number, or one a feature, by which the output is multiplied."""
    name = model.dice.choice(["scale", "gain", "output_scale", "alpha", "temperature", "gamma"])
    target = model
    if model.dice.random() < 0.3:
        target = nn.Module()
        model.add_module("act", target)
    value = nn.Parameter(torch.rand(model.dice.choice([(), (1,), (model.out,)])) + 1.5)
    target.register_parameter(name, value)
    model.after.append(lambda y: y * value)


def narrow_head(model):
    """A head in float8, or in int8 with its scale."""
    if model.linear is None:
        return factor(model)
    name = f"{model.fc_name}.weight"
    with torch.no_grad():
        if model.dice.random() < 0.5:
            narrow = model.linear.weight.to(torch.float8_e4m3fn)
            model.linear.weight.copy_(narrow.float())
            model.replaced[name] = narrow
        else:
            scale = model.linear.weight.abs().max() / 127
            narrow = (model.linear.weight / scale).round().to(torch.int8)
            model.linear.weight.copy_(narrow.float() * scale)
            model.replaced |= {name: narrow, f"{model.fc_name}.scale": scale}


def convolution(model):
    layer = nn.Conv1d(model.inputs, model.inputs, 1)
    model.add_module("conv", weight_norm_hook(layer) if model.dice.random() < 0.5 else layer)
    model.before.append(lambda x: layer(x.transpose(1, 2)).transpose(1, 2))


def harmless(model):
    """What no output depends on."""
    kind = model.dice.choice(["similarity", "log_sigma", "counter", "loss", "profile", "empty"])
    if kind == "similarity":
        model.similarity_weight, model.similarity_bias = (nn.Parameter(torch.tensor([v])) for v in (10.0, -5.0))
    elif kind == "log_sigma":
        model.register_parameter(model.dice.choice(["log_sigma", "log_std", "log_vars"]), nn.Parameter(torch.randn(2)))
    elif kind == "counter":
        model.register_buffer(model.dice.choice(["global_step", "epoch"]), torch.tensor(7))
    elif kind == "loss":
        model.add_module("criterion", nn.CrossEntropyLoss(weight=torch.rand(3)))
    elif kind == "profile":
        for module in [model, model.plain] + ([model.linear] if model.linear is not None else []):
            module.register_buffer("total_ops", torch.zeros(1, dtype=torch.float64))
            module.register_buffer("total_params", torch.zeros(1, dtype=torch.float64))
    else:
        model.register_buffer("history", torch.zeros(0, 3))


COMPUTED = [weight_norm, spectral_norm, pruning, weight_drop]
CHANGING = [orthogonal, own_parametrization, parameter_head, learned_state, state_in_the_module, normalization,
            standardization, factor, narrow_head, convolution]


def make(seed):
    """The model of a seed, and the names of its extras."""
    dice = random.Random(seed)
    torch.manual_seed(seed)
    model = Model(dice)
    extras = [dice.choice(COMPUTED + CHANGING + [harmless])]
    if dice.random() < 0.3:
        extras.append(harmless)
    for extra in extras:
        extra(model)
    return model.eval(), [extra.__name__ for extra in extras]
