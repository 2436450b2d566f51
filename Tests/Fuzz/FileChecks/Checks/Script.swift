import RNNFormats
import RNNModel

extension FileCheck {
  /// The code of a TorchScript archive of a recurrent and a linear module: it is read as a forward line, or a place in it is
  /// named.
  static let script = FileCheck("script", seeds: ["script"]) { bytes in
    let data = ScriptPickle.bytes
    let archive = try written { file in
      var writer = ZipWriter()
      try writer.add("archive/data.pkl", data, to: &file)
      try writer.add("archive/constants.pkl", [0x80, 2, 0x29, 0x2E], to: &file)
      // Every class that the pickle names.
      for path in ["__torch__", "__torch__/torch/nn/modules/rnn", "__torch__/torch/nn/modules/linear", "__torch__/torch/nn/functional"] {
        try writer.add("archive/code/\(path).py", bytes, to: &file)
      }
      for (key, count) in [24, 16, 8, 8, 8, 4].enumerated() {
        try writer.add("archive/data/\(key)", [UInt8](repeating: 0, count: 4 * count), to: &file)
      }
      try writer.finish(&file)
    }
    let read = try TorchFormat().read(InputFile(archive, name: "fuzz"))
    let problem = read.departures.first { $0.kind == .forward }
    try require((read.hints.forwardLine == nil) != (problem == nil), "neither a line nor a problem, or both")
    try require(problem?.place.hasPrefix("code") ?? true, "a problem without a place: \(problem?.place ?? "")")
    // A line that is read may still be none of these modules.
    return try accepted("interpretation") { try Interpretation(read) } != nil
  }
}

/// The pickle of a module of an LSTM of 3 inputs and 2 units and a linear layer.
private enum ScriptPickle {
  static var bytes: [UInt8] {
    var result: [UInt8] = [0x80, 2]
    result += module("__torch__", "M", [
      ("training", [0x89]),
      ("lstm", module("__torch__.torch.nn.modules.rnn", "LSTM", [
        ("weight_ih_l0", tensor(0, [8, 3])), ("weight_hh_l0", tensor(1, [8, 2])), ("bias_ih_l0", tensor(2, [8])),
        ("bias_hh_l0", tensor(3, [8])), ("training", [0x89]),
      ])),
      ("fc", module("__torch__.torch.nn.modules.linear", "Linear", [
        ("weight", tensor(4, [4, 2])), ("bias", tensor(5, [4])), ("training", [0x89]),
      ])),
    ])
    return result + [0x2E]
  }

  private static func text(_ value: String) -> [UInt8] { [0x58, UInt8(value.utf8.count), 0, 0, 0] + Array(value.utf8) }
  private static func number(_ value: Int) -> [UInt8] { [0x4B, UInt8(value)] }
  private static func global(_ module: String, _ name: String) -> [UInt8] { Array("c\(module)\n\(name)\n".utf8) }
  private static func tuple(_ parts: [[UInt8]]) -> [UInt8] { [0x28] + parts.flatMap { $0 } + [0x74] }

  private static func module(_ file: String, _ name: String, _ attributes: [(String, [UInt8])]) -> [UInt8] {
    global(file, name) + [0x29, 0x81, 0x7D, 0x28] + attributes.flatMap { text($0.0) + $0.1 } + [0x75, 0x62]
  }

  private static func tensor(_ key: Int, _ sizes: [Int]) -> [UInt8] {
    let count = sizes.reduce(1, *)
    let storage = tuple([text("storage"), global("torch", "FloatStorage"), text("\(key)"), text("cpu"), number(count)]) + [0x51]
    let strides = sizes.count == 2 ? [sizes[1], 1] : [1]
    return global("torch._utils", "_rebuild_tensor_v2")
      + tuple([
        storage, number(0), tuple(sizes.map(number)), tuple(strides.map(number)), [0x89],
        global("collections", "OrderedDict") + [0x29, 0x52],
      ]) + [0x52]
  }
}
