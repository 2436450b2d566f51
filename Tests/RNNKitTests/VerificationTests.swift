import Foundation
import RNNKit
import Testing

/// The judge: no wrong reference may hold, no true one may fail, also where a model amplifies rounding until nothing can be
/// compared. References come from the plain loops in `PlainModel`, in float32 and float64.
@Suite struct VerificationTests {
  @Test func noWrongReferenceHoldsAndNoTrueOneFails() throws {
    var (wrongCount, trueCount, chaotic, alike) = (0, 0, 0, 0)
    for seed in 0..<200 {
      var generator = Numbers(seed: UInt64(seed))
      // Every fifth is sure to be chaotic.
      let plain =
        seed % 5 == 0
        ? PlainModel(&generator, hidden: 16, steps: 120, radius: 2 + Double(seed) / 50) : PlainModel(&generator)
      let model = try plain.model()
      let exact = plain.run(Double.self, isReversed: false), single = plain.run(Float.self, isReversed: false)
      let trues = [
        ("float32", single), ("float32, sums from the end", plain.run(Float.self, isReversed: true)), ("float64", exact),
      ]
      for (kind, reference) in trues {
        let found = try Verification(plain.reference(reference), of: model)
        #expect(found.holds, "seed \(seed), \(kind): \(found.comparisons.map(\.verdict)) \(found.divergence ?? "")")
        trueCount += 1
        if kind == "float32", found.comparisons[0].notCompared > 0 { chaotic += 1 }
      }
      for (kind, reference) in plain.wrong(single, &generator) {
        guard let step = plain.firstDifference(reference.output, single.output, exact.output) else {
          alike += 1
          continue
        }
        let found = try Verification(plain.reference(reference), of: model)
        #expect(!found.holds && found.comparisons[0].verdict == .mismatch, "seed \(seed), \(kind)")
        #expect((found.comparisons[0].firstMismatch?.position[0] ?? .max) <= step, "seed \(seed), \(kind): not at step \(step)")
        wrongCount += 1
      }
    }
    print("\(wrongCount) wrong references, \(trueCount) true ones, \(chaotic) models with steps that cannot be compared; "
      + "\(alike) wrong ones do not differ where anything can be")
    #expect(wrongCount > 1000 && trueCount == 600 && chaotic >= 30)
  }

  /// One unit that doubles its number: the float32 range ends at step 127.
  @Test func infinitiesAgreeOnlyWhereTheModelOverflows() throws {
    var plain = PlainModel(hidden: 1, steps: 140, isReLU: true)
    plain.weights = ["weight_ih_l0": [1], "weight_hh_l0": [4], "bias_ih_l0": [0], "bias_hh_l0": [1]]
    let (model, single) = (try plain.model(), plain.run(Float.self, isReversed: false))
    #expect(single.output.last == .infinity)
    #expect(try Verification(plain.reference(single), of: model).holds)
    for value in [Double.nan, .infinity, -.infinity] {
      var wrong = single
      wrong.output[0] = value
      let found = try Verification(plain.reference(wrong), of: model)
      #expect(!found.holds && found.comparisons[0].firstMismatch?.position == [0, 0, 0])
      wrong = single
      wrong.hn = [value]
      #expect(try Verification(plain.reference(wrong), of: model).holds == (value == .infinity))
    }
  }

  @Test func aCaseOfWhichNothingCanBeComparedDoesNotHold() throws {
    var generator = Numbers(seed: 3)
    let plain = PlainModel(&generator, hidden: 16, steps: 150, radius: 4)
    let single = plain.run(Float.self, isReversed: false)
    var reference = try plain.reference(single)
    #expect(try Verification(reference, of: plain.model()).holds)
    reference.members.removeAll { $0.name == "output" }
    let found = try Verification(reference, of: plain.model())
    #expect(found.comparisons.map(\.verdict) == [.notComparable] && !found.holds)
  }

