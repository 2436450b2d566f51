/// Bytes that several tensors may share and nobody changes: a mapped file, or memory of their own.
public final class TensorStorage: @unchecked Sendable {
  /// Fills `target` with bytes from `offset` on, without making a mapped file's part of the process's memory.
  public typealias Read = @Sendable (
    _ offset: Int, _ target: UnsafeMutableRawBufferPointer
  ) throws(RNNError) -> Void

  private let base: UnsafeRawPointer?
  /// The size in bytes.
  public let count: Int
  private let read: Read?
  private let drop: (@Sendable (_ range: Range<Int>) -> Void)?
  private let make: (@Sendable () -> TensorStorage)?
  private let release: @Sendable () -> Void

  /// Takes over bytes that stay valid and unchanged until `release` is called.
  ///
  /// - Parameters:
  ///   - read: For bytes that are not in memory until they are touched, another way to them.
  ///   - forget: For such bytes, takes those of a range out of memory again, until they are next touched.
  public init(
    _ bytes: UnsafeRawBufferPointer, read: Read? = nil, forget: (@Sendable (_ range: Range<Int>) -> Void)? = nil,
    release: @escaping @Sendable () -> Void
  ) {
    base = bytes.baseAddress
    count = bytes.count
    self.read = read
    drop = forget
    make = nil
    self.release = release
  }

  /// `count` bytes that are not there until somebody wants them in memory: then `make` gives them, the same each time.
  ///
  /// - Parameter read: A way to them without that.
  package init(count: Int, read: Read?, making make: @escaping @Sendable () -> TensorStorage) {
    base = nil
    self.count = count
    self.read = read
    drop = nil
    self.make = make
    release = {}
  }

  /// Allocates `count` bytes (64-byte aligned, zeroed) and lets `fill` write them.
  public init<Failure: Error>(
    count: Int, fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Void
  ) throws(Failure) {
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: max(count, 1), alignment: 64)
    bytes.initializeMemory(as: UInt8.self, repeating: 0)
    do throws(Failure) {
      try fill(UnsafeMutableRawBufferPointer(rebasing: bytes[0..<count]))
    } catch {
      bytes.deallocate()
      throw error
    }
    let address = UInt(bitPattern: bytes.baseAddress)
    base = UnsafeRawPointer(bytes.baseAddress)
    self.count = count
    read = nil
    drop = nil
    make = nil
    release = { UnsafeMutableRawPointer(bitPattern: address)?.deallocate() }
  }

  deinit { release() }

  /// Lends the bytes for the length of the call.
  public func withUnsafeBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    if let make { return try make().withUnsafeBytes(body) }
    return try body(UnsafeRawBufferPointer(start: base, count: count))
  }

  /// Bytes of a piece: half of a small second cache, and a multiple of every element's size.
  private static let pieceSize = 1 << 18
  /// Up to this many bytes are not worth a call of the system.
  private static let touchedSize = 1 << 14

  /// Lends bytes one piece after the other, which need not be at their own addresses. However many there are, they take
  /// little memory. Throws what reading or `body` throws. The range must lie inside.
  public func forEachPiece(
    of range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws(RNNError) -> Void
  ) throws(RNNError) {
    if read == nil, let make { return try make().forEachPiece(of: range, body) }
    guard let read, range.count > Self.touchedSize || make != nil else {
      let all = UnsafeRawBufferPointer(start: base, count: count)
      for start in stride(from: range.lowerBound, to: range.upperBound, by: Self.pieceSize) {
        try body(UnsafeRawBufferPointer(rebasing: all[start..<min(start + Self.pieceSize, range.upperBound)]))
      }
      return
    }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: min(Self.pieceSize, range.count), alignment: 64)
    defer { buffer.deallocate() }
    for start in stride(from: range.lowerBound, to: range.upperBound, by: Self.pieceSize) {
      let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(Self.pieceSize, range.upperBound - start)])
      try read(start, piece)
      try body(UnsafeRawBufferPointer(piece))
    }
  }

  /// Copies bytes from `offset` on, without making a mapped file's part of the process's memory. They must be inside.
  public func copyBytes(at offset: Int, into target: UnsafeMutableRawBufferPointer) throws(RNNError) {
    if read == nil, let make { return try make().copyBytes(at: offset, into: target) }
    if let read, target.count > Self.touchedSize || make != nil { return try read(offset, target) }
    target.copyMemory(from: UnsafeRawBufferPointer(start: base.map { $0 + offset }, count: target.count))
  }

  /// A part of these bytes as a storage of its own, which keeps the whole alive. Nil where it is not inside.
  public func slice(at offset: Int, count: Int) -> TensorStorage? {
    guard offset >= 0, count >= 0, offset <= self.count, count <= self.count - offset else { return nil }
    @Sendable func readPart(_ start: Int, _ target: UnsafeMutableRawBufferPointer) throws(RNNError) {
      try read?(offset + start, target)
    }
    if let make {
      return TensorStorage(count: count, read: read == nil ? nil : readPart) {
        make().slice(at: offset, count: count) ?? make()
      }
    }
    let part = UnsafeRawBufferPointer(start: base.map { $0 + offset }, count: count)
    @Sendable func forgetPart(_ range: Range<Int>) {
      drop?(offset + range.lowerBound..<offset + range.upperBound)
    }
    return TensorStorage(part, read: read == nil ? nil : readPart, forget: drop == nil ? nil : forgetPart) { [self] in
      _ = self
    }
  }

  /// Takes bytes that are in a file too out of memory; they come back where they are touched. Does nothing to others.
  /// Whoever goes once through more than memory should hold calls it on the way. The range must lie inside.
  public func forget(_ range: Range<Int>) { drop?(range) }
}

