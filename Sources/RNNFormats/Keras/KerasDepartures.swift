import RNNModel

/// What Keras does that RNNKit does not: masks, and half precision.
extension KerasLayer {
  /// Classes to which steps are alike, masked or not. Others, unknown ones included, are taken to heed a mask.
  private static let maskless = transparent.union([
    "Masking", "Embedding", "Dense", "TimeDistributedDense", "TimeDistributed", "Activation", "ReLU", "LeakyReLU",
    "ELU", "Flatten", "PReLU", "BatchNormalization", "LayerNormalization", "Add", "Subtract", "Multiply", "Average", "Concatenate", "Rescaling",
  ])

  static func heedsMask(_ className: String) -> Bool { !maskless.contains(className) }

  func masks(_ problem: Phrase, note: Phrase) -> Departure {
    Departure(
      .masks, place: "layer \(name)", "\(problem), and RNNKit masks no steps",
      note: """
        \(name): \(note); take masked ones out of each sequence, those at its end by lengths (the output past the end is \
        then 0, where Keras repeats the last)
        """)
  }

  /// What a Masking layer asks for; nil where that changes nothing. `isHeeded` where another layer gets its mask.
  func masking(_ config: JSONValue, isHeeded: Bool) throws(RNNError) -> Departure? {
    var reader = try options(config)
    let value = try reader.double("mask_value", default: 0)
    try reader.finish()
    // Masked steps become 0 as well, which those of 0 are.
    guard isHeeded || value != 0 else { return nil }
    return masks("a Masking of mask_value \(value)", note: "masked steps are run")
  }

  /// The half precision that a layer, or one inside it, computes in.
  func halfPrecision(_ config: JSONValue) -> Departure? {
    guard let policy = Self.halfPrecisionPolicy(config) else { return nil }
    return Departure(
      .halfPrecision, place: "layer \(name)",
      "the policy \(policy), which computes in half precision, and RNNKit does not",
      note: "layers of the policy \(policy) are computed in float32, their weights widened")
  }

  private static func halfPrecisionPolicy(_ config: JSONValue) -> String? {
    if let type = config["dtype"] {
      // A plain name; a policy's; or a policy for each layer inside, as text.
      let policy = type.string ?? type["config"]?["name"]?.string ?? type.text
      if policy.contains("float16") { return policy }
    }
    for key in ["layer", "backward_layer"] {
      if let inner = config[key]?["config"], let policy = halfPrecisionPolicy(inner) { return policy }
    }
    return nil
  }
}
