import RNNModel

/// Reads a tensor from nested lists of numbers.
///
/// Numbers are float32 where nothing else is asked for, `true` and `false` bool, a whole number outside any list int64
/// (as PyTorch's counters are). Beside JSON's numbers stand `NaN`, `Infinity` and `-Infinity`, as Python writes them.
struct JSONTensorReader: JSONNumbers {
  private var type: ElementType?
  private let values: UnsafeMutableRawBufferPointer
  private(set) var filled = 0

  /// The tensor that `range` of `bytes` holds and nothing else. `place` names it in errors; errors of the text itself
  /// name its offset in `bytes`.
  static func read(
    _ bytes: UnsafeRawBufferPointer, in range: Range<Int>, as type: ElementType? = nil, at place: String
  ) throws(RNNError) -> Tensor {
    // Without a type numbers are float32, or one int64.
    try JSONLists.tensor(bytes, in: range, at: place, size: type?.byteCount ?? 4) { JSONTensorReader(type: type, values: $0) }
  }

  private init(type: ElementType?, values: UnsafeMutableRawBufferPointer) {
    (self.type, self.values) = (type, values)
  }

  static let remedy: Phrase = "write nested lists of numbers, as tensor.tolist() gives them"

  var elementType: ElementType { type ?? .float32 }

  private func refuse(_ problem: Phrase) -> RNNError { RNNError(.badData, problem, remedy: Self.remedy) }

  mutating func take(_ parser: inout JSONParser, isAlone: Bool, _ room: inout ScratchRoom) throws(RNNError) {
    /// Steps over a word if it comes next.
    func takeWord(_ word: StaticString) -> Bool {
      let word = UnsafeRawBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount)
      guard parser.bytes[parser.position...].starts(with: word) else { return false }
      parser.position += word.count
      return true
    }
    switch parser.position < parser.bytes.count ? parser.bytes[parser.position] : 0 {
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
      if takeWord("-Infinity") { return try append(-.infinity) }
      let (text, isInteger) = try parser.numberText()
      if type == nil { type = isInteger && isAlone && text != "-0" ? .int64 : .float32 }
      if let type, type.isInteger { return try append(integer: text, type) }
      guard let value = Double(text) else { throw refuse("not a number: \(text)") }
      guard value.isFinite else { throw refuse("\(text), too large for \(type?.rawValue ?? "float64")") }
      try append(value)
    case UInt8(ascii: "N"), UInt8(ascii: "I"):
      if takeWord("NaN") { return try append(.nan) }
      guard takeWord("Infinity") else { throw refuse("neither a number nor a list") }
      try append(.infinity)
    case UInt8(ascii: "t"), UInt8(ascii: "f"):
      let value: UInt8 = takeWord("true") ? 1 : 0
      guard value == 1 || takeWord("false") else { throw refuse("neither a number nor a list") }
      if type == nil { type = .bool }
      guard type == .bool else { throw refuse("true or false, expected a number as before it") }
      try store(value)
    default: throw refuse("neither a number nor a list")
    }
  }

  private mutating func store<Value: FixedWidthInteger>(_ value: Value) throws(RNNError) {
    guard filled + MemoryLayout<Value>.size <= values.count else {
      throw RNNError(.defect, "more numbers than commas")
    }
    values.storeBytes(of: value.littleEndian, toByteOffset: filled, as: Value.self)
    filled += MemoryLayout<Value>.size
  }

  private mutating func append(_ value: Double) throws(RNNError) {
    if type == nil { type = .float32 }
    switch type {
    case .float32:
      let rounded = Float(value)
      guard rounded.isFinite || !value.isFinite else { throw refuse("\(value), too large for float32") }
      try store(rounded.bitPattern)
    case .float64: try store(value.bitPattern)
    case .float16: try store(value.halfBits)
    case .bfloat16: try store(value.bfloat16Bits)
    default: throw refuse("a number, expected \(type == .bool ? "true or false" : "a whole number")")
    }
  }

  private mutating func append(integer text: String, _ type: ElementType) throws(RNNError) {
    func add<Value: FixedWidthInteger>(_: Value.Type) throws(RNNError) {
      guard let value = Value(text) else { throw refuse("\(text), expected a whole number that fits \(type.rawValue)") }
      try store(value)
    }
    switch type {
    case .int64: try add(Int64.self)
    case .int32: try add(Int32.self)
    case .int16: try add(Int16.self)
    case .int8: try add(Int8.self)
    case .uint64: try add(UInt64.self)
    case .uint32: try add(UInt32.self)
    case .uint16: try add(UInt16.self)
    default: try add(UInt8.self)
    }
  }
}
