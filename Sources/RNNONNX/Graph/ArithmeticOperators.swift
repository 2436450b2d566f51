import RNNModel

/// Sums, differences, products and quotients: of values, of a value and stored numbers, and of sizes.
extension GraphReader {
  mutating func arithmetic(_ node: inout OperatorNode, _ kind: Forward.Arithmetic) throws(RNNError) {
    try arithmetic(node, kind, try required(node, 0), try required(node, 1))
  }

  mutating func arithmetic(
    _ node: OperatorNode, _ kind: Forward.Arithmetic, _ first: GraphValue, _ second: GraphValue
  ) throws(RNNError) {
    for (number, other) in [(first, second), (second, first)] {
      if try chosen(node, kind, number, other) { return }
    }
    switch (first, second) {
    case (.flow(let first), .flow(let second)): try combine(node, kind, first, second)
    case (.flow(let flow), .constant(let constant)): try combine(node, kind, flow, constant, isFirst: true)
    case (.constant(let constant), .flow(let flow)): try combine(node, kind, flow, constant, isFirst: false)
    case (.flow, _), (_, .flow): throw node.refuse("it combines numbers with sizes")
    default:
      for case .constant(let constant) in [first, second] where !constant.tensor.elementType.isInteger {
        throw node.refuse("it computes with constants alone, which RNNKit does not", remedy: "export the model with constant folding")
      }
      try combineSizes(node, kind, first, second)
    }
  }

  /// Whole numbers times 0 or 1, or plus 0: how exporters write a choice between indices. False for anything else.
  private mutating func chosen(
    _ node: OperatorNode, _ kind: Forward.Arithmetic, _ number: GraphValue, _ other: GraphValue
  ) throws(RNNError) -> Bool {
    guard case .extents(let extents, _) = number, extents.count == 1, let value = extents[0].value, case .flow(let flow) = other,
      flow.type.isInteger, !flow.isWhole
    else { return false }
    switch (kind, value) {
    case (.multiply, 0): set(node, .extents([.known(0)], isScalar: true))
    case (.multiply, 1), (.add, 0): set(node, .flow(flow))
    default: return false
    }
    return true
  }

  /// Whether indices, which no embedding takes below 0, are below 0.
  mutating func compare(_ node: inout OperatorNode) throws(RNNError) {
    guard case .flow(let flow) = try required(node, 0), flow.untouchedInput != nil, flow.type.isInteger,
      case .constant(let constant) = try required(node, 1), constant.tensor.count == 1,
      constant.tensor.elementType.isInteger ? constant.tensor.exactIntegers == [0] : constant.number == 0
    else { throw node.refuse("RNNKit follows it only between indices and 0") }
    set(node, .extents([.known(node.kind == "Less" ? 0 : 1)], isScalar: true))
  }

  mutating func not(_ node: inout OperatorNode) throws(RNNError) {
    guard case .extents(let extents, let isScalar) = try required(node, 0), extents.allSatisfy({ [0, 1].contains($0.value) }) else {
      throw node.refuse("RNNKit follows it only after a comparison of indices or sizes")
    }
    set(node, .extents(extents.map { .known(1 - ($0.value ?? 0)) }, isScalar: isScalar))
  }

