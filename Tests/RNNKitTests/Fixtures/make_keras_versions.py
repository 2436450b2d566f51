"""Models saved by one version of Keras, with what it predicts: two each, after others in the same session.

    python make_keras_versions.py FOLDER

Run with the Python of each version (Keras 3: KERAS_BACKEND=torch; 2.12 to 2.15: TensorFlow's). What was run is kept beside
each file in metadata.json: Keras 2.12.0 to 2.15.0 with TensorFlow 2.12.1 to 2.15.1, Keras 3.0.5 to 3.15.0 with PyTorch 2.15.0.

`two` is a Sequential whose layers have the names of its neighbours' groups: the first LSTM is lstm_1, the second lstm.
`inside` has a model inside, whose layer has the name of one outside, and a Bidirectional; it is compiled and trained a step,
so that an optimizer's arrays stand beside.
"""

import os
import sys
import zipfile

os.environ.setdefault("KERAS_BACKEND", "torch")
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
# TensorFlow's Keras says its version in the module of that name, Keras 3 in its own.
import keras
import numpy as np

L = keras.layers


def fill(model, seed):
    random = np.random.default_rng(seed)
    model.set_weights([np.round(random.standard_normal(w.shape) * 0.5, 2) for w in model.get_weights()])


def save(model, folder, name, shape):
    x = np.round(np.random.default_rng(9).standard_normal((2, *shape)), 2).astype("float32")
    weights = {f"weight{index}": array for index, array in enumerate(model.get_weights())}
    np.savez_compressed(f"{folder}/{name}.npz", input=x, y=model.predict(x, verbose=0), **weights)
    path = f"{folder}/{name}.keras"
    # TensorFlow 2.12 writes HDF5 under this name unless it is told.
    model.save(path, **({"save_format": "keras_v3"} if "_2.12" in name else {}))
    # The same members, compressed, which Keras leaves out: fixtures are to be small.
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for member, content in members.items():
            archive.writestr(member, content)


def main(folder):
    version = keras.__version__ if hasattr(keras, "__version__") else os.environ["KERAS_VERSION"]
    label = ".".join(version.split(".")[:2])
    keras.Sequential([keras.Input((4, 3)), L.LSTM(3), L.Dense(2)])
    two = keras.Sequential([
        keras.Input((4, 3)), L.LSTM(3, return_sequences=True, name="lstm_1"), L.Dropout(0.1),
        L.LSTM(3, return_sequences=True, name="lstm"), L.Dense(3, name="dense_1"), L.LSTM(3, name="lstm_2"),
        L.Dense(2, name="dense")])
    fill(two, 1)
    save(two, folder, f"two_{label}", (4, 3))

    inner_in = keras.Input((4, 3))
    inner = keras.Model(inner_in, L.Dense(3, name="dense")(L.LSTM(3, return_sequences=True, name="gru")(inner_in)))
    outer_in = keras.Input((4, 3))
    h = L.Bidirectional(L.GRU(2, return_sequences=True), name="lstm")(inner(outer_in))
    h = L.LSTM(3, name="gru")(h)
    inside = keras.Model(outer_in, L.Dense(2, name="dense")(h))
    inside.compile("sgd", "mse", metrics=["mae"])
    inside.fit(np.zeros((2, 4, 3), "float32"), np.zeros((2, 2), "float32"), verbose=0)
    fill(inside, 2)
    save(inside, folder, f"inside_{label}", (4, 3))


main(sys.argv[1])
