import RNNModel

/// Operators that change the axes of a value and none of its numbers.
extension GraphReader {
  mutating func shape(_ node: inout OperatorNode) throws(RNNError) {
    let extents: [Extent]
    switch try required(node, 0) {
    case .constant(let constant): extents = constant.shape
    case .extents(let values, let isScalar): extents = isScalar ? [] : [.known(values.count)]
    case .missing(let reason): throw reason
    case .uniform: extents = [.unknown]
    case .flow(let flow): extents = flow.axes.map { extent($0, in: flow) }
    }
    func bound(_ value: Int) -> Int { min(max(value < 0 ? value + extents.count : value, 0), extents.count) }
    let start = bound(try node.integer("start") ?? 0)
    let end = bound(try node.integer("end") ?? extents.count)
    set(node, .extents(Array(extents[start..<max(start, end)]), isScalar: false))
  }

  mutating func transpose(_ node: inout OperatorNode) throws(RNNError) {
    let input = try required(node, 0)
    let rank: Int
    switch input {
    case .constant(let constant): rank = constant.shape.count
    case .flow(let flow): rank = flow.axes.count
    case .extents(_, let isScalar): rank = isScalar ? 0 : 1
    case .uniform, .missing: rank = 1
    }
    let order = try node.integers("perm") ?? (0..<rank).reversed()
    guard order.sorted() == Array(0..<rank) else {
      throw node.refuse("perm \(order) is no order of \(rank) axes", remedy: OperatorNode.again)
    }
    switch input {
    case .constant(let constant):
      try spend(constant.tensor.byteCount, node)
      guard let tensor = try constant.tensor.permuted(order) else { throw node.refuse("its constant is too large") }
      set(
        node,
        .constant(Constant(tensor, shape: order.map { constant.shape[$0] }, type: constant.type, name: constant.name)))
    case .flow(var flow):
      flow.axes = order.map { flow.axes[$0] }
      set(node, .flow(flow))
    case .extents, .uniform, .missing: set(node, input)
    }
  }

  /// The axes that Squeeze or Unsqueeze names: an attribute before operator set 13, an input since.
  private mutating func axes(_ node: inout OperatorNode) throws(RNNError) -> [Int]? {
    if let axes = try node.integers("axes") { return axes }
    return try integers(node, 1)
  }

  mutating func squeeze(_ node: inout OperatorNode) throws(RNNError) {
    let named = try axes(&node)
    func axesToDrop(_ extents: [Extent]) throws(RNNError) -> Set<Int> {
      var result: Set<Int> = []
      guard let named else {
        guard extents.allSatisfy({ $0.value != nil }) else {
          throw node.refuse(
            "it names no axes, and which have size 1 depends on the graph's input",
            remedy: "export the model with the axes named")
        }
        return Set(extents.indices.filter { extents[$0] == .known(1) })
      }
      for value in named {
        let axis = try axis(value, of: extents.count, node)
        guard extents[axis] == .known(1) || extents[axis].value == nil else {
          throw node.refuse(
            "axis \(value) has size \(extents[axis].value ?? 0), expected 1", remedy: OperatorNode.again)
        }
        result.insert(axis)
      }
      return result
    }
    switch try required(node, 0) {
    case .constant(let constant):
      let drop = try axesToDrop(constant.shape)
      set(
        node,
        .constant(
          try reshaped(constant, constant.shape.indices.filter { !drop.contains($0) }.map { constant.shape[$0] }, node))
      )
    case .flow(var flow):
      let drop = try axesToDrop(flow.axes.map { extent($0, in: flow) })
      for axis in drop where extent(flow.axes[axis], in: flow).value == nil {
        throw node.refuse(
          "it drops axis \(axis), whose size the graph's input tells",
          remedy: "export the model with that size fixed to 1")
      }
      flow.axes = flow.axes.indices.filter { !drop.contains($0) }.map { flow.axes[$0] }
      set(node, .flow(flow))
    case .extents(let extents, let isScalar):
      guard isScalar || extents.count == 1 else {
        throw node.refuse("its input has \(extents.count) elements, expected 1")
      }
      set(node, .extents(extents, isScalar: true))
    case .uniform, .missing: throw node.refuse("its input's size depends on the graph's input")
    }
  }

