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
public enum RTNeuralFormat: ModelFormat {
  public static let name = "rtneural"
  public static let summary = "RTNeural's JSON"
  public static let exceptions =
    "holds forward LSTM, GRU, linear and PReLU layers in float32; adds an LSTM's biases up; leaves out reference cases and "
    + "other tensors"
  public static let fileExtensions = ["rtneural.json"]
  static let shapeKey = "in_shape"
  static let layersKey = "layers"
  /// What only AIDA-X's files have: what is around the layers, and a test signal.
  static let deviceKeys = ["in_skip", "in_gain", "out_gain"]
  static let signalKeys = ["input_batch", "output_batch"]

  public static func recognizes(_ file: InputFile) -> Bool {
    JSONSkeleton.of(file, has: [shapeKey, layersKey])
  }

  public static func read(_ file: InputFile) throws(RNNError) -> TensorArchive {
    try file.withUnsafeBytes { (bytes) throws(RNNError) in
      var reader = RTNeuralReader(bytes)
      return try reader.read()
    }
  }

  public static func write(_ model: Model, to file: inout OutputFile) throws(RNNError) {
    try RTNeuralWriter(model).write(to: &file)
  }

  public static var holdsEverything: Bool { false }

  public static func notes(writing model: Model) -> [Phrase] {
    RTNeuralWriter(model).notes
  }
}

/// AIDA-X's JSON: RTNeural's with a skip, gains in decibels and a test signal; see `RTNeuralFormat`.
public enum AIDAXFormat: ModelFormat {
  public static let name = "aidax"
  public static let summary = "AIDA-X's JSON: RTNeural's with a skip, gains and test signals"
  public static let exceptions =
    "holds what rtneural does, a skip of one feature and gains on the first input feature and the output, in decibels; "
    + "keeps one reference case of one feature"
  public static let fileExtensions = ["aidax", "aidax.json"]
  public static var holdsEverything: Bool { false }

  public static func recognizes(_ file: InputFile) -> Bool {
    RTNeuralFormat.recognizes(file)
      && (RTNeuralFormat.deviceKeys + RTNeuralFormat.signalKeys).contains { JSONSkeleton.of(file, has: [$0]) }
  }

  public static func read(_ file: InputFile) throws(RNNError) -> TensorArchive { try RTNeuralFormat.read(file) }

  public static func write(_ model: Model, to file: inout OutputFile) throws(RNNError) {
    try RTNeuralWriter(model, isAIDAX: true).write(to: &file)
  }

  public static func notes(writing model: Model) -> [Phrase] {
    RTNeuralWriter(model, isAIDAX: true).notes
  }
}

extension JSONSkeleton {
  /// Whether a file is JSON whose outermost object has all these keys.
  static func of(_ file: InputFile, has keys: Set<String>) -> Bool {
    file.withUnsafeBytes { bytes in
      guard JSONParser.firstByte(bytes) == UInt8(ascii: "{") else { return false }
      var missing = keys
      let skeleton = try? JSONSkeleton(bytes, in: 0..<bytes.count) { skeleton in
        if let key = skeleton.members.last?.key { missing.remove(key) }
        return missing.isEmpty
      }
      return skeleton != nil && missing.isEmpty
    }
  }
}
