import RNNModel

/// Operations that take a part along an axis, or put parts together.
extension ScriptInterpreter {
  mutating func selected(_ tensor: ScriptTensor, _ dim: Int, _ index: Int) throws(ScriptStop) -> ScriptValue {
    var result = tensor
    let axis = tensor.axes[dim]
    if tensor.isLayers(dim), let state = tensor.state {
      let number = index < 0 ? state.count &+ index : index
      guard (0..<state.count).contains(number) else { throw problem("torch.select of a state that there is not") }
      result.state = nil
      result.axes.remove(at: dim)
      result.step = try add(.state(state.kind, number), [tensor.step], hasTime: false, isView: true)
      return .tensor(result)
    }
    guard tensor.state == nil else { throw problem("torch.select along another axis of all states") }
    if axis.isEmpty {
      guard index == 0 || index == -1 else { throw problem("torch.select beyond the end") }
    } else if isTime(axis) {
      hasLayout = true
      if graph.hasTime[tensor.step] {
        result.step = try add(index == -1 ? .last : index == 0 ? .first : .at(index), [tensor.step], hasTime: false, isView: true)
      }
    } else if axis.allSatisfy(\.isFeatures) {
      guard case .tensor(let part) = try features(tensor, dim, index, index == -1 ? nil : index &+ 1) else { throw problem("torch.select") }
      result = part
    } else {
      throw problem("torch.select of one sequence of the batch")
    }
    result.axes.remove(at: dim)
    return .tensor(result)
  }

  /// Features from a bound to another one of an axis; nil for its start or end.
  private mutating func features(_ tensor: ScriptTensor, _ dim: Int, _ lower: Int?, _ upper: Int?) throws(ScriptStop) -> ScriptValue {
    let axis = tensor.axes[dim]
    guard let size = count(axis) else {
      // All features of a step, of a number that nothing tells here.
      guard axis == tensor.layout, axis.count == 1 else { throw problem("torch.slice of an axis of an unknown number") }
      var count: Int?
      if let lower, let upper, lower >= 0, upper > lower { count = upper - lower }
      if lower ?? 0 == 0, let upper, upper > 0 { count = upper }
      if upper == nil, let lower, lower < 0, lower > -(1 << 28) { count = -lower }
      var result = try add(.slice(lower == 0 ? nil : lower, upper == Int.max ? nil : upper), of: tensor, isView: true)
      result.axes[dim] = count.map { fresh($0) } ?? [.open(.step(result.step))]
      result.layout = result.axes[dim]
      return .tensor(result)
    }
    func clamped(_ value: Int) -> Int { min(max(value < 0 ? value &+ size : value, 0), size) }
    let (start, end) = (clamped(lower ?? 0), clamped(upper ?? size))
    guard start < end else { throw problem("torch.slice of no features") }
    if end - start == size { return .tensor(tensor) }
    let rest = tensor.plane.rest(without: axis)
    guard let each = count(rest) else { throw problem("torch.slice of an axis beside one of an unknown number") }
    var result = try arranged(tensor, axis + rest, "torch.slice")
    // A view only of what is not moved.
    let isView = result.step == tensor.step
    result = try add(.slice(start * each, end * each), of: result, isView: isView)
    result.axes[dim] = fresh(end - start)
    result.layout = result.axes[dim] + rest
    return .tensor(result)
  }

  mutating func sliced(_ tensor: ScriptTensor, _ values: [ScriptValue], _ integers: [Int?]) throws(ScriptStop) -> ScriptValue {
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
    let axis = tensor.axes[dim]
    if axis.allSatisfy(\.isFeatures) { return try features(tensor, dim, lower, upper) }
    guard isTime(axis) else { throw problem("torch.slice of sequences of the batch") }
    if lower == -1, upper ?? Int.max == Int.max, graph.hasTime[tensor.step] {
      guard case .tensor(var result) = try selected(tensor, dim, -1) else { throw problem("torch.slice") }
      result.axes.insert([], at: dim)
      return .tensor(result)
    }
    let cut = upper ?? Int.max == Int.max ? 0 : upper ?? 0
    guard let before = Optional(lower ?? 0), (0...Limits.maximumWindow).contains(before), (-Limits.maximumWindow...0).contains(cut), upper ?? -1 != 0 else {
      throw problem("torch.slice of steps counted from the other end")
    }
    return .tensor(try windowed(tensor, dim, .join, TimeWindow(size: 1, before: -before, after: cut), "torch.slice"))
  }

