import RNNModel

/// Neural Amp Modeler's `.nam` of architecture LSTM: a flat list of weights and the sizes to cut it by.
///
/// For each layer a matrix (4·hidden, input + hidden), gates i, f, g, o, its row the input's weights and then the
/// state's; one bias; the starting h and c. After the layers the head's weight and bias.
///
/// Sources: neural-amp-modeler, nam/models/recurrent.py (`_export_weights`); NeuralAmpModelerCore, NAM/lstm.cpp.
public struct NAMFormat: ModelFormat {
  public let name = "nam"
  public let summary = "Neural Amp Modeler's LSTM, with its starting state"
  public let fileExtensions = ["nam"]
  public let canWrite = false

  public init() {}

  public func open(_ file: InputFile, isNamed: Bool) throws(RNNError) -> OpenedFile? {
    guard isNamed || file.json.has("architecture", "config", "version") else { return nil }
    return OpenedFile { (_) throws(RNNError) in try Self.archive(file) }
  }

  public func write(_ model: Model, to file: inout OutputFile) throws(RNNError) {
    throw RNNError(.usage, "nam can be read but not written", remedy: "write another format")
  }

  private static func refuse(_ place: String, _ problem: String, _ remedy: String) -> RNNError {
    RNNError(.badData, place: place, problem, remedy: remedy)
  }

  private static func archive(_ file: InputFile) throws(RNNError) -> TensorArchive {
    let whole = try file.json.whole()
    return try file.withUnsafeBytes { (bytes) throws(RNNError) in
      func value(_ key: String) throws(RNNError) -> JSONValue {
        guard let range = whole[key] else { throw refuse(key, "missing", "export the model again") }
        return try JSONValue(parsing: bytes, in: range)
      }
      let version = try value("version")
      guard let text = version.string, text.hasPrefix("0.") else {
        throw refuse("version", "\(version.text), expected 0.x", "use a newer RNNKit")
      }
      let architecture = try value("architecture")
      guard architecture == .string("LSTM") else {
        throw refuse(
          "architecture", "\(architecture.text), of Neural Amp Modeler's architectures only \"LSTM\" can be read",
          ForeignFile.otherCapture)
      }
      let sizes = try Sizes(value("config"))
      guard let range = whole["weights"] else { throw refuse("weights", "missing", "export the model again") }
      let weights = try JSONTensorReader.read(bytes, in: range, as: .float32, at: "weights")
      var archive = try sizes.archive(weights)
      var (metadata, others) = ([JSONValue.Member](), [JSONValue.Member]())
      if let range = whole["metadata"], case .object(let members) = try JSONValue(parsing: bytes, in: range) {
        metadata = members
      }
      for member in whole.members
      where !["version", "architecture", "config", "weights", "metadata"].contains(member.key) {
        others.append(.init(member.key, try JSONValue(parsing: bytes, in: member.range)))
      }
      archive.keep(metadata: metadata, beside: others)
      return archive
    }
  }

  /// The model's `config`.
  private struct Sizes {
    var input: Int
    var hidden: Int
    var layers: Int
    var output: Int

    init(_ json: JSONValue) throws(RNNError) {
      var reader = try JSONObjectReader(json, at: "config")
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
        throw refuse(
          "weights", "\(weights.count) numbers, expected \(expected) for the sizes in config",
          "export the model again")
      }
      var archive = TensorArchive()
      var position = 0
      /// The next numbers as a tensor; a matrix may be part of wider rows.
      func take(_ sizes: [Int], stride: Int = 0, advance: Int? = nil) throws(RNNError) -> Tensor {
        guard let shape = Shape(sizes),
          let tensor = try weights.gathered(shape, strides: sizes.count == 2 ? [stride, 1] : [1], offset: position)
        else { throw refuse("weights", "too few", "export the model again") }
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
          throw refuse("weights", "too many", "export the model again")
        }
        try archive.append("lstm.bias_hh_l\(layer)", zeros)
        states.h.append(try take([hidden]))
        states.c.append(try take([hidden]))
      }
      guard let h = Tensor.stacked(states.h), let c = Tensor.stacked(states.c) else {
        throw refuse("weights", "too many", "export the model again")
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
}
