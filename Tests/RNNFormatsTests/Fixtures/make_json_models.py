"""Writes small models as RTNeural, AIDA-X, GuitarML and Neural Amp Modeler keep them, beside what PyTorch makes of each.

Made with torch 2.15.0, keras 3.15.1 and numpy; `python3 make_json_models.py` in this folder.
Each `NAME.state_dict.json` holds the model's parameters in PyTorch's names, layout and gate order.
"""

import json
import os
import pathlib

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
import torch

FOLDER = pathlib.Path(__file__).parent / "json"
ACTIVATIONS = {"linear": lambda v: v, "tanh": torch.tanh, "sigmoid": torch.sigmoid,
               "elu": torch.nn.functional.elu, "softmax": lambda v: torch.softmax(v, -1)}


def save(name, value):
    (FOLDER / name).write_text(json.dumps(value))


def save_state_dict(name, tensors):
    save(f"{name}.state_dict.json", {k: v.tolist() for k, v in tensors.items()})


def rtneural(model):
    """The layout of RTNeural's python/model_utils.py."""
    kinds = {keras.layers.LSTM: "lstm", keras.layers.GRU: "gru", keras.layers.Dense: "dense",
             keras.layers.Activation: "activation", keras.layers.TimeDistributed: "time-distributed-dense"}
    layers = []
    for layer in model.layers:
        inner = getattr(layer, "layer", layer)
        name = getattr(inner.activation, "__name__", "")
        layers.append({"type": kinds[type(layer)], "activation": "" if name == "linear" else name,
                       "shape": list(layer.output.shape), "weights": [w.tolist() for w in layer.get_weights()]})
    return {"in_shape": list(model.input_shape), "layers": layers}


def swapped(array, axis=-1):
    """Gates z, r, h as r, z, n and back."""
    z, r, h = np.split(array, 3, axis)
    return np.concatenate([r, z, h], axis)


def recurrent_from_keras(layer):
    """PyTorch's module with the weights of a Keras LSTM or GRU."""
    kernel, recurrent, bias = layer.get_weights()
    if isinstance(layer, keras.layers.GRU):
        module = torch.nn.GRU(kernel.shape[0], layer.units, batch_first=True)
        kernel, recurrent, bias = swapped(kernel), swapped(recurrent), swapped(bias)
    else:
        module = torch.nn.LSTM(kernel.shape[0], layer.units, batch_first=True)
        bias = np.stack([bias, np.zeros_like(bias)])
    values = [kernel.T, recurrent.T, bias[0], bias[1]]
    with torch.no_grad():
        for parameter, value in zip(module.parameters(), values):
            parameter.copy_(torch.tensor(value))
    return module


def keras_model(name, layers):
    """A chain of Keras layers, checked against PyTorch with the tensors written as expected."""
    model = keras.Sequential([keras.Input((None, 2))] + layers)
    rng = np.random.default_rng(7)
    for layer in model.layers:
        layer.set_weights([rng.normal(size=w.shape).astype("float32") for w in layer.get_weights()])
    x = rng.normal(size=(2, 5, 2)).astype("float32")
    expected, value, counts = {}, torch.tensor(x), {}
    for layer in model.layers:
        inner = getattr(layer, "layer", layer)
        kind = type(inner).__name__.lower()
        title = kind + (f"_{counts[kind]}" if counts.get(kind) else "")
        counts[kind] = counts.get(kind, 0) + 1
        if isinstance(inner, keras.layers.Dense):
            weights = inner.get_weights()
            expected[f"{title}.weight"] = weights[0].T
            value = value @ torch.tensor(weights[0])
            if len(weights) == 2:
                expected[f"{title}.bias"] = weights[1]
                value = value + torch.tensor(weights[1])
            value = ACTIVATIONS[inner.activation.__name__](value)
        elif isinstance(inner, keras.layers.Activation):
            value = torch.tanh(value)
        else:
            module = recurrent_from_keras(inner)
            expected |= {f"{title}.{k}": v.numpy() for k, v in module.state_dict().items()}
            value = module(value)[0]
    difference = np.abs(model.predict(x, verbose=0) - value.detach().numpy()).max()
    assert difference < 1e-6, difference
    save(f"{name}.json", rtneural(model))
    save_state_dict(name, expected)


