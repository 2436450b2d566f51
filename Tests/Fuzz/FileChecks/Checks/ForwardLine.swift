import RNNModel

extension FileCheck {
  /// Bytes as a forward line: refused with place and remedy, or what is printed of it is read as the same.
  static let forwardLine = FileCheck("forward-line", seeds: ["md"]) { bytes in
    let modules: [Module] = [
      .recurrent(Recurrent(name: "lstm", cell: .lstm, inputSize: 4, hiddenSize: 4, numLayers: 2)),
      .linear(Linear(name: "fc", inFeatures: 4, outFeatures: 4)),
    ]
    func read(_ line: String) throws(RNNError) -> Forward {
      try Forward(line: line, modules: modules, batchFirst: true, parameters: { _ in true })
    }
    let forward: Forward
    do throws(RNNError) {
      forward = try read(String(decoding: bytes, as: UTF8.self))
    } catch {
      try require(error.kind == .usage && error.place != nil && error.remedy != nil, "the line fails without a next step: \(error)")
      return false
    }
    let hasNaN = forward.steps.contains { if case .constant(let values) = $0.operation { values.contains(where: \.isNaN) } else { false } }
    let again = try certain("the line printed") { try read(forward.line(modules: modules)) }
    try require(hasNaN || again == forward, "the line printed differs")
    return true
  }
}
