"""Models that are graphs of layers, by Keras 3 with PyTorch (versions in versions.txt): keras-graphs/NAME.keras, .h5 and .npz of
inputs x0, x1 … and outputs y0, y1 …

    KERAS_BACKEND=torch python make_keras_graphs.py FOLDER
"""

import os
import sys

os.environ.setdefault("KERAS_BACKEND", "torch")
import keras
import numpy as np
import torch

L, ops = keras.layers, keras.ops
FEATURES, STEPS = 3, 5


def sequence(name="x"):
    return keras.Input((None, FEATURES), name=name)


def merge(mode, sequences=True, **options):
    def make():
        x = sequence()
        y = L.Bidirectional(L.LSTM(2, return_sequences=sequences, **options), merge_mode=mode)(x)
        return keras.Model(x, y if isinstance(y, (list, tuple)) else L.Dense(2)(y))
    return make


def swapped(sequences):
    """A Bidirectional whose first layer runs backwards."""
    x = sequence()
    y = L.Bidirectional(L.GRU(2, return_sequences=sequences, go_backwards=True),
                        backward_layer=L.GRU(2, return_sequences=sequences))(x)
    return keras.Model(x, y)


def backwards():
    x = sequence()
    return keras.Model(x, L.Dense(2)(L.GRU(3, go_backwards=True, return_sequences=True)(x)))


def backwards_end():
    return keras.Sequential([sequence(), L.GRU(3, go_backwards=True), L.Dense(2)])


def arithmetic():
    x = sequence()
    a, b = L.LSTM(2, return_sequences=True)(x), L.GRU(2, return_sequences=True)(x)
    parts = [L.Add()([a, b]), L.Subtract()([a, b]), L.Multiply()([a, b]), L.Average()([a, b, L.Dense(2)(x)])]
    return keras.Model(x, L.Dense(2, activation="tanh")(L.Concatenate()(parts)))


def skip():
    x = sequence()
    return keras.Model(x, L.Add()([L.Dense(FEATURES)(L.LSTM(4, return_sequences=True)(x)), x]))


def several():
    x, z = sequence("left"), sequence("right")
    a, b = L.LSTM(2)(x), L.GRU(2, return_sequences=True)(z)
    both = L.Concatenate()([a, L.LSTM(3)(b)])
    return keras.Model([x, z], [L.Dense(2, name="one")(both), L.Dense(1, activation="sigmoid", name="two")(b)])


def states():
    x = sequence()
    y, h, c = L.LSTM(2, return_sequences=True, return_state=True)(x)
    last, fh, fc, bh, bc = L.Bidirectional(L.LSTM(2, return_state=True))(y)
    return keras.Model(x, L.Dense(2)(L.Concatenate()([h, c, last, fh, bc])))


def shared():
    x = sequence()
    d = L.Dense(FEATURES, activation="relu")
    return keras.Model(x, L.LSTM(2)(L.Add()([d(x), d(d(x))])))


def nested():
    inner = keras.Sequential([keras.Input((None, 4)), L.LSTM(3, return_sequences=True), L.Dense(4)], name="inner")
    x = keras.Input((None, FEATURES))
    m = keras.Input((None, 4))
    g = L.GRU(4, return_sequences=True)(m)
    middle = keras.Model(m, [L.Add()([inner(g), m]), g], name="middle")
    a, b = middle(L.LSTM(4, return_sequences=True)(x))
    return keras.Model(x, L.Dense(2)(L.LSTM(2)(L.Concatenate()([a, b]))))


def activations():
    return keras.Sequential([
        sequence(), L.Dense(4, activation="gelu"), L.PReLU(shared_axes=[1]), L.Dropout(0.3), L.LSTM(4, return_sequences=True),
        L.LeakyReLU(negative_slope=0.1), L.TimeDistributed(L.Dense(4, activation="silu")), L.ReLU(max_value=1.5),
        L.ELU(alpha=0.7), L.TimeDistributed(L.Activation("tanh")), L.Rescaling(2.5, offset=-0.25), L.GRU(3), L.PReLU(),
        L.Dense(4), L.Activation("relu6"), L.Dense(3), L.Softmax()])


def functions():
    x = sequence()
    y = L.LSTM(3, return_sequences=True)(x)
    y = ops.add(ops.multiply(y, x), 0.5) - x
    y = ops.concatenate([ops.tanh(y), ops.relu(x)], axis=-1)
    return keras.Model(x, L.GRU(2)(y / 4.0))


def sliced():
    x = sequence()
    y = L.LSTM(4, return_sequences=True)(x)
    parts = L.Concatenate()([x[..., :1], y[..., -2:], y[:, :, 1:3]])
    return keras.Model(x, [L.Dense(2)(L.Concatenate()([y[:, -1], y[:, 1, :]])), L.Dense(2)(parts) + x[..., :1]])


def cells():
    return keras.Sequential([sequence(), L.RNN([L.LSTMCell(3), L.GRUCell(2), L.LSTMCell(2)], return_sequences=True),
                             L.RNN(L.SimpleRNNCell(3), go_backwards=True), L.Dense(2)])


MODELS = {
    "sum": merge("sum"), "mul": merge("mul"), "ave": merge("ave"), "apart": merge(None), "sum_end": merge("sum", False),
    "ave_end": merge("ave", False), "mul_end": merge("mul", False), "swapped": lambda: swapped(True),
    "swapped_end": lambda: swapped(False), "backwards": backwards, "backwards_end": backwards_end, "arithmetic": arithmetic,
    "skip": skip, "several": several, "states": states, "shared": shared, "nested": nested, "activations": activations,
    "functions": functions, "cells": cells, "sliced": sliced,
}

folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)
with open(f"{folder}/versions.txt", "w") as file:
    file.write(f"keras {keras.__version__}\ntorch {torch.__version__}\nnumpy {np.__version__}\n")
for number, (name, make) in enumerate(MODELS.items()):
    keras.utils.clear_session()
    model = make()
    random = np.random.default_rng(number)
    for weight in model.weights:
        weight.assign(random.normal(size=weight.shape) * 0.5)
    inputs = [random.normal(size=(2, STEPS, FEATURES)).astype("float32") for _ in model.inputs]
    outputs = model(inputs if len(inputs) > 1 else inputs[0])
    outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    arrays = {f"x{i}": x for i, x in enumerate(inputs)} | {
        f"y{i}": ops.convert_to_numpy(y) for i, y in enumerate(outputs)}
    np.savez(f"{folder}/{name}.npz", **arrays)
    for ending in ["keras", "h5"]:
        model.save(f"{folder}/{name}.{ending}")
