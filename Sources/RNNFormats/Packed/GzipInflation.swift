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

  /// The bytes of all members, one after the other.
  private final class Stream {
    private let stream: DeflateStream
    private let source: UnsafeRawBufferPointer
    private(set) var produced = 0

    init(_ source: UnsafeRawBufferPointer) throws(RNNError) {
      self.source = source
      stream = try DeflateStream(.gzip)
    }

    /// Fills `target` with the bytes that come next; returns how many there were, fewer only at the end.
    func fill(_ target: UnsafeMutableRawBufferPointer) throws(RNNError) -> Int {
      var filled = 0
      while filled < target.count, !stream.isAtEnd {
        do throws(DeflateStream.Failure) {
          filled += try stream.step(source, target.baseAddress.map { $0 + filled }, target.count - filled)
        } catch {
          let problem = error == .damaged ? "its compressed bytes or their checksum are damaged" : "its compressed bytes end early"
          throw GzipInflation.refuse("\(problem), at offset \(stream.consumed)")
        }
        if stream.isAtEnd { try endMember() }
      }
      produced += filled
      return filled
    }

    /// Another member may follow, or zeros, as tapes have them.
    private func endMember() throws(RNNError) {
      let rest = UnsafeRawBufferPointer(rebasing: source[stream.consumed...])
      if GzipInflation.begins(rest) {
        try stream.restart()
      } else if !rest.allSatisfy({ $0 == 0 }) {
        throw GzipInflation.refuse("\(rest.count) bytes after the end of its compressed bytes, at offset \(stream.consumed)")
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
