"""Graphs made by hand: every option of the operators, and the forms in which other exporters write them."""

import pathlib

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
random = np.random.default_rng(7)


def normal(*shape, dtype="f4"):
    return (random.standard_normal(shape) * 0.5).astype(dtype)


class Graph:
    """A graph from text such as `y = Squeeze(x, one)`, with tensors by name."""

    def __init__(self, inputs, outputs, body, tensors=None, opset=17, ir=8, initializers_are_inputs=False):
        declared = lambda values: ", ".join(values)
        text = f'<ir_version: {ir}, opset_import: ["" : {opset}]> g ({declared(inputs)}) => ({declared(outputs)}) {{ {body} }}'
        self.model = onnx.parser.parse_model(text)
        for number, node in enumerate(self.model.graph.node):
            node.name = f"{node.op_type}_{number}"
        for name, value in (tensors or {}).items():
            tensor = value if isinstance(value, TensorProto) else numpy_helper.from_array(value, name)
            tensor.name = name
            self.model.graph.initializer.append(tensor)
            if initializers_are_inputs:
                self.model.graph.input.append(helper.make_tensor_value_info(name, tensor.data_type, tensor.dims))

    def run(self, inputs):
        session = onnxruntime.InferenceSession(self.model.SerializeToString())
        known = {i.name for i in session.get_inputs()}
        return dict(zip([o.name for o in session.get_outputs()], session.run(None, {k: v for k, v in inputs.items() if k in known})))


def weights(op, inputs, hidden, directions=1, bias=True, peephole=False, suffix="", dtype="f4"):
    gates = GATES[op]
    result = {"W" + suffix: normal(directions, gates * hidden, inputs, dtype=dtype),
              "R" + suffix: normal(directions, gates * hidden, hidden, dtype=dtype)}
    if bias:
        result["B" + suffix] = normal(directions, 2 * gates * hidden, dtype=dtype)
    if peephole:
        result["P" + suffix] = normal(directions, 3 * hidden, dtype=dtype)
    return result


def members(results):
    """Names and shapes of a run's members: Y (time, directions, batch, hidden) becomes output, and so on."""
    wanted = {}
    for name, value in results.items():
        if name == "Y":
            time, directions, batch, hidden = value.shape
            wanted["output"] = value.transpose(0, 2, 1, 3).reshape(time, batch, directions * hidden)
        else:
            wanted[{"Y_h": "hn", "Y_c": "cn"}.get(name, name)] = value
    return wanted


def store(name, graph, inputs, wanted, **files):
    onnx.checker.check_model(graph.model, full_check=True)
    onnx.save(graph.model, f"{name}.onnx", **files)
    arrays = {f"in.{k}": v for k, v in inputs.items()} | {f"want.{k}": v for k, v in wanted.items()}
    np.savez_compressed(f"{name}.npz", **arrays)


def plain(name, graph, inputs, **files):
    """A graph whose outputs ONNX Runtime gives and that are named as the operators' or as members."""
    store(name, graph, inputs, members(graph.run(inputs)), **files)


SEQUENCE = "float[time, batch, 3] x"
STATES = ["float[D, batch, 4] h", "float[D, batch, 4] c"]


