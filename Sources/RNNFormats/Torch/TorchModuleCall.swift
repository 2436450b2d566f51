import RNNModel

extension TorchModuleClass {
  /// What a call of such a module does, with the attributes that it has in the file; nil where tensors of its own decide, or
  /// RNNKit does not run it.
  ///
  /// - Parameter children: The whole names of the modules that it holds, in order.
  func call(children: [String], _ attribute: (String) -> PickleGraph.Value?) -> ModuleCall? {
    guard isOfTorch else { return nil }
    if name == "Sequential" { return .sequence(children) }
    if isDropout || name == "Identity" { return .nothing }
    func number(_ name: String) -> Double? {
      switch attribute(name) {
      case .float(let value)?: value
      case .integer(let value)?: Double(value)
      default: nil
      }
    }
    switch name {
    case "Softmax", "LogSoftmax":
      switch attribute("dim") {
      case .integer(let axis)?: return .softmax(isLog: name == "LogSoftmax", axis: axis)
      case PickleGraph.Value.none?: return .softmax(isLog: name == "LogSoftmax", axis: nil)
      default: return nil
      }
    case "Softplus":
      // Beyond the threshold it is x, to which it rounds from 20 on.
      guard number("beta") == 1, let threshold = number("threshold"), threshold >= 20 else { return nil }
      return .activation(.softplus)
    case "GELU":
      guard case .string(let form)? = attribute("approximate") else { return nil }
      return form == "none" ? .activation(.gelu) : form == "tanh" ? .activation(.geluTanh) : nil
    case "Threshold":
      guard number("value") == 0 else { return nil }
      return Self.activation("thresholded_relu", ["alpha": number("threshold")])
    case "LeakyReLU": return Self.activation("leaky_relu", ["alpha": number("negative_slope")])
    case "ELU": return Self.activation("elu", ["alpha": number("alpha")])
    case "Hardtanh", "ReLU6": return Self.activation("clip", ["min": number("min_val"), "max": number("max_val")])
    case "Hardsigmoid": return .activation(.hardSigmoidKeras3)
    default: return Self.plain[name].map(ModuleCall.activation)
    }
  }

  private static let plain: [Substring: Activation] = [
    "ReLU": .relu, "Tanh": .tanh, "Sigmoid": .sigmoid, "SiLU": .silu, "Softsign": .softsign,
  ]

  private static func activation(_ name: String, _ parameters: [String: Double?]) -> ModuleCall? {
    let given = parameters.compactMap { name, value in value.map { (name: name, value: $0) } }
    return given.count == parameters.count ? Activation(name: name, parameters: given).map(ModuleCall.activation) : nil
  }

  /// What a module with tensors is where their names and shapes leave it open.
  var kind: TensorArchive.Hints.Kind? {
    switch (isOfTorch, name) {
    case (true, "Linear"): .linear
    case (true, "Embedding"): .embedding
    default: nil
    }
  }
}
