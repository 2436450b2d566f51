import RNNFormats
import RNNModel

extension FileCheck {
  /// Archives of files: gzip, tar, zip, one in another. A tar is tried with its first header's checksum put right.
  static let packed = FileCheck("packed", seeds: ["gz", "tar", "tgz", "zip"]) { bytes in
    var isRead = false
    for bytes in [bytes, Repair.tar(bytes)] {
      let file = InputFile(bytes, name: "fuzz")
      for entry in [nil, "a.pt", "m.pt:gen"] {
        isRead = try acceptedOrUnnamed("an archive") { try FormatRegistry.standard.read(file, entry: entry) } != nil || isRead
      }
    }
    return isRead
  }

  /// As `accepted`, where a name may be of no model too.
  private static func acceptedOrUnnamed<Value>(_ what: String, _ body: () throws -> Value) throws -> Value? {
    do { return try body() } catch let error as RNNError where error.kind == .usage { return nil } catch {
      return try accepted(what) { throw error }
    }
  }
}

extension Repair {
  /// Every header's checksum put right, as far as sizes lead.
  static func tar(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    var offset = 0
    while bytes.count - offset >= 512, bytes[offset] != 0 {
      for index in 148..<156 { bytes[offset + index] = 0x20 }
      let sum = bytes[offset..<offset + 512].reduce(0) { $0 + Int($1) }
      let digits = Array(String(sum, radix: 8).utf8)
      for (index, digit) in ([UInt8](repeating: 0x30, count: 6 - digits.count) + digits + [0]).enumerated() {
        bytes[offset + 148 + index] = digit
      }
      let size = Int(String(decoding: bytes[offset + 124..<offset + 135], as: UTF8.self), radix: 8) ?? 0
      guard (0...bytes.count).contains(size) else { break }
      offset += 512 + (size + 511) / 512 * 512
    }
    return bytes
  }
}
