import RNNModel

/// Operations that move axes about.
extension ScriptInterpreter {
  func axis(_ dim: Int, of tensor: ScriptTensor) -> LineAxis? {
    position(dim, of: tensor).map { tensor.axes[$0] }
  }

  func position(_ dim: Int, of tensor: ScriptTensor) -> Int? {
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
    var result = tensor
    switch name {
    case "transpose", "swapaxes", "swapdims":
      guard integers.count == 2, let a = integers[0].flatMap({ position($0, of: tensor) }),
        let b = integers[1].flatMap({ position($0, of: tensor) })
      else { throw refusal }
      result.axes.swapAt(a, b)
    case "movedim":
      guard integers.count == 2, let a = integers[0].flatMap({ position($0, of: tensor) }),
        let b = integers[1].flatMap({ position($0, of: tensor) })
      else { throw refusal }
      result.axes.insert(result.axes.remove(at: a), at: b)
    case "permute":
      guard values.count == 2, case .sequence(let list) = values[1], sequences[list].count == tensor.axes.count else { throw refusal }
      var order: [Int] = []
      for value in sequences[list] {
        guard case .integer(let dim) = value, let position = position(dim, of: tensor) else { throw refusal }
        order.append(position)
      }
      guard Set(order).count == order.count else { throw refusal }
      result.axes = order.map { tensor.axes[$0] }
    case "flatten":
      let start = integers.first ?? 0, end = integers.count > 1 ? integers[1] : -1
      guard tensor.state == nil, !isIndices(tensor), let from = start.flatMap({ position($0, of: tensor) }), let to = end.flatMap({ position($0, of: tensor) }), from <= to
      else { throw refusal }
      result.axes.replaceSubrange(from...to, with: [tensor.axes[from...to].flatMap { $0 }])
    case "unflatten":
      guard values.count == 3, case .sequence(let sizes) = values[2], let dim = integers[0].flatMap({ position($0, of: tensor) }) else { throw refusal }
      return try reshaped(tensor, dim..<dim + 1, sequences[sizes], name)
    case "select":
      guard integers.count == 2, let dim = integers[0].flatMap({ position($0, of: tensor) }), let index = integers[1] else {
        throw problem("torch.select of what is only known when it runs")
      }
      return try selected(tensor, dim, index)
    case "slice": return try sliced(tensor, values, integers)
    case "narrow":
      guard integers.count == 3, let dim = integers[0], let start = integers[1], let length = integers[2], start >= 0, length > 0, start < 1 << 28, length < 1 << 28
      else { throw refusal }
      return try sliced(tensor, [first, .integer(dim), .integer(start), .integer(start + length), .integer(1)], [dim, start, start + length, 1])
    case "squeeze": return try squeezed(tensor, integers, values.count)
    case "unsqueeze":
      guard let dim = integers.first ?? nil, case let count = tensor.axes.count + 1, (-count..<count).contains(dim), count <= 8 else { throw refusal }
      result.axes.insert([], at: dim < 0 ? dim + count : dim)
    case "view", "reshape", "view_as", "reshape_as":
      guard values.count == 2, case .sequence(let sizes) = values[1] else { throw refusal }
      return try reshaped(tensor, 0..<tensor.axes.count, sequences[sizes], name)
    case "expand", "repeat":
      guard values.count >= 2, case .sequence(let sizes) = values[1] else { throw refusal }
      return try repeated(tensor, sequences[sizes], isExpansion: name == "expand")
    case "expand_as":
      guard values.count == 2 else { throw refusal }
      let other = try self.tensor(values[1], "torch.expand_as")
      return try repeated(tensor, other.axes.map { size(of: $0) }, isExpansion: true)
    case "chunk", "split", "split_with_sizes": return try chunks(name, tensor, values, keywords)
    case "flip":
      guard values.count == 2, case .sequence(let list) = values[1], sequences[list].count == 1,
        case .integer(let dim) = sequences[list][0], let axis = axis(dim, of: tensor), isTime(axis), graph.hasTime[tensor.step], !isLengthAware,
        tensor.state == nil
      else { throw problem("torch.flip of another axis than time, or of padded sequences") }
      hasLayout = true
      result = try add(.flip, of: tensor)
    default: throw refusal
    }
    return .tensor(result)
  }

