import RNNModel

/// Compares the architecture that a file states with the one its graph computes.
///
/// A graph cannot say everything: what a tensor's name was, which index is padding, whether one layer was a cell. What
/// it does say must agree, or the file was changed after RNNKit wrote it.
struct StatedArchitecture {
  /// Whether the numbers are float64: ONNX's attributes are float32.
  let isDouble: Bool

  static func differs(_ what: String) -> RNNError {
    RNNError(
      .badData, place: "metadata \(ONNXProperties.prefix)architecture", "its \(what) is not what the graph computes",
      remedy: "remove the entry to read the graph alone, or write the file again")
  }

  func check(_ stated: Architecture, against found: Architecture, batchFirst: Bool?) throws(RNNError) {
    guard batchFirst == nil || batchFirst == stated.batchFirst else { throw Self.differs("batch_first") }
    for module in found.modules {
      guard let own = stated[module.name], isSame(own, module) else { throw Self.differs("module \(module.name)") }
    }
    guard let own = stated.forward, let other = found.forward else { throw Self.differs("forward") }
    var expressions = Expressions(isDouble: isDouble)
    // The last recurrent layer's output is there whatever the forward gives.
    let wanted = expressions.outputs(of: own, stated.modules), given = expressions.outputs(of: other, found.modules)
    guard own.inputs.count == other.inputs.count, wanted.map(\.value) == given.map(\.value),
      zip(wanted, given).allSatisfy({ $0.name == nil || $1.name == nil || $0.name.map(GraphModules.identifier) == $1.name })
    else { throw Self.differs("forward") }
  }

  private func same(_ first: Double, _ second: Double) -> Bool {
    isDouble ? first == second : Float(first) == Float(second)
  }

  private func activation(_ stated: Activation, _ found: Activation) -> Activation {
    let isSame = stated.name == found.name && zip(stated.parameters, found.parameters).allSatisfy { same($0.value, $1.value) }
    return isSame ? stated : found
  }

  private func activations(_ stated: Recurrent.Activations, _ found: Recurrent.Activations) -> Recurrent.Activations {
    Recurrent.Activations(
      gate: activation(stated.gate, found.gate), candidate: activation(stated.candidate, found.candidate),
      output: activation(stated.output, found.output))
  }

  /// What ONNX does not hold, or holds rounded, is taken over; the rest must be equal.
  private func isSame(_ stated: Module, _ found: Module) -> Bool {
    var found = found
    switch (stated, found) {
    case (.recurrent(let stated), .recurrent(var module)):
      module.isCell = stated.isCell
      module.hasInitialState = stated.hasInitialState || module.hasInitialState
      let reverse = stated.activations(direction: 1)
      let foundReverse = module.activations(direction: 1)
      module.activations = activations(stated.activations, module.activations)
      if stated.direction == .bidirectional, activations(reverse, foundReverse) == reverse {
        module.reverseActivations = stated.reverseActivations
      }
      if let clip = stated.clip, let found = module.clip, same(clip, found) { module.clip = clip }
      if stated.cell == .rnn {
        module.activations.gate = stated.activations.gate; module.activations.output = stated.activations.output
      }
      if stated.cell == .gru { module.activations.output = stated.activations.output }
      if stated.cell != .gru { module.resetAfter = stated.resetAfter }
      found = .recurrent(module)
    case (.embedding(let stated), .embedding(var module)):
      module.paddingIndex = stated.paddingIndex
      found = .embedding(module)
    default: break
    }
    return stated == found
  }
}

/// Forwards as expressions, which are numbered: equal ones have one number, however their steps are ordered. What ONNX
/// writes as several nodes is several steps.
private struct Expressions {
  let isDouble: Bool
  private var numbers: [Forward.Step: Int] = [:]

  init(isDouble: Bool) { self.isDouble = isDouble }

  private mutating func number(_ operation: Forward.Operation, _ inputs: [Forward.Value]) -> Forward.Value {
    let step = Forward.Step(operation, inputs)
    if let known = numbers[step] { return .step(known) }
    numbers[step] = numbers.count
    return .step(numbers.count - 1)
  }

  private func rounded(_ value: Double) -> Double { isDouble ? value : Double(Float(value)) }

  mutating func outputs(of forward: Forward, _ modules: [Module]) -> [(name: String?, value: Forward.Value)] {
    var values: [Forward.Value] = []
    func moved(_ value: Forward.Value) -> Forward.Value {
      if case .step(let index) = value, values.indices.contains(index) { values[index] } else { value }
    }
    func recurrent(_ value: Forward.Value) -> Recurrent? {
      guard case .step(let index) = value, case .module(let name) = forward.steps[index].operation else { return nil }
      return modules.lazy.compactMap { if case .recurrent(let module) = $0, module.name == name { module } else { nil } }.first
    }
    for step in forward.steps {
      let inputs = step.inputs.map(moved)
      switch step.operation {
      case .nothing: values.append(inputs.first ?? .input(0))
      case .select(.last) where step.inputs.first.flatMap(recurrent)?.direction != .forward:
        values.append(number(.select(.first), [number(.flip, inputs)]))
      case .state(.hn, let index) where step.inputs.first.flatMap(recurrent).map({ $0.direction == .forward && index == $0.numLayers - 1 }) ?? false:
        values.append(number(.select(.last), inputs))
      case .activation(.elementwise(let activation)): values.append(self.activation(activation, inputs))
      case .constant(let numbers): values.append(number(.constant(numbers.map(rounded)), []))
      default: values.append(number(step.operation, inputs))
      }
    }
    return forward.outputs.map { ($0.name, moved($0.value)) }
  }

  private mutating func activation(_ activation: Activation, _ inputs: [Forward.Value]) -> Forward.Value {
    guard let x = inputs.first else { return .input(0) }
    func product(_ value: Forward.Value, _ factor: Double, _ self: inout Expressions) -> Forward.Value {
      self.number(.arithmetic(.multiply), [value, self.number(.constant([self.rounded(factor)]), [])])
    }
    func sum(_ value: Forward.Value, _ term: Double, _ self: inout Expressions) -> Forward.Value {
      self.number(.arithmetic(.add), [value, self.number(.constant([self.rounded(term)]), [])])
    }
    switch activation {
    case .identity: return x
    case .affine(let alpha, let beta): return sum(product(x, alpha, &self), beta, &self)
    case .scaledTanh(let alpha, let beta):
      return product(number(.activation(.elementwise(.tanh)), [product(x, beta, &self)]), alpha, &self)
    case .geluTanh:
      let square = number(.arithmetic(.multiply), [x, x])
      let factor = sum(product(square, 0.044715, &self), 1, &self)
      let scaled = product(number(.arithmetic(.multiply), [x, factor]), (2 / Double.pi).squareRoot(), &self)
      let gate = sum(number(.activation(.elementwise(.tanh)), [scaled]), 1, &self)
      return product(number(.arithmetic(.multiply), [x, gate]), 0.5, &self)
    default:
      let rounded = activation.parameters.map { ($0.name, self.rounded($0.value)) }
      let same = Activation(name: activation.name, parameters: rounded) ?? activation
      return number(.activation(.elementwise(same)), inputs)
    }
  }
}
