import RNNModel

/// A layer of a Keras model: what its config says, where there is one, and its arrays in Keras' order.
struct KerasLayer {
  /// `LSTM`; nil where only weights are stored.
  var className: String?
  var name: String
  /// An object; nil where only weights are stored.
  var config: JSONValue?
  var weights: [NamedTensor]
  /// Features of what it was built for, where the file says so.
  var inputSize: Int?

  func error(_ problem: String, _ remedy: String = "export the model again") -> RNNError {
    RNNError(.badData, place: "layer \(name)", problem, remedy: remedy)
  }
}

extension KerasLayer {
  /// Classes that do nothing at inference.
  static let transparent: Set = [
    "InputLayer", "Dropout", "SpatialDropout1D", "GaussianNoise", "GaussianDropout", "AlphaDropout",
    "ActivityRegularization", "Identity",
  ]

  static let recurrent: [String: Recurrent.Cell] = [
    "SimpleRNN": .rnn, "LSTM": .lstm, "GRU": .gru, "CuDNNLSTM": .lstm, "CuDNNGRU": .gru,
  ]

  /// Whether a layer of a class has arrays of necessity.
  static func needsArrays(_ className: String) -> Bool {
    recurrent[className] != nil || ["Dense", "Embedding", "Bidirectional", "TimeDistributed"].contains(className)
  }

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

extension KerasLayer {
  /// `prefix` is the name of the model that it stands in, and a dot.
  init(_ layer: KerasModelConfig.Layer, _ weights: KerasWeights, prefix: String = "") {
    self.init(
      className: layer.className, name: prefix + layer.name, config: layer.config, weights: weights.layers[layer.name] ?? [],
      inputSize: layer.inputSize)
  }

  /// Classes that compute without arrays.
  static func hasNoArrays(_ className: String) -> Bool {
    transparent.contains(className)
      || [
        "Masking", "Activation", "Softmax", "ReLU", "LeakyReLU", "ELU", "Flatten", "Rescaling", "MaxPooling1D", "AveragePooling1D",
        "GlobalMaxPooling1D", "GlobalAveragePooling1D", "ZeroPadding1D", "Cropping1D",
      ].contains(className)
      || KerasMerge(className) != nil
  }

  /// Throws `badData` where the arrays take other inputs than the layer was built for.
  func check(inputSize found: Int) throws(RNNError) {
    guard inputSize == nil || inputSize == found else {
      throw error("arrays for \(found) features, where it was built for \(inputSize ?? 0)")
    }
  }

  /// The layer without the states that a stateful one is saved with, where they are zero, as they are taken to be.
  var withoutStates: KerasLayer {
    var result = self
    result.weights.removeAll { Self.isState($0) && $0.tensor.isZero }
    return result
  }

  /// Whether no array is a state.
  var isCell: Bool { !weights.contains { Self.isState($0) } }

  private static func isState(_ weight: NamedTensor) -> Bool {
    let path = weight.name.split(separator: "/")
    guard let last = path.last else { return false }
    // Keras 3's variables stand in the cell, a layer's own are its states.
    if path.count >= 2, path[path.count - 2] == "vars" { return path.dropLast(2).last != "cell" }
    return last.hasPrefix("rnn_state") || last.hasPrefix("state") || last.hasPrefix("lstm_state")
  }

  /// A Bidirectional's arrays by direction, as their paths say, else the first half and the second: Keras writes those
  /// that are not trained after the others.
  var directions: (forward: [Tensor], backward: [Tensor]) {
    func direction(_ weight: NamedTensor) -> Bool? {
      // The last part that says it: the layer itself may be called so.
      weight.name.split(separator: "/").dropLast().last { $0.hasPrefix("forward_") || $0.hasPrefix("backward_") }
        .map { $0.hasPrefix("backward_") }
    }
    let backward = weights.filter { direction($0) == true }
    let forward = weights.filter { direction($0) == false }
    if backward.count == forward.count, backward.count + forward.count == weights.count {
      return (forward.map(\.tensor), backward.map(\.tensor))
    }
    let arrays = weights.map(\.tensor)
    return (Array(arrays[..<(arrays.count / 2)]), Array(arrays[(arrays.count / 2)...]))
  }
}
