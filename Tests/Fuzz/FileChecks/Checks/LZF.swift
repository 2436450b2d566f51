import RNNFormats

extension FileCheck {
  /// LZF: what decodes comes out the same after it was encoded as nothing but literals.
  static let lzf = FileCheck("lzf", seeds: ["lzf", "h5", "npy"]) { bytes in
    guard let decoded = decode(bytes) else { return false }
    var literals: [UInt8] = []
    for start in stride(from: 0, to: decoded.count, by: 32) {
      let piece = decoded[start..<min(start + 32, decoded.count)]
      literals.append(UInt8(piece.count - 1))
      literals += piece
    }
    try require(decode(literals) == decoded, "literals decode to something else")
    return true
  }

  private static func decode(_ bytes: [UInt8]) -> [UInt8]? {
    bytes.withUnsafeBytes { source in
      guard let count = LZF.decodedCount(source, atMost: 1 << 24) else { return nil }
      var target = [UInt8](repeating: 0, count: count)
      return target.withUnsafeMutableBytes { LZF.decode(source, into: $0) } ? target : nil
    }
  }
}
