import RNNModel

/// Operators that choose some of the numbers, or put chosen ones together again.
extension GraphReader {
  mutating func gather(_ node: inout OperatorNode) throws(RNNError) {
    let named = try node.integer("axis") ?? 0
    let input = try required(node, 0)
    if case .flow(let indices) = try required(node, 1) {
      try embedding(node, table: input, indices: indices, axis: named)
      return
    }
    guard let indices = try integers(node, 1) else {
      throw node.refuse("it has no indices", remedy: OperatorNode.again)
    }
    var isScalar = false
    switch try required(node, 1) {
    case .constant(let constant): isScalar = constant.shape.isEmpty
    case .extents(_, let scalar): isScalar = scalar
    default: break
    }
    func position(_ index: Int, _ count: Int) throws(RNNError) -> Int {
      guard (-count..<count).contains(index) else {
        throw node.refuse("index \(index) is none of \(count)", remedy: OperatorNode.again)
      }
      return index < 0 ? index + count : index
    }
    switch input {
    case .extents(let extents, false):
      _ = try axis(named, of: 1, node)
      var chosen: [Extent] = []
      for index in indices { chosen.append(extents[try position(index, extents.count)]) }
      set(node, .extents(chosen, isScalar: isScalar))
    case .constant(let constant):
      let axis = try axis(named, of: constant.shape.count, node)
      guard constant.shape[axis] == .known(constant.tensor.shape[axis]) else {
        throw node.refuse("it chooses from a constant that is repeated")
      }
      var parts: [Tensor] = []
      for index in indices {
        let position = try position(index, constant.tensor.shape[axis])
        guard let part = try constant.tensor.sliced(axis: axis, position..<position + 1) else {
          throw node.refuse("its constant is too large")
        }
        try spend(part.byteCount * 2, node)
        parts.append(part)
      }
      guard var tensor = try Tensor.concatenated(parts, axis: axis) else { throw node.refuse("it chooses nothing") }
      var shape = constant.shape
      shape[axis] = .known(indices.count)
      if isScalar {
        shape.remove(at: axis)
        var sizes = tensor.shape.dimensions
        sizes.remove(at: axis)
        guard let reshaped = Shape(sizes).flatMap({ tensor.reshaped($0) }) else {
          throw node.refuse("its constant is too large")
        }
        tensor = reshaped
      }
      set(node, .constant(Constant(tensor, shape: shape, type: constant.type, name: constant.name)))
    case .flow(let flow):
      let axis = try axis(named, of: flow.axes.count, node)
      guard indices.count == 1, let index = indices.first else {
        throw node.refuse("it chooses several parts of the numbers")
      }
      var chosen = try part(
        of: flow, axis: axis, from: index, to: index == -1 ? nil : index.addingReportingOverflow(1).partialValue, node)
      if isScalar { chosen.axes.remove(at: axis) }
      set(node, .flow(chosen))
    case .uniform(let extent): set(node, .extents(indices.map { _ in extent }, isScalar: isScalar))
    case .extents, .missing: throw node.refuse("it chooses from a size")
    }
  }

  mutating func slice(_ node: inout OperatorNode) throws(RNNError) {
    let starts: [Int]?
    let ends: [Int]?
    var axes: [Int]?
    var steps: [Int]?
    var sizes: [Extent] = []
    if let values = try node.integers("starts") {
      (starts, ends, axes) = (values, try node.integers("ends"), try node.integers("axes"))
    } else {
      starts = try integers(node, 1)
      // An end that is the size of the axis it cuts is no end.
      let bounds = try self.sizes(node, 2)
      ends = bounds?.map { $0.value ?? Int.max }
      sizes = bounds ?? []
      axes = try integers(node, 3)
      steps = try integers(node, 4)
    }
    guard let starts, let ends, starts.count == ends.count, (axes?.count ?? starts.count) == starts.count,
      (steps?.count ?? starts.count) == starts.count
    else {
      throw node.refuse("its starts, ends, axes and steps do not fit each other", remedy: OperatorNode.again)
    }
    if case .flow = try required(node, 0) {
      for (index, size) in sizes.enumerated() where size.value == nil {
        guard case .flow(let flow) = try required(node, 0),
          case let axis = try axis(axes?[index] ?? index, of: flow.axes.count, node),
          extent(flow.axes[axis], in: flow) == size
        else { throw node.refuse("where it ends depends on the graph's input") }
      }
    }
    var value = try required(node, 0)
    for index in starts.indices {
      value = try cut(
        value, axis: axes?[index] ?? index, from: starts[index], to: ends[index], step: steps?[index] ?? 1, node)
    }
    set(node, value)
  }

