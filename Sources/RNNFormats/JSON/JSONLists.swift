import RNNModel

/// What the numbers of nested lists become.
protocol JSONNumbers: ~Copyable {
  /// The type of what is kept.
  var elementType: ElementType { get }
  /// Bytes of the numbers so far.
  var filled: Int { get }
  /// What to do about lists that are no tensor.
  static var remedy: Phrase { get }

  /// Reads what stands where a number is expected, and keeps it. An error without a place gets the number's.
  ///
  /// - Parameters:
  ///   - isAlone: Whether no list is around it.
  ///   - room: The room of what is kept.
  mutating func take(_ parser: inout JSONParser, isAlone: Bool, _ room: inout ScratchRoom) throws(RNNError)
}

/// Reads nested lists of numbers as they come, into scratch storage, without a JSON value for every number.
struct JSONLists<Numbers: JSONNumbers & ~Copyable>: ~Copyable {
  private var parser: JSONParser
  private var numbers: Numbers
  private let place: String
  /// Lengths of the first list of each level; -1 where it has not ended.
  private var sizes: [Int] = []
  /// How many lists are around a number; nil before the first number or empty list.
  private var depth: Int?
  private var path: [Int] = []

  /// The tensor that `range` of `bytes` holds and nothing else. Refuses lists of different lengths and anything but numbers.
  ///
  /// - Parameters:
  ///   - place: Names it in errors; errors of the text itself name its offset in `bytes`.
  ///   - size: Most bytes of a number.
  ///   - numbers: What keeps numbers in a room.
  static func tensor(
    _ bytes: UnsafeRawBufferPointer, in range: Range<Int>, at place: String, size: Int,
    keeping numbers: (UnsafeMutableRawBufferPointer) -> Numbers
  ) throws(RNNError) -> Tensor {
    var (sizes, type, filled) = ([Int](), ElementType.float32, 0)
    let storage = try ScratchSpace.shared.storage(max(8, JSONSkeleton.mostNumbers(bytes, in: range) * size)) {
      (room) throws(RNNError) in
      var lists = JSONLists(parser: JSONParser(bytes, in: range), numbers: numbers(room.bytes), place: place)
      lists.parser.skipSpace()
      try lists.element(&room)
      _ = try lists.parser.whole { _ in }
      (sizes, type, filled) = (lists.sizes, lists.numbers.elementType, lists.numbers.filled)
    }
    guard let shape = Shape(sizes), let tensor = Tensor(type, shape, in: storage), tensor.byteCount == filled else {
      throw RNNError(.defect, place: place, "nested lists do not fit their shape")
    }
    return tensor
  }

  private init(parser: JSONParser, numbers: consuming Numbers, place: String) {
    self.parser = parser
    self.numbers = numbers
    self.place = place
  }

  private func refuse(_ problem: Phrase, at path: [Int]) -> RNNError {
    located(RNNError(.badData, problem, remedy: Numbers.remedy), at: path)
  }

  private func located(_ error: RNNError, at path: [Int]) -> RNNError {
    var error = error
    let place = place + path.map { "[\($0)]" }.joined()
    if error.place == nil, !place.isEmpty { error.place = place }
    return error
  }

  private mutating func element(_ room: inout ScratchRoom) throws(RNNError) {
    let level = path.count
    guard parser.position < parser.bytes.count, parser.bytes[parser.position] == UInt8(ascii: "[") else {
      guard depth == nil || depth == level else { throw refuse("no list, expected one as before it", at: path) }
      depth = level
      do throws(RNNError) {
        return try numbers.take(&parser, isAlone: level == 0, &room)
      } catch {
        throw located(error, at: path)
      }
    }
    guard depth.map({ level < $0 }) ?? true else { throw refuse("a list, expected a number as before it", at: path) }
    guard level < Limits.maximumRank else { throw refuse("more than \(Limits.maximumRank) levels of lists", at: []) }
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
      room.wrote(numbers.filled)
    }
    guard sizes[level] == -1 || sizes[level] == count else {
      throw refuse("a list of \(count), expected \(sizes[level]) as in the first list of this level", at: path)
    }
    sizes[level] = count
  }
}
