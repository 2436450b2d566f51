"""Random Keras models, several in one session, saved as .keras and .h5 with what they predict.

    python keras_models.py FOLDER COUNT SEED

Runs with any Keras from TensorFlow's 2.12 to Keras 3, in a process of its own: names depend on what was built before. Each
model gives NAME.keras, NAME.h5 and NAME.npz: input, y, and its arrays as weight0, weight1 and so on. Its number is printed
where it is there, and Keras' version in the end.
"""

import os
import sys
import warnings

os.environ.setdefault("KERAS_BACKEND", "torch")
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
warnings.simplefilter("ignore")

import keras
import numpy as np

L = keras.layers
# Names that Keras itself gives, to layers and to groups, so that one is another's.
NAMES = ["lstm", "lstm_1", "lstm_2", "gru", "gru_1", "dense", "dense_1", "dense_2", "simple_rnn", "bidirectional", "cell",
         "layers", "vars", "functional", "sequential", "time_distributed"]


class Builder:
    def __init__(self, random):
        self.random, self.used = random, set()

    def named(self, kind, *arguments, **options):
        """A layer with one of the names that collide, or with the name that Keras gives; each once in a model."""
        while True:
            free = [name for name in NAMES if name not in self.used]
            own = {"name": str(self.random.choice(free))} if free and self.random.random() < 0.6 else {}
            layer = kind(*arguments, **options, **own)
            if layer.name not in self.used:
                self.used.add(layer.name)
                return layer

    def recurrent(self, make, units, **options):
        kind = [L.LSTM, L.GRU, L.SimpleRNN][self.random.integers(3)]
        return make(kind, units, use_bias=bool(self.random.random() < 0.9), **options)

    def layer(self, width):
        """A layer that takes and gives steps."""
        units, kind = int(self.random.choice([width, 2, 3])), self.random.random()
        if kind < 0.55:
            return self.recurrent(self.named, units, return_sequences=True), units
        if kind < 0.7:
            inside = self.recurrent(lambda kind, *a, **o: kind(*a, **o), units, return_sequences=True)
            return self.named(L.Bidirectional, inside), 2 * units
        if kind < 0.8:
            return self.named(L.TimeDistributed, L.Dense(units)), units
        if kind < 0.9:
            return self.named(L.Dropout, 0.1), width
        return self.named(L.Dense, units, activation="relu"), units

    def layers(self, width, count):
        chain = []
        for _ in range(count):
            layer, width = self.layer(width)
            chain.append(layer)
        return chain, width


def nested(outside, width):
    """A model to stand in another: layers with names that stand outside too; stacked cells; attention."""
    random = outside.random
    inside, kind = Builder(random), random.random()
    if kind < 0.6:
        chain, width = inside.layers(width, int(random.integers(1, 4)))
        if not any(layer.__class__.__name__ != "Dropout" for layer in chain):
            chain.append(inside.named(L.Dense, width))
        return outside.named(keras.Sequential, chain), width
    if kind < 0.8:
        return outside.named(L.RNN, [L.LSTMCell(2), L.GRUCell(3)], return_sequences=True), 3
    return outside.named(L.TimeDistributed, L.LayerNormalization()), width


def model(random):
    builder, width = Builder(random), 3
    chain, width = builder.layers(width, int(random.integers(1, 5)))
    if random.random() < 0.3:
        layer, width = nested(builder, width)
        chain.append(layer)
        more, width = builder.layers(width, int(random.integers(0, 3)))
        chain += more
    if random.random() < 0.5:
        chain.append(builder.recurrent(builder.named, 3))
    chain.append(builder.named(L.Dense, 2))
    if random.random() < 0.5:
        result = keras.Sequential([keras.Input((4, 3)), *chain])
    else:
        x = inputs = keras.Input((4, 3))
        for layer in chain:
            x = layer(x)
        result = keras.Model(inputs, x)
    result.set_weights([random.standard_normal(w.shape) * 0.5 if w.dtype.kind == "f" else w for w in result.get_weights()])
    if random.random() < 0.1:
        result.compile("adam", "mse")
        result.fit(np.zeros((2, 4, 3)), np.zeros(result.output_shape[1:])[None].repeat(2, 0), verbose=0)
    return result


def main(folder, count, seed):
    random = np.random.default_rng(int(seed))
    for index in range(int(count)):
        if random.random() < 0.1:
            keras.backend.clear_session()
        result = model(random)
        x = random.standard_normal((2, 4, 3)).astype("float32")
        weights = {f"weight{i}": w for i, w in enumerate(result.get_weights()) if w.dtype.kind == "f"}
        np.savez(f"{folder}/{index}.npz", input=x, y=np.asarray(result.predict_on_batch(x)), **weights)
        for extension in ("keras", "h5"):
            try:
                result.save(f"{folder}/{index}.{extension}")
            except ValueError as error:
                # Keras 3.0 gives two arrays of some nested models one name in HDF5.
                if extension != "h5" or "name already exists" not in str(error):
                    raise
                os.remove(f"{folder}/{index}.{extension}")
        print(index, flush=True)
    print("version", keras.__version__)


if __name__ == "__main__":
    main(*sys.argv[1:])
