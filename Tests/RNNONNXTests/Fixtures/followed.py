"""Graphs that are more than a chain, by hand, with ONNX Runtime's numbers; their bodies stand in refused.py.

    python followed.py

Inputs are `in.NAME`, outputs `want.NAME`, each under the name and in the shape that a run of RNNKit gives it. Made with
onnx 1.22, onnxruntime 1.32.
"""

import pathlib

import numpy as np
import onnxruntime

import refused

SIZES = {"time": 5, "batch": 2}


def run_name(case, graph, name):
    """What the last recurrent node gives is `output`; an only other output, which depends on it, is `y`."""
    if case == "output_middle":
        return name
    last = [node for node in graph.model.graph.node if node.op_type in ("RNN", "LSTM", "GRU")][-1].output[0]
    others = [output for output in graph.model.graph.output if output.name != last]
    return "output" if name == last else "y" if len(others) == 1 else name


def main():
    folder = pathlib.Path("followed")
    folder.mkdir(exist_ok=True)
    random = np.random.default_rng(1)
    for name, graph in refused.cases():
        if name not in refused.FOLLOWED:
            continue
        data = graph.model.SerializeToString()
        feed = {}
        for given in graph.model.graph.input:
            tensor = given.type.tensor_type
            sizes = [dim.dim_value or SIZES[dim.dim_param] for dim in tensor.shape.dim]
            feed[given.name] = np.array([5, 3], "i4") if tensor.elem_type == 6 else random.standard_normal(sizes).astype("f4")
        session = onnxruntime.InferenceSession(data)
        arrays = {f"in.{key}": value for key, value in feed.items()}
        for output, value in zip(session.get_outputs(), session.run(None, feed)):
            # Y has an axis for its one direction, and a state one for its layer.
            value = value[:, 0] if value.ndim == 4 else value[0] if name == "cell_state_read" else value
            arrays[f"want.{run_name(name, graph, output.name)}"] = value
        (folder / f"{name}.onnx").write_bytes(data)
        np.savez(folder / f"{name}.npz", **arrays)


if __name__ == "__main__":
    main()
