"""Samples of LSTM, GRU and RNN in every direction, precision and form that PyTorch has."""

import torch
from torch import nn

from chain import Chain
from sample import sample


def states(module, batch, dtype=torch.float32):
    """A normally distributed starting state (h0, c0) of a module, with a batch axis unless batch is None."""
    layers = module.num_layers * (2 if module.bidirectional else 1)
    rows = [] if batch is None else [batch]
    is_lstm = isinstance(module, nn.LSTM)
    h0 = torch.randn(layers, *rows, (module.proj_size if is_lstm else 0) or module.hidden_size, dtype=dtype)
    return h0, torch.randn(layers, *rows, module.hidden_size, dtype=dtype) if is_lstm else None


def usual_cases(chain, name, steps=9, batch=3):
    """From zero, from a given state, and without a batch axis."""
    module = next(link.module for link in chain.links if link.name == name)
    shape = (batch, steps) if chain.batch_first else (steps, batch)
    input = torch.randn(*shape, module.input_size)
    row = (input[0] if chain.batch_first else input[:, 0]).clone()
    return {
        "state_zero": chain.case(input),
        "state_given": chain.case(input, {name: states(module, batch)}),
        "unbatched": chain.case(row, {name: states(module, None)}),
    }


@sample("lstm", "gru")
def plain():
    """Two layers; from zero, from a given state (h_0, and c_0 of an LSTM), and without a batch axis."""
    for name, module in (("lstm", nn.LSTM(4, 9, 2)), ("gru", nn.GRU(4, 9, 2))):
        chain = Chain((name, module))
        yield chain, usual_cases(chain, name)


@sample("lstm_1_layer", "gru_1_layer")
def one_layer():
    """One layer, and a head."""
    for name, module in (("lstm", nn.LSTM(2, 11)), ("gru", nn.GRU(2, 11))):
        chain = Chain((name, module), ("fc", nn.Linear(11, 3)))
        yield chain, {"normal": chain.case(torch.randn(10, 2, 2))}


@sample("lstm_no_bias", "gru_no_bias")
def no_bias():
    """No bias vectors."""
    for name, module in (("lstm", nn.LSTM(3, 7, 2, bias=False)), ("gru", nn.GRU(3, 7, 2, bias=False))):
        chain = Chain((name, module))
        yield chain, {"normal": chain.case(torch.randn(8, 2, 3))}


@sample("lstm_3_layers", "gru_4_layers")
def deep():
    """Several layers, wider than one block of a dot product; (batch, time, features)."""
    for name, module in (("lstm", nn.LSTM(40, 64, 3)), ("gru", nn.GRU(10, 33, 4))):
        chain = Chain((name, module), batch_first=True)
        yield chain, {"normal": chain.case(torch.randn(2, 20, module.input_size), {name: states(module, 2)})}


@sample("rnn_bidirectional", "rnn_bidirectional_relu", "lstm_bidirectional", "gru_bidirectional")
def bidirectional():
    """Both directions, concatenated after each layer, with a head on them."""
    for name, module, batch_first in (
        ("rnn", nn.RNN(4, 6, 2, bidirectional=True), False),
        ("rnn", nn.RNN(4, 6, 2, bidirectional=True, nonlinearity="relu", bias=False), True),
        ("lstm", nn.LSTM(4, 6, 2, bidirectional=True), False),
        ("gru", nn.GRU(4, 6, 2, bidirectional=True), True),
    ):
        chain = Chain((name, module), ("fc", nn.Linear(12, 3)), batch_first=batch_first)
        yield chain, usual_cases(chain, name)


@sample("lstm_projection", "lstm_projection_bidirectional", "lstm_projection_no_bias")
def projection():
    """LSTM whose h is projected to a smaller size, c keeping its own."""
    for module, batch_first in (
        (nn.LSTM(4, 9, 2, proj_size=5), False),
        (nn.LSTM(4, 9, 2, proj_size=5, bidirectional=True), True),
        (nn.LSTM(4, 9, 3, proj_size=2, bias=False), False),
    ):
        chain = Chain(("lstm", module), batch_first=batch_first)
        yield chain, usual_cases(chain, "lstm")


@sample("lengths_rnn", "lengths_lstm", "lengths_gru", "lengths_rnn_bidirectional", "lengths_lstm_bidirectional",
        "lengths_gru_bidirectional", "lengths_lstm_projection_bidirectional", "lengths_lstm_float64")
