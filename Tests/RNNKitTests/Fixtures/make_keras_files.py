"""Writes small Keras models in every layout Keras has written, each beside an input and the output it must give.

Made with keras 3.15.1 (torch 2.15.0 behind it), numpy and h5py; `python3 make_keras_files.py` in this folder.
`keras/NAME.npz` holds `input`, `y` and perhaps `lengths`. What Keras 3 can make is made and run by Keras 3. What only
Keras 1 and 2 made is laid out by hand and computed in float64 from their formulas; the arrays of cuDNN's layers are
converted by tf_keras' published rules (tf_keras/src/saving/legacy/hdf5_format.py) and run by Keras 3.
"""

import json
import os
import pathlib

os.environ["KERAS_BACKEND"] = "torch"

import h5py
import keras
import numpy as np

FOLDER = pathlib.Path(__file__).parent / "keras"
layers = keras.layers
rng = np.random.default_rng(5)


def data(name, x, y, **more):
    np.savez(FOLDER / f"{name}.npz", input=x, y=y, **more)


def fill(model):
    """Weights large enough for gates to matter."""
    model.set_weights([rng.normal(size=w.shape).astype(w.dtype) * 0.7 if w.dtype != "uint32" else w
                       for w in model.get_weights()])
    return model


def save(name, model, x, kinds=("h5", "keras", "weights.h5"), **more):
    fill(model)
    data(name, x, keras.ops.convert_to_numpy(model(x)), **more)
    for kind in kinds:
        if kind == "weights.h5":
            model.save_weights(FOLDER / f"{name}.weights.h5")
        else:
            model.save(FOLDER / f"{name}.{kind}")


def normal(*shape):
    return rng.normal(size=shape).astype("float32")


def keras3():
    save("stack", keras.Sequential([
        keras.Input((None,), dtype="int32"), layers.Embedding(7, 3),
        layers.Bidirectional(layers.LSTM(4, return_sequences=True)), layers.Dropout(0.5),
        layers.GRU(3, return_sequences=True, dropout=0.1), layers.TimeDistributed(layers.Dense(5, activation="relu")),
        layers.SimpleRNN(2, activation="relu", name="elman"), layers.Dense(1, activation="sigmoid")]),
        rng.integers(0, 7, size=(3, 6)), kinds=("h5", "keras"))
    save("plain", keras.Sequential([
        keras.Input((None, 3)), layers.LSTM(4, return_sequences=True), layers.GRU(5, return_sequences=True),
        layers.Dense(2)]), normal(2, 5, 3))
    save("variants", keras.Sequential([
        keras.Input((None, 3)),
        layers.GRU(4, return_sequences=True, reset_after=False, recurrent_activation="hard_sigmoid"),
        layers.LSTM(3, return_sequences=True, use_bias=False, activation="softsign", recurrent_activation="hard_sigmoid"),
        layers.GRU(3, return_sequences=True, use_bias=False, name="no_bias"),
        layers.LSTM(3, go_backwards=True), layers.Dense(4), layers.LeakyReLU(negative_slope=0.1),
        layers.Dense(3, activation="softmax", use_bias=False)]), normal(2, 5, 3), kinds=("h5", "keras"))
    save("bidirectional", keras.Sequential([
        keras.Input((None, 3)), layers.Bidirectional(layers.GRU(4, return_sequences=True)),
        layers.Bidirectional(layers.SimpleRNN(2, activation="elu")), layers.Dense(2, activation="log_softmax")]),
        normal(2, 5, 3), kinds=("h5", "keras"))
    entry = keras.Input((None, 3), name="entry")
    value = layers.Masking(name="masking")(entry)
    value, _, _ = layers.LSTM(4, return_sequences=True, return_state=True, name="lstm_with_state")(value)
    value = layers.GRU(3, name="last")(value)
    model = keras.Model(entry, layers.Dense(2, name="head")(value))
    x = normal(3, 6, 3)
    lengths = np.array([6, 2, 4])
    for row, length in enumerate(lengths):
        x[row, length:] = 0
    save("functional", model, x, kinds=("h5", "keras"), lengths=lengths)
    keras.config.set_dtype_policy("float64")
    x = rng.normal(size=(2, 4, 2))
    model = keras.Sequential([keras.Input((None, 2)), layers.LSTM(3, return_sequences=True), layers.Dense(1)])
    save("double", model, x, kinds=("h5", "keras"))
    keras.config.set_dtype_policy("float32")
    # Keras on torch rounds to float32 on the way.
    *first, kernel, bias = model.get_weights()
    data("double", x, lstm(x, *first, sigmoid) @ kernel + bias)
    # What branches, and what RNNKit lacks.
    left, right = layers.LSTM(2, name="left")(entry), layers.GRU(2, name="right")(entry)
    keras.Model(entry, layers.Dense(1, name="joined")(layers.Concatenate()([left, right]))).save(FOLDER / "branches.h5")
    keras.Sequential([keras.Input((None, 3)), layers.LSTM(3, return_sequences=True),
                      layers.Dense(2, activation="selu", name="selu")]).save(FOLDER / "refused_selu.h5")
    keras.Sequential([keras.Input((None, 3)), layers.Conv1D(4, 2), layers.LSTM(2, return_sequences=True),
                      layers.LayerNormalization(), layers.Dense(1)]).save(FOLDER / "carried.h5")


