/// What stands in brackets behind a value, with PyTorch's meaning.
extension LineResolver {
  mutating func element(
    of meaning: LineMeaning, _ indices: [LineSyntax.Index], _ base: Int, _ node: Int
  ) throws(RNNError) -> LineMeaning {
    let baseNode = base
    let only: Int? = if indices.count == 1, case .at(let index) = indices[0] { integer(index) } else { nil }
    let base = text(base)
    // `a[:, None]`
    if indices.contains(where: { if case .at(let value) = $0 { text(value) == "None" } else { false } }), let plane = plane(meaning) {
      return try element(ofPlane: plane, indices, baseNode, node)
    }
    switch meaning {
    case .size: return .size
    case .plane(let plane): return try element(ofPlane: plane, indices, baseNode, node)
    case .zeros: return .zeros
    case .tuple(let parts):
      guard let only, let number = Self.position(only, parts.count) else {
        throw source.error(offset(node), "\(base) is \(parts.count) values", "take one with a number, \(base)[0]")
      }
      return parts[number]
    case .call(let call) where isAttention(call):
      switch only {
      case 0: return .value(call)
      case 1:
        throw source.error(offset(node), "\(text(node)) is the weights of each step, which RNNKit does not give", "take \(base)[0], the output")
      default: return .value(try element(of: call, indices, base, node))
      }
    case .call(let call):
      guard indices.count == 1, case .at = indices[0], let module = recurrent(call) else {
        return .value(try element(of: call, indices, base, node))
      }
      guard !module.isCell else { return .value(try element(of: call, indices, base, node)) }
      switch only {
      case 0: return .value(call)
      case 1: return module.cell == .lstm ? .states(call) : .state(call, .hn)
      default:
        throw source.error(offset(node), "\(text(node)) may be a step of \(base) or one of output and states",
          "write \(base)[0] for the output, \(base)[1] for the states, or at(\(base), \(only ?? 0)) for a step")
      }
    case .states(let call):
      guard let only, let number = Self.position(only, 2) else {
        throw source.error(offset(node), "\(base) is h_n and c_n", "take \(base)[0] or \(base)[1]")
      }
      return .state(call, number == 0 ? .hn : .cn)
    case .state(let call, let kind):
      let count = recurrent(call).map { $0.numLayers * $0.directionCount } ?? 0
      guard case .at(let first)? = indices.first, indices.dropFirst().allSatisfy(Self.isWhole), indices.count <= 3,
        let index = integer(first), let number = Self.position(index, count)
      else {
        throw source.error(offset(node), "\(base) is \(count) state\(count == 1 ? "" : "s"), one for each layer and direction",
          "take one by its number, \(base)[0]\(count > 1 ? " to \(base)[\(count - 1)], or \(base)[-1] for the last" : "")")
      }
      return .value(try add(.state(kind, number), [call], at: node))
    case .value(let value): return .value(try element(of: value, indices, base, node))
    case .turned(let value):
      guard let result = try element(ofTurned: value, indices, baseNode, node) else {
        throw source.error(offset(node), "\(base) is turned, (batch, features, time), and \(text(node)) is no part of it that a line has",
          "turn it back first: \(base).transpose(1, 2)")
      }
      return result
    case .loose(let value):
      // Features as the line itself has them, `a[..., 1:3]`.
      if indices.count == 2, case .ellipsis = indices[0], case .cut(let lower, let upper?) = indices[1], (integer(upper) ?? -1) > 0,
        (lower.map { integer($0) } ?? 0) ?? -1 >= 0
      {
        return .loose(try element(of: value, indices, base, node))
      }
      throw source.error(offset(node), "\(text(node)) may be a part of the features or of the steps: nothing tells how \(base) is turned",
        "write \(base)[..., 0:2] for features 0 and 1, at(\(base), -1) for a step, pad(\(base), 0, -1) without the last one")
    case .numbers: return .value(try element(of: try self.value(meaning, node), indices, base, node))
    }
  }

  private static func position(_ index: Int, _ count: Int) -> Int? {
    let number = index < 0 ? index + count : index
    return (0..<count).contains(number) ? number : nil
  }

  private static func isWhole(_ index: LineSyntax.Index) -> Bool {
    switch index {
    case .ellipsis, .cut(nil, nil): true
    default: false
    }
  }

