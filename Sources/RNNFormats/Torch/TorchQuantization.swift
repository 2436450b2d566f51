import RNNModel

/// What torch.ao.quantization makes of a model: whole numbers with a scale, in tensors of their own kind or packed for the
/// machine's library. RNNKit reads none of them.
enum TorchQuantization {
  static func error(_ place: String) -> RNNError {
    RNNError(
      .badData, place: place, "its weights are quantized (torch.ao.quantization)",
      remedy: "save the float model's state_dict, from before it was quantized, with torch.save")
  }

  /// Whether a value is of a quantized model: a quantized tensor, packed weights, or a tuple with one.
  static func isQuantized(_ value: PickleGraph.Value, in graph: PickleGraph, depth: Int = 0) -> Bool {
    switch graph.name(value) {
    case "torch._utils._rebuild_qtensor", "torch.ScriptObject": return true
    default: break
    }
    if let name = value.global, ["torch.qint8", "torch.quint8", "torch.qint32"].contains(name) { return true }
    guard depth < 4, let elements = graph.tuple(value) else { return false }
    return elements.contains { isQuantized($0, in: graph, depth: depth + 1) }
  }

  /// Whether a class is one of a quantized module, of a state_dict's or of TorchScript's.
  static func isQuantized(class name: String) -> Bool {
    let parts = name.split(separator: ".")
    return name.contains("torch.") && (parts.contains("quantized") || name.contains("torch.classes.rnn."))
  }
}
