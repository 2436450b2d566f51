"""What a module's forward computes, traced by torch.fx, as a forward line (Schemas/forward.md)."""

import inspect
import math
import operator
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

import torch
from torch import fx, nn
from torch.nn import functional as F

from .._errors import Error, Kind
from ._modules import RECURRENT, described


class Value(NamedTuple):
    """What a node of the graph is in the line.

    Kinds: "sequence" has all three axes, "row" no time, "recurrent" is what a recurrent module returns, "states" its
    states, "state" one of them whole, "shape" sizes, "number" a Python number, "zeros" a starting state of zeros.
    """

    kind: str
    text: str
    of: str = ""


class Traced(NamedTuple):
    line: str
    modules: List[Dict[str, Any]]
    tensors: Dict[str, torch.Tensor]
    batch_first: bool
    inputs: List[str]
    # For every tensor that the forward returns the member of a run; None for what stands first.
    outputs: List[Optional[str]]


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return type(m).__module__.startswith("torch.nn") and not isinstance(m, (nn.Sequential, nn.ModuleList, nn.ModuleDict))


class _Alone(nn.Module):
    """A torch.nn module by itself, which tracing would look into, under its type's name."""

    def __init__(self, item: nn.Module) -> None:
        super().__init__()
        self.add_module(type(item).__name__.lower(), item)

    def forward(self, x: torch.Tensor) -> Any:
        return next(iter(self._modules.values()))(x)  # type: ignore[misc]


def whole(module: nn.Module) -> nn.Module:
    """The module, or one around it where tracing takes it for a single step."""
    return _Alone(module) if _Tracer().is_leaf_module(module, "") else module


def refusal(what: str, remedy: str, place: str = "forward") -> Error:
    return Error(Kind.BAD_DATA, what, place=place, remedy=remedy)


def graph_of(module: nn.Module, names: List[str]) -> fx.GraphModule:
    """The traced forward, of the inputs of these names alone."""
    parameters = inspect.signature(module.forward).parameters
    left_out = {
        name: item.default for name, item in parameters.items()
        if name not in names and item.kind in (item.POSITIONAL_OR_KEYWORD, item.KEYWORD_ONLY) and item.default is not item.empty}
    tracer = _Tracer()
    try:
        return fx.GraphModule(module, tracer.trace(module, concrete_args=left_out or None))
    except Exception as error:
        words = " ".join(str(error).split())
        raise refusal(
            f"torch.fx cannot trace it: {words[:200]}",
            "write a forward without conditions, loops and packing that depend on numbers (a run heeds lengths by itself), or "
            "save the state_dict and say what is computed with rnnkit.open(..., forward=...)", type(module).__name__) from error


