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
  private let stream: DeflateStream
  private var checksum = ZipChecksum()
  /// How many bytes have been given.
  private(set) var produced = 0

  init(_ entry: ZipEntry) throws(RNNError) {
    self.entry = entry
    stream = try DeflateStream(.raw)
  }

  /// Fills `target`, less than 4 GiB, with the bytes that come next. `source` is all of the compressed ones.
  func fill(_ target: UnsafeMutableRawBufferPointer, from source: UnsafeRawBufferPointer) throws(RNNError) {
    var filled = 0
    while filled < target.count {
      guard !stream.isAtEnd else { throw entry.error("it inflates to \(produced) bytes, expected \(entry.count)") }
      let made = try step(source, target.baseAddress.map { $0 + filled }, target.count - filled)
      checksum.update(UnsafeRawBufferPointer(rebasing: target[filled..<filled + made]))
      filled += made
      produced += made
    }
  }

  /// Sees that nothing follows; returns the CRC-32 of all bytes.
  func finish(_ source: UnsafeRawBufferPointer) throws(RNNError) -> UInt32 {
    var surplus: UInt8 = 0
    while !stream.isAtEnd {
      guard try step(source, &surplus, 1) == 0 else {
        throw entry.error("it inflates to more than the \(entry.count) bytes it should have")
      }
    }
    guard stream.consumed == source.count else {
      throw entry.error("\(source.count - stream.consumed) bytes after the end of its compressed bytes")
    }
    return checksum.value
  }

  /// Inflates some bytes, at most `space`; returns how many.
  private func step(
    _ source: UnsafeRawBufferPointer, _ target: UnsafeMutableRawPointer?, _ space: Int
  ) throws(RNNError) -> Int {
    do throws(DeflateStream.Failure) {
      return try stream.step(source, target, space)
    } catch {
      throw entry.error(error == .damaged ? "its compressed bytes are damaged" : "its compressed bytes end early")
    }
  }
}
