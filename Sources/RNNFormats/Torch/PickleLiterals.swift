import RNNModel

// What stands in a pickle between its opcodes: numbers, text and bytes.
extension PickleMachine {
  mutating func take(_ count: Int) throws(RNNError) -> UnsafeRawBufferPointer {
    guard count >= 0, count <= reader.remaining else {
      throw error("the pickle ends inside an opcode: \(count) bytes expected, \(reader.remaining) left")
    }
    return try reader.take(count, "the pickle")
  }

  mutating func byte() throws(RNNError) -> UInt8 { try take(1)[0] }

  mutating func number<Value: FixedWidthInteger>() throws(RNNError) -> Value {
    Value(littleEndian: try take(MemoryLayout<Value>.size).loadUnaligned(as: Value.self))
  }

  mutating func count8() throws(RNNError) -> Int {
    let count: UInt64 = try number()
    guard let count = Int(exactly: count) else { throw error("\(count) bytes, more than any file holds") }
    return count
  }

  /// The bytes up to the end of the line, whose end is taken too.
  mutating func line() throws(RNNError) -> UnsafeRawBufferPointer {
    guard let end = reader.bytes[reader.offset...].firstIndex(of: 0x0A) else { throw error("a line without an end") }
    let bytes = try take(end - reader.offset)
    _ = try byte()
    return bytes
  }

  func text(_ bytes: UnsafeRawBufferPointer) throws(RNNError) -> String {
    if let text = String(validating: bytes, as: UTF8.self) { return text }
    // Halves of surrogate pairs stand for bytes that are no text, as in the name of a file.
    guard zip(bytes, bytes.dropFirst()).contains(where: { $0 == 0xED && $1 >= 0xA0 }) else {
      throw error("text that is not UTF-8")
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  mutating func pushText(_ opcode: PickleOpcode) throws(RNNError) {
    switch opcode {
    case .string:
      guard let bytes = PickleText.bytes(quoted: try line()) else { throw error("STRING without quotes or with a false escape") }
      try spend(bytes.count)
      let storage = TensorStorage(count: bytes.count) { $0.copyBytes(from: bytes) }
      try push(storage, isText: nil)
    case .unicode:
      guard let bytes = PickleText.utf8(rawUnicodeEscape: try line()) else { throw error("UNICODE with a false escape") }
      if bytes.count > Limits.maximumNameLength {
        let storage = try ScratchSpace.shared.storage(bytes.count) { (room) throws(RNNError) in
          room.bytes.copyBytes(from: bytes)
        }
        try push(storage, isText: true)
      } else {
        try spend(bytes.count)
        stack.append(.string(String(decoding: bytes, as: UTF8.self)))
      }
    case .binString: try pushText(Int(number() as UInt32), isText: nil)
    case .shortBinString: try pushText(Int(byte()), isText: nil)
    case .binUnicode: try pushText(Int(number() as UInt32), isText: true)
    case .shortBinUnicode: try pushText(Int(byte()), isText: true)
    case .binUnicode8: try pushText(count8(), isText: true)
    case .shortBinBytes: try pushText(Int(byte()), isText: false)
    case .binBytes: try pushText(Int(number() as UInt32), isText: false)
    default: try pushText(count8(), isText: false)
    }
  }

  mutating func pushText(_ count: Int, isText: Bool?) throws(RNNError) {
    let start = reader.offset
    let bytes = try take(count)
    if isText == true, count <= Limits.maximumNameLength {
      // A short text stands in the value itself.
      if count > 15 { try spend(count + 32) }
      return stack.append(.string(try text(bytes)))
    }
    guard let storage = source.slice(at: start, count: count) else {
      throw RNNError(.defect, place: place, "bytes outside the pickle")
    }
    try push(storage, isText: isText)
  }

  /// Python 2's strings, of which it is not known whether they are text, are text where they are UTF-8.
  mutating func push(_ bytes: TensorStorage, isText: Bool?) throws(RNNError) {
    // The storage itself, with what it keeps of the file.
    try spend(192)
    if isText == true { return stack.append(.text(bytes)) }
    if isText == nil, bytes.count <= Limits.maximumNameLength,
      let text = bytes.withUnsafeBytes({ String(validating: $0, as: UTF8.self) })
    {
      try spend(bytes.count)
      return stack.append(.string(text))
    }
    stack.append(.bytes(bytes))
  }

  mutating func decimal(_ line: UnsafeRawBufferPointer) throws(RNNError) {
    var digits = try text(line)
    if digits == "00" || digits == "01" { return stack.append(.bool(digits == "01")) }
    if digits.hasSuffix("L") { digits.removeLast() }
    if let value = Int(digits) { return stack.append(.integer(value)) }
    guard digits.utf8.drop(while: { $0 == UInt8(ascii: "-") }).allSatisfy({ (48...57).contains($0) }), !digits.isEmpty
    else { throw error("INT or LONG of something that is no whole number") }
    // No number of a tensor's has so many digits.
    try push(.large(Int32(graph.larges.count)))
    graph.larges.append([])
  }

  mutating func long(count: Int) throws(RNNError) {
    let bytes = try take(count)
    if count > 8 {
      try spend(count + 40)
      try push(.large(Int32(graph.larges.count)))
      return graph.larges.append(Array(bytes))
    }
    var value: UInt64 = bytes.last.map { $0 >= 0x80 ? .max : 0 } ?? 0
    for byte in bytes.reversed() { value = value << 8 | UInt64(byte) }
    stack.append(.integer(Int(Int64(bitPattern: value))))
  }

  func index(_ line: UnsafeRawBufferPointer) throws(RNNError) -> Int {
    guard let index = Int(try text(line)), index >= 0 else { throw error("an entry of the memo that is no number") }
    return index
  }
}
