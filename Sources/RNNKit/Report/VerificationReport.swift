import RNNFormats
import RNNModel

extension ModelFile {
  /// What replaying reference cases of this model showed, as JSON: `Schemas/verify.schema.json`.
  public func report(_ verifications: [Verification]) throws(RNNError) -> JSONValue {
    .object([
      .init("file", .string(path.readableFileName)), .init("holds", .bool(verifications.allSatisfy(\.holds))),
      .init("warnings", .array(try model.nonFiniteWeights().map(JSONValue.string))),
      .init("cases", .array(verifications.map(\.json))),
    ])
  }
}

extension Model {
  /// The parameters that hold NaN or infinities, a sentence each.
  package func nonFiniteWeights() throws(RNNError) -> [String] {
    var result: [String] = []
    for name in parameterNames {
      guard let counts = try archive[name]?.nonFiniteCounts(), counts.nan + counts.infinite > 0 else { continue }
      result.append("\(name) has \(counts.nan.groupedDigits) NaN and \(counts.infinite.groupedDigits) infinite values")
    }
    return result
  }
}

extension Verification {
  fileprivate var json: JSONValue {
    .object([
      .init("name", .string(name)), .init("holds", .bool(holds)),
      .init("members", .array(comparisons.map(\.json))),
      .init("last_state_is_last_output", lastStateIsLastOutput.map(JSONValue.bool) ?? .null),
      .init("diverges", divergence.map(JSONValue.string) ?? .null),
    ])
  }
}

extension Comparison {
  fileprivate var json: JSONValue {
    var members: [JSONValue.Member] = [
      .init("name", .string(member)), .init("verdict", .string(verdict.rawValue)),
      .init("largest_error", .number(largestError)), .init("largest_ulps", .number(largestUlps)),
      .init("at", place(position)),
      .init("tolerance", .object([
        .init("absolute", .number(tolerance.absolute)), .init("relative", .number(tolerance.relative)),
      ])),
      .init("beyond_tolerance", .integer(Int64(beyondTolerance))), .init("not_finite", .integer(Int64(notFinite))),
    ]
    if let first = firstMismatch {
      members.append(.init("first_mismatch", .object([
        .init("at", place(first.position)), .init("reference", .number(first.reference)),
        .init("result", .number(first.result)), .init("error", .number(first.error)),
        .init("allowed", .number(first.allowed)),
      ])))
    }
    if let first = firstNotCompared {
      members.append(.init("not_compared", .object([
        .init("count", .integer(Int64(notCompared))), .init("first", place(first)),
      ])))
    }
    if let distances = distancesFromFloat64 {
      members.append(.init("reference_from_float64", .number(distances.reference)))
      members.append(.init("result_from_float64", .number(distances.result)))
    }
    return .object(members)
  }

  private func place(_ position: [Int]) -> JSONValue {
    .object(zip(axes, position).map { .init($0, .integer(Int64($1))) })
  }
}
