import CZlib
import RNNModel

/// The bytes of a gzip file of one or several members; RFC 1952 is its specification.
///
/// It does not say how many there are: they are counted first, so that no more room is taken than the limits give.
struct GzipInflation {
  private let source: TensorStorage
  private static let pieceSize = 1 << 18

  init(_ source: TensorStorage) {
    self.source = source
  }

  static func begins(_ bytes: UnsafeRawBufferPointer) -> Bool { bytes.starts(with: [0x1F, 0x8B, 0x08]) }

  private static func refuse(_ problem: String, _ remedy: String = "copy the file again; it is cut short or damaged") -> RNNError {
    RNNError(.badData, place: "gzip", problem, remedy: remedy)
  }

  /// Unpacks, taking what it needs off `budget`.
  func bytes(_ budget: inout UnpackingBudget) throws(RNNError) -> TensorStorage {
    let count = try source.withUnsafeBytes { (bytes) throws(RNNError) in
      let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pieceSize, alignment: 1)
      defer { piece.deallocate() }
      let stream = try Stream(bytes)
      while try stream.fill(piece) == piece.count { try budget.check(stream.produced) }
      return stream.produced
    }
    try budget.take(count)
    try ScratchSpace.shared.requireRoom(count)
    return try ScratchSpace.shared.storage(count) { (room) throws(RNNError) in
      try source.withUnsafeBytes { (bytes) throws(RNNError) in
        let stream = try Stream(bytes)
        while stream.produced < count {
          let end = min(count, stream.produced + Self.pieceSize)
          let made = try stream.fill(UnsafeMutableRawBufferPointer(rebasing: room.bytes[stream.produced..<end]))
          guard made > 0 else { throw Self.refuse("its bytes changed while they were read") }
          room.wrote(stream.produced)
        }
      }
    }
  }

  private final class Stream {
    // In memory of its own: zlib keeps the address.
    private let stream: UnsafeMutablePointer<z_stream>
    private let source: UnsafeRawBufferPointer
    private var consumed = 0
    private var isAtEnd = false
    private(set) var produced = 0

    init(_ source: UnsafeRawBufferPointer) throws(RNNError) {
      self.source = source
      stream = .allocate(capacity: 1)
      stream.initialize(to: z_stream())
      guard rnn_inflate_init_gzip(stream) == Z_OK else {
        stream.deallocate()
        throw RNNError(.defect, "zlib cannot be started")
      }
    }

    deinit {
      inflateEnd(stream)
      stream.deallocate()
    }

    /// Fills `target` with the bytes that come next; returns how many there were, fewer only at the end.
    func fill(_ target: UnsafeMutableRawBufferPointer) throws(RNNError) -> Int {
      var filled = 0
      while filled < target.count, !isAtEnd {
        let given = min(GzipInflation.pieceSize, source.count - consumed)
        // zlib does not write through next_in; its type is only not const.
        stream.pointee.next_in = UnsafeMutablePointer(
          mutating: source.baseAddress.map { ($0 + consumed).assumingMemoryBound(to: UInt8.self) })
        stream.pointee.avail_in = UInt32(given)
        stream.pointee.next_out = target.baseAddress.map { ($0 + filled).assumingMemoryBound(to: UInt8.self) }
        stream.pointee.avail_out = UInt32(target.count - filled)
        let code = CZlib.inflate(stream, Z_NO_FLUSH)
        let taken = given - Int(stream.pointee.avail_in)
        let made = target.count - filled - Int(stream.pointee.avail_out)
        consumed += taken
        filled += made
        produced += made
        if code == Z_STREAM_END {
          try endMember()
        } else {
          guard code == Z_OK || code == Z_BUF_ERROR else {
            throw GzipInflation.refuse("its compressed bytes or their checksum are damaged, at offset \(consumed)")
          }
          guard taken + made > 0 else { throw GzipInflation.refuse("its compressed bytes end early, at offset \(consumed)") }
        }
      }
      return filled
    }

    /// Another member may follow, or zeros, as tapes have them.
    private func endMember() throws(RNNError) {
      let rest = UnsafeRawBufferPointer(rebasing: source[consumed...])
      if GzipInflation.begins(rest) {
        guard inflateReset(stream) == Z_OK else { throw RNNError(.defect, "zlib cannot be started again") }
      } else if rest.allSatisfy({ $0 == 0 }) {
        isAtEnd = true
      } else {
        throw GzipInflation.refuse("\(rest.count) bytes after the end of its compressed bytes, at offset \(consumed)")
      }
    }
  }
}

/// What may still be unpacked of a file and of the archives in it.
struct UnpackingBudget {
  private var left: Int

  /// For a file of so many bytes.
  init(_ fileSize: Int) {
    let (ratio, overflow) = fileSize.multipliedReportingOverflow(by: Limits.maximumInflationRatio)
    left = overflow ? Limits.maximumUnpackedSize : min(ratio, Limits.maximumUnpackedSize)
  }

  /// Throws where so many bytes are too many.
  func check(_ count: Int) throws(RNNError) {
    guard count <= left else {
      throw RNNError(
        .badData, "it unpacks to more than \(Limits.maximumInflationRatio) times the file's size or \(Limits.maximumUnpackedSize) bytes",
        remedy: "give the model's own file")
    }
  }

  mutating func take(_ count: Int) throws(RNNError) {
    try check(count)
    left -= count
  }
}
