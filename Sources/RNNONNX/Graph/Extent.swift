import RNNModel

/// The size of an axis: a number times sizes that only the input tells, or something not understood.
enum Extent: Hashable {
  case product(Int, [Symbol])
  case unknown

  /// The size of an axis of a graph input that the file leaves open.
  struct Symbol: Hashable, Comparable {
    var input: Int
    var axis: Int

    static func < (first: Symbol, second: Symbol) -> Bool { (first.input, first.axis) < (second.input, second.axis) }
  }

  static func known(_ value: Int) -> Extent { .product(value, []) }
  static func symbol(input: Int, axis: Int) -> Extent { .product(1, [Symbol(input: input, axis: axis)]) }

  /// The number, where it is one.
  var value: Int? {
    if case .product(let value, []) = self { value } else { nil }
  }

  static func * (first: Extent, second: Extent) -> Extent {
    guard case .product(let a, let symbols) = first, case .product(let b, let others) = second else { return .unknown }
    let (product, overflow) = a.multipliedReportingOverflow(by: b)
    // Sizes that are multiplied by themselves again and again grow without end.
    guard symbols.count + others.count <= Limits.maximumRank else { return .unknown }
    return overflow ? .unknown : .product(product, (symbols + others).sorted())
  }
}
