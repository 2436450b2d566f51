import RNNModel

/// Linear layers, embeddings and PReLU.
extension GraphReader {
  mutating func matMul(_ node: inout OperatorNode) throws(RNNError) {
    guard case .flow(let flow) = try required(node, 0) else {
      throw node.refuse("its first input is no output of a layer")
    }
    guard let constant = try weight(node, 1, "weight"), constant.tensor.shape.rank == 2 else {
      throw node.refuse("its weight is no matrix")
    }
    try linear(node, flow, constant, isTransposed: false, bias: nil)
  }

  mutating func gemm(_ node: inout OperatorNode) throws(RNNError) {
    let transposesInput = try node.flag("transA")
    let isTransposed = try node.flag("transB")
    let (alpha, beta) = (try node.float("alpha") ?? 1, try node.float("beta") ?? 1)
    guard case .flow(let flow) = try required(node, 0) else {
      throw node.refuse("its first input is no output of a layer")
    }
    guard !transposesInput else { throw node.refuse("attribute transA is 1, which RNNKit does not read") }
    guard alpha == 1 else { throw node.refuse("attribute alpha is \(alpha), which RNNKit does not read") }
    guard let constant = try weight(node, 1, "weight"), constant.tensor.shape.rank == 2 else {
      throw node.refuse("its weight is no matrix")
    }
    var bias: Constant?
    if node.input(2) != nil, beta != 0 {
      guard beta == 1 else { throw node.refuse("attribute beta is \(beta), which RNNKit does not read") }
      bias = try weight(node, 2, "bias")
    }
    try linear(node, flow, constant, isTransposed: isTransposed, bias: bias)
  }

  private mutating func linear(
    _ node: OperatorNode, _ flow: Flow, _ constant: Constant, isTransposed: Bool, bias: Constant?
  ) throws(RNNError) {
    try check(constant, flow, node, "weight")
    try spend(isTransposed ? 0 : constant.tensor.byteCount, node)
    guard let weight = isTransposed ? constant.tensor : try constant.tensor.permuted([1, 0]) else {
      throw node.refuse("its weight is too large")
    }
    var flow = flow
    if !flow.isOpaque {
      flow = try settled(flow, node)
      let size = try features(flow, node)
      if let size, size != weight.shape[1] {
        throw node.refuse(
          "its weight takes \(weight.shape[1]) features, the layer before it gives \(size)",
          remedy: OperatorNode.again)
      }
    }
    var link = LinearLink(weight: weight)
    if let bias { link.bias = try vector(bias, weight.shape[0], flow, node) }
    let step = try append(.linear(link), [flow.source], flow.type, name: name(node, [constant, bias]), node)
    set(node, .flow(flow.isOpaque ? .opaque(step: step, type: flow.type) : flow.giving(step, features: weight.shape[0])))
  }

  /// The same layer with a bias, where a flow is what a layer without one gives and the constant can be its bias.
  mutating func biased(_ flow: Flow, by constant: Constant, _ node: OperatorNode) throws(RNNError) -> Flow? {
    guard case .step(let index) = flow.source, case .linear(var link) = steps[index].operation, link.bias == nil,
      constant.type == flow.type, constant.tensor.elementType.isWeight, constant.isPlain,
      constant.tensor.shape.dimensions.last == link.weight.shape[0], constant.tensor.count == link.weight.shape[0],
      flow.isOpaque ? !flow.isMoved : flow.axes.last == [.features(link.weight.shape[0])]
    else { return nil }
    link.bias = try vector(constant, link.weight.shape[0], flow, node)
    var step = steps[index]
    step.operation = .linear(link)
    step.name = name(node, [constant], scope: false) ?? step.name
    var result = flow
    result.source = .step(try append(step, node))
    return result
  }

  /// A weight must be computed in the type of the numbers.
  func check(_ constant: Constant, _ flow: Flow, _ node: OperatorNode, _ role: String) throws(RNNError) {
    guard constant.type == flow.type, constant.tensor.elementType.isWeight else {
      throw node.refuse(
        "its \(role) is \(constant.type.rawValue), its input \(flow.type.rawValue)",
        remedy: "export the model in float32")
    }
  }

