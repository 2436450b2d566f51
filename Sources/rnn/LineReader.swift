import RNNKit

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Lines of standard input, each as soon as it is there. The library's `readLine` takes a failure for the end, and a line
/// without an end for as much memory as there is.
struct LineReader {
  private var bytes: [UInt8] = []
  private var start = 0
  private var isAtEnd = false

  /// The next line without its end, nil after the last. Throws `inputOutput` where reading fails.
  mutating func next() throws(RNNError) -> String? {
    var searched = start
    while true {
      if let end = bytes[searched...].firstIndex(of: UInt8(ascii: "\n")) {
        defer { start = end + 1 }
        let isPair = end > start && bytes[end - 1] == UInt8(ascii: "\r")
        return String(decoding: bytes[start..<(isPair ? end - 1 : end)], as: UTF8.self)
      }
      if isAtEnd {
        defer { start = bytes.count }
        return start < bytes.count ? String(decoding: bytes[start...], as: UTF8.self) : nil
      }
      bytes.removeFirst(start)
      start = 0
      searched = bytes.count
      guard bytes.count <= Limits.maximumHeaderSize else {
        throw RNNError(.badData, "more than \(Limits.maximumHeaderSize) bytes", remedy: "give one step a line")
      }
      try fill()
    }
  }

  private mutating func fill() throws(RNNError) {
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(0, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else {
        throw RNNError(.inputOutput, "cannot be read: \(String(cString: strerror(errno)))", remedy: "check where it comes from")
      }
      isAtEnd = count == 0
      bytes.append(contentsOf: chunk[..<count])
      return
    }
  }
}
