"""Makes the ONNX files of these tests, with inputs and the outputs that PyTorch or ONNX Runtime gave.

Made with Python 3.11, torch 2.15.0, onnx 1.22.0, onnxruntime 1.32.0, onnxscript 0.7.2, numpy 2.4.6. Run in this folder.

NAME.onnx is the model. NAME.npz holds `in.INPUT` for each input of the graph and `want.MEMBER` for each member of a run:
output (the last recurrent layer's states at every step), hn, cn (layers·directions, batch, hidden) and y.
"""

import logging
import pathlib
import warnings

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

import graphs
import refused

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)
onnxruntime.set_default_logger_severity(3)


class Model(nn.Module):
    """Modules by name, and a function of them and the inputs that gives the graph's outputs as a dictionary."""

    def __init__(self, forward, **modules):
        super().__init__()
        self.keys, self.function = [], forward
        for name, module in modules.items():
            parent = self
            *path, last = name.split("__")
            for part in path:
                if not hasattr(parent, part):
                    setattr(parent, part, nn.Module())
                parent = getattr(parent, part)
            setattr(parent, last, module)

    def forward(self, *inputs):
        outputs = self.function(self, *inputs)
        self.keys = list(outputs)
        return tuple(outputs.values())


def plain(m, x):
    output, hn = m.rnn(x)
    return {"output": output, "hn": hn}


def with_state(m, x, h0, c0):
    output, (hn, cn) = m.lstm(x, (h0, c0))
    return {"output": output, "hn": hn, "cn": cn, "y": m.fc(output)}


def head(m, x):
    return {"y": m.fc(m.lstm(x)[0])}


def last_output(m, x):
    return {"y": m.fc(m.lstm(x)[0][:, -1])}


def last_state(m, x):
    return {"y": m.fc(m.lstm(x)[1][0][-1])}


def last_states(m, x):
    hn = m.lstm(x)[1][0]
    return {"y": m.fc(torch.cat([hn[-2], hn[-1]], 1))}


def tagger(m, x):
    output, hn = m.gru(m.emb(x))
    return {"hn": hn, "y": torch.log_softmax(m.fc2(torch.tanh(m.fc1(output))), -1)}


def packed(m, x, lengths):
    sequence = nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=True)
    output, hn = m.rnn(sequence)
    return {"output": nn.utils.rnn.pad_packed_sequence(output)[0], "hn": hn}


def nested(m, x):
    h, _ = m.encoder.rnn(x)
    output, (hn, cn) = m.encoder.rnn2(h)
    return {"output": output, "y": torch.sigmoid(m.head.proj(output)).squeeze(-1)}


def learned(m, x):
    h0 = m.start.expand(-1, x.shape[1], -1)
    output, hn = m.rnn(x, h0.contiguous())
    return {"output": output, "hn": hn}


def learned_model():
    model = Model(learned, rnn=nn.GRU(3, 5, 2))
    model.start = nn.Parameter(torch.randn(2, 1, 5))
    return model


TIME, BATCH = {0: "time", 1: "batch"}, {0: "batch", 1: "time"}
STATE = {1: "batch"}


def x(*sizes):
    return torch.randn(sizes)


