import RNNModel

/// RTNeural's JSON: layers in Keras' order and layout, a step's features in, a step's features out.
///
///     {"in_shape": [null, null, 1],
///      "layers": [{"type": "lstm", "activation": "tanh", "shape": [null, null, 8], "weights": [W, U, b]}, …]}
///
/// W is (in, gates·units), U (units, gates·units). An LSTM's gates are i, f, c, o with one bias; a GRU's z, r, h with
/// two, for input and state. A dense layer has W (in, out) and perhaps a bias. AIDA-X adds `in_skip`, `in_gain` and
/// `out_gain` in dB, `metadata`, and `input_batch` and `output_batch`, a test signal and its answer. RTNeural passes
/// other keys over; they are kept as metadata, and named where they do not plainly describe the model.
///
/// Sources: RTNeural/model_loader.h (`parseJson`), python/model_utils.py; AIDA-X, src/aidadsp-plugin.cpp; aidadsp-lv2,
/// `testModel`.
public struct RTNeuralFormat: ModelFormat {
  public let name = "rtneural"
  public let summary = "RTNeural's JSON"
  public let exceptions =
    "holds forward LSTM, GRU, linear, PReLU, causal Conv1d and BatchNorm1d layers in float32; adds an LSTM's biases up; "
    + "leaves out reference cases and other tensors"
  public let fileExtensions = ["rtneural.json"]
  static let shapeKey = "in_shape"
  static let layersKey = "layers"
  /// What only AIDA-X's files have: what is around the layers, and a test signal.
  static let deviceKeys = ["in_skip", "in_gain", "out_gain"]
  static let signalKeys = ["input_batch", "output_batch"]

  public init() {}

  public func open(_ file: InputFile, isNamed: Bool) throws(RNNError) -> OpenedFile? {
    guard isNamed || file.json.has(Self.shapeKey, Self.layersKey) else { return nil }
    return OpenedFile { (_) throws(RNNError) in
      try file.withUnsafeBytes { (bytes) throws(RNNError) in
        var reader = RTNeuralReader(bytes)
        return try reader.read(file.json.whole())
      }
    }
  }

  public func write(_ model: Model, to file: inout OutputFile) throws(RNNError) {
    try RTNeuralWriter(model).write(to: &file)
  }

  public let holdsEverything = false

  public func notes(writing model: Model) -> [Phrase] {
    RTNeuralWriter(model).notes
  }
}

/// AIDA-X's JSON: RTNeural's with a skip, gains in decibels and a test signal; see `RTNeuralFormat`.
public struct AIDAXFormat: ModelFormat {
  public let name = "aidax"
  public let summary = "AIDA-X's JSON: RTNeural's with a skip, gains and test signals"
  public let exceptions =
    "holds what rtneural does, a skip of one feature and gains on the first input feature and the output, in decibels; "
    + "keeps one reference case of one feature"
  public let fileExtensions = ["aidax", "aidax.json"]
  public let holdsEverything = false

  public init() {}

  public func open(_ file: InputFile, isNamed: Bool) throws(RNNError) -> OpenedFile? {
    let keys = RTNeuralFormat.deviceKeys + RTNeuralFormat.signalKeys
    guard isNamed || keys.contains(where: { file.json.has($0) }) else { return nil }
    return try RTNeuralFormat().open(file, isNamed: isNamed)
  }

  public func write(_ model: Model, to file: inout OutputFile) throws(RNNError) {
    try RTNeuralWriter(model, isAIDAX: true).write(to: &file)
  }

  public func notes(writing model: Model) -> [Phrase] {
    RTNeuralWriter(model, isAIDAX: true).notes
  }
}
