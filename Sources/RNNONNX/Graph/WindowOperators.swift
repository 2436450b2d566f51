import RNNModel

/// Convolutions, pools and batch norms: over the steps and positions of (batch, channels, …), and of each channel.
extension GraphReader {
  mutating func convolution(_ node: inout OperatorNode) throws(RNNError) {
    guard case .flow(let flow) = try required(node, 0) else { throw node.refuse("it changes a constant") }
    guard let weight = try weight(node, 1, "weight"), [3, 4].contains(weight.tensor.shape.rank), weight.tensor.count > 0 else {
      throw node.refuse("its weight is none of one or two dimensions, (out, in / groups, size, …)")
    }
    try check(weight, flow, node, "weight")
    let sizes = weight.tensor.shape.dimensions, groups = try node.integer("group") ?? 1
    guard groups >= 1, sizes[0] % groups == 0, sizes[1] <= Limits.maximumModuleSize / groups else {
      throw node.refuse("attribute group is \(groups)", remedy: OperatorNode.again)
    }
    var plane = try plane(flow, dimensions: sizes.count - 2, node)
    guard plane.channels ?? sizes[1] * groups == sizes[1] * groups else {
      throw node.refuse("its weight takes \(sizes[1] * groups) channels, the layer before it gives \(plane.channels ?? 0)", remedy: OperatorNode.again)
    }
    let windows = try windows(&node, plane, sizes: Array(sizes[2...]))
    var link = ConvolutionLink(
      weight: weight.tensor, window: windows.time, across: windows.positions, isTimeLast: plane.isTimeLast, groups: groups)
    if plane.timeAxis == nil {
      guard let shape = Shape([sizes[0], sizes[1], 1, sizes[2]]), let tensor = weight.tensor.reshaped(shape) else {
        throw node.refuse("its weight is too large")
      }
      link.weight = tensor
    }
    var constants: [Constant?] = [weight]
    if let bias = try self.weight(node, 2, "bias") {
      try check(bias, flow, node, "bias")
      guard bias.tensor.shape.dimensions == [sizes[0]] else { throw node.refuse("its bias has shape \(bias.tensor.shape), expected (\(sizes[0]),)") }
      link.bias = bias.tensor
      constants.append(bias)
    }
    let step = try append(.convolution(link), [plane.flow.source], flow.type, name: name(node, constants), node)
    plane.flow.source = .step(step)
    plane.flow.axes[1] = [.features(sizes[0])]
    try shrink(&plane, windows, node)
    set(node, .flow(plane.flow))
  }

  mutating func pool(_ node: inout OperatorNode) throws(RNNError) {
    guard case .flow(let flow) = try required(node, 0) else { throw node.refuse("it changes a constant") }
    guard node.outputs.dropFirst().allSatisfy(\.isEmpty) else { throw node.refuse("it gives the places of what it chooses") }
    let function: WindowFunction = node.kind == "MaxPool" ? .max : .average(countsPadding: try node.flag("count_include_pad"))
    node.ignore("storage_order")
    guard let sizes = try node.integers("kernel_shape"), [1, 2].contains(sizes.count), sizes.allSatisfy({ $0 >= 1 }) else {
      throw node.refuse("it is none of one or two dimensions")
    }
    var plane = try plane(flow, dimensions: sizes.count, node)
    let ceils = try node.flag("ceil_mode")
    let windows = try windows(&node, plane, sizes: sizes, ceils: ceils, function)
    if let across = windows.positions, !across.isWhole {
      guard let channels = plane.channels else { throw node.refuse("how many channels it takes is not known") }
      plane.flow.source = try plain(.across(function, across, channels: channels), [plane.flow.source], flow.type, node)
    }
    if !windows.time.isWhole { plane.flow.source = try plain(.window(function, windows.time), [plane.flow.source], flow.type, node) }
    try shrink(&plane, windows, node)
    set(node, .flow(plane.flow))
  }

