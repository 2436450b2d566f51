"""Samples of several modules in a row, with embeddings in front and heads behind."""

import torch
from torch import nn

from cell_samples import states
from chain import Chain, Link
from sample import sample


@sample("chain_lstm_lstm2_dense")
def lstm_lstm2_dense():
    """Two LSTMs of different sizes and directions, then a linear layer."""
    lstm, lstm2 = nn.LSTM(3, 8, 2), nn.LSTM(8, 6, bidirectional=True)
    chain = Chain(("lstm", lstm), ("lstm2", lstm2), ("dense", nn.Linear(12, 2)))
    input = torch.randn(9, 3, 3)
    yield chain, {
        "state_zero": chain.case(input),
        "state_given": chain.case(input, {"lstm": states(lstm, 3), "lstm2": states(lstm2, 3)}),
        "lengths": chain.case(input, lengths=torch.tensor([4, 9, 2])),
        "unbatched": chain.case(input[:, 0].clone()),
    }


@sample("chain_three_cells")
def three_cells():
    """A bidirectional GRU, an LSTM with projection and a ReLU RNN in a row; (batch, time, features)."""
    chain = Chain(
        ("gru", nn.GRU(5, 7, bidirectional=True)), ("lstm", nn.LSTM(14, 9, proj_size=4)),
        ("rnn", nn.RNN(4, 6, 2, nonlinearity="relu")), batch_first=True)
    yield chain, {"normal": chain.case(torch.randn(3, 8, 5))}


@sample("chain_linear_between")
def linear_between():
    """Linear layers before, between and after recurrent ones."""
    chain = Chain(
        ("embed", nn.Linear(4, 6), "relu"), ("gru", nn.GRU(6, 8)), ("mid", nn.Linear(8, 5), "tanh"),
        ("lstm", nn.LSTM(5, 7)), ("out", nn.Linear(7, 3)))
    yield chain, {"normal": chain.case(torch.randn(8, 2, 4))}


@sample("chain_embedding", "chain_embedding_batch_first")
def embedding():
    """Whole numbers in, through an embedding whose index 0 is padding; log-probabilities out."""
    for batch_first in (False, True):
        gru = nn.GRU(6, 9, bidirectional=True)
        chain = Chain(
            ("emb", nn.Embedding(12, 6, padding_idx=0)), ("gru", gru), ("out", nn.Linear(18, 5), "log_softmax"),
            batch_first=batch_first)
        lengths = torch.tensor([5, 9, 2])
        tokens = torch.randint(1, 12, (3, 9))
        tokens[torch.arange(9) >= lengths[:, None]] = 0
        if not batch_first:
            tokens = tokens.T.contiguous()
        yield chain, {
            "padded": chain.case(tokens),
            "lengths": chain.case(tokens, {"gru": states(gru, 3)}, lengths),
            "unbatched": chain.case((tokens[1] if batch_first else tokens[:, 1]).clone()),
        }


@sample("head_tanh", "head_relu", "head_sigmoid", "head_softmax", "head_log_softmax")
def activated_heads():
    """A head with a function after it."""
    for activation in ("tanh", "relu", "sigmoid", "softmax", "log_softmax"):
        chain = Chain(("gru", nn.GRU(3, 6)), ("fc", nn.Linear(6, 4), activation))
        yield chain, {"normal": chain.case(2 * torch.randn(8, 2, 3))}


@sample("head_two_layers")
def two_layers():
    """Two linear layers after an LSTM, ReLU between them and softmax at the end."""
    chain = Chain(("lstm", nn.LSTM(3, 8)), ("fc1", nn.Linear(8, 10), "relu"), ("fc2", nn.Linear(10, 4), "softmax"))
    yield chain, {"normal": chain.case(torch.randn(8, 2, 3))}


@sample("head_last_step")
def last_step():
    """A classifier: the head sees the last step alone, so that y has no time axis."""
    for_all = Link("lstm", nn.LSTM(3, 8, 2), returns_sequence=False)
    chain = Chain(for_all, ("fc", nn.Linear(8, 4), "softmax"), batch_first=True)
    input = torch.randn(3, 10, 3)
    yield chain, {"normal": chain.case(input), "unbatched": chain.case(input[0].clone())}


@sample("seq2seq")
def seq2seq():
    """An encoder and a decoder that are no chain: each runs by itself, the decoder from the encoder's state."""
    encoder, decoder = nn.GRU(5, 8, 2), nn.GRU(3, 8, 2)
    chain = Chain(("encoder", encoder), ("decoder", decoder), ("out", nn.Linear(8, 4)))
    encoded = chain.case(torch.randn(9, 2, 5), modules=["encoder"])
    state = encoded[0]["hn"]
    yield chain, {
        "encode": encoded,
        "decode": chain.case(torch.randn(6, 2, 3), {"decoder": (state, None)}, modules=["decoder", "out"]),
    }


@sample("unknown_modules")
def unknown_modules():
    """A convolution before an LSTM and a layer norm after it, which are carried and not run."""
    conv, lstm = nn.Conv1d(4, 6, 3, padding=1), nn.LSTM(6, 9)
    chain = Chain(("conv", conv), ("lstm", lstm), ("norm", nn.LayerNorm(9)), ("fc", nn.Linear(9, 2)))
    with torch.no_grad():
        features = conv(torch.randn(2, 4, 10)).permute(2, 0, 1).contiguous()
    yield chain, {"lstm": chain.case(features, modules=["lstm"])}
