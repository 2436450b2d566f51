extension Architecture {
  /// What modules compute by themselves, each applied to what the one before it gives: with what follows each of them in
  /// the forward and belongs to it alone, as an activation does, and the last step where that is all it passes on.
  ///
  /// The forward itself where the names are those of its modules, in their order. Throws `usage` for a name that is none.
  public func part(_ names: [String]) throws(RNNError) -> Forward {
    for name in names where self[name] == nil {
      throw RNNError(.usage, place: "module \(name)", "the model has no module of this name",
        remedy: "use one of \(modules.map(\.name).listed())")
    }
    if let forward, names == forward.moduleNames { return forward }
    var part = Forward()
    var value = Forward.Value.input(0)
    for name in names {
      value = part.add(.module(name), value)
      guard let forward, let step = forward.steps.firstIndex(where: { $0.operation == .module(name) }) else { continue }
      value = forward.followed(from: step, value, in: &part)
    }
    part.outputs = [Output(value)]
    return part
  }

  private typealias Output = Forward.Output
}

extension Forward {
  /// Appends to another forward what is done with a step's value until it meets another value or module.
  fileprivate func followed(from step: Int, _ start: Value, in part: inout Forward) -> Value {
    var (at, value) = (step, start)
    while let next = next(after: at) {
      switch next {
      case .one(let step):
        value = part.add(steps[step].operation, value)
        at = step
      case .joinedStates(let states, let join):
        let ends = states.map { part.add(steps[$0].operation, value) }
        value = part.add(.concatenate, of: ends)
        at = join
      }
    }
    return value
  }

  private enum Next {
    case one(Int)
    case joinedStates([Int], Int)
  }

  private func next(after step: Int) -> Next? {
    guard !outputs.contains(where: { $0.value == .step(step) }) else { return nil }
    let users = steps.indices.filter { steps[$0].inputs.contains(.step(step)) }
    if users.count == 1, steps[users[0]].inputs == [.step(step)] {
      switch steps[users[0]].operation {
      case .activation, .select, .state, .nothing, .flip, .overTime, .window, .across, .interleave: return .one(users[0])
      default: return nil
      }
    }
    guard users.count > 1, users.allSatisfy({ if case .state = steps[$0].operation { true } else { false } }) else { return nil }
    let states = users.map { Value.step($0) }
    guard !outputs.contains(where: { states.contains($0.value) }) else { return nil }
    let joins = steps.indices.filter { steps[$0].operation == .concatenate && Set(steps[$0].inputs) == Set(states) }
    guard joins.count == 1, let join = joins.first, steps.indices.allSatisfy({ other in
      other == join || Set(steps[other].inputs).isDisjoint(with: states)
    }) else { return nil }
    let order = steps[join].inputs.compactMap { if case .step(let index) = $0 { index } else { nil } }
    return .joinedStates(order, join)
  }
}
