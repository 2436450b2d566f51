import RNNModel

/// Nested lists of numbers, or an object whose members are such lists.
///
/// Numbers become float64, which the runner rounds once to the model's type, or int64 if all numbers of a member are
/// written without a fraction. NaN and infinities, which JSON lacks, are written and read as "nan", "inf" and "-inf".
public struct JSONArrayFormat: ArrayFormat {
  public let name = "json"
  public let fileExtensions = ["json"]
  public let holdsOneArray = false
  public let isText = true

  public init() {}

  public func recognizes(_ file: InputFile) -> Bool {
    let first = file.withUnsafeBytes(JSONParser.firstByte)
    return first == UInt8(ascii: "{") || first == UInt8(ascii: "[")
  }

  public func read(_ file: InputFile) throws(RNNError) -> [NamedTensor] {
    try file.withUnsafeBytes { (bytes) throws(RNNError) in
      guard JSONParser.firstByte(bytes) == UInt8(ascii: "{") else {
        return [NamedTensor("", try JSONArrayReader.read(bytes, in: 0..<bytes.count, at: ""))]
      }
      var result: [NamedTensor] = []
      for member in try file.json.whole().members {
        result.append(NamedTensor(member.key, try JSONArrayReader.read(bytes, in: member.range, at: member.key)))
      }
      return result
    }
  }

  /// Writes every member, with one line per innermost list.
  public func write(_ output: ArrayOutput, to file: inout OutputFile) throws(RNNError) {
    var writer = JSONArrayWriter()
    try file.write(Array("{".utf8))
    for (index, member) in output.members.enumerated() {
      try file.write(Array((index == 0 ? "\n" : ",\n").utf8))
      try file.write(Array("  \(JSONValue.string(member.name).text): ".utf8))
      try writer.write(member, to: &file)
    }
    try file.write(Array((output.members.isEmpty ? "}\n" : "\n}\n").utf8))
  }
}

/// Writes tensors as nested lists, in chunks.
private struct JSONArrayWriter {
  private var text: [UInt8] = []

  mutating func write(_ member: NamedTensor, to file: inout OutputFile) throws(RNNError) {
    let tensor = member.tensor
    try tensor.withUnsafeBytes { (bytes) throws(RNNError) in
      var index = 0
      func list(_ axis: Int, _ text: inout [UInt8]) throws(RNNError) {
        guard axis < tensor.shape.rank else {
          let element = TensorElement(bytes, tensor.elementType, at: index)
          guard let decimal = element.decimal else {
            throw RNNError(.badData, place: member.name, "JSON cannot hold \(tensor.elementType.rawValue)",
              remedy: "write .npz")
          }
          text.append(contentsOf: (element.isFinite ? decimal : "\"\(decimal)\"").utf8)
          index += 1
          return
        }
        text.append(UInt8(ascii: "["))
        for position in 0..<tensor.shape[axis] {
          if position > 0 { text.append(contentsOf: axis + 1 == tensor.shape.rank ? ", ".utf8 : ",".utf8) }
          if axis + 1 < tensor.shape.rank {
            text.append(UInt8(ascii: "\n"))
            text.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 4 + 2 * axis))
          }
          try list(axis + 1, &text)
          if text.count >= 1 << 16 {
            try file.write(text)
            text.removeAll(keepingCapacity: true)
          }
        }
        text.append(UInt8(ascii: "]"))
      }
      try list(0, &text)
      try file.write(text)
      text.removeAll(keepingCapacity: true)
    }
  }
}
