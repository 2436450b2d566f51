"""Graphs with one defect each, which the reader must refuse by name."""

import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper

from graphs import SEQUENCE, Graph, normal, weights

Y = ["float[time, 1, batch, 4] Y"]
LSTM = "Y = LSTM<hidden_size=4>(x, W, R, B)"
ONE = {"one": np.array([1])}
# These are read: followed.py has the numbers.
FOLLOWED = """
    bias_after_recurrent cell_state_read concat_outputs gain_in_the_middle input_part last_step_of_both
    last_step_of_padded linear_of_part output_middle product read_before_function relu_after_recurrent residual
    scaled_by_vector softmax_after_recurrent two_activations two_biases two_readers
""".split()
HEAD = "Y = LSTM<hidden_size=4>(x, W, R, B) q = Squeeze(Y, one) "


def lstm(body=LSTM, outputs=Y, inputs=(SEQUENCE,), tensors=None, op="LSTM", size=4, directions=1, **options):
    own = weights(op, 3, size, directions) | ONE | (tensors or {})
    return Graph(list(inputs), list(outputs), body, own, **options)


def head(body, tensors=None, outputs=("float[a, b, c] y",)):
    return lstm(HEAD + body, list(outputs), tensors={"K": normal(4, 4), "b": normal(4)} | (tensors or {}))


def node(graph, kind):
    return next(n for n in graph.model.graph.node if n.op_type == kind)


def tensor(graph, name):
    return next(t for t in graph.model.graph.initializer if t.name == name)


def changed(graph, change):
    change(graph.model)
    return graph


def with_tensor(name, **fields):
    """The graph with fields of one tensor replaced."""
    graph = lstm()
    target = tensor(graph, name)
    for key, value in fields.items():
        target.ClearField(key)
        if key == "external_data":
            for k, v in value:
                target.external_data.append(onnx.StringStringEntryProto(key=k, value=v))
            target.data_location = TensorProto.EXTERNAL
            target.ClearField("raw_data")
        elif isinstance(value, (list, tuple)):
            getattr(target, key).extend(value)
        elif key == "segment":
            target.segment.begin = value
        else:
            setattr(target, key, value)
    return graph