  /// Saturated units are at ±1, where a wrong reference agrees with some of them by chance.
  @Test func someNumbersThatAgreeAreNoJudgement() throws {
    for seed in 0..<20 {
      var generator = Numbers(seed: UInt64(seed))
      let plain = PlainModel(&generator, hidden: 32, steps: 60, radius: 25)
      let single = plain.run(Float.self, isReversed: false)
      let ones = [Double](repeating: 1, count: single.hn.count)
      let others: [[Double]] = [ones, single.hn.map { -$0 }, single.hn.map { abs($0) }, Array(single.hn.reversed())]
      for hn in others where hn != single.hn {
        var wrong = single
        wrong.hn = hn
        var reference = try plain.reference(wrong)
        reference.members.removeAll { $0.name == "output" }
        #expect(try !Verification(reference, of: plain.model()).holds, "seed \(seed)")
      }
    }
  }

  @Test func refusesNumbersThatCannotBeCompared() throws {
    let plain = PlainModel(hidden: 1, steps: 2, isReLU: false)
    for type in [ElementType.complex64, .complex128, .float8_e4m3fn] {
      var reference = try plain.reference(plain.run(Float.self, isReversed: false))
      let shape = reference.members[1].tensor.shape
      reference.members[1].tensor = try #require(Tensor(type, shape) { _ in })
      #expect(throws: RNNError.self) { try Verification(reference, of: plain.model()) }
    }
  }
}

/// The same numbers in every run.
private struct Numbers: RandomNumberGenerator {
  private var random: SplitMix64

  init(seed: UInt64) { random = SplitMix64(seed: seed &* 0x9E37_79B9_7F4A_7C15) }

  mutating func next() -> UInt64 { random.next() }

  /// A float32 number around 0, about normal, of this spread.
  mutating func normal(_ spread: Double) -> Double {
    let sum = (0..<6).reduce(0.0) { sum, _ in sum + Double.random(in: -1...1, using: &self) }
    return Double(Float(sum / 2.0.squareRoot() * spread))
  }
}

/// A recurrent model in plain loops, one sum after the other.
private struct PlainModel {
  struct Outputs {
    /// (steps, batch, directions·hidden), (layers·directions, batch, hidden).
    var output: [Double]
    var hn: [Double]
  }

  var cell = Recurrent.Cell.rnn
  var isReLU = false
  var features = 1
  var hidden: Int
  var layers = 1
  var directions = 1
  var steps: Int
  var batch = 1
  var lengths: [Int] = []
  var input: [Double]
  var weights: [String: [Double]] = [:]

  private var gates: Int { cell == .lstm ? 4 : cell == .gru ? 3 : 1 }

  init(hidden: Int, steps: Int, isReLU: Bool) {
    (self.hidden, self.steps, self.isReLU) = (hidden, steps, isReLU)
    input = [Double](repeating: 0.5, count: steps)
    weights = ["weight_ih_l0": [1], "weight_hh_l0": [0.5], "bias_ih_l0": [0], "bias_hh_l0": [0]]
  }

  init(_ generator: inout Numbers, hidden: Int, steps: Int, radius: Double) {
    (self.hidden, self.steps) = (hidden, steps)
    input = (0..<steps).map { _ in generator.normal(1) }
    draw(radius, &generator)
  }

  init(_ generator: inout Numbers) {
    cell = [Recurrent.Cell.rnn, .rnn, .lstm, .gru].randomElement(using: &generator) ?? .rnn
    isReLU = cell == .rnn && Bool.random(using: &generator)
    features = Int.random(in: 1...5, using: &generator)
    hidden = [1, 2, 3, 5, 8, 16].randomElement(using: &generator) ?? 8
    layers = Int.random(in: 1...3, using: &generator)
    directions = Int.random(in: 0..<3, using: &generator) == 0 ? 2 : 1
    steps = Int.random(in: 20...120, using: &generator)
    batch = Int.random(in: 1...8, using: &generator)
    let drawn = steps * batch * features
    input = (0..<drawn).map { _ in generator.normal(1) }
    if Int.random(in: 0..<4, using: &generator) == 0 {
      let most = steps
      lengths = (0..<batch).map { _ in Int.random(in: 1...most, using: &generator) }
    }
    draw([0.5, 0.95, 1.3, 2, 3, 5].randomElement(using: &generator) ?? 1, &generator)
  }