def legacy(name, stored, config=None, version=None, split=None, root="/"):
    """Keras 1 and 2's layout: {layer: [(array's name, array)]}."""
    with h5py.File(FOLDER / f"{name}.h5", "w") as file:
        if version:
            file.attrs["keras_version"] = version.encode()
        if config is not None:
            file.attrs["model_config"] = json.dumps(config).encode()
        group = file if root == "/" else file.create_group(root)
        names = np.array([n.encode() for n in stored])
        if split:
            for part, some in enumerate(np.array_split(names, split)):
                group.attrs[f"layer_names{part}"] = some
        else:
            group.attrs["layer_names"] = names
        for layer, arrays in stored.items():
            inner = group.create_group(layer)
            inner.attrs["weight_names"] = np.array([n.encode() for n, _ in arrays])
            for path, array in arrays:
                inner[path] = np.asarray(array, "float32")


def hard_sigmoid(x):
    return np.clip(0.2 * x + 0.5, 0, 1)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm(x, kernel, recurrent, bias, gate, backwards=False):
    """Keras' LSTM, gates i, f, c, o; the output in time order."""
    units = recurrent.shape[0]
    h, c, outputs = np.zeros((len(x), units)), np.zeros((len(x), units)), []
    steps = range(x.shape[1])
    for t in reversed(steps) if backwards else steps:
        i, f, g, o = np.split(x[:, t] @ kernel + h @ recurrent + bias, 4, -1)
        c = gate(f) * c + gate(i) * np.tanh(g)
        h = gate(o) * np.tanh(c)
        outputs.append(h)
    return np.stack(outputs[::-1] if backwards else outputs, 1)


def gru(x, kernel, recurrent, bias, gate):
    """Keras' GRU with reset_after=False, gates z, r, h."""
    units = recurrent.shape[0]
    h, outputs = np.zeros((len(x), units)), []
    for t in range(x.shape[1]):
        a, b, c = np.split(x[:, t] @ kernel + bias, 3, -1)
        uz, ur, uh = np.split(recurrent, 3, -1)
        z, r = gate(a + h @ uz), gate(b + h @ ur)
        h = z * h + (1 - z) * np.tanh(c + (r * h) @ uh)
        outputs.append(h)
    return np.stack(outputs, 1)


def arrays(inputs, units, gates):
    return [normal(inputs, gates * units), normal(units, gates * units), normal(gates * units)]