  /// A value and stored numbers: one, or one for each feature.
  private mutating func combine(
    _ node: OperatorNode, _ kind: Forward.Arithmetic, _ flow: Flow, _ constant: Constant, isFirst: Bool
  ) throws(RNNError) {
    if kind == .add, let biased = try biased(flow, by: constant, node) { return set(node, .flow(biased)) }
    guard !flow.isStates else { throw node.refuse("it reads states that were put together") }
    guard constant.isPlain, constant.type == flow.type, constant.tensor.elementType.isWeight else {
      throw node.refuse("it combines \(flow.type.rawValue) with other numbers than stored ones of that type")
    }
    let count = constant.tensor.count
    var result = flow.isOpaque && count == 1 ? flow : try settled(flow, node)
    guard (1...Limits.maximumModuleSize).contains(count), result.isOpaque || constant.shape.count <= result.axes.count
    else { throw node.refuse("it takes stored numbers that are neither one nor one for each feature") }
    var numbers = constant.tensor.doubles
    if count > 1 {
      let axis = try axis(of: constant, in: result, node)
      let size: Int?
      if axis == result.axes.count - 1, result.positions == 1 {
        size = try features(result, node)
      } else {
        guard axis > 0, result.axes.count > 2 else { throw node.refuse("it takes stored numbers along another axis than that of the features") }
        let plane = try plane(result, dimensions: result.axes.count - 2, node)
        result = plane.flow
        // Each position has the numbers of all channels, or the same one for all of them.
        let channels = plane.channels ?? count, positions = result.positions
        size = axis == 1 ? channels : axis == plane.positionsAxis ? positions : nil
        guard size == count, channels <= Limits.maximumModuleSize / max(1, positions) else {
          throw node.refuse("it takes \(count) stored numbers, and \(size ?? 1) channels or positions")
        }
        numbers = axis == 1 ? (0..<positions).flatMap { _ in numbers } : numbers.flatMap { [Double](repeating: $0, count: channels) }
      }
      guard size == count else { throw node.refuse("it takes \(count) stored numbers, and \(size ?? 1) features") }
    }
    if kind == .multiply, count == 1, constant.number == 0.5, let gelu = gelu(halved: result.source) {
      result.source = try plain(.activation(.elementwise(.gelu)), [gelu], flow.type, node)
      return set(node, .flow(result))
    }
    let stored = try plain(.constant(numbers), [], flow.type, node)
    result.source = try plain(.arithmetic(kind), isFirst ? [result.source, stored] : [stored, result.source], flow.type, node)
    set(node, .flow(result))
  }

  /// Two values; one of them may have one feature, or no time axis.
  private mutating func combine(
    _ node: OperatorNode, _ kind: Forward.Arithmetic, _ first: Flow, _ second: Flow
  ) throws(RNNError) {
    guard first.type == second.type, first.type.isWeight else { throw node.refuse("it combines numbers of different types") }
    let (a, b) = (try settled(first, node), try settled(second, node))
    let rank = max(a.axes.count, b.axes.count)
    guard rank > 0 else { throw node.refuse("what it takes has no axis of features") }
    var result = a.axes.count < rank ? b : a
    func aligned(_ flow: Flow) -> [[Flow.Atom]] { Array(repeating: [], count: rank - flow.axes.count) + flow.axes }
    for (index, (own, other)) in zip(aligned(a), aligned(b)).enumerated() {
      if index == rank - 1 {
        let (m, n) = (extent(own, in: a), extent(other, in: b))
        guard own == other || (m == n && m.value != nil) || m == .known(1) || n == .known(1) else {
          throw node.refuse("it combines numbers of different features")
        }
        result.axes[index] = m == .known(1) ? other : own
      } else {
        // Each value's own sequences: one for all of them is none that RNNKit has.
        guard own == other || ((own.isEmpty || other.isEmpty) && (own + other) == layout?.time) else {
          throw node.refuse("it combines numbers whose axes do not fit each other")
        }
        result.axes[index] = own.isEmpty ? other : own
      }
    }
    // Channels and positions on axes of their own fit as they are.
    if a.axes != b.axes || a.positions == 1 && a.axes.count == 2 { _ = try (features(a, node), features(b, node)) }
    if kind == .multiply, let source = silu(a.source, b.source) {
      result.source = try plain(.activation(.elementwise(.silu)), [source], first.type, node)
    } else if kind == .multiply, let source = gelu(a.source, b.source) {
      result.source = try plain(.activation(.elementwise(.gelu)), [source], first.type, node)
    } else {
      result.source = try plain(.arithmetic(kind), [a.source, b.source], first.type, node)
    }
    set(node, .flow(result))
  }

  // MARK: Activations that are several nodes

  private func step(_ source: Flow.Source) -> GraphStep? {
    if case .step(let index) = source { steps[index] } else { nil }
  }

  private func plain(_ source: Flow.Source) -> (operation: Forward.Operation, inputs: [Flow.Source])? {
    guard let step = step(source), case .plain(let operation) = step.operation else { return nil }
    return (operation, step.inputs)
  }

  /// x of x·sigmoid(x).
  private func silu(_ first: Flow.Source, _ second: Flow.Source) -> Flow.Source? {
    for (x, gate) in [(first, second), (second, first)] {
      if let gate = plain(gate), gate.operation == .activation(.elementwise(.sigmoid)), gate.inputs == [x] { return x }
    }
    return nil
  }

