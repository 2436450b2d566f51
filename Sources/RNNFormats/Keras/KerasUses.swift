import RNNModel

/// What takes the values of a forward's steps, and which steps Keras has as one layer.
struct KerasUses {
  let forward: Forward
  private var users: [[Int]]
  private var isOutput: [Bool]

  init(_ forward: Forward) {
    self.forward = forward
    users = Array(repeating: [], count: forward.steps.count)
    isOutput = Array(repeating: false, count: forward.steps.count)
    for (index, step) in forward.steps.enumerated() {
      for case .step(let taken) in Set(step.inputs) { users[taken].append(index) }
    }
    for case .step(let index) in forward.outputs.map(\.value) { isOutput[index] = true }
  }

  /// Whether anything takes it.
  func isRead(_ step: Int) -> Bool { isOutput[step] || !users[step].isEmpty }

  func calls(_ module: String) -> Int { forward.steps.count { $0.operation == .module(module) } }

  /// The step that is all that takes a value.
  func only(_ step: Int) -> Int? { !isOutput[step] && users[step].count == 1 ? users[step][0] : nil }

  /// The one number of a constant.
  private func number(_ value: Forward.Value) -> Double? {
    guard case .step(let index) = value, case .constant(let values) = forward.steps[index].operation, values.count == 1 else {
      return nil
    }
    return values[0]
  }

  // MARK: Arithmetic

  /// The values of which a division gives the average; nil for another step.
  func averaged(_ step: Int) -> [Forward.Value]? {
    guard forward.steps[step].operation == .arithmetic(.divide), let count = number(forward.steps[step].inputs[1]),
      count >= 2, case .step(var sum) = forward.steps[step].inputs[0]
    else { return nil }
    var terms: [Forward.Value] = []
    while forward.steps[sum].operation == .arithmetic(.add), only(sum) != nil, Double(terms.count + 2) <= count {
      let inputs = forward.steps[sum].inputs
      terms.insert(inputs[1], at: 0)
      if Double(terms.count + 1) == count { return [inputs[0]] + terms }
      guard case .step(let next) = inputs[0] else { return nil }
      sum = next
    }
    return nil
  }

  /// Whether a sum is part of an average alone.
  func isInsideAverage(_ step: Int) -> Bool {
    var step = step
    while let user = only(step) {
      if let terms = averaged(user) { return !terms.contains(.step(step)) }
      guard forward.steps[user].operation == .arithmetic(.add) else { return false }
      step = user
    }
    return false
  }

  /// A value and the number that it is multiplied by, or that is added to it.
  func scaled(_ step: Int) -> (value: Forward.Value, number: Double)? {
    let inputs = forward.steps[step].inputs
    guard [.arithmetic(.multiply), .arithmetic(.add)].contains(forward.steps[step].operation) else { return nil }
    if let number = number(inputs[1]), number.isFinite { return (inputs[0], number) }
    if let number = number(inputs[0]), number.isFinite { return (inputs[1], number) }
    return nil
  }

  // MARK: Recurrent layers

  /// How a recurrent module's layers are called in Keras.
  struct Run {
    var returnsSequence = true
    var mergeMode = "concat"
    /// The layers of the stack that give their states.
    var statesOf = Set<Int>()
    /// Which tensor of which layer a step's value is.
    var tensors: [Int: (layer: Int, number: Int)] = [:]
  }

  func run(_ module: Recurrent, at step: Int) throws(RNNError) -> Run {
    let last = module.numLayers - 1
    var run = Run()
    run.tensors[step] = (last, 0)
    if module.direction == .bidirectional, let merged = merged(module, at: step) { return merged }
    guard module.direction != .reverse || module.numLayers == 1 else {
      throw KerasOutline.refuse(module.name, "layers that run backwards on what others gave")
    }
    /// Steps that take what Keras' layer gives at its end, or its output turned round.
    let isWhole: (Int) -> Bool = { user in
      switch (forward.steps[user].operation, module.direction) {
      case (.state, _), (.select(.last), .forward): false
      default: true
      }
    }
    let whole = users[step].filter(isWhole)
    run.returnsSequence = isOutput[step] || !whole.isEmpty
    if module.direction == .reverse, run.returnsSequence {
      guard !isOutput[step], whole.allSatisfy({ forward.steps[$0].operation == .flip }) else {
        throw KerasOutline.refuse(module.name, "a layer that runs backwards and gives every step in time order")
      }
      run.tensors[step] = nil
      for user in whole { run.tensors[user] = (last, 0) }
    }
    for user in users[step] {
      switch (forward.steps[user].operation, module.direction) {
      case (.select(.last), .forward):
        // The state of a layer that runs forward is its last step.
        run.tensors[user] = (last, run.returnsSequence ? 1 : 0)
        if run.returnsSequence { run.statesOf.insert(last) }
      case (.state(let kind, let index), _):
        let (layer, direction) = (index / module.directionCount, index % module.directionCount)
        if layer == last, kind == .hn, module.direction == .reverse, !run.returnsSequence {
          run.tensors[user] = (last, 0)
        } else {
          let size = module.cell == .lstm ? 2 : 1
          run.tensors[user] = (layer, 1 + direction * size + (kind == .cn ? 1 : 0))
          run.statesOf.insert(layer)
        }
      default: break
      }
    }
    return run
  }

  /// A Bidirectional whose two directions alone are used, one with the other.
  private func merged(_ module: Recurrent, at step: Int) -> Run? {
    guard !isOutput[step], users[step].count == 2 else { return nil }
    let (first, size) = ((module.numLayers - 1) * 2, module.stateSize)
    func find(_ operation: Forward.Operation) -> Int? { users[step].first { forward.steps[$0].operation == operation } }
    var run = Run()
    let halves: [Int]
    if let forward = find(.state(.hn, first)), let backward = find(.state(.hn, first + 1)) {
      (halves, run.returnsSequence) = ([forward, backward], false)
    } else if let forward = find(.slice(0..<size)), let backward = find(.slice(size..<(2 * size))) {
      halves = [forward, backward]
    } else {
      return nil
    }
    guard let join = only(halves[0]), only(halves[1]) == join, forward.steps[join].inputs == halves.map({ .step($0) }) else {
      return nil
    }
    var end = join
    switch forward.steps[join].operation {
    case .concatenate: run.mergeMode = "concat"
    case .arithmetic(.multiply): run.mergeMode = "mul"
    case .arithmetic(.add):
      run.mergeMode = "sum"
      if let division = only(join), averaged(division) == halves.map({ .step($0) }) { (run.mergeMode, end) = ("ave", division) }
    default: return nil
    }
    for passed in [step] + halves + [join, end] { run.tensors[passed] = (module.numLayers - 1, 0) }
    return run
  }
}

extension Forward {
  /// What an error calls a step.
  func operationWord(_ step: Int) -> String { steps[step].operation.word }
}