def options():
    x, lengths = normal(6, 3, 3), np.array([2, 6, 5], "i4")
    for direction, count in (("forward", 1), ("reverse", 1), ("bidirectional", 2)):
        states = [s.replace("D", str(count)) for s in STATES]
        feed = {"x": x, "lengths": lengths, "h": normal(count, 3, 4), "c": normal(count, 3, 4)}
        outputs = [f"float[time, {count}, batch, 4] Y", f"float[{count}, batch, 4] Y_h", f"float[{count}, batch, 4] Y_c"]
        attributes = f'hidden_size=4, direction="{direction}"'
        inputs = [SEQUENCE, "int32[batch] lengths", *states]
        plain(f"lstm_{direction}", Graph(
            inputs, outputs, f"Y, Y_h, Y_c = LSTM<{attributes}>(x, W, R, B, lengths, h, c, P)",
            weights("LSTM", 3, 4, count, peephole=True)), feed)
        for reset in (0, 1):
            plain(f"gru_{direction}_{reset}", Graph(
                inputs[:3], outputs[:2], f"Y, Y_h = GRU<{attributes}, linear_before_reset={reset}>(x, W, R, B, lengths, h)",
                weights("GRU", 3, 4, count)), feed)
        plain(f"rnn_{direction}", Graph(
            inputs[:3], outputs[:2], f"Y, Y_h = RNN<{attributes}>(x, W, R, B, lengths, h)", weights("RNN", 3, 4, count)), feed)

    # clip, and the input gate coupled to the forget gate.
    outputs = ["float[time, 1, batch, 4] Y", "float[1, batch, 4] Y_h", "float[1, batch, 4] Y_c"]
    large = {k: v * 4 for k, v in weights("LSTM", 3, 4).items()}
    plain("lstm_clip", Graph([SEQUENCE], outputs, "Y, Y_h, Y_c = LSTM<hidden_size=4, clip=0.7>(x, W, R, B)", large), {"x": x})
    plain("lstm_input_forget", Graph(
        [SEQUENCE], outputs, "Y, Y_h, Y_c = LSTM<hidden_size=4, input_forget=1>(x, W, R, B)", weights("LSTM", 3, 4)), {"x": x})
    large = {k: v * 4 for k, v in weights("GRU", 3, 4).items()}
    plain("gru_clip", Graph([SEQUENCE], outputs[:2], "Y, Y_h = GRU<hidden_size=4, clip=0.5>(x, W, R, B)", large), {"x": x})
    large = {k: v * 4 for k, v in weights("RNN", 3, 4).items()}
    plain("rnn_clip", Graph([SEQUENCE], outputs[:2], "Y, Y_h = RNN<hidden_size=4, clip=0.5>(x, W, R, B)", large), {"x": x})


FUNCTIONS = [
    ("Affine", 0.5, 0.1), ("Relu", None, None), ("LeakyRelu", 0.2, None), ("ThresholdedRelu", 0.3, None),
    ("Tanh", None, None), ("ScaledTanh", 0.9, 1.3), ("Sigmoid", None, None), ("HardSigmoid", 0.3, 0.4),
    ("Elu", 0.7, None), ("Softsign", None, None), ("Softplus", None, None),
]


def activations():
    """Each activation in a node of its own, one node after the other, with numbers of its own and with the operator's."""
    for given in (True, False):
        tensors, body, value, size = {"one": np.array([1])}, "", "x", 3
        # Runtimes take different values for what these three leave out.
        functions = FUNCTIONS if given else [f for f in FUNCTIONS if f[0] not in ("Affine", "ScaledTanh", "ThresholdedRelu")]
        for index, (name, alpha, beta) in enumerate(functions):
            tensors |= weights("RNN", size, 4, suffix=str(index))
            numbers = "".join(f", activation_{k}=[{v}]" for k, v in (("alpha", alpha), ("beta", beta)) if given and v)
            last = index == len(functions) - 1
            body += (f'Y{index} = RNN<hidden_size=4, activations=["{name}"]{numbers}>({value}, W{index}, R{index}, B{index}) '
                     f'{"output" if last else f"s{index}"} = Squeeze(Y{index}, one) ')
            value, size = f"s{index}", 4
        plain("activations" if given else "activations_default", Graph(
            [SEQUENCE], ["float[time, batch, 4] output"], body, tensors), {"x": normal(5, 2, 3)})
    # Of an LSTM's three functions only some take numbers: these go to them in order.
    body = ('Y, Y_h, Y_c = LSTM<hidden_size=4, direction="bidirectional", activations=["HardSigmoid", "Tanh", "LeakyRelu", '
            '"Sigmoid", "ScaledTanh", "Elu"], activation_alpha=[0.25, 0.1, 0.8, 1.2], activation_beta=[0.45, 1.1]>(x, W, R, B)')
    plain("lstm_activations", Graph(
        [SEQUENCE], ["float[time, 2, batch, 4] Y", "float[2, batch, 4] Y_h", "float[2, batch, 4] Y_c"], body,
        weights("LSTM", 3, 4, 2)), {"x": normal(5, 2, 3)})


