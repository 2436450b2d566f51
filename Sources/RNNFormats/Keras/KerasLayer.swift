import RNNModel

/// A layer of a Keras model: what its config says, where there is one, and its arrays in Keras' order.
struct KerasLayer {
  /// `LSTM`; nil where only weights are stored.
  var className: String?
  var name: String
  /// An object; nil where only weights are stored.
  var config: JSONValue?
  var weights: [NamedTensor]

  func error(_ problem: String, _ remedy: String = "export the model again") -> RNNError {
    RNNError(.badData, place: "layer \(name)", problem, remedy: remedy)
  }
}

extension KerasLayer {
  /// Classes that do nothing at inference.
  static let transparent: Set = [
    "InputLayer", "Dropout", "SpatialDropout1D", "GaussianNoise", "GaussianDropout", "AlphaDropout",
    "ActivityRegularization",
  ]

  static let recurrent: [String: Recurrent.Cell] = [
    "SimpleRNN": .rnn, "LSTM": .lstm, "GRU": .gru, "CuDNNLSTM": .lstm, "CuDNNGRU": .gru,
  ]

  /// A config's members, those that change no number at inference already taken out.
  func options(_ config: JSONValue) throws(RNNError) -> JSONObjectReader {
    var reader = try JSONObjectReader(config, at: "layer \(name)")
    reader.ignore { key, value in
      // An option without a value is off.
      value == .null || Self.harmless.contains(key)
        || ["_initializer", "_regularizer", "_constraint"].contains { key.hasSuffix($0) }
    }
    return reader
  }

  private static let harmless: Set = [
    "name", "trainable", "dtype", "batch_input_shape", "batch_shape", "input_shape", "input_length", "dropout",
    "recurrent_dropout", "seed", "unit_forget_bias", "unroll", "stateful", "implementation", "return_state",
    "zero_output_for_mask", "build_config", "registered_name", "shared_object_id",
    // Keras 1.
    "init", "inner_init", "forget_bias_init", "dropout_W", "dropout_U", "consume_less", "input_dtype",
  ]

  /// The name of an activation in a config: `"tanh"`, or Keras 3's object of a function.
  func activationName(_ value: JSONValue) throws(RNNError) -> String {
    if let name = value.string { return name }
    if value["class_name"] == .string("function"), let name = value["config"]?.string { return name }
    throw error("the activation \(value.text), which RNNKit does not know", "use one of Keras' plain activations")
  }
}

extension JSONObjectReader {
  /// Takes an activation's name; nil where there is none.
  mutating func activation(_ key: String, of layer: KerasLayer) throws(RNNError) -> String? {
    guard let value = optional(key) else { return nil }
    return try layer.activationName(value)
  }
}