def keras1():
    """Three arrays a gate, LSTM's in the order i, c, f, o; hard_sigmoid by default; no keras_version in the first ones."""
    x = normal(2, 5, 3)
    first, second, dense = arrays(3, 4, 4), arrays(4, 3, 3), [normal(3, 2), normal(2)]
    y = lstm(x.astype("float64"), *first, hard_sigmoid)
    y = np.maximum(gru(y, *second, hard_sigmoid) @ dense[0] + dense[1], 0)
    gates = {k: [np.split(w, 4, -1)[i] for w in first] for i, k in enumerate("ifco")}
    stored = {"lstm_1": [(f"lstm_1_{n}_{k}", gates[k][j]) for k in "icfo" for j, n in enumerate("WUb")],
              "gru_1": [(f"gru_1_{n}_{k}", np.split(second[j], 3, -1)[i])
                        for i, k in enumerate("zrh") for j, n in enumerate("WUb")],
              "timedistributed_1": [("timedistributed_1_W", dense[0]), ("timedistributed_1_b", dense[1])]}
    common = {"return_sequences": True, "stateful": False, "go_backwards": False, "unroll": False, "consume_less": "cpu",
              "input_dim": 3, "input_length": None, "trainable": True, "init": "glorot_uniform", "inner_init": "orthogonal",
              "activation": "tanh", "inner_activation": "hard_sigmoid", "dropout_W": 0.0, "dropout_U": 0.0,
              "W_regularizer": None, "U_regularizer": None, "b_regularizer": None}
    config = {"class_name": "Sequential", "config": [
        {"class_name": "LSTM", "config": common | {"name": "lstm_1", "output_dim": 4, "forget_bias_init": "one",
                                                   "batch_input_shape": [None, None, 3]}},
        {"class_name": "GRU", "config": common | {"name": "gru_1", "output_dim": 3}},
        {"class_name": "Dropout", "config": {"name": "dropout_1", "p": 0.5, "trainable": True}},
        {"class_name": "TimeDistributed", "config": {"name": "timedistributed_1", "trainable": True, "layer": {
            "class_name": "Dense", "config": {"name": "dense_1", "output_dim": 2, "activation": "relu", "input_dim": None,
                                              "init": "glorot_uniform", "bias": True, "trainable": True}}}}]}
    legacy("keras1", stored, config, root="model_weights")
    data("keras1", x, y)
    legacy("keras1_weights", {k: stored[k] for k in ("lstm_1", "gru_1")})
    y = gru(lstm(x.astype("float64"), *first, hard_sigmoid), *second, hard_sigmoid)
    data("keras1_weights", x, y)


def keras2():
    """Weights alone, whose gates are hard_sigmoid before Keras 2.3; and names split over several attributes."""
    x = normal(2, 5, 3)
    first, second = arrays(3, 4, 4), arrays(4, 3, 3)

    def stored(layer, arrays):
        return [(f"{layer}/{n}:0", a) for n, a in zip(("kernel", "recurrent_kernel", "bias"), arrays)]

    both = {"input_1": [], "lstm_1": stored("lstm_1", first), "gru_1": stored("gru_1", second)}
    legacy("keras22_weights", both, version="2.2.4", split=2)
    wide = x.astype("float64")
    data("keras22_weights", x, gru(lstm(wide, *first, hard_sigmoid), *second, hard_sigmoid))
    legacy("keras23_weights", both, version="2.3.1")
    data("keras23_weights", x, gru(lstm(wide, *first, sigmoid), *second, sigmoid))
    both = {"bidirectional_1": [(f"bidirectional_1/{d}_lstm_1/{n}:0", a) for d, part in (
        ("forward", first), ("backward", arrays(3, 4, 4))) for n, a in zip(("kernel", "recurrent_kernel", "bias"), part)]}
    legacy("keras22_bidirectional", both, version="2.2.4-tf")
    back = [a for _, a in both["bidirectional_1"][3:]]
    data("keras22_bidirectional", x, np.concatenate(
        [lstm(wide, *first, sigmoid), lstm(wide, *back, sigmoid, backwards=True)], -1))
    # A functional model of Keras 2, whose inbound_nodes are nested lists; hard_sigmoid by name is that of Keras 2.
    def layer(name, kind, units, before):
        return {"name": name, "class_name": kind, "inbound_nodes": [[[before, 0, 0, {}]]], "config": {
            "name": name, "units": units, "activation": "tanh", "recurrent_activation": "hard_sigmoid", "use_bias": True,
            "return_sequences": True, "return_state": False, "go_backwards": False, "stateful": False, "unroll": False,
            "trainable": True, "implementation": 1, "unit_forget_bias": True, "kernel_regularizer": None, "dropout": 0.0}
            | ({"reset_after": False} if kind == "GRU" else {})}

    config = {"class_name": "Model", "config": {"name": "model_1", "input_layers": [["input_1", 0, 0]],
              "output_layers": [["gru_1", 0, 0]], "layers": [
        {"name": "input_1", "class_name": "InputLayer", "inbound_nodes": [],
         "config": {"batch_input_shape": [None, None, 3], "dtype": "float32", "sparse": False, "name": "input_1"}},
        layer("gru_1", "GRU", 3, "lstm_1"), layer("lstm_1", "LSTM", 4, "input_1")]}}
    both = {"input_1": [], "lstm_1": stored("lstm_1", first), "gru_1": stored("gru_1", second)}
    legacy("keras22_functional", both, config, "2.2.4", root="model_weights")
    data("keras22_functional", x, gru(lstm(wide, *first, hard_sigmoid), *second, hard_sigmoid))


