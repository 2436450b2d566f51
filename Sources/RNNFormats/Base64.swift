/// Bytes as text, by RFC 4648, section 4.
package enum Base64 {
  private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  private static let padding = UInt8(ascii: "=")

  package static func text(_ bytes: UnsafeRawBufferPointer) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      func byte(_ index: Int) -> Int { start + index < bytes.count ? Int(bytes[start + index]) : 0 }
      let group = byte(0) << 16 | byte(1) << 8 | byte(2)
      for digit in 0..<4 {
        text.append(start + digit <= bytes.count ? digits[group >> (18 - 6 * digit) & 63] : padding)
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// Nil for text that `text` does not write.
  package static func bytes(_ text: String) -> [UInt8]? {
    var text = text
    return text.withUTF8 { text in
      guard text.count % 4 == 0 else { return nil }
      var bytes: [UInt8] = []
      bytes.reserveCapacity(text.count / 4 * 3)
      for start in stride(from: 0, to: text.count, by: 4) {
        let isLast = start + 4 == text.count
        let pads = isLast ? text[start..<start + 4].reversed().prefix { $0 == padding }.count : 0
        guard pads <= 2 else { return nil }
        var group = 0
        for character in text[start..<start + 4 - pads] {
          guard let value = values[Int(character)] else { return nil }
          group = group << 6 | Int(value)
        }
        group <<= 6 * pads
        // Bits that no byte takes must be zero, so that the same bytes have one text.
        guard group & ((1 << (8 * pads)) - 1) == 0 else { return nil }
        for byte in 0..<3 - pads { bytes.append(UInt8(truncatingIfNeeded: group >> (16 - 8 * byte))) }
      }
      return bytes
    }
  }

  private static let values: [UInt8?] = {
    var values = [UInt8?](repeating: nil, count: 256)
    for (value, digit) in digits.enumerated() { values[Int(digit)] = UInt8(value) }
    return values
  }()
}
