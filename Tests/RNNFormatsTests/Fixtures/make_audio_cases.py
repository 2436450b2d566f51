"""What two audio models give, in float64 by RTNeural's and AIDA-X' own formulas: checks json/aidax_knobs.npz and
json/rtneural_sizes.npz, and writes them again with --write. Made with NumPy 2.4.6.

aidax_knobs.json has a knob as its second input, which the plugin's input gain leaves alone (aidadsp-plugin.cpp: the audio is
multiplied by the gain, then put before the knobs). rtneural_sizes.json has the keys input_size, hidden_size and output_size that
a public trainer writes into every layer."""
import json
import os
import sys

import numpy as np

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "json"))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def run(name):
    model = json.load(open(name + ".json"))
    x = np.load(name + ".npz")["input"].astype(float)
    x[:, 0] *= 10 ** (model.get("in_gain", 0) / 20)
    rows = x
    for layer in model["layers"]:
        weights = [np.array(w) for w in layer["weights"]]
        if layer["type"] == "lstm":
            size = weights[1].shape[0]
            h, c, rows_ = np.zeros(size), np.zeros(size), []
            for row in rows:
                i, f, g, o = np.split(row @ weights[0] + h @ weights[1] + weights[2], 4)
                c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
                h = sigmoid(o) * np.tanh(c)
                rows_.append(h)
            rows = np.array(rows_)
        else:
            rows = rows @ weights[0] + weights[1]
            rows = {"": rows, "tanh": np.tanh(rows)}[layer["activation"]]
    if model.get("in_skip"):
        rows = rows + x[:, :1]
    return rows * 10 ** (model.get("out_gain", 0) / 20)


for name in ("aidax_knobs", "rtneural_sizes"):
    members = dict(np.load(name + ".npz"))
    y = run(name)
    print(name, "largest difference", np.abs(y - members["y"]).max())
    if "--write" in sys.argv:
        np.savez(name + ".npz", input=members["input"], y=y)