  /// x and the number of x·number, x/number or their like.
  private func scaled(_ source: Flow.Source, _ kind: Forward.Arithmetic) -> (x: Flow.Source, by: Double)? {
    guard let step = plain(source), step.operation == .arithmetic(kind) else { return nil }
    for (x, number) in [(0, 1), (1, 0)] where kind != .divide || x == 0 {
      if case .constant(let values)? = plain(step.inputs[number])?.operation, values.count == 1 {
        return (step.inputs[x], values[0])
      }
    }
    return nil
  }

  /// x of 1 + erf(x/√2).
  private func erf(_ source: Flow.Source) -> Flow.Source? {
    guard let sum = scaled(source, .add), sum.by == 1, let erf = step(sum.x), case .unknown(let link) = erf.operation,
      link.className == "Erf", erf.inputs.count == 1
    else { return nil }
    // The number nearest to the root in the graph's type, or one beside it: exporters work it out in several ways.
    func isRoot(_ value: Double, _ root: Double) -> Bool {
      erf.type == .float64 ? abs(value - root) <= root.ulp : abs(Float(value) - Float(root)) <= Float(root).ulp
    }
    if let part = scaled(erf.inputs[0], .divide), isRoot(part.by, 2.0.squareRoot()) { return part.x }
    if let part = scaled(erf.inputs[0], .multiply), isRoot(part.by, 0.5.squareRoot()) { return part.x }
    return nil
  }

  /// x where the value is x·(1 + erf(x/√2)), to be halved.
  private func gelu(halved source: Flow.Source) -> Flow.Source? {
    guard let product = plain(source), product.operation == .arithmetic(.multiply) else { return nil }
    for (x, other) in [(0, 1), (1, 0)] where erf(product.inputs[other]) == product.inputs[x] { return product.inputs[x] }
    return nil
  }

  /// x where a product's one factor is x/2 and the other 1 + erf(x/√2), or one x and the other half of that.
  private func gelu(_ first: Flow.Source, _ second: Flow.Source) -> Flow.Source? {
    for (a, b) in [(first, second), (second, first)] {
      if let half = scaled(a, .multiply), half.by == 0.5, erf(b) == half.x { return half.x }
      if let half = scaled(b, .multiply), half.by == 0.5, erf(half.x) == a { return a }
    }
    return nil
  }

  // MARK: Sizes

  private mutating func combineSizes(
    _ node: OperatorNode, _ kind: Forward.Arithmetic, _ first: GraphValue, _ second: GraphValue
  ) throws(RNNError) {
    let (a, b) = (try sizes(node, 0) ?? [], try sizes(node, 1) ?? [])
    guard a.count == b.count || a.count == 1 || b.count == 1 else {
      throw node.refuse("its inputs differ in size", remedy: OperatorNode.again)
    }
    // One number goes with each of the others, of which there may be none.
    let count = a.count == 1 ? b.count : a.count
    let results = (0..<count).map { index in
      Self.combined(a[a.count == 1 ? 0 : index], b[b.count == 1 ? 0 : index], kind)
    }
    var isScalar = true
    for case .extents(_, false) in [first, second] { isScalar = false }
    for case .constant(let constant) in [first, second] where !constant.shape.isEmpty { isScalar = false }
    set(node, .extents(results, isScalar: isScalar))
  }

  private static func combined(_ first: Extent, _ second: Extent, _ kind: Forward.Arithmetic) -> Extent {
    if kind == .multiply { return first * second }
    guard let a = first.value, let b = second.value else { return .unknown }
    let (result, overflow) =
      kind == .add ? a.addingReportingOverflow(b)
      : kind == .subtract ? a.subtractingReportingOverflow(b) : a.dividedReportingOverflow(by: b)
    return overflow ? .unknown : .known(result)
  }

  /// The product of sizes.
  mutating func product(_ node: inout OperatorNode) throws(RNNError) {
    let keeps = try node.flag("keepdims", default: true)
    var axes = try node.integers("axes")
    if axes == nil { axes = try integers(node, 1) }
    guard axes == nil || axes == [0] || axes == [-1], case .extents = try required(node, 0), let values = try sizes(node, 0) else {
      throw node.refuse("RNNKit follows it for sizes only")
    }
    set(node, .extents([values.reduce(.known(1), *)], isScalar: !keeps))
  }
}
