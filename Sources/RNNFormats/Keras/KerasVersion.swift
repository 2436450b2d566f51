import RNNModel

/// The Keras that wrote a file, as far as it changes what the file means.
struct KerasVersion: Sendable, Hashable, CustomStringConvertible {
  var major: Int
  var minor: Int
  /// Keras as a part of TensorFlow 1.13 to 2.5, whose versions end in `-tf`.
  var isTensorFlows: Bool

  init(major: Int, minor: Int, isTensorFlows: Bool = false) {
    self.major = major
    self.minor = minor
    self.isTensorFlows = isTensorFlows
  }

  /// Parses `2.2.4-tf`. Nil for what is no version.
  init?(_ text: String) {
    let parts = text.split(separator: ".")
    guard parts.count >= 2, let major = Int(parts[0]), let minor = Int(parts[1].prefix { $0.isNumber }) else {
      return nil
    }
    self.init(major: major, minor: minor, isTensorFlows: text.hasSuffix("-tf"))
  }

  /// The version that a config of its own says, or whose keys it has. Nil where it shows none.
  init?(ofConfig json: JSONValue) {
    if let text = json["keras_version"]?.string {
      self.init(text)
      return
    }
    func has(_ key: String, _ value: JSONValue, depth: Int = 0) -> Bool {
      guard depth < Limits.maximumDepth else { return false }
      return value[key] != nil || (value.array ?? []).contains { has(key, $0, depth: depth + 1) }
        || (value.members ?? []).contains { has(key, $0.value, depth: depth + 1) }
    }
    if has("batch_input_shape", json) {
      self.init(major: 2, minor: 15, isTensorFlows: true)
    } else if has("batch_shape", json) {
      self.init(major: 3, minor: 0)
    } else {
      return nil
    }
  }

  var description: String { "\(major).\(minor)\(isTensorFlows ? "-tf" : "")" }

  /// Keras 2: clip(0.2x + 0.5, 0, 1); Keras 3: clip(x/6 + 0.5, 0, 1), under one name.
  var hardSigmoid: Activation { major >= 3 ? .hardSigmoidKeras3 : .hardSigmoidKeras2 }

  /// Before the layers that cuDNN can compute, in Keras 2.3 and TensorFlow 2.
  private var isOld: Bool { !isTensorFlows && (major < 2 || (major == 2 && minor < 3)) }

  /// What LSTM and GRU use for their gates unless told otherwise.
  var recurrentActivation: Activation { isOld ? hardSigmoid : .sigmoid }

  /// Whether a GRU's reset comes after the product unless told otherwise.
  var resetAfter: Bool { !isOld }

  /// Whether a `.keras` numbers a layer that has weights twice: TensorFlow 2.12 and 2.13 walk a list in which such a layer
  /// stands under two names.
  var countsLayersTwice: Bool { major == 2 && minor < 14 }
}