  mutating func chunks(_ name: String, _ tensor: ScriptTensor, _ values: [ScriptValue], _ keywords: Keywords) throws(ScriptStop) -> ScriptValue {
    var dim = 0
    if let value = values.count > 2 ? values[2] : keywords["dim"] {
      guard case .integer(let number) = value else { throw problem("torch.\(name)") }
      dim = number
    }
    guard tensor.state == nil, let at = position(dim, of: tensor), let features = count(tensor.axes[at]), values.count > 1 else {
      throw problem("torch.\(name) of another axis than features, or of an unknown number of them")
    }
    var sizes: [Int] = []
    switch values[1] {
    case .integer(let count) where (1...features).contains(count):
      let size = name == "chunk" ? (features - 1) / count + 1 : count
      guard (features - 1) / size < 256 else { throw problem("torch.\(name) in so many parts") }
      for start in stride(from: 0, to: features, by: size) { sizes.append(min(size, features - start)) }
    case .sequence(let list) where name != "chunk":
      for value in sequences[list] {
        guard case .integer(let size) = value, (1...features).contains(size) else { throw problem("torch.split") }
        sizes.append(size)
      }
    default: throw problem("torch.\(name)")
    }
    guard sizes.count <= 256, sizes.reduce(0, &+) == features else { throw problem("torch.\(name)") }
    var (parts, start): ([ScriptValue], Int) = ([], 0)
    for size in sizes {
      parts.append(try self.features(tensor, at, start, start + size))
      start += size
    }
    return sequence(parts)
  }

  mutating func concatenation(_ values: [ScriptValue], _ keywords: Keywords) throws(ScriptStop) -> ScriptValue {
    guard case .sequence(let list)? = values.first, !sequences[list].isEmpty, sequences[list].count <= 256 else { throw problem("torch.cat") }
    var dim = 0
    if let value = values.count > 1 ? values[1] : keywords["dim"] {
      guard case .integer(let number) = value else { throw problem("torch.cat") }
      dim = number
    }
    var parts: [ScriptTensor] = []
    for value in sequences[list] {
      let tensor = try self.tensor(value, "torch.cat")
      guard tensor.state == nil, !tensor.isPacked, !isIndices(tensor) else { throw problem("torch.cat of all states, or of packed sequences") }
      parts.append(tensor)
    }
    guard let first = parts.first, let at = position(dim, of: first), parts.allSatisfy({ $0.axes.count == first.axes.count && $0.axes[at].allSatisfy(\.isFeatures) })
    else { throw problem("torch.cat along another axis than features") }
    var others = first
    others.axes[at] = []
    others.layout = first.plane.rest(without: first.axes[at])
    var steps: [Int] = [], total: Int? = 0
    for part in parts {
      var other = part
      other.axes[at] = []
      guard let names = other.plane.names(as: others.plane), part.isSorted == first.isSorted else { throw problem("torch.cat of values with different axes") }
      let axis = part.axes[at]
      if part.layout != axis, count(axis) == nil { try search([axis]) }
      other.layout = part.layout.map { names[$0] ?? $0 }
      steps.append(try arranged(other, axis + others.layout, "torch.cat").step)
      if let sum = total, let count = count(axis), sum <= Limits.maximumModuleSize { total = sum + count } else { total = nil }
    }
    // Values that are repeated for each step may stand beside those that are not.
    let step = try add(.concatenation, steps, hasTime: parts.contains { graph.hasTime[$0.step] })
    var result = ScriptTensor(step: step, axes: others.axes, layout: others.layout, isSorted: first.isSorted)
    result.axes[at] = total.map { fresh($0) } ?? [.open(.step(step))]
    result.layout = result.axes[at] + others.layout
    return .tensor(result)
  }
}
