"""Makes graphs next to this script whose LSTM stands where RNNKit does not read: in branches, a loop's body, a function, and
quantized. Made with onnx 1.23.2; each is checked with onnx.checker."""
import os

import numpy as np
import onnx
import onnx.inliner
from onnx import TensorProto as T, helper as H, numpy_helper

os.chdir(os.path.dirname(os.path.abspath(__file__)))
print("onnx", onnx.__version__)
random = np.random.default_rng(1)
W, R, B = (random.normal(size=s).astype("f4") for s in ((1, 16, 3), (1, 16, 4), (1, 32)))
WEIGHTS = [numpy_helper.from_array(v, n) for n, v in (("W", W), ("R", R), ("B", B))]
X = H.make_tensor_value_info("x", T.FLOAT, ["time", 1, 3])
Y = H.make_tensor_value_info("y", T.FLOAT, ["a", "b", "c", "d"])
LSTM = H.make_node("LSTM", ["x", "W", "R", "B"], ["y"], "lstm", hidden_size=4)
OPSETS = [H.make_opsetid("", 17)]


def save(name, nodes, inputs=(X,), initializers=(), opsets=OPSETS, functions=(), outputs=(Y,)):
    graph = H.make_graph(nodes, "graph", list(inputs), list(outputs), WEIGHTS + list(initializers))
    model = H.make_model(graph, opset_imports=opsets, ir_version=8, functions=list(functions))
    if all(o.domain in ("", "own") for o in opsets):
        onnx.checker.check_model(model)
    onnx.save(model, name + ".onnx")
    return model


branch = H.make_graph([LSTM], "branch", [], [Y])
rate = H.make_tensor_value_info("rate", T.INT64, [])
equal = H.make_node("Equal", ["rate", "k"], ["c"])
k = numpy_helper.from_array(np.array(16000), "k")
save("branches", [equal, H.make_node("If", ["c"], ["y"], "choice", then_branch=branch, else_branch=branch)], (X, rate), [k])
# Branches that differ.
other = H.make_graph([LSTM, H.make_node("Neg", ["y"], ["z"])], "other", [], [H.make_tensor_value_info("z", T.FLOAT, ["a", "b", "c", "d"])])
save("other_branches", [equal, H.make_node("If", ["c"], ["y"], "choice", then_branch=branch, else_branch=other)], (X, rate), [k])
# A branch in a branch.
inner = H.make_graph([H.make_node("If", ["c"], ["y"], "inner", then_branch=branch, else_branch=branch)], "outer", [], [Y])
save("branches_in_branches", [equal, H.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)], (X, rate), [k])
condition = [H.make_tensor_value_info("i", T.INT64, []), H.make_tensor_value_info("go", T.BOOL, [])]
body = H.make_graph(
    [LSTM, H.make_node("Identity", ["go"], ["goes_on"])], "body", condition,
    [H.make_tensor_value_info("goes_on", T.BOOL, []), Y])
save("loop", [H.make_node("Loop", ["n", "yes"], ["y"], "steps", body=body)], (X,),
     [numpy_helper.from_array(np.array(2), "n"), numpy_helper.from_array(np.array(True), "yes")])
function = H.make_function(
    "own", "Encoder", ["x", "W", "R", "B"], ["y"], [LSTM], OPSETS)
model = save("function", [H.make_node("Encoder", ["x", "W", "R", "B"], ["y"], "encoder", domain="own")],
             opsets=OPSETS + [H.make_opsetid("own", 1)], functions=[function])
onnx.save(onnx.inliner.inline_local_functions(model), "function_inlined.onnx")
save("quantized", [H.make_node("DynamicQuantizeLSTM", ["x", "W", "R", "B"], ["y"], "lstm", domain="com.microsoft")],
     opsets=OPSETS + [H.make_opsetid("com.microsoft", 1)])
save("quantized_head", [LSTM, H.make_node("DynamicQuantizeLinear", ["y"], ["q", "s", "z"], "quantize"),
                        H.make_node("DequantizeLinear", ["q", "s", "z"], ["d"], "dequantize")],
     outputs=[H.make_tensor_value_info("d", T.FLOAT, ["a", "b", "c", "d"])])
save("unused", [LSTM, H.make_node("Identity", ["x"], ["r"])], outputs=[H.make_tensor_value_info("r", T.FLOAT, ["a", "b", "c"])])
