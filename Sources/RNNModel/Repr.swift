extension Module: CustomStringConvertible {
  /// The module as PyTorch's repr shows it: `LSTM(40, 256, num_layers=3)`. What PyTorch lacks is added in the same form.
  public var description: String { repr(batchFirst: false) }

  /// The same with the chain's layout, which PyTorch keeps in each recurrent module.
  public func repr(batchFirst: Bool) -> String {
    switch self {
    case .recurrent(let module): return module.repr(batchFirst: batchFirst)
    case .linear(let module):
      return "Linear(in_features=\(module.inFeatures), out_features=\(module.outFeatures), bias=\(module.bias ? "True" : "False"))"
    case .embedding(let module):
      let padding = module.paddingIndex.map { ", padding_idx=\($0)" } ?? ""
      return "Embedding(\(module.numEmbeddings), \(module.embeddingDim)\(padding))"
    case .prelu(let module):
      return "PReLU(num_parameters=\(module.numParameters))"
    case .norm(let module): return module.construction
    case .convolution(let module): return module.construction
    case .attention(let module): return module.construction()
    case .unknown(let module):
      return "not runnable (\(module.tensorNames.count) tensor\(module.tensorNames.count == 1 ? "" : "s"))"
    }
  }
}

extension Architecture {
  /// What the model computes, a line each: the modules, then what is computed with them.
  public var lines: [String] {
    var lines = modules.map { "\($0.name.isEmpty ? "-" : $0.name)  \($0.repr(batchFirst: batchFirst))" }
    if batchFirst, recurrentModules.allSatisfy(\.isCell) { lines.append("batch_first=True") }
    lines.append("forward  \(forward?.line(modules: modules) ?? "not known")")
    return lines
  }

  /// The lines that this architecture has and another has not; all of them where only their order differs, or nothing that
  /// the lines show.
  public func lines(notIn other: Architecture) -> [String] {
    guard self != other else { return [] }
    func rest(_ lines: [String], _ others: [String]) -> [String] {
      var counts = Dictionary(others.map { ($0, 1) }, uniquingKeysWith: +)
      return lines.filter { line in
        let count = counts[line] ?? 0
        counts[line] = count - 1
        return count <= 0
      }
    }
    let mine = rest(lines, other.lines)
    return mine.isEmpty && rest(other.lines, lines).isEmpty ? lines : mine
  }
}

extension Activation {
  /// The activation with its parameters, `hard_sigmoid(alpha=0.2, beta=0.5)`.
  public var repr: String {
    parameters.isEmpty ? name : "\(name)(" + parameters.map { "\($0.name)=\($0.value)" }.joined(separator: ", ") + ")"
  }
}

extension Recurrent {
  fileprivate func repr(batchFirst: Bool) -> String {
    var parts = ["\(inputSize)", "\(hiddenSize)"]
    if projSize > 0 { parts.append("proj_size=\(projSize)") }
    if numLayers > 1 { parts.append("num_layers=\(numLayers)") }
    if !bias { parts.append("bias=False") }
    if batchFirst, !isCell { parts.append("batch_first=True") }
    if direction == .bidirectional { parts.append("bidirectional=True") }
    if cell == .rnn, activations.candidate != .tanh {
      parts.append("nonlinearity=\(activations.candidate.repr)")
    }
    // What PyTorch's modules do not have.
    if direction == .reverse { parts.append("reverse=True") }
    for (activations, prefix) in [(activations, ""), (reverseActivations ?? Activations(), "reverse_")] {
      guard cell != .rnn else {
        if !prefix.isEmpty, let other = reverseActivations { parts.append("reverse_nonlinearity=\(other.candidate.repr)") }
        continue
      }
      if activations.gate != .sigmoid { parts.append("\(prefix)gate=\(activations.gate.repr)") }
      if activations.candidate != .tanh { parts.append("\(prefix)candidate=\(activations.candidate.repr)") }
      if cell == .lstm, activations.output != .tanh { parts.append("\(prefix)output=\(activations.output.repr)") }
    }
    if cell == .gru, !resetAfter { parts.append("reset_after=False") }
    if let clip { parts.append("clip=\(clip)") }
    if inputForget { parts.append("input_forget=True") }
    if peephole { parts.append("peephole=True") }
    if hasInitialState { parts.append("initial_state=True") }
    return "\(cell.rawValue)\(isCell ? "Cell" : "")(\(parts.joined(separator: ", ")))"
  }
}
