import CZlib

/// CRC-32 as zip uses it, over bytes given in pieces.
struct ZipChecksum {
  private var state: UInt = 0

  mutating func update(_ bytes: UnsafeRawBufferPointer) {
    guard let base = bytes.baseAddress else { return }
    state = crc32_z(state, base.assumingMemoryBound(to: UInt8.self), bytes.count)
  }

  var value: UInt32 { UInt32(truncatingIfNeeded: state) }
}
