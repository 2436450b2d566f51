import RNNFormats
import RNNModel

/// How far a model whose parameters were rounded is from its reference cases, measured when they were and kept in the
/// cases' metadata: `tolerance`, an object of members' names with an absolute tolerance each.
extension ReferenceCase {
  private static let key = "tolerance"

  /// The absolute tolerance kept for a member, nil for none.
  package func keptTolerance(_ member: String) -> Double? {
    metadata.first { $0.key == Self.key }?.value[member]?.double.flatMap { $0.isFinite && $0 >= 0 ? $0 : nil }
  }

  /// Keeps what a rounded model shows on the case. Nothing is kept of a case that does not hold before rounding, and of
  /// members whose numbers are no longer finite.
  ///
  /// - Returns: The largest error kept, nil where nothing is.
  mutating func keepTolerance(of rounded: Model, from original: Model) throws(RNNError) -> Double? {
    guard try Verification(self, of: original).holds else { return nil }
    metadata.removeAll { $0.key == Self.key }
    let run = try CaseRun(self, of: rounded)
    let comparisons = try run.comparisons(run.results(precision: run.isFloat64 ? .float64 : .float32))
    let kept = comparisons.filter { $0.largestError.isFinite }
    guard !kept.isEmpty else { return nil }
    metadata.append(.init(Self.key, .object(kept.map { .init($0.member, .number(Self.roundedUp($0.largestError))) })))
    return kept.map(\.largestError).max()
  }

  /// The least number of two significant digits, in binary, that is no less.
  private static func roundedUp(_ value: Double) -> Double {
    guard value > 0, value.isFinite else { return 0 }
    let unit = value.ulp * 0x1p46
    return (value / unit).rounded(.up) * unit
  }
}
