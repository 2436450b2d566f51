import RNNModel

/// How one tensor of two models compares.
public struct Difference: Sendable {
  /// In what two tensors of one name differ.
  public enum Verdict: String, Sendable {
    /// Equal in type, shape and bits; or different in values, type or shape.
    case identical, values, shape, dtype
    /// Only the first file has the tensor.
    case onlyInFirst = "only in the first"
    /// Only the second file has the tensor.
    case onlyInSecond = "only in the second"
  }

  /// The tensor's name.
  public let name: String
  /// In what the two differ.
  public let verdict: Verdict
  /// The first file's tensor; nil if it has none of this name.
  public let first: Tensor?
  /// The second file's tensor; nil if it has none of this name.
  public let second: Tensor?
  /// Elements whose value differs; a NaN equals a NaN. 0 where shapes differ.
  public var differingCount = 0
  /// The largest absolute difference, infinite where one side is not finite and the other differs from it.
  public var largestDifference = 0.0
  /// Where it is, as an index into the tensor.
  public var position: [Int] = []

  /// Compares two models tensor by tensor, by name: those of the first in its order, then what only the second has.
  public static func between(_ first: Model, _ second: Model) -> [Difference] {
    let shared = first.archive.tensors.map { compare($0.name, $0.tensor, second.archive[$0.name]) }
    let added = second.archive.tensors.filter { first.archive[$0.name] == nil }
    return shared + added.map { compare($0.name, nil, $0.tensor) }
  }

  private static func compare(_ name: String, _ first: Tensor?, _ second: Tensor?) -> Difference {
    guard let first else { return Difference(name: name, verdict: .onlyInSecond, first: nil, second: second) }
    guard let second else { return Difference(name: name, verdict: .onlyInFirst, first: first, second: nil) }
    if first.isIdentical(to: second) {
      return Difference(name: name, verdict: .identical, first: first, second: second)
    }
    let verdict: Verdict =
      first.shape != second.shape ? .shape : first.elementType != second.elementType ? .dtype : .values
    var result = Difference(name: name, verdict: verdict, first: first, second: second)
    guard verdict != .shape else { return result }
    let others = second.doubles
    guard others.count == first.count else { return result }
    var (largest, position, count) = (0.0, 0, 0)
    first.forEachDouble { index, value in
      let other = others[index]
      if value == other || (value.isNaN && other.isNaN) { return }
      count += 1
      let distance = (value - other).isNaN ? .infinity : abs(value - other)
      if distance > largest { (largest, position) = (distance, index) }
    }
    result.differingCount = count
    result.largestDifference = largest
    result.position = first.shape.index(ofElement: position)
    return result
  }
}

extension Shape {
  /// The index, one number an axis, of the element at a row-major position.
  public func index(ofElement position: Int) -> [Int] {
    var rest = position
    var result: [Int] = []
    for size in dimensions.reversed() where size > 0 {
      result.append(rest % size)
      rest /= size
    }
    return result.reversed()
  }
}
