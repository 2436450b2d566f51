import RNNModel

/// Reads nested lists of numbers as they come, into scratch storage.
struct JSONArrayReader: ~Copyable {
  private var parser: JSONParser
  private let place: String
  private var numbers: NumberRoom
  /// Lengths of the first list of each level; -1 where it has not ended.
  private var sizes: [Int] = []
  /// How many lists are around a number; nil before the first number or empty list.
  private var depth: Int?
  private var path: [Int] = []

  /// The tensor that `range` of `bytes` holds and nothing else: int64 where all numbers are whole, else float64. `place`
  /// names it in errors. Refuses lists of different lengths and anything but numbers.
  static func read(
    _ bytes: UnsafeRawBufferPointer, in range: Range<Int>, at place: String
  ) throws(RNNError) -> Tensor {
    var (sizes, isWhole) = ([Int](), false)
    let size = JSONSkeleton.mostNumbers(bytes, in: range) * NumberRoom.size
    let values = try ScratchSpace.shared.storage(size) { (room) throws(RNNError) in
      var reader = JSONArrayReader(
        parser: JSONParser(bytes, in: range), place: place, numbers: NumberRoom(room.bytes))
      reader.parser.skipSpace()
      try reader.element(&room)
      _ = try reader.parser.whole { _ in }
      (sizes, isWhole) = (reader.sizes, reader.numbers.isWhole && reader.numbers.count > 0)
    }
    guard let shape = Shape(sizes), let tensor = Tensor(isWhole ? .int64 : .float64, shape, in: values) else {
      throw RNNError(.defect, "nested lists do not fit their shape")
    }
    return tensor
  }

  private init(parser: JSONParser, place: String, numbers: consuming NumberRoom) {
    self.parser = parser
    self.place = place
    self.numbers = numbers
  }

  private func refuse(_ problem: String) -> RNNError {
    let place = self.place + path.map { "[\($0)]" }.joined()
    return RNNError(.badData, place: place.isEmpty ? nil : place, problem,
      remedy: "give nested lists of numbers, of equal lengths")
  }

  private mutating func element(_ room: inout ScratchRoom) throws(RNNError) {
    let level = path.count
    guard parser.position < parser.bytes.count, parser.bytes[parser.position] == UInt8(ascii: "[") else {
      if let depth, level < depth { throw refuse("no list, expected a list of \(sizes[level])") }
      guard let number = try number() else { throw refuse("no number") }
      depth = level
      numbers.append(number, &room)
      return
    }
    if depth == level { throw refuse("a list, expected a number as in the first list of this level") }
    guard level < Limits.maximumRank else {
      throw RNNError(.badData, place: place.isEmpty ? nil : place, "more than \(Limits.maximumRank) levels of lists",
        remedy: "give nested lists of numbers")
    }
    parser.position += 1
    if sizes.count == level { sizes.append(-1) }
    var count = 0
    if parser.take("]") {
      if depth == nil { depth = level + 1 }
    } else {
      path.append(0)
      repeat {
        path[level] = count
        parser.skipSpace()
        try element(&room)
        count += 1
      } while parser.take(",")
      path.removeLast()
      guard parser.take("]") else { throw parser.error("neither comma nor closing bracket") }
      room.wrote(numbers.count * NumberRoom.size)
    }
    guard sizes[level] == -1 || sizes[level] == count else {
      throw refuse("a list of \(count), expected \(sizes[level]) as in the first list of this level")
    }
    sizes[level] = count
  }

  /// A number, or what stands for one that JSON lacks; nil where there is another value.
  private mutating func number() throws(RNNError) -> DecimalNumber? {
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
      // What is valid is no number, and what is not says why.
      _ = try parser.value()
      return nil
    }
  }
}
