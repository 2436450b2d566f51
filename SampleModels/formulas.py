"""Recurrent networks evaluated in float64 with NumPy, straight from their formulas: a second opinion on every sample.

The formulas are those of PyTorch's nn.RNN, nn.LSTM and nn.GRU, and for what these do not have, of Keras' GRU with
reset_after=False and its hard_sigmoid.
"""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


FUNCTIONS = {
    "identity": lambda x: x,
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "hard_sigmoid": lambda x, alpha, beta: np.clip(alpha * x + beta, 0, 1),
    "softmax": softmax,
    "log_softmax": lambda x: np.log(softmax(x)),
}


def function(description):
    """The function of an activation as the architecture has it: a name, or a dictionary with parameters."""
    if isinstance(description, str):
        return FUNCTIONS[description]
    parameters = {key: value for key, value in description.items() if key != "name"}
    return lambda x: FUNCTIONS[description["name"]](x, **parameters)


def evaluate(architecture, tensors, members, modules=None):
    """output, hn, cn and y of a case, named as the case names them.

    tensors: name -> float64. members: the case's input, h0, c0 and lengths. modules: names of the part that is run.
    """
    links = [m for m in architecture["modules"] if modules is None or m["name"] in modules]
    recurrent = [m for m in links if "hidden_size" in m]
    batch_first, x = architecture.get("batch_first", False), members["input"]
    unbatched = x.ndim == (1 if links[0]["type"] == "Embedding" else 2)
    swap = batch_first and not unbatched
    x = x[:, None] if unbatched else np.swapaxes(x, 0, 1) if swap else x
    lengths = members.get("lengths", np.full(x.shape[1], x.shape[0]))
    results = {}

    def outward(value):
        if value.ndim < 3:
            return value[0] if unbatched else value
        return value[:, 0] if unbatched else np.swapaxes(value, 0, 1) if swap else value

    for m in links:
        name = m["name"]
        own = {key[len(name) + 1 if name else 0:]: value for key, value in tensors.items()
               if not name or key.startswith(name + ".")}
        if m["type"] == "Embedding":
            x = own["weight"][x]
        elif m["type"] == "Linear":
            x = function(m.get("activation", "identity"))(x @ own["weight"].T + own.get("bias", 0))
            results["y"] = outward(x)
        else:
            label = "" if len(recurrent) == 1 else name + "."
            first = [members.get(label + key) for key in ("h0", "c0")]
            first = [s[:, None] if s is not None and unbatched else s for s in first]
            x, hn, cn = stack(m, own, x, *first, lengths)
            results["output"] = outward(x)
            results[label + "hn"] = hn[:, 0] if unbatched else hn
            if cn is not None:
                results[label + "cn"] = cn[:, 0] if unbatched else cn
            results.pop("y", None)
            if not m.get("returns_sequence", True):
                x = x[-1]
    return results


def stack(m, own, x, h0, c0, lengths):
    """All layers and directions of one recurrent module. x: (time, batch, features)."""
    directions = 2 if m.get("bidirectional", False) else 1
    is_lstm = m["type"].startswith("LSTM")
    hidden, size = m["hidden_size"], m.get("proj_size", 0) or m["hidden_size"]
    hn, cn = [], []
    for layer in range(m.get("num_layers", 1)):
        outputs = []
        for direction in range(directions):
            suffix = "" if m["type"].endswith("Cell") else f"_l{layer}" + ("_reverse" if direction else "")
            p = {kind: own.get(kind + suffix) for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")}
            output = np.zeros((*x.shape[:2], size))
            h = np.zeros((x.shape[1], size)) if h0 is None else h0[layer * directions + direction].copy()
            c = np.zeros((x.shape[1], hidden)) if c0 is None else c0[layer * directions + direction].copy()
            for b in range(x.shape[1]):
                steps = range(lengths[b])
                for t in reversed(steps) if direction else steps:
                    h[b], c[b] = step(m, p, x[t, b], h[b], c[b])
                    output[t, b] = h[b]
            outputs.append(output)
            hn.append(h)
            cn.append(c)
        x = np.concatenate(outputs, axis=-1)
    return x, np.stack(hn), np.stack(cn) if is_lstm else None


def step(m, p, x, h, c):
    """One step of one layer, one direction, one sequence."""
    bias_ih, bias_hh = (0 if p[key] is None else p[key] for key in ("bias_ih", "bias_hh"))
    a = m.get("activations", {})
    gate, candidate, last = (function(a.get(key, default)) for key, default in
                             (("gate", "sigmoid"), ("candidate", "tanh"), ("output", "tanh")))
    from_x = p["weight_ih"] @ x + bias_ih
    if m["type"].startswith("GRU"):
        r_x, z_x, n_x = np.split(from_x, 3)
        w_r, w_z, w_n = np.split(p["weight_hh"], 3)
        b_r, b_z, b_n = np.split(np.broadcast_to(bias_hh, from_x.shape), 3)
        r, z = gate(r_x + w_r @ h + b_r), gate(z_x + w_z @ h + b_z)
        after = r * (w_n @ h + b_n) if m.get("reset_after", True) else w_n @ (r * h) + b_n
        n = candidate(n_x + after)
        return (1 - z) * n + z * h, c
    total = from_x + p["weight_hh"] @ h + bias_hh
    if m["type"].startswith("RNN"):
        return function(m.get("nonlinearity", "tanh"))(total), c
    i, f, g, o = np.split(total, 4)
    c = gate(f) * c + gate(i) * candidate(g)
    h = gate(o) * last(c)
    return h if p["weight_hr"] is None else p["weight_hr"] @ h, c