def _name(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


_ELEMENTWISE: Dict[Any, str] = {}
for _text, _items in {
    "relu": (torch.relu, F.relu, nn.ReLU, "relu", "relu_", torch.relu_), "tanh": (torch.tanh, F.tanh, nn.Tanh, "tanh"),
    "sigmoid": (torch.sigmoid, F.sigmoid, nn.Sigmoid, "sigmoid"), "silu": (F.silu, nn.SiLU),
    "softsign": (F.softsign, nn.Softsign), "exp": (torch.exp, "exp"), "log": (torch.log, "log"),
    "sqrt": (torch.sqrt, "sqrt"), "abs": (torch.abs, "abs"),
}.items():
    _ELEMENTWISE.update({item: _text for item in _items})

_SAME = {"contiguous", "clone", "detach", "float", torch.clone, nn.Identity}
_DROPOUT = (nn.Dropout, nn.AlphaDropout, nn.FeatureAlphaDropout, nn.Dropout1d)
_ARITHMETIC = {
    operator.add: "+", torch.add: "+", "add": "+", operator.sub: "-", torch.sub: "-", "sub": "-", operator.mul: "*",
    torch.mul: "*", "mul": "*", operator.truediv: "/", torch.div: "/", "div": "/", operator.iadd: "+", operator.isub: "-",
    operator.imul: "*", operator.itruediv: "/",
}


class Writer:
    """Goes through a graph and writes a statement for each step."""

    def __init__(self, module: nn.Module, graph: fx.Graph, inputs: List[str]) -> None:
        self.module, self.graph, self.inputs = module, graph, inputs
        self.statements: List[str] = []
        self.values: Dict[fx.Node, Value] = {}
        self.modules: Dict[str, Dict[str, Any]] = {}
        self.tensors: Dict[str, torch.Tensor] = {}
        self.calls: Dict[str, str] = {}
        firsts = {bool(item.batch_first) for item in self._called() if isinstance(item, (nn.RNN, nn.LSTM, nn.GRU))}
        if len(firsts) > 1:
            raise refusal("some of its recurrent modules are batch_first and some are not", "make them all the same")
        self.batch_first = firsts.pop() if firsts else False
        self.time = 1 if self.batch_first else 0

    def _called(self) -> List[nn.Module]:
        return [self.module.get_submodule(str(node.target)) for node in self.graph.nodes if node.op == "call_module"]

    def write(self) -> Traced:
        for node in self.graph.nodes:
            if node.op == "output":
                return self._finish(node.args[0])
            if node.users or node.op == "placeholder":
                found = self._value(node)
                if found is not None:
                    self.values[node] = found
        raise refusal("it returns nothing", "return the result")

    def refuse(self, node: fx.Node, why: str = "no forward line says this", remedy: str = "") -> Error:
        call = node.format_node() or str(node)
        source = [line.strip() for line in (node.stack_trace or "").splitlines() if line.strip()]
        where = f"{source[-2]}: {source[-1]}" if len(source) > 1 and source[-2].startswith("File") else str(node.target)
        return refusal(f"{why}: {call.split(' = ', 1)[-1]}", remedy or "compute it outside of the module that is saved", where)

    def _finish(self, result: Any) -> Traced:
        results = list(result) if isinstance(result, (tuple, list)) else [result]
        listed: List[str] = []
        outputs: List[Optional[str]] = []

        def add(item: Any) -> None:
            if isinstance(item, (tuple, list)):
                for part in item:
                    add(part)
                return
            value = self.values.get(item) if isinstance(item, fx.Node) else None
            if value is None:
                raise refusal(f"it returns {item}, which is no tensor of a step", "return tensors alone")
            if value.kind == "recurrent":
                value = Value("sequence", value.text, value.of)
                listed.append(value.text)
                outputs.append("")
                for state in ("hn", "cn")[: 2 if self._is_lstm(value.of) else 1]:
                    outputs.append(f"{value.of}.{state}")
            elif value.kind == "states":
                for state in ("hn", "cn")[: 2 if self._is_lstm(value.of) else 1]:
                    outputs.append(f"{value.of}.{state}")
            elif value.kind == "state":
                outputs.append(f"{value.of}.{value.text.rsplit('.', 1)[1]}")
            elif value.kind in ("sequence", "row"):
                listed.append(value.text)
                outputs.append("")
            else:
                raise refusal(f"it returns {item}, a {value.kind}", "return tensors of steps alone")

        for item in results:
            add(item)
        if not listed:
            raise refusal("it returns states alone", "return the output too, or a state of one layer: h[-1]")
        names = ["_"] if len(listed) == 1 else [f"out{index}" for index in range(len(listed))]
        found = iter([None] if len(listed) == 1 else names)
        header = f"{', '.join(self.inputs)} -> {', '.join(names)}"
        return Traced(
            "; ".join([header, *self.statements, ", ".join(listed)]), list(self.modules.values()), self.tensors, self.batch_first,
            self.inputs, [next(found) if item == "" else item for item in outputs])

    def _is_lstm(self, name: str) -> bool:
        return isinstance(self.module.get_submodule(name), (nn.LSTM, nn.LSTMCell))

    def _step(self, kind: str, text: str, of: str = "") -> Value:
        name = f"v{len(self.statements) + 1}"
        while name in self.inputs:
            name += "_"
        self.statements.append(f"{name} = {text}")
        return Value(kind, name, of)

    def _taken(self, node: fx.Node, argument: Any) -> Value:
        """A sequence or a row that a step takes."""
        value = self.values.get(argument) if isinstance(argument, fx.Node) else None
        if value is not None and value.kind in ("sequence", "row"):
            return value
        raise self.refuse(node)

    def _value(self, node: fx.Node) -> Optional[Value]:
        if node.op == "placeholder":
            # One with a default that the example leaves out stands in the graph with a check of its value.
            return Value("sequence" if node.target in self.inputs else "shape", str(node.target))
        if node.op == "call_module":
            return self._module(node)
        if node.op == "get_attr":
            return self._tensor(node)
        return self._function(node)

    def _tensor(self, node: fx.Node) -> Value:
        found: Any = self.module
        for part in str(node.target).split("."):
            found = getattr(found, part)
        if found.dim() > 1 or found.dtype not in (torch.float32, torch.float64):
            raise self.refuse(node, f"a tensor of shape {tuple(found.shape)} of the module's own",
                              "use one of one axis, or hold it in a Linear")
        if found.numel() <= 64 or not isinstance(found, nn.Parameter):
            numbers = [repr(float(number)) for number in found.reshape(-1)]
            return Value("number", numbers[0] if len(numbers) == 1 else f"[{', '.join(numbers)}]")
        self.tensors[str(node.target)] = found
        return Value("number", _name(str(node.target)))

    # ---- Modules

    def _module(self, node: fx.Node) -> Value:
        name = str(node.target)
        item = self.module.get_submodule(name)
        kind = type(item)
        if isinstance(item, _DROPOUT):
            value = self._taken(node, node.args[0])
            return self._step(value.kind, f"nothing({value.text}, {_name(name)})")
        if kind in _SAME:
            return self.values[node.args[0]]  # type: ignore[index]
        function = _activation(item)
        if function is not None:
            value = self._taken(node, node.args[0])
            return self._step(value.kind, function.format(value.text))
        if kind in (nn.Softmax, nn.LogSoftmax):
            return self._softmax(node, "log_softmax" if kind is nn.LogSoftmax else "softmax", node.args[0], item.dim)
        if kind in RECURRENT and kind not in (nn.RNN, nn.LSTM, nn.GRU):
            raise self.refuse(node, "one step of a cell", f"use nn.{kind.__name__[:-4]}, which runs all steps")
        about = described(item, name)
        if about is None:
            raise self.refuse(node, f"{kind.__name__} is not among what RNNKit runs",
                              "save a module without it, and run it in front or behind")
        entry, tensors = about
        self.modules[name] = entry
        self.tensors.update({f"{name}.{key}": tensor for key, tensor in tensors.items()})
        value = self._taken(node, node.args[0])
        if kind in (nn.RNN, nn.LSTM, nn.GRU):
            state = node.args[1] if len(node.args) > 1 else node.kwargs.get("hx")
            if not self._is_zeros(state):
                raise self.refuse(node, "a starting state that is computed", "start from zeros, and give a run its state")
            if value.kind != "sequence":
                raise self.refuse(node, "a recurrent module over one step")
            if name in self.calls:
                raise self.refuse(node, f"{name} is called twice", "use a module of its own for each call")
            result = self._step("recurrent", f"{_name(name)}({value.text})", name)
            self.calls[name] = result.text
            return result
        return self._step(value.kind, f"{_name(name)}({value.text})")

    def _is_zeros(self, state: Any) -> bool:
        if state is None:
            return True
        if isinstance(state, (tuple, list)):
            return all(self._is_zeros(item) for item in state)
        return isinstance(state, fx.Node) and state in self.values and self.values[state].kind == "zeros"

    # ---- Functions

    def _softmax(self, node: fx.Node, word: str, argument: Any, axis: Any) -> Value:
        value = self._taken(node, argument)
        if axis not in (-1, 2 if value.kind == "sequence" else 1):
            raise self.refuse(node, f"{word} over another axis than features", "use dim=-1 where features are meant")
        return self._step(value.kind, f"{word}({value.text})")

    def _function(self, node: fx.Node) -> Optional[Value]:
        target, arguments = node.target, node.args
        if target in _SAME:
            return self.values.get(arguments[0])  # type: ignore[arg-type]
        if getattr(target, "__name__", "") == "_assert_is_none":
            return None
        if target is getattr or target in ("size", "flatten_parameters", "dim", "new_zeros"):
            return Value("zeros" if target == "new_zeros" else "shape", "")
        if target in (torch.zeros, torch.zeros_like):
            return Value("zeros", "")
        first = self.values.get(arguments[0]) if arguments and isinstance(arguments[0], fx.Node) else None
        if first is not None and first.kind in ("shape", "zeros") and target in (
                operator.getitem, operator.mul, operator.add, operator.floordiv, "to", "type", "unsqueeze", "expand"):
            return first
        if target is operator.getitem and first is not None:
            return self._index(node, first, arguments[1])
        if target == "to" and first is not None and first.kind in ("sequence", "row"):
            return first
        if target in _ARITHMETIC:
            return self._arithmetic(node, _ARITHMETIC[target])
        if target in (operator.neg, torch.neg, "neg"):
            value = self._taken(node, arguments[0])
            return self._step(value.kind, f"-{value.text}")
        word = _ELEMENTWISE.get(target)
        if word is not None:
            value = self._taken(node, arguments[0])
            return self._step(value.kind, f"{word}({value.text})")
        if target in (F.dropout, F.alpha_dropout, F.feature_alpha_dropout):
            if (node.kwargs.get("training", arguments[2] if len(arguments) > 2 else True)) is True:
                raise self.refuse(node, "dropout that is active at inference", "pass training=self.training")
            return self.values[arguments[0]]  # type: ignore[index]
        if target in (F.softmax, F.log_softmax, torch.softmax, torch.log_softmax, "softmax", "log_softmax"):
            axis = node.kwargs.get("dim", arguments[1] if len(arguments) > 1 else None)
            return self._softmax(node, str(getattr(target, "__name__", target)), arguments[0], axis)
        if target in (torch.cat, torch.concat):
            return self._joined(node)
        if target is torch.flip or target == "flip":
            dims = node.kwargs.get("dims", arguments[1:] if len(arguments) > 2 else arguments[1])
            dims = dims if isinstance(dims, (tuple, list)) else (dims,)
            value = self._taken(node, arguments[0])
            if value.kind == "sequence" and [dim % 3 for dim in dims] == [self.time]:
                return self._step("sequence", f"flip({value.text})")
        if target in (F.leaky_relu, F.elu, F.gelu, F.softplus, F.hardsigmoid, F.hardtanh, F.relu6, torch.clamp, "clamp"):
            return self._parametrized(node)
        raise self.refuse(node)

    def _parametrized(self, node: fx.Node) -> Value:
        value = self._taken(node, node.args[0])
        bound: Dict[str, Any] = dict(node.kwargs)
        defaults: Dict[Any, List[Tuple[str, Any]]] = {
            F.leaky_relu: [("negative_slope", 0.01), ("inplace", False)], F.elu: [("alpha", 1.0), ("inplace", False)],
            F.gelu: [("approximate", "none")], F.softplus: [("beta", 1), ("threshold", 20)],
            F.hardsigmoid: [("inplace", False)], F.hardtanh: [("min_val", -1.0), ("max_val", 1.0), ("inplace", False)],
            F.relu6: [("inplace", False)],
        }
        names = defaults.get(node.target, [("min", None), ("max", None)])
        for (name, default), given in zip(names, list(node.args[1:]) + [None] * len(names)):
            bound[name] = given if given is not None else bound.get(name, default)
        if any(isinstance(item, fx.Node) for item in bound.values()):
            raise self.refuse(node)
        if node.target in (torch.clamp, "clamp"):
            text = _clipped(bound["min"], bound["max"])
        else:
            bound.pop("inplace", None)
            kinds: Dict[Any, Callable[..., nn.Module]] = {
                F.leaky_relu: nn.LeakyReLU, F.elu: nn.ELU, F.gelu: nn.GELU, F.softplus: nn.Softplus,
                F.hardsigmoid: nn.Hardsigmoid, F.hardtanh: nn.Hardtanh, F.relu6: nn.ReLU6}
            text = _activation(kinds[node.target](**bound)) or ""
        if not text:
            raise self.refuse(node)
        return self._step(value.kind, text.format(value.text))

    def _joined(self, node: fx.Node) -> Value:
        items = node.args[0] if node.args else node.kwargs.get("tensors")
        values = [self._taken(node, item) for item in items]  # type: ignore[union-attr]
        axis = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else 0)
        kinds = {value.kind for value in values}
        if len(kinds) != 1 or axis not in (-1, 2 if kinds == {"sequence"} else 1):
            raise self.refuse(node, "tensors joined along another axis than features", "join features: dim=-1")
        return self._step(values[0].kind, f"cat({', '.join(value.text for value in values)})")

    def _arithmetic(self, node: fx.Node, sign: str) -> Value:
        if len(node.args) != 2 or node.kwargs:
            raise self.refuse(node)
        texts, kinds = [], []
        for argument in node.args:
            if isinstance(argument, fx.Node):
                value = self.values.get(argument)
                if value is None or value.kind not in ("sequence", "row", "number"):
                    raise self.refuse(node)
                texts.append(value.text)
                kinds.append(value.kind)
            elif isinstance(argument, (int, float)) and not isinstance(argument, bool) and math.isfinite(argument):
                texts.append(f"({argument!r})" if argument < 0 else repr(argument))
                kinds.append("number")
            else:
                raise self.refuse(node)
        if "sequence" in kinds and "row" in kinds:
            raise self.refuse(node, "steps and one step of a sequence together")
        kind = next((item for item in kinds if item != "number"), None)
        if kind is None:
            raise self.refuse(node, "arithmetic of constants", "compute it in __init__")
        return self._step(kind, f"{texts[0]} {sign} {texts[1]}")

    def _index(self, node: fx.Node, value: Value, index: Any) -> Value:
        if value.kind == "recurrent":
            if index == 0:
                return Value("sequence", value.text, value.of)
            if index == 1:
                return Value("states" if self._is_lstm(value.of) else "state", f"{value.text}.hn", value.of)
        if value.kind == "states" and index in (0, 1):
            return Value("state", f"{value.text.rsplit('.', 1)[0]}.{('hn', 'cn')[index]}", value.of)
        parts = list(index) if isinstance(index, tuple) else [index]
        whole = slice(None, None, None)
        if value.kind == "state":
            if isinstance(parts[0], int) and all(part == whole for part in parts[1:]):
                return self._step("row", f"{value.text}[{parts[0]}]")
            raise self.refuse(node, "several states at once", "take one: h[-1]")
        rank = 3 if value.kind == "sequence" else 2
        if Ellipsis in parts:
            place = parts.index(Ellipsis)
            parts[place:place + 1] = [whole] * (rank - len(parts) + 1)
        parts += [whole] * (rank - len(parts))
        if value.kind in ("sequence", "row") and len(parts) == rank:
            features = parts[-1]
            if all(part == whole for part in parts[:-1]) and isinstance(features, slice) and features.step in (None, 1):
                if features == whole:
                    return value
                bounds = [features.start, features.stop]
                if all(bound is None or isinstance(bound, int) for bound in bounds):
                    text = ":".join("" if bound is None else str(bound) for bound in bounds)
                    return self._step(value.kind, f"{value.text}[..., {text}]")
            at = parts[self.time] if rank == 3 else None
            others = [part for axis, part in enumerate(parts) if axis != self.time]
            if isinstance(at, int) and all(part == whole for part in others):
                return self._step("row", f"at({value.text}, {at})")
        raise self.refuse(node)


