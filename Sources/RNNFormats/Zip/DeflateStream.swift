import CZlib
import RNNModel

/// Compressed bytes as zlib inflates them, from the first to the last. Unchecked, as whoever shares it locks it.
final class DeflateStream: @unchecked Sendable {
  enum Wrapping {
    /// None, as a member of a zip archive.
    case raw
    /// gzip's header and checksum, which zlib verifies.
    case gzip
  }

  enum Failure: Error {
    case damaged
    case endsEarly
  }

  // In memory of its own: zlib keeps the address.
  private let stream: UnsafeMutablePointer<z_stream>
  /// How many bytes have been taken.
  private(set) var consumed = 0
  /// Whether the compressed bytes have come to their end.
  private(set) var isAtEnd = false
  /// What zlib is given at a time: it counts in 32 bits.
  private static let inputSize = 1 << 18

  init(_ wrapping: Wrapping) throws(RNNError) {
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    let code = wrapping == .raw ? rnn_inflate_init_raw(stream) : rnn_inflate_init_gzip(stream)
    guard code == Z_OK else {
      stream.deallocate()
      throw RNNError(.defect, "zlib cannot be started")
    }
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
  }

  /// Inflates some bytes, at most `space`, less than 4 GiB; returns how many. `source` is all of the compressed ones.
  func step(
    _ source: UnsafeRawBufferPointer, _ target: UnsafeMutableRawPointer?, _ space: Int
  ) throws(Failure) -> Int {
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
    guard isAtEnd || code == Z_OK || code == Z_BUF_ERROR else { throw .damaged }
    guard isAtEnd || taken + made > 0 else { throw .endsEarly }
    return made
  }

  /// Begins again behind the end, where further compressed bytes follow.
  func restart() throws(RNNError) {
    guard inflateReset(stream) == Z_OK else { throw RNNError(.defect, "zlib cannot be started again") }
    isAtEnd = false
  }
}
