"""A chain of PyTorch modules: what RNNKit calls a model, run by PyTorch itself."""

import copy
import warnings
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

# PyTorch says so of every LSTM with a projection; its default implementation is as good.
warnings.filterwarnings("ignore", message="LSTM with projections is not supported with oneDNN")

FRAMEWORK = "torch " + torch.__version__.split("+")[0]
CELLS = (nn.RNNCell, nn.LSTMCell, nn.GRUCell)
RECURRENT = (nn.RNN, nn.LSTM, nn.GRU) + CELLS
ACTIVATIONS = {
    None: lambda x: x,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "softmax": lambda x: torch.softmax(x, dim=-1),
    "log_softmax": lambda x: torch.log_softmax(x, dim=-1),
}


@dataclass
class Link:
    """One module under its name, and what follows it."""

    name: str
    module: nn.Module
    activation: str | None = None
    returns_sequence: bool = True

    @property
    def is_recurrent(self):
        return isinstance(self.module, RECURRENT)

    @property
    def is_runnable(self):
        return self.is_recurrent or isinstance(self.module, (nn.Linear, nn.Embedding))

    def describe(self):
        """The module as RNNKit's architecture has it."""
        m = self.module
        result = {"type": type(m).__name__, "name": self.name}
        if isinstance(m, nn.Embedding):
            result |= {"num_embeddings": m.num_embeddings, "embedding_dim": m.embedding_dim}
            return result if m.padding_idx is None else result | {"padding_idx": m.padding_idx}
        if isinstance(m, nn.Linear):
            result |= {"in_features": m.in_features, "out_features": m.out_features, "bias": m.bias is not None}
            return result if self.activation is None else result | {"activation": self.activation}
        if not self.is_recurrent:
            return {"type": "Unknown", "name": self.name, "tensors": [f"{self.name}.{k}" for k in m.state_dict()]}
        result |= {"input_size": m.input_size, "hidden_size": m.hidden_size}
        if isinstance(m, CELLS):
            result["bias"] = m.bias
        else:
            result |= {"num_layers": m.num_layers, "bias": m.bias, "bidirectional": m.bidirectional}
        if isinstance(m, (nn.RNN, nn.RNNCell)):
            result["nonlinearity"] = m.nonlinearity
        if isinstance(m, nn.LSTM):
            result["proj_size"] = m.proj_size
        if not self.returns_sequence:
            result["returns_sequence"] = False
        return result


class Chain:
    """Modules in the order they are applied. `tree` is the nn.Module that holds them under their names."""

    def __init__(self, *links, batch_first=False):
        self.links = [link if isinstance(link, Link) else Link(*link) for link in links]
        self.batch_first = batch_first
        self.tree = nn.Module()
        for link in self.links:
            if link.is_recurrent and not isinstance(link.module, CELLS):
                link.module.batch_first = batch_first
            if link.name == "":
                self.tree = link.module
                continue
            *path, last = link.name.split(".")
            parent = self.tree
            for part in path:
                if part not in parent._modules:
                    parent.add_module(part, nn.Module())
                parent = parent._modules[part]
            parent.add_module(last, link.module)

    def architecture(self, prefix=""):
        modules = []
        for link in self.links:
            about = link.describe()
            about["name"] = prefix + about["name"]
            modules.append(about)
        return {"batch_first": self.batch_first, "modules": modules}

    def part(self, names):
        """The links of these names, as a chain of their own."""
        part = copy.copy(self)
        part.links = [link for link in self.links if link.name in names]
        return part

    def converted(self, dtype):
        """The same chain with its weights in another type; widening is exact."""
        other = copy.copy(self)
        other.links = [
            Link(link.name, copy.deepcopy(link.module).to(dtype), link.activation, link.returns_sequence)
            for link in self.links
        ]
        return other

    @torch.no_grad()
    def run(self, input, states=None, lengths=None):
        """What the chain gives: output, hn, cn and y.

        states: module name -> (h0, c0), c0 None but for an LSTM. lengths: int64 (batch).
        """
        states = states or {}
        recurrent = [link for link in self.links if link.is_recurrent]
        results, x, after = {}, input, False
        for link in self.links:
            if link.is_recurrent:
                label = "" if len(recurrent) == 1 else link.name + "."
                x, hn, cn = run_recurrent(link.module, x, *states.get(link.name, (None, None)), lengths)
                results |= {"output": x, label + "hn": hn}
                if cn is not None:
                    results[label + "cn"] = cn
                after = False
                if not link.returns_sequence:
                    x = x[:, -1] if self.batch_first and x.dim() == 3 else x[-1]
                    after = True
            elif isinstance(link.module, (nn.Linear, nn.Embedding)):
                x = ACTIVATIONS[link.activation](link.module(x))
                after = True
            else:
                raise ValueError(f"{link.name} is no module that a case can be made of")
        if after:
            results["y"] = x
        last = [k for end in ("hn", "cn") for k in results if k.endswith(end)]
        order = ["output", *last, "y"]
        return {k: results[k] for k in order if k in results}

    def case(self, input, states=None, lengths=None, modules=None):
        """A reference case (members, metadata): what goes in, what PyTorch gives, and the same in float64.

        float16 and bfloat16 weights are widened to float32 first, as PyTorch's arithmetic in them rounds every step.
        modules: the names of the part of the chain that is run, where it is not all of it.
        """
        chain = self.part(modules) if modules else self
        dtype = next(chain.links[-1].module.parameters()).dtype
        working = torch.float64 if dtype == torch.float64 else torch.float32
        members = {"input": input}
        for member, index in (("h0", 0), ("c0", 1)):
            for name, pair in (states or {}).items():
                if pair[index] is not None:
                    single = sum(link.is_recurrent for link in chain.links) == 1
                    members[member if single else f"{name}.{member}"] = pair[index]
        if lengths is not None:
            members["lengths"] = lengths
        members |= chain.converted(working).run(input, states, lengths)
        if working == torch.float32:
            wide = lambda x: x.double() if x is not None and x.is_floating_point() else x
            exact = chain.converted(torch.float64).run(
                wide(input), {k: tuple(map(wide, pair)) for k, pair in (states or {}).items()}, lengths)
            members |= {name + "64": exact[name] for name in ("output", "y") if name in exact}
        return members, {"framework": FRAMEWORK} | ({"modules": modules} if modules else {})


def run_recurrent(module, x, h0=None, c0=None, lengths=None):
    """output, hn and cn (None but for an LSTM) of one recurrent module over a whole sequence."""
    if isinstance(module, CELLS):
        return run_cell(module, x, h0, c0)
    hx = (h0, c0) if c0 is not None else h0
    if lengths is None:
        output, state = module(x, hx)
    else:
        steps = x.shape[1 if module.batch_first else 0]
        packed = pack_padded_sequence(x, lengths, batch_first=module.batch_first, enforce_sorted=False)
        output, state = module(packed, hx)
        output, _ = pad_packed_sequence(output, batch_first=module.batch_first, total_length=steps)
    hn, cn = state if isinstance(state, tuple) else (state, None)
    return output, hn, cn


def run_cell(cell, x, h0, c0):
    """The same of an nn.RNNCell, LSTMCell or GRUCell, called step by step; states keep a layer axis of 1."""
    is_lstm = isinstance(cell, nn.LSTMCell)
    state = None if h0 is None else (h0[0], c0[0]) if is_lstm else h0[0]
    outputs = []
    for step in x:
        state = cell(step, state)
        outputs.append(state[0] if is_lstm else state)
    h, c = state if is_lstm else (state, None)
    return torch.stack(outputs), h[None], None if c is None else c[None]
