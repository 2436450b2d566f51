import RNNModel
import RNNRunner

/// How fast the smallest change of the input grows: why two frameworks, which round differently, drift apart.
public struct PerturbationGrowth: Sendable {
  /// The largest absolute change of the chain's end at each step, when every number of the first step's input is one unit in
  /// the last place larger. In the plan's own precision.
  public let changes: [Double]
  /// The same in units in the last place of the unchanged result.
  public let ulps: [Double]

  /// `3e-08 (2 ulps) at the first step, 4e-06 (33 ulps) at the last, 5e-06 at most`.
  public var text: String {
    guard let first = changes.first, let last = changes.last, let firstUlps = ulps.first, let lastUlps = ulps.last else {
      return "nothing that could be measured"
    }
    return "\(Self.short(first)) (\(Int(min(firstUlps, 1e9).rounded())) ulps) at the first step, \(Self.short(last)) (\(Int(min(lastUlps, 1e9).rounded())) ulps) at the last, \(Self.short(changes.max() ?? 0)) at most"
  }

  /// Small numbers as a digit and a power of ten: `3e-08`, others to three decimals.
  package static func short(_ value: Double) -> String {
    guard value < 1e-3, value >= 1e-300 else { return value == 0 ? "0" : "\((value * 1000).rounded() / 1000)" }
    func power(_ exponent: Int) -> Double { Double("1e\(exponent)") ?? 1 }
    // A power of two tells the power of ten but for one, and 9.6 is 10.
    var exponent = Int((Double(value.exponent) * 0.30103).rounded(.down))
    if (value / power(exponent)).rounded() >= 10 { exponent += 1 }
    let digits = String(-exponent)
    return "\(Int((value / power(exponent)).rounded()))e-\(digits.count < 2 ? "0" : "")\(digits)"
  }

  /// Runs an unbatched input, (time, features), twice. An embedding's indices cannot be changed a little: nothing changes.
  public init(_ model: Model, modules: [String]?, input: Tensor) throws(RNNError) {
    let plan = try Plan(model, modules: modules)
    guard !plan.takesIndices, input.shape.rank == 2, let (exact, _, _) = input.converted(to: plan.precision.elementType) else {
      (changes, ulps) = ([], [])
      return
    }
    var values = exact.doubles
    let isFloat = plan.precision == .float32
    for index in 0..<input.shape[1] { values[index] = isFloat ? Double(Float(values[index]).nextUp) : values[index].nextUp }
    guard let moved = Tensor(values, input.shape), let first = try plan.run(exact).last, let second = try plan.run(moved).last,
      let width = first.shape.dimensions.last, width > 0
    else {
      (changes, ulps) = ([], [])
      return
    }
    let (a, b) = (first.doubles, second.doubles)
    var (changes, ulps): ([Double], [Double]) = ([], [])
    for step in stride(from: 0, to: a.count, by: width) {
      var (largest, largestUlps) = (0.0, 0.0)
      for index in step..<step + width where a[index] != b[index] {
        let change = abs(a[index] - b[index])
        largest = max(largest, change)
        largestUlps = max(largestUlps, change / (isFloat ? Double(Float(a[index]).ulp) : a[index].ulp))
      }
      changes.append(largest)
      ulps.append(largestUlps)
    }
    (self.changes, self.ulps) = (changes, ulps)
  }
}
