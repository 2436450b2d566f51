import RNNModel

/// Reads numbers and byte ranges from a buffer, little-endian by default, and never past its end.
struct ByteReader {
  let bytes: UnsafeRawBufferPointer
  private(set) var offset: Int
  let isBigEndian: Bool

  init(_ bytes: UnsafeRawBufferPointer, at offset: Int = 0, isBigEndian: Bool = false) {
    self.bytes = bytes
    self.offset = offset
    self.isBigEndian = isBigEndian
  }

  var remaining: Int { bytes.count - offset }

  /// The next `count` bytes. `what` names them in the error.
  mutating func take(_ count: Int, _ what: @autoclosure () -> String) throws(RNNError) -> UnsafeRawBufferPointer {
    guard count >= 0, offset >= 0, count <= bytes.count - offset else {
      throw RNNError(.badData, place: "offset \(offset)",
        "the file ends inside \(what()): \(max(count, 0)) bytes expected, \(max(bytes.count - offset, 0)) left",
        remedy: "copy the file again; it is cut short or damaged")
    }
    defer { offset += count }
    return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
  }

  mutating func integer<Value: FixedWidthInteger>(
    _ what: @autoclosure () -> String
  ) throws(RNNError) -> Value {
    let value = try take(MemoryLayout<Value>.size, what()).loadUnaligned(as: Value.self)
    return isBigEndian ? Value(bigEndian: value) : Value(littleEndian: value)
  }

  /// An unsigned 64-bit number that must fit an `Int`.
  mutating func length(_ what: @autoclosure () -> String) throws(RNNError) -> Int {
    let value: UInt64 = try integer(what())
    guard let length = Int(exactly: value) else {
      throw RNNError(.badData, place: "offset \(offset - 8)", "\(what()) is \(value), more than any file holds",
        remedy: "copy the file again; it is damaged")
    }
    return length
  }
}
