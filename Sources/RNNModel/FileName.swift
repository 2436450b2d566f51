/// File names are bytes, and most are UTF-8. Bytes that are not stand in a `String` as the scalars U+10FF80 to U+10FFFF,
/// one for each byte from 0x80, so that every name comes back as it was. A name that has such a scalar itself has its
/// UTF-8 bytes carried in the same way.
///
/// Every path that RNNKit takes or gives is such a string. For a name in UTF-8 it is the name.
extension String {
  private static let carriers: ClosedRange<UInt32> = 0x10FF80...0x10FFFF

  /// The text that stands for a file name's bytes.
  public init(fileName bytes: some Sequence<UInt8>) {
    let bytes = Array(bytes)
    if let text = String(validating: bytes, as: UTF8.self), !text.carriesBytes {
      self = text
      return
    }
    self = ""
    var parser = UTF8.ForwardParser()
    var rest = bytes.makeIterator()
    var start = 0
    while true {
      let count: Int
      switch parser.parseScalar(from: &rest) {
      case .emptyInput: return
      case .error(let length): count = length
      case .valid(let encoded):
        let scalar = UTF8.decode(encoded)
        count = encoded.count
        if !Self.carriers.contains(scalar.value) {
          unicodeScalars.append(scalar)
          start += count
          continue
        }
      }
      for byte in bytes[start..<start + count] {
        if let carrier = Unicode.Scalar(0x10FF00 + UInt32(byte)) { unicodeScalars.append(carrier) }
      }
      start += count
    }
  }

  private var carriesBytes: Bool { unicodeScalars.contains { Self.carriers.contains($0.value) } }

  /// The bytes of the file name that the text stands for.
  public var fileNameBytes: [UInt8] {
    guard carriesBytes else { return Array(utf8) }
    return unicodeScalars.flatMap { scalar in
      Self.carriers.contains(scalar.value) ? [UInt8(truncatingIfNeeded: scalar.value)] : Array(String(scalar).utf8)
    }
  }

  /// The same as the system takes it, ended by a zero.
  package var systemPath: [CChar] {
    fileNameBytes.map { CChar(bitPattern: $0) } + [0]
  }

  /// The text of a path that the system gave.
  package init(systemPath: UnsafePointer<CChar>) {
    var count = 0
    while systemPath[count] != 0 { count += 1 }
    self.init(fileName: UnsafeRawBufferPointer(start: systemPath, count: count))
  }

  /// The text with bytes that are not UTF-8 as `\xff`: for people, and for texts that go into files.
  package var readableFileName: String {
    guard carriesBytes else { return self }
    return unicodeScalars.reduce(into: "") { text, scalar in
      text += Self.carriers.contains(scalar.value) ? Self.escape(of: scalar) : String(scalar)
    }
  }

  /// `\xff` for a scalar that carries a byte.
  static func escape(of carrier: Unicode.Scalar) -> String {
    "\\x" + String(carrier.value & 0xFF, radix: 16)
  }

  static func carriesByte(_ scalar: Unicode.Scalar) -> Bool { carriers.contains(scalar.value) }

  // A slash and a combining mark after it are one character of a `String` and two of a path.

  /// A path's folder with the slash that ends it; empty for a lone name.
  package var folderPrefix: String {
    utf8.lastIndex(of: UInt8(ascii: "/")).map { String(self[..<utf8.index(after: $0)]) } ?? ""
  }

  /// What follows a path's last slash.
  package var lastPathComponent: String {
    utf8.lastIndex(of: UInt8(ascii: "/")).map { String(self[utf8.index(after: $0)...]) } ?? self
  }

  /// A path's folder, `.` for a lone name.
  package var folderPath: String {
    let prefix = folderPrefix
    return prefix.isEmpty ? "." : prefix == "/" ? "/" : String(prefix.unicodeScalars.dropLast())
  }
}
