import RNNModel

/// What a run of a whole sequence gives, in the input's layout.
public struct Outputs: Sendable {
  /// The last recurrent layer's h at every step, zero past a sequence's length: (time, batch, features), or
  /// (batch, time, features) where the model is batch-first, or (time, features) for an unbatched input. Nil without a
  /// recurrent module, as all that is not kept is.
  public let output: Tensor?
  /// What the forward gives, under its names, `y` for an only output without one: the same axes, or without time where
  /// there is one value for each sequence. Without an only output that is `output`.
  public let results: [NamedTensor]
  /// The states that the run left, one row for each sequence, at each sequence's last step; no rows where they were not to
  /// be kept.
  public let state: State
  /// The name of the first output.
  private let first: String
  /// Those of the members that were to be kept; nil for all.
  private let names: Set<String>?
  private let keepsState: Bool
  private let isBatched: Bool

  init(
    output: Tensor?, results: [NamedTensor], first: String, state: State, names: Set<String>?, keepsState: Bool,
    isBatched: Bool
  ) {
    self.output = output
    self.results = results
    self.first = first
    self.state = state
    self.names = names
    self.keepsState = keepsState
    self.isBatched = isBatched
  }

  /// What an only output gives, where it is not `output`.
  public var y: Tensor? { results.first { $0.name == "y" }?.tensor }

  /// The first output.
  public var last: Tensor? { results.first { $0.name == first }?.tensor ?? (first == "output" ? output : nil) }

  /// A module's h: (layers·directions, batch, size), without the batch axis where the input has none.
  public func hn(_ module: String) -> Tensor? { keepsState ? state.h(module).flatMap(unbatched) : nil }

  /// An LSTM's c: (layers·directions, batch, hidden), without the batch axis where the input has none.
  public func cn(_ module: String) -> Tensor? { keepsState ? state.c(module).flatMap(unbatched) : nil }

  /// All of it under the names of a reference case's members: `output`, `hn`, `cn`, then what the forward gives; with
  /// several recurrent modules `<module>.hn` and `<module>.cn` for each. An output of the forward that has one of these
  /// names stands for itself alone.
  public var members: [NamedTensor] {
    var result: [NamedTensor] = []
    if let output { result.append(NamedTensor("output", output)) }
    let modules = state.modules
    for module in modules {
      for (suffix, make) in [("hn", hn), ("cn", cn)] {
        let name = Model.join(modules.count == 1 ? "" : module, suffix)
        guard names?.contains(name) ?? true, let tensor = make(module) else { continue }
        result.append(NamedTensor(name, tensor))
      }
    }
    let names = Set(results.map(\.name))
    return result.filter { !names.contains($0.name) } + results
  }

  /// The same, with what the forward gives in front.
  public var resultsFirst: [NamedTensor] {
    let names = Set(results.map(\.name))
    return results + members.filter { !names.contains($0.name) }
  }

  /// The member of that name, without making the others.
  public subscript(member: String) -> Tensor? {
    if let result = results.first(where: { $0.name == member }) { return result.tensor }
    if member == "output" { return output }
    let modules = state.modules, isCell = member.hasSuffix("cn")
    let module = modules.first { Model.join(modules.count == 1 ? "" : $0, isCell ? "cn" : "hn") == member }
    return module.flatMap(isCell ? cn : hn)
  }

  private func unbatched(_ tensor: Tensor) -> Tensor? {
    if isBatched { return tensor }
    return Shape([tensor.shape[0], tensor.shape[2]]).flatMap(tensor.reshaped)
  }
}

/// One layer's outputs in a run, for finding where two runs part.
public struct LayerTrace: Sendable {
  /// The recurrent module's name.
  public let module: String
  /// Counted from 0 within the module.
  public let layer: Int
  /// The step of the sequence that `values` start at.
  public let firstStep: Int
  /// (steps, batch, features) of the plan's precision, whatever the input's layout.
  public let values: Tensor
}
