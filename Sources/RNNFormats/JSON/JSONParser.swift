import RNNModel

/// A strict reader of JSON text (RFC 8259): no duplicate keys, no trailing commas, no NaN, nothing after the value.
struct JSONParser {
  let bytes: UnsafeRawBufferPointer
  var position: Int
  private var depth = 0
  private var count = 0

  private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

  /// Starts at an offset of `bytes`, whose end is the text's end. A byte order mark at the beginning, as Windows' programs
  /// write it, is passed over (RFC 8259, 8.1).
  init(_ bytes: UnsafeRawBufferPointer, at position: Int = 0) {
    self.bytes = bytes
    self.position = position == 0 && bytes.starts(with: Self.byteOrderMark) ? Self.byteOrderMark.count : position
  }

  /// The first byte that is neither space nor byte order mark: what kind of value a text is of, if it is JSON.
  static func firstByte(_ bytes: UnsafeRawBufferPointer) -> UInt8? {
    var parser = JSONParser(bytes)
    parser.skipSpace()
    return parser.position < bytes.count ? bytes[parser.position] : nil
  }

  /// The same for a part of `bytes`; errors name offsets in the whole.
  init(_ bytes: UnsafeRawBufferPointer, in range: Range<Int>) {
    self.init(UnsafeRawBufferPointer(rebasing: bytes[..<range.upperBound]), at: range.lowerBound)
  }

  /// The one value that the bytes hold. Errors name the byte offset in `bytes`.
  static func parse(_ bytes: UnsafeRawBufferPointer) throws(RNNError) -> JSONValue {
    var parser = JSONParser(bytes)
    return try parser.whole { (parser) throws(RNNError) in try parser.value() }
  }

  /// What `body` reads, if that is all there is.
  mutating func whole<Value>(_ body: (inout JSONParser) throws(RNNError) -> Value) throws(RNNError) -> Value {
    let value = try body(&self)
    skipSpace()
    if position < bytes.count { throw error("text after the JSON value") }
    return value
  }

  func error(_ problem: String) -> RNNError {
    RNNError(.badData, place: "offset \(position)", "\(problem), expected valid JSON", remedy: "write the file again")
  }

