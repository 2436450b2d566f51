"""A module that computes what a model file says."""

from typing import Any, Dict, List, Mapping, Optional, Tuple, Union

import torch
from torch import nn
from torch.nn import functional as F

from .._arrays import PathLike
from .._errors import Error, Kind, usage
from .._line import Attribute, Binary, Call, Index, Items, Line, Name, Negative, Number, parse
from .._model import Model
from .._open import open_model
from ._modules import made


class Module(nn.Module):
    """A model's modules under their names, and a forward that follows the model's line.

    Takes the line's inputs, with an axis for the batch, and returns what it gives: a tensor, or a tuple of them.

    Attributes:
        line: what is computed.
        batch_first: whether inputs are (batch, time, features).
    """

    def __init__(self, model: Model) -> None:
        super().__init__()
        architecture = model.describe()["architecture"]
        if architecture["forward"] is None:
            raise usage("the file does not say what is computed", "pass forward=...", model.file)
        self.line: str = architecture["forward"]
        self.batch_first: bool = architecture.get("batch_first", False)
        self._parsed: Line = parse(self.line)
        self._names: List[str] = []
        called = _called(self._parsed)
        parameters = model.parameters()
        dtypes = {item["name"]: item["dtype"] for item in model.describe()["parameters"]}
        for about in architecture["modules"]:
            name = about["name"]
            if name not in called:
                continue
            item = made(about, self.batch_first)
            prefix = name + "." if name else ""
            weights: Dict[str, torch.Tensor] = {}
            for key in item.state_dict():
                values = torch.from_numpy(parameters.pop(prefix + key))
                weights[key] = values.bfloat16() if dtypes[prefix + key] == "bfloat16" else values
            item.to(next(iter(weights.values())).dtype)
            item.load_state_dict(weights)
            _place(self, name, item)
            self._names.append(name)
        for name, values in parameters.items():
            if name in called:
                holder, key = _holder(self, name)
                holder.register_buffer(key, torch.from_numpy(values))
        self.eval()

    def forward(self, *inputs: torch.Tensor, **named: torch.Tensor) -> Union[torch.Tensor, Tuple[torch.Tensor, ...]]:
        line = self._parsed
        values: Dict[str, Any] = dict(zip(line.inputs, inputs), **named)
        missing = [name for name in line.inputs if name not in values]
        if missing or len(values) != len(line.inputs):
            raise TypeError(f"forward() takes {', '.join(line.inputs)}")
        for targets, expression in line.statements:
            found = self._value(expression, values)
            if len(targets) == 1:
                values[targets[0]] = found
            else:
                values.update(zip(targets, found))
        results = tuple(_tensor(self._value(item, values)) for item in line.results)
        return results[0] if len(results) == 1 else results

    def extra_repr(self) -> str:
        return f"forward: {self.line}"

    def _module(self, name: str) -> nn.Module:
        return self.get_submodule(_path(name))

    def _value(self, item: Any, values: Mapping[str, Any]) -> Any:
        if isinstance(item, Number):
            return item.value
        if isinstance(item, Name):
            if item.text in values:
                return values[item.text]
            base, _, rest = item.text.partition(".")
            if base in values and rest:
                return _part(values[base], rest)
            holder, key = _holder(self, item.text)
            return getattr(holder, key)
        if isinstance(item, Negative):
            return -self._value(item.value, values)
        if isinstance(item, Attribute):
            return _part(self._value(item.value, values), item.name)
        if isinstance(item, Items):
            return [self._value(part, values) for part in item.items]
        if isinstance(item, Binary):
            left, right = _operands(self._value(item.left, values), self._value(item.right, values), self._time)
            return {"+": torch.add, "-": torch.sub, "*": torch.mul, "/": torch.div}[item.operator](left, right)
        if isinstance(item, Index):
            return self._indexed(self._value(item.value, values), item.text)
        return self._called(item, values)

    @property
    def _time(self) -> int:
        return 1 if self.batch_first else 0

    def _indexed(self, value: Any, text: str) -> torch.Tensor:
        if isinstance(value, _State):
            return value.tensor[int(text)]
        *front, last = [part.strip() for part in text.split(",")]
        if front != ["..."]:
            raise Error(Kind.DEFECT, f"[{text}] is not read", remedy="report it")
        bounds = [int(part) if part else None for part in last.split(":")] if ":" in last else [int(last), int(last) + 1 or None]
        return _tensor(value)[..., slice(*bounds)]

    def _called(self, call: Call, values: Mapping[str, Any]) -> Any:
        given = [self._value(part, values) for part in call.arguments if not (isinstance(part, Name) and part.quoted and
                                                                             call.function == "nothing")]
        options = {name: self._value(value, values) for name, value in call.keywords}
        if call.function in self._names:
            item, x = self._module(call.function), _tensor(given[0])
            if isinstance(item, nn.RNNCellBase):
                return _cell(item, x, self._time)
            if isinstance(item, nn.RNNBase):
                output, states = item(x)
                return _Recurrent(output, *(states if isinstance(states, tuple) else (states,)))
            return item(x)
        word = call.function[6:] if call.function.startswith("torch.") else call.function
        x = _tensor(given[0])
        # What a line calls dropout does nothing, whatever it is called.
        if word == "nothing" or "drop" in word.lower():
            return x
        if word == "cat":
            return torch.cat([_tensor(part) for part in given], -1)
        if word in ("first", "last", "at"):
            return x.select(self._time, {"first": 0, "last": -1}.get(word, int(given[1]) if len(given) > 1 else 0))
        if word == "flip":
            return x.flip(self._time)
        function = _FUNCTIONS.get(word)
        if function is None:
            raise Error(Kind.BAD_DATA, f"{word} has no place in a module", place=self.line, remedy="run it with rnnkit.open")
        return function(x, *given[1:], **options)


