import RNNModel

/// Operations that move axes about, or take a part along one.
extension ScriptInterpreter {
  func axis(_ dim: Int, of tensor: ScriptTensor) -> ScriptAxis? {
    position(dim, of: tensor).map { tensor.axes[$0] }
  }

  private func position(_ dim: Int, of tensor: ScriptTensor) -> Int? {
    let index = dim < 0 ? tensor.axes.count &+ dim : dim
    return tensor.axes.indices.contains(index) ? index : nil
  }

  mutating func layout(_ name: String, _ values: [ScriptValue], _ keywords: Keywords) throws(ScriptStop) -> ScriptValue {
    let refusal = problem("torch.\(name)")
    guard let first = values.first else { throw refusal }
    // A starting state stays one, whatever part of it is meant; zeros stay zeros.
    switch first {
    case .startingState where ["contiguous", "unsqueeze", "squeeze"].contains(name): return first
    case .zeros: return first
    default: break
    }
    let tensor = try self.tensor(first, "torch.\(name)")
    guard !tensor.isPacked else { throw problem("torch.\(name) of packed sequences") }
    var integers: [Int?] = []
    for value in values.dropFirst() { if case .integer(let number) = value { integers.append(number) } else { integers.append(nil) } }
    switch name {
    case "transpose", "swapaxes", "swapdims":
      guard integers.count == 2, let a = integers[0].flatMap({ position($0, of: tensor) }),
        let b = integers[1].flatMap({ position($0, of: tensor) })
      else { throw refusal }
      var result = tensor
      result.axes.swapAt(a, b)
      return .tensor(result)
    case "permute":
      guard values.count == 2, case .sequence(let list) = values[1], sequences[list].count == tensor.axes.count else { throw refusal }
      var order: [Int] = []
      for value in sequences[list] {
        guard case .integer(let dim) = value, let position = position(dim, of: tensor) else { throw refusal }
        order.append(position)
      }
      guard Set(order).count == order.count else { throw refusal }
      var result = tensor
      result.axes = order.map { tensor.axes[$0] }
      return .tensor(result)
    case "select":
      guard integers.count == 2, let dim = integers[0].flatMap({ position($0, of: tensor) }), let index = integers[1] else {
        throw problem("torch.select of what is only known when it runs")
      }
      return try selected(tensor, dim, index)
    case "slice":
      return try sliced(tensor, values, integers)
    case "squeeze": return try squeezed(tensor, integers, values.count)
    case "unsqueeze":
      guard let dim = integers.first ?? nil, case let count = tensor.axes.count + 1, (-count..<count).contains(dim) else { throw refusal }
      let at = dim < 0 ? dim + count : dim
      var result = tensor
      result.axes.insert(at == count - 1 && !tensor.axes.contains(.features) ? .features : .one, at: at)
      if result.axes[at] == .features, graph.features[tensor.step] != 1 { throw refusal }
      return .tensor(result)
    case "view", "reshape":
      guard values.count == 2, case .sequence(let sizes) = values[1] else { throw refusal }
      return try reshaped(tensor, sequences[sizes], name)
    case "expand", "repeat":
      guard values.count >= 2, case .sequence(let sizes) = values[1] else { throw refusal }
      return try repeated(tensor, sequences[sizes], isExpansion: name == "expand")
    case "chunk", "split": return try chunks(name, tensor, values, keywords)
    case "flip":
      guard values.count == 2, case .sequence(let list) = values[1], sequences[list].count == 1,
        case .integer(let dim) = sequences[list][0], axis(dim, of: tensor) == .time, graph.hasTime[tensor.step], !isLengthAware,
        tensor.state == nil
      else { throw problem("torch.flip of another axis than time, or of padded sequences") }
      hasLayout = true
      var result = tensor
      result.step = try add(.flip, [tensor.step], features: graph.features[tensor.step], hasTime: true)
      return .tensor(result)
    default: throw refusal
    }
  }

  // MARK: Parts

