import RNNModel

/// Text and bytes as protocol 0 writes them, on one line with escapes.
enum PickleText {
  /// The bytes of a Python 2 string, `'a\x00b'` with its quotes. Nil where it is none.
  static func bytes(quoted line: UnsafeRawBufferPointer) -> [UInt8]? {
    guard line.count >= 2, let quote = line.first, quote == 0x27 || quote == 0x22, line.last == quote else { return nil }
    let inner = UnsafeRawBufferPointer(rebasing: line[1..<line.count - 1])
    var result: [UInt8] = []
    result.reserveCapacity(inner.count)
    var index = 0
    while index < inner.count {
      let byte = inner[index]
      index += 1
      guard byte == UInt8(ascii: "\\") else {
        result.append(byte)
        continue
      }
      guard index < inner.count else { return nil }
      let escape = inner[index]
      index += 1
      switch escape {
      case UInt8(ascii: "n"): result.append(0x0A)
      case UInt8(ascii: "r"): result.append(0x0D)
      case UInt8(ascii: "t"): result.append(0x09)
      case UInt8(ascii: "\\"), UInt8(ascii: "'"), UInt8(ascii: "\""): result.append(escape)
      case UInt8(ascii: "x"):
        guard let value = hexadecimal(inner, index, 2) else { return nil }
        result.append(UInt8(value))
        index += 2
      default: return nil
      }
    }
    return result
  }

  /// The UTF-8 of a text in `raw-unicode-escape`: Latin-1, and `\u` or `\U` with the number of a character.
  static func utf8(rawUnicodeEscape line: UnsafeRawBufferPointer) -> [UInt8]? {
    var result: [UInt8] = []
    result.reserveCapacity(line.count)
    var index = 0
    while index < line.count {
      let byte = line[index]
      index += 1
      if byte == UInt8(ascii: "\\"), index < line.count {
        let digits = line[index] == UInt8(ascii: "u") ? 4 : line[index] == UInt8(ascii: "U") ? 8 : 0
        if digits > 0 {
          guard let value = hexadecimal(line, index + 1, digits) else { return nil }
          // Half of a surrogate pair stands for a byte that is no text.
          let isHalf = (0xD800...0xDFFF).contains(value)
          guard let scalar = Unicode.Scalar(isHalf ? 0xFFFD : value) else { return nil }
          result += Array(String(Character(scalar)).utf8)
          index += 1 + digits
          continue
        }
      }
      if byte < 0x80 {
        result.append(byte)
      } else {
        result += [0xC0 | byte >> 6, 0x80 | byte & 0x3F]
      }
    }
    return result
  }

  private static func hexadecimal(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ count: Int) -> UInt32? {
    guard start + count <= bytes.count else { return nil }
    var value: UInt32 = 0
    for byte in bytes[start..<start + count] {
      guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { return nil }
      value = value << 4 | UInt32(digit)
    }
    return value
  }

  /// The bytes whose numbers the characters of a UTF-8 text are. Nil where one is none of Latin-1.
  static func latin1(_ text: TensorStorage) throws(RNNError) -> TensorStorage? {
    var count = 0
    let isLatin1 = text.withUnsafeBytes { bytes in
      for byte in bytes where byte & 0xC0 != 0x80 {
        if byte > 0xC3 { return false }
        count += 1
      }
      return true
    }
    guard isLatin1 else { return nil }
    let size = count
    var isWhole = true
    let result = try ScratchSpace.shared.storage(size) { (room) throws(RNNError) in
      text.withUnsafeBytes { source in
        var index = 0
        for target in 0..<size {
          guard index < source.count else {
            isWhole = false
            return
          }
          let byte = source[index]
          if byte < 0x80 {
            room.bytes[target] = byte
            index += 1
          } else {
            guard byte & 0xC0 == 0xC0, index + 1 < source.count else {
              isWhole = false
              return
            }
            room.bytes[target] = byte << 6 | source[index + 1] & 0x3F
            index += 2
          }
        }
      }
      room.wrote(size)
    }
    return isWhole ? result : nil
  }
}
