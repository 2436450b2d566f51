import RNNModel

/// How one computed tensor compares with its reference.
public struct Comparison: Sendable {
  public enum Verdict: String, Sendable {
    /// Every element is within tolerance.
    case match
    /// Beyond it, but reference and result are about equally far from a float64 run: the model amplifies rounding.
    case rounding
    case mismatch
  }

  /// The member's name: `output`, `hn`, `y`.
  public let member: String
  public var verdict: Verdict
  /// The largest absolute difference; infinite where exactly one side is not finite.
  public let largestError: Double
  /// The largest difference in units in the last place of the reference's type.
  public let largestUlps: Double
  /// The index of the largest absolute difference.
  public let position: [Int]
  /// What the axes of `position` mean: `["step", "batch", "unit"]`.
  public let axes: [String]
  /// How many elements are beyond tolerance, and the first of them in time, else in order.
  public let beyondTolerance: Int
  public let firstBeyond: [Int]?
  /// The reference's and the result's own largest distance from a float64 run, where one was made.
  public var distancesFromFloat64: (reference: Double, result: Double)?
  /// NaN and infinite elements of the result.
  public let notFinite: Int

  /// Compares a result with its reference. Both have the same shape; equal elements agree, and so do two NaN.
  ///
  /// The tolerance is 1e-6 + 1e-5·|reference| in float32, 1e-12 + 1e-12·|reference| in float64.
  init(member: String, reference: Tensor, result: Tensor, axes: [String], isFloat64: Bool) {
    let (absolute, relative) = isFloat64 ? (1e-12, 1e-12) : (1e-6, 1e-5)
    let results = result.doubles
    let time = axes.firstIndex(of: "step")
    var (largest, place, ulps, beyond, notFinite) = (0.0, 0, 0.0, 0, 0)
    var first: [Int]?
    reference.forEachDouble { index, expected in
      let found = results[index]
      if !found.isFinite { notFinite += 1 }
      if found == expected || (found.isNaN && expected.isNaN) { return }
      let error = (found - expected).isNaN ? .infinity : abs(found - expected)
      ulps = max(ulps, error / (isFloat64 ? expected.ulp : Double(Float(expected).ulp)))
      if error > largest { (largest, place) = (error, index) }
      if !(error <= absolute + relative * abs(expected)) {
        beyond += 1
        let position = reference.shape.index(ofElement: index)
        if first.map({ time != nil && position[time ?? 0] < $0[time ?? 0] }) ?? true { first = position }
      }
    }
    self.member = member
    verdict = beyond == 0 ? .match : .mismatch
    largestError = largest
    largestUlps = ulps.isNaN ? .infinity : ulps
    position = reference.shape.index(ofElement: place)
    self.axes = axes
    beyondTolerance = beyond
    firstBeyond = first
    self.notFinite = notFinite
  }

  /// `step 3, batch 0, unit 12`.
  public func describe(_ position: [Int]) -> String {
    zip(axes, position).map { "\($0) \($1)" }.joined(separator: ", ")
  }
}

/// The largest absolute difference between two tensors of one shape; infinite where exactly one of two elements is finite.
func largestDistance(_ first: Tensor, _ second: Tensor) -> Double {
  let others = second.doubles
  var largest = 0.0
  first.forEachDouble { index, value in
    let other = others[index]
    if value == other || (value.isNaN && other.isNaN) { return }
    largest = max(largest, (value - other).isNaN ? .infinity : abs(value - other))
  }
  return largest
}