/// A dense, row-major, little-endian tensor: a type, a shape and exactly the bytes these ask for.
public struct Tensor: Sendable {
  /// The type of the elements.
  public let elementType: ElementType
  /// The sizes of the axes.
  public let shape: Shape
  /// Where the first element is in `storage`.
  public let offset: Int
  /// The memory or file that holds the elements.
  public let storage: TensorStorage

  /// Returns nil where the storage does not hold the bytes that type and shape ask for at `offset`.
  public init?(_ elementType: ElementType, _ shape: Shape, in storage: TensorStorage, at offset: Int = 0) {
    let (size, overflow) = shape.count.multipliedReportingOverflow(by: elementType.byteCount)
    guard !overflow, offset >= 0, offset <= storage.count, size <= storage.count - offset else { return nil }
    self.elementType = elementType
    self.shape = shape
    self.offset = offset
    self.storage = storage
  }

  /// Makes a tensor and lets `fill` write its bytes, which start as zeros. Nil where the size overflows.
  public init?<Failure: Error>(
    _ elementType: ElementType, _ shape: Shape, fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Void
  ) throws(Failure) {
    let (size, overflow) = shape.count.multipliedReportingOverflow(by: elementType.byteCount)
    guard !overflow else { return nil }
    try self.init(elementType, shape, in: TensorStorage(count: size, fill: fill))
  }

  /// A float32 tensor of these values. Nil where `shape` does not hold as many.
  public init?(_ values: [Float], _ shape: Shape) {
    guard values.count == shape.count else { return nil }
    self.init(.float32, shape, fill: { bytes in values.withUnsafeBytes { bytes.copyMemory(from: $0) } })
  }

  /// A float64 tensor of these values. Nil where `shape` does not hold as many.
  public init?(_ values: [Double], _ shape: Shape) {
    guard values.count == shape.count else { return nil }
    self.init(.float64, shape, fill: { bytes in values.withUnsafeBytes { bytes.copyMemory(from: $0) } })
  }

  /// An int64 tensor of these values. Nil where `shape` does not hold as many.
  public init?(_ values: [Int64], _ shape: Shape) {
    guard values.count == shape.count else { return nil }
    self.init(.int64, shape, fill: { bytes in values.withUnsafeBytes { bytes.copyMemory(from: $0) } })
  }

  /// The number of elements.
  public var count: Int { shape.count }
  /// The size of all elements in bytes.
  public var byteCount: Int { shape.count * elementType.byteCount }

  /// The same bytes under another shape. Nil where it does not hold as many elements.
  public func reshaped(_ shape: Shape) -> Tensor? {
    shape.count == self.shape.count ? Tensor(elementType, shape, in: storage, at: offset) : nil
  }

  /// Rows `range` of the first axis, without a copy. Nil where there are not so many.
  package func rows(_ range: Range<Int>) -> Tensor? {
    guard shape.rank > 0, range.lowerBound >= 0, range.upperBound <= shape[0],
      let part = Shape([range.count] + shape.dimensions.dropFirst())
    else { return nil }
    let rowSize = shape[0] == 0 ? 0 : byteCount / shape[0]
    return Tensor(elementType, part, in: storage, at: offset + range.lowerBound * rowSize)
  }

  /// Lends the tensor's bytes for the length of the call. The address need not be aligned.
  public func withUnsafeBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try storage.withUnsafeBytes { (all) throws(Failure) -> Result in
      try body(UnsafeRawBufferPointer(rebasing: all[offset..<offset + byteCount]))
    }
  }

  /// Lends the tensor's bytes one piece after the other, each of whole elements; see `TensorStorage.forEachPiece`.
  public func forEachPiece(_ body: (UnsafeRawBufferPointer) throws(RNNError) -> Void) throws(RNNError) {
    try storage.forEachPiece(of: offset..<offset + byteCount, body)
  }

  /// Takes the elements out of memory where they are in a file too; see `TensorStorage.forget`.
  public func forget() { storage.forget(offset..<offset + byteCount) }

  /// Whether type, shape and every bit are the same; a NaN equals itself.
  public func isIdentical(to other: Tensor) -> Bool {
    guard elementType == other.elementType, shape == other.shape else { return false }
    return withUnsafeBytes { mine in
      other.withUnsafeBytes { theirs in
        let words = mine.count / 8
        return (0..<words).allSatisfy {
          mine.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self)
            == theirs.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self)
        } && mine[(words * 8)...].elementsEqual(theirs[(words * 8)...])
      }
    }
  }
}
