import CXXHash
import RNNModel

/// XXH3-64 with seed 0, computed incrementally.
struct Checksum: ~Copyable {
  private let state: OpaquePointer?

  init() {
    state = XXH3_createState()
    XXH3_64bits_reset(state)
  }

  deinit { XXH3_freeState(state) }

  mutating func update(_ bytes: UnsafeRawBufferPointer) {
    rnn_xxh3_update(state, bytes.baseAddress, bytes.count)
  }

  var value: UInt64 { XXH3_64bits_digest(state) }

  /// Of a tensor's bytes.
  static func of(_ tensor: Tensor) throws(RNNError) -> UInt64 {
    var checksum = Checksum()
    try tensor.forEachPiece { (piece) throws(RNNError) in checksum.update(piece) }
    return checksum.value
  }

  /// Sixteen hexadecimal digits.
  static func text(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
