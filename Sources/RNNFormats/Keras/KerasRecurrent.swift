import RNNModel

/// What the config of a SimpleRNN, LSTM, GRU, CuDNNLSTM or CuDNNGRU says, or Keras' defaults where there is none.
struct KerasRecurrentOptions {
  var cell: Recurrent.Cell
  var units: Int?
  var activations: Recurrent.Activations
  var useBias: Bool?
  var resetAfter: Bool?
  var goBackwards = false
  var returnsSequence: Bool
  /// Whether the layer gives its states after its output.
  var returnsState = false

  /// Keras' defaults for a layer of which only weights are stored.
  init(cell: Recurrent.Cell, _ version: KerasVersion) {
    self.cell = cell
    activations = Recurrent.Activations(gate: cell == .rnn ? .sigmoid : version.recurrentActivation)
    returnsSequence = true
  }

  init(_ layer: KerasLayer, _ className: String, _ config: JSONValue, _ version: KerasVersion) throws(RNNError) {
    guard let cell = KerasLayer.recurrent[className] else {
      throw layer.error("a layer of class \(className) where a recurrent one is expected")
    }
    self.init(cell: cell, version)
    var reader = try layer.options(config)
    // Keras 1 says output_dim and inner_activation.
    let old = reader.has("output_dim")
    units = try reader.integer(old ? "output_dim" : "units")
    if old { _ = reader.optional("input_dim") }
    if className.hasPrefix("CuDNN") {
      activations.gate = .sigmoid
    } else {
      if let name = try reader.activation("activation", of: layer) {
        let activation = try Self.activation(name, layer, version)
        activations.candidate = activation
        if cell == .lstm { activations.output = activation }
      }
      let key = old ? "inner_activation" : "recurrent_activation"
      if cell != .rnn, let name = try reader.activation(key, of: layer) {
        activations.gate = try Self.activation(name, layer, version)
      }
    }
    useBias = try reader.bool("use_bias", default: true)
    if cell == .gru {
      resetAfter = try reader.bool("reset_after", default: className == "CuDNNGRU" || version.resetAfter)
    }
    goBackwards = try reader.bool("go_backwards", default: false)
    returnsSequence = try reader.bool("return_sequences", default: false)
    returnsState = config["return_state"] == .bool(true)
    guard try !reader.bool("time_major", default: false) else {
      throw layer.error("time_major, which Keras 3 no longer has", "save it without time_major")
    }
    try reader.finish()
  }

  private static func activation(
    _ name: String, _ layer: KerasLayer, _ version: KerasVersion
  ) throws(RNNError) -> Activation {
    guard let activation = KerasActivations.activation(name, version) else {
      throw layer.error("the activation \"\(name)\", which RNNKit does not know", "use one of Keras' plain activations")
    }
    return activation
  }
}

/// The arrays of one direction of a recurrent layer in PyTorch's layout and gate order.
struct KerasCellWeights {
  var weightIH: Tensor
  var weightHH: Tensor
  var bias: (input: Tensor, hidden: Tensor)?
  var units: Int
  /// Known from the shape of a GRU's bias.
  var resetAfter: Bool?

  /// Takes arrays as any version of Keras stores them: kernel, recurrent kernel and perhaps bias; those of cuDNN's
  /// layers; or Keras 1's three arrays for each gate.
  static func read(_ arrays: [Tensor], _ cell: Recurrent.Cell, of layer: KerasLayer) throws(RNNError)
    -> KerasCellWeights
  {
    arrays.count == 3 * cell.gateCount && cell != .rnn
      ? try KerasCellWeights(byGate: arrays, cell, of: layer) : try KerasCellWeights(arrays, cell, of: layer)
  }

