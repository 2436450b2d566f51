import RNNModel

/// Convolutions, pools, norms and reductions over time. Windows are over the last of (batch, features, time).
extension GraphReader {
  mutating func convolution(_ node: inout OperatorNode) throws(RNNError) {
    guard case .flow(let flow) = try required(node, 0) else { throw node.refuse("it changes a constant") }
    guard let weight = try weight(node, 1, "weight"), weight.tensor.shape.rank == 3, weight.tensor.count > 0 else {
      throw node.refuse("its weight is none of one dimension, (out, in / groups, size)")
    }
    try check(weight, flow, node, "weight")
    let sizes = weight.tensor.shape.dimensions, groups = try node.integer("group") ?? 1
    guard groups >= 1, sizes[0] % groups == 0, sizes[1] <= Limits.maximumModuleSize / groups else {
      throw node.refuse("attribute group is \(groups)", remedy: OperatorNode.again)
    }
    var (settled, channels) = try turned(flow, node)
    if let channels, channels != sizes[1] * groups {
      throw node.refuse("its weight takes \(sizes[1] * groups) channels, the layer before it gives \(channels)", remedy: OperatorNode.again)
    }
    var link = ConvolutionLink(weight: weight.tensor, window: try window(&node, size: sizes[2]), groups: groups)
    var constants: [Constant?] = [weight]
    if let bias = try self.weight(node, 2, "bias") {
      try check(bias, flow, node, "bias")
      guard bias.tensor.shape.dimensions == [sizes[0]] else { throw node.refuse("its bias has shape \(bias.tensor.shape), expected (\(sizes[0]),)") }
      link.bias = bias.tensor
      constants.append(bias)
    }
    let window = link.window
    let step = try append(.convolution(link), [settled.source], flow.type, name: name(node, constants), node)
    settled.source = .step(step)
    settled.axes[1] = [.features(sizes[0])]
    settled.axes[2] = try time(settled.axes[2], under: window, step, settled, node)
    set(node, .flow(settled))
  }

  mutating func pool(_ node: inout OperatorNode) throws(RNNError) {
    guard case .flow(let flow) = try required(node, 0) else { throw node.refuse("it changes a constant") }
    guard node.outputs.dropFirst().allSatisfy(\.isEmpty) else { throw node.refuse("it gives the places of what it chooses") }
    let isMax = node.kind == "MaxPool", countsPadding = try node.flag("count_include_pad")
    node.ignore("storage_order")
    guard try !node.flag("ceil_mode") else { throw node.refuse("attribute ceil_mode is 1, which RNNKit does not read") }
    guard let size = try node.integers("kernel_shape"), size.count == 1, size[0] >= 1 else {
      throw node.refuse("it is none of one dimension")
    }
    var (settled, _) = try turned(flow, node)
    let window = try window(&node, size: size[0])
    settled.source = try plain(.window(isMax ? .max : .average(countsPadding: countsPadding), window), [settled.source], flow.type, node)
    guard case .step(let step) = settled.source else { return }
    settled.axes[2] = try time(settled.axes[2], under: window, step, settled, node)
    set(node, .flow(settled))
  }

  mutating func globalPool(_ node: inout OperatorNode) throws(RNNError) {
    guard case .flow(let flow) = try required(node, 0) else { throw node.refuse("it changes a constant") }
    var (settled, _) = try turned(flow, node)
    settled.source = try plain(.overTime(node.kind == "GlobalMaxPool" ? .max : .mean), [settled.source], flow.type, node)
    settled.axes[2] = []
    set(node, .flow(settled))
  }