  /// What a slice along one axis leaves.
  private mutating func cut(
    _ value: GraphValue, axis named: Int, from start: Int, to end: Int, step: Int, _ node: OperatorNode
  ) throws(RNNError) -> GraphValue {
    /// The range of a slice with a positive step, as ONNX and NumPy bound it.
    func range(_ count: Int) -> Range<Int> {
      func bound(_ value: Int) -> Int { min(max(value < 0 ? value + count : value, 0), count) }
      return bound(start)..<max(bound(start), bound(end))
    }
    if step == -1, case .flow(let flow) = value { return .flow(try turned(flow, axis: named, from: start, to: end, node)) }
    if step == -1, case .constant(let constant) = value, constant.isPlain { return .constant(try turned(constant, axis: named, from: start, to: end, node)) }
    guard step == 1 else { throw node.refuse("its step is \(step); RNNKit follows steps of 1 only") }
    switch value {
    case .extents(let extents, false):
      _ = try axis(named, of: 1, node)
      return .extents(Array(extents[range(extents.count)]), isScalar: false)
    case .constant(var constant):
      let axis = try axis(named, of: constant.shape.count, node)
      guard let count = constant.shape[axis].value else {
        throw node.refuse("it cuts a constant of a size that only the input tells")
      }
      let range = range(count)
      if constant.tensor.shape[axis] == count {
        guard let tensor = try constant.tensor.sliced(axis: axis, range) else {
          throw node.refuse("its constant is too large")
        }
        try spend(tensor.byteCount, node)
        constant.tensor = tensor
      }
      constant.shape[axis] = .known(range.count)
      return .constant(constant)
    case .flow(let flow):
      let axis = try axis(named, of: flow.axes.count, node)
      return .flow(try part(of: flow, axis: axis, from: start, to: end >= Int(Int32.max) ? nil : end, node))
    case .uniform(let extent) where start >= 0 && end > start && end - start <= Limits.maximumRank:
      return .extents([Extent](repeating: extent, count: end - start), isScalar: false)
    case .extents, .uniform, .missing: throw node.refuse("it cuts a size")
    }
  }

  /// The numbers from `start` up to `end` (nil: the last) along an axis, where that is something RNNKit knows:
  /// directions or layers, a step at either end, part of a graph input. The axis stays.
  mutating func part(of flow: Flow, axis: Int, from start: Int, to end: Int?, _ node: OperatorNode) throws(RNNError) -> Flow {
    let atoms = flow.axes[axis]
    let size = extent(atoms, in: flow)
    if start == 0, end == nil || (size.value.map { (end ?? 0) >= $0 } ?? false) { return flow }
    if atoms == layout?.time || isSteps(atoms), flow.moment == .every, case .step = flow.source {
      if let step = try step(of: flow, axis: axis, from: start, to: end, size.value, node) { return step }
      return try cropped(flow, axis: axis, from: start, to: end, size.value, node)
    }
    guard let count = size.value else { throw node.refuse("it chooses some of the steps or sequences") }
    func bound(_ value: Int) -> Int { min(max(value < 0 ? value + count : value, 0), count) }
    let range = bound(start)..<max(bound(start), bound(end ?? count))
    guard !range.isEmpty else { throw node.refuse("it chooses nothing") }
    var flow = flow
    switch flow.source {
    case .input:
      guard case .input(_, let inputAxis)? = atoms.first, atoms.count == 1 else {
        throw node.refuse("it chooses some of the numbers")
      }
      let old = flow.selection[inputAxis]?.lowerBound ?? 0
      flow.selection[inputAxis] = old + range.lowerBound..<old + range.upperBound
    case .step:
      if atoms == [.rows] {
        flow.rows = Array(flow.rows[range])
      } else if case .hidden(let size)? = atoms.last, atoms == [.rows, .hidden(size)], range.lowerBound % size == 0,
        range.upperBound % size == 0
      {
        flow.rows = Array(flow.rows[range.lowerBound / size..<range.upperBound / size])
      } else {
        flow = try settled(flow, node)
        guard flow.positions == 1 else { throw node.refuse("it chooses some of the channels or positions") }
        guard axis == flow.axes.count - 1 || flow.axes[axis].allSatisfy({ if case .features = $0 { true } else { false } }),
          flow.axes[axis].count == 1, layout?.batch != atoms, layout?.time != atoms
        else { throw node.refuse("it chooses some of the steps, sequences or features") }
        if case .input(let input, let number)? = atoms.first { featureAxes[.input(input, axis: number)] = node.place }
        flow.source = try plain(.slice(range), [flow.source], flow.type, node)
        flow.axes[axis] = [.features(range.count)]
      }
    }
    return flow
  }

