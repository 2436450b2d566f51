import RNNModel

/// The class of a module in a TorchScript archive or a pickle.
struct TorchModuleClass {
  /// `LayerNorm`
  let name: Substring
  /// Whether it is one of PyTorch's own.
  let isOfTorch: Bool
  /// Whether it is one of PyTorch's that computes something and that RNNKit does not run: an activation, for one.
  let isUnknown: Bool
  /// Whether it leaves out units at random while it is trained.
  let isDropout: Bool
  /// The file of torch/nn/modules that has it; empty for another class.
  private let file: Substring

  /// `type` as an archive has it, `__torch__.torch.nn.modules.normalization.___torch_mangle_3.LayerNorm`, or a pickle,
  /// without `__torch__`.
  init(_ type: String) {
    let parts = type.split(separator: ".").filter { $0 != "__torch__" && !$0.hasPrefix("___torch_mangle_") }
    name = parts.last ?? ""
    isOfTorch = parts.starts(with: ["torch", "nn"]) || parts.starts(with: ["torch", "ao"])
    file = isOfTorch && parts.count > 3 && parts[2] == "modules" ? parts[3] : ""
    let isKnown = Self.passive.contains(file) || Self.classes[file]?.contains(name) ?? false
    isUnknown = isOfTorch && !isKnown && !parts.starts(with: ["torch", "nn", "parallel"])
    isDropout = isOfTorch && file == "dropout"
  }

  /// What to say of a class of the writer's own that has tensors of its own.
  func note(of tensors: [String], at path: String) -> Phrase {
    """
    \(path.isEmpty ? "the model" : path), of class \(name), has tensors of its own: \
    \(tensors.prefix(4).joined(separator: ", "))\(tensors.count > 4 ? " …" : ""); its code is not run, and what they are is \
    guessed by names and shapes
    """
  }

  /// Files of torch/nn/modules with what computes nothing of the output.
  private static let passive: Set<Substring> = ["container", "dropout", "loss", "module"]

  private static let classes: [Substring: Set<Substring>] = [
    "rnn": ["RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell"],
    "linear": ["Linear", "NonDynamicallyQuantizableLinear", "Identity"],
    "sparse": ["Embedding"],
  ]
}
