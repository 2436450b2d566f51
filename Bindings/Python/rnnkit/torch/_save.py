"""A module's weights, what it computes and an example of it, as one file."""

import json
import struct
from typing import Any, Dict, List, Mapping, Tuple, Union

import torch
from torch import nn

from .._arrays import PathLike
from .._errors import Error, Kind, usage
from .._model import Model
from .._open import open_model
from ._trace import Traced, refusal, trace, whole

_DTYPES = {torch.float32: "F32", torch.float64: "F64", torch.float16: "F16", torch.bfloat16: "BF16"}


def save(
    module: nn.Module, path: PathLike, *, example: Union[torch.Tensor, Tuple[torch.Tensor, ...], Mapping[str, torch.Tensor]],
    format: Union[str, None] = None, force: bool = False, case: str = "example",
) -> Model:
    """Writes a module: its weights, what its forward computes, traced, and the example's outputs as a reference case.

    Args:
        module: traced in evaluation mode, as it stands; its mode is left as it was.
        path: where; its extension tells the format, of which native `.rnn` holds everything.
        example: an input with an axis for the batch, a tuple of inputs in the forward's order, or a mapping by their names.
            Other shapes run afterwards; what the forward does with this one is what is compared.
        format: the format's name, where the extension does not tell.
        force: replaces an existing file.
        case: the reference case's name.

    Returns:
        The `Model` as `rnnkit.open(path)` gives it.

    Raises:
        Error: BAD_DATA where a step has no place in a forward line, which is named with its line of code, and where what was
            traced does not give the module's outputs; nothing is written then.
    """
    kind = type(module).__name__
    module = whole(module)
    if isinstance(example, Mapping):
        given = dict(example)
    else:
        items = example if isinstance(example, (tuple, list)) else (example,)
        names = [name for name in _parameters(module)]
        if len(names) < len(items):
            raise usage(f"it has {len(items)} inputs, and forward takes {len(names)}", "pass those of forward", "example")
        given = dict(zip(names, items))
    for name, item in given.items():
        if not isinstance(item, torch.Tensor):
            raise usage(f"it is {type(item).__name__}", "pass a tensor", f"example: {name}")
        if item.dim() != (3 if item.is_floating_point() else 2):
            raise usage(f"its shape is {tuple(item.shape)}", "pass (batch, time, features), or time first where the module takes "
                        "that; whole numbers without features", f"example: {name}")
    modes = {item: item.training for item in module.modules()}
    module.eval()
    try:
        with torch.no_grad():
            traced = trace(module, list(given))
            results = _flattened(module(**{name: item.clone() for name, item in given.items()}))
        data = _safetensors(traced)
    finally:
        for item, mode in modes.items():
            item.training = mode
    model = open_model(data, name=kind)
    # A case's only input is "input".
    members = {"input" if len(model.inputs) == 1 else item.names[0]: given[name]
               for name, item in zip(traced.inputs, model.inputs)}
    if len(results) != len(traced.outputs):
        raise refusal(f"it returns {len(results)} tensors, {len(traced.outputs)} were traced", "return tensors alone")
    known = {member.name for member in model.members}
    for name, result in zip(traced.outputs, results):
        key = model.result if name is None else name
        key = key if key in known else key.rsplit(".", 1)[-1]
        if key not in known:
            raise Error(Kind.DEFECT, f"no member of a run is {name}", remedy="report it")
        members[key] = result
    checked = model.with_case(case, **members)
    verification = checked.verify()
    if not verification:
        raise refusal(f"what was traced does not give its outputs: {json.dumps(verification.get('cases', []))[:300]}",
                      "a forward whose steps depend on numbers or that has hooks is not traced: rewrite it", kind)
    checked.save(path, format=format, force=force)
    return open_model(path, format=format)


def _parameters(module: nn.Module) -> List[str]:
    import inspect
    return [name for name, item in inspect.signature(module.forward).parameters.items()
            if item.kind in (item.POSITIONAL_ONLY, item.POSITIONAL_OR_KEYWORD, item.KEYWORD_ONLY)]


def _flattened(result: Any) -> List[torch.Tensor]:
    if isinstance(result, torch.Tensor):
        return [result]
    if isinstance(result, (tuple, list)):
        return [item for part in result for item in _flattened(part)]
    raise refusal(f"it returns {type(result).__name__}", "return tensors, or tuples of them")


def _safetensors(traced: Traced) -> bytes:
    """A file in memory that states the architecture (Schemas/containers.md)."""
    architecture = {"batch_first": traced.batch_first, "forward": traced.line, "modules": traced.modules}
    header: Dict[str, Any] = {"__metadata__": {"rnnkit.architecture": json.dumps(architecture), "framework": f"torch {torch.__version__}"}}
    parts, offset = [], 0
    for name, tensor in traced.tensors.items():
        if tensor.dtype not in _DTYPES:
            raise refusal(f"its elements are {tensor.dtype}", "convert the module: module.float()", name)
        values = tensor.detach().cpu().contiguous()
        raw = (values.view(torch.int16) if values.dtype == torch.bfloat16 else values).numpy().tobytes()
        header[name] = {"dtype": _DTYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [offset, offset + len(raw)]}
        parts.append(raw)
        offset += len(raw)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([struct.pack("<Q", len(text)), text, *parts])
