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

  /// Fills `room`; returns its CRC-32. zlib counts in 32 bits, so both sides are given in pieces.
  func inflate(
    _ source: UnsafeRawBufferPointer, into room: inout ScratchRoom
  ) throws(RNNError) -> UInt32 {
    let target = room.bytes
    var stream = z_stream()
    guard rnn_inflate_init_raw(&stream) == Z_OK else { throw RNNError(.defect, "zlib cannot be started") }
    defer { inflateEnd(&stream) }
    var checksum = ZipChecksum()
    var (consumed, produced) = (0, 0)
    // One byte more than there should be is asked for, to see that it does not come.
    var surplus: UInt8 = 0
    while true {
      let given = min(Self.pieceSize, source.count - consumed)
      let space = min(Self.pieceSize, target.count - produced)
      // zlib does not write through next_in; its type is only not const.
      stream.next_in = UnsafeMutablePointer(
        mutating: source.baseAddress.map { ($0 + consumed).assumingMemoryBound(to: UInt8.self) })
      stream.avail_in = UInt32(given)
      let code = withUnsafeMutablePointer(to: &surplus) { surplus in
        stream.next_out = space > 0
          ? target.baseAddress.map { ($0 + produced).assumingMemoryBound(to: UInt8.self) } : surplus
        stream.avail_out = UInt32(max(space, 1))
        return CZlib.inflate(&stream, Z_NO_FLUSH)
      }
      let taken = given - Int(stream.avail_in)
      let made = max(space, 1) - Int(stream.avail_out)
      consumed += taken
      if space == 0, made > 0 { throw entry.error("it inflates to more than the \(entry.count) bytes it should have") }
      checksum.update(UnsafeRawBufferPointer(rebasing: target[produced..<produced + made]))
      produced += made
      room.wrote(produced)
      if code == Z_STREAM_END { break }
      guard code == Z_OK || code == Z_BUF_ERROR else { throw entry.error("its compressed bytes are damaged") }
      guard taken + made > 0 else { throw entry.error("its compressed bytes end early") }
    }
    guard produced == target.count else {
      throw entry.error("it inflates to \(produced) bytes, expected \(target.count)")
    }
    guard consumed == source.count else {
      throw entry.error("\(source.count - consumed) bytes after the end of its compressed bytes")
    }
    return checksum.value
  }
}