  private mutating func draw(_ radius: Double, _ generator: inout Numbers) {
    for layer in 0..<layers {
      for suffix in ["", "_reverse"].prefix(directions) {
        let inner = layer == 0 ? features : hidden * directions
        let (rows, end) = (gates * hidden, "_l\(layer)\(suffix)")
        func drawn(_ count: Int, _ spread: Double) -> [Double] { (0..<count).map { _ in generator.normal(spread) } }
        weights["weight_ih" + end] = drawn(rows * inner, 1 / Double(inner).squareRoot())
        weights["weight_hh" + end] = drawn(rows * hidden, radius / Double(hidden).squareRoot())
        weights["bias_ih" + end] = drawn(rows, 0.3)
        weights["bias_hh" + end] = drawn(rows, 0.3)
      }
    }
  }

  private func tensor(_ values: [Double], _ shape: [Int]) throws -> Tensor {
    let shape = try #require(Shape(shape))
    return try #require(Tensor(values.map { Float($0) }, shape))
  }

  func model() throws -> Model {
    var module = Recurrent(
      name: "rnn", cell: cell, inputSize: features, hiddenSize: hidden, numLayers: layers, bias: true)
    if directions == 2 { module.direction = .bidirectional }
    if isReLU { module.activations.candidate = .relu }
    var archive = TensorArchive()
    for (name, shape) in Model.parameters(of: .recurrent(module)) {
      let values = try #require(weights[String(name.dropFirst(4))])
      try archive.append(name, try tensor(values, shape))
    }
    return try Model(archive, architecture: Architecture(modules: [.recurrent(module)], batchFirst: false))
  }