  mutating func globalPool(_ node: inout OperatorNode) throws(RNNError) {
    guard case .flow(let flow) = try required(node, 0) else { throw node.refuse("it changes a constant") }
    let plane = try plane(flow, dimensions: max(flow.axes.count - 2, 1), node)
    let axes = plane.flow.axes.indices.dropFirst(2)
    set(node, .flow(try reduced(plane.flow, Array(axes), node.kind == "GlobalMaxPool" ? .max : .mean, keeps: true, node)))
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
      let plane = try plane(flow, dimensions: max(flow.axes.count - 2, 1), node)
      (settled, channels) = (plane.flow, plane.channels)
      // Positions of one channel are told from one position of several.
      if channels == 1, settled.positions > 1 { settled.source = try plain(.interleave(1), [settled.source], flow.type, node) }
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

  // MARK: Axes

  /// What windows run over: a flow that is (batch, channels, axis) or (batch, channels, axis, axis).
  struct Plane {
    /// Its source's features are positions of the channels each. Channels and positions are atoms of their own.
    var flow: Flow
    /// Nil where only the input tells.
    var channels: Int?
    /// Nil where the steps stand in the axis of the batch, each with positions of its own.
    var timeAxis: Int?
    /// Nil where there is no such axis, and each step is one position.
    var positionsAxis: Int?
    var isTimeLast: Bool { timeAxis == 3 }
  }

  mutating func plane(_ flow: Flow, dimensions: Int, _ node: OperatorNode) throws(RNNError) -> Plane {
    var plane = Plane(flow: try settled(flow, node))
    let axes = plane.flow.axes
    guard [1, 2].contains(dimensions), axes.count == dimensions + 2, axes[1...].allSatisfy({ $0.count <= 1 }) else {
      throw node.refuse("what it takes is not (batch, channels, time) or (batch, channels, time, positions)")
    }
    if axes[0].count > 1 {
      guard dimensions == 1 else { throw node.refuse("it takes steps as sequences of their own, in two dimensions") }
      plane.positionsAxis = 2
    } else {
      plane.timeAxis = dimensions == 1 ? 2 : try timeAxis(axes, node)
      plane.positionsAxis = dimensions == 1 ? nil : 5 - (plane.timeAxis ?? 2)
    }
    if let time = plane.timeAxis {
      guard isTime(axes[time], node) else { throw node.refuse("axis \(time) of what it takes is not that of time") }
    }
    plane.channels = try part(of: axes[1], plane.flow, node)
    if let axis = plane.positionsAxis {
      let positions = try part(of: axes[axis], plane.flow, node)
      guard let count = positions, count <= Limits.maximumModuleSize else {
        throw node.refuse("how many positions there are on its axis \(axis) is left open", remedy: "export the model with that size fixed")
      }
      if count > 1, let parts = plane.channels, parts > 1 {
        // Of a graph's input the later axis runs faster; of a step the channels do.
        switch (axes[1][0], axes[axis][0]) {
        case (.features, .positions): break
        case (.input(let own, let first), .input(let other, let second)) where own == other:
          if first < second { plane.flow.source = try plain(.interleave(parts), [plane.flow.source], flow.type, node) }
        default: throw node.refuse("what it takes has channels and positions in a way that RNNKit does not follow")
        }
      }
      plane.flow.axes[axis] = [.positions(count)]
    }
    if let size = plane.channels { plane.flow.axes[1] = [.features(size)] }
    return plane
  }

  /// How many channels or positions an axis is, noted as features where it is one of a graph input.
  private mutating func part(of axis: [Flow.Atom], _ flow: Flow, _ node: OperatorNode) throws(RNNError) -> Int? {
    switch axis.first {
    case nil: return 1
    case .features(let size)?, .positions(let size)?: return size
    case .input(let input, let number)?:
      let atom = Flow.Atom.input(input, axis: number)
      if featureAxes[atom] == nil { featureAxes[atom] = node.place }
      return extent(atom, in: flow).value
    default: throw node.refuse("what it takes is not (batch, channels, …)")
    }
  }

  /// Which of the axes 2 and 3 is that of time.
  private mutating func timeAxis(_ axes: [[Flow.Atom]], _ node: OperatorNode) throws(RNNError) -> Int {
    func isKnown(_ axis: [Flow.Atom]) -> Bool? {
      guard let atom = axis.first else { return false }
      if axis == layout?.time { return true }
      switch atom {
      case .window, .own: return true
      case .input: return timeAxes[atom] != nil ? true : featureAxes[atom] != nil ? false : nil
      case .rows, .hidden, .features, .positions: return false
      }
    }
    switch (isKnown(axes[2]), isKnown(axes[3])) {
    case (true?, false?), (true?, nil), (nil, false?): return 2
    case (false?, true?), (false?, nil), (nil, true?): return 3
    case (nil, nil):
      hasTakenForTime = true
      return takesLastForTime ? 3 : 2
    default: throw node.refuse("which of the axes of what it takes is that of time is not known")
    }
  }

  /// Whether an axis is that of steps, or may be as far as is known: then it has to be where a recurrent node tells.
  mutating func isTime(_ axis: [Flow.Atom], _ node: OperatorNode) -> Bool {
    guard axis.count == 1, let origin = axis[0].origin else { return false }
    timeAxes[.input(origin.input, axis: origin.axis)] = node.place
    return true
  }

  /// Whether time comes before the batch; nil where there are not both.
  func isTimeFirst(_ flow: Flow) -> Bool? {
    func isTime(_ atom: Flow.Atom) -> Bool {
      guard let origin = atom.origin else { return atom == layout?.time.first }
      return timeAxes[.input(origin.input, axis: origin.axis)] != nil || [atom] == layout?.time
    }
    guard let time = flow.axes.firstIndex(where: { $0.contains(where: isTime) }),
      let batch = flow.axes.firstIndex(where: { axis in axis.contains { atom in atom.origin != nil && !isTime(atom) && featureAxes[atom] == nil } })
    else { return nil }
    return time < batch
  }

  /// What windows make of the axes.
  private mutating func shrink(_ plane: inout Plane, _ windows: Windows, _ node: OperatorNode) throws(RNNError) {
    if let axis = plane.timeAxis { plane.flow.axes[axis] = try time(plane.flow.axes[axis], under: windows.time, node) }
    guard let axis = plane.positionsAxis, let window = windows.positions else { return }
    guard case .positions(let old)? = plane.flow.axes[axis].first, let count = window.count(of: old), count > 0 else {
      throw node.refuse("its window is larger than what it runs over", remedy: OperatorNode.again)
    }
    plane.flow.axes[axis] = [.positions(count)]
  }

  /// What a window makes of the axis of time.
  mutating func time(_ axis: [Flow.Atom], under window: TimeWindow, _ node: OperatorNode) throws(RNNError) -> [Flow.Atom] {
    if window.offset == 0, window.stride == 1 { return axis }
    guard let first = axis.first, let origin = first.origin else { throw node.refuse("the axis that it runs over is not that of time") }
    var time = TimeAxis()
    if case .window(_, _, let own) = first { time = own }
    guard let result = time.under(window) else { throw node.refuse("a window of more than \(Limits.maximumWindow) steps") }
    if result == TimeAxis() { return [.input(origin.input, axis: origin.axis)] }
    if !windowAxes.contains(result) { windowAxes.append(result) }
    return [.window(origin.input, axis: origin.axis, result)]
  }

  // MARK: Windows

  struct Windows {
    var time: TimeWindow
    /// Nil where there is no axis of positions.
    var positions: TimeWindow?
  }

  /// The windows that the attributes give, of these sizes.
  private func windows(
    _ node: inout OperatorNode, _ plane: Plane, sizes: [Int], ceils: Bool = false, _ function: WindowFunction? = nil
  ) throws(RNNError) -> Windows {
    func numbers(_ name: String, _ count: Int, default value: Int) throws(RNNError) -> [Int] {
      guard let values = try node.integers(name) else { return [Int](repeating: value, count: count) }
      guard values.count == count else { throw node.refuse("attribute \(name) has \(values.count) numbers, expected \(count)") }
      return values
    }
    if let kernel = try node.integers("kernel_shape"), kernel != sizes { throw node.refuse("attribute kernel_shape is not the weight's", remedy: OperatorNode.again) }
    let strides = try numbers("strides", sizes.count, default: 1), dilations = try numbers("dilations", sizes.count, default: 1)
    let pads = try numbers("pads", 2 * sizes.count, default: 0), automatic = try node.string("auto_pad") ?? "NOTSET"
    var all: [TimeWindow] = []
    for index in sizes.indices {
      var window = TimeWindow(
        size: sizes[index], stride: strides[index], dilation: dilations[index], before: pads[index], after: pads[sizes.count + index])
      guard window.isSound else { throw node.refuse("a window of more than \(Limits.maximumWindow) steps or positions") }
      var length: Int?
      if plane.positionsAxis == index + 2, case .positions(let count)? = plane.flow.axes[index + 2].first { length = count }
      switch automatic {
      case "NOTSET": break
      case "VALID": (window.before, window.after) = (0, 0)
      case "SAME_UPPER", "SAME_LOWER":
        guard window.stride == 1 || length != nil else {
          throw node.refuse("attribute auto_pad is \(automatic) with a stride over time, which depends on the length",
            remedy: "export the model with the padding in numbers")
        }
        let rest = length.map { ($0 + window.stride - 1) / window.stride * window.stride - window.stride + window.span - $0 }
        let total = max(0, rest ?? window.span - 1), less = total / 2
        (window.before, window.after) = automatic == "SAME_UPPER" ? (less, total - less) : (total - less, less)
      default: throw node.refuse("attribute auto_pad is \(automatic)", remedy: OperatorNode.again)
      }
      if ceils, window.stride > 1 { window = try ceiling(window, length, function, node) }
      all.append(window)
    }
    guard let axis = plane.positionsAxis else { return Windows(time: all[0]) }
    return Windows(time: plane.timeAxis.map { all[$0 - 2] } ?? TimeWindow(size: 1), positions: all[axis - 2])
  }

  /// The same with as much padding behind as lets the last window begin.
  private func ceiling(_ window: TimeWindow, _ length: Int?, _ function: WindowFunction?, _ node: OperatorNode) throws(RNNError) -> TimeWindow {
    guard let length else {
      throw node.refuse("attribute ceil_mode is 1 with a stride over time, which depends on the length", remedy: "export the model without ceil_mode")
    }
    let most = max(0, length + window.before + window.after - window.span)
    var last = (most + window.stride - 1) / window.stride
    if last * window.stride >= length + window.before { last -= 1 }
    var result = window
    result.after = last * window.stride + window.span - length - window.before
    guard result.after <= window.after || function == .max || function == .average(countsPadding: false), result.isSound else {
      throw node.refuse("attribute ceil_mode is 1, and it counts padding, which RNNKit does not read", remedy: "export the model without ceil_mode")
    }
    return result
  }
}

extension TimeWindow {
  /// Whether each window is one step, of all that there are.
  fileprivate var isWhole: Bool { size == 1 && stride == 1 && before == 0 && after == 0 }
}
