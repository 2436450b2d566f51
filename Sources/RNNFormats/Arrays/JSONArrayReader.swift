import RNNModel

/// Reads nested lists of decimal numbers.
struct JSONArrayReader: JSONNumbers, ~Copyable {
  private var numbers: NumberRoom

  /// Parses `range` of `bytes` as one tensor: int64 if all numbers are integers, else float64. `place` names it in errors.
  /// Refuses lists of different lengths and anything but numbers.
  static func read(_ bytes: UnsafeRawBufferPointer, in range: Range<Int>, at place: String) throws(RNNError) -> Tensor {
    try JSONLists.tensor(bytes, in: range, at: place, size: NumberRoom.size) { JSONArrayReader(numbers: NumberRoom($0)) }
  }

  private init(numbers: consuming NumberRoom) { self.numbers = numbers }

  static let remedy: Phrase = "give nested lists of numbers, of equal lengths"

  var elementType: ElementType { numbers.isWhole && numbers.count > 0 ? .int64 : .float64 }
  var filled: Int { numbers.count * NumberRoom.size }

  mutating func take(_ parser: inout JSONParser, isAlone: Bool, _ room: inout ScratchRoom) throws(RNNError) {
    guard let number = try Self.number(&parser) else { throw RNNError(.badData, "no number", remedy: Self.remedy) }
    numbers.append(number, &room)
  }

  /// A number, or a string for a number that JSON lacks; nil for any other value.
  private static func number(_ parser: inout JSONParser) throws(RNNError) -> DecimalNumber? {
    guard parser.position < parser.bytes.count else { throw parser.error("the text ends early") }
    switch parser.bytes[parser.position] {
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
      let start = parser.position
      let range = try parser.numberRange().range
      guard let number = DecimalNumber(UnsafeRawBufferPointer(rebasing: parser.bytes[range])) else { return nil }
      guard number.isFinite else {
        parser.position = start
        throw parser.error("a number too large for float64")
      }
      return number
    case UInt8(ascii: "\""):
      switch try parser.string() {
      case "nan": return .real(.nan)
      case "inf": return .real(.infinity)
      case "-inf": return .real(-.infinity)
      default: return nil
      }
    default:
      // A valid value here is not a number; an invalid one throws the reason.
      _ = try parser.value()
      return nil
    }
  }
}
