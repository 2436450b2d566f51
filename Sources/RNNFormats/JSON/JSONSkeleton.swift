import RNNModel

/// The members of one JSON object and where their values stand, without reading the values: files of numbers are read
/// one tensor at a time.
struct JSONSkeleton {
  struct Member {
    var key: String
    /// Of the value's text, which nothing has checked but that its brackets and quotes close.
    var range: Range<Int>
  }

  /// In the file's order; keys are unique.
  private(set) var members: [Member] = []
  /// Why there are no more members, where the text is damaged.
  private var problem: RNNError?

  /// Reads the object that `range` of `bytes` holds and nothing else.
  init(_ bytes: UnsafeRawBufferPointer, in range: Range<Int>) throws(RNNError) {
    try read(JSONParser(bytes, in: range))
  }

  /// Reads the object that `bytes` hold, or the part of it that can be read.
  init(readable bytes: UnsafeRawBufferPointer) {
    do throws(RNNError) { try read(JSONParser(bytes)) } catch { problem = error }
  }

  /// Itself; throws where it is a part of a damaged object.
  func whole() throws(RNNError) -> JSONSkeleton {
    if let problem { throw problem }
    return self
  }

  private mutating func read(_ parser: consuming JSONParser) throws(RNNError) {
    var parser = parser
    var keys = Set<String>()
    guard parser.take("{") else { throw parser.error("no object") }
    if !parser.take("}") {
      repeat {
        parser.skipSpace()
        let key = try parser.string()
        guard keys.insert(key).inserted else { throw parser.error("the key \"\(key)\" stands twice") }
        guard members.count < Limits.maximumTensorCount else {
          throw parser.error("more than \(Limits.maximumTensorCount) keys")
        }
        guard parser.take(":") else { throw parser.error("no colon after a key") }
        members.append(Member(key: key, range: try parser.skipValue()))
      } while parser.take(",")
      guard parser.take("}") else { throw parser.error("neither comma nor closing brace") }
    }
    _ = try parser.whole { _ in }
  }

  subscript(key: String) -> Range<Int>? { members.first { $0.key == key }?.range }

  /// Whether it has all these keys.
  func has(_ keys: String...) -> Bool { keys.allSatisfy { self[$0] != nil } }

  /// No more numbers than commas, and one.
  static func mostNumbers(_ bytes: UnsafeRawBufferPointer, in range: Range<Int>) -> Int {
    var count = 1
    for byte in bytes[range] { count &+= byte == UInt8(ascii: ",") ? 1 : 0 }
    return count
  }

  /// Where the elements stand of the array that `range` of `bytes` holds and nothing else.
  static func elements(_ bytes: UnsafeRawBufferPointer, in range: Range<Int>) throws(RNNError) -> [Range<Int>] {
    var parser = JSONParser(bytes, in: range)
    guard parser.take("[") else { throw parser.error("no array") }
    var elements: [Range<Int>] = []
    if !parser.take("]") {
      repeat {
        guard elements.count < Limits.maximumTensorCount else {
          throw parser.error("more than \(Limits.maximumTensorCount) elements")
        }
        elements.append(try parser.skipValue())
      } while parser.take(",")
      guard parser.take("]") else { throw parser.error("neither comma nor closing bracket") }
    }
    _ = try parser.whole { _ in }
    return elements
  }
}

extension JSONParser {
  /// Steps over one value of any kind and returns where it stands.
  fileprivate mutating func skipValue() throws(RNNError) -> Range<Int> {
    skipSpace()
    let start = position
    var open = 0
    while position < bytes.count {
      switch bytes[position] {
      case UInt8(ascii: "\""):
        _ = try string()
        if open == 0 { return start..<position }
        continue
      case UInt8(ascii: "["), UInt8(ascii: "{"): open += 1
      case UInt8(ascii: "]"), UInt8(ascii: "}"):
        if open <= 1 {
          if open == 1 { position += 1 }
          return try found(start)
        }
        open -= 1
      case UInt8(ascii: ","), 0x20, 0x0A, 0x0D, 0x09:
        if open == 0 { return try found(start) }
      default: break
      }
      position += 1
    }
    throw error("the text ends early")
  }

  private func found(_ start: Int) throws(RNNError) -> Range<Int> {
    guard position > start else { throw error("a value is missing") }
    return start..<position
  }
}

extension JSONValue {
  /// The one value in `range` of `bytes`; errors name offsets in the whole of `bytes`.
  init(parsing bytes: UnsafeRawBufferPointer, in range: Range<Int>) throws(RNNError) {
    var parser = JSONParser(bytes, in: range)
    self = try parser.whole { (parser) throws(RNNError) in try parser.value() }
  }
}
