"""Makes leftovers/*.pt and *.npz: state_dicts with something beside a recurrent layer and a head. torch 2.15.0, numpy 2.4.6.

    python make_leftovers.py

NAME.npz holds input and what PyTorch makes of it: `y` by the whole model, `part` by rnn and fc alone, or by rnn alone where
fc is not a plain layer.
"""

import pathlib

import numpy as np
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune
from torch.nn.utils import spectral_norm, weight_norm

FOLDER = pathlib.Path(__file__).parent / "leftovers"


class WeightDropout(nn.Module):
    """fastai's, in text/models/awdlstm.py."""

    def __init__(self, module):
        super().__init__()
        self.module = module
        weight = module.weight_hh_l0
        del module._parameters["weight_hh_l0"]
        self.register_parameter("weight_hh_l0_raw", nn.Parameter(weight.data))
        module.weight_hh_l0 = torch.dropout(weight.data, 0.5, True)

    def forward(self, x):
        self.module.weight_hh_l0 = self.weight_hh_l0_raw.detach()
        return self.module(x)


def store(name, tensors, x, y, **others):
    torch.save(tensors, FOLDER / f"{name}.pt")
    arrays = {"input": x, "y": y} | others
    np.savez(FOLDER / f"{name}.npz", **{key: value.detach().numpy() for key, value in arrays.items()})


def chain(cell=nn.GRU, **options):
    return nn.ModuleDict({"rnn": cell(3, 4, **options), "fc": nn.Linear(4, 4)})


def run(model, x, *state):
    return model["fc"](model["rnn"](x, *state)[0])


def save(name, model, x, extra=None):
    model.eval()
    store(name, {k: v.detach() for k, v in (model.state_dict() | (extra or {})).items()}, x, run(model, x), part=run(model, x))


def computed(x):
    for name, dim in (("weight_norm_hook", 0), ("weight_norm_axis_1", 1), ("weight_norm_whole", None)):
        model = chain(nn.LSTM)
        for module, weight in ((model["rnn"], "weight_hh_l0"), (model["rnn"], "weight_ih_l0"), (model["fc"], "weight")):
            weight_norm(module, weight, dim)
            module.get_parameter(weight + "_g").data.mul_(1.5)
        save(name, model, x)
    model = chain(nn.LSTM)
    for module, weight in ((model["rnn"], "weight_hh_l0"), (model["fc"], "weight")):
        parametrizations.weight_norm(module, weight)
        module.get_parameter(f"parametrizations.{weight}.original0").data.mul_(1.5)
    save("weight_norm", model, x)
    for name, norm, weight in (("spectral_norm_hook", spectral_norm, "weight_orig"),
                               ("spectral_norm", parametrizations.spectral_norm, "parametrizations.weight.original")):
        model = chain()
        norm(model["fc"])
        for _ in range(20):
            run(model, x)
        model["fc"].get_parameter(weight).data.add_(0.02 * torch.randn(4, 4))
        save(name, model, x)
    model = chain()
    prune.random_unstructured(model["rnn"], "weight_hh_l0", 0.5)
    prune.random_unstructured(model["fc"], "bias", 0.5)
    save("pruned", model, x)
    model = chain()
    model["rnn"] = WeightDropout(model["rnn"])
    save("weight_drop", model, x)


def refused(x):
    model = chain()
    parametrizations.orthogonal(model["fc"])
    store("orthogonal", model.state_dict(), x, run(model, x), part=model["rnn"](x)[0])
    model, h0 = chain(num_layers=2), torch.randn(2, 1, 4)
    store("learned_h0", {"h0": h0} | model.state_dict(), x, run(model, x, h0.expand(2, 2, 4).contiguous()), part=run(model, x))
    model, h0, c0 = chain(nn.LSTM), torch.randn(1, 4), torch.randn(1, 4)
    state = tuple(value[:, None].expand(1, 2, 4).contiguous() for value in (h0, c0))
    store("learned_state", model.state_dict() | {"init_h": h0, "init_c": c0}, x, run(model, x, state), part=run(model, x))
    model, W = chain(), torch.randn(2, 4)
    store("parameter_head", model.state_dict() | {"W_out": W}, x, run(model, x) @ W.T, part=run(model, x))
    model, norm = chain(), nn.BatchNorm1d(4, affine=False).eval()
    norm.running_mean.add_(0.5)
    tensors = model.state_dict() | {f"bn.{k}": v for k, v in norm.state_dict().items()}
    store("statistics", tensors, x, norm(run(model, x).reshape(-1, 4)).reshape(6, 2, 4), part=run(model, x))
    model, mean = chain(), torch.randn(3)
    store("mean", {"mean": mean} | model.state_dict(), x, run(model, x - mean), part=run(model, x))
    model = chain()
    store("scale", model.state_dict() | {"scale": torch.tensor(2.5)}, x, 2.5 * run(model, x), part=run(model, x))
    model = chain()
    narrow = model["fc"].weight.detach().to(torch.float8_e4m3fn)
    model["fc"].weight.data.copy_(narrow.float())
    store("float8_head", model.state_dict() | {"fc.weight": narrow}, x, run(model, x), part=model["rnn"](x)[0])
    model, scale = chain(), torch.tensor(0.01)
    narrow = (model["fc"].weight.detach() / scale).round().to(torch.int8)
    model["fc"].weight.data.copy_(narrow.float() * scale)
    store("int8_head", model.state_dict() | {"fc.weight": narrow, "fc.scale": scale}, x, run(model, x), part=model["rnn"](x)[0])


def said(x):
    model = chain()
    save("own_parameters", model, x, {"similarity_weight": torch.tensor([10.0]), "similarity_bias": torch.tensor([-5.0]),
                                      "log_sigma": torch.randn(2), "criterion.weight": torch.rand(3), "fc.total_ops": torch.zeros(1)})
    model, h0 = chain(), torch.randn(1, 1, 4)
    store("own_state", model.state_dict() | {"rnn.h0": h0}, x, run(model, x, h0.expand(1, 2, 4).contiguous()))
    torch.manual_seed(2)
    first, second = chain(), nn.GRU(4, 4)
    tensors = {f"{n}.{k}": v for n, m in (("a", first["rnn"]), ("a_out", first["fc"]), ("b", second)) for k, v in m.state_dict().items()}
    store("two_modules", tensors | {f"b_out.{k}": v for k, v in first["fc"].state_dict().items()}, x,
          torch.sigmoid(run(first, x)), part=run(first, x))


FOLDER.mkdir(exist_ok=True)
torch.manual_seed(1)
with torch.no_grad():
    x = torch.randn(6, 2, 3)
    computed(x)
    refused(x)
    said(x)
