import RNNModel

/// Keras' `RNN` of a cell or of several, each of which takes what the one before it gives.
extension KerasReader {
  private static let cells = ["LSTMCell": "LSTM", "GRUCell": "GRU", "SimpleRNNCell": "SimpleRNN"]

  mutating func cells(_ layer: KerasLayer, _ config: JSONValue) throws(RNNError) -> KerasStep {
    let what = "an RNN of a cell that RNNKit does not have, or of its own arrays"
    var reader = try layer.options(config)
    let cell = try reader.required("cell")
    let returnsSequence = try reader.bool("return_sequences", default: false)
    let goesBackwards = try reader.bool("go_backwards", default: false)
    try reader.finish()
    guard config["return_state"] != .bool(true) else { return try unknown(layer, "an RNN that gives its states") }
    let entries = KerasModelConfig.className(cell) == "StackedRNNCells" ? cell["config"]?["cells"]?.array : cell.array
    var found: [(className: String, config: JSONValue, arrays: [Tensor])] = []
    let all = entries ?? [cell]
    let groups = KerasGroups.names(all.map { KerasModelConfig.className($0) ?? "" })
    let layer = layer.withoutStatesOfCells
    for (entry, group) in zip(all, groups) {
      guard let className = KerasModelConfig.className(entry).flatMap({ Self.cells[$0] }), let config = entry["config"] else {
        return try unknown(layer, what)
      }
      let own = entries == nil ? layer.weights : layer.weights.filter { weight in
        let path = weight.name.split(separator: "/")
        return path.contains("vars") ? path.contains(group[...]) : path.contains((config["name"]?.string ?? group)[...])
      }
      found.append((className, config, own.map(\.tensor)))
    }
    guard !found.isEmpty, found.reduce(0, { $0 + $1.arrays.count }) == layer.weights.count,
      found.allSatisfy({ (2...3).contains($0.arrays.count) })
    else { return try unknown(layer, what) }
    var calls: [KerasRecurrentCall] = []
    for (index, cell) in found.enumerated() {
      var part = layer
      if entries != nil { part.name = Model.join(layer.name, groups[index]) }
      if index > 0 { part.inputSize = nil }
      var options = try KerasRecurrentOptions(part, cell.className, cell.config, version)
      (options.returnsSequence, options.goBackwards) = (returnsSequence, goesBackwards)
      let step = try recurrent(part, options, KerasCellWeights.read(cell.arrays, options.cell, of: part))
      if case .recurrent(let call) = step { calls.append(call) }
    }
    return .stack(calls)
  }
}

extension KerasLayer {
  /// The layer without states that are zero, which a stateful RNN of cells has in a group of its own.
  fileprivate var withoutStatesOfCells: KerasLayer {
    var result = self
    result.weights.removeAll { weight in
      let path = weight.name.split(separator: "/")
      return path.contains("vars") && !path.contains("cell") && weight.tensor.isZero
    }
    return result
  }
}