  func reference(_ outputs: Outputs) throws -> ReferenceCase {
    var members = [
      NamedTensor("input", try tensor(input, [steps, batch, features])),
      NamedTensor("output", try tensor(outputs.output, [steps, batch, directions * hidden])),
      NamedTensor("hn", try tensor(outputs.hn, [layers * directions, batch, hidden])),
    ]
    if !lengths.isEmpty {
      let shape = try #require(Shape([batch]))
      members.append(NamedTensor("lengths", try #require(Tensor(lengths.map(Int64.init), shape))))
    }
    return ReferenceCase(name: "case", members: members)
  }

  /// All steps in a precision, each sum in order or from its end.
  func run<R: BinaryFloatingPoint>(_ type: R.Type, isReversed: Bool) -> Outputs {
    let width = directions * hidden
    var result = Outputs(
      output: [Double](repeating: 0, count: steps * batch * width),
      hn: [Double](repeating: 0, count: layers * directions * batch * hidden))
    let wide = weights.mapValues { $0.map { R($0) } }
    for row in 0..<batch {
      let length = lengths.isEmpty ? steps : lengths[row]
      var rows = (0..<length).map { step in
        (0..<features).map { R(input[(step * batch + row) * features + $0]) }
      }
      for layer in 0..<layers {
        var next = [[R]](repeating: [R](repeating: 0, count: width), count: length)
        for direction in 0..<directions {
          let end = "_l\(layer)" + (direction == 1 ? "_reverse" : "")
          var (h, c) = ([R](repeating: 0, count: hidden), [R](repeating: 0, count: hidden))
          for count in 0..<length {
            let step = direction == 1 ? length - 1 - count : count
            func products(_ kind: String, _ x: [R]) -> [R] {
              let (matrix, bias) = (wide["weight_\(kind)\(end)"] ?? [], wide["bias_\(kind)\(end)"] ?? [])
              return (0..<gates * hidden).map { gate in
                var sum: R = 0
                for index in 0..<x.count {
                  let inner = isReversed ? x.count - 1 - index : index
                  sum += matrix[gate * x.count + inner] * x[inner]
                }
                return sum + bias[gate]
              }
            }
            advance(&h, &c, products("ih", rows[step]), products("hh", h))
            for unit in 0..<hidden { next[step][direction * hidden + unit] = h[unit] }
          }
          for unit in 0..<hidden {
            result.hn[((layer * directions + direction) * batch + row) * hidden + unit] = Double(h[unit])
          }
        }
        rows = next
      }
      for step in 0..<length {
        for unit in 0..<width { result.output[(step * batch + row) * width + unit] = Double(rows[step][unit]) }
      }
    }
    return result
  }

  private func advance<R: BinaryFloatingPoint>(_ h: inout [R], _ c: inout [R], _ x: [R], _ s: [R]) {
    func sigmoid(_ value: R) -> R { R(1 / (1 + exp(-Double(value)))) }
    func hyperbolic(_ value: R) -> R { R(tanh(Double(value))) }
    let before = h
    for unit in 0..<hidden {
      func gate(_ number: Int) -> R { x[number * hidden + unit] + s[number * hidden + unit] }
      switch cell {
      case .lstm:
        c[unit] = sigmoid(gate(1)) * c[unit] + sigmoid(gate(0)) * hyperbolic(gate(2))
        h[unit] = sigmoid(gate(3)) * hyperbolic(c[unit])
      case .gru:
        let update = sigmoid(gate(1))
        let candidate = hyperbolic(x[2 * hidden + unit] + sigmoid(gate(0)) * s[2 * hidden + unit])
        h[unit] = (1 - update) * candidate + update * before[unit]
      default:
        // As PyTorch's, which leaves NaN as it is.
        h[unit] = isReLU ? (gate(0) < 0 ? 0 : gate(0)) : hyperbolic(gate(0))
      }
    }
  }

  func wrong(_ right: Outputs, _ generator: inout Numbers) -> [(String, Outputs)] {
    func each(_ change: (Double) -> Double) -> Outputs {
      Outputs(output: right.output.map(change), hn: right.hn.map(change))
    }
    func changed(_ change: (inout PlainModel) -> Void) -> Outputs {
      var copy = self
      change(&copy)
      return copy.run(Float.self, isReversed: false)
    }
    func rolled(_ values: [Double], _ size: Int) -> [Double] {
      values.indices.map { index in
        let (row, unit) = (index / size, index % size)
        return values[(row / batch * batch + (row + 1) % batch) * size + unit]
      }
    }
    var result = [
      ("zeros", each { _ in 0 }), ("absolute values", each { abs($0) }), ("another sign", each { -$0 }),
      ("random numbers", each { _ in Double.random(in: -1...1, using: &generator) }),
      ("NaN", each { _ in .nan }), ("minus infinity", each { _ in -.infinity }),
      ("another model's", changed { $0.draw(1, &generator) }),
      ("a bias off by 0.01", changed { $0.weights["bias_ih_l0"]?[0] += 0.01 }),
      ("a wrong gate", changed { plain in
        let parts = plain.gates == 1 ? plain.hidden : plain.gates
        for (name, values) in plain.weights where name.contains("_l0") {
          let size = values.count / parts
          plain.weights[name] = Array(values.dropFirst(size)) + Array(values.prefix(size))
        }
      }),
    ]
    if batch > 1 {
      result.append(("a wrong batch row",
        Outputs(output: rolled(right.output, directions * hidden), hn: rolled(right.hn, hidden))))
    }
    return result
  }

  /// The first step at which a reference is plainly wrong in the forward direction, before rounding changes anything.
  func firstDifference(_ wrong: [Double], _ single: [Double], _ exact: [Double]) -> Int? {
    let width = directions * hidden
    for step in 0..<steps {
      for row in 0..<batch {
        for unit in 0..<hidden {
          let index = (step * batch + row) * width + unit, truth = exact[index]
          guard abs(single[index] - truth) <= 1e-6 + 1e-5 * abs(truth) else { return nil }
          if !(abs(wrong[index] - truth) <= 1e-3 * (1 + abs(truth))) { return step }
        }
      }
    }
    return nil
  }
}