  private mutating func selected(_ tensor: ScriptTensor, _ dim: Int, _ index: Int) throws(ScriptStop) -> ScriptValue {
    var result = tensor
    result.axes.remove(at: dim)
    switch tensor.axes[dim] {
    case .layers:
      guard let state = tensor.state else { throw problem("torch.select of a layer") }
      let number = index < 0 ? state.count &+ index : index
      guard (0..<state.count).contains(number) else { throw problem("torch.select of a state that there is not") }
      result.state = nil
      result.step = try add(.state(state.kind, number), [tensor.step], features: stateFeatures(tensor, state.kind), hasTime: false, isView: true)
      return .tensor(result)
    case _ where tensor.state != nil: throw problem("torch.select along another axis of all states")
    case .time:
      hasLayout = true
      guard graph.hasTime[tensor.step] else { return .tensor(result) }
      let operation: ScriptGraph.Operation = index == -1 ? .last : index == 0 ? .first : .at(index)
      result.step = try add(operation, [tensor.step], features: graph.features[tensor.step], hasTime: false, isView: true)
      return .tensor(result)
    case .features:
      let features = graph.features[tensor.step]
      let (lower, upper) = try bounds(index, index == -1 ? nil : index &+ 1, features)
      result.step = try add(
        .slice(lower, upper), [tensor.step], features: 1, hasTime: graph.hasTime[tensor.step], isView: true)
      return .tensor(result)
    case .one where index == 0 || index == -1: return .tensor(result)
    default: throw problem("torch.select of one sequence of the batch")
    }
  }

  /// Features of h or c of a call.
  private func stateFeatures(_ tensor: ScriptTensor, _ kind: String) -> Int? {
    guard case .module(let path) = graph.steps[tensor.step].operation, let hidden = archive[Model.join(path, "weight_hh_l0")]?.shape,
      hidden.rank == 2
    else { return nil }
    return kind == "cn" ? hidden.dimensions[0] / 4 : hidden.dimensions[1]
  }

  /// Bounds from 0 on where it is known how many features there are.
  private func bounds(_ lower: Int?, _ upper: Int?, _ features: Int?) throws(ScriptStop) -> (Int?, Int?) {
    guard let features else { return (lower == 0 ? nil : lower, upper == Int.max ? nil : upper) }
    func clamped(_ value: Int) -> Int { min(max(value < 0 ? value &+ features : value, 0), features) }
    let (start, end) = (clamped(lower ?? 0), clamped(upper ?? features))
    guard start < end else { throw problem("torch.slice of no features") }
    return (start, end)
  }

  private mutating func sliced(
    _ tensor: ScriptTensor, _ values: [ScriptValue], _ integers: [Int?]
  ) throws(ScriptStop) -> ScriptValue {
    // (tensor, dim, start, end, step)
    func bound(_ index: Int, _ initial: Int?) throws(ScriptStop) -> Int? {
      guard values.count > index, !isNone(values[index]) else { return initial }
      guard let value = integers[index - 1] else { throw problem("torch.slice to what is only known when it runs") }
      return value
    }
    guard let dim = try bound(1, 0).flatMap({ position($0, of: tensor) }), try bound(4, 1) == 1 else { throw problem("torch.slice by steps") }
    let (lower, upper) = (try bound(2, nil), try bound(3, nil))
    if lower ?? 0 == 0, upper ?? Int.max == Int.max { return .tensor(tensor) }
    guard tensor.state == nil else { throw problem("torch.slice of all states") }
    switch tensor.axes[dim] {
    case .features:
      let (lower, upper) = try bounds(lower, upper, graph.features[tensor.step])
      if lower == 0, upper != nil, upper == graph.features[tensor.step] { return .tensor(tensor) }
      var features: Int?
      if let lower, let upper, lower >= 0, upper > lower { features = upper - lower }
      if graph.features[tensor.step] == nil {
        if lower == nil, let upper, upper > 0 { features = upper }
        if upper == nil, let lower, lower < 0, lower > -(1 << 28) { features = -lower }
      }
      var result = tensor
      result.step = try add(
        .slice(lower, upper), [tensor.step], features: features, hasTime: graph.hasTime[tensor.step], isView: true)
      return .tensor(result)
    case .time where lower == -1 && upper ?? Int.max == Int.max && graph.hasTime[tensor.step]:
      guard case .tensor(var result) = try selected(tensor, dim, -1) else { throw problem("torch.slice") }
      result.axes.insert(.one, at: dim)
      return .tensor(result)
    case .time: throw problem("torch.slice of steps")
    default: throw problem("torch.slice of sequences of the batch")
    }
  }