  /// Whether an axis is one of steps, as a window or a reduction over time took it.
  private func isSteps(_ axis: [Flow.Atom]) -> Bool {
    guard axis.count == 1, let origin = axis[0].origin else { return false }
    if case .window = axis[0] { return true }
    return timeAxes[.input(origin.input, axis: origin.axis)] != nil
  }

  /// Without some steps at either end, whose number does not depend on how many there are.
  private mutating func cropped(
    _ flow: Flow, axis: Int, from start: Int, to end: Int?, _ count: Int?, _ node: OperatorNode
  ) throws(RNNError) -> Flow {
    let behind = end.map { end in end < 0 ? end : count.map { min(0, end - $0) } ?? 1 } ?? 0
    guard start >= 0, behind <= 0 else {
      throw node.refuse("which of the steps it chooses depends on how many there are")
    }
    return try padded(flow, axis: axis, before: -start, after: behind, node)
  }

  /// With zeros before and after the steps; negative numbers cut steps off.
  mutating func padded(_ flow: Flow, axis: Int, before: Int, after: Int, _ node: OperatorNode) throws(RNNError) -> Flow {
    let window = TimeWindow(size: 1, before: before, after: after)
    guard window.isSound else { throw node.refuse("it pads or cuts more than \(Limits.maximumWindow) steps") }
    var result = try settled(flow, node)
    guard before != 0 || after != 0, isTime(result.axes[axis], node) else { return result }
    result.source = try plain(.window(.join, window), [result.source], flow.type, node)
    result.axes[axis] = try time(result.axes[axis], under: window, node)
    return result
  }

  /// One step in time, whose axis stays with size 1. Nil where it is none, or several.
  private mutating func step(
    of flow: Flow, axis: Int, from start: Int, to end: Int?, _ count: Int?, _ node: OperatorNode
  ) throws(RNNError) -> Flow? {
    var step = start
    let next = end ?? count ?? (start < 0 ? 0 : Int.max)
    // The last step, counted from the start of a known number of them.
    if let count, start >= 0, start == count - 1, count > 1 { step = -1 }
    guard next == start + 1 || (start == -1 && end == nil) || (step == -1 && next >= (count ?? Int.max)) else { return nil }
    var flow = flow
    flow.axes[axis] = []
    if flow.rows.isEmpty {
      flow.source = try plain(.select(selection(step)), [flow.source], flow.type, node)
    } else {
      flow.moment = .step(step)
    }
    return flow
  }

  /// A short constant in the other order, as exporters write what is padded.
  private func turned(_ constant: Constant, axis named: Int, from start: Int, to end: Int, _ node: OperatorNode) throws(RNNError) -> Constant {
    let axis = try axis(named, of: constant.shape.count, node), count = constant.tensor.shape[axis]
    guard start == -1 || start >= count - 1, end < -count, count <= Limits.maximumRank else {
      throw node.refuse("its step is -1; RNNKit follows it over all of a short constant only")
    }
    var parts: [Tensor] = []
    for index in (0..<count).reversed() {
      if let part = try constant.tensor.sliced(axis: axis, index..<index + 1) { parts.append(part) }
    }
    var result = constant
    guard parts.count == count, let tensor = try Tensor.concatenated(parts, axis: axis) else { throw node.refuse("its constant is too large") }
    result.tensor = tensor
    return result
  }

  /// Steps in the other order.
  private mutating func turned(
    _ flow: Flow, axis named: Int, from start: Int, to end: Int, _ node: OperatorNode
  ) throws(RNNError) -> Flow {
    let axis = try axis(named, of: flow.axes.count, node)
    guard start == -1 || start >= Int(Int32.max), end < -Int(Int32.max), flow.axes[axis] == layout?.time, flow.moment == .every
    else { throw node.refuse("its step is -1; RNNKit follows it over all steps in time only") }
    return try turned(flow, within: nil, node)
  }

  /// Each sequence turned round within its own length.
  mutating func reverse(_ node: inout OperatorNode) throws(RNNError) {
    let (batch, time) = (try node.integer("batch_axis") ?? 1, try node.integer("time_axis") ?? 0)
    guard case .flow(let flow) = try required(node, 0), !flow.isOpaque else { throw node.refuse("it turns a constant round") }
    let axis = try axis(time, of: flow.axes.count, node)
    let own = try self.axis(batch, of: flow.axes.count, node)
    guard let layout, flow.axes[axis] == layout.time, flow.axes[own] == layout.batch, flow.moment == .every else {
      throw node.refuse("it turns round along another axis than time")
    }
    set(node, .flow(try turned(flow, within: try lengths(node, 1), node)))
  }

