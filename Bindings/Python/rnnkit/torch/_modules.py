"""torch.nn's modules as the architecture (Schemas/architecture.schema.json) describes them, both ways."""

from typing import Any, Dict, Mapping, Optional, Tuple

import torch
from torch import nn

from .._errors import Error, Kind

RECURRENT = {nn.RNN, nn.LSTM, nn.GRU, nn.RNNCell, nn.LSTMCell, nn.GRUCell}


def described(item: nn.Module, name: str) -> Optional[Tuple[Dict[str, Any], Dict[str, torch.Tensor]]]:
    """Its entry and its tensors by their names in it; None for a module that the architecture does not know.

    Tensors are what attributes are, so that parametrized weights are computed ones.
    """
    kind = type(item)
    about: Dict[str, Any] = {"type": kind.__name__, "name": name}
    tensors: Dict[str, torch.Tensor] = {}
    # Parametrization makes a class of its own: ParametrizedLinear.
    base = next((known for known in (nn.RNN, nn.LSTM, nn.GRU, nn.Linear, nn.Embedding, nn.PReLU)
                 if kind is known or kind.__name__ == f"Parametrized{known.__name__}" and isinstance(item, known)), None)
    if base is None:
        return None
    about["type"] = base.__name__
    if isinstance(item, nn.RNNBase):
        about.update(input_size=item.input_size, hidden_size=item.hidden_size, num_layers=item.num_layers, bias=bool(item.bias),
                     bidirectional=bool(item.bidirectional))
        if base is nn.RNN:
            about["nonlinearity"] = item.nonlinearity
        if base is nn.LSTM:
            about["proj_size"] = item.proj_size
        names = [key for layer in item._all_weights for key in layer]
    elif isinstance(item, nn.Linear):
        about.update(in_features=item.in_features, out_features=item.out_features, bias=item.bias is not None)
        names = ["weight"] + (["bias"] if item.bias is not None else [])
    elif isinstance(item, nn.Embedding):
        if item.max_norm is not None:
            raise Error(Kind.BAD_DATA, "an Embedding with max_norm rescales its weights as it runs", place=name,
                        remedy="rescale them once, and save one without max_norm")
        about.update(num_embeddings=item.num_embeddings, embedding_dim=item.embedding_dim)
        if item.padding_idx is not None:
            about["padding_idx"] = item.padding_idx
        names = ["weight"]
    else:
        about["num_parameters"] = item.num_parameters  # type: ignore[union-attr]
        names = ["weight"]
    for key in names:
        tensors[key] = getattr(item, key).detach()
    return about, tensors


# What PyTorch's modules cannot be told, and the value at which they do not need to be.
_FOREIGN: Mapping[str, Any] = {
    "activations": None, "reverse_activations": None, "reverse_nonlinearity": None, "clip": None, "input_forget": False,
    "peephole": False, "reset_after": True, "reverse": False, "initial_state": False, "returns_sequence": True, "activation": None,
}


def made(about: Mapping[str, Any], batch_first: bool) -> nn.Module:
    """The torch.nn module of an entry, its weights not set. Raises `Error` for what torch.nn does not have."""
    kind, name = about["type"], about["name"]
    for key, value in _FOREIGN.items():
        if about.get(key, value) != value:
            raise Error(Kind.BAD_DATA, f"no torch.nn module has {key} {about[key]!r}", place=name,
                        remedy="run it with rnnkit.open, which has")
    bias = about.get("bias", True)
    if kind in ("RNN", "LSTM", "GRU"):
        options: Dict[str, Any] = {"num_layers": about.get("num_layers", 1), "bias": bias, "batch_first": batch_first,
                                   "bidirectional": about.get("bidirectional", False)}
        if kind == "RNN":
            options["nonlinearity"] = _nonlinearity(about)
        if kind == "LSTM":
            options["proj_size"] = about.get("proj_size", 0)
        return getattr(nn, kind)(about["input_size"], about["hidden_size"], **options)
    if kind == "RNNCell":
        return nn.RNNCell(about["input_size"], about["hidden_size"], bias, _nonlinearity(about))
    if kind in ("LSTMCell", "GRUCell"):
        return getattr(nn, kind)(about["input_size"], about["hidden_size"], bias)
    if kind == "Linear":
        return nn.Linear(about["in_features"], about["out_features"], bias)
    if kind == "Embedding":
        return nn.Embedding(about["num_embeddings"], about["embedding_dim"], about.get("padding_idx"))
    if kind == "PReLU":
        return nn.PReLU(about.get("num_parameters", 1))
    raise Error(Kind.BAD_DATA, f"it is carried along as {about.get('class', kind)} and cannot be made", place=name,
                remedy="leave it out: rnnkit.torch.load(..., modules=[...])")


def _nonlinearity(about: Mapping[str, Any]) -> str:
    found = about.get("nonlinearity", "tanh")
    if found not in ("tanh", "relu"):
        raise Error(Kind.BAD_DATA, f"no torch.nn.RNN has the nonlinearity {found!r}", place=about["name"],
                    remedy="run it with rnnkit.open, which has")
    return found
