import RNNModel

/// Reads a file that holds weights and no config.
extension KerasReader {
  /// Works out layers from their arrays alone.
  mutating func readWeightsAlone(_ keras: KerasTree) throws(RNNError) {
    let isOrdered = !keras.isByVariable
    let (stored, outer, leftOut) = try keras.layers()
    for layer in stored where !layer.weights.isEmpty { try guess(layer) }
    let recurrent = modules.contains { if case .recurrent = $0 { true } else { false } }
    guard recurrent else {
      throw RNNError(
        .badData, "no recurrent layer among \(stored.count) of Keras'", remedy: "save the whole model with Keras")
    }
    archive.hints.leavesLayoutOpen = true
    archive.hints.batchFirst = true
    archive.isOrdered = isOrdered
    let gate = version.recurrentActivation == .sigmoid ? "sigmoid" : "hard_sigmoid"
    note("""
      only weights are stored: activations are taken to be Keras \(version)'s defaults (gates \(gate), dense layers linear), \
      and layers of one direction to run forward; the model's config tells them (\(.config))
      """)
    if let outer {
      note("layers stand inside \(outer), and what is done with them there is not known; choose modules with \(.modules)")
      if !modules.contains(where: { $0.name == outer }) {
        modules.append(.unknown(UnknownModule(name: outer, tensorNames: [])))
      }
    }
    archive.architecture = Architecture(modules: modules, forward: nil, batchFirst: true)
    noteLeftOut(leftOut)
  }

  private mutating func guess(_ layer: KerasLayer) throws(RNNError) {
    if layer.className == "" {
      try unknown(layer, "no layer that its arrays tell")
      return
    }
    let arrays = layer.weights.map(\.tensor)
    let names = layer.weights.map { $0.name.lowercased() }
    let isDouble = layer.className == "Bidirectional" || names.contains { $0.contains("backward") }
    if isDouble, arrays.count >= 4, let options = guess(Array(arrays[..<(arrays.count / 2)])) {
      _ = try bidirectional(layer, options, options)
      return
    }
    if let options = guess(arrays) {
      _ = try recurrent(layer, options, KerasCellWeights.read(arrays, options.cell, of: layer))
      return
    }
    if arrays.count == 1, arrays[0].shape.rank == 2, names[0].contains("embeddings") || layer.name.contains("embedding")
    {
      try archive.append(Model.join(layer.name, "weight"), arrays[0])
      modules.append(
        .embedding(
          Embedding(name: layer.name, numEmbeddings: arrays[0].shape[0], embeddingDim: arrays[0].shape[1])))
      return
    }
    let isDense =
      layer.className != "Bidirectional" && (1...2).contains(arrays.count) && arrays[0].shape.rank == 2
      && (arrays.count == 1 || arrays[1].shape.dimensions == [arrays[0].shape[1]])
    if isDense {
      _ = try dense(layer, then: .elementwise(.identity))
    } else {
      try unknown(layer, "no layer that its arrays tell")
    }
  }

  /// The recurrent layer whose arrays these are, with Keras' defaults; nil where they are none's.
  private func guess(_ arrays: [Tensor]) -> KerasRecurrentOptions? {
    if arrays.count == 12 { return KerasRecurrentOptions(cell: .lstm, version) }
    if arrays.count == 9 { return KerasRecurrentOptions(cell: .gru, version) }
    guard (2...3).contains(arrays.count), arrays[0].shape.rank == 2, arrays[1].shape.rank == 2, arrays[1].shape[0] > 0,
      arrays[0].shape[1] == arrays[1].shape[1], arrays[1].shape[1] % arrays[1].shape[0] == 0
    else { return nil }
    let (units, rows) = (arrays[1].shape[0], arrays[1].shape[1])
    guard let cell = [Recurrent.Cell.rnn, .gru, .lstm].first(where: { $0.gateCount == rows / units }) else {
      return nil
    }
    var options = KerasRecurrentOptions(cell: cell, version)
    // A flat bias of two halves is cuDNN's, whose layers have no other activations than these.
    if arrays.count == 3, cell != .rnn, arrays[2].shape.dimensions == [2 * rows] {
      options.activations = Recurrent.Activations()
    }
    return options
  }
}
