import RNNModel

/// Operators on sizes and on constants that are repeated to a size.
extension GraphReader {
  mutating func constantOfShape(_ node: inout OperatorNode) throws(RNNError) {
    let proto = try node.tensor("value")
    guard let shape = try sizes(node, 0) else { throw node.refuse("it has no shape", remedy: OperatorNode.again) }
    let value: Tensor?
    if let proto {
      let constant = try constant(proto, node)
      value = constant.tensor.count == 1 ? constant.tensor : nil
    } else {
      value = Shape([]).flatMap { Tensor([Float(0)], $0) }
    }
    guard let tensor = value.flatMap({ value in Shape(shape.map { _ in 1 }).flatMap { value.reshaped($0) } }) else {
      throw node.refuse("its value is not one number", remedy: OperatorNode.again)
    }
    if tensor.elementType.isInteger, shape.count == 1, let count = shape[0].value,
      (0...Limits.maximumRank).contains(count)
    {
      set(node, .extents(Array(repeating: .known(tensor.exactIntegers[0]), count: count), isScalar: false))
    } else {
      set(node, .constant(Constant(tensor, shape: shape, type: tensor.elementType, name: nil)))
    }
  }

  mutating func expand(_ node: inout OperatorNode) throws(RNNError) {
    guard let target = try sizes(node, 1) else {
      throw node.refuse("it has no shape", remedy: OperatorNode.again)
    }
    switch try required(node, 0) {
    case .constant(let constant):
      let rank = max(target.count, constant.shape.count)
      func aligned(_ sizes: [Extent]) -> [Extent] { Array(repeating: .known(1), count: rank - sizes.count) + sizes }
      let (old, new) = (aligned(constant.shape), aligned(target))
      var shape: [Extent] = []
      for axis in 0..<rank {
        guard old[axis] == .known(1) || new[axis] == .known(1) || old[axis] == new[axis] else {
          throw node.refuse("it repeats an axis of size \(old[axis].value ?? 0)")
        }
        shape.append(old[axis] == .known(1) ? new[axis] : old[axis])
      }
      let sizes = Array(repeating: 1, count: rank - constant.shape.count) + constant.tensor.shape.dimensions
      guard let tensor = Shape(sizes).flatMap({ constant.tensor.reshaped($0) }) else {
        throw node.refuse("its shape has too many axes")
      }
      set(node, .constant(Constant(tensor, shape: shape, type: constant.type, name: constant.name)))
    case .extents(let extents, _):
      guard extents.count == 1, target.count == 1 else { throw node.refuse("it repeats several sizes") }
      set(node, .uniform(extents[0]))
    case .uniform, .missing: throw node.refuse("it repeats sizes twice")
    case .flow(let flow):
      // Lengths or a state that is given once for all sequences.
      guard case .input = flow.source, target.count == flow.axes.count,
        zip(flow.axes, target).allSatisfy({ extent($0, in: flow) == $1 || extent($0, in: flow).value ?? 1 == 1 })
      else { throw node.refuse("it repeats numbers") }
      set(node, .flow(flow))
    }
  }

  /// The smaller of two: sequence lengths and the number of steps.
  mutating func minimum(_ node: inout OperatorNode) throws(RNNError) {
    let (first, second) = (try required(node, 0), try required(node, 1))
    guard node.proto.input.count == 2 else { throw node.refuse("RNNKit follows it for two inputs only") }
    func single(_ value: GraphValue) -> Extent? {
      switch value {
      case .extents(let extents, _): extents.count == 1 ? extents[0] : nil
      case .constant(let constant): constant.integers.flatMap { $0.count == 1 ? .known($0[0]) : nil }
      case .uniform(let extent): extent
      case .flow, .missing: nil
      }
    }
    func isAll(_ value: GraphValue) -> Bool {
      guard case .constant(let constant) = value, constant.tensor.elementType.isInteger else { return false }
      return constant.tensor.exactIntegers.allSatisfy { $0 >= Int(Int32.max) }
    }
    for (value, other) in [(first, second), (second, first)] {
      if isAll(value), let extent = single(other) {
        set(node, .uniform(extent))
        return
      }
      if case .flow(let flow) = value, flow.untouchedInput != nil, flow.type.isInteger, flow.axes.count == 1,
        single(other) != nil
      {
        set(node, value)
        return
      }
    }
    throw node.refuse("RNNKit follows it only between lengths and the number of steps")
  }

  mutating func equal(_ node: inout OperatorNode) throws(RNNError) {
    let (first, second) = (try sizes(node, 0) ?? [], try sizes(node, 1) ?? [])
    let count = max(first.count, second.count)
    guard [1, count].contains(first.count), [1, count].contains(second.count) else {
      throw node.refuse("its inputs differ in size", remedy: OperatorNode.again)
    }
    var result: [Extent] = []
    for index in 0..<count {
      let (a, b) = (first[first.count == 1 ? 0 : index], second[second.count == 1 ? 0 : index])
      // A size that only the input tells is at least no negative number.
      let isNever = (a.value ?? 0) < 0 && b.value == nil || (b.value ?? 0) < 0 && a.value == nil
      guard a != .unknown, b != .unknown, a == b || isNever || (a.value != nil && b.value != nil) else {
        throw node.refuse("what it gives depends on the size of the graph's input")
      }
      result.append(.known(a == b ? 1 : 0))
    }
    set(node, .extents(result, isScalar: false))
  }

  mutating func choose(_ node: inout OperatorNode) throws(RNNError) {
    // Between indices, where a comparison has told.
    if case .extents(let condition, _) = try required(node, 0), condition.count == 1, let value = condition[0].value,
      case .flow(let flow) = try required(node, value != 0 ? 1 : 2), flow.untouchedInput != nil, flow.type.isInteger, !flow.isWhole
    {
      return set(node, .flow(flow))
    }
    guard let condition = try integers(node, 0), let first = try sizes(node, 1), let second = try sizes(node, 2),
      [1, condition.count].contains(first.count), [1, condition.count].contains(second.count)
    else { throw node.refuse("RNNKit follows it for sizes only") }
    let result = condition.indices.map { index in
      condition[index] != 0 ? first[first.count == 1 ? 0 : index] : second[second.count == 1 ? 0 : index]
    }
    set(node, .extents(result, isScalar: false))
  }
}
