import RNNModel

/// An LSTM and a linear layer behind it.
///
/// For each layer a matrix (4·hidden, input + hidden), gates i, f, g, o, its row the input's weights and then the
/// state's; one bias; the starting h and c. After the layers the head's weight and bias.
struct NAMLSTM {
  var input: Int
  var hidden: Int
  var layers: Int
  var output: Int

  init(_ settings: JSONObjectReader) throws(RNNError) {
    var reader = settings
    input = try reader.integer("input_size", default: 1)
    hidden = try reader.integer("hidden_size")
    layers = try reader.integer("num_layers", default: 1)
    output = try reader.integer("out_channels", default: 1)
    let channels = try reader.integer("in_channels", default: input)
    try reader.finish()
    guard channels == input else {
      throw reader.error("in_channels", "\(channels), expected the input_size, \(input)")
    }
    let limit = Limits.maximumNAMSize
    guard [input, hidden, output].allSatisfy({ (1...limit).contains($0) }),
      (1...Limits.maximumLayerCount).contains(layers)
    else { throw reader.error("hidden_size", "sizes must be 1 to \(limit), layers 1 to \(Limits.maximumLayerCount)") }
  }

  func archive(_ weights: Tensor) throws(RNNError) -> TensorArchive {
    // Sizes up to 2^20 and layers up to 2^12 cannot overflow.
    var expected = output * hidden + output
    for layer in 0..<layers { expected += 4 * hidden * ((layer == 0 ? input : hidden) + hidden) + 6 * hidden }
    guard weights.shape.dimensions == [expected] else {
      throw NAMDocument.refuse("weights", "\(weights.count) numbers, expected \(expected) for the sizes in config")
    }
    var archive = TensorArchive()
    var position = 0
    /// The next numbers as a tensor; a matrix may be part of wider rows.
    func take(_ sizes: [Int], stride: Int = 0, advance: Int? = nil) throws(RNNError) -> Tensor {
      guard let shape = Shape(sizes),
        let tensor = try weights.gathered(shape, strides: sizes.count == 2 ? [stride, 1] : [1], offset: position)
      else { throw NAMDocument.refuse("weights", "too few") }
      position += advance ?? shape.count
      return tensor
    }
    var states: (h: [Tensor], c: [Tensor]) = ([], [])
    for layer in 0..<layers {
      let size = layer == 0 ? input : hidden
      let width = size + hidden
      try archive.append("lstm.weight_ih_l\(layer)", take([4 * hidden, size], stride: width, advance: size))
      try archive.append(
        "lstm.weight_hh_l\(layer)", take([4 * hidden, hidden], stride: width, advance: 4 * hidden * width - size))
      try archive.append("lstm.bias_ih_l\(layer)", take([4 * hidden]))
      guard let zeros = Tensor.zeros(.float32, [4 * hidden]) else {
        throw NAMDocument.refuse("weights", "too many")
      }
      try archive.append("lstm.bias_hh_l\(layer)", zeros)
      states.h.append(try take([hidden]))
      states.c.append(try take([hidden]))
    }
    guard let h = Tensor.stacked(states.h), let c = Tensor.stacked(states.c) else {
      throw NAMDocument.refuse("weights", "too many")
    }
    try archive.append("lstm.h0", h)
    try archive.append("lstm.c0", c)
    try archive.append("head.weight", take([output, hidden], stride: hidden))
    try archive.append("head.bias", take([output]))
    archive.architecture = Architecture(
      modules: [
        .recurrent(
          Recurrent(
            name: "lstm", cell: .lstm, inputSize: input, hiddenSize: hidden, numLayers: layers, hasInitialState: true)
        ),
        .linear(Linear(name: "head", inFeatures: hidden, outFeatures: output)),
      ], batchFirst: true)
    archive.notes = ["one bias per layer is bias_ih, and bias_hh is zero", "the stored starting state is h0 and c0"]
    return archive
  }
}