def _hard_sigmoid(x: torch.Tensor, alpha: float = 0.2, beta: float = 0.5) -> torch.Tensor:
    return torch.clamp(x * alpha + beta, 0, 1)


def _clip(x: torch.Tensor, min: Optional[float] = None, max: Optional[float] = None) -> torch.Tensor:
    # A side without a bound is printed as the largest float64.
    bounds = [None if bound is None or abs(bound) > 1e308 else bound for bound in (min, max)]
    return x if bounds == [None, None] else torch.clamp(x, *bounds)


_FUNCTIONS: Dict[str, Any] = {
    "relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid, "softsign": F.softsign, "softplus": F.softplus,
    "silu": F.silu, "gelu": F.gelu, "exp": torch.exp, "log": torch.log, "sqrt": torch.sqrt, "abs": torch.abs, "identity": lambda x: x,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"), "leaky_relu": lambda x, alpha=0.01: F.leaky_relu(x, alpha),
    "elu": lambda x, alpha=1.0: F.elu(x, alpha), "hard_sigmoid": _hard_sigmoid, "clip": _clip,
    "thresholded_relu": lambda x, alpha=1.0: F.threshold(x, alpha, 0.0),
    "scaled_tanh": lambda x, alpha=1.0, beta=1.0: alpha * torch.tanh(beta * x),
    "affine": lambda x, alpha=1.0, beta=0.0: alpha * x + beta,
    "softmax": lambda x: torch.softmax(x, -1), "log_softmax": lambda x: torch.log_softmax(x, -1),
}


class _State:
    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor


class _Recurrent:
    """What a recurrent module gives: used as a value it is its output."""

    def __init__(self, output: torch.Tensor, hn: torch.Tensor, cn: Optional[torch.Tensor] = None) -> None:
        self.output, self.hn, self.cn = output, hn, cn


def _part(value: Any, name: str) -> Any:
    if not isinstance(value, _Recurrent) or name not in ("output", "hn", "cn"):
        raise Error(Kind.DEFECT, f".{name} is not read", remedy="report it")
    return value.output if name == "output" else _State(getattr(value, name))


def _tensor(value: Any) -> torch.Tensor:
    return value.output if isinstance(value, _Recurrent) else value


def _operands(left: Any, right: Any, time: int) -> Tuple[Any, Any]:
    left, right = _tensor(left), _tensor(right)
    tensors = [item for item in (left, right) if isinstance(item, torch.Tensor)]
    like = max(tensors, key=lambda item: item.dim())

    def fitted(item: Any) -> Any:
        if not isinstance(item, torch.Tensor):
            return torch.tensor(item, dtype=like.dtype, device=like.device)
        return item.unsqueeze(time) if item.dim() == 2 and like.dim() == 3 else item

    return fitted(left), fitted(right)


def _cell(item: nn.Module, x: torch.Tensor, time: int) -> _Recurrent:
    state, outputs = None, []
    for step in x.unbind(time):
        state = item(step, state)
        outputs.append(state[0] if isinstance(state, tuple) else state)
    states = state if isinstance(state, tuple) else (state,)
    return _Recurrent(torch.stack(outputs, time), *(part.unsqueeze(0) for part in states))


def _called(line: Line) -> List[str]:
    """Names of modules and tensors that stand in a line."""
    found: List[str] = []

    def look(item: Any) -> None:
        if isinstance(item, Call):
            found.append(item.function)
        if isinstance(item, Name):
            found.append(item.text)
        elif isinstance(item, tuple):
            for part in item:
                look(part)

    look(line.statements)
    look(line.results)
    return found


def _path(name: str) -> str:
    """A name as attributes can have it."""
    return ".".join(part or "_" for part in name.split("."))


def _holder(root: nn.Module, name: str) -> Tuple[nn.Module, str]:
    *front, last = _path(name).split(".")
    for part in front:
        if part not in root._modules:
            root.add_module(part, nn.Module())
        root = root._modules[part]  # type: ignore[assignment]
    return root, last


def _place(root: nn.Module, name: str, item: nn.Module) -> None:
    holder, key = _holder(root, name)
    if hasattr(holder, key) and key not in holder._modules:
        raise Error(Kind.BAD_DATA, "a torch.nn.Module has an attribute of that name", place=name,
                    remedy="rename it: renames={...}")
    holder.add_module(key, item)


def load(model: Union[Model, PathLike], **options: Any) -> Module:
    """A torch.nn.Module of a model file of any format, or of a `Model`, in evaluation mode.

    Its weights are those of the file, bit for bit, in submodules of the file's names; further options are those of
    `rnnkit.open`. Its numbers are PyTorch's own. Raises `Error` (BAD_DATA) for what torch.nn does not have, such as Keras's
    hard_sigmoid in an LSTM's gates.
    """
    return Module(model if isinstance(model, Model) else open_model(model, **options))
