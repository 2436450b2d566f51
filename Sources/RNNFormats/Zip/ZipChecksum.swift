import CStorage
import CZlib
import Dispatch
import RNNModel
import Synchronization

/// CRC-32 as zip uses it, over bytes given in pieces.
struct ZipChecksum {
  private var state: UInt32 = 0

  var value: UInt32 { state }

  mutating func update(_ bytes: UnsafeRawBufferPointer) {
    // Sixteen bytes stand for most of them, where the processor can fold; zlib does the rest.
    withUnsafeTemporaryAllocation(byteCount: 16, alignment: 16) { folded in
      let count = rnn_storage_fold_crc32(state, bytes.baseAddress, bytes.count, folded.baseAddress)
      // zlib's sums are those of the inner state with every bit turned.
      if count > 0 { state = Self.crc32(.max, UnsafeRawBufferPointer(folded)) }
      state = Self.crc32(state, UnsafeRawBufferPointer(rebasing: bytes[count...]))
    }
  }

  /// From this many bytes on, two threads share the work.
  private static let sharedSize = 16 << 20

  /// Of all bytes.
  static func of(_ storage: TensorStorage) throws(RNNError) -> UInt32 {
    guard storage.count >= sharedSize else { return try of(storage, 0..<storage.count) }
    let middle = storage.count / 2
    let halves = [0..<middle, middle..<storage.count]
    let found = Mutex<[Int: Result<UInt32, RNNError>]>([:])
    DispatchQueue.concurrentPerform(iterations: halves.count) { index in
      let result = Result { () throws(RNNError) in try of(storage, halves[index]) }
      found.withLock { $0[index] = result }
    }
    let results = found.withLock { $0 }
    guard let first = try results[0]?.get(), let second = try results[1]?.get() else {
      throw RNNError(.defect, "half of a checksum is missing")
    }
    return UInt32(truncatingIfNeeded: crc32_combine(UInt(first), UInt(second), storage.count - middle))
  }

  private static func of(_ storage: TensorStorage, _ range: Range<Int>) throws(RNNError) -> UInt32 {
    var checksum = ZipChecksum()
    try storage.forEachPiece(of: range) { (piece) throws(RNNError) in checksum.update(piece) }
    return checksum.value
  }

  private static func crc32(_ state: UInt32, _ bytes: UnsafeRawBufferPointer) -> UInt32 {
    guard let base = bytes.baseAddress else { return state }
    return UInt32(truncatingIfNeeded: crc32_z(UInt(state), base.assumingMemoryBound(to: UInt8.self), bytes.count))
  }
}