  mutating func skipSpace() {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x0A, 0x0D, 0x09: position += 1
      default: return
      }
    }
  }

  private mutating func next() throws(RNNError) -> UInt8 {
    guard position < bytes.count else { throw error("the text ends early") }
    position += 1
    return bytes[position - 1]
  }

  /// Takes a byte if it comes next, after space.
  mutating func take(_ byte: Unicode.Scalar) -> Bool {
    skipSpace()
    guard position < bytes.count, bytes[position] == byte.value else { return false }
    position += 1
    return true
  }

  private mutating func word(_ text: StaticString, _ value: JSONValue) throws(RNNError) -> JSONValue {
    let word = UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
    guard bytes.count - position >= word.count,
      bytes[position..<position + word.count].elementsEqual(word)
    else { throw error("an unknown word") }
    position += word.count
    return value
  }

  mutating func value() throws(RNNError) -> JSONValue {
    skipSpace()
    guard position < bytes.count else { throw error("the text ends early") }
    count += 1
    guard count <= Limits.maximumJSONValueCount else { throw error("more than \(Limits.maximumJSONValueCount) values") }
    switch bytes[position] {
    case UInt8(ascii: "{"): return try nested { (parser) throws(RNNError) in try parser.object() }
    case UInt8(ascii: "["): return try nested { (parser) throws(RNNError) in try parser.array() }
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    default: return try number()
    }
  }

  private mutating func nested(
    _ body: (inout JSONParser) throws(RNNError) -> JSONValue
  ) throws(RNNError) -> JSONValue {
    guard depth < Limits.maximumDepth else { throw error("more than \(Limits.maximumDepth) levels") }
    position += 1
    depth += 1
    defer { depth -= 1 }
    return try body(&self)
  }

  private mutating func object() throws(RNNError) -> JSONValue {
    var members: [JSONValue.Member] = []
    var keys = Set<String>()
    if take("}") { return .object([]) }
    repeat {
      skipSpace()
      let key = try string()
      guard keys.insert(key).inserted else { throw error("the key \"\(key)\" stands twice") }
      guard take(":") else { throw error("no colon after a key") }
      members.append(.init(key, try value()))
    } while take(",")
    guard take("}") else { throw error("neither comma nor closing brace") }
    return .object(members)
  }

  private mutating func array() throws(RNNError) -> JSONValue {
    var elements: [JSONValue] = []
    if take("]") { return .array([]) }
    repeat { elements.append(try value()) } while take(",")
    guard take("]") else { throw error("neither comma nor closing bracket") }
    return .array(elements)
  }

  mutating func string() throws(RNNError) -> String {
    guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else { throw error("no string") }
    position += 1
    var text: [UInt8] = []
    while true {
      let byte = try next()
      switch byte {
      case UInt8(ascii: "\""):
        guard let string = String(validating: text, as: UTF8.self) else { throw error("text that is not UTF-8") }
        return string
      case UInt8(ascii: "\\"): text.append(contentsOf: try escape())
      case 0..<0x20: throw error("a control character in a string")
      default: text.append(byte)
      }
    }
  }

  private mutating func escape() throws(RNNError) -> [UInt8] {
    switch try next() {
    case UInt8(ascii: "\""): return [0x22]
    case UInt8(ascii: "\\"): return [0x5C]
    case UInt8(ascii: "/"): return [0x2F]
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "f"): return [0x0C]
    case UInt8(ascii: "n"): return [0x0A]
    case UInt8(ascii: "r"): return [0x0D]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "u"):
      var code = try hexadecimal()
      if (0xD800..<0xDC00).contains(code) {
        let (backslash, letter) = (try next(), try next())
        guard backslash == UInt8(ascii: "\\"), letter == UInt8(ascii: "u") else { throw error("half a surrogate pair") }
        let low = try hexadecimal()
        guard (0xDC00..<0xE000).contains(low) else { throw error("half a surrogate pair") }
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(code) else { throw error("half a surrogate pair") }
      return Array(String(Character(scalar)).utf8)
    default: throw error("an unknown escape")
    }
  }

  private mutating func hexadecimal() throws(RNNError) -> UInt32 {
    var code: UInt32 = 0
    for _ in 0..<4 {
      guard let digit = Character(Unicode.Scalar(try next())).hexDigitValue else { throw error("a bad \\u escape") }
      code = code << 4 | UInt32(digit)
    }
    return code
  }

  private mutating func number() throws(RNNError) -> JSONValue {
    let start = position
    let (text, isInteger) = try numberText()
    // −0 is no integer: as one it would lose its sign.
    if isInteger, text != "-0", let value = Int64(text) { return .integer(value) }
    guard let value = Double(text), value.isFinite else {
      position = start
      throw error("a number too large for float64")
    }
    return isInteger && text != "-0" ? .largeInteger(text) : .number(value)
  }

  /// Takes a number's characters, and tells whether it has neither fraction nor exponent.
  mutating func numberText() throws(RNNError) -> (text: String, isInteger: Bool) {
    let (range, isInteger) = try numberRange()
    return (String(decoding: bytes[range], as: UTF8.self), isInteger)
  }

  /// The same, as where they stand.
  mutating func numberRange() throws(RNNError) -> (range: Range<Int>, isInteger: Bool) {
    let start = position
    func isDigit(_ index: Int) -> Bool { index < bytes.count && (48...57).contains(bytes[index]) }
    func has(_ index: Int, _ characters: String.UTF8View) -> Bool {
      index < bytes.count && characters.contains(bytes[index])
    }
    var end = start
    if has(end, "-".utf8) { end += 1 }
    guard isDigit(end) else { throw error("an unexpected character") }
    if has(end, "0".utf8), isDigit(end + 1) { throw error("a number with a leading zero") }
    while isDigit(end) { end += 1 }
    var isInteger = true
    if has(end, ".".utf8) {
      isInteger = false
      end += 1
      guard isDigit(end) else { throw error("a number without digits after the point") }
      while isDigit(end) { end += 1 }
    }
    if has(end, "eE".utf8) {
      isInteger = false
      end += 1
      if has(end, "+-".utf8) { end += 1 }
      guard isDigit(end) else { throw error("a number without an exponent's digits") }
      while isDigit(end) { end += 1 }
    }
    position = end
    return (start..<end, isInteger)
  }
}

extension JSONValue {
  /// Reads one JSON value from text. Refuses everything that RFC 8259 does, duplicate keys, and more than
  /// `Limits.maximumDepth` levels; errors name the offset.
  public init(parsing bytes: UnsafeRawBufferPointer) throws(RNNError) {
    self = try JSONParser.parse(bytes)
  }

  /// The same from a string.
  public init(parsing text: String) throws(RNNError) {
    let bytes = Array(text.utf8)
    self = try bytes.withUnsafeBufferPointer { (bytes) throws(RNNError) in
      try JSONParser.parse(UnsafeRawBufferPointer(bytes))
    }
  }
}
