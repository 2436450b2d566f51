import CXXHash
import CZlib
import RNNFormats
import RNNModel

/// Puts checksums right, so that changed bytes reach the code behind them. What cannot be made out stays as it is.
package enum Repair {
  /// A native file's: each tensor's in the header, then the header's own.
  package static func native(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    guard bytes.count >= 40, let size = Int(exactly: word(bytes, at: 16, 8)), size <= bytes.count - 40 else {
      return bytes
    }
    let header = 40..<40 + size
    if let json = try? bytes[header].withUnsafeBytes({ try JSONValue(parsing: $0) }) {
      let entries = (json["tensors"]?.array ?? []) + (json["cases"]?.array ?? []).flatMap { $0["members"]?.array ?? [] }
      let key = Array("\"xxh3\":\"".utf8)
      var search = header.lowerBound
      for entry in entries {
        guard let place = position(of: key, in: bytes[search..<header.upperBound]), place + 16 <= header.upperBound
        else { break }
        search = place + 16
        guard let offset = entry["offset"]?.integer, let count = entry["bytes"]?.integer, offset >= 0, count >= 0,
          offset <= bytes.count, count <= bytes.count - offset
        else { continue }
        let checksum = bytes[offset..<offset + count].withUnsafeBytes { XXH3_64bits($0.baseAddress, $0.count) }
        let digits = String(checksum, radix: 16)
        bytes.replaceSubrange(
          place..<place + 16, with: (String(repeating: "0", count: 16 - digits.count) + digits).utf8)
      }
    }
    put(UInt64(bytes.count), at: 24, 8, in: &bytes)
    let checked = Array(bytes[..<32]) + bytes[header]
    put(checked.withUnsafeBytes { XXH3_64bits($0.baseAddress, $0.count) }, at: 32, 8, in: &bytes)
    return bytes
  }

  /// A zip archive's: each stored member's, in the directory and before the member.
  package static func zip(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    var search = 0
    for _ in 0..<64 {
      guard let place = position(of: [0x50, 0x4B, 0x01, 0x02], in: bytes[search...]).map({ $0 - 4 }),
        place + 46 <= bytes.count
      else { break }
      search = place + 46
      let (method, count) = (word(bytes, at: place + 10, 2), Int(word(bytes, at: place + 20, 4)))
      let local = Int(word(bytes, at: place + 42, 4))
      guard method == 0, local + 30 <= bytes.count, count <= bytes.count else { continue }
      let start = local + 30 + Int(word(bytes, at: local + 26, 2)) + Int(word(bytes, at: local + 28, 2))
      guard start <= bytes.count, count <= bytes.count - start else { continue }
      let checksum = bytes[start..<start + count].withUnsafeBytes { part in
        crc32_z(0, part.baseAddress?.assumingMemoryBound(to: UInt8.self), part.count)
      }
      put(UInt64(checksum), at: place + 16, 4, in: &bytes)
      put(UInt64(checksum), at: local + 14, 4, in: &bytes)
    }
    return bytes
  }

  /// The place after the first occurrence of a pattern.
  private static func position(of pattern: [UInt8], in bytes: ArraySlice<UInt8>) -> Int? {
    guard bytes.count >= pattern.count else { return nil }
    return (bytes.startIndex...bytes.endIndex - pattern.count).first { bytes[$0...].starts(with: pattern) }
      .map { $0 + pattern.count }
  }

  private static func word(_ bytes: [UInt8], at offset: Int, _ count: Int) -> UInt64 {
    bytes[offset..<offset + count].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  private static func put(_ value: UInt64, at offset: Int, _ count: Int, in bytes: inout [UInt8]) {
    for index in 0..<count { bytes[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * UInt64(index))) }
  }
}