def layout():
    """layout=1, which ONNX Runtime refuses: the numbers are those of layout=0 with the axes turned."""
    for op in ("RNN", "GRU", "LSTM"):
        is_lstm = op == "LSTM"
        tensors = weights(op, 3, 4, 2)
        feed = {"x": normal(3, 6, 3), "h": normal(3, 2, 4)} | ({"c": normal(3, 2, 4)} if is_lstm else {})
        body = "Y, Y_h{} = {}<hidden_size=4, direction=\"bidirectional\", layout={}>(x, W, R, B, , h{})"
        names = (", Y_c", op, "{}", ", c") if is_lstm else ("", op, "{}", "")
        inputs = ["float[batch, time, 3] x", "float[batch, 2, 4] h", "float[batch, 2, 4] c"][:3 if is_lstm else 2]
        outputs = ["float[batch, time, 2, 4] Y", "float[batch, 2, 4] Y_h", "float[batch, 2, 4] Y_c"][:3 if is_lstm else 2]
        graph = Graph(inputs, outputs, body.format(*names).format(1), tensors)
        twin = Graph(["float[a, b, 3] x", "float[2, b, 4] h", "float[2, b, 4] c"][:len(inputs)],
                     ["float[a, 2, b, 4] Y", "float[2, b, 4] Y_h", "float[2, b, 4] Y_c"][:len(outputs)],
                     body.format(*names).format(0), tensors)
        wanted = members(twin.run({k: v.swapaxes(0, 1) for k, v in feed.items()}))
        store(f"layout_{op.lower()}", graph, feed, wanted | {"output": wanted["output"].swapaxes(0, 1)})


