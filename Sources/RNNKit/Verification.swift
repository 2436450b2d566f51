import RNNModel
import RNNRunner

/// A reference case replayed: what the model gives now against what its framework gave.
public struct Verification: Sendable {
  public let name: String
  public let comparisons: [Comparison]
  /// Where the first difference beyond tolerance is, for a mismatch: the first recurrent layer whose final state differs,
  /// and the first step.
  public let divergence: String?
  /// Whether the reference's `hn[last]` equals `output[last]`, as it must for a network that runs forward; nil where the
  /// case cannot tell. Placeholder numbers, as tutorials print them, do not.
  public let lastStateIsLastOutput: Bool?

  /// Whether every member matches, or differs only by rounding that the model amplifies, and the reference agrees with
  /// itself.
  public var holds: Bool { (lastStateIsLastOutput ?? true) && comparisons.allSatisfy { $0.verdict != .mismatch } }

  /// Reference and result count as equally far from float64 while one distance is at most this many times the other.
  static let rounding = 8.0

  /// Replays a case of `model`.
  ///
  /// Throws where the case has no input, members of the wrong shape, or no output to compare with.
  public init(_ reference: ReferenceCase, of model: Model) throws(RNNError) {
    name = reference.name
    let run = try CaseRun(reference, of: model)
    let results = try run.results(precision: run.isFloat64 ? .float64 : .float32)
    var comparisons: [Comparison] = []
    for member in reference.members where !CaseRun.isInput(member.name) && !member.name.hasSuffix("64") {
      guard let result = results.first(where: { $0.name == member.name })?.tensor else {
        throw RNNError(.badData, place: "case \(name), member \(member.name)",
          "the model gives no such output; it gives \(results.map(\.name).listed())",
          remedy: "rename or remove the member")
      }
      guard result.shape == member.tensor.shape else {
        throw RNNError(.badData, place: "case \(name), member \(member.name)",
          "its shape is \(member.tensor.shape), the model gives \(result.shape)", remedy: "export the case again")
      }
      comparisons.append(
        Comparison(
          member: member.name, reference: member.tensor, result: result, axes: run.axes(of: member.name, rank: result.shape.rank),
          isFloat64: run.isFloat64 && member.tensor.elementType == .float64))
    }
    guard !comparisons.isEmpty else {
      throw RNNError(.badData, place: "case \(name)", "it holds no output to compare with",
        remedy: "add output, hn or y as its framework gave them")
    }
    // Only where something is off is the same run in float64 worth its time.
    if !run.isFloat64, comparisons.contains(where: { $0.verdict == .mismatch }) {
      let exact = try run.results(precision: .float64)
      for index in comparisons.indices where comparisons[index].verdict == .mismatch {
        let member = comparisons[index].member
        guard let reference = reference[member], let exact = exact.first(where: { $0.name == member })?.tensor,
          let result = results.first(where: { $0.name == member })?.tensor
        else { continue }
        let distances = (reference: largestDistance(reference, exact), result: largestDistance(result, exact))
        comparisons[index].distancesFromFloat64 = distances
        if distances.reference.isFinite, distances.result > 0, distances.reference > 0,
          distances.reference <= Self.rounding * distances.result, distances.result <= Self.rounding * distances.reference {
          comparisons[index].verdict = .rounding
        }
      }
    }
    self.comparisons = comparisons
    divergence = comparisons.contains { $0.verdict == .mismatch } ? Self.divergence(comparisons) : nil
    lastStateIsLastOutput = run.lastStateIsLastOutput
  }

  private static func divergence(_ comparisons: [Comparison]) -> String {
    let wrong = comparisons.filter { $0.verdict == .mismatch }
    let states = wrong.filter { $0.axes.first == "layer" }
    let steps = wrong.compactMap { comparison -> Int? in
      comparison.axes.firstIndex(of: "step").flatMap { axis in comparison.firstBeyond?[axis] }
    }
    let layer = states.compactMap { comparison in comparison.firstBeyond.map { (comparison.member, $0[0]) } }.min { $0.1 < $1.1 }
    var parts: [String] = []
    if let step = steps.min() { parts.append("first at step \(step)") }
    if let layer { parts.append("first in layer \(layer.1) (\(layer.0))") } else if !wrong.contains(where: { $0.member == "output" }) {
      parts.append("in what follows the last recurrent layer")
    }
    return parts.joined(separator: ", ")
  }
}