  private init(_ arrays: [Tensor], _ cell: Recurrent.Cell, of layer: KerasLayer) throws(RNNError) {
    let gates = cell.gateCount
    guard (2...3).contains(arrays.count), arrays[0].shape.rank == 2, arrays[1].shape.rank == 2 else {
      throw layer.error("\(arrays.count) arrays, expected a kernel, a recurrent kernel and perhaps a bias")
    }
    let (kernel, recurrent) = (arrays[0], arrays[1])
    let units = recurrent.shape[0]
    let (rows, overflow) = units.multipliedReportingOverflow(by: gates)
    guard !overflow, recurrent.shape[1] == rows, kernel.shape[1] == rows, units > 0 else {
      throw layer.error(
        "kernels of shape \(kernel.shape) and \(recurrent.shape), which are none of an \(cell.rawValue)")
    }
    self.units = units
    let order = KerasGates.order(cell)
    var isCuDNN = false
    if arrays.count == 3 {
      let shape = arrays[2].shape.dimensions
      isCuDNN = cell != .rnn && shape == [2 * rows]
      let halves: (Tensor?, Tensor?)
      switch (cell, shape) {
      case (_, [2 * rows]) where isCuDNN, (.gru, [2, rows]):
        let both = Shape([2, rows]).flatMap { arrays[2].reshaped($0) }
        halves = (both?.rows(0..<1), both?.rows(1..<2))
        resetAfter = cell == .gru ? true : nil
      case (_, [rows]):
        halves = (arrays[2], Tensor.zeros(arrays[2].elementType, [rows]))
        resetAfter = cell == .gru ? false : nil
      default: throw layer.error("a bias of shape \(arrays[2].shape), which is none of an \(cell.rawValue)")
      }
      bias = (try Self.ordered(halves.0, rows, order, layer), try Self.ordered(halves.1, rows, order, layer))
    }
    if isCuDNN {
      // cuDNN's matrices are the other way round: a gate's block read row by row is its rows of weight_ih, and its
      // block of the recurrent kernel is that of weight_hh as it stands.
      weightIH = try Self.joined(
        order.map { block throws(RNNError) in
          try Self.block(kernel, block, units, layer, as: [units, kernel.shape[0]])
        }, layer)
      weightHH = try Self.joined(
        order.map { block throws(RNNError) in
          try Self.block(recurrent, block, units, layer, as: [units, units])
        }, layer)
    } else {
      guard let input = try kernel.transposed()?.reorderingBlocks(order),
        let hidden = try recurrent.transposed()?.reorderingBlocks(order)
      else { throw layer.error("kernels that are too large") }
      (weightIH, weightHH) = (input, hidden)
    }
  }

  /// Keras 1: W, U and b of LSTM's i, c, f, o or of GRU's z, r, h.
  private init(byGate arrays: [Tensor], _ cell: Recurrent.Cell, of layer: KerasLayer) throws(RNNError) {
    // Where PyTorch's gates stand among Keras 1's.
    let order = cell == .lstm ? [0, 2, 1, 3] : KerasGates.order(cell)
    units = arrays[1].shape.rank == 2 ? arrays[1].shape[0] : 0
    resetAfter = cell == .gru ? false : nil
    func gates(_ first: Int) throws(RNNError) -> Tensor {
      try Self.joined(
        order.map { gate throws(RNNError) in
          let array = arrays[3 * gate + first]
          if first == 2 { return array }
          guard let turned = try array.transposed() else {
            throw layer.error("an array of shape \(array.shape), expected a matrix")
          }
          return turned
        }, layer)
    }
    weightIH = try gates(0)
    weightHH = try gates(1)
    let input = try gates(2)
    guard let zeros = Tensor.zeros(input.elementType, input.shape.dimensions) else {
      throw layer.error("a bias too large")
    }
    bias = (input, zeros)
  }

  private static func ordered(
    _ half: Tensor?, _ rows: Int, _ order: [Int], _ layer: KerasLayer
  ) throws(RNNError) -> Tensor {
    guard let shape = Shape([rows]), let result = try half?.reshaped(shape)?.reorderingBlocks(order) else {
      throw layer.error("a bias that is too large")
    }
    return result
  }

  /// Columns of one gate, read row by row as another shape.
  private static func block(
    _ matrix: Tensor, _ block: Int, _ units: Int, _ layer: KerasLayer, as sizes: [Int]
  ) throws(RNNError) -> Tensor {
    guard let columns = Shape([matrix.shape[0], units]), let shape = Shape(sizes),
      let result = try matrix.gathered(columns, strides: [matrix.shape[1], 1], offset: block * units)?.reshaped(shape)
    else { throw layer.error("kernels that are too large") }
    return result
  }

  /// Gates' arrays one below the other, which must be of one shape.
  private static func joined(_ parts: [Tensor], _ layer: KerasLayer) throws(RNNError) -> Tensor {
    guard parts.allSatisfy({ $0.shape.rank > 0 }), let stacked = Tensor.stacked(parts),
      let shape = Shape([parts.count * parts[0].shape[0]] + parts[0].shape.dimensions.dropFirst()),
      let result = stacked.reshaped(shape)
    else { throw layer.error("gates whose arrays differ in shape") }
    return result
  }
}

extension [Int] {
  /// `map` that keeps a typed throw.
  fileprivate func map(_ transform: (Int) throws(RNNError) -> Tensor) throws(RNNError) -> [Tensor] {
    var result: [Tensor] = []
    for element in self { result.append(try transform(element)) }
    return result
  }
}