def lengths():
    """Sequences of different lengths in one batch, as PyTorch's packed sequences; what stands past an end is noise."""
    for name, module, batch_first in (
        ("rnn", nn.RNN(3, 6, 2, nonlinearity="relu"), False),
        ("lstm", nn.LSTM(3, 6, 2), True),
        ("gru", nn.GRU(3, 6, 2), False),
        ("rnn", nn.RNN(3, 6, 2, bidirectional=True), False),
        ("lstm", nn.LSTM(3, 6, 2, bidirectional=True), False),
        ("gru", nn.GRU(3, 6, 2, bidirectional=True), True),
        ("lstm", nn.LSTM(3, 6, 2, proj_size=4, bidirectional=True), False),
        ("lstm", nn.LSTM(3, 6, 2, bidirectional=True, dtype=torch.float64), False),
    ):
        chain = Chain((name, module), batch_first=batch_first)
        dtype = module.weight_ih_l0.dtype
        input = lambda batch: torch.randn(*((batch, 8) if batch_first else (8, batch)), 3, dtype=dtype)
        yield chain, {
            "any_order": chain.case(input(4), lengths=torch.tensor([3, 8, 1, 5])),
            "state_given": chain.case(input(3), {name: states(module, 3, dtype)}, torch.tensor([2, 4, 8])),
            "none_is_full": chain.case(input(3), lengths=torch.tensor([6, 2, 5])),
        }


@sample("rnn_float16", "rnn_bfloat16", "lstm_float16", "lstm_bfloat16", "gru_float16", "gru_bfloat16")
def half():
    """Weights of 16 bits; outputs are those of PyTorch in float32 with the weights widened exactly."""
    for name, make in (
        ("rnn", lambda: nn.RNN(4, 8, 2)),
        ("lstm", lambda: nn.LSTM(4, 8, 2, proj_size=5, bidirectional=True)),
        ("gru", lambda: nn.GRU(4, 8, 2, bidirectional=True)),
    ):
        for dtype in (torch.float16, torch.bfloat16):
            module = make()
            size = {"rnn": 8, "lstm": 10, "gru": 16}[name]
            chain = Chain((name, module), ("fc", nn.Linear(size, 2)))
            chain.tree.to(dtype)
            yield chain, {"normal": chain.case(torch.randn(9, 3, 4), {name: states(module, 3)})}


@sample("lstm_float64", "gru_float64")
def float64():
    """float64 weights, inputs and outputs."""
    for name, module in (
        ("lstm", nn.LSTM(4, 7, 2, bidirectional=True, dtype=torch.float64)),
        ("gru", nn.GRU(4, 7, 2, dtype=torch.float64)),
    ):
        size = 14 if module.bidirectional else 7
        chain = Chain((name, module), ("fc", nn.Linear(size, 2, dtype=torch.float64)))
        input = torch.randn(9, 3, 4, dtype=torch.float64)
        yield chain, {"normal": chain.case(input, {name: states(module, 3, torch.float64)})}


@sample("rnn_cell", "rnn_cell_relu", "lstm_cell", "gru_cell")
def cells():
    """nn.RNNCell, nn.LSTMCell and nn.GRUCell, called once a step; their parameters' names have no layer."""
    for cell in (nn.RNNCell(3, 6), nn.RNNCell(3, 6, bias=False, nonlinearity="relu"), nn.LSTMCell(3, 6),
                 nn.GRUCell(3, 6)):
        chain = Chain(("cell", cell), ("out", nn.Linear(6, 2)))
        c0 = torch.randn(1, 2, 6) if isinstance(cell, nn.LSTMCell) else None
        input = torch.randn(7, 2, 3)
        yield chain, {
            "state_zero": chain.case(input),
            "state_given": chain.case(input, {"cell": (torch.randn(1, 2, 6), c0)}),
            "unbatched": chain.case(input[:, 0].clone()),
        }


@sample("prefix_compiled", "prefix_module_compiled")
def compiled():
    """A model saved from inside torch.compile, and from inside nn.DataParallel around that."""
    for wrap, prefix in ((torch.compile, "_orig_mod."),
                         (lambda tree: nn.DataParallel(torch.compile(tree)), "module._orig_mod.")):
        chain = Chain(("lstm", nn.LSTM(3, 5, 2)), ("fc", nn.Linear(5, 1)))
        yield chain, {"normal": chain.case(torch.randn(6, 2, 3))}, {
            "state_dict": wrap(chain.tree).state_dict(), "prefix": prefix}


@sample("empty_batch")
def empty_batch():
    """A batch of no sequences, which PyTorch runs."""
    chain = Chain(("rnn", nn.RNN(3, 5, 2)), ("fc", nn.Linear(5, 1)))
    yield chain, {"empty": chain.case(torch.randn(6, 0, 3)), "normal": chain.case(torch.randn(6, 1, 3))}
