import RNNModel

/// Norms of each step, and reductions over steps and positions.
extension GraphReader {
  /// Over the steps, by an attribute or an input that names the axis of time.
  mutating func reduction(_ node: inout OperatorNode, _ function: TimeFunction) throws(RNNError) {
    guard case .flow(let flow) = try required(node, 0) else { throw node.refuse("it changes a constant") }
    let keeps = try node.flag("keepdims", default: true)
    node.ignore("noop_with_empty_axes")
    var named = try node.integers("axes")
    if named == nil { named = try integers(node, 1) }
    var settled = try settled(flow, node)
    guard let named, settled.axes.count >= 3 else { throw node.refuse("it is over other axes than that of time") }
    var axes: [Int] = []
    for value in named { axes.append(try axis(value, of: settled.axes.count, node)) }
    if settled.axes.count == 4 { settled = try plane(settled, dimensions: 2, node).flow }
    set(node, .flow(try reduced(settled, axes, function, keeps: keeps, node)))
  }

  /// Over the axes of time, of positions, or both.
  mutating func reduced(_ flow: Flow, _ axes: [Int], _ function: TimeFunction, keeps: Bool, _ node: OperatorNode) throws(RNNError) -> Flow {
    var result = flow
    for axis in axes {
      if case .positions(let count)? = flow.axes[axis].first {
        guard function != .sum, case .features(let channels)? = flow.axes[1].first, axis > 1 else { throw node.refuse("it is over axis \(axis), which is not that of time") }
        let window: WindowFunction = function == .max ? .max : .average(countsPadding: false)
        result.source = try plain(.across(window, TimeWindow(size: count), channels: channels), [result.source], flow.type, node)
      } else {
        guard isTime(flow.axes[axis], node) else { throw node.refuse("it is over axis \(axis), which is not that of time") }
        result.source = try plain(.overTime(function), [result.source], flow.type, node)
      }
      result.axes[axis] = []
    }
    if !keeps { result.axes = result.axes.indices.filter { !axes.contains($0) }.map { result.axes[$0] } }
    return result
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
    let kind: Norm.Kind = node.kind == "LayerNormalization" ? .layer : .rms
    let link = NormLink(kind: kind, eps: Double(eps), weight: scale.tensor, bias: bias?.tensor)
    settled.source = .step(try append(.norm(link), [settled.source], flow.type, name: name(node, [scale, bias]), node))
    set(node, .flow(settled))
  }

  /// One group: all features of all of a sequence's steps.
  mutating func groupNorm(_ node: inout OperatorNode) throws(RNNError) {
    guard case .flow(let flow) = try required(node, 0) else { throw node.refuse("it changes a constant") }
    let eps = try node.float("epsilon") ?? 1e-5
    node.ignore("stash_type")
    guard try node.integer("num_groups") == 1 else { throw node.refuse("attribute num_groups is not 1, which RNNKit does not read") }
    var plane = try plane(flow, dimensions: max(flow.axes.count - 2, 1), node)
    if plane.channels == 1, plane.flow.positions > 1 { plane.flow.source = try plain(.interleave(1), [plane.flow.source], flow.type, node) }
    guard let scale = try weight(node, 1, "scale"), let bias = try weight(node, 2, "bias") else {
      throw node.refuse("its scale or bias is missing", remedy: OperatorNode.again)
    }
    for constant in [scale, bias] {
      try check(constant, flow, node, "scale or bias")
      guard node.opset >= 21, constant.tensor.shape.dimensions == [plane.channels ?? scale.tensor.count] else {
        throw node.refuse("its scale or bias has shape \(constant.tensor.shape), and there are \(plane.channels ?? 0) channels")
      }
    }
    let link = NormLink(kind: .group, eps: Double(eps), weight: scale.tensor, bias: bias.tensor)
    plane.flow.source = .step(try append(.norm(link), [plane.flow.source], flow.type, name: name(node, [scale, bias]), node))
    set(node, .flow(plane.flow))
  }

  /// Zeros before and after the steps, or steps cut off.
  mutating func pad(_ node: inout OperatorNode) throws(RNNError) {
    guard case .flow(let flow) = try required(node, 0) else { throw node.refuse("it changes a constant") }
    let mode = try node.string("mode") ?? "constant", old = try node.float("value") ?? 0
    guard mode == "constant" else { throw node.refuse("attribute mode is \(mode), which RNNKit does not read", remedy: "pad in the convolution itself, padding_mode in PyTorch, and use PyTorch's own file") }
    var value = Double(old)
    switch try self.value(node, 2) {
    case nil: break
    case .constant(let constant)? where constant.number != nil: value = constant.number ?? 0
    default: throw node.refuse("its constant_value is no stored number")
    }
    guard value == 0 else { throw node.refuse("it pads with \(value), which RNNKit does not") }
    var pads = try node.integers("pads")
    if pads == nil { pads = try integers(node, 1) }
    var axes = Array(flow.axes.indices)
    if let named = try integers(node, 3) {
      axes = []
      for value in named { axes.append(try axis(value, of: flow.axes.count, node)) }
    }
    guard let pads, pads.count == 2 * axes.count, Set(axes).count == axes.count else { throw node.refuse("its pads do not fit the axes", remedy: OperatorNode.again) }
    let padded = axes.indices.filter { pads[$0] != 0 || pads[axes.count + $0] != 0 }
    guard let place = padded.first else { return set(node, .flow(flow)) }
    let settled = try settled(flow, node)
    guard padded.count == 1, axes[place] > 0 || layout?.time == settled.axes[0], settled.axes.count >= 3,
      settled.axes[axes[place]].count == 1, settled.axes[axes[place]][0].origin != nil
    else { throw node.refuse("it pads another axis than that of time") }
    set(node, .flow(try self.padded(settled, axis: axes[place], before: pads[place], after: pads[axes.count + place], node)))
  }
}
