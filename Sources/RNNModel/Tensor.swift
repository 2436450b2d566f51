/// Bytes that several tensors may share and nobody changes: a mapped file, or memory of their own.
public final class TensorStorage: @unchecked Sendable {
  private let base: UnsafeRawPointer?
  public let count: Int
  private let release: @Sendable () -> Void

  /// Takes over bytes that stay valid and unchanged until `release` is called.
  public init(_ bytes: UnsafeRawBufferPointer, release: @escaping @Sendable () -> Void) {
    base = bytes.baseAddress
    count = bytes.count
    self.release = release
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
    release = { UnsafeMutableRawPointer(bitPattern: address)?.deallocate() }
  }

  deinit { release() }

  /// Lends the bytes for the length of the call.
  public func withUnsafeBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(UnsafeRawBufferPointer(start: base, count: count))
  }
}

/// A dense, row-major, little-endian tensor: a type, a shape and exactly the bytes these ask for.
public struct Tensor: Sendable {
  public let elementType: ElementType
  public let shape: Shape
  /// Where the first element is in `storage`.
  public let offset: Int
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
  public var byteCount: Int { shape.count * elementType.byteCount }

  /// The same bytes under another shape. Nil where it does not hold as many elements.
  public func reshaped(_ shape: Shape) -> Tensor? {
    shape.count == self.shape.count ? Tensor(elementType, shape, in: storage, at: offset) : nil
  }

  /// Lends the tensor's bytes for the length of the call. The address need not be aligned.
  public func withUnsafeBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try storage.withUnsafeBytes { (all) throws(Failure) -> Result in
      try body(UnsafeRawBufferPointer(rebasing: all[offset..<offset + byteCount]))
    }
  }

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