  mutating func split(_ node: inout OperatorNode) throws(RNNError) {
    let named = try node.integer("axis") ?? 0
    var sizes = try node.integers("split")
    if sizes == nil { sizes = try integers(node, 1) }
    let count = try node.integer("num_outputs") ?? node.outputs.count
    let input = try required(node, 0)
    let total: Extent
    switch input {
    case .constant(let constant): total = constant.shape[try axis(named, of: constant.shape.count, node)]
    case .flow(let flow): total = extent(flow.axes[try axis(named, of: flow.axes.count, node)], in: flow)
    case .extents(let extents, _): total = .known(extents.count)
    case .uniform, .missing: total = .unknown
    }
    guard let total = total.value else { throw node.refuse("the size it divides depends on the graph's input") }
    guard (1...Limits.maximumTensorCount).contains(total), (1...total).contains(count) else {
      throw node.refuse("it divides \(total) into \(count)", remedy: OperatorNode.again)
    }
    let each = (total + count - 1) / count
    let parts = sizes ?? (0..<count).map { min(each, total - min(total, $0 * each)) }
    guard parts.count == node.outputs.count, parts.allSatisfy({ (0...total).contains($0) }), parts.reduce(0, +) == total
    else { throw node.refuse("its parts do not fit the axis", remedy: OperatorNode.again) }
    var start = 0
    for (index, size) in parts.enumerated() {
      set(node, try cut(input, axis: named, from: start, to: start + size, step: 1, node), output: index)
      start += size
    }
  }

  mutating func concat(_ node: inout OperatorNode) throws(RNNError) {
    guard let named = try node.integer("axis") else {
      throw node.refuse("it names no axis", remedy: OperatorNode.again)
    }
    var parts: [GraphValue] = []
    for index in node.proto.input.indices { parts.append(try required(node, index)) }
    guard let first = parts.first else { throw node.refuse("it has no inputs", remedy: OperatorNode.again) }
    if parts.count == 1 { return set(node, first) }
    if parts.contains(where: { if case .flow = $0 { true } else { false } }) {
      var flows: [Flow] = []
      for part in parts {
        guard case .flow(let flow) = part, !flow.isOpaque else {
          throw node.refuse("it puts constants, or what is not understood, beside the numbers")
        }
        flows.append(flow)
      }
      if let rows = try joined(flows, named, node) { return set(node, .flow(rows)) }
      return set(node, .flow(try concatenated(flows, named, node)))
    }
    if parts.contains(where: { if case .extents = $0 { true } else { false } }) {
      var extents: [Extent] = []
      for index in parts.indices { extents += try sizes(node, index) ?? [] }
      guard extents.count <= Limits.maximumRank else { throw node.refuse("it makes a shape of \(extents.count) axes") }
      let numbers = extents.compactMap(\.value).map(Int64.init)
      if numbers.count == extents.count, let shape = Shape([numbers.count]), let tensor = Tensor(numbers, shape) {
        return set(node, .constant(Constant(tensor)))
      }
      return set(node, .extents(extents, isScalar: false))
    }
    try concatConstants(parts, named, node)
  }

  /// Constants that are repeated along other axes than the one that they are joined along, all in the same way.
  private mutating func concatRepeated(_ constants: [Constant], _ named: Int, _ node: OperatorNode) throws(RNNError) {
    let first = constants[0]
    let axis = try axis(named, of: first.shape.count, node)
    func rest<Size>(_ sizes: [Size]) -> [Size] { sizes.enumerated().filter { $0.offset != axis }.map(\.element) }
    guard
      constants.allSatisfy({ constant in
        constant.shape.count == first.shape.count && constant.type == first.type
          && constant.tensor.elementType == first.tensor.elementType && rest(constant.shape) == rest(first.shape)
          && rest(constant.tensor.shape.dimensions) == rest(first.tensor.shape.dimensions)
          && constant.shape[axis] == .known(constant.tensor.shape[axis])
      })
    else { throw node.refuse("it joins constants that are repeated in different ways") }
    try spend(constants.reduce(0) { $0 + $1.tensor.byteCount }, node)
    guard let tensor = try Tensor.concatenated(constants.map(\.tensor), axis: axis) else {
      throw node.refuse("what it makes is too large")
    }
    var shape = first.shape
    shape[axis] = .known(tensor.shape[axis])
    set(node, .constant(Constant(tensor, shape: shape, type: first.type, name: node.outputs.first)))
  }