  /// Over the steps, by an attribute or an input that names the axis of time.
  mutating func reduction(_ node: inout OperatorNode, _ function: TimeFunction) throws(RNNError) {
    guard case .flow(let flow) = try required(node, 0) else { throw node.refuse("it changes a constant") }
    let keeps = try node.flag("keepdims", default: true)
    node.ignore("noop_with_empty_axes")
    var named = try node.integers("axes")
    if named == nil { named = try integers(node, 1) }
    var settled = try settled(flow, node)
    guard let named, named.count == 1, settled.axes.count == 3 else { throw node.refuse("it is over other axes than that of time") }
    let axis = try axis(named[0], of: 3, node)
    guard isTime(settled.axes[axis], node) else { throw node.refuse("it is over axis \(axis), which is not that of time") }
    settled.source = try plain(.overTime(function), [settled.source], flow.type, node)
    if keeps { settled.axes[axis] = [] } else { settled.axes.remove(at: axis) }
    set(node, .flow(settled))
  }

  mutating func batchNorm(_ node: inout OperatorNode) throws(RNNError) {
    guard case .flow(let flow) = try required(node, 0) else { throw node.refuse("it changes a constant") }
    let eps = try node.float("epsilon") ?? 1e-5
    for name in ["momentum", "spatial", "is_test", "consumed_inputs"] { node.ignore(name) }
    guard try !node.flag("training_mode"), node.outputs.dropFirst().allSatisfy(\.isEmpty) else {
      throw node.refuse("it is in training mode", remedy: "export the model in evaluation mode")
    }
    var (settled, channels): (Flow, Int?)
    if flow.axes.count == 2 {
      settled = try self.settled(flow, node)
      channels = try features(settled, node)
    } else {
      (settled, channels) = try turned(flow, node)
    }
    var tensors: [Tensor] = [], constants: [Constant?] = []
    for (index, role) in ["scale", "B", "mean", "variance"].enumerated() {
      guard let constant = try weight(node, index + 1, role) else { throw node.refuse("its \(role) is missing", remedy: OperatorNode.again) }
      try check(constant, flow, node, role)
      guard constant.tensor.shape.rank == 1, constant.tensor.count == channels ?? constant.tensor.count, constant.tensor.count == tensors.first?.count ?? constant.tensor.count else {
        throw node.refuse("its \(role) has shape \(constant.tensor.shape)", remedy: OperatorNode.again)
      }
      tensors.append(constant.tensor)
      constants.append(constant)
    }
    let link = NormLink(
      kind: .batch, eps: Double(eps), weight: tensors[0], bias: tensors[1], runningMean: tensors[2], runningVar: tensors[3])
    settled.source = .step(try append(.norm(link), [settled.source], flow.type, name: name(node, constants), node))
    set(node, .flow(settled))
  }

  mutating func layerNorm(_ node: inout OperatorNode) throws(RNNError) {
    guard case .flow(let flow) = try required(node, 0) else { throw node.refuse("it changes a constant") }
    let eps = try node.float("epsilon") ?? 1e-5, named = try node.integer("axis") ?? -1
    node.ignore("stash_type")
    guard node.outputs.dropFirst().allSatisfy(\.isEmpty) else { throw node.refuse("it gives its mean or deviation") }
    var settled = try settled(flow, node)
    guard try axis(named, of: settled.axes.count, node) == settled.axes.count - 1 else {
      throw node.refuse("it is over other axes than that of the features")
    }
    let size = try features(settled, node)
    guard let scale = try weight(node, 1, "scale") else { throw node.refuse("its scale is missing", remedy: OperatorNode.again) }
    let bias = try weight(node, 2, "bias")
    for constant in [scale, bias].compactMap({ $0 }) {
      try check(constant, flow, node, "scale or bias")
      guard constant.tensor.shape.dimensions == [size ?? scale.tensor.count] else {
        throw node.refuse("its scale or bias has shape \(constant.tensor.shape), and there are \(size ?? scale.tensor.count) features")
      }
    }
    let link = NormLink(kind: .layer, eps: Double(eps), weight: scale.tensor, bias: bias?.tensor)
    settled.source = .step(try append(.norm(link), [settled.source], flow.type, name: name(node, [scale, bias]), node))
    set(node, .flow(settled))
  }