  mutating func unsqueeze(_ node: inout OperatorNode) throws(RNNError) {
    guard let named = try axes(&node) else { throw node.refuse("it names no axes", remedy: OperatorNode.again) }
    func inserted<Element>(_ old: [Element], _ new: Element) throws(RNNError) -> [Element] {
      guard named.count <= Limits.maximumRank - min(old.count, Limits.maximumRank) else {
        throw node.refuse("it makes more than \(Limits.maximumRank) axes")
      }
      var places: Set<Int> = []
      for value in named { places.insert(try axis(value, of: old.count + named.count, node)) }
      guard places.count == named.count else {
        throw node.refuse("it names an axis twice", remedy: OperatorNode.again)
      }
      var rest = old[...]
      return (0..<old.count + named.count).compactMap { places.contains($0) ? new : rest.popFirst() }
    }
    switch try required(node, 0) {
    case .constant(let constant):
      set(node, .constant(try reshaped(constant, try inserted(constant.shape, .known(1)), node)))
    case .flow(var flow):
      flow.axes = try inserted(flow.axes, [])
      set(node, .flow(flow))
    case .extents(let extents, let isScalar):
      guard isScalar, named == [0] || named == [-1] else { throw node.refuse("it gives sizes more than one axis") }
      set(node, .extents(extents, isScalar: false))
    case .uniform, .missing: throw node.refuse("its input's size depends on the graph's input")
    }
  }

  /// A constant under another shape.
  private func reshaped(_ constant: Constant, _ shape: [Extent], _ node: OperatorNode) throws(RNNError) -> Constant {
    let sizes: [Int]
    if constant.isPlain {
      sizes = shape.compactMap(\.value)
    } else if constant.tensor.count == 1 {
      sizes = shape.map { _ in 1 }
    } else {
      // Only axes of size 1 come or go.
      var rest = zip(constant.tensor.shape.dimensions, constant.shape).filter { $0.1 != .known(1) }[...]
      sizes = shape.map { $0 == .known(1) ? 1 : rest.popFirst()?.0 ?? 1 }
    }
    guard sizes.count == shape.count else { throw node.refuse("it gives a constant a size that the graph's input tells") }
    guard let tensor = Shape(sizes).flatMap({ constant.tensor.reshaped($0) }) else {
      throw node.refuse(
        "it reshapes \(constant.tensor.shape) into something that does not fit", remedy: OperatorNode.again)
    }
    return Constant(tensor, shape: shape, type: constant.type, name: constant.name)
  }

  mutating func reshape(_ node: inout OperatorNode) throws(RNNError) {
    let target = try sizes(node, 1)
    guard let target else { throw node.refuse("it has no shape", remedy: OperatorNode.again) }
    let copiesZero = !(try node.flag("allowzero"))
    guard target.count(where: { $0 == .known(-1) }) <= 1 else {
      throw node.refuse("its shape has -1 twice", remedy: OperatorNode.again)
    }
    func size(_ axis: Int, _ old: [Extent]) throws(RNNError) -> Extent {
      guard target[axis] == .known(0), copiesZero else { return target[axis] }
      guard axis < old.count else {
        throw node.refuse("its shape has 0 where there is no axis", remedy: OperatorNode.again)
      }
      return old[axis]
    }
    switch try required(node, 0) {
    case .constant(let constant):
      var shape: [Extent] = []
      for axis in target.indices { shape.append(try size(axis, constant.shape)) }
      if let open = shape.firstIndex(of: .known(-1)) {
        let others = shape.enumerated().filter { $0.offset != open }.map(\.element)
        guard constant.isPlain, let rest = others.reduce(.known(1), *).value, rest > 0 else {
          throw node.refuse("its -1 is of a constant that is repeated, or of sizes that the graph's input tells")
        }
        guard constant.tensor.count % rest == 0 else { throw node.refuse("its -1 fits no size", remedy: OperatorNode.again) }
        shape[open] = .known(constant.tensor.count / rest)
      }
      set(node, .constant(try reshaped(constant, shape, node)))
    case .flow(var flow):
      let old = flow.axes.map { extent($0, in: flow) }
      var shape: [Extent] = []
      for axis in target.indices { shape.append(try size(axis, old)) }
      flow.axes = try regrouped(flow, shape, node)
      set(node, .flow(flow))
    case .extents(let extents, _):
      guard target.count <= 1 else { throw node.refuse("it gives sizes more than one axis") }
      set(node, .extents(extents, isScalar: target.isEmpty))
    case .uniform, .missing: throw node.refuse("its input's size depends on the graph's input")
    }
  }

