import RNNModel

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Zeroed memory aligned for the kernels, freed with its owner.
///
/// Unchecked, as whoever shares it writes to it only while it is being made or where it has one owner.
final class AlignedMemory: @unchecked Sendable {
  let base: UnsafeMutableRawPointer
  let byteCount: Int

  /// From this size on, memory is asked for in pages as large: large weights are read from end to end at every step, and
  /// small pages' addresses alone would be too many for the processor to keep.
  private static let hugePage = 1 << 21

  /// Throws where the machine does not have as much.
  ///
  /// - Parameter inWholePages: Whether it is large pages even for less than one: addresses within a page do not meet in a
  ///   cache, which those of several small pages may.
  init(byteCount: Int, inWholePages: Bool = false) throws(RNNError) {
    var pointer: UnsafeMutableRawPointer?
    let isHuge = inWholePages || byteCount >= Self.hugePage
    let (pages, overflow) = byteCount.addingReportingOverflow(Self.hugePage - 1)
    let size = inWholePages ? pages / Self.hugePage * Self.hugePage : max(byteCount, 64)
    guard byteCount >= 0, !overflow, posix_memalign(&pointer, isHuge ? Self.hugePage : 64, size) == 0, let pointer
    else {
      throw RNNError(.badData, "\(byteCount) bytes of memory cannot be had",
        remedy: "use a smaller batch or a shorter sequence")
    }
    #if os(Linux)
      // Advice alone: without such pages small ones do.
      if isHuge { madvise(pointer, size, Int32(MADV_HUGEPAGE)) }
    #endif
    memset(pointer, 0, byteCount)
    base = pointer
    self.byteCount = byteCount
  }

  /// `count` reals of a precision. Throws where that overflows.
  convenience init(reals count: Int, _ precision: Precision, inWholePages: Bool = false) throws(RNNError) {
    let (bytes, overflow) = count.multipliedReportingOverflow(by: precision.size)
    try self.init(byteCount: overflow ? -1 : bytes, inWholePages: inWholePages)
  }

  deinit { free(base) }
}

/// A product of sizes, none negative. Throws where it overflows.
func product(_ factors: Int...) throws(RNNError) -> Int {
  var result = 1
  for factor in factors {
    let (next, overflow) = result.multipliedReportingOverflow(by: factor)
    guard !overflow else {
      throw RNNError(.badData, "the sizes \(factors.map(String.init).joined(separator: " × ")) are too large together",
        remedy: "use a smaller batch or a shorter sequence")
    }
    result = next
  }
  return result
}
