import RNNModel

/// Steps, and the values that they take.
extension GraphReader {
  /// Appends a step of a node.
  mutating func append(_ step: GraphStep, _ node: OperatorNode) throws(RNNError) -> Int {
    guard steps.count < Limits.maximumStepCount else {
      throw node.refuse("the graph makes more than \(Limits.maximumStepCount) steps")
    }
    steps.append(step)
    return steps.count - 1
  }

  mutating func append(
    _ operation: GraphStep.Operation, _ inputs: [Flow.Source], _ type: ElementType, name: String?, _ node: OperatorNode
  ) throws(RNNError) -> Int {
    let step = GraphStep(operation: operation, inputs: inputs, place: node.place, name: name, type: type)
    return try append(step, node)
  }

  /// A step without tensors; the one that is there already where there is an equal one.
  mutating func plain(
    _ operation: Forward.Operation, _ inputs: [Flow.Source], _ type: ElementType, _ node: OperatorNode
  ) throws(RNNError) -> Flow.Source {
    let key = Forward.Step(operation, inputs.map(\.value))
    if let known = plainSteps[key] { return .step(known) }
    let step = try append(.plain(operation), inputs, type, name: nil, node)
    plainSteps[key] = step
    return .step(step)
  }

  /// A flow of which nothing is left to be chosen: a whole value, its features along one axis.
  mutating func settled(_ flow: Flow, _ node: OperatorNode) throws(RNNError) -> Flow {
    guard !flow.isOpaque else { throw node.refuse("how what it takes is laid out is not known, behind a node that is not understood") }
    guard !flow.isWhole else { throw node.refuse("it computes with whole numbers of the graph's input") }
    var result = flow
    if case .input(let input) = flow.source {
      let last = inputs[input].shape.count - 1
      for (axis, range) in flow.selection.sorted(by: { $0.key < $1.key }) {
        guard axis == last, let place = flow.axes.firstIndex(of: [.input(input, axis: axis)]) else {
          throw node.refuse("it reads a part of the graph's input \(inputs[input].name)")
        }
        featureAxes[.input(input, axis: axis)] = node.place
        result.source = try plain(.slice(range), [result.source], flow.type, node)
        result.axes[place] = [.features(range.count)]
      }
      result.selection = [:]
      return result
    }
    guard !flow.rows.isEmpty else { return try joined(flow, node) }
    let size = flow.rows.reduce(0) { $0 + rowSize($1) }
    for (index, axis) in flow.axes.enumerated() {
      if case .hidden? = axis.last, axis.count == 1 ? flow.rows.count == 1 : axis.first == .rows {
        result.axes[index] = [.features(size)]
      } else if axis.contains(.rows) {
        guard flow.rows.count == 1 else { throw node.refuse("it takes directions or layers apart from their features") }
        result.axes[index] = axis.filter { $0 != .rows }
      }
    }
    result.source = try source(of: flow, node)
    (result.rows, result.moment, result.quantity) = ([], .every, .hn)
    return result
  }

  /// A flow whose channels and positions stand along one axis, in the order of their axes, as a run gives them.
  func gathered(_ flow: Flow) -> Flow {
    guard flow.positions > 1 else { return flow }
    func isFeatures(_ axis: [Flow.Atom]) -> Bool {
      axis.contains { if case .features = $0 { true } else if case .positions = $0 { true } else { false } }
    }
    var result = flow
    result.axes = flow.axes.filter { !isFeatures($0) } + [flow.axes.filter(isFeatures).flatMap { $0 }]
    return result
  }

  /// Channels and positions that were put along one axis, as features in the order that they have there.
  private mutating func joined(_ flow: Flow, _ node: OperatorNode) throws(RNNError) -> Flow {
    var result = flow
    for (index, axis) in flow.axes.enumerated() where axis.count > 1 && axis.allSatisfy({ if case .features = $0 { true } else if case .positions = $0 { true } else { false } }) {
      let parts = axis.filter { extent($0, in: flow) != .known(1) }
      switch (parts.first, parts.last) {
      case (.features?, .positions(let count)?) where parts.count == 2:
        result.source = try plain(.interleave(count), [result.source], flow.type, node)
      case (.positions?, .features?) where parts.count == 2: break
      default: guard parts.count <= 1 else { throw node.refuse("it takes channels and positions in a way that RNNKit does not follow") }
      }
      guard let size = extent(axis, in: flow).value else { continue }
      result.axes[index] = [.features(size)]
    }
    return result
  }

  private func rowSize(_ row: Flow.Row) -> Int { steps[row.step].recurrent?.hiddenSize ?? 0 }

