"""Samples of the Elman RNN: the tutorial example and one small model for each option."""

import numpy as np
import torch
from torch import nn

from chain import Chain
from sample import sample


@sample("tutorial/sequence_first", "tutorial/batch_first")
def tutorial():
    """The example of many RNN tutorials: 4 steps, 2 sentences, 3 features, 2 layers of 5 units."""
    rnn = nn.RNN(3, 5, 2)
    # Step t holds word t of both sentences.
    words = torch.from_numpy((np.arange(1, 25) / 10).astype(np.float32)).reshape(4, 2, 3)
    h0 = {"zeros": torch.zeros(2, 2, 5), "normal": torch.randn(2, 2, 5)}
    for batch_first in (False, True):
        chain = Chain(("rnn", rnn), batch_first=batch_first)
        input = words.transpose(0, 1).contiguous() if batch_first else words
        cases = {f"h0_{name}": chain.case(input, {"rnn": (value, None)}) for name, value in h0.items()}
        for members, _ in cases.values():
            last = members["output"][:, -1] if batch_first else members["output"][-1]
            assert torch.equal(members["hn"][-1], last)
        yield chain, cases


@sample("rnn_relu")
def relu():
    """ReLU instead of tanh."""
    chain = Chain(("rnn", nn.RNN(4, 7, 2, nonlinearity="relu")))
    yield chain, {"normal": chain.case(torch.randn(9, 3, 4))}


@sample("rnn_no_bias")
def no_bias():
    """No bias vectors."""
    chain = Chain(("rnn", nn.RNN(4, 6, 2, bias=False)))
    yield chain, {"normal": chain.case(torch.randn(8, 2, 4))}


@sample("rnn_1_layer", "rnn_3_layers", "rnn_4_layers")
def depths():
    """One, three and four layers (the tutorial has two)."""
    for layers, input_size, hidden_size in ((1, 2, 8), (3, 5, 6), (4, 3, 5)):
        chain = Chain(("rnn", nn.RNN(input_size, hidden_size, layers)))
        yield chain, {"normal": chain.case(torch.randn(8, 2, input_size))}


@sample("rnn_h0_given")
def h0_given():
    """A starting state that is not zero, and the same input from the zero state."""
    chain = Chain(("rnn", nn.RNN(3, 6, 2)))
    input = torch.randn(7, 3, 3)
    yield chain, {
        "h0_normal": chain.case(input, {"rnn": (torch.randn(2, 3, 6), None)}),
        "h0_absent": chain.case(input),
    }


@sample("rnn_float64")
def float64():
    """float64 weights, inputs and outputs."""
    chain = Chain(("rnn", nn.RNN(3, 6, 2, dtype=torch.float64)))
    yield chain, {"h0_normal": chain.case(
        torch.randn(8, 2, 3, dtype=torch.float64), {"rnn": (torch.randn(2, 2, 6, dtype=torch.float64), None)})}


@sample("rnn_unbatched")
def unbatched():
    """Input without a batch axis (time, features), and the same as a batch of one."""
    chain = Chain(("rnn", nn.RNN(3, 6, 2)))
    input, h0 = torch.randn(10, 3), torch.randn(2, 6)
    yield chain, {
        "unbatched": chain.case(input),
        "unbatched_h0": chain.case(input, {"rnn": (h0, None)}),
        "batch_of_one": chain.case(input[:, None], {"rnn": (h0[:, None], None)}),
    }


@sample("rnn_batch_first")
def batch_first():
    """(batch, time, features) in and out; states keep the layer axis first."""
    chain = Chain(("rnn", nn.RNN(3, 6, 3)), ("fc", nn.Linear(6, 2)), batch_first=True)
    input = torch.randn(4, 9, 3)
    yield chain, {
        "normal": chain.case(input, {"rnn": (torch.randn(3, 4, 6), None)}),
        "unbatched": chain.case(input[0].clone()),
    }


@sample("rnn_wide_input")
def wide_input():
    """More features and units than one block of a dot product holds, and no multiple of it."""
    chain = Chain(("rnn", nn.RNN(45, 37, 2)), ("fc", nn.Linear(37, 5)))
    yield chain, {"normal": chain.case(0.3 * torch.randn(12, 3, 45))}


@sample("head_out", "head_head", "head_no_bias")
def heads():
    """A linear head under different names, with and without bias."""
    for name, bias in (("out", True), ("head", True), ("linear", False)):
        chain = Chain(("rnn", nn.RNN(3, 6, 2)), (name, nn.Linear(6, 4, bias=bias)))
        yield chain, {"normal": chain.case(torch.randn(8, 2, 3))}


@sample("prefix_none", "prefix_encoder")
def prefixes():
    """A state_dict of the nn.RNN itself (weight_ih_l0), and one of a model that keeps it deep inside."""
    chain = Chain(("", nn.RNN(3, 5, 2)))
    yield chain, {"normal": chain.case(torch.randn(6, 2, 3))}
    chain = Chain(("encoder.rnn", nn.RNN(3, 5, 2)), ("encoder.head.linear", nn.Linear(5, 2)))
    yield chain, {"normal": chain.case(torch.randn(6, 2, 3))}


@sample("prefix_module")
def data_parallel():
    """A model saved from inside nn.DataParallel."""
    chain = Chain(("rnn", nn.RNN(3, 5, 2)), ("fc", nn.Linear(5, 1)))
    yield chain, {"normal": chain.case(torch.randn(6, 2, 3))}, {
        "state_dict": nn.DataParallel(chain.tree).state_dict(), "prefix": "module."}


@sample("extra_tensors")
def extra_tensors():
    """Tensors of many types that are no part of the chain, before and after it; every one is carried."""
    chain = Chain(("rnn", nn.RNN(3, 6, 2)), ("fc", nn.Linear(6, 1)))
    tree, case = chain.tree, chain.case(torch.randn(8, 2, 3))
    tree.register_buffer("step", torch.tensor(12_345, dtype=torch.int64))
    tree.register_buffer("history", torch.empty(0, 3))
    tree.add_module("scaler", nn.Module())
    tree.scaler.register_buffer("mean", torch.randn(3, dtype=torch.float64))
    tree.scaler.register_buffer("scale", torch.rand(3, dtype=torch.float64) + 0.5)
    tree.add_module("tokenizer", nn.Module())
    tree.tokenizer.register_buffer("model", torch.randint(0, 256, (97,), dtype=torch.uint8))
    tree.add_module("cache", nn.Module())
    tree.cache.register_buffer("queries", torch.randn(2, 5).to(torch.float16))
    tree.cache.register_buffer("keys", torch.randn(5, 2).to(torch.bfloat16))
    tree.cache.register_buffer("ids", torch.randint(-9, 9, (4,), dtype=torch.int32))
    yield chain, {"normal": case}
