"""Runs what RNNKit wrote in Keras: python3 check_keras_graphs.py FOLDER FIXTURES. Each NAME.keras and NAME.keras.h5 of FOLDER must
give what FIXTURES/NAME.npz has."""

import os
import pathlib
import sys

os.environ["KERAS_BACKEND"] = os.environ.get("KERAS_BACKEND", "torch")

import keras
import numpy as np

folder, fixtures = map(pathlib.Path, sys.argv[1:3])
wrong = 0
for path in sorted(folder.iterdir()):
    arrays = np.load(fixtures / (path.name.split(".")[0] + ".npz"))
    inputs = [arrays[name] for name in sorted(arrays.files) if name.startswith("x")]
    try:
        outputs = keras.models.load_model(path)(inputs if len(inputs) > 1 else inputs[0])
    except Exception as error:
        print(path.name, "is not loaded or run:", str(error)[-400:])
        wrong += 1
        continue
    outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    for index, output in enumerate(outputs):
        expected, found = arrays[f"y{index}"], keras.ops.convert_to_numpy(output)
        if found.shape != expected.shape or np.abs(found - expected).max() > 4e-6:
            print(path.name, "output", index, "differs", found.shape, expected.shape)
            wrong += 1
    if len(outputs) != sum(name.startswith("y") for name in arrays.files):
        print(path.name, "has", len(outputs), "outputs")
        wrong += 1
print("all as expected" if not wrong else f"{wrong} wrong")
