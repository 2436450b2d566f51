"""Makes half/TYPE.onnx, graphs that compute in a half type, and half/TYPE.npz: an input, and what ONNX Runtime makes of it in
float32 with the same weights widened. onnx 1.23.2, onnxruntime 1.32.0, numpy 2.4.6. Run in this folder."""

import pathlib

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

FOLDER = pathlib.Path("half")
random = np.random.default_rng(12)


def narrow(value, code):
    """The value rounded, and the tensor of its bits."""
    if code == TensorProto.FLOAT16:
        bits = value.astype("f2").view("u2")
        wide = bits.view("f2").astype("f4")
    else:
        bits = (value.view("u4") >> 16).astype("u2")
        wide = (bits.astype("u4") << 16).view("f4")
    return wide, bits.astype("<u2").tobytes()


def model(code, tensors):
    nodes = [helper.make_node("LSTM", ["x", "W", "R", "B"], ["Y"], "lstm", hidden_size=4),
             helper.make_node("Squeeze", ["Y", "one"], ["q"], "squeeze"),
             helper.make_node("MatMul", ["q", "K"], ["y"], "head")]
    info = lambda name, *shape: helper.make_tensor_value_info(name, code, shape)
    graph = helper.make_graph(nodes, "g", [info("x", "time", "batch", 3)], [info("y", "time", "batch", 2)], tensors)
    return helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])


FOLDER.mkdir(exist_ok=True)
shapes = {"W": (1, 16, 3), "R": (1, 16, 4), "B": (1, 32), "K": (4, 2)}
one = onnx.numpy_helper.from_array(np.array([1]), "one")
for name, code in (("float16", TensorProto.FLOAT16), ("bfloat16", TensorProto.BFLOAT16)):
    rounded = {key: narrow((random.standard_normal(shape) * 0.5).astype("f4"), code) for key, shape in shapes.items()}
    halves = [helper.make_tensor(key, code, shapes[key], bits, raw=True) for key, (_, bits) in rounded.items()]
    onnx.save(model(code, halves + [one]), FOLDER / f"{name}.onnx")
    wide = [onnx.numpy_helper.from_array(value, key) for key, (value, _) in rounded.items()]
    session = onnxruntime.InferenceSession(model(TensorProto.FLOAT, wide + [one]).SerializeToString())
    x = random.standard_normal((6, 2, 3)).astype("f4")
    np.savez(FOLDER / f"{name}.npz", input=x, y=session.run(["y"], {"x": x})[0])
