import RNNModel

/// How one computed tensor compares with its reference.
public struct Comparison: Sendable {
  /// The result of comparing a member.
  public enum Verdict: String, Sendable {
    /// Every element is within tolerance.
    case match
    /// Beyond it, but no further from a float64 run than rounding can take this model at each step.
    case rounding
    /// Beyond it at steps at which rounding can do anything, and no step tells more.
    case notComparable = "not comparable"
    /// The result differs by more than the tolerance.
    case mismatch
  }

  /// An element that is further from its reference than is allowed.
  public struct Deviation: Sendable {
    /// Its index, and what is found there.
    public let position: [Int]
    /// The reference's number.
    public let reference: Double
    /// The number that was computed.
    public let result: Double
    /// How far the result may be from the reference here, by the tolerance or by what rounding can do.
    public let allowed: Double
    /// How far it is; infinite where either is not finite.
    public var error: Double { distance(result, reference) }
  }

  /// The member's name: `output`, `hn`, `y`.
  public let member: String
  /// The result of the comparison.
  public internal(set) var verdict: Verdict
  /// The tolerance of a match.
  public let tolerance: Tolerance
  /// The largest absolute difference; infinite where one side is not finite and the other differs from it.
  public let largestError: Double
  /// The largest difference in units in the last place of the reference's type.
  public let largestUlps: Double
  /// The index of the largest absolute difference.
  public let position: [Int]
  /// What the axes of `position` mean: `["step", "batch", "unit"]`.
  public var axes: [String] { layout.names }
  /// How many elements are beyond tolerance, and the index of the first of them in time, else in order.
  public let beyondTolerance: Int
  /// The position of the first number beyond tolerance, in row-major order; nil if there is none.
  public let firstBeyond: [Int]?
  /// The first element in time, else in order, that makes a mismatch.
  public internal(set) var firstMismatch: Deviation?
  /// How many elements beyond tolerance were not judged, because rounding can do anything at their steps, and the first.
  public internal(set) var notCompared = 0
  /// The position of the first number that was not compared; nil if all were.
  public internal(set) var firstNotCompared: [Int]?
  /// The reference's and the result's own largest distance from a float64 run, where one was made.
  public internal(set) var distancesFromFloat64: (reference: Double, result: Double)?
  /// NaN and infinite elements of the result.
  public let notFinite: Int

  let layout: MemberAxes
  /// The precision that the reference was computed in.
  let precision: ElementType
  let reference: Tensor

  /// Compares a result with its reference. Both have the same shape; equal numbers agree, NaN agrees with nothing.
  ///
  /// - Parameter precision: The precision that the reference was computed in.
  init(member: String, reference: Tensor, result: Tensor, axes: MemberAxes, precision: ElementType, tolerance: Tolerance) {
    self.member = member
    self.reference = reference
    self.tolerance = tolerance
    self.precision = precision
    layout = axes
    let results = result.doubles
    let isFloat64 = precision == .float64
    var (largest, place, ulps, beyond, notFinite) = (0.0, 0, 0.0, 0, 0)
    var first = Earliest(reference.shape, axes)
    reference.forEachDouble { index, expected in
      let found = results[index]
      if !found.isFinite { notFinite += 1 }
      if found == expected { return }
      let error = distance(found, expected)
      let ulp = isFloat64 ? expected.ulp : Double(Float(expected).ulp)
      ulps = max(ulps, error.isFinite && ulp.isFinite ? error / ulp : .infinity)
      if error > largest { (largest, place) = (error, index) }
      if !tolerance.agree(found, expected) {
        beyond += 1
        first.see(index)
      }
    }
    verdict = beyond == 0 ? .match : .mismatch
    largestError = largest
    largestUlps = ulps
    position = reference.shape.index(ofElement: place)
    beyondTolerance = beyond
    firstBeyond = first.position
    self.notFinite = notFinite
  }

  /// Judges what is beyond tolerance by what rounding can do.
  ///
  /// - Parameters:
  ///   - result: The numbers compared.
  ///   - exact: Those of the float64 run.
  ///   - spread: For each element the largest distance of a run, moved by rounding errors (see `Perturbation`), from `exact`.
  mutating func judge(result: [Double], exact: [Double], spread: [Double]) {
    let estimate = RoundingEstimate(
      exact: exact, result: result, spread: spread, shape: reference.shape, axes: layout, tolerance: tolerance,
      largest: precision.largestMagnitude)
    var mismatch = Earliest(reference.shape, layout), unknown = Earliest(reference.shape, layout)
    var values = (reference: 0.0, result: 0.0, allowed: 0.0)
    var (judged, isExact, notCompared) = (false, true, 0)
    reference.forEachDouble { index, expected in
      if estimate.isComparable[index] && !estimate.mayOverflow[index] { judged = true }
      let agreesWithExact = tolerance.agree(exact[index], expected)
      if !agreesWithExact { isExact = false }
      if tolerance.agree(result[index], expected) || agreesWithExact { return }
      let isOver = estimate.mayOverflow[index]
      let isWithin =
        expected.isFinite && exact[index].isFinite && abs(expected - exact[index]) <= estimate.bounds[index]
      if !isOver && !isWithin {
        if mismatch.see(index) {
          values = (expected, result[index], max(tolerance.allowed(expected), expected.isFinite ? estimate.bounds[index] : 0))
        }
      } else if isOver || !estimate.isComparable[index] {
        notCompared += 1
        unknown.see(index)
      }
    }
    self.notCompared = notCompared
    firstNotCompared = unknown.position
    firstMismatch = mismatch.position.map {
      Deviation(position: $0, reference: values.reference, result: values.result, allowed: values.allowed)
    }
    // All of it agrees with float64 where a framework computed in float64; one element alone may do so by chance.
    verdict = firstMismatch != nil ? .mismatch : judged || isExact ? .rounding : .notComparable
    guard precision != .float64 else { return }
    var distances = (reference: 0.0, result: 0.0)
    reference.forEachDouble { index, expected in
      distances.reference = max(distances.reference, distance(expected, exact[index]))
      distances.result = max(distances.result, distance(result[index], exact[index]))
    }
    distancesFromFloat64 = distances
  }

  /// `step 3, batch 0, unit 12`.
  public func describe(_ position: [Int]) -> String {
    zip(axes, position).map { "\($0) \($1)" }.joined(separator: ", ")
  }
}

/// The first in time of the elements seen, else in order.
private struct Earliest {
  private let shape: Shape
  private let time: Int?
  private(set) var position: [Int]?

  init(_ shape: Shape, _ axes: MemberAxes) {
    self.shape = shape
    time = axes.names.firstIndex(of: "step")
  }

  /// Whether this one, which follows all seen in order, is the first.
  @discardableResult mutating func see(_ index: Int) -> Bool {
    guard let earlier = position else {
      position = shape.index(ofElement: index)
      return true
    }
    guard let time, earlier[time] > 0 else { return false }
    let new = shape.index(ofElement: index)
    guard new[time] < earlier[time] else { return false }
    position = new
    return true
  }
}

/// The absolute difference; infinite where exactly one number is not finite, where one is NaN, and between infinities of
/// different signs.
func distance(_ first: Double, _ second: Double) -> Double {
  if first == second { return 0 }
  let difference = abs(first - second)
  return difference.isNaN ? .infinity : difference
}
