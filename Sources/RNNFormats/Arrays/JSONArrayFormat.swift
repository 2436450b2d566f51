import RNNModel

/// Nested lists of numbers, or an object whose members are such lists.
///
/// Numbers become float64, which the runner rounds once to the model's type, or int64 where all of a member's are whole
/// and written without a fraction. What JSON has no number for is written, and read, as "nan", "inf" and "-inf".
public enum JSONArrayFormat: ArrayFormat {
  public static let name = "json"
  public static let fileExtensions = ["json"]
  public static let holdsOneArray = false
  public static let isText = true

  public static func recognizes(_ file: InputFile) -> Bool {
    file.withUnsafeBytes { bytes in
      let first = bytes.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
      return first == UInt8(ascii: "{") || first == UInt8(ascii: "[")
    }
  }

  public static func read(_ file: InputFile) throws(RNNError) -> [NamedTensor] {
    let json = try file.withUnsafeBytes { (bytes) throws(RNNError) in try JSONValue(parsing: bytes) }
    guard let members = json.members else { return [NamedTensor("", try tensor(json, at: ""))] }
    var result: [NamedTensor] = []
    for member in members { result.append(NamedTensor(member.key, try tensor(member.value, at: member.key))) }
    return result
  }

  /// Writes every member, a line for each innermost list.
  public static func write(_ output: ArrayOutput, to file: inout OutputFile) throws(RNNError) {
    var writer = JSONArrayWriter()
    try file.write(Array("{".utf8))
    for (index, member) in output.members.enumerated() {
      try file.write(Array((index == 0 ? "\n" : ",\n").utf8))
      try file.write(Array("  \(JSONValue.string(member.name).text): ".utf8))
      try writer.write(member, to: &file)
    }
    try file.write(Array((output.members.isEmpty ? "}\n" : "\n}\n").utf8))
  }

  /// The tensor that nested lists of numbers make. Refuses lists of different lengths and anything but numbers.
  static func tensor(_ json: JSONValue, at place: String) throws(RNNError) -> Tensor {
    var sizes: [Int] = []
    var first = json
    while let list = first.array {
      sizes.append(list.count)
      guard let next = list.first else { break }
      first = next
    }
    guard let shape = Shape(sizes) else {
      throw RNNError(.badData, place: place.isEmpty ? nil : place, "more than \(Limits.maximumRank) levels of lists",
        remedy: "give nested lists of numbers")
    }
    var numbers = JSONNumbers(sizes: sizes)
    try numbers.collect(json, at: place, depth: 0)
    guard let tensor = numbers.integers.map({ Tensor($0, shape) }) ?? Tensor(numbers.values, shape) else {
      throw RNNError(.defect, "nested lists do not fit their shape")
    }
    return tensor
  }
}

/// The numbers of nested lists, in order.
private struct JSONNumbers {
  let sizes: [Int]
  var values: [Double] = []
  /// The same numbers as long as all of them are whole.
  var integers: [Int64]?

  init(sizes: [Int]) {
    self.sizes = sizes
    integers = sizes.contains(0) ? nil : []
  }

  mutating func collect(_ json: JSONValue, at place: String, depth: Int) throws(RNNError) {
    func refuse(_ problem: String) -> RNNError {
      RNNError(.badData, place: place.isEmpty ? nil : place, problem,
        remedy: "give nested lists of numbers, of equal lengths")
    }
    if depth < sizes.count {
      guard let list = json.array else { throw refuse("no list, expected a list of \(sizes[depth])") }
      guard list.count == sizes[depth] else {
        throw refuse("a list of \(list.count), expected \(sizes[depth]) as in the first list of this level")
      }
      for (index, element) in list.enumerated() {
        // Numbers are collected here: a place for each of them would cost more than all the rest.
        if depth + 1 == sizes.count, append(element) { continue }
        try collect(element, at: "\(place)[\(index)]", depth: depth + 1)
      }
    } else if !append(json) {
      throw refuse(json.array == nil ? "no number" : "a list, expected a number as in the first list of this level")
    }
  }

  /// Adds a number. False where the value is none.
  private mutating func append(_ json: JSONValue) -> Bool {
    switch json {
    case .integer(let value):
      values.append(Double(value))
      integers?.append(value)
      return true
    case .string("nan"): values.append(.nan)
    case .string("inf"): values.append(.infinity)
    case .string("-inf"): values.append(-.infinity)
    default:
      guard let value = json.double, value.isFinite else { return false }
      values.append(value)
    }
    integers = nil
    return true
  }
}

/// Writes tensors as nested lists, piece by piece.
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
