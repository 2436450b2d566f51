import RNNModel

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Room in a file that is mapped, to be written in any order.
public struct OutputRoom {
  /// The memory to write to.
  public let bytes: UnsafeMutableRawBufferPointer
  /// The same bytes, valid as long as it is.
  public let storage: TensorStorage

  package init(_ bytes: UnsafeMutableRawBufferPointer, in storage: TensorStorage) {
    self.bytes = bytes
    self.storage = storage
  }

  /// The bytes from `start` on of a mapping of so many, which goes with the storage.
  init(mapping base: UnsafeMutableRawPointer, _ size: Int, from start: Int) {
    let address = UInt(bitPattern: base)
    bytes = UnsafeMutableRawBufferPointer(start: base + start, count: size - start)
    storage = TensorStorage(
      UnsafeRawBufferPointer(bytes),
      forget: { MappedPages.drop(address, start + $0.lowerBound..<start + $0.upperBound) },
      release: { munmap(UnsafeMutableRawPointer(bitPattern: address), size) })
  }
}
