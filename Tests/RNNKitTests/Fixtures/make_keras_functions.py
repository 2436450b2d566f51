"""A model with TensorFlow's functions between layers, by Keras 2.15.0 and TensorFlow 2.15.1: keras-graphs/tf_functions.keras, .h5
and .npz.

    python make_keras_functions.py FOLDER
"""

import sys

import keras
import numpy as np
import tensorflow as tf

L, folder = keras.layers, sys.argv[1]
x = keras.Input((None, 3))
y = L.LSTM(3, return_sequences=True)(x)
z = tf.concat([1.0 - tf.nn.relu(y) * 0.5, tf.math.sigmoid(x[:, :, -2:]), tf.tanh(y) / 3.0], axis=-1)
last = L.Dense(2)(tf.math.multiply(y[:, -1], y[:, 0, :]))
model = keras.Model(x, [L.Dense(2)(z) + x[:, :, :1], last])
random = np.random.default_rng(0)
model.set_weights([random.normal(size=weight.shape) * 0.5 for weight in model.get_weights()])
given = random.normal(size=(2, 5, 3)).astype("float32")
np.savez(f"{folder}/tf_functions.npz", x0=given, **{f"y{index}": y.numpy() for index, y in enumerate(model(given))})
for ending in ["keras", "h5"]:
    model.save(f"{folder}/tf_functions.{ending}")