  /// A bias: one number for each feature, with axes of size 1 before it at most.
  func vector(_ constant: Constant, _ size: Int, _ flow: Flow, _ node: OperatorNode) throws(RNNError) -> Tensor
  {
    try check(constant, flow, node, "bias")
    let sizes = constant.tensor.shape.dimensions
    guard constant.isPlain, sizes.last ?? 1 == size, sizes.dropLast().allSatisfy({ $0 == 1 }),
      flow.isOpaque || sizes.count <= flow.axes.count, let tensor = Shape([size]).flatMap({ constant.tensor.reshaped($0) })
    else { throw node.refuse("its bias has shape \(constant.tensor.shape), expected (\(size),)") }
    return tensor
  }

  /// The axis of a flow along which a constant of several numbers has them.
  func axis(of constant: Constant, in flow: Flow, _ node: OperatorNode) throws(RNNError) -> Int {
    let sizes = constant.tensor.shape.dimensions, long = sizes.indices.filter { sizes[$0] != 1 }
    guard long.count == 1, constant.isPlain, sizes.count <= flow.axes.count else {
      throw node.refuse("it takes stored numbers of shape \(constant.tensor.shape), which are neither one nor one for each feature")
    }
    return flow.axes.count - sizes.count + long[0]
  }

  mutating func embedding(_ node: OperatorNode, table: GraphValue, indices: Flow, axis: Int) throws(RNNError) {
    guard axis == 0, let constant = try weight(node, 0, "table"), constant.tensor.shape.rank == 2,
      constant.tensor.elementType.isWeight
    else { throw node.refuse("it chooses by the graph's input from something that is no embedding's table") }
    guard case .input = indices.source, indices.selection.isEmpty, indices.type.isInteger, !indices.isWhole else {
      throw node.refuse("its indices are not the graph's input")
    }
    let step = try append(
      .embedding(EmbeddingLink(weight: constant.tensor)), [indices.source], constant.type,
      name: name(node, [constant]), node)
    let axes = indices.axes + [[.features(constant.tensor.shape[1])]]
    set(node, .flow(Flow(step: step, axes: axes, type: constant.type)))
  }

  mutating func prelu(_ node: inout OperatorNode) throws(RNNError) {
    guard case .flow(let flow) = try required(node, 0) else { throw node.refuse("it changes a constant") }
    guard let slope = try weight(node, 1, "slope") else { throw node.refuse("its slope is missing") }
    try check(slope, flow, node, "slope")
    let count = slope.tensor.count
    var settled = try settled(flow, node)
    if count > 1 {
      let axis = try axis(of: slope, in: settled, node)
      let size: Int?
      if axis == settled.axes.count - 1 {
        size = try features(settled, node)
      } else {
        guard axis == 1, settled.axes.count > 2 else { throw node.refuse("its slope has shape \(slope.tensor.shape), which is none of one for each channel") }
        let plane = try plane(settled, dimensions: settled.axes.count - 2, node)
        (settled, size) = (plane.flow, plane.channels)
      }
      guard size == count else {
        throw node.refuse("its slope has shape \(slope.tensor.shape), and what it changes \(size ?? 0) features")
      }
    }
    guard let weight = Shape([count]).flatMap({ slope.tensor.reshaped($0) }) else { throw node.refuse("its slope is too large") }
    let step = try append(.prelu(PReLULink(weight: weight)), [settled.source], flow.type, name: name(node, [slope]), node)
    var result = settled
    result.source = .step(step)
    set(node, .flow(result))
  }

  /// A module's name: that of a tensor called `fc.weight` or `fc.bias`, else what the node's own name says.
  func name(_ node: OperatorNode, _ constants: [Constant?], scope: Bool = true) -> String? {
    for constant in constants {
      guard let name = constant?.name else { continue }
      for suffix in [".weight", ".bias"] where name.hasSuffix(suffix) && name.utf8.count > suffix.utf8.count {
        return String(name.dropLast(suffix.count))
      }
    }
    return scope ? node.scope : nil
  }
}

extension Constant {
  /// The one number that this is, if it is one.
  var number: Double? {
    guard tensor.count == 1, isPlain, tensor.elementType.isWeight else { return nil }
    return tensor.doubles.first
  }
}
