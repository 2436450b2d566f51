/// The class of a module in a TorchScript archive.
struct TorchScriptClass {
  /// `LayerNorm`
  let name: Substring
  /// Whether it is one of PyTorch's own.
  let isOfTorch: Bool
  /// Whether it is one of PyTorch's that computes something and that RNNKit does not run: an activation, for one.
  let isUnknown: Bool

  /// `type` as the archive has it: `__torch__.torch.nn.modules.normalization.___torch_mangle_3.LayerNorm`.
  init(_ type: String) {
    let parts = type.split(separator: ".").filter { $0 != "__torch__" && !$0.hasPrefix("___torch_mangle_") }
    name = parts.last ?? ""
    isOfTorch = parts.starts(with: ["torch", "nn"]) || parts.starts(with: ["torch", "ao"])
    let file = parts.count > 3 && parts[2] == "modules" ? parts[3] : ""
    let isKnown = Self.passive.contains(file) || Self.classes[file]?.contains(name) ?? false
    isUnknown = isOfTorch && !isKnown && !parts.starts(with: ["torch", "nn", "parallel"])
  }

  /// Files of torch/nn/modules with what computes nothing of the output.
  private static let passive: Set<Substring> = ["container", "dropout", "loss", "module"]

  private static let classes: [Substring: Set<Substring>] = [
    "rnn": ["RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell"],
    "linear": ["Linear", "NonDynamicallyQuantizableLinear", "Identity"],
    "sparse": ["Embedding"],
  ]
}
