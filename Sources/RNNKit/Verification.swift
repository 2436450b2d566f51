import RNNModel
import RNNRunner

/// A reference case replayed: what the model gives now against what its framework gave.
public struct Verification: Sendable {
  /// The reference case's name.
  public let name: String
  /// One comparison for each member that the case has.
  public let comparisons: [Comparison]
  /// Where the first difference beyond tolerance is, for a mismatch: the first recurrent layer whose final state differs,
  /// and the first step.
  public let divergence: String?
  /// Whether the reference's `hn[last]` equals `output[last]`, as it must (the reverse direction's `output[first]`); nil
  /// where the case cannot tell. Placeholder numbers, as tutorials print them, do not.
  public let lastStateIsLastOutput: Bool?

  /// Whether no member is a mismatch, at least one could be compared, and the reference agrees with itself.
  public var holds: Bool {
    (lastStateIsLastOutput ?? true) && comparisons.allSatisfy { $0.verdict != .mismatch }
      && comparisons.contains { $0.verdict != .notComparable }
  }

  /// Replays a case of `model`. Where a member is not within tolerance, `RoundingEstimate.runs` + 1 more runs tell
  /// rounding from a mistake.
  ///
  /// Throws where the case has no input, members of the wrong shape or type, or no output to compare with.
  ///
  /// - Parameters:
  ///   - reference: The case to replay.
  ///   - model: The model that replays it.
  ///   - absolute: How far a number may be from any reference; nil for what the reference's type tells, or the case's
  ///     metadata where a conversion has kept in it what rounding does.
  ///   - relative: How far as a share of the reference; nil for what its type tells.
  public init(
    _ reference: ReferenceCase, of model: Model, absolute: Double? = nil, relative: Double? = nil
  ) throws(RNNError) {
    name = reference.name
    let run = try CaseRun(reference, of: model)
    let results = try run.results(precision: run.isFloat64 ? .float64 : .float32)
    let given = absolute == nil && relative == nil ? nil : { (usual: Tolerance) in
      Tolerance(absolute: absolute ?? usual.absolute, relative: relative ?? usual.relative)
    }
    var comparisons = try run.comparisons(results, tolerance: given)
    // What rounding to 8 bits does is not what the last place of a float does: there tolerance alone tells.
    if !run.isQuantized, comparisons.contains(where: { $0.verdict == .mismatch }) {
      let exact = run.isFloat64 ? results : try run.results(precision: .float64)
      // Members that were computed in one precision share their runs.
      for precision in Set(comparisons.filter { $0.verdict == .mismatch }.map(\.precision)) {
        let open = comparisons.indices.filter {
          comparisons[$0].verdict == .mismatch && comparisons[$0].precision == precision
        }
        try Self.judge(&comparisons, open, run, results: results, exact: exact, unit: precision.unit)
      }
    }
    self.comparisons = comparisons
    divergence = comparisons.contains { $0.verdict == .mismatch } ? Self.divergence(comparisons) : nil
    lastStateIsLastOutput = run.lastStateIsLastOutput
  }

  private static func judge(
    _ comparisons: inout [Comparison], _ open: [Int], _ run: CaseRun, results: [NamedTensor], exact: [NamedTensor],
    unit: Double
  ) throws(RNNError) {
    func values(_ index: Int, in results: [NamedTensor]) -> [Double] {
      results.first { $0.name == comparisons[index].member }?.tensor.doubles ?? []
    }
    let truths = open.map { values($0, in: exact) }, found = open.map { values($0, in: results) }
    // The run itself is one that rounding moved. Where it overflowed it says nothing of how far.
    var spreads = zip(truths, found).map { truth, found in
      zip(truth, found).map { $1.isFinite ? distance($0, $1) : 0 }
    }
    for number in 0..<RoundingEstimate.runs {
      let moved = try run.moved(by: Perturbation(unit: unit, run: number)).results(precision: .float64)
      for (place, index) in open.enumerated() {
        let values = values(index, in: moved)
        for element in values.indices {
          spreads[place][element] = max(spreads[place][element], distance(values[element], truths[place][element]))
        }
      }
    }
    for (place, index) in open.enumerated() {
      comparisons[index].judge(result: found[place], exact: truths[place], spread: spreads[place])
    }
  }

  private static func divergence(_ comparisons: [Comparison]) -> String {
    let wrong = comparisons.compactMap { comparison in comparison.firstMismatch.map { (comparison, $0.position) } }
    let steps = wrong.compactMap { comparison, position in comparison.axes.firstIndex(of: "step").map { position[$0] } }
    let layer = wrong.filter { $0.0.axes.first == "layer" }.map { ($0.0.member, $0.1[0]) }.min { $0.1 < $1.1 }
    var parts: [String] = []
    if let step = steps.min() { parts.append("first at step \(step)") }
    if let layer {
      parts.append("first in layer \(layer.1) (\(layer.0))")
    } else if !wrong.contains(where: { $0.0.member == "output" }) {
      parts.append("in what follows the last recurrent layer")
    }
    return parts.joined(separator: ", ")
  }
}