  /// Deals the parts of the axes out to new axes of these sizes, in order; -1 takes what is left.
  private func regrouped(_ flow: Flow, _ shape: [Extent], _ node: OperatorNode) throws(RNNError) -> [[Flow.Atom]] {
    var rest = flow.axes.flatMap { $0 }[...]
    func refuse() -> RNNError {
      node.refuse("it divides the axes in a way that RNNKit does not follow")
    }
    func isOne(_ atom: Flow.Atom) -> Bool { extent(atom, in: flow) == .known(1) }
    /// Takes parts from one end until their product is the size. Parts of size 1 of which there are more than axes of size 1 that
    /// follow each other, `ones` with this one, go together.
    func take(_ size: Extent, fromEnd: Bool, ones: Int) throws(RNNError) -> [Flow.Atom] {
      var parts: [Flow.Atom] = []
      var product = Extent.known(1)
      func next() -> Flow.Atom? { fromEnd ? rest.last : rest.first }
      func add() {
        guard let atom = fromEnd ? rest.popLast() : rest.popFirst() else { return }
        if fromEnd { parts.insert(atom, at: 0) } else { parts.append(atom) }
        product = product * extent(atom, in: flow)
      }
      if size == .known(1) {
        let run = fromEnd ? rest.reversed().prefix(while: isOne).count : rest.prefix(while: isOne).count
        for _ in 0..<min(run, max(1, run - ones + 1)) { add() }
        return parts
      }
      guard size != .unknown else { throw refuse() }
      while product != size, next() != nil {
        add()
        if let product = product.value, let size = size.value, product > size { throw refuse() }
      }
      guard product == size else { throw refuse() }
      return parts
    }
    // One size that is not understood is what is left, as -1 is.
    let open = shape.firstIndex(of: .known(-1)) ?? (shape.count { $0 == .unknown } == 1 ? shape.firstIndex(of: .unknown) : nil) ?? shape.count
    var axes: [[Flow.Atom]] = []
    for index in 0..<open {
      axes.append(try take(shape[index], fromEnd: false, ones: shape[index..<open].prefix { $0 == .known(1) }.count))
    }
    if open < shape.count {
      var last: [[Flow.Atom]] = []
      for index in (open + 1..<shape.count).reversed() {
        let ones = shape[(open + 1)...index].reversed().prefix { $0 == .known(1) }.count
        last.insert(try take(shape[index], fromEnd: true, ones: ones), at: 0)
      }
      // What has size 1 is nothing beside others.
      let others = rest.filter { !isOne($0) }
      axes.append(others.isEmpty ? Array(rest) : others)
      return axes + last
    }
    // Parts of size 1 that no axis needed.
    guard rest.allSatisfy({ extent($0, in: flow) == .known(1) }), rest.isEmpty || !axes.isEmpty else { throw refuse() }
    if !rest.isEmpty { axes[axes.count - 1] += rest }
    return axes
  }

  mutating func flatten(_ node: inout OperatorNode) throws(RNNError) {
    let split = try node.integer("axis") ?? 1
    guard case .flow(var flow) = try required(node, 0) else { throw node.refuse("it flattens a constant") }
    let axis = split == flow.axes.count ? split : try axis(split, of: flow.axes.count, node)
    flow.axes = [flow.axes[..<axis].flatMap { $0 }, flow.axes[axis...].flatMap { $0 }]
    set(node, .flow(flow))
  }
}