def cases():
    """Name, model, inputs by name, axes that vary, exporters (s: TorchScript, d: dynamo)."""
    sequence, batched = ("input", x(7, 2, 3), TIME), ("input", x(2, 7, 3), BATCH)
    state = [(k, x(2, 2, 5), STATE) for k in ("h0", "c0")]
    yield "rnn", Model(plain, rnn=nn.RNN(3, 5, 2)), [sequence], "s"
    yield "rnn_relu", Model(plain, rnn=nn.RNN(3, 5, 2, nonlinearity="relu", bias=False, bidirectional=True)), [sequence], "s"
    yield "gru", Model(plain, rnn=nn.GRU(3, 5, 2)), [sequence], "sd"
    yield "gru_no_bias", Model(plain, rnn=nn.GRU(3, 5, bias=False)), [sequence], "sd"
    yield "lstm_state", Model(with_state, lstm=nn.LSTM(3, 5, 2), fc=nn.Linear(5, 4)), [sequence, *state], "sd"
    both = dict(bidirectional=True, batch_first=True)
    yield "lstm_both", Model(head, lstm=nn.LSTM(3, 5, 2, **both), fc=nn.Linear(10, 4)), [batched], "sd"
    first = dict(batch_first=True)
    yield "last_output", Model(last_output, lstm=nn.LSTM(3, 5, 2, **first), fc=nn.Linear(5, 4)), [batched], "sd"
    yield "last_state", Model(last_state, lstm=nn.LSTM(3, 5, 2, **first), fc=nn.Linear(5, 4)), [batched], "sd"
    yield "last_states", Model(last_states, lstm=nn.LSTM(3, 5, 2, **both), fc=nn.Linear(10, 4)), [batched], "sd"
    modules = dict(emb=nn.Embedding(11, 6, padding_idx=0), gru=nn.GRU(6, 4, 2, **both), fc1=nn.Linear(8, 5),
                   fc2=nn.Linear(5, 3, bias=False))
    yield "tagger", Model(tagger, **modules), [("tokens", torch.randint(0, 11, (2, 7)), BATCH)], "sd"
    yield "packed", Model(packed, rnn=nn.GRU(3, 5, 2)), [sequence, ("lengths", torch.tensor([7, 4]), {0: "batch"})], "s"
    yield "unbatched", Model(plain, rnn=nn.GRU(3, 5)), [("input", x(7, 3), {0: "time"})], "s"
    modules = dict(encoder__rnn=nn.GRU(3, 5), encoder__rnn2=nn.LSTM(5, 4, bidirectional=True), head__proj=nn.Linear(8, 1))
    yield "nested", Model(nested, **modules), [sequence], "sd"
    yield "learned_state", learned_model(), [sequence], "sd"
    # Without names for the sizes that vary, and with the weights put together by the graph itself.
    yield "fixed_sizes", Model(plain, rnn=nn.GRU(3, 5, 2, bidirectional=True)), [("input", x(7, 2, 3), None)], "sd"
    yield "unfolded", Model(with_state, lstm=nn.LSTM(3, 5, 2), fc=nn.Linear(5, 4)), [sequence, *state], "u"


def export_torch(name, model, inputs, exporter):
    model.eval()
    values = tuple(value for _, value, _ in inputs)
    names = [key for key, _, _ in inputs]
    path = f"{name}.onnx"
    if exporter == "d":
        shapes = tuple({axis: torch.export.Dim.DYNAMIC for axis in axes} if axes else None for _, _, axes in inputs)
        torch.onnx.export(model, values, path, dynamo=True, input_names=names, external_data=False, verbose=False,
                          dynamic_shapes=(shapes,) if inputs[0][2] else None)
    else:
        torch.onnx.export(model, values, path, dynamo=False, input_names=names, do_constant_folding=exporter != "u",
                          dynamic_axes={key: axes for key, _, axes in inputs if axes})
    with torch.no_grad():
        model(*values)
        wanted = dict(zip(model.keys, model(*values)))
    save(path, {k: v.numpy() for k, v, _ in inputs}, {k: v.numpy() for k, v in wanted.items()})


def save(path, inputs, wanted):
    """Keeps of the file what a reader looks at, and checks that ONNX Runtime agrees."""
    model = onnx.load(path)
    for node in model.graph.node:
        kept = [p for p in node.metadata_props if p.key == "pkg.torch.onnx.name_scopes"]
        del node.metadata_props[:]
        node.metadata_props.extend(kept)
        node.doc_string = ""
    del model.graph.value_info[:]
    del model.metadata_props[:]
    model.graph.doc_string = ""
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
    session = onnxruntime.InferenceSession(path)
    known = {i.name for i in session.get_inputs() + session.get_overridable_initializers()}
    for result, value in zip(session.run(None, {k: v for k, v in inputs.items() if k in known}), wanted.values()):
        assert result.shape == value.shape and np.abs(result - value).max() < 2e-6, path
    arrays = {f"in.{k}": v for k, v in inputs.items()} | {f"want.{k}": v for k, v in wanted.items()}
    np.savez_compressed(path.replace(".onnx", ".npz"), **arrays)


def main():
    for folder in (".", "refused", "operators"):
        for old in pathlib.Path(folder).glob("*"):
            if old.is_file() and old.suffix in (".onnx", ".npz", ".pb", ".data"):
                old.unlink()
    torch.manual_seed(0)
    for name, model, inputs, exporters in cases():
        for exporter in exporters:
            export_torch(f"torch_{name}_{exporter}", model, inputs, exporter)
    graphs.make(save)
    refused.make()


if __name__ == "__main__":
    main()
