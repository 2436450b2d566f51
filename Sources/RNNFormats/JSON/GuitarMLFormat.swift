import RNNModel

/// GuitarML's JSON: one recurrent module `rec`, one linear layer `lin`, and how many input features are added to the
/// output.
///
///     {"model_data": {"model": "SimpleRNN", "unit_type": "LSTM", "input_size": 1, "hidden_size": 40, "num_layers": 1,
///                     "output_size": 1, "skip": 1, "bias_fl": true},
///      "state_dict": {"rec.weight_ih_l0": [[…]], …, "lin.weight": [[…]], "lin.bias": […]}}
///
/// Source: CoreAudioML, networks.py (`SimpleRNN`), which also gives the defaults.
public struct GuitarMLFormat: ModelFormat {
  public let name = "guitarml"
  public let summary = "GuitarML's JSON: an RNN, LSTM or GRU with a linear layer and a skip"
  public let fileExtensions = ["json"]
  public let canWrite = false

  public init() {}

  public func open(_ file: InputFile, isNamed: Bool) throws(RNNError) -> OpenedFile? {
    guard isNamed || file.json.has("model_data") else { return nil }
    return OpenedFile { (_) throws(RNNError) in try Self.archive(file) }
  }

  public func write(_ model: Model, to file: inout OutputFile) throws(RNNError) {
    throw RNNError(.usage, "guitarml can be read but not written", remedy: "write json, a state_dict")
  }

  private static func archive(_ file: InputFile) throws(RNNError) -> TensorArchive {
    let whole = try file.json.whole()
    return try file.withUnsafeBytes { (bytes) throws(RNNError) in
      guard let data = whole["model_data"], let state = whole["state_dict"] else {
        throw refuse(whole["model_data"] == nil ? "model_data" : "state_dict", "missing")
      }
      var archive = TensorArchive()
      for member in try JSONSkeleton(bytes, in: state).members {
        let tensor = try JSONTensorReader.read(bytes, in: member.range, at: "tensor \(member.key)")
        try archive.append(member.key, tensor)
      }
      archive.architecture = try architecture(
        JSONValue(parsing: bytes, in: data), hasBias: archive["rec.bias_ih_l0"] != nil)
      var others: [JSONValue.Member] = []
      for member in whole.members where !["model_data", "state_dict"].contains(member.key) {
        others.append(.init(member.key, try JSONValue(parsing: bytes, in: member.range)))
      }
      archive.keep(metadata: [], beside: others)
      return archive
    }
  }

  private static func refuse(_ place: String, _ problem: String) -> RNNError {
    RNNError(.badData, place: place, problem, remedy: "compare with GuitarML's own JSON, or export the model again")
  }

  private static func architecture(_ json: JSONValue, hasBias: Bool) throws(RNNError) -> Architecture {
    var reader = try JSONObjectReader(json, at: "model_data")
    if let model = reader.optional("model"), model != .string("SimpleRNN") {
      throw refuse("model_data.model", "\(model.text), of GuitarML's models only \"SimpleRNN\" can be read")
    }
    let unit = try reader.string("unit_type")
    guard let cell = Recurrent.Cell(rawValue: unit) else {
      throw refuse("model_data.unit_type", "\"\(unit)\", expected RNN, LSTM or GRU")
    }
    let inputSize = try reader.integer("input_size", default: 1)
    let hiddenSize = try reader.integer("hidden_size")
    let outputSize = try reader.integer("output_size", default: 1)
    let numLayers = try reader.integer("num_layers", default: 1)
    let skip = try reader.integer("skip", default: 1)
    let bias: Bool
    switch reader.optional("bias_fl") {
    case nil: bias = true
    case .bool(let value): bias = value
    case .integer(let value): bias = value != 0
    case .some(let other): throw refuse("model_data.bias_fl", "\(other.text), expected true or false")
    }
    try reader.finish()
    // PyTorch would repeat one skipped feature over several outputs.
    guard skip == 0 || (skip == outputSize && skip <= inputSize) else {
      throw refuse("model_data.skip", "\(skip), expected 0 or as many as the output's features, \(outputSize)")
    }
    let modules: [Module] = [
      .recurrent(
        Recurrent(
          name: "rec", cell: cell, inputSize: inputSize, hiddenSize: hiddenSize, numLayers: numLayers, bias: hasBias)),
      .linear(Linear(name: "lin", inFeatures: hiddenSize, outFeatures: outputSize, bias: bias)),
    ]
    return try Architecture(modules.map { Link($0) }, in: Frame(skip: skip))
  }
}