  private mutating func concatConstants(_ parts: [GraphValue], _ named: Int, _ node: OperatorNode) throws(RNNError) {
    var constants: [Constant] = []
    for part in parts {
      guard case .constant(let constant) = part else { throw node.refuse("it joins constants and sizes") }
      constants.append(constant)
    }
    if !constants.allSatisfy(\.isPlain) { return try concatRepeated(constants, named, node) }
    let rank = constants[0].shape.count
    let axis = try axis(named, of: rank, node)
    let type = constants[0].type
    func rest(_ constant: Constant) -> [Int] {
      constant.tensor.shape.dimensions.enumerated().filter { $0.offset != axis }.map(\.element)
    }
    guard constants.allSatisfy({ $0.type == type && $0.shape.count == rank && rest($0) == rest(constants[0]) }) else {
      throw node.refuse("its inputs' shapes or types do not fit each other", remedy: OperatorNode.again)
    }
    var tensors = constants.map(\.tensor)
    if Set(tensors.map(\.elementType)).count > 1 {
      tensors = tensors.compactMap { $0.elementType == type ? $0 : $0.converted(to: type)?.tensor }
    }
    try spend(tensors.reduce(0) { $0 + $1.byteCount }, node)
    guard tensors.count == constants.count, let tensor = try Tensor.concatenated(tensors, axis: axis) else {
      throw node.refuse("what it makes is too large")
    }
    set(
      node,
      .constant(
        Constant(tensor, shape: tensor.shape.dimensions.map(Extent.known), type: type, name: node.outputs.first)))
  }

  /// Directions or layers put side by side: along an axis of their own, or along the features. Nil for anything else.
  private func joined(_ flows: [Flow], _ named: Int, _ node: OperatorNode) throws(RNNError) -> Flow? {
    var result = flows[0]
    let axis = try axis(named, of: result.axes.count, node)
    func bare(_ axes: [[Flow.Atom]]) -> [[Flow.Atom]] { axes.map { $0.filter { $0 != .rows } } }
    let isFinal = flows.allSatisfy { isLast($0) }
    for flow in flows {
      // The rows run along the axis, or there is one row, which may stand anywhere.
      let isAlong = flow.axes.count == result.axes.count && (flow.rows.count == 1 || flow.axes[axis].first == .rows)
      guard isAlong, !flow.rows.isEmpty, bare(flow.axes) == bare(result.axes), flow.quantity == result.quantity,
        flow.moment == result.moment || isFinal
      else { return nil }
    }
    result.axes = bare(result.axes)
    if case .hidden? = result.axes[axis].first {} else { guard result.axes[axis].isEmpty else { return nil } }
    result.axes[axis].insert(.rows, at: 0)
    result.rows = flows.flatMap(\.rows)
    guard result.rows.count <= 2 * Limits.maximumLayerCount else {
      throw node.refuse("it joins more than \(2 * Limits.maximumLayerCount) directions")
    }
    if isFinal { result.moment = .final }
    return result
  }

  /// Features of values, one after the other. States that are put together otherwise go nowhere but out of the graph.
  private mutating func concatenated(_ flows: [Flow], _ named: Int, _ node: OperatorNode) throws(RNNError) -> Flow {
    let axis = try axis(named, of: flows[0].axes.count, node)
    var parts: [Flow] = []
    do throws(RNNError) {
      for flow in flows {
        let part = try settled(flow, node)
        guard axis == part.axes.count - 1, part.axes.count == flows[0].axes.count, part.type == flows[0].type, part.type.isWeight,
          part.axes.dropLast() == (parts.first ?? part).axes.dropLast(), case let size = try features(part, node), size != nil
        else { throw node.refuse("it joins numbers in a way that RNNKit does not follow") }
        parts.append(part)
      }
    } catch {
      guard flows.allSatisfy({ $0.isState }) else { throw error }
      var states = flows[0]
      (states.isOpaque, states.isStates, states.axes) = (true, true, [])
      return states
    }
    var size = 0
    for part in parts { size += try features(part, node) ?? 0 }
    guard size <= Limits.maximumModuleSize else { throw node.refuse("it makes \(size) features") }
    var result = parts[0]
    result.source = try plain(.concatenate, parts.map(\.source), result.type, node)
    result.axes[axis] = [.features(size)]
    return result
  }
}
