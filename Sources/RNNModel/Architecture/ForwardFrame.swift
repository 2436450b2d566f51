/// A chain, with the gains and the skip that models of audio devices have around it:
/// (chain(x·inputGain) + the first `skip` features of x·inputGain)·outputGain.
package struct FramedChain: Sendable, Hashable {
  /// A factor for all features of the input, or one for each; nil where there is none.
  package var inputGain: [Double]?
  /// Each applied to what the one before it gives.
  package var operations: [Forward.Operation]
  /// How many features of the input, from the first on, are added to the chain's output.
  package var skip = 0
  package var outputGain = 1.0

  package init(_ operations: [Forward.Operation]) {
    self.operations = operations
  }

  /// Whether it is the chain alone.
  package var isPlain: Bool { inputGain == nil && skip == 0 && outputGain == 1 }
}

extension Forward {
  /// What a value gives times a factor for all features, or one for each; the value itself where they are all 1.
  package mutating func scale(_ value: Value, by factors: [Double]) -> Value {
    guard factors.contains(where: { $0 != 1 }) else { return value }
    let constant = add(.constant(factors))
    return add(.arithmetic(.multiply), value, constant)
  }

  /// Adds the first features of a value, which are `count` of `all`, to another value.
  package mutating func addFeatures(_ count: Int, of all: Int?, _ value: Value, to other: Value) -> Value {
    guard count > 0 else { return other }
    let part = count == all ? value : add(.slice(0..<count), value)
    return add(.arithmetic(.add), other, part)
  }

  /// The factors of an input gain on the first `count` of `all` features.
  package static func gains(_ gain: Double, onFirst count: Int, of all: Int) -> [Double] {
    if count >= all { return [gain] }
    return [Double](repeating: gain, count: count) + [Double](repeating: 1, count: all - count)
  }

  /// The forward as a chain with gains and a skip around it, where it is one of one input and one output. Steps that
  /// nothing takes are passed over.
  package func framed(inputSize: Int?) -> FramedChain? {
    guard inputs.count == 1, outputs.count == 1 else { return nil }
    var result = FramedChain([])
    var value = outputs[0].value
    if let (scaled, factors) = scaled(value), factors.count == 1 { (value, result.outputGain) = (scaled, factors[0]) }
    if case .step(let number) = value, steps[number].operation == .arithmetic(.add), steps[number].inputs.count == 2 {
      let (first, second) = (steps[number].inputs[0], steps[number].inputs[1])
      // What is added may stand on either side.
      for (chain, other) in [(first, second), (second, first)] {
        guard let skip = skipped(other, inputSize), var framed = head(of: chain), framed.start == start(of: other) else { continue }
        framed.chain.skip = skip
        framed.chain.outputGain = result.outputGain
        return framed.chain
      }
      return nil
    }
    guard var framed = head(of: value) else { return nil }
    framed.chain.outputGain = result.outputGain
    return framed.chain
  }

  /// A chain from the input, and the value that it begins with: the input, or the input times the gain.
  private func head(of value: Value) -> (chain: FramedChain, start: Value)? {
    var operations: [Operation] = [], value = value
    while case .step(let number) = value {
      if let (scaled, factors) = scaled(value) {
        guard scaled == .input(0) else { return nil }
        var chain = FramedChain(operations.reversed())
        chain.inputGain = factors
        return (chain, value)
      }
      guard steps[number].inputs.count == 1 else { return nil }
      operations.append(steps[number].operation)
      value = steps[number].inputs[0]
    }
    return (FramedChain(operations.reversed()), value)
  }

  /// What a value is the product of: another value, and numbers of the model.
  private func scaled(_ value: Value) -> (Value, [Double])? {
    guard case .step(let number) = value, steps[number].operation == .arithmetic(.multiply), steps[number].inputs.count == 2
    else { return nil }
    let (first, second) = (steps[number].inputs[0], steps[number].inputs[1])
    for (value, other) in [(first, second), (second, first)] {
      if case .step(let index) = other, case .constant(let factors) = steps[index].operation { return (value, factors) }
    }
    return nil
  }

  /// How many features of the chain's start, from the first on, a value is.
  private func skipped(_ value: Value, _ inputSize: Int?) -> Int? {
    if case .step(let number) = value, case .slice(let range) = steps[number].operation {
      return range.lowerBound == 0 ? range.count : nil
    }
    return value == start(of: value) ? inputSize : nil
  }

  /// The input, or the input times the gain, that a value is or is features of.
  private func start(of value: Value) -> Value {
    if case .step(let number) = value, case .slice = steps[number].operation, steps[number].inputs.count == 1 {
      return steps[number].inputs[0]
    }
    return value
  }
}