  private mutating func chunks(
    _ name: String, _ tensor: ScriptTensor, _ values: [ScriptValue], _ keywords: Keywords
  ) throws(ScriptStop) -> ScriptValue {
    var dim = 0
    if let value = values.count > 2 ? values[2] : keywords["dim"] {
      guard case .integer(let number) = value else { throw problem("torch.\(name)") }
      dim = number
    }
    guard tensor.state == nil, axis(dim, of: tensor) == .features, let features = graph.features[tensor.step], values.count > 1 else {
      throw problem("torch.\(name) of another axis than features, or of an unknown number of them")
    }
    var sizes: [Int] = []
    switch values[1] {
    case .integer(let count) where (1...features).contains(count):
      let size = name == "chunk" ? (features - 1) / count + 1 : count
      guard (features - 1) / size < 256 else { throw problem("torch.\(name) in so many parts") }
      for start in stride(from: 0, to: features, by: size) { sizes.append(min(size, features - start)) }
    case .sequence(let list) where name == "split":
      for value in sequences[list] {
        guard case .integer(let size) = value, (1...features).contains(size) else { throw problem("torch.split") }
        sizes.append(size)
      }
    default: throw problem("torch.\(name)")
    }
    guard sizes.count <= 256, sizes.reduce(0, &+) == features else { throw problem("torch.\(name)") }
    var (parts, start): ([ScriptValue], Int) = ([], 0)
    for size in sizes {
      var part = tensor
      part.step = try add(
        .slice(start, start + size), [tensor.step], features: size, hasTime: graph.hasTime[tensor.step], isView: true)
      parts.append(.tensor(part))
      start += size
    }
    return sequence(parts)
  }

  // MARK: Shapes

  private mutating func squeezed(_ tensor: ScriptTensor, _ integers: [Int?], _ count: Int) throws(ScriptStop) -> ScriptValue {
    var dim: Int?
    if count > 1 {
      dim = (integers.first ?? nil).flatMap { position($0, of: tensor) }
    } else {
      // Which axes are gone without a number depends on what is run, unless one is of length 1 anyway.
      dim = tensor.axes.firstIndex { $0 == .one || ($0 == .layers && tensor.state?.count == 1) }
    }
    guard let dim else { throw problem("torch.squeeze of axes that are only known when it runs") }
    var result = tensor
    switch tensor.axes[dim] {
    case .one: result.axes.remove(at: dim)
    case .layers:
      guard tensor.state?.count == 1 else { return .tensor(tensor) }
      return try selected(tensor, dim, 0)
    case .features where tensor.state == nil:
      guard let features = graph.features[tensor.step] else { throw problem("torch.squeeze of an unknown number of features") }
      if features == 1 { result.axes.remove(at: dim) }
    default: throw problem("torch.squeeze of batch or time")
    }
    return .tensor(result)
  }

  private func reshaped(_ tensor: ScriptTensor, _ sizes: [ScriptValue], _ name: String) throws(ScriptStop) -> ScriptValue {
    let refusal = problem("torch.\(name) to other axes")
    guard tensor.state == nil, tensor.axes.last == .features, !isIndices(tensor) else { throw refusal }
    let features = graph.features[tensor.step]
    guard let last = sizes.last else { throw refusal }
    var open = 0
    for size in sizes { if case .integer(-1) = size { open += 1 } }
    guard open <= 1 else { throw refusal }
    // Features must stay what they are: known as a number, the same axis, or what is left.
    switch last {
    case .integer(-1): break
    case .integer(let count): guard count == features else { throw refusal }
    case .size(.features?): guard features == nil else { throw refusal }
    default: throw refusal
    }
    func fits(_ size: ScriptValue, _ axis: ScriptAxis) -> Bool {
      switch size {
      case .integer(-1): return true
      case .integer(1): return axis == .one
      case .size(let known?): return known == axis || { if case (.merged, .merged) = (known, axis) { true } else { false } }()
      default: return false
      }
    }
    let (before, wanted) = (Array(tensor.axes.dropLast()), Array(sizes.dropLast()))
    var candidates = [before]
    switch before {
    case [.batch, .time]: candidates.append([.merged(batchFirst: true)])
    case [.time, .batch]: candidates.append([.merged(batchFirst: false)])
    case [.merged(batchFirst: true)]: candidates.append([.batch, .time])
    case [.merged(batchFirst: false)]: candidates.append([.time, .batch])
    default: break
    }
    for axes in candidates where axes.count == wanted.count && zip(wanted, axes).allSatisfy(fits) {
      var result = tensor
      result.axes = axes + [.features]
      return .tensor(result)
    }
    throw refusal
  }

  private func repeated(_ tensor: ScriptTensor, _ sizes: [ScriptValue], isExpansion: Bool) throws(ScriptStop) -> ScriptValue {
    guard sizes.count == tensor.axes.count, tensor.state == nil else { throw problem("a repeated value") }
    var result = tensor
    for (index, axis) in tensor.axes.enumerated() {
      switch (sizes[index], axis) {
      case (.integer(-1), _) where isExpansion, (.integer(1), _) where !isExpansion: break
      case (.size(.time?), .one): result.axes[index] = .time
      case (.size(let known?), _) where isExpansion && known == axis: break
      case (.integer(let count), .features) where isExpansion && count == graph.features[tensor.step]: break
      default: throw problem("a repeated value")
      }
    }
    return .tensor(result)
  }
}
