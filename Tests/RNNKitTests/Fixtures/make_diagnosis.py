"""Writes diagnosis.json: norms of dh_T/dh_t and dh_T/dc_t by torch.autograd, spectral radii and norms of W_hh by
torch.linalg, and norms of dS/dh_t of every layer and direction, where S is the sum of the last layer's output at the last
step, by torch.autograd; in float64, on the first sequence of a sample's first case.

    python make_diagnosis.py        (torch 2.15.0, h5py 3.16.0)
"""
import json
import pathlib

import h5py
import torch

torch.set_num_threads(1)
HERE = pathlib.Path(__file__).parent
SAMPLES = HERE.parents[2] / "SampleModels"
NAMES = ["rnn_relu", "rnn_3_layers", "lstm", "gru", "lstm_projection", "lstm_bidirectional", "gru_bidirectional"]
GATES = {"RNN": 1, "LSTM": 4, "GRU": 3}


def stepper(module, weights, layer, direction):
    """What makes h and c of those before, and the tensors of that direction of a layer."""
    prefix = module["name"] + "." if module["name"] else ""
    suffix = f"_l{layer}" + ("_reverse" if direction else "")

    def weight(name):
        return weights[prefix + name + suffix]

    def step(x, h, c):
        a = weight("weight_ih") @ x + weight("bias_ih")
        b = weight("weight_hh") @ h + weight("bias_hh")
        if module["type"] == "RNN":
            return (torch.relu if module["nonlinearity"] == "relu" else torch.tanh)(a + b), c
        if module["type"] == "LSTM":
            i, f, g, o = (a + b).chunk(4)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            return (weight("weight_hr") @ h if module.get("proj_size") else h), c
        (ri, zi, ni), (rh, zh, nh) = a.chunk(3), b.chunk(3)
        r, z = torch.sigmoid(ri + rh), torch.sigmoid(zi + zh)
        return (1 - z) * torch.tanh(ni + r * nh) + z * h, c

    return step, weight


def sizes(module):
    return module["hidden_size"], module.get("proj_size", 0) or module["hidden_size"]


def travel(module, weights, x):
    """Norms of dS/dh_t, a list of steps for each layer and direction."""
    hidden, state = sizes(module)
    kept = []
    for layer in range(module["num_layers"]):
        outputs = []
        for direction in range(2 if module["bidirectional"] else 1):
            step, _ = stepper(module, weights, layer, direction)
            h, c = torch.zeros(state).double(), torch.zeros(hidden).double()
            row = []
            for value in x.flip(0) if direction else x:
                h, c = step(value, h, c)
                if not h.requires_grad:
                    h.requires_grad_()
                h.retain_grad()
                row.append(h)
            row = row[::-1] if direction else row
            kept.append(row)
            outputs.append(torch.stack(row))
        x = torch.cat(outputs, 1)
    x[-1].sum().backward()
    return [[h.grad.norm().item() if h.grad is not None else 0.0 for h in row] for row in kept]


def layers(module, weights, x):
    """Every layer's and direction's expected figures, in order; weights in float64."""
    hidden, state = sizes(module)
    for layer in range(module["num_layers"]):
        outputs = []
        for direction in range(2 if module["bidirectional"] else 1):
            step, weight = stepper(module, weights, layer, direction)
            steps = x.flip(0) if direction else x
            states = [(torch.zeros(state).double(), torch.zeros(hidden).double())]
            for value in steps:
                states.append(step(value, *states[-1]))
            result = torch.stack([h for h, _ in states[1:]])
            outputs.append(result.flip(0) if direction else result)

            gradient, cell = [], []
            for back in range(len(steps) + 1):
                def end(h, c, start=len(steps) - back):
                    for value in steps[start:]:
                        h, c = step(value, h, c)
                    return h

                to_h, to_c = torch.autograd.functional.jacobian(end, states[len(steps) - back])
                gradient.append(torch.linalg.matrix_norm(to_h, 2).item())
                cell.append(torch.linalg.matrix_norm(to_c, 2).item())
            blocks = weight("weight_hh").chunk(GATES[module["type"]])
            square = [weight("weight_hr") @ block if module.get("proj_size") else block for block in blocks]
            yield {
                "spectral_radius": [torch.linalg.eigvals(block).abs().max().item() for block in square],
                "norm": [torch.linalg.matrix_norm(block, 2).item() for block in blocks],
                "gradient": gradient,
                "cell_gradient": cell if module["type"] == "LSTM" else [],
            }
        x = torch.cat(outputs, 1)


def main():
    expected = {"torch": torch.__version__.split("+")[0], "samples": {}, "travel": {}}
    for name in NAMES:
        with h5py.File(SAMPLES / f"{name}.h5") as file:
            architecture = json.loads(file.attrs["architecture"])
            weights = {key: torch.from_numpy(value[...]).double() for key, value in file["state_dict"].items()}
            x = torch.from_numpy(next(iter(file["cases"].values()))["input"][...]).double()
        if x.dim() == 3:
            x = x[0] if architecture["batch_first"] else x[:, 0]
        expected["samples"][name] = list(layers(architecture["modules"][0], weights, x))
        expected["travel"][name] = travel(architecture["modules"][0], weights, x)
    (HERE / "diagnosis.json").write_text(json.dumps(expected) + "\n")


if __name__ == "__main__":
    main()
