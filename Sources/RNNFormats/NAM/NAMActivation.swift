import RNNModel

/// A function between a network's convolutions: a name, or in newer files an object with its numbers.
enum NAMActivation {
  case function(Activation)
  /// One slope below zero for each channel, or one for all.
  case prelu([Float])
  /// x·clip(x / 6 + 1 / 2, 0, 1)
  case hardSwish
  /// x between two numbers, with slopes of their own beyond them.
  case leakyHardTanh(min: Double, max: Double, minSlope: Double, maxSlope: Double)

  init(_ value: JSONValue, at place: String) throws(RNNError) {
    var reader = try JSONObjectReader(value.string == nil ? value : .object([.init("type", value)]), at: place)
    let name = try reader.string("type")
    switch name {
    case "Tanh": self = .function(.tanh)
    case "ReLU": self = .function(.relu)
    case "Sigmoid": self = .function(.sigmoid)
    case "SiLU": self = .function(.silu)
    case "Softsign": self = .function(.softsign)
    case "Hardswish": self = .hardSwish
    case "LeakyReLU": self = .function(.leakyReLU(alpha: try reader.double("negative_slope", default: 0.01)))
    case "Hardtanh":
      let bounds = (try reader.double("min_val", default: -1), try reader.double("max_val", default: 1))
      guard bounds.0 <= bounds.1 else { throw reader.error("min_val", "above max_val") }
      self = .function(.clip(min: bounds.0, max: bounds.1))
    case "LeakyHardtanh":
      let bounds = (try reader.double("min_val", default: -1), try reader.double("max_val", default: 1))
      guard bounds.0 <= bounds.1 else { throw reader.error("min_val", "above max_val") }
      self = .leakyHardTanh(
        min: bounds.0, max: bounds.1, minSlope: try reader.double("min_slope", default: 0.01),
        maxSlope: try reader.double("max_slope", default: 0.01))
    case "PReLU":
      if let slopes = reader.optional("negative_slopes") {
        let numbers = (slopes.array ?? []).compactMap(\.double)
        guard !numbers.isEmpty, numbers.count == slopes.array?.count else { throw reader.error("negative_slopes", "not a list of numbers") }
        self = .prelu(numbers.map(Float.init))
      } else {
        self = .prelu([Float(try reader.double("negative_slope", default: 0.01))])
      }
    default:
      throw NAMDocument.refuse(
        place, "\"\(String(name.prefix(60)))\", which RNNKit does not compute",
        "train it with Tanh, ReLU, LeakyReLU, PReLU, Sigmoid, SiLU, Hardtanh, Hardswish, LeakyHardtanh or Softsign")
    }
    try reader.finish()
  }

  /// One for each layer: a list has as many, and anything else is for all.
  static func list(_ value: JSONValue, of count: Int, at place: String) throws(RNNError) -> [NAMActivation] {
    guard let values = value.array else { return Array(repeating: try NAMActivation(value, at: place), count: count) }
    guard values.count == count else { throw NAMDocument.refuse(place, "\(values.count) of them for \(count) layers") }
    var result: [NAMActivation] = []
    for (index, value) in values.enumerated() { result.append(try NAMActivation(value, at: "\(place)[\(index)]")) }
    return result
  }

  /// Adds its steps behind a value of so many features.
  func add(
    to network: inout NAMNetwork, _ value: Forward.Value, features: Int, named name: String, at place: String
  ) throws(RNNError) -> Forward.Value {
    switch self {
    case .function(let function): return network.add(.activation(.elementwise(function)), value)
    case .prelu(let slopes):
      guard slopes.count == 1 || slopes.count == features else {
        throw NAMDocument.refuse(place, "\(slopes.count) slopes for \(features) channels")
      }
      network.add(.prelu(PReLU(name: name, numParameters: slopes.count)))
      network.parameter(name + ".weight", values: slopes)
      return network.add(.module(name), value)
    case .hardSwish:
      let factor = network.add(.activation(.elementwise(.hardSigmoidKeras3)), value)
      return network.add(.arithmetic(.multiply), value, factor)
    case .leakyHardTanh(let min, let max, let minSlope, let maxSlope):
      var result = network.add(.activation(.elementwise(.clip(min: min, max: max))), value)
      // What is beyond the bounds, as a distance from them.
      let below = network.add(.activation(.elementwise(.affine(alpha: -1, beta: min))), value)
      let above = network.add(.activation(.elementwise(.affine(alpha: 1, beta: -max))), value)
      for (distance, slope) in [(below, -minSlope), (above, maxSlope)] {
        let only = network.add(.activation(.elementwise(.relu)), distance)
        result = network.add(.arithmetic(.add), result, network.add(.arithmetic(.multiply), only, network.add(.constant([slope]))))
      }
      return result
    }
  }
}