def cases():
    # Tensors.
    yield "tensor_type", with_tensor("W", data_type=TensorProto.INT4)
    yield "tensor_segment", with_tensor("W", segment=0)
    yield "tensor_dims", with_tensor("W", dims=[1, -16, 3])
    yield "tensor_dims_overflow", with_tensor("W", dims=[1 << 40, 1 << 40, 3])
    yield "tensor_bytes", with_tensor("W", raw_data=b"\0" * 12)
    yield "tensor_elements", with_tensor("W", raw_data=b"", float_data=[0.0] * 5)
    graph = with_tensor("W", data_type=TensorProto.FLOAT16, int32_data=[70000] * 48)
    tensor(graph, "W").ClearField("raw_data")
    yield "tensor_element", graph
    graph = with_tensor("W", float_data=[0.0] * 5)
    tensor(graph, "W").ClearField("raw_data")
    yield "tensor_elements", graph
    yield "tensor_twice", changed(lstm(), lambda m: m.graph.initializer.append(m.graph.initializer[0]))
    graph = lstm()
    sparse = onnx.SparseTensorProto(values=tensor(graph, "W"))
    del graph.model.graph.initializer[0]
    graph.model.graph.sparse_initializer.append(sparse)
    yield "tensor_sparse", graph
    size = ("length", "192")
    yield "external_key", with_tensor("W", external_data=[("location", "w.data"), ("compression", "zip")])
    yield "external_twice", with_tensor("W", external_data=[("location", "w.data"), ("location", "w.data")])
    yield "external_no_location", with_tensor("W", external_data=[size])
    yield "external_offset", with_tensor("W", external_data=[("location", "w.data"), ("offset", "-4")])
    yield "external_length", with_tensor("W", external_data=[("location", "w.data"), ("length", "191")])
    yield "external_parent", with_tensor("W", external_data=[("location", "../w.data"), size])
    yield "external_absolute", with_tensor("W", external_data=[("location", "/etc/passwd"), size])
    yield "external_missing", with_tensor("W", external_data=[("location", "missing.data"), size])
    yield "external_folder", with_tensor("W", external_data=[("location", "folder"), size])
    yield "external_link", with_tensor("W", external_data=[("location", "link.data"), size])
    yield "external_short", with_tensor("W", external_data=[("location", "w.data"), ("offset", "8")])

    # The file.
    yield "no_graph", changed(lstm(), lambda m: m.ClearField("graph"))
    yield "no_operator_set", changed(lstm(), lambda m: m.ClearField("opset_import"))
    yield "operator_set_6", lstm(opset=6)
    yield "operator_set_99", lstm(opset=99)
    yield "metadata_twice", changed(lstm(), lambda m: [m.metadata_props.add(key="a", value="b") for _ in range(2)])
    yield "metadata_unknown", changed(lstm(), lambda m: m.metadata_props.add(key="rnnkit.new", value="1"))
    yield "metadata_json", changed(lstm(), lambda m: m.metadata_props.add(key="rnnkit.ordered", value="yes"))
    stated = ('{"batch_first": false, "modules": [{"type": "LSTM", "name": "lstm", "input_size": 3, "hidden_size": 4, '
              '"num_layers": 1, "bias": true, "bidirectional": false, "proj_size": 0%s}]}')

    def state(text):
        return changed(lstm(), lambda m: m.metadata_props.add(key="rnnkit.architecture", value=text))
    yield "stated_clip", state(stated % ', "clip": 2')
    yield "stated_layers", state((stated % "").replace('"num_layers": 1', '"num_layers": 2'))
    yield "stated_batch_first", state((stated % "").replace('"batch_first": false', '"batch_first": true'))
    yield "stated_skip", state((stated % "").replace('"batch_first"', '"skip": 1, "batch_first"'))
    array = '[{"name": "a", "dtype": "float32", "shape": [2], "base64": "%s"}]'
    yield "array_short", changed(lstm(), lambda m: m.metadata_props.add(key="rnnkit.arrays", value=array % "AAAA"))
    yield "array_text", changed(lstm(), lambda m: m.metadata_props.add(key="rnnkit.arrays", value=array % "AAAAAAAAAA*="))

    # The graph.
    yield "no_recurrent_node", Graph([SEQUENCE], ["float[a, b, 4] y"], "y = MatMul(x, K)", {"K": normal(3, 4)})
    yield "no_such_value", changed(lstm(), lambda m: node_input(m, 1, "nowhere"))
    yield "no_such_output", changed(lstm(), lambda m: setattr(m.graph.output[0], "name", "nowhere"))
    yield "two_makers", lstm(LSTM + " Y = Identity(x)")
    yield "unknown_operator", head("y = Erf(q)")
    yield "other_domain", changed(lstm(), lambda m: setattr(m.graph.node[0], "domain", "com.microsoft"))
    yield "input_without_shape", changed(lstm(), lambda m: m.graph.input[0].type.tensor_type.ClearField("shape"))
    yield "input_strings", changed(lstm(), lambda m: setattr(m.graph.input[0].type.tensor_type, "elem_type", 8))
    yield "unknown_attribute", changed(lstm(), lambda m: m.graph.node[0].attribute.append(helper.make_attribute("zoneout", 0.1)))
    yield "attribute_twice", changed(lstm(), lambda m: m.graph.node[0].attribute.append(helper.make_attribute("hidden_size", 4)))
    yield "attribute_type", lstm("Y = LSTM<hidden_size=4.0>(x, W, R, B)")
    yield "output_constant", Graph([SEQUENCE], Y + ["float[1] c"], LSTM + " c = Identity(B)", weights("LSTM", 3, 4))
    yield "output_middle", head("r = LSTM<hidden_size=4>(q, W2, R2, B2)", weights("LSTM", 4, 4, suffix="2"), ("float[a, b, c] q", "float[a, 1, b, 4] r"))

    # Recurrent nodes.
    yield "layout", lstm("Y = LSTM<hidden_size=4, layout=2>(x, W, R, B)")
    yield "direction", lstm('Y = LSTM<hidden_size=4, direction="sideways">(x, W, R, B)')
    yield "hidden_size", lstm("Y = LSTM<hidden_size=5>(x, W, R, B)")
    yield "clip", lstm("Y = LSTM<hidden_size=4, clip=0.0>(x, W, R, B)")
    yield "activations", lstm('Y = LSTM<hidden_size=4, activations=["Sigmoid", "Tanh"]>(x, W, R, B)')
    yield "activation_unknown", lstm('Y = LSTM<hidden_size=4, activations=["Sigmoid", "Mish", "Tanh"]>(x, W, R, B)')
    yield "activation_alpha", lstm('Y = LSTM<hidden_size=4, activation_alpha=[0.5]>(x, W, R, B)')
    yield "activation_default", lstm('Y = RNN<hidden_size=4, activations=["Affine"]>(x, W, R, B)', op="RNN")
    yield "weight_shape", lstm("Y = LSTM<hidden_size=4>(x, W, R, B)", directions=2)
    yield "weight_missing", lstm("Y = LSTM<hidden_size=4>(x, W)")
    yield "weight_type", lstm(tensors={"W": normal(1, 16, 3, dtype="f8")})
    yield "weight_computed", lstm("w = Add(W, W) Y = LSTM<hidden_size=4>(x, w, R, B)")
    yield "weight_depends", lstm("t = Transpose<perm=[1, 0, 2]>(w) Y = LSTM<hidden_size=4>(x, t, R, B)", inputs=(SEQUENCE, "float[16, 1, 3] w"))
    yield "weight_supplied", lstm("Y = LSTM<hidden_size=4>(x, w, R, B)", inputs=(SEQUENCE, "float[1, 16, 3] w"))
    yield "weight_repeated", lstm("w = Expand(W1, s) Y = LSTM<hidden_size=4>(x, w, R, B)", tensors={"W1": normal(1, 16, 1), "s": np.array([1, 16, 3])})
    yield "bias_shape", lstm(tensors={"B": normal(1, 16)})
    yield "input_features", lstm(inputs=("float[time, batch, 5] x",))
    yield "input_rank", lstm(inputs=("float[time, batch] x",))
    yield "input_part", lstm("p = Slice(x, zero, two, axis) Y = LSTM<hidden_size=4>(p, W, R, B)", tensors={"zero": np.array([0]), "two": np.array([3]), "axis": np.array([2])}, inputs=("float[time, batch, 5] x",))
    yield "input_turned", head("t = Transpose<perm=[1, 0, 2]>(q) y = LSTM<hidden_size=4>(t, W2, R2, B2)", weights("LSTM", 4, 4, suffix="2"), ("float[a, 1, b, 4] y",))
    yield "input_features_turned", head("t = Transpose<perm=[2, 1, 0]>(q) y = LSTM<hidden_size=4>(t, W2, R2, B2)", weights("LSTM", 4, 4, suffix="2"), ("float[a, 1, b, 4] y",))
    yield "sequence_lens_fixed", lstm("Y = LSTM<hidden_size=4>(x, W, R, B, L)", tensors={"L": np.array([2, 3], "i4")})
    yield "sequence_lens_computed", lstm("n = Neg(l) Y = LSTM<hidden_size=4>(x, W, R, B, n)", inputs=(SEQUENCE, "int32[batch] l"))
    yield "sequence_lens_partly", head("Z = LSTM<hidden_size=4>(q, W2, R2, B2, l)", weights("LSTM", 4, 4, suffix="2"), ("float[a, 1, b, 4] Z",))
    graph = head("Z = LSTM<hidden_size=4>(q, W2, R2, B2, l)", weights("LSTM", 4, 4, suffix="2"), ("float[a, 1, b, 4] Z",))
    graph.model.graph.input.append(helper.make_tensor_value_info("l", TensorProto.INT32, ["batch"]))
    yield "sequence_lens_partly", graph
    yield "state_shape", lstm("Y = LSTM<hidden_size=4>(x, W, R, B, , h)", tensors={"h": normal(1, 2, 5)})
    yield "state_varies", lstm("Y = LSTM<hidden_size=4>(x, W, R, B, , h)", tensors={"h": normal(1, 2, 4)})
    yield "state_computed", head("Z, Zh = LSTM<hidden_size=4>(q, W2, R2, B2, , h)", weights("LSTM", 4, 4, suffix="2"), ("float[a, 1, b, 4] Z",))
    graph = lstm("Y, h = LSTM<hidden_size=4>(x, W, R, B) q = Squeeze(Y, one) Z = LSTM<hidden_size=4>(q, W2, R2, B2, , h)", ["float[a, 1, b, 4] Z"], tensors=weights("LSTM", 4, 4, suffix="2"))
    yield "state_computed", graph
    yield "cell_state_read", lstm("Y, h, c = LSTM<hidden_size=4>(x, W, R, B) y = MatMul(c, K)", ["float[1, b, 4] y"], tensors={"K": normal(4, 4)})
    yield "after_last_step", lstm("Y, h = LSTM<hidden_size=4>(x, W, R, B) Z = LSTM<hidden_size=4>(h, W2, R2, B2)", ["float[a, 1, b, 4] Z"], tensors=weights("LSTM", 4, 4, suffix="2"))
    yield "two_readers", head("y = MatMul(q, K) z = MatMul(q, K)", outputs=("float[a, b, c] y", "float[a, b, c] z"))
    # The last time step of both directions is not their last state.
    yield "last_step_of_both", lstm('Y = LSTM<hidden_size=4, direction="bidirectional">(x, W, R, B) t = Transpose<perm=[0, 2, 1, 3]>(Y) m = Reshape(t, s) l = Gather<axis=0>(m, i) y = MatMul(l, K)', ["float[b, 4] y"], tensors={"s": np.array([0, 0, 8]), "i": np.array(-1), "K": normal(8, 4)}, directions=2)
    yield "last_step_of_padded", lstm("Y = LSTM<hidden_size=4>(x, W, R, B, l) q = Squeeze(Y, one) s = Gather<axis=0>(q, i) y = MatMul(s, K)", ["float[b, 4] y"], (SEQUENCE, "int32[batch] l"), tensors={"i": np.array(-1), "K": normal(4, 4)})
    yield "unbatched_directions", lstm('Y, h = LSTM<hidden_size=4, direction="bidirectional">(x, W, R, B) y = MatMul(h, K)', ["float[2, b, 4] y"], tensors={"K": normal(4, 4)}, directions=2)

    # Linear layers and what follows.
    yield "relu_after_recurrent", head("y = Relu(q)")
    yield "two_activations", head("m = MatMul(q, K) r = Relu(m) y = Tanh(r)")
    yield "two_biases", head("m = MatMul(q, K) a = Add(m, b) y = Add(a, b)")
    yield "bias_after_recurrent", head("y = Add(q, b)")
    yield "bias_shape_of_linear", head("m = MatMul(q, K) y = Add(m, c)", {"c": normal(2, 1, 4)})
    yield "gemm_alpha", head("f = Reshape(q, s) y = Gemm<alpha=2.0>(f, K, b)", {"s": np.array([-1, 4])}, ("float[a, c] y",))
    yield "gemm_beta", head("f = Reshape(q, s) y = Gemm<beta=0.5>(f, K, b)", {"s": np.array([-1, 4])}, ("float[a, c] y",))
    yield "gemm_transposed", head("f = Reshape(q, s) y = Gemm<transA=1>(f, K, b)", {"s": np.array([-1, 4])}, ("float[a, c] y",))
    yield "linear_features", head("y = MatMul(q, K5)", {"K5": normal(5, 4)})
    yield "linear_of_part", head("p = Slice(q, zero, two, axis) y = MatMul(p, K2)", {"zero": np.array([0]), "two": np.array([2]), "axis": np.array([2]), "K2": normal(2, 4)})
    yield "linear_of_steps", head("t = Transpose<perm=[1, 2, 0]>(q) y = MatMul(t, K)")
    yield "weight_first", head("y = MatMul(K, q)")
    yield "softmax_axis", head("m = MatMul(q, K) y = Softmax<axis=0>(m)")
    yield "softmax_after_recurrent", head("y = Softmax(q)")
    yield "softmax_operator_set_12", lstm("Y = LSTM<hidden_size=4>(x, W, R, B) q = Squeeze<axes=[1]>(Y) m = MatMul(q, K) y = Softmax<axis=1>(m)", ["float[a, b, c] y"], tensors={"K": normal(4, 4)}, opset=12)
    yield "residual", head("m = MatMul(q, K) y = Add(m, q)")
    yield "product", head("y = Mul(q, q)")
    yield "scaled_by_vector", head("y = Mul(q, b)")
    yield "gain_in_the_middle", head("m = MatMul(q, K) r = Relu(m) g = Mul(r, two) y = MatMul(g, K)", {"two": np.float32(2)})
    yield "read_before_function", head("m = MatMul(q, K) y = Relu(m)", outputs=("float[a, b, c] y", "float[a, b, c] m"))
    yield "cast_to_index", Graph(["int64[time, batch] x"], ["float[a, b, 3, 4] y"], "e = Gather(E, x) i = Cast<to=7>(e) y = Gather(E2, i)  Y = LSTM<hidden_size=4>(e, W, R, B)", weights("LSTM", 3, 4) | {"E": normal(9, 3), "E2": normal(9, 4)})

    # What changes the layout.
    yield "cast_narrower", head("h = Cast<to=10>(q) y = Cast<to=1>(h)")
    yield "cast_strings", head("y = Cast<to=8>(q)")
    yield "dropout_training", head("y = Dropout(q, ratio, training)", {"ratio": np.float32(0.5), "training": np.array(True)})
    yield "squeeze_without_axes", lstm("Y = LSTM<hidden_size=4>(x, W, R, B) y = Squeeze(Y)", ["float[a, b, 4] y"])
    yield "squeeze_open_axis", lstm("Y = LSTM<hidden_size=4>(x, W, R, B) y = Squeeze(Y, two)", ["float[a, 1, 4] y"], tensors={"two": np.array([2])})
    yield "squeeze_wide_axis", lstm('Y = LSTM<hidden_size=4, direction="bidirectional">(x, W, R, B) y = Squeeze(Y, one)', ["float[a, b, 4] y"], directions=2)
    yield "transpose_order", head("y = Transpose<perm=[0, 1]>(q)")
    yield "reshape_features", head("y = Reshape(q, s)", {"s": np.array([0, 0, 2, 2])}, ("float[a, b, 2, 2] y",))
    yield "reshape_across", head("y = Reshape(q, s)", {"s": np.array([8, -1])}, ("float[8, c] y",))
    yield "slice_steps", head("y = Slice(q, zero, end, axis, two)", {"zero": np.array([0]), "end": np.array([100]), "axis": np.array([0]), "two": np.array([2])})
    yield "slice_reversed", head("y = Slice(q, last, end, axis, back)", {"last": np.array([-1]), "end": np.array([-100]), "axis": np.array([0]), "back": np.array([-1])})
    yield "slice_first_steps", head("y = Slice(q, zero, two, axis)", {"zero": np.array([0]), "two": np.array([2]), "axis": np.array([0])})
    yield "slice_some_sequences", head("y = Slice(q, zero, two, axis)", {"zero": np.array([0]), "two": np.array([2]), "axis": np.array([1])})
    yield "gather_several", head("y = Gather<axis=0>(q, i)", {"i": np.array([0, 1])})
    yield "gather_out_of_range", lstm("s = Shape(x) i = Gather(s, nine) z = ConstantOfShape(i) Y = LSTM<hidden_size=4>(x, W, R, B, , z)", tensors={"nine": np.array([9])})
    yield "concat_constant", head("y = Concat<axis=2>(q, k)", {"k": normal(2, 2, 1)})
    yield "concat_outputs", head("r = LSTM<hidden_size=4>(q, W2, R2, B2) s = Squeeze(r, one) y = Concat<axis=2>(q, s)", weights("LSTM", 4, 4, suffix="2"))
    yield "expand_output", head("y = Expand(q, s)", {"s": np.array([2, 1, 1])})
    body = "a0 = Identity(K) " + "".join(f"a{i + 1} = Concat<axis=0>(a{i}, a{i}) " for i in range(30)) + "y = MatMul(q, a30)"
    yield "doubling_constants", head(body)


def node_input(model, index, name):
    model.graph.node[0].input[index] = name


def make():
    folder = pathlib.Path("refused")
    folder.mkdir(exist_ok=True)
    for name, graph in cases():
        if name in FOLLOWED:
            continue
        (folder / f"{name}.onnx").write_bytes(graph.model.SerializeToString())
    (folder / "w.data").write_bytes(bytes(192))