def exporters():
    """Forms of other exporters."""
    x = normal(2, 6, 3)
    lstm, gru = weights("LSTM", 3, 4), weights("GRU", 4, 5, suffix="2")
    # tf2onnx: batch first, zero states made of the input's shape, attributes of operator set 9.
    body = """
      t = Transpose<perm=[1, 0, 2]>(x)
      s = Shape(t)  s32 = Cast<to=6>(s)  b = Slice<starts=[1], ends=[2], axes=[0]>(s32)  b64 = Cast<to=7>(b)
      shape = Concat<axis=0>(one, b64, four)  zero = ConstantOfShape(shape)
      Y = LSTM<hidden_size=4>(t, W, R, B, , zero, zero)
      q = Squeeze<axes=[1]>(Y)  p = Transpose<perm=[1, 0, 2]>(q)  t2 = Transpose<perm=[1, 0, 2]>(p)
      Y2, Yh2 = GRU<hidden_size=5, linear_before_reset=1>(t2, W2, R2, B2)
      last = Squeeze<axes=[0]>(Yh2)  m = MatMul(last, dense_kernel)  a = Add(m, dense_bias)  y = Softmax<axis=1>(a)
    """
    tensors = lstm | gru | {"one": np.array([1]), "four": np.array([4]), "dense_kernel": normal(5, 3), "dense_bias": normal(3)}
    plain("tf2onnx", Graph(["float[batch, time, 3] x"], ["float[batch, 3] y"], body, tensors, opset=9, ir=4), {"x": x})
    # A time-distributed dense layer over steps and sequences in one axis; Dropout; a hard sigmoid.
    body = """
      t = Transpose<perm=[1, 0, 2]>(x)  Y = LSTM<hidden_size=4>(t, W, R, B)  q = Squeeze(Y, one)
      p = Transpose<perm=[1, 0, 2]>(q)  d = Dropout(p)  f = Reshape(d, flat)  g = Gemm<transB=1>(f, kernel, bias)
      h = HardSigmoid<alpha=0.16666667>(g)  s = Shape(x)  bt = Slice(s, zero, two)  shape = Concat<axis=0>(bt, three)
      y = Reshape(h, shape)
    """
    tensors = lstm | {"one": np.array([1]), "flat": np.array([-1, 4]), "zero": np.array([0]), "two": np.array([2]),
                      "three": np.array([3]), "kernel": normal(3, 4), "bias": normal(1, 3)}
    plain("time_distributed", Graph(["float[batch, time, 3] x"], ["float[batch, time, 3] y"], body, tensors), {"x": x})
    # IR version 3: every initializer is an input of the graph too. Keras feeds its embedding floats.
    body = """
      i = Cast<to=6>(tokens)  e = Gather(table, i)  t = Transpose<perm=[1, 0, 2]>(e)
      Y = RNN<hidden_size=4, activations=["Relu"]>(t, W, R, B)  q = Squeeze<axes=[1]>(Y)
      output = Transpose<perm=[1, 0, 2]>(q)
    """
    plain("ir3", Graph(["float[batch, time] tokens"], ["float[batch, time, 4] output"], body,
                       weights("RNN", 3, 4) | {"table": normal(9, 3)}, opset=7, ir=3, initializers_are_inputs=True),
          {"tokens": random.integers(0, 9, (2, 6)).astype("f4")})
    # The last step of both directions by slices of the output, and a projection of them.
    body = """
      Y = GRU<hidden_size=4, direction="bidirectional", linear_before_reset=1>(x, W, R, B)
      p = Transpose<perm=[0, 2, 1, 3]>(Y)  o = Reshape(p, merge)
      end = Gather<axis=0>(o, m1)  forward = Slice(end, zero, four, axis1)
      start = Gather<axis=0>(o, i0)  reverse = Slice(start, four, eight, axis1)
      both = Concat<axis=1>(forward, reverse)  y = MatMul(both, kernel)
    """
    numbers = {"merge": np.array([0, 0, -1]), "m1": np.array(-1), "i0": np.array(0), "zero": np.array([0]),
               "four": np.array([4]), "eight": np.array([8]), "axis1": np.array([1])}
    plain("ends_of_both", Graph([SEQUENCE], ["float[batch, 2] y"], body,
                                weights("GRU", 3, 4, 2) | numbers | {"kernel": normal(8, 2)}), {"x": normal(6, 2, 3)})
    # A head of every step, of which the last is given, and another after it.
    body = """
      Y = GRU<hidden_size=4>(x, W, R, B)  q = Squeeze(Y, one)  m = MatMul(q, kernel)  r = Tanh(m)
      last = Gather<axis=0>(r, m1)  y = MatMul(last, kernel2)
    """
    tensors = weights("GRU", 3, 4) | {"one": np.array([1]), "m1": np.array(-1), "kernel": normal(4, 5), "kernel2": normal(5, 2)}
    plain("last_of_head", Graph([SEQUENCE], ["float[batch, 2] y"], body, tensors), {"x": normal(6, 2, 3)})
    # Gains, the input added to the output, and metadata and a tensor of somebody else's.
    body = """
      g = Mul(x, gain)  Y = RNN<hidden_size=4>(g, W, R, B)  q = Squeeze(Y, one)  m = MatMul(q, kernel)  a = Add(bias, m)
      part = Slice(g, zero, two, axis2)  s = Add(part, a)  y = Mul(s, volume)
    """
    tensors = weights("RNN", 3, 4) | {
        "gain": np.float32(1.5), "one": np.array([1]), "kernel": normal(4, 2), "bias": normal(2), "zero": np.array([0]),
        "two": np.array([2]), "axis2": np.array([2]), "volume": np.float32(0.25), "calibration": normal(3, 2)}
    graph = Graph([SEQUENCE], ["float[time, batch, 2] y"], body, tensors)
    helper.set_model_props(graph.model, {"license": "CC0-1.0", "author": "somebody"})
    plain("gains", graph, {"x": normal(6, 2, 3)})


