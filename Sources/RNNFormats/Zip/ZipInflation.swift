import CZlib
import RNNModel

/// Inflates one member, into exactly as many bytes as it is said to have.
struct ZipInflation {
  private let entry: ZipEntry
  /// Small enough that a piece is still in the cache when its checksum is taken.
  private static let pieceSize = 1 << 18

  init(_ entry: ZipEntry) {
    self.entry = entry
  }

  /// Fills `room`; returns its CRC-32.
  func inflate(
    _ source: UnsafeRawBufferPointer, into room: inout ScratchRoom
  ) throws(RNNError) -> UInt32 {
    let stream = try ZipStream(entry), target = room.bytes
    while stream.produced < target.count {
      let end = min(target.count, stream.produced + Self.pieceSize)
      try stream.fill(UnsafeMutableRawBufferPointer(rebasing: target[stream.produced..<end]), from: source)
      room.wrote(stream.produced)
    }
    return try stream.finish(source)
  }
}

/// A member's bytes as they are inflated, from the first to the last. Unchecked, as whoever shares it locks it.
final class ZipStream: @unchecked Sendable {
  private let entry: ZipEntry
  // In memory of its own: zlib keeps the address.
  private let stream: UnsafeMutablePointer<z_stream>
  private var checksum = ZipChecksum()
  private var consumed = 0
  private var isAtEnd = false
  /// How many bytes have been given.
  private(set) var produced = 0
  /// What zlib is given at a time: it counts in 32 bits.
  private static let inputSize = 1 << 18

  init(_ entry: ZipEntry) throws(RNNError) {
    self.entry = entry
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    guard rnn_inflate_init_raw(stream) == Z_OK else {
      stream.deallocate()
      throw RNNError(.defect, "zlib cannot be started")
    }
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
  }

  /// Fills `target`, less than 4 GiB, with the bytes that come next. `source` is all of the compressed ones.
  func fill(_ target: UnsafeMutableRawBufferPointer, from source: UnsafeRawBufferPointer) throws(RNNError) {
    var filled = 0
    while filled < target.count {
      guard !isAtEnd else { throw entry.error("it inflates to \(produced) bytes, expected \(entry.count)") }
      let made = try step(source, target.baseAddress.map { $0 + filled }, target.count - filled)
      checksum.update(UnsafeRawBufferPointer(rebasing: target[filled..<filled + made]))
      filled += made
      produced += made
    }
  }

  /// Sees that nothing follows; returns the CRC-32 of all bytes.
  func finish(_ source: UnsafeRawBufferPointer) throws(RNNError) -> UInt32 {
    var surplus: UInt8 = 0
    while !isAtEnd {
      guard try step(source, &surplus, 1) == 0 else {
        throw entry.error("it inflates to more than the \(entry.count) bytes it should have")
      }
    }
    guard consumed == source.count else {
      throw entry.error("\(source.count - consumed) bytes after the end of its compressed bytes")
    }
    return checksum.value
  }

  /// Inflates some bytes, at most `space`; returns how many.
  private func step(
    _ source: UnsafeRawBufferPointer, _ target: UnsafeMutableRawPointer?, _ space: Int
  ) throws(RNNError) -> Int {
    let given = min(Self.inputSize, source.count - consumed)
    // zlib does not write through next_in; its type is only not const.
    stream.pointee.next_in = UnsafeMutablePointer(
      mutating: source.baseAddress.map { ($0 + consumed).assumingMemoryBound(to: UInt8.self) })
    stream.pointee.avail_in = UInt32(given)
    stream.pointee.next_out = target?.assumingMemoryBound(to: UInt8.self)
    stream.pointee.avail_out = UInt32(space)
    let code = CZlib.inflate(stream, Z_NO_FLUSH)
    let taken = given - Int(stream.pointee.avail_in), made = space - Int(stream.pointee.avail_out)
    consumed += taken
    isAtEnd = code == Z_STREAM_END
    guard isAtEnd || code == Z_OK || code == Z_BUF_ERROR else { throw entry.error("its compressed bytes are damaged") }
    guard isAtEnd || taken + made > 0 else { throw entry.error("its compressed bytes end early") }
    return made
  }
}
