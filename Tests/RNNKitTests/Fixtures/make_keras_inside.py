"""Arrays of layers inside layers, by Keras 3.15.0 with PyTorch 2.15.0: inside/NAME.keras, .h5, .weights.h5 and .npz of the arrays.

    KERAS_BACKEND=torch python make_keras_inside.py FOLDER

Also windows.keras: two_2.15.keras, which TensorFlow 2.15 wrote, with the names of groups that it writes on Windows, where
os.path.join puts a backslash; and two_3.3.weights.h5, the weights of two_3.3.keras alone.
"""

import io
import os
import sys
import zipfile

os.environ.setdefault("KERAS_BACKEND", "torch")
import h5py
import keras
import numpy as np

L = keras.layers


@keras.saving.register_keras_serializable()
class MDN(L.Layer):
    """A layer of a program's own, with layers inside."""

    def __init__(self, units=2, **options):
        super().__init__(**options)
        self.units, self.mus, self.pi = units, L.Dense(units, name="dense"), L.Dense(units, name="pi")

    def build(self, shape):
        self.mus.build(shape)
        self.pi.build(shape)
        self.scale = self.add_weight(shape=(self.units,), name="scale")

    def call(self, x):
        return keras.ops.concatenate([self.mus(x) * self.scale, self.pi(x)], -1)

    def get_config(self):
        return super().get_config() | {"units": self.units}


@keras.saving.register_keras_serializable()
class LSTM(L.LSTM):
    """Another thing than Keras' LSTM, under its name."""

    def call(self, sequences, initial_state=None, mask=None, training=False):
        return super().call(sequences, initial_state, mask, training) * 2


MODELS = {
    "stacked": [L.RNN([L.LSTMCell(3), L.GRUCell(2)], return_sequences=True), L.LSTM(3)],
    "mdn": [L.LSTM(3), MDN(name="mdn_outputs")],
    "wrapped": [L.TimeDistributed(L.LayerNormalization()), L.Bidirectional(L.RNN(L.LSTMCell(2), return_sequences=True)),
                L.GRU(3), L.Dense(2)],
    "custom_lstm": [LSTM(3), L.Dense(2)],
    "identity": [L.Identity(), L.LSTM(3), L.Identity(), L.Dense(2)],
    "stateful": [L.LSTM(3, stateful=True, return_sequences=True), L.GRU(2)],
}


def main(folder):
    random = np.random.default_rng(4)
    for name, layers in MODELS.items():
        model = keras.Sequential([keras.Input(batch_shape=(1, 4, 3)), *layers])
        model.set_weights([random.standard_normal(w.shape) for w in model.get_weights()])
        save(model, folder, name, random.standard_normal((1, 4, 3)).astype("float32"))
    x = keras.Input((4, 4))
    heads = L.MultiHeadAttention(1, 4)(*[L.LSTM(4, return_sequences=True)(x)] * 2)
    model = keras.Model(x, L.Dense(2)(heads))
    model.set_weights([random.standard_normal(w.shape) for w in model.get_weights()])
    save(model, folder, "attention", random.standard_normal((1, 4, 4)).astype("float32"))

    with zipfile.ZipFile(f"{folder}/two_3.3.keras") as archive:
        open(f"{folder}/two_3.3.weights.h5", "wb").write(archive.read("model.weights.h5"))
    with zipfile.ZipFile(f"{folder}/two_2.15.keras") as archive, zipfile.ZipFile(f"{folder}/windows.keras", "w", 8) as out:
        for name in archive.namelist():
            out.writestr(name, windows(archive.read(name)) if name == "model.weights.h5" else archive.read(name))


def save(model, folder, name, x):
    weights = {f"weight{index}": array for index, array in enumerate(model.get_weights())}
    for extension in ("keras", "h5", "weights.h5"):
        path = f"{folder}/{name}.{extension}"
        if extension != "weights.h5" or name == "stacked":
            model.save_weights(path) if extension == "weights.h5" else model.save(path)
    np.savez_compressed(f"{folder}/{name}.npz", input=x, y=model.predict(x, verbose=0), **weights)


def windows(content):
    memory = io.BytesIO()
    with h5py.File(io.BytesIO(content)) as source, h5py.File(memory, "w") as target:
        def copy(name, node):
            if name.split("/")[-1] == "vars":
                owner = name[:-5].strip("/").replace("/", "\\")
                source.copy(node, target.require_group(owner) if owner else target, "vars")
        source.visititems(copy)
    return memory.getvalue()


main(sys.argv[1])
