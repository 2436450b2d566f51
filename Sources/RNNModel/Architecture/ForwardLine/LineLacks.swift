/// What PyTorch has and a line has not, with what can be done instead.
extension LineResolver {
  static let lacks: [String: String] = {
    let axes = ["view", "reshape", "squeeze", "unsqueeze", "flatten", "unflatten"]
    let reductions = ["min", "amin", "argmax", "prod", "norm", "std", "var", "cumsum", "topk"]
    let others = [
      "bmm", "matmul", "einsum", "mm", "stack", "chunk", "split", "unbind", "gather", "index_select", "masked_fill", "where",
      "layer_norm", "batch_norm", "group_norm", "normalize", "conv1d", "conv2d", "linear", "embedding",
      "max_pool1d", "avg_pool1d", "adaptive_avg_pool1d", "interpolate", "pad", "randn", "rand", "ones", "one_hot", "cumprod",
    ]
    var result: [String: String] = [:]
    for name in axes {
      result[name] = "leave \(name) out where it only adds or drops an axis of 1, or joins batch and time before a linear layer "
        + "(modules apply to every step); take features with [..., a:b] and a step with last(a) or at(a, 3)"
    }
    for name in reductions {
      result[name] = "end the line with what \(name) is taken of, and take the \(name) of the output outside of the model"
    }
    for name in others { result[name] = "end the line before it, and compute the rest outside of the model" }
    for name in ["expand", "repeat", "expand_as"] {
      result[name] = "write repeat(a, b) for a value without steps at every step of b; beside a sequence it stands at every step by itself"
    }
    for name in ["transpose", "permute", "swapaxes", "T", "mT", "t"] { result[name] = "" }
    return result
  }()

  /// The error for a name that nothing has.
  func lacking(_ name: String, _ offset: Int) -> RNNError {
    let known = Self.lacks[name]
    let isOfAxes = known == "" || known?.hasPrefix("leave ") == true
    let hasPositions = modules.values.contains { if case .convolution(let module) = $0 { module.across != nil } else { false } }
    let remedy: Phrase = isOfAxes && hasPositions
      ? """
        write what has four axes in PyTorch as positions: the input with its axes, x(batch, 1, time, 32) -> _, and \
        interleave(a, POSITIONS) where channels and positions are flattened (Schemas/forward.md)
        """
      : known == "" ? (batchFirst
        ? "leave it out: every value keeps the layout (batch, time, features)"
        : "leave it out, and if the input is (batch, time, features), say \(.batchFirst) instead")
      : known.map { Phrase($0) } ?? "use .hn[0], .cn[0] or .output of a recurrent call, or a function: relu(a)"
    return source.error(offset, known == nil ? "a value has no .\(name)" : "RNNKit has no \(name)", remedy)
  }
}
