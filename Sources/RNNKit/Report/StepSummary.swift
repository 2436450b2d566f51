import RNNModel

/// What a step of a forward takes, gives and costs.
public struct StepSummary: Sendable {
  /// How the forward line spells it: a module's name, `last`, `+`.
  public let name: String
  /// The names of the values that go in.
  public let inputs: [Forward.Value]
  /// The shape of the result.
  public let shape: ValueShape
  /// Elements and bytes of the parameters that it uses. A module called twice counts at both calls.
  public let parameterCount: Int
  /// The parameters' size in bytes.
  public let byteCount: Int
  /// Multiplications, with an addition each, of its matrices: for each step of a sequence where the value has a time axis, else
  /// for each sequence. What functions cost is not counted.
  public let multiplyAdds: Int
}

extension Model {
  /// The steps of the model's forward, in order; none where it is not known.
  public var stepSummaries: [StepSummary] {
    guard let forward = architecture.forward, let shapes else { return [] }
    let modules = Dictionary(architecture.modules.map { ($0.name, $0) }) { first, _ in first }
    return zip(forward.steps, shapes.steps).map { step, shape in
      var names: [String] = []
      var multiplyAdds = 0
      if case .module(let name) = step.operation, let module = modules[name] {
        names = Self.parameters(of: module).map(\.name)
        multiplyAdds = matrices(of: module, names).reduce(0) { $0 + $1.count }
      } else if case .parameter(let name) = step.operation {
        names = [name]
      }
      let tensors = names.compactMap { archive[$0] }
      return StepSummary(
        name: step.operation.word, inputs: step.inputs, shape: shape,
        parameterCount: tensors.reduce(0) { $0 + $1.count }, byteCount: tensors.reduce(0) { $0 + $1.byteCount },
        multiplyAdds: multiplyAdds)
    }
  }

  /// The tensors that a module multiplies with: an embedding looks up, and a starting state is a number of the model.
  private func matrices(of module: Module, _ names: [String]) -> [Tensor] {
    var names = names
    if case .embedding = module { return [] }
    if case .recurrent(let recurrent) = module { names = recurrent.parameters.map { Self.join(recurrent.name, $0.name.description) } }
    return names.compactMap { archive[$0] }.filter { $0.shape.rank > 1 }
  }
}

extension StepSummary {
  /// `(time, batch, 8)`; `?` for features that nothing tells.
  public func gives(batchFirst: Bool) -> String { shape.text(batchFirst: batchFirst) }

  func json(batchFirst: Bool, _ forward: Forward) -> JSONValue {
    .object([
      .init("name", .string(name)),
      .init("inputs", .array(inputs.map { value in
        switch value {
        case .input(let number): .string(forward.inputs[number].name)
        case .step(let number): .integer(Int64(number))
        }
      })),
      .init("shape", .array(
        shape.axes(batchFirst: batchFirst).map(JSONValue.string) + [shape.features.map { .integer(Int64($0)) } ?? .null])),
      .init("parameters", .integer(Int64(parameterCount))), .init("bytes", .integer(Int64(byteCount))),
      .init("multiply_adds", .integer(Int64(multiplyAdds))),
    ])
  }
}
