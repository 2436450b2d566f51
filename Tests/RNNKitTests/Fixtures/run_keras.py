"""Runs Keras models: python3 run_keras.py FOLDER. For each MODEL.keras or MODEL.keras.h5 in it, reads MODEL.x.npy and writes
the output, as float64, to FILE.y.npy."""

import os
import pathlib
import sys

os.environ["KERAS_BACKEND"] = os.environ.get("KERAS_BACKEND", "torch")

import keras
import numpy as np

folder = pathlib.Path(sys.argv[1])
for path in sorted(folder.iterdir()):
    if path.name.endswith((".keras", ".keras.h5")):
        model = keras.models.load_model(path)
        x = np.load(folder / (path.name.split(".")[0] + ".x.npy"))
        np.save(f"{path}.y.npy", keras.ops.convert_to_numpy(model(x)).astype("float64"))