def cudnn():
    """cuDNN's layers, with and without a config."""
    def plain(weights, gates):
        """tf_keras' conversion of cuDNN's arrays to those of LSTM and GRU."""
        kernel, recurrent, bias = weights
        turn = [k.T.reshape(k.shape, order="F") for k in np.hsplit(kernel, gates)]
        back = [k.T for k in np.hsplit(recurrent, gates)]
        return np.hstack(turn), np.hstack(back), bias.reshape(2, -1)

    def stored(path, weights):
        return [(f"{path}/{n}:0", a) for n, a in zip(("kernel", "recurrent_kernel", "bias"), weights)]

    def weights(inputs, units, gates):
        return [normal(inputs, gates * units), normal(units, gates * units), normal(2 * gates * units)]

    first, forward, backward = weights(3, 4, 4), weights(4, 2, 3), weights(4, 2, 3)
    model = keras.Sequential([keras.Input((None, 3)), layers.LSTM(4, return_sequences=True),
                              layers.Bidirectional(layers.GRU(2, return_sequences=True))])
    kernel, recurrent, bias = plain(first, 4)
    model.layers[0].set_weights([kernel, recurrent, bias.sum(0)])
    model.layers[1].set_weights([*plain(forward, 3), *plain(backward, 3)])
    x = normal(2, 5, 3)
    y = model.predict(x, verbose=0)
    both = {"cu_dnnlstm_1": stored("cu_dnnlstm_1", first), "bidirectional_1":
            stored("bidirectional_1/forward_cu_dnngru_1", forward) + stored("bidirectional_1/backward_cu_dnngru_1", backward)}
    common = {"return_sequences": True, "return_state": False, "go_backwards": False, "stateful": False, "trainable": True,
              "kernel_initializer": {"class_name": "VarianceScaling", "config": {}}, "kernel_regularizer": None}
    config = {"class_name": "Sequential", "config": {"name": "sequential_1", "layers": [
        {"class_name": "CuDNNLSTM", "config": common | {"name": "cu_dnnlstm_1", "units": 4, "unit_forget_bias": True}},
        {"class_name": "Bidirectional", "config": {"name": "bidirectional_1", "merge_mode": "concat", "trainable": True,
         "layer": {"class_name": "CuDNNGRU", "config": common | {"name": "cu_dnngru_1", "units": 2}}}}]}}
    legacy("cudnn", both, config, "2.2.4", root="model_weights")
    data("cudnn", x, y)
    legacy("cudnn_weights", both, version="2.2.4")
    data("cudnn_weights", x, y)


