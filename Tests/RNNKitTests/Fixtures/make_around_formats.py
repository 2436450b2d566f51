"""Makes around_formats/: convolutions, pools and norms around recurrent layers, as other formats have them.

    python make_around_formats.py

For each case NAME.json, NAME.keras or NAME.onnx is the model and NAME.npz has `input` and what Keras or ONNX Runtime computes, `y`. Made with
Keras 3.15.0, PyTorch 2.15.0, ONNX Runtime 1.32 and NumPy 2.4 on x86-64.
"""
import json
import os

os.environ["KERAS_BACKEND"] = "torch"
import keras
import numpy as np
import onnxruntime
import torch
import torch.nn.functional as F
from torch import nn

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "around_formats")
L = keras.layers


def rtneural():
    """As RTNeural's python/model_utils.py writes it."""
    keras.utils.set_random_seed(1)
    m = keras.Sequential([
        L.Input((None, 2)), L.Dense(4, activation="tanh"), L.Conv1D(3, 3, dilation_rate=2, padding="causal", activation="relu"),
        L.BatchNormalization(epsilon=0.01), L.GRU(5, return_sequences=True), L.Conv1D(2, 2, padding="causal"), L.Dense(1)])
    d, c, b, g, e, o = m.layers
    random = np.random.default_rng(1)
    b.set_weights([random.uniform(0.5, 1.5, w.shape) for w in b.get_weights()])
    weights = lambda layer: [w.tolist() for w in layer.get_weights()]
    layers = [
        dict(type="dense", activation="tanh", shape=[None, None, 4], weights=weights(d)),
        dict(type="conv1d", activation="relu", shape=[None, None, 3], kernel_size=[3], dilation=[2], weights=weights(c)),
        dict(type="batchnorm", activation="", shape=[None, None, 3], epsilon=0.01, weights=weights(b)),
        dict(type="gru", activation="tanh", shape=[None, None, 5], weights=weights(g)),
        dict(type="conv1d", activation="", shape=[None, None, 2], kernel_size=[2], dilation=[1], weights=weights(e)),
        dict(type="dense", activation="", shape=[None, None, 1], weights=weights(o)),
    ]
    with open(os.path.join(HERE, "rtneural_conv.json"), "w") as file:
        json.dump(dict(in_shape=[None, None, 2], layers=layers), file)
    x = random.standard_normal((2, 30, 2)).astype("f4")
    np.savez(os.path.join(HERE, "rtneural_conv.npz"), input=x, y=m.predict(x, verbose=0))


def save(name, m, shape):
    random = np.random.default_rng(len(os.listdir(HERE)))
    for layer in m.layers:
        if isinstance(layer, (L.BatchNormalization, L.LayerNormalization)):
            layer.set_weights([random.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()])
    x = random.standard_normal(shape).astype("f4")
    m.save(os.path.join(HERE, name + ".keras"))
    np.savez(os.path.join(HERE, name + ".npz"), input=x, y=m.predict(x, verbose=0))


def models():
    keras.utils.set_random_seed(2)
    save("keras_conv", keras.Sequential([
        L.Input((None, 4)), L.Conv1D(6, 4, padding="same", activation="relu"), L.BatchNormalization(), L.MaxPooling1D(2),
        L.LSTM(5, return_sequences=True), L.LayerNormalization(epsilon=0.01), L.Conv1D(3, 3, dilation_rate=2, padding="causal"),
        L.GlobalAveragePooling1D(), L.Dense(2)]), (3, 23, 4))
    save("keras_pools", keras.Sequential([
        L.Input((None, 4)), L.ZeroPadding1D((2, 1)), L.Conv1D(6, 3, strides=2, groups=2, use_bias=False), L.AveragePooling1D(3, 1, "same"),
        L.GRU(5, return_sequences=True), L.Cropping1D((1, 2)), L.GlobalMaxPooling1D(), L.Dense(2)]), (2, 21, 4))
    # What RNNKit cannot run: padding that depends on the length.
    keras.Sequential([
        L.Input((None, 3)), L.Conv1D(4, 3, strides=2, padding="same", name="conv1d"), L.LSTM(4, return_sequences=True, name="lstm"),
        L.Dense(2, name="dense")]).save(os.path.join(HERE, "keras_carried.h5"))
    x = L.Input((None, 4))
    a = L.LSTM(6, return_sequences=True)(x)
    b = L.MultiHeadAttention(2, 5, value_dim=3)(a, x)
    save("keras_attention", keras.Model(x, L.Dense(2)(L.Add()([a, b]))), (3, 19, 4))


class Net(nn.Module):
    def __init__(self, forward, **modules):
        super().__init__()
        self.compute = forward
        for name, module in modules.items():
            setattr(self, name, module)

    def forward(self, x):
        return self.compute(self, x)


turn = lambda a: a.transpose(1, 2)


def graph(name, forward, steps=13, **modules):
    torch.manual_seed(len(os.listdir(HERE)))
    m = Net(forward, **modules)
    for key, value in m.state_dict().items():
        if "running" in key:
            value.uniform_(0.5, 1.5)
    m.eval()
    x = torch.randn(3, steps, 4)
    path = os.path.join(HERE, name + ".onnx")
    torch.onnx.export(m, (x,), path, input_names=["input"], output_names=["y"], dynamo=False,
                      dynamic_axes={"input": {0: "batch", 1: "time"}})
    y, = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, {"input": x.numpy()})
    np.savez(os.path.join(HERE, name + ".npz"), input=x.numpy(), y=y)


def graphs():
    graph("conv_same", lambda m, x: m.fc(m.gru(turn(torch.relu(m.conv(turn(x)))))[0]),
          conv=nn.Conv1d(4, 8, 3, padding=1), gru=nn.GRU(8, 5, batch_first=True), fc=nn.Linear(5, 2))
    graph("conv_pool", lambda m, x: m.fc(m.lstm(turn(F.max_pool1d(torch.relu(m.bn(m.conv(turn(x)))), 2)))[0].mean(1)), steps=22,
          conv=nn.Conv1d(4, 6, 3, dilation=2, bias=False), bn=nn.BatchNorm1d(6), lstm=nn.LSTM(6, 5, batch_first=True), fc=nn.Linear(5, 2))
    graph("conv_stride", lambda m, x: m.fc(m.ln(m.lstm(turn(F.avg_pool1d(m.conv(turn(x)), 3, 1, 1)))[0])), steps=21,
          conv=nn.Conv1d(4, 6, 5, stride=2, groups=2), ln=nn.LayerNorm(5), lstm=nn.LSTM(6, 5, batch_first=True), fc=nn.Linear(5, 2))
    graph("attention_pooling", lambda m, x: (lambda a: m.fc((F.softmax(m.score(a), dim=1) * a).sum(1)))(m.lstm(x)[0]),
          lstm=nn.LSTM(4, 5, batch_first=True, bidirectional=True), score=nn.Linear(10, 1), fc=nn.Linear(10, 2))
    graph("global_pool", lambda m, x: m.fc(F.adaptive_avg_pool1d(m.conv(turn(m.lstm(x)[0])), 1).squeeze(-1)),
          lstm=nn.LSTM(4, 5, batch_first=True), conv=nn.Conv1d(5, 6, 3), fc=nn.Linear(6, 2))


if __name__ == "__main__":
    for file in os.listdir(HERE):
        os.remove(os.path.join(HERE, file))
    rtneural()
    models()
    graphs()
