/// The sizes of a tensor's axes, outermost first, whose product is known to fit an `Int`.
public struct Shape: Sendable, Hashable, CustomStringConvertible {
  /// The sizes of the axes, none negative; empty for a scalar.
  public let dimensions: [Int]
  /// The number of elements; 1 for a scalar (no axes), 0 where an axis is 0.
  public let count: Int

  /// Returns nil for a negative axis, more axes than `Limits.maximumRank`, or a product that overflows (zero axes do not
  /// excuse the others from it).
  public init?(_ dimensions: [Int]) {
    guard dimensions.count <= Limits.maximumRank else { return nil }
    var count = 1
    var product = 1
    for size in dimensions {
      guard size >= 0 else { return nil }
      let (next, overflow) = product.multipliedReportingOverflow(by: max(size, 1))
      if overflow { return nil }
      product = next
      count = size == 0 ? 0 : count * size
    }
    self.dimensions = dimensions
    self.count = count
  }

  /// The number of axes.
  public var rank: Int { dimensions.count }

  /// The size of axis `index`, counted from the first.
  public subscript(index: Int) -> Int { dimensions[index] }

  /// `(4, 2, 3)`, a scalar's `()`.
  public var description: String {
    dimensions.count == 1
      ? "(\(dimensions[0]),)" : "(" + dimensions.map(String.init).joined(separator: ", ") + ")"
  }
}