  /// The value that the rows of a flow make, one after the other along the features.
  mutating func source(of flow: Flow, _ node: OperatorNode) throws(RNNError) -> Flow.Source {
    guard !flow.rows.isEmpty else { return try settled(flow, node).source }
    var parts: [Flow.Source] = []
    var rest = flow.rows[...]
    if flow.moment == .final || isLast(flow) {
      for row in rest {
        parts.append(try plain(.state(flow.quantity, row.direction), [.step(row.step)], flow.type, node))
      }
      return parts.count == 1 ? parts[0] : try plain(.concatenate, parts, flow.type, node)
    }
    while let row = rest.first {
      let count = steps[row.step].recurrent?.directions.count ?? 1
      if rest.prefix(count) == (0..<count).map({ Flow.Row(step: row.step, direction: $0) })[...] {
        parts.append(.step(row.step))
        rest = rest.dropFirst(count)
      } else {
        let start = row.direction * rowSize(row)
        parts.append(try plain(.slice(start..<start + rowSize(row)), [.step(row.step)], flow.type, node))
        rest = rest.dropFirst()
      }
    }
    let whole = parts.count == 1 ? parts[0] : try plain(.concatenate, parts, flow.type, node)
    guard case .step(let step) = flow.moment else { return whole }
    return try plain(.select(selection(step)), [whole], flow.type, node)
  }

  /// The step at the end of the time axis is `.at(-1)` until the whole graph is known; see `GraphModules.forward`.
  func selection(_ step: Int) -> Forward.Selection { step == 0 ? .first : .at(step) }

  /// A sequence turned round, within the lengths that a graph input gives.
  mutating func turned(_ flow: Flow, within lengths: Int?, _ node: OperatorNode) throws(RNNError) -> Flow {
    var result = try settled(flow, node)
    result.source = try plain(.flip, [result.source], flow.type, node)
    if case .step(let step) = result.source, turnedWithin.updateValue(lengths, forKey: step).map({ $0 != lengths }) ?? false {
      throw node.refuse("it turns round what is turned round within other lengths too")
    }
    return result
  }

  /// The number of features along the last axis of a settled flow; nil where only the input tells.
  mutating func features(_ flow: Flow, _ node: OperatorNode) throws(RNNError) -> Int? {
    guard let axis = flow.axes.last else { throw node.refuse("what it takes has no axis of features") }
    let apart = flow.axes.dropLast().joined().contains { atom in
      switch atom {
      case .features, .positions: extent(atom, in: flow) != .known(1)
      default: false
      }
    }
    guard !apart else { throw node.refuse("what it takes has features on another axis than the last too") }
    if axis.count > 1, let all = inputFeatures(axis) {
      for atom in all where featureAxes[atom] == nil { featureAxes[atom] = node.place }
      return extent(axis, in: flow).value
    }
    switch axis.first {
    case .positions(let count)? where axis.count == 1: return count
    case .features(let size)? where axis.count == 1: return size
    case .input(let input, let number)? where axis.count == 1:
      let atom = Flow.Atom.input(input, axis: number)
      if featureAxes[atom] == nil { featureAxes[atom] = node.place }
      return extent(atom, in: flow).value
    default: throw node.refuse("the last axis of what it takes is not the whole output of the layer before it")
    }
  }

  /// The axes of one graph input, where an axis is several of them in their order.
  private func inputFeatures(_ axis: [Flow.Atom]) -> [Flow.Atom]? {
    var numbers: [Int] = [], origins = Set<Int>()
    for atom in axis {
      guard case .input(let input, let number) = atom else { return nil }
      origins.insert(input)
      numbers.append(number)
    }
    return origins.count == 1 && numbers == numbers.sorted() ? axis : nil
  }

  /// Whether the step that was chosen is the last that each direction takes, and so its last state.
  func isLast(_ flow: Flow) -> Bool {
    switch flow.moment {
    case .final: return true
    case .every: return false
    case .step(let step):
      return !flow.rows.isEmpty
        && flow.rows.allSatisfy { row in
          guard let link = steps[row.step].recurrent, link.lengths == nil else { return false }
          return step == (link.direction == .reverse || row.direction == 1 ? 0 : -1)
        }
    }
  }
}

extension Flow {
  /// What a step gives that changes the features alone.
  func giving(_ step: Int, features: Int) -> Flow {
    var result = self
    result.source = .step(step)
    result.axes[axes.count - 1] = [.features(features)]
    return result
  }
}

extension Flow.Source {
  /// As a forward has it, of graph inputs and steps.
  var value: Forward.Value {
    switch self {
    case .input(let index): .input(index)
    case .step(let index): .step(index)
    }
  }
}
