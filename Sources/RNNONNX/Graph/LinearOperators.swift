import RNNModel

/// Linear layers, embeddings, and the functions after them.
extension GraphReader {
  /// Begins a link that reads a flow.
  mutating func append(_ module: ChainLink.Module, reading flow: Flow, name: String?, _ node: OperatorNode)
    throws(RNNError) -> Int
  {
    use(flow, node.place)
    try checkSource(flow, node)
    guard links.count < Limits.maximumLayerCount else {
      throw node.refuse("the chain has more than \(Limits.maximumLayerCount) layers")
    }
    links.append(
      ChainLink(
        module: module, place: node.place, name: name, source: flow.source, sourceMoment: flow.moment,
        type: flow.type))
    return links.count - 1
  }

  /// Checks that a flow is what the chain gives so far.
  func checkSource(_ flow: Flow, _ node: OperatorNode) throws(RNNError) {
    guard flow.quantity == .hidden else { throw node.refuse("it reads an LSTM's cell state") }
    switch flow.source {
    case .input(let input):
      guard links.isEmpty else {
        throw node.refuse("it reads the graph's input \(inputs[input].name) beside another node: the graph is no chain")
      }
      guard flow.selection.isEmpty else {
        throw node.refuse("it reads a part of the graph's input \(inputs[input].name)")
      }
    case .link(let link):
      guard link == links.count - 1 else {
        throw node.refuse(
          "it reads what \(links[link].place) gives, as \(links[link + 1].place) does: the graph is no chain")
      }
      guard links[link].gain == nil, links[link].skip == nil else {
        throw node.refuse("it follows a sum or product that RNNKit knows at the end of a chain only")
      }
    }
    guard flow.moment == .every || isLast(flow) else {
      throw node.refuse("it reads one step of the output, which is not the last state of every direction and sequence")
    }
  }

  private func directions(_ flow: Flow) -> Int {
    if case .link(let link) = flow.source { links[link].directions } else { 1 }
  }

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
    guard let axis = flow.axes.last, flow.isWhole(axis, directions: directions(flow)) else {
      throw node.refuse("what it multiplies is not the whole output of the layer before it")
    }
    try check(constant, flow, node, "weight")
    try spend(isTransposed ? 0 : constant.tensor.byteCount, node)
    guard let weight = isTransposed ? constant.tensor : try constant.tensor.permuted([1, 0]) else {
      throw node.refuse("its weight is too large")
    }
    if let size = extent(axis, in: flow).value, size != weight.shape[1] {
      throw node.refuse(
        "its weight takes \(weight.shape[1]) features, the layer before it gives \(size)",
        remedy: "export the model again")
    }
    var link = LinearLink(weight: weight)
    if let bias { link.bias = try vector(bias, weight.shape[0], flow, node) }
    let index = try append(.linear(link), reading: flow, name: name(node, [constant, bias]), node)
    var result = Flow(link: index, axes: flow.axes, type: flow.type)
    result.moment = flow.moment
    result.axes[flow.axes.count - 1] = [.features(weight.shape[0])]
    // One step: the rows that stood beside the features are in them now.
    result.axes = result.axes.map { $0.filter { $0 != .rows } }
    set(node, .flow(result))
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
  private func vector(_ constant: Constant, _ size: Int, _ flow: Flow, _ node: OperatorNode) throws(RNNError) -> Tensor
  {
    try check(constant, flow, node, "bias")
    let sizes = constant.tensor.shape.dimensions
    guard constant.isPlain, sizes.last == size, sizes.dropLast().allSatisfy({ $0 == 1 }),
      sizes.count <= flow.axes.count, let tensor = Shape([size]).flatMap({ constant.tensor.reshaped($0) })
    else { throw node.refuse("its bias has shape \(constant.tensor.shape), expected (\(size),)") }
    return tensor
  }

  mutating func embedding(_ node: OperatorNode, table: GraphValue, indices: Flow, axis: Int) throws(RNNError) {
    guard axis == 0, let constant = try weight(node, 0, "table"), constant.tensor.shape.rank == 2,
      constant.tensor.elementType.isWeight
    else { throw node.refuse("it chooses by the graph's input from something that is no embedding's table") }
    guard case .input = indices.source, indices.type.isInteger else {
      throw node.refuse("its indices are not the graph's input")
    }
    let index = try append(
      .embedding(EmbeddingLink(weight: constant.tensor)), reading: indices, name: name(node, [constant]), node)
    let axes = indices.axes + [[.features(constant.tensor.shape[1])]]
    set(node, .flow(Flow(link: index, axes: axes, type: constant.type)))
  }

