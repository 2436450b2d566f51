"""Random classifiers and taggers as people write them: PyTorch source, the forward line, and the Keras model of the same weights."""

import random

import numpy as np
import torch

ACTIVATIONS = {"relu": "ReLU", "tanh": "Tanh", "sigmoid": "Sigmoid"}


class Description:
    """A model as text. `source` defines the class Net; `text` is its forward, `line` the same in the forward line's grammar.

    `steps` is what Keras is built from: (result, kind, arguments). `outputs` names
    what comes out, each with whether it has a value per step.
    """

    def __init__(self, seed):
        self.seed, self.random = seed, random.Random(seed)
        self.init, self.body, self.lines, self.steps = [], [], [], []
        self.kinds, self.outputs = [], []
        self.batch_first = self.chance(0.75)
        self.relu_rnn = False
        self.draw()

    def chance(self, p):
        return self.random.random() < p

    def add(self, result, torch_text, line, kind, *arguments):
        self.body.append(f"{result} = {torch_text}")
        self.lines.append(f"{result} = {line}")
        self.steps.append((result, kind, *arguments))
        return result

    def draw(self):
        r = self.random
        self.vocabulary = r.randint(5, 20) if self.chance(0.5) else None
        value, width, first = "x", r.randint(1, 4), "x"
        self.features = width
        if self.vocabulary:
            width = r.randint(2, 6)
            name = r.choice(["embed", "embedding", "emb"])
            self.init.append(f"self.{name} = nn.Embedding({self.vocabulary}, {width})")
            value = first = self.add("e", f"self.{name}(x)", f"{name}(x)", "module", name, "x")
            self.kinds.append("embedding")
        self.first, self.first_width = first, width
        if self.chance(0.3):
            value = self.dropout(value)
        value, width = self.recurrents(value, width)
        if self.skips_around and self.first_width == width:
            value = self.add("s", f"{value} + {first}", f"{value} + {first}", "add", value, first)
            self.kinds.append("skip")
        elif self.chance(0.1):
            value = self.add("s", f"torch.cat([{value}, {first}], dim=-1)", f"cat({value}, {first})", "cat", value, first)
            width += self.first_width
            self.kinds.append("skip by cat")
        self.read(value, width)

    def dropout(self, value):
        self.kinds.append("dropout")
        if self.chance(0.5):
            if not any("self.drop =" in line for line in self.init):
                self.init.append("self.drop = nn.Dropout(0.2)")
            return self.add(f"d{len(self.body)}", f"self.drop({value})", f"dropout({value})", "same", value)
        return self.add(f"d{len(self.body)}", f"F.dropout({value}, 0.2, self.training)", f"dropout({value})", "same", value)

    def recurrents(self, value, width):
        r = self.random
        cell, count = r.choice(["LSTM", "GRU", "RNN"]), r.randint(1, 3)
        self.both, self.cell = self.chance(0.3), cell
        self.skips_around = self.chance(0.3) and width >= 2
        hidden = (width if not self.both else max(1, width // 2)) if self.skips_around else r.randint(2, 6)
        stacked = self.chance(0.5)
        modules = [(cell.lower(), count)] if stacked else [(f"{cell.lower()}{i + 1}" if count > 1 else cell.lower(), 1) for i in range(count)]
        self.relu_rnn = cell == "RNN" and self.chance(0.3)
        self.directions = 1 + self.both
        for index, (name, layers) in enumerate(modules):
            options = [f"{width}", f"{hidden}"]
            if layers > 1:
                options.append(f"num_layers={layers}")
            if self.both:
                options.append("bidirectional=True")
            if self.batch_first:
                options.append("batch_first=True")
            if self.relu_rnn:
                options.append("nonlinearity='relu'")
            self.init.append(f"self.{name} = nn.{cell}({', '.join(options)})")
            out, h = f"o{index + 1}", f"h{index + 1}"
            states = f"({h}, c{index + 1})" if cell == "LSTM" else h
            self.body.append(f"{out}, {states} = self.{name}({value})")
            self.lines.append(f"{out} = {name}({value})")
            self.steps.append((out, "recurrent", name, value))
            self.states, self.last, value, width = h, out, out, hidden * self.directions
        self.kinds.append(f"{cell}, {'both ways' if self.both else 'forward'}")
        return value, width

    def pooled(self, value, width):
        """The last step of a value, or the last states."""
        end = f"{value}[:, -1]" if self.batch_first else f"{value}[-1]"
        if value != self.last or self.chance(0.5):
            self.kinds.append("last step")
            return self.add("p", end, f"last({value})", "last", value), width
        self.kinds.append("last states")
        h, line = self.states, f"{self.last}.hn"
        call = next(text.split(" = ")[1] for text in self.lines if text.startswith(f"{self.last} = "))
        line = f"{call}.hn"
        if "several outputs" not in self.kinds:
            self.lines.pop()  # Its output is not asked for.
        if not self.both:
            return self.add("p", f"{h}[-1]", f"{line}[-1]", "states", value), width
        return self.add("p", f"torch.cat(({h}[-2], {h}[-1]), dim=1)", f"cat({line}[-2], {line}[-1])", "states", value), width

    def head(self, value, width, prefix, steps, result):
        r, count, classes = self.random, self.random.randint(1, 3), self.random.randint(1, 5)
        widths = [r.randint(2, 6) for _ in range(count - 1)] + [classes]
        if count > 1 and self.chance(0.4):
            # A Sequential; its numbers count what has no weights.
            parts, index, line = [], 0, value
            current = value
            for i, out in enumerate(widths):
                name = f"{prefix}.{index}"
                parts.append(f"nn.Linear({width}, {out})")
                line = f"{name}({line})"
                self.steps.append((f"{prefix}{i}", "module", name, current))
                current, width, index = f"{prefix}{i}", out, index + 1
                if i + 1 < count:
                    act = r.choice([*ACTIVATIONS])
                    parts.append(f"nn.{ACTIVATIONS[act]}()")
                    line, index = f"{act}({line})", index + 1
                    self.steps.append((f"{prefix}{i}a", "activation", act, current))
                    current = f"{prefix}{i}a"
                    if self.chance(0.3):
                        parts.append("nn.Dropout(0.1)")
                        index += 1
            self.init.append(f"self.{prefix} = nn.Sequential({', '.join(parts)})")
            self.body.append(f"{result} = self.{prefix}({value})")
            self.lines.append(f"{result} = {line}")
            self.steps.append((result, "same", current))
            self.kinds.append("Sequential")
        else:
            for i, out in enumerate(widths):
                name = prefix if count == 1 else f"{prefix}{i + 1}"
                self.init.append(f"self.{name} = nn.Linear({width}, {out})")
                own, width = (result if i + 1 == count else f"{prefix}_{i}"), out
                value = self.add(own, f"self.{name}({value})", f"{name}({value})", "module", name, value)
                if i + 1 < count and self.chance(0.8):
                    act = r.choice([*ACTIVATIONS])
                    style = r.choice([f"torch.{act}({value})", f"{value}.{act}()"])
                    value = self.add(f"{prefix}_{i}a", style, f"{act}({value})", "activation", act, value)
        self.kinds.append(f"{count} linear")
        if steps and not self.vocabulary and self.chance(0.2) and width <= self.features:
            self.add(result, f"{result} + x[..., :{width}]", f"{result} + x[..., :{width}]", "slice", result)
            self.kinds.append("skip of the input")
        if self.chance(0.3):
            act = r.choice(["sigmoid", "tanh", "softmax", "log_softmax"])
            given = f"{result}, dim=-1" if "softmax" in act else result
            self.add(result, f"{'F' if 'softmax' in act else 'torch'}.{act}({given})", f"{act}({result})", "activation", act, result)
        self.outputs.append((result, steps))

    def read(self, value, width):
        kind = self.random.choice(["every", "pooled", "pooled", "several"])
        self.kinds.append({"every": "every step", "pooled": "pooled", "several": "several outputs"}[kind])
        if kind in ("every", "several"):
            self.head(value, width, "fc" if kind == "every" else "tagger", True, "y" if kind == "every" else "tags")
        if kind in ("pooled", "several"):
            pooled, width = self.pooled(value, width)
            if self.chance(0.3):
                pooled = self.dropout(pooled)
            self.head(pooled, width, "fc" if kind == "pooled" else "scorer", False, "y" if kind == "pooled" else "score")

    @property
    def names(self):
        return [name for name, _ in self.outputs]

    @property
    def text(self):
        body = "\n".join(f"    {line}" for line in [*self.body, f"return {', '.join(self.names)}"])
        return f"def forward(self, x):\n{body}\n"

    @property
    def line(self):
        if len(self.names) > 1:
            return "\n".join([f"x -> {', '.join(self.names)}", *self.unique(), ", ".join(self.names)])
        return "; ".join([*self.unique()[:-1], self.unique()[-1].split(" = ", 1)[1]])

    def unique(self):
        """The lines with a name for each value: what is assigned again gets a new name, but for the last."""
        count = {}
        for line in self.lines:
            name = line.split(" = ")[0]
            count[name] = count.get(name, 0) + 1
        seen, current, result = {}, {}, []
        for line in self.lines:
            name, value = line.split(" = ", 1)
            for old, new in current.items():
                if old != new:
                    value = value.replace(f"({old})", f"({new})").replace(f"{old} + x", f"{new} + x")
            seen[name] = seen.get(name, 0) + 1
            current[name] = name if seen[name] == count[name] else f"{name}{'_' * seen[name]}raw"
            result.append(f"{current[name]} = {value}")
        return result

    @property
    def source(self):
        init = "\n".join(f"        {line}" for line in self.init)
        forward = "\n".join(f"    {line}" for line in self.text.splitlines())
        return ("import torch\nimport torch.nn.functional as F\nfrom torch import nn\n\n\nclass Net(nn.Module):\n"
                f"    def __init__(self):\n        super().__init__()\n{init}\n\n{forward}\n")

    def sequence(self, batch=2, time=5, seed=0):
        generator = torch.Generator().manual_seed(self.seed + seed)
        shape = (batch, time) if self.batch_first else (time, batch)
        if self.vocabulary:
            return torch.randint(0, self.vocabulary, shape, generator=generator)
        return torch.randn((*shape, self.features), generator=generator)

    def fill(self, net):
        """Weights whose sums of two biases are exact in float32, as Keras has one bias where PyTorch has two."""
        generator = torch.Generator().manual_seed(self.seed)
        with torch.no_grad():
            for parameter in net.parameters():
                parameter.copy_((torch.rand(parameter.shape, generator=generator) - 0.5) * 1.4 * 4096).round_().div_(4096)
        return net.eval()


def recurrent_weights(module, layer, suffix):
    own = {kind: getattr(module, f"{kind}_l{layer}{suffix}").detach().numpy() for kind in
           ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
    w, u, b, c = own.values()
    if isinstance(module, torch.nn.GRU):
        turn = lambda a: np.concatenate([np.split(a, 3)[i] for i in (1, 0, 2)])
        return [turn(w).T, turn(u).T, np.stack([turn(b), turn(c)])]
    return [w.T, u.T, b + c]


def keras_model(description, net):
    """The Keras model of the same weights."""
    import keras
    L, made = keras.layers, {}
    recurrent = {s[0] for s in description.steps if s[1] == "recurrent"}
    # The last step both ways, or of a sum, is an index, as people write it; other last values are the layer's own.
    indexed = {s[0] for s in description.steps if s[1] == "last" and (description.both or s[2] not in recurrent)}
    uses_states = {s[2] for s in description.steps if s[1] in ("last", "states") and s[0] not in indexed}
    several = len(description.outputs) > 1
    x = made["x"] = keras.Input((None,) if description.vocabulary else (None, description.features), name="input",
                                dtype="int32" if description.vocabulary else "float32")
    states, weights = {}, []
    for result, kind, *arguments in description.steps:
        if kind == "recurrent":
            module, value = getattr(net, arguments[0]), made[arguments[1]]
            for layer in range(module.num_layers):
                top = layer + 1 == module.num_layers and result in uses_states
                options = {"return_sequences": not top or several, "return_state": top and several}
                if isinstance(module, torch.nn.RNN):
                    options["activation"] = module.nonlinearity
                own = {"LSTM": L.LSTM, "GRU": L.GRU, "RNN": L.SimpleRNN}[type(module).__name__](module.hidden_size, **options)
                own = L.Bidirectional(own) if module.bidirectional else own
                value = own(value)
                if top and several:
                    sides = value[1::len(value) // 2] if module.bidirectional else [value[1]]
                    states[result] = L.Concatenate()(sides) if module.bidirectional else sides[0]
                    value = value[0]
                weights.append((own, [w for suffix in ["", "_reverse"][:1 + module.bidirectional]
                                      for w in recurrent_weights(module, layer, suffix)]))
            made[result] = value
        elif kind == "module":
            module = net.get_submodule(arguments[0])
            if isinstance(module, torch.nn.Embedding):
                own, given = L.Embedding(*module.weight.shape), [module.weight.detach().numpy()]
            else:
                own, given = L.Dense(module.out_features), [module.weight.detach().numpy().T, module.bias.detach().numpy()]
            made[result] = own(made[arguments[1]])
            weights.append((own, given))
        elif kind == "activation":
            made[result] = L.Activation(arguments[0])(made[arguments[1]])
        elif kind in ("add", "cat"):
            made[result] = (L.Add() if kind == "add" else L.Concatenate())([made[a] for a in arguments])
        elif result in indexed:
            made[result] = made[arguments[0]][:, -1]
        elif kind in ("last", "states"):
            made[result] = states.get(arguments[0], made[arguments[0]])
        elif kind == "slice":
            width = made[arguments[0]].shape[-1]
            made[result] = L.Add()([made[arguments[0]], x[..., :width]])
        else:
            made[result] = L.Dropout(0.2)(made[arguments[0]])
    results = [made[name] for name in description.names]
    if several:
        results = [L.Activation("linear", name=name)(made[name]) for name in description.names]
    model = keras.Model(x, results if several else results[0])
    for layer, given in weights:
        layer.set_weights(given)
    return model