  // MARK: Axes

  /// A flow that is (batch, features, time), and how many features.
  private mutating func turned(_ flow: Flow, _ node: OperatorNode) throws(RNNError) -> (flow: Flow, features: Int?) {
    let result = try settled(flow, node)
    guard result.axes.count == 3, result.axes[2].count == 1, result.axes[1].count == 1 else {
      throw node.refuse("what it takes is not (batch, features, time)")
    }
    guard isTime(result.axes[2], node) else { throw node.refuse("the last axis of what it takes is not that of time") }
    switch result.axes[1][0] {
    case .features(let size): return (result, size)
    case .input(let input, let axis):
      // A run's inputs have their features last.
      guard axis == inputs[input].shape.count - 1 else {
        throw node.refuse("the graph's input \(inputs[input].name) has its features before its steps, and RNNKit takes them behind",
          remedy: "export the model with an input of (batch, time, features)")
      }
      let atom = Flow.Atom.input(input, axis: axis)
      if featureAxes[atom] == nil { featureAxes[atom] = node.place }
      return (result, extent(atom, in: result).value)
    default: throw node.refuse("what it takes is not (batch, features, time)")
    }
  }

  /// Whether an axis is that of steps, or may be as far as is known: then it has to be where a recurrent node tells.
  mutating func isTime(_ axis: [Flow.Atom], _ node: OperatorNode) -> Bool {
    guard axis.count == 1, let origin = axis[0].origin, origin.axis != inputs[origin.input].shape.count - 1 else { return false }
    timeAxes[.input(origin.input, axis: origin.axis)] = node.place
    return true
  }

  /// What a window makes of the axis of time.
  private mutating func time(
    _ axis: [Flow.Atom], under window: TimeWindow, _ step: Int, _ flow: Flow, _ node: OperatorNode
  ) throws(RNNError) -> [Flow.Atom] {
    if window.offset == 0, window.stride == 1 { return axis }
    guard let first = axis.first, let origin = first.origin else { throw node.refuse("the last axis of what it takes is not that of time") }
    windowExtents[step] = extent(first, in: flow).value.map { .known(max(0, ($0 + window.offset) / window.stride)) } ?? .unknown
    return [.window(origin.input, axis: origin.axis, step: step)]
  }

  private func window(_ node: inout OperatorNode, size: Int) throws(RNNError) -> TimeWindow {
    func one(_ name: String) throws(RNNError) -> Int? {
      guard let values = try node.integers(name) else { return nil }
      guard values.count == 1 else { throw node.refuse("attribute \(name) has \(values.count) numbers, expected 1") }
      return values[0]
    }
    if let kernel = try one("kernel_shape"), kernel != size { throw node.refuse("attribute kernel_shape is not the weight's", remedy: OperatorNode.again) }
    var window = TimeWindow(size: size, stride: try one("strides") ?? 1, dilation: try one("dilations") ?? 1)
    let pads = try node.integers("pads") ?? [0, 0], automatic = try node.string("auto_pad") ?? "NOTSET"
    guard pads.count == 2 else { throw node.refuse("attribute pads has \(pads.count) numbers, expected 2") }
    (window.before, window.after) = (pads[0], pads[1])
    guard window.isSound else { throw node.refuse("a window of more than \(Limits.maximumWindow) steps") }
    switch automatic {
    case "NOTSET": break
    case "VALID": (window.before, window.after) = (0, 0)
    case "SAME_UPPER", "SAME_LOWER":
      guard window.stride == 1 else { throw node.refuse("attribute auto_pad is \(automatic) with a stride, which depends on the length") }
      let less = (window.span - 1) / 2, more = window.span - 1 - less
      (window.before, window.after) = automatic == "SAME_UPPER" ? (less, more) : (more, less)
    default: throw node.refuse("attribute auto_pad is \(automatic)", remedy: OperatorNode.again)
    }
    return window
  }
}