  /// The link whose output a flow is, if a function applied to the flow is one applied to the link.
  private func open(_ flow: Flow, _ node: OperatorNode) throws(RNNError) -> Int {
    guard case .link(let index) = flow.source, flow.version == links[index].version, flow.quantity == .hidden else {
      throw node.refuse("it changes numbers that something else has read before")
    }
    return index
  }

  private mutating func set(_ node: OperatorNode, _ flow: Flow, after index: Int) {
    var flow = flow
    links[index].version += 1
    flow.version = links[index].version
    set(node, .flow(flow))
  }

  mutating func activation(_ node: inout OperatorNode) throws(RNNError) {
    guard case .flow(let flow) = try required(node, 0) else { throw node.refuse("it changes a constant") }
    let (alpha, beta) = (try node.float("alpha"), try node.float("beta"))
    guard
      let activation = ActivationName.activation(node.kind, alpha: alpha, beta: beta, isDouble: flow.type == .float64)
    else {
      throw node.refuse("its alpha or beta is no number")
    }
    let index = try open(flow, node)
    guard case .linear(var link) = links[index].module, links[index].gain == nil, links[index].skip == nil else {
      throw node.refuse("it follows \(links[index].place); RNNKit knows activations after linear layers only")
    }
    if link.isOpen, case .elementwise(.affine(let scale, _)) = link.activation, activation == .tanh {
      link.activation = .elementwise(.scaledTanh(alpha: 1, beta: scale))
    } else {
      guard link.activation == .elementwise(.identity) else {
        throw node.refuse("it is a second activation after one linear layer")
      }
      link.activation = .elementwise(activation)
      link.isOpen = false
    }
    links[index].module = .linear(link)
    set(node, flow, after: index)
  }

  mutating func softmax(_ node: inout OperatorNode) throws(RNNError) {
    guard case .flow(let flow) = try required(node, 0) else { throw node.refuse("it changes a constant") }
    let axis = try axis(try node.integer("axis") ?? (node.opset < 13 ? 1 : -1), of: flow.axes.count, node)
    let index = try open(flow, node)
    guard case .linear(var link) = links[index].module, link.activation == .elementwise(.identity),
      links[index].gain == nil, links[index].skip == nil
    else { throw node.refuse("it does not directly follow a linear layer") }
    // Before operator set 13 it ran over all axes from this one on.
    guard flow.isWhole(flow.axes[axis], directions: 1), node.opset >= 13 || axis == flow.axes.count - 1 else {
      throw node.refuse("it runs over axis \(axis), which is not that of the features")
    }
    link.activation = node.kind == "Softmax" ? .softmax : .logSoftmax
    links[index].module = .linear(link)
    set(node, flow, after: index)
  }

  /// A bias, a factor's companion, or the graph's input added at the end.
  mutating func add(_ node: inout OperatorNode) throws(RNNError) {
    var (first, second) = (try required(node, 0), try required(node, 1))
    if case .flow = second {} else { swap(&first, &second) }
    guard case .flow(let flow) = second else { throw node.refuse("RNNKit follows it only after a layer") }
    switch first {
    case .constant(let constant):
      let index = try open(flow, node)
      guard case .linear(var link) = links[index].module, links[index].gain == nil, links[index].skip == nil else {
        throw node.refuse(
          "it adds a constant to what \(links[index].place) gives; RNNKit knows a bias after a matrix product only")
      }
      if link.isOpen, case .elementwise(.affine(let scale, _)) = link.activation, let shift = constant.number {
        link.activation = .elementwise(.affine(alpha: scale, beta: shift))
        link.isOpen = false
      } else {
        guard link.bias == nil, link.activation == .elementwise(.identity) else {
          throw node.refuse("it adds a second bias")
        }
        guard let axis = flow.axes.last, flow.isWhole(axis, directions: 1) else {
          throw node.refuse("it adds along another axis than the features")
        }
        link.bias = try vector(constant, link.weight.shape[0], flow, node)
        if let name = name(node, [constant], scope: false) { links[index].name = name }
      }
      links[index].module = .linear(link)
      set(node, flow, after: index)
    case .flow(let other):
      try addInput(node, other, flow)
    default: throw node.refuse("it adds sizes to numbers")
    }
  }

