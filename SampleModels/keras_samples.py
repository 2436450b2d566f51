"""Samples of what Keras has and PyTorch has not, run by Keras itself (with PyTorch underneath) where it can.

Keras' kernels are (input, gates·units); they are stored here as RNNKit stores every model, in PyTorch's names, shapes
and gate order.
"""

import os
import tempfile

os.environ["KERAS_BACKEND"] = "torch"
SETTINGS = tempfile.TemporaryDirectory()  # or Keras leaves a settings file in the home directory
os.environ["KERAS_HOME"] = SETTINGS.name

import keras
import numpy as np
import torch

from formulas import evaluate
from sample import sample

HARD_SIGMOID_2 = {"name": "hard_sigmoid", "alpha": 0.2, "beta": 0.5}
HARD_SIGMOID_3 = {"name": "hard_sigmoid", "alpha": 1 / 6, "beta": 0.5}


@keras.saving.register_keras_serializable("rnnkit")
def keras2_hard_sigmoid(x):
    """What Keras 2 and every version before it called hard_sigmoid; Keras 3's has the slope 1/6."""
    return keras.ops.clip(0.2 * x + 0.5, 0, 1)


def pytorch_tensors(kind, weights, suffix):
    """A Keras layer's kernel, recurrent kernel and bias under PyTorch's names."""
    kernel, recurrent, bias = (np.asarray(w) for w in weights)
    if kind == "GRU":
        swap = lambda rows: np.concatenate([rows[n] for n in (1, 0, 2)])  # z, r, h -> r, z, n
        gates = lambda rows: swap(np.split(rows, 3))
    else:
        gates = lambda rows: rows
    # One bias for both products, but for a GRU with reset_after=True, which has two.
    bias_ih, bias_hh = bias if bias.ndim == 2 else (bias, np.zeros_like(bias))
    return {
        "weight_ih" + suffix: gates(np.ascontiguousarray(kernel.T)),
        "weight_hh" + suffix: gates(np.ascontiguousarray(recurrent.T)),
        "bias_ih" + suffix: gates(bias_ih),
        "bias_hh" + suffix: gates(bias_hh),
    }


def run(layer, kind, x, states, directions):
    """output, hn and cn of a Keras layer, with states as PyTorch stacks them."""
    per_direction = 2 if kind == "LSTM" else 1
    initial = None if states is None else [torch.from_numpy(s[d]) for d in range(directions) for s in states]
    with torch.no_grad():
        output, *last = layer(torch.from_numpy(x), initial_state=initial)
    last = [value.cpu().numpy() for value in last]
    result = {"output": output.cpu().numpy(), "hn": np.stack(last[::per_direction])}
    return result | ({"cn": np.stack(last[1::2])} if kind == "LSTM" else {})


def keras_sample(kind, options, described, note=None, bidirectional=False):
    """One layer of Keras: its architecture, cases and tensors.

    `output64` is from the formulas: Keras 3.15 multiplies the matrices of a float64 layer in float32.
    """
    inputs, units, batch, steps, directions = 4, 7, 3, 9, 2 if bidirectional else 1
    layer_type = {"RNN": keras.layers.SimpleRNN, "LSTM": keras.layers.LSTM, "GRU": keras.layers.GRU}[kind]
    layer = layer_type(units, return_sequences=True, return_state=True, **options)
    if bidirectional:
        layer = keras.layers.Bidirectional(layer)
    layer.build((batch, steps, inputs))
    # Wide enough that a hard sigmoid reaches both of its ends.
    weights = [(0.7 * torch.randn(*w.shape)).numpy() for w in layer.get_weights()]
    layer.set_weights(weights)
    tensors = {}
    for d in range(directions):
        suffix = "_l0_reverse" if d else "_l0"
        parameters = pytorch_tensors(kind, weights[3 * d:3 * d + 3], suffix)
        tensors |= {f"{kind.lower()}.{key}": value for key, value in parameters.items()}
    architecture = {"batch_first": True, "modules": [{
        "type": kind, "name": kind.lower(), "input_size": inputs, "hidden_size": units, "num_layers": 1, "bias": True,
        "bidirectional": bidirectional, **({"proj_size": 0} if kind == "LSTM" else {}), **described}]}
    x = torch.randn(batch, steps, inputs).numpy()
    given = [torch.randn(directions, batch, units).numpy() for _ in range(2 if kind == "LSTM" else 1)]
    about = {"framework": f"keras {keras.__version__}, torch backend", "output64": "float64 formulas (formulas.py)"}
    about |= {"note": note} if note else {}
    cases = {}
    for case, states in (("state_zero", None), ("state_given", given)):
        members = {"input": x} | dict(zip(("h0", "c0"), states or []))
        exact = evaluate(architecture, widened(tensors), widened(members))
        members |= run(layer, kind, x, states, directions) | {"output64": exact["output"]}
        cases[case] = (members, about)
    return architecture, cases, {"state_dict": tensors}


