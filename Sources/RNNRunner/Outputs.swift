import RNNModel

/// What a run of a whole sequence gives, in the input's layout.
public struct Outputs: Sendable {
  /// The last recurrent layer's h at every step, zero past a sequence's length: (time, batch, features), or
  /// (batch, time, features) where the model is batch-first, or (time, features) for an unbatched input. Nil for a
  /// chain without a recurrent module.
  public let output: Tensor?
  /// What the chain ends in, where that is not `output`: the same axes, or without time where the chain ends in the
  /// last step alone.
  public let y: Tensor?
  /// The states that the run left, one row for each sequence, at each sequence's last step.
  public let state: State
  private let isBatched: Bool

  init(output: Tensor?, y: Tensor?, state: State, isBatched: Bool) {
    self.output = output
    self.y = y
    self.state = state
    self.isBatched = isBatched
  }

  /// What the chain ends in.
  public var last: Tensor? { y ?? output }

  /// A module's h: (layers·directions, batch, size), without the batch axis where the input has none.
  public func hn(_ module: String) -> Tensor? { state.h(module).flatMap(unbatched) }

  /// An LSTM's c: (layers·directions, batch, hidden), without the batch axis where the input has none.
  public func cn(_ module: String) -> Tensor? { state.c(module).flatMap(unbatched) }

  /// All of it under the names of a reference case's members: `output`, `hn`, `cn`, `y`; with several recurrent modules
  /// `<module>.hn` and `<module>.cn` for each.
  public var members: [NamedTensor] {
    var result: [NamedTensor] = []
    if let output { result.append(NamedTensor("output", output)) }
    let modules = state.modules
    for module in modules {
      let prefix = modules.count == 1 ? "" : module
      if let tensor = hn(module) { result.append(NamedTensor(Model.join(prefix, "hn"), tensor)) }
      if let tensor = cn(module) { result.append(NamedTensor(Model.join(prefix, "cn"), tensor)) }
    }
    if let y { result.append(NamedTensor("y", y)) }
    return result
  }

  private func unbatched(_ tensor: Tensor) -> Tensor? {
    if isBatched { return tensor }
    return Shape([tensor.shape[0], tensor.shape[2]]).flatMap(tensor.reshaped)
  }
}

/// One layer's outputs in a run, for finding where two runs part.
public struct LayerTrace: Sendable {
  public let module: String
  /// Counted from 0 within the module.
  public let layer: Int
  /// The step of the sequence that `values` start at.
  public let firstStep: Int
  /// (steps, batch, features) of the plan's precision, whatever the input's layout.
  public let values: Tensor
}