  /// A step or features of a value.
  private mutating func element(
    of value: Forward.Value, _ indices: [LineSyntax.Index], _ base: String, _ node: Int
  ) throws(RNNError) -> Forward.Value {
    let shape = shape(value)
    var axes = indices
    let ellipses = indices.indices.filter { if case .ellipsis = indices[$0] { true } else { false } }
    guard ellipses.count <= 1, indices.count - ellipses.count <= shape.rank else {
      throw source.error(offset(node), "\(base) has \(shape.rank) ax\(shape.rank == 1 ? "i" : "e")s, and \(indices.count) are given",
        "write \(base)[..., a:b] for features a to b")
    }
    let missing = [LineSyntax.Index](repeating: .cut(nil, nil), count: shape.rank - (indices.count - ellipses.count))
    if let ellipsis = ellipses.first { axes.replaceSubrange(ellipsis...ellipsis, with: missing) } else { axes += missing }
    use(value, asStateOrLength: false)
    var result = value
    for axis in 0..<(shape.rank - 1) where !Self.isWhole(axes[axis]) {
      let isTime = shape.hasTime && axis == (batchFirst ? 1 : 0)
      if isTime, case .cut(let lower, let upper) = axes[axis], let cut = cut(lower, upper) {
        result = try add(.window(.join, TimeWindow(size: 1, before: cut.before, after: cut.after)), [result], at: node)
        continue
      }
      guard isTime, case .at(let index) = axes[axis] else {
        throw misplaced(axes[axis], isTime, shape, base, node)
      }
      guard let number = integer(index) else {
        throw source.error(offset(index), "\(text(index)) is no whole number", "write the number that it is")
      }
      result = try add(.select(number == 0 ? .first : .at(number)), [result], at: node)
    }
    switch axes[shape.rank - 1] {
    case .ellipsis, .cut(nil, nil): return result
    case .cut(let lower, let upper): return try slice(result, lower, upper, base, node)
    case .at(let index):
      let number = integer(index) ?? 0
      let range = number >= 0 ? "\(number):\(number < Int.max ? number + 1 : number)" : number == -1 ? "-1:" : "\(number):\(number + 1)"
      throw source.error(offset(node), "\(text(node)) has no axis of features any more", "keep it: \(base)[..., \(range)]")
    }
  }

  private func misplaced(
    _ index: LineSyntax.Index, _ isTime: Bool, _ shape: LineShape, _ base: String, _ node: Int
  ) -> RNNError {
    switch index {
    case .at(let index) where shape.hasTime:
      let number = integer(index) ?? -1
      let step = number == 0 ? "first(\(base))" : number == -1 ? "last(\(base))" : "at(\(base), \(number))"
      let end = number < 0 ? "" : number < Int.max ? "\(number + 1)" : "\(number)"
      let meant = "write \(step) if a step is meant, \(base)[..., \(number):\(end)] if features are"
      return source.error(offset(node),
        "\(text(node)) is a sequence of the batch, the layout being \(batchFirst ? "(batch, time, features)" : "(time, batch, features)")",
        "\(meant)\(batchFirst ? "" : ", or say that the model is batch-first (\(.batchFirst))" as Phrase)")
    case .cut(let lower, let upper):
      let range = "\(lower.map(text) ?? ""):\(upper.map(text) ?? "")"
      return source.error(offset(node), "\(text(node)) cuts \(isTime ? "steps" : "the batch")",
        "write \(base)[..., \(range)] if features are meant; the input can be cut before it is given")
    default:
      return source.error(offset(node), "\(text(node)) is one sequence of the batch",
        "write \(base) for all of them, or \(base)[..., a:b] for features")
    }
  }

  private mutating func slice(
    _ value: Forward.Value, _ lower: Int?, _ upper: Int?, _ base: String, _ node: Int
  ) throws(RNNError) -> Forward.Value {
    let features = shape(value).features
    func bound(_ node: Int?, _ missing: Int?) throws(RNNError) -> Int {
      guard let node else { return try known(missing) }
      guard let number = integer(node) else {
        throw source.error(offset(node), "\(text(node)) is no whole number", "write the number that it is")
      }
      guard number < 0 else { return number }
      let sum = try known(features).addingReportingOverflow(number)
      return sum.overflow ? -1 : sum.partialValue
    }
    func known(_ count: Int?) throws(RNNError) -> Int {
      guard let count else {
        throw source.error(offset(node), "how many features \(base) has is not known here",
          "write both bounds, counted from the start: \(base)[..., a:b]")
      }
      return count
    }
    let (start, end) = (try bound(lower, 0), try bound(upper, features))
    guard start >= 0, start < end, end <= features ?? Limits.maximumModuleSize else {
      throw source.error(offset(node), "\(text(node)) takes features \(start) to \(end)\(features.map { " of \($0)" } ?? "")",
        "write bounds from 0 to \(features ?? Limits.maximumModuleSize), the first below the second")
    }
    return try add(.slice(start..<end), [value], at: node)
  }
}
