import RNNModel

/// What trainers write into a layer beside RTNeural's own keys, which RTNeural passes over: taken where it agrees with the
/// layer's shape and weights.
struct RTNeuralKeys {
  let inputSize: Int
  let outputSize: Int
  let hasBias: Bool

  /// What is wrong with a key and its value; nil where they say what is known anyhow, or nothing of the numbers.
  func problem(_ key: String, _ value: JSONValue) -> String? {
    func expect(_ expected: JSONValue, _ reason: String) -> String? {
      value == expected ? nil : "\(value.text.prefix(60)), expected \(expected.text)\(reason)"
    }
    switch key {
    case "input_size", "in_features", "input_dim", "in_size":
      return expect(.integer(Int64(inputSize)), ", which is what the layer before it gives")
    case "hidden_size", "output_size", "out_features", "output_dim", "out_size", "hidden_dim", "units":
      return expect(.integer(Int64(outputSize)), ", which is what the layer's shape ends in")
    case "bias", "use_bias": return expect(.bool(hasBias), " from the number of the layer's weights")
    case "num_layers": return expect(.integer(1), ": RTNeural runs one layer for each entry")
    case "bidirectional", "go_backwards": return expect(.bool(false), ": RTNeural runs forward alone")
    case "return_sequences", "batch_first", "reset_after": return expect(.bool(true), ", as RTNeural computes it")
    case "recurrent_activation": return expect(.string("sigmoid"), ", as RTNeural computes it")
    // Of training, or for the reader.
    case "name", "dropout", "recurrent_dropout", "trainable", "stateful", "dtype": return nil
    default: return "an unknown key, which may change what the layer computes"
    }
  }
}