def departures():
    """What Keras does and RNNKit does not: masks, and half precision. `y` is Keras' own where RNNKit may go on without:
    that of the steps before each sequence's end, and of the same weights in float32."""
    global rng
    rng = np.random.default_rng(6)
    tokens = rng.integers(1, 7, size=(3, 6))
    lengths = np.array([6, 2, 4])
    for row, length in enumerate(lengths):
        tokens[row, length:] = 0
    save("masked_tokens", keras.Sequential([
        keras.Input((None,), dtype="int32"), layers.Embedding(7, 3, mask_zero=True, name="tokens"),
        layers.Bidirectional(layers.LSTM(4, return_sequences=True)), layers.GRU(3, return_sequences=True),
        layers.Dense(2)]), tokens, kinds=("h5", "keras"), lengths=lengths)
    entry = keras.Input((None,), dtype="int32", name="entry")
    value = layers.Embedding(7, 3, mask_zero=True, name="tokens")(entry)
    save("masked_functional", keras.Model(entry, layers.Dense(2)(layers.GRU(3)(value))), tokens,
         kinds=("h5", "keras"), lengths=lengths)
    entry, mask = keras.Input((None, 3), name="entry"), keras.Input((None,), dtype="bool", name="mask")
    model = keras.Model([entry, mask], layers.Dense(1)(layers.LSTM(2, name="given")(entry, mask=mask)))
    for kind in ("h5", "keras"):
        model.save(FOLDER / f"masked_given.{kind}")
    # Nothing after it heeds the mask; and steps of 0 stay 0, others do not.
    for name, value in (("unheeded", 0.0), ("value", 9.0)):
        save(f"masked_{name}", keras.Sequential([
            keras.Input((None, 3)), layers.LSTM(4, return_sequences=True), layers.Masking(value, name="masking"),
            layers.Dense(2)]), normal(2, 5, 3), kinds=("h5",))

    def half(name, policy, inner, kinds=("h5", "keras")):
        def chain(policy, inner):
            return keras.Sequential([
                keras.Input((None, 3)),
                # Keras on torch has no orthogonal initializer in float16.
                layers.Bidirectional(layers.LSTM(4, return_sequences=True, dtype=inner, recurrent_initializer="zeros"),
                                     name="both", dtype=policy),
                layers.Dense(2, name="head", dtype=policy)])
        model, exact, x = fill(chain(policy, inner)), chain("float32", "float32"), normal(2, 5, 3)
        exact.set_weights([keras.ops.convert_to_numpy(keras.ops.cast(w, "float32")) for w in model.weights])
        data(name, x, keras.ops.convert_to_numpy(exact(x)))
        for kind in kinds:
            model.save(FOLDER / f"{name}.{kind}")

    half("half_mixed", "mixed_float16", "mixed_float16")
    half("half_inside", "float32", "mixed_bfloat16")
    half("half_whole", "float16", "float16")
    half("half_brain", "bfloat16", "bfloat16", kinds=("keras",))
    # As Keras 2 and 1 say them.
    arrays = [normal(7, 3)], [normal(3, 16), normal(4, 16), normal(16)]
    stored = {"tokens": [("tokens/embeddings:0", arrays[0][0])],
              "lstm": [(f"lstm/{n}:0", a) for n, a in zip(("kernel", "recurrent_kernel", "bias"), arrays[1])]}
    policy = {"class_name": "Policy", "config": {"name": "mixed_float16"}}
    for name, mask_zero, dtype in (("keras2_masked", True, "float32"), ("keras2_half", False, policy)):
        legacy(name, stored, {"class_name": "Sequential", "config": {"name": "sequential", "layers": [
            {"class_name": "Embedding", "config": {
                "name": "tokens", "batch_input_shape": [None, None], "dtype": "float32", "input_dim": 7, "output_dim": 3,
                "mask_zero": mask_zero, "input_length": None}},
            {"class_name": "LSTM", "config": {"name": "lstm", "dtype": dtype, "units": 4, "return_sequences": True}}]}},
            "2.4.0", root="model_weights")
    legacy("keras1_masked", {"lstm": stored["lstm"]}, {"class_name": "Sequential", "config": [
        {"class_name": "Masking", "config": {"name": "masking", "trainable": True, "mask_value": -1.0,
                                             "batch_input_shape": [None, None, 3]}},
        {"class_name": "LSTM", "config": {"name": "lstm", "output_dim": 4, "return_sequences": True}}]}, "1.2.2",
        root="model_weights")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    keras.utils.set_random_seed(3)
    keras3()
    keras1()
    keras2()
    cudnn()
    departures()
