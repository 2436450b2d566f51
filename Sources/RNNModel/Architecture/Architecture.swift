/// What a model computes: its modules, and what is computed with them.
///
/// An architecture alone says nothing about weights; `Model` is one whose tensors are there and fit.
public struct Architecture: Sendable, Hashable {
  /// What the model's tensors make, each under its own name: in the order of application where that is known, else in the
  /// file's. Modules that `forward` does not call are carried along.
  public var modules: [Module]
  /// What is computed; nil where neither file nor user says, and tensors alone leave several readings open.
  public var forward: Forward?
  /// Whether inputs and outputs are (batch, time, features) rather than (time, batch, features).
  public var batchFirst: Bool

  public init(modules: [Module], forward: Forward?, batchFirst: Bool = false) {
    self.modules = modules
    self.forward = forward
    self.batchFirst = batchFirst
  }

  /// A chain of all modules, each applied to what the one before it gives.
  public init(modules: [Module], batchFirst: Bool = false) {
    self.init(modules: modules, forward: Forward(chain: modules.map(\.name)), batchFirst: batchFirst)
  }

  /// The module of that name; nil if there is none.
  public subscript(name: String) -> Module? { modules.first { $0.name == name } }

  /// The recurrent modules, in the order of `modules`.
  public var recurrentModules: [Recurrent] {
    modules.compactMap { if case .recurrent(let module) = $0 { module } else { nil } }
  }

  /// The modules that `forward` calls, in its order; all of them without one.
  public var usedModules: [Module] { forward.map { $0.moduleNames.compactMap { self[$0] } } ?? modules }

  /// What each sequence's recurrent module leaves at the end of its run, as a value without a time axis: the last step,
  /// and of a direction that runs backwards the first, which is where it ends. Keras' `return_sequences=False`.
  package static func end(of module: Recurrent, _ value: Forward.Value, in forward: inout Forward) -> Forward.Value {
    if module.direction == .forward { return forward.add(.select(.last), value) }
    let first = (module.numLayers - 1) * module.directionCount
    let states = (0..<module.directionCount).map { forward.add(.state(.hn, first + $0), value) }
    return states.count == 1 ? states[0] : forward.add(.concatenate, of: states)
  }
}