def aidax():
    """An LSTM with skip, gains and the test signal that AIDA-X checks a model with, made without the gains."""
    torch.manual_seed(3)
    rec, lin = torch.nn.LSTM(2, 4, batch_first=True), torch.nn.Linear(4, 1)
    with torch.no_grad():
        rec.bias_hh_l0.zero_()
    x = torch.randn(8)
    inputs = torch.stack([x, torch.zeros(8)], 1)[None]
    with torch.no_grad():
        y = (lin(rec(inputs)[0])[0, :, 0] + x)
    p = {k: v.detach() for k, v in rec.named_parameters()}
    save("aidax.json", {
        "in_shape": [None, None, 2], "in_skip": 1, "in_gain": -6.0, "out_gain": 3.5,
        "layers": [
            {"type": "lstm", "activation": "", "shape": [None, None, 4], "weights": [
                p["weight_ih_l0"].T.tolist(), p["weight_hh_l0"].T.tolist(), p["bias_ih_l0"].tolist()]},
            {"type": "dense", "activation": "", "shape": [None, None, 1],
             "weights": [lin.weight.T.tolist(), lin.bias.tolist()]}],
        "input_batch": x.tolist(), "output_batch": y.tolist(),
        "metadata": {"name": "made for a test", "samplerate": "48000"}})
    save_state_dict("aidax", {f"lstm.{k}": v for k, v in p.items()}
                    | {f"dense.{k}": v for k, v in lin.state_dict().items()})


def guitarml():
    """CoreAudioML's SimpleRNN, a GRU of two layers."""
    torch.manual_seed(4)
    rec, lin = torch.nn.GRU(2, 3, 2), torch.nn.Linear(3, 1, bias=False)
    state = {f"rec.{k}": v for k, v in rec.state_dict().items()} | {"lin.weight": lin.weight.detach()}
    save("guitarml.json", {
        "model_data": {"model": "SimpleRNN", "input_size": 2, "skip": 1, "output_size": 1, "unit_type": "GRU",
                       "num_layers": 2, "hidden_size": 3, "bias_fl": False},
        "state_dict": {k: v.tolist() for k, v in state.items()}})
    save_state_dict("guitarml", state)


def nam():
    """Neural Amp Modeler's LSTM of two layers, as `_export_weights` lays it out."""
    torch.manual_seed(5)
    core, head = torch.nn.LSTM(1, 3, 2, batch_first=True), torch.nn.Linear(3, 1)
    h0, c0 = torch.randn(2, 3), torch.randn(2, 3)
    p = {k: v.detach().clone() for k, v in core.named_parameters()}
    parts, state = [], {}
    for layer in range(2):
        weights = torch.cat([p[f"weight_ih_l{layer}"], p[f"weight_hh_l{layer}"]], 1)
        bias = p[f"bias_ih_l{layer}"] + p[f"bias_hh_l{layer}"]
        parts += [weights, bias, h0[layer], c0[layer]]
        state |= {f"lstm.weight_ih_l{layer}": p[f"weight_ih_l{layer}"],
                  f"lstm.weight_hh_l{layer}": p[f"weight_hh_l{layer}"],
                  f"lstm.bias_ih_l{layer}": bias, f"lstm.bias_hh_l{layer}": torch.zeros(12)}
    parts += [head.weight.detach(), head.bias.detach()]
    state |= {"lstm.h0": h0, "lstm.c0": c0, "head.weight": head.weight.detach(), "head.bias": head.bias.detach()}
    save("lstm.nam", {"version": "0.5.4", "metadata": {"name": "made for a test"}, "architecture": "LSTM",
                      "config": {"input_size": 1, "hidden_size": 3, "num_layers": 2},
                      "weights": torch.cat([v.flatten() for v in parts]).tolist(), "sample_rate": 48000})
    save_state_dict("lstm.nam", state)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    keras.utils.set_random_seed(1)
    layers = keras.layers
    keras_model("rtneural_gru", [
        layers.TimeDistributed(layers.Dense(3, activation="tanh")), layers.GRU(4, return_sequences=True),
        layers.Dense(2, activation="sigmoid"), layers.Dense(1, use_bias=False)])
    keras_model("rtneural_lstm", [
        layers.LSTM(3, return_sequences=True), layers.LSTM(2, return_sequences=True), layers.Dense(3),
        layers.Activation("tanh"), layers.Dense(2, activation="elu"), layers.Dense(3, activation="softmax")])
    aidax()
    guitarml()
    nam()