  /// y + x[…, :skip]
  private mutating func addInput(_ node: OperatorNode, _ first: Flow, _ second: Flow) throws(RNNError) {
    for (input, output) in [(first, second), (second, first)] {
      guard case .input(let index) = input.source, case .link(let link) = output.source,
        case let axis = input.axes.count - 1, input.axes.count == output.axes.count,
        input.axes.dropLast() == output.axes.dropLast(), input.axes[axis] == [.input(index, axis: axis)],
        let size = extent(input.axes[axis], in: input).value,
        size == links[link].outputSize || size == 1, input.selection.keys.allSatisfy({ $0 == axis }),
        (input.selection[axis]?.lowerBound ?? 0) == 0,
        output.isWhole(output.axes[axis], directions: links[link].directions),
        links[link].skip == nil, links[link].gain == nil, output.moment == .every
      else { continue }
      use(input, node.place)
      _ = try open(output, node)
      links[link].skip = size
      set(node, output, after: link)
      return
    }
    throw node.refuse("it adds two results; RNNKit follows a chain, and can add the graph's input at its end only")
  }

  mutating func multiply(_ node: inout OperatorNode) throws(RNNError) {
    let (first, second) = (try required(node, 0), try required(node, 1))
    switch (first, second) {
    case (.flow(let flow), .constant(let constant)), (.constant(let constant), .flow(let flow)):
      if let factor = constant.number { return try scale(node, flow, by: factor) }
      guard let input = flow.untouchedInput, let gain = constant.gainOfFirstFeatures(of: inputs[input].shape) else {
        throw node.refuse("it multiplies by more than one number")
      }
      try scale(node, flow, by: gain.factor, features: gain.features)
    case (.flow, _), (_, .flow): throw node.refuse("it multiplies two results")
    default:
      let (a, b) = (try sizes(node, 0) ?? [], try sizes(node, 1) ?? [])
      guard a.count == b.count || a.count == 1 || b.count == 1 else {
        throw node.refuse("its inputs differ in size", remedy: "export the model again")
      }
      // One number goes with each of the others, of which there may be none.
      let count = a.count == 1 ? b.count : a.count
      let products = (0..<count).map { a[a.count == 1 ? 0 : $0] * b[b.count == 1 ? 0 : $0] }
      var isScalar = true
      for case .extents(_, false) in [first, second] { isScalar = false }
      for case .constant(let constant) in [first, second] where !constant.shape.isEmpty { isScalar = false }
      set(node, .extents(products, isScalar: isScalar))
    }
  }

  private mutating func scale(
    _ node: OperatorNode, _ flow: Flow, by factor: Double, features: Int? = nil
  ) throws(RNNError) {
    if let input = flow.untouchedInput {
      guard inputGain == nil, links.isEmpty else { throw node.refuse("it multiplies the graph's input again") }
      inputGain = (input, factor, features)
      var scaled = flow
      scaled.version = 1
      return set(node, .flow(scaled))
    }
    let index = try open(flow, node)
    guard links[index].gain == nil else { throw node.refuse("it is a second factor on one output") }
    if case .linear(var link) = links[index].module, links[index].skip == nil,
      link.activation == .elementwise(.identity) || link.isOpen
    {
      if case .elementwise(.scaledTanh(1, let beta)) = link.activation {
        link.activation = .elementwise(.scaledTanh(alpha: factor, beta: beta))
        link.isOpen = false
      } else if link.activation == .elementwise(.identity) {
        link.activation = .elementwise(.affine(alpha: factor, beta: 0))
        link.isOpen = true
      } else {
        throw node.refuse("it is a second factor on one output")
      }
      links[index].module = .linear(link)
    } else {
      links[index].gain = factor
    }
    set(node, flow, after: index)
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

  /// A factor on the first features of a step, which are the last of these axes, and 1 on the others. Nil where it is no
  /// such vector; `features` is nil where the factor is on all.
  func gainOfFirstFeatures(of shape: [Extent]) -> (factor: Double, features: Int?)? {
    let axes = tensor.shape.dimensions
    guard isPlain, tensor.elementType.isWeight, let count = axes.last, count > 0, tensor.count == count,
      axes.count <= shape.count, shape.last?.value == count
    else { return nil }
    let factors = tensor.doubles
    let gained = factors.prefix { $0 == factors[0] }.count
    guard gained > 0, factors[gained...].allSatisfy({ $0 == 1 }) else { return nil }
    return (factors[0], gained == count ? nil : gained)
  }
}