def widened(values):
    return {key: np.asarray(value, dtype=np.float64) for key, value in values.items()}


def activations(gate="sigmoid", candidate="tanh", output="tanh"):
    return {"activations": {"gate": gate, "candidate": candidate, "output": output}}


KERAS_2 = "Keras 3 runs Keras 2's hard_sigmoid, clip(0.2x + 0.5, 0, 1), given to it as a function"


@sample("keras_gru_reset_before", "keras_gru_reset_before_bidirectional")
def reset_before():
    """Keras' GRU with reset_after=False, Keras 2's default at first: r multiplies h before the product."""
    before = {"reset_after": False}
    yield keras_sample("GRU", before, before)
    yield keras_sample("GRU", before, before, bidirectional=True)


@sample("keras_gru_hard_sigmoid_2", "keras_gru_hard_sigmoid_3", "keras_gru_reset_before_hard_sigmoid_2",
        "keras_gru_reset_before_hard_sigmoid_3")
def gru_hard_sigmoid():
    """Keras' GRU with hard_sigmoid gates, as Keras 2 defines them and as Keras 3 does."""
    for before in ({}, {"reset_after": False}):
        options = {"recurrent_activation": keras2_hard_sigmoid} | before
        yield keras_sample("GRU", options, activations(gate=HARD_SIGMOID_2) | before, KERAS_2)
        options = {"recurrent_activation": "hard_sigmoid"} | before
        yield keras_sample("GRU", options, activations(gate=HARD_SIGMOID_3) | before)


@sample("keras_lstm_hard_sigmoid_2", "keras_lstm_hard_sigmoid_3", "keras_lstm_hard_sigmoid_2_bidirectional")
def lstm_hard_sigmoid():
    """Keras' LSTM with hard_sigmoid gates, as Keras 2 defines them (its default before 2.3) and as Keras 3 does."""
    options = {"recurrent_activation": keras2_hard_sigmoid}
    yield keras_sample("LSTM", options, activations(gate=HARD_SIGMOID_2), KERAS_2)
    yield keras_sample("LSTM", {"recurrent_activation": "hard_sigmoid"}, activations(gate=HARD_SIGMOID_3))
    yield keras_sample("LSTM", options, activations(gate=HARD_SIGMOID_2), KERAS_2, bidirectional=True)


@sample("keras_lstm_softsign", "keras_rnn_sigmoid")
def other_activations():
    """Functions that PyTorch's cells do not offer: softsign in an LSTM, sigmoid in an RNN."""
    described = activations(candidate="softsign", output="softsign")
    yield keras_sample("LSTM", {"activation": "softsign"}, described)
    yield keras_sample("RNN", {"activation": "sigmoid"}, {"nonlinearity": "sigmoid"})


@sample("gru_reset_before_two_biases")
def two_biases():
    """GRU with reset_after=False and a second bias, which ONNX has and Keras and PyTorch have not; by formulas."""
    gru = torch.nn.GRU(4, 7, 2)
    architecture = {"batch_first": False, "modules": [{
        "type": "GRU", "name": "gru", "input_size": 4, "hidden_size": 7, "num_layers": 2, "bias": True,
        "bidirectional": False, "reset_after": False}]}
    tensors = {"gru." + key: value for key, value in gru.state_dict().items()}
    given = {"input": torch.randn(9, 3, 4).numpy(), "h0": torch.randn(2, 3, 7).numpy()}
    exact = evaluate(architecture, widened(tensors), widened(given))
    members = given | {key: exact[key].astype(np.float32) for key in ("output", "hn")} | {"output64": exact["output"]}
    about = {"framework": f"numpy {np.__version__}",
             "note": "float64 formulas (formulas.py); output and hn are rounded to float32"}
    yield architecture, {"state_given": (members, about)}, {"state_dict": tensors}