  func isTime(_ axis: LineAxis) -> Bool { axis.count == 1 && axis[0].isTime }

  // MARK: Shapes

  private mutating func squeezed(_ tensor: ScriptTensor, _ integers: [Int?], _ count: Int) throws(ScriptStop) -> ScriptValue {
    var result = tensor
    var dim: Int?
    if count > 1 {
      dim = (integers.first ?? nil).flatMap { position($0, of: tensor) }
    } else if let layers = tensor.axes.indices.first(where: { tensor.isLayers($0) && tensor.state?.count == 1 }) {
      return try selected(tensor, layers, 0)
    } else {
      // Which axes are gone without a number depends on what is run, unless some are of length 1 anyway.
      result.axes.removeAll { $0.isEmpty }
      guard result.axes.count < tensor.axes.count else { throw problem("torch.squeeze of axes that are only known when it runs") }
      return .tensor(result)
    }
    guard let dim else { throw problem("torch.squeeze of axes that are only known when it runs") }
    let axis = tensor.axes[dim]
    if axis.isEmpty {
      result.axes.remove(at: dim)
    } else if tensor.isLayers(dim) {
      guard tensor.state?.count == 1 else { return .tensor(tensor) }
      return try selected(tensor, dim, 0)
    } else if let size = self.count(axis) {
      // It stays as PyTorch leaves it; that it is to be 1 may be meant where its size is looked for.
      if size > 1 { misfit = 1 }
    } else {
      try search([axis])
      throw problem("torch.squeeze of an axis that may be longer than 1")
    }
    return .tensor(result)
  }

  private mutating func reshaped(_ tensor: ScriptTensor, _ range: Range<Int>, _ parts: [ScriptValue], _ name: String) throws(ScriptStop) -> ScriptValue {
    let refusal = problem("torch.\(name) to other axes than those of \(tensor.plane.description) joined or parted")
    guard tensor.state == nil, !isIndices(tensor), parts.count <= 8 else { throw refusal }
    var wanted: [LineExtent?] = []
    for part in parts {
      switch part {
      case .integer(-1):
        guard !wanted.contains(nil) else { throw refusal }
        wanted.append(nil)
      case .integer(let number) where number >= 1 && number <= Limits.maximumModuleSize: wanted.append(LineExtent(number))
      case .size(let extent?): wanted.append(extent)
      default: throw refusal
      }
    }
    var result = tensor
    guard result.plane.reshape(range, wanted, &atomCount) else {
      // A last axis that is the input's own, of a number that is said here.
      if let last = parts.last, case .integer(let number) = last, number > 1, range.upperBound == tensor.axes.count, let axis = tensor.axes.last {
        try learn(axis, number)
      }
      try search(Array(tensor.axes[range]))
      let numbers = wanted.compactMap { $0?.number }.reduce(1, &*), own = tensor.axes[range].flatMap { $0 }.compactMap(\.size).reduce(1, &*)
      if own != numbers, !wanted.contains(nil) { misfit = own > numbers ? 1 : -1 }
      throw refusal
    }
    return .tensor(result)
  }

  private mutating func repeated(_ tensor: ScriptTensor, _ sizes: [ScriptValue], isExpansion: Bool) throws(ScriptStop) -> ScriptValue {
    guard sizes.count == tensor.axes.count, tensor.state == nil else { throw problem("a repeated value") }
    var result = tensor
    for (index, axis) in tensor.axes.enumerated() {
      switch sizes[index] {
      case .integer(-1) where isExpansion, .integer(1) where !isExpansion: break
      case .size(let extent?) where axis.isEmpty && extent.times.count == 1 && extent == LineExtent([.time(extent.times[0])]):
        result.axes[index] = [.time(extent.times[0])]
      case .size(let extent?) where isExpansion && extent == LineExtent(axis): break
      case .integer(let number) where isExpansion && number == count(axis): break
      default: throw problem("a repeated value")
      }
    }
    return .tensor(result)
  }

  /// The length of an axis as the code has it.
  func size(of axis: LineAxis) -> ScriptValue { size(LineExtent(axis)) }

  func size(_ extent: LineExtent?) -> ScriptValue { extent?.whole.map { .integer($0) } ?? .size(extent) }
}