def _clipped(least: Any, most: Any) -> str:
    bounds = [f"{name}={float(bound)!r}" for name, bound in (("min", least), ("max", most)) if bound is not None]
    return f"clip({{}}, {', '.join(bounds)})" if bounds else ""


def _activation(item: nn.Module) -> Optional[str]:
    """A module without parameters as a function of {}; None for any other."""
    kind = type(item)
    if kind in _ELEMENTWISE:
        return _ELEMENTWISE[kind] + "({})"
    if isinstance(item, nn.LeakyReLU):
        return f"leaky_relu({{}}, alpha={float(item.negative_slope)!r})"
    if kind is nn.ELU:
        return f"elu({{}}, alpha={float(item.alpha)!r})"  # type: ignore[attr-defined]
    if kind is nn.GELU:
        return "gelu_tanh({})" if item.approximate == "tanh" else "gelu({})"  # type: ignore[attr-defined]
    if isinstance(item, nn.Softplus) and item.beta == 1:
        return "softplus({})"
    if kind is nn.Hardsigmoid:
        return f"hard_sigmoid({{}}, alpha={1 / 6!r}, beta=0.5)"
    if isinstance(item, nn.Hardtanh):
        return _clipped(item.min_val, item.max_val)
    return None


def trace(module: nn.Module, names: List[str]) -> Traced:
    """The line, modules and tensors of a module in evaluation mode. Raises `Error`, which names what no line says."""
    graph = graph_of(module, names)
    used = [str(node.target) for node in graph.graph.nodes if node.op == "placeholder" and node.users and node.target in names]
    return Writer(graph, graph.graph, used).write()