def types():
    """Weights in every field and type that they come in; the numbers are the same as in float32."""
    x = normal(6, 2, 3)
    full = weights("LSTM", 3, 4)
    outputs = ["float[time, 1, batch, 4] Y"]
    for name, code in (("float16", TensorProto.FLOAT16), ("bfloat16", TensorProto.BFLOAT16)):
        narrow = {}
        for key, value in full.items():
            if name == "float16":
                bits = value.astype("f2").view("u2")
            else:
                bits = (value.view("u4") >> 16).astype("u2")
            narrow["n" + key] = TensorProto(dims=value.shape, data_type=code, raw_data=bits.astype("<u2").tobytes())
        body = "".join(f"{key} = Cast<to=1>(n{key}) " for key in full) + "Y = LSTM<hidden_size=4>(x, W, R, B)"
        plain(f"type_{name}", Graph([SEQUENCE], outputs, body, narrow), {"x": x})
    # Elements in the fields of their types rather than as bytes, and Constant nodes.
    typed = {}
    for key, value in full.items():
        tensor = TensorProto(dims=value.shape, data_type=TensorProto.FLOAT)
        tensor.float_data.extend(value.ravel().tolist())
        typed[key] = tensor
    half = TensorProto(dims=[4, 2], data_type=TensorProto.FLOAT16)
    half.int32_data.extend(normal(4, 2, dtype="f2").view("u2").ravel().tolist())
    typed["kernel"] = half
    body = """Y = LSTM<hidden_size=4>(x, W, R, B)  one = Constant<value_ints=[1]>()  q = Squeeze(Y, one)
      k = Cast<to=1>(kernel)  m = MatMul(q, k)  bias = Constant<value = float[2] {0.25, -0.5}>()  y = Add(m, bias)"""
    plain("type_fields", Graph([SEQUENCE], ["float[time, batch, 2] y"], body, typed), {"x": x})
    double = {key: value.astype("f8") for key, value in weights("GRU", 3, 4, dtype="f8").items()}
    graph = Graph(["double[time, batch, 3] x"], ["double[time, 1, batch, 4] Y"],
                  "Y = GRU<hidden_size=4, linear_before_reset=1>(x, W, R, B)", double)
    x = normal(6, 2, 3, dtype="f8")
    store("type_float64", graph, {"x": x}, {"output": gru64(x, **{k: v[0] for k, v in double.items()})})
    # Tensors in a file beside the model.
    graph = Graph([SEQUENCE], outputs, "Y = LSTM<hidden_size=4>(x, W, R, B)", full)
    plain("external", graph, {"x": normal(6, 2, 3)}, save_as_external_data=True, location="external.data", size_threshold=0)


def gru64(x, W, R, B):
    """A GRU in float64, which ONNX Runtime has not, from ONNX's formulas."""
    sigmoid = lambda v: 1 / (1 + np.exp(-v))
    (wz, wr, wh), (rz, rr, rh) = np.split(W, 3), np.split(R, 3)
    bwz, bwr, bwh, brz, brr, brh = np.split(B, 6)
    h, output = np.zeros((x.shape[1], R.shape[1])), []
    for step in x:
        z = sigmoid(step @ wz.T + h @ rz.T + bwz + brz)
        r = sigmoid(step @ wr.T + h @ rr.T + bwr + brr)
        n = np.tanh(step @ wh.T + bwh + r * (h @ rh.T + brh))
        h = (1 - z) * n + z * h
        output.append(h)
    return np.stack(output)


def operators():
    """The official operator tests, whose weights are inputs of the graph."""
    source = pathlib.Path(onnx.__file__).parent / "backend/test/data/node"
    for folder in sorted(source.iterdir()):
        if not folder.name.startswith(("test_rnn_", "test_simple_rnn_", "test_lstm_", "test_gru_")):
            continue
        model = onnx.load(folder / "model.onnx")
        onnx.save(model, f"operators/{folder.name}.onnx")

        def read(kind):
            tensors = []
            for path in sorted((folder / "test_data_set_0").glob(f"{kind}_*.pb"), key=lambda p: int(p.stem.split("_")[1])):
                tensor = onnx.TensorProto()
                tensor.ParseFromString(path.read_bytes())
                tensors.append((tensor.name, numpy_helper.to_array(tensor)))
            return tensors
        node = model.graph.node[0]
        layout = next((a.i for a in node.attribute if a.name == "layout"), 0)
        wanted = dict(zip([o for o in node.output if o], [value for _, value in read("output")]))
        if layout:
            wanted = {k: v.transpose(1, 2, 0, 3) if k == "Y" else v.swapaxes(0, 1) for k, v in wanted.items()}
        wanted = members(wanted)
        if layout and "output" in wanted:
            wanted["output"] = wanted["output"].swapaxes(0, 1)
        arrays = {f"in.{k}": v for k, v in read("input")} | {f"want.{k}": v for k, v in wanted.items()}
        np.savez_compressed(f"operators/{folder.name}.npz", **arrays)
        (pathlib.Path("operators") / "input_0.pb").write_bytes((folder / "test_data_set_0/input_0.pb").read_bytes())


def make(save):
    pathlib.Path("operators").mkdir(exist_ok=True)
    options()
    activations()
    layout()
    exporters()
    types()
    operators()
