/// Windows over time, and PyTorch's turned sequences around them: (batch, features, time).
extension LineResolver {
  /// By the words of the line and of PyTorch, with the arguments behind the value in PyTorch's order.
  static let windows: [String: (function: WindowFunction, arguments: [String])] = {
    let most = ["kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices"]
    let mean = ["kernel_size", "stride", "padding", "ceil_mode", "count_include_pad"]
    return [
      "max_pool": (.max, most), "max_pool1d": (.max, most), "avg_pool": (.average(countsPadding: true), mean),
      "avg_pool1d": (.average(countsPadding: true), mean), "join": (.join, ["kernel_size", "stride", "padding", "dilation"]),
    ]
  }()

  /// Pools that leave one step of all, where they are asked for one.
  static let adaptive: [String: TimeFunction] = ["adaptive_max_pool1d": .max, "adaptive_avg_pool1d": .mean]

  /// Computes a value of another and keeps how the other is turned.
  mutating func through(
    _ meaning: LineMeaning, _ node: Int, _ body: (inout LineResolver, Forward.Value) throws(RNNError) -> Forward.Value
  ) throws(RNNError) -> LineMeaning {
    switch meaning {
    case .turned(let value):
      use(value, asStateOrLength: false)
      return .turned(try body(&self, value))
    case .loose(let value): return .loose(try body(&self, value))
    case .plane(var plane):
      use(plane.value, asStateOrLength: false)
      plane.value = try body(&self, plane.value)
      return .plane(plane)
    default:
      let value = try self.value(meaning, node)
      return .value(try body(&self, value))
    }
  }

  /// The same of what is over time, which in PyTorch wants a turned sequence: of one whose own layout nothing tells, the
  /// result's is not known either.
  mutating func overTime(
    _ meaning: LineMeaning, _ node: Int, _ body: (inout LineResolver, Forward.Value) throws(RNNError) -> Forward.Value
  ) throws(RNNError) -> LineMeaning {
    if case .plane(let plane) = meaning {
      guard plane.axes.count == 3, case .turned(let turned) = try settled(plane, node) else {
        return .plane(LinePlane(value: try body(&self, try value(meaning, node)), axes: [], layout: [], isOwn: true))
      }
      guard var result = self.plane(.turned(try body(&self, turned))) else { return try through(meaning, node, body) }
      result.isOwn = plane.isOwn
      return result.isOwn ? .plane(result) : try settled(result, node)
    }
    let result = try through(meaning, node, body)
    guard case .value(let value) = result, !isInRows(meaning) else { return result }
    return .loose(value)
  }

  /// Whether a value is known to have its features last.
  func isInRows(_ meaning: LineMeaning) -> Bool {
    switch meaning {
    case .call, .numbers: true
    case .value(.step(let number)): isMadeInRows(number)
    default: false
    }
  }

  /// `max_pool(a, 3, stride=2)`, `F.avg_pool1d(a, 2)`, `join(a, 2)`
  mutating func window(_ word: String, _ arguments: [LineSyntax.Argument], _ node: Int) throws(RNNError) -> LineMeaning {
    guard let first = arguments.first(where: { $0.keyword == nil || $0.keyword == "input" })?.value, let known = Self.windows[word] else {
      throw source.error(offset(node), "\(word) is applied to nothing", "write \(word)(a, 2)")
    }
    let meaning = try meaning(first), rest = arguments.filter { $0.value != first }
    if word.hasSuffix("1d") { try checkTurned(word, meaning, first, "\(word)(\(text(first)).transpose(1, 2), 2)") }
    let channels = try channels(rest, node)
    let (function, window) = try self.window(word, known.function, known.arguments, rest.filter { $0.keyword != "channels" }, node)
    if let channels { return .value(try add(.across(function, window, channels: channels), [try value(meaning, first)], at: node)) }
    return try overTime(meaning, first) { (line, value) throws(RNNError) in
      guard line.shape(value).hasTime || line.shape(value).isOpen else {
        throw line.source.error(line.offset(first), "\(line.text(first)) has no steps, and \(word) is over them", "use it without \(word)")
      }
      return try line.add(.window(function, window), [value], at: node)
    }
  }

  /// Those of each position, where a window is over positions: `channels=8`.
  private func channels(_ arguments: [LineSyntax.Argument], _ node: Int) throws(RNNError) -> Int? {
    guard let given = arguments.first(where: { $0.keyword == "channels" })?.value else { return nil }
    guard let number = integer(given), (1...Limits.maximumModuleSize).contains(number) else {
      throw source.error(offset(given), "\(text(given)) is no number of channels", "write how many features each position has, channels=8")
    }
    return number
  }

  /// `interleave(a, 8)`: one of each of eight equal parts of a step's features in turn.
  mutating func interleaving(_ arguments: [LineSyntax.Argument], _ node: Int) throws(RNNError) -> LineMeaning {
    guard arguments.count == 2, arguments.allSatisfy({ $0.keyword == nil }), let parts = integer(arguments[1].value),
      (1...Limits.maximumModuleSize).contains(parts)
    else { throw source.error(offset(node), "interleave takes a value and a whole number", "write interleave(a, 8) for one of each of eight equal parts in turn") }
    return .value(try add(.interleave(parts), [try value(of: arguments[0].value)], at: node))
  }

  /// PyTorch's functions for one dimension are over the last axis, which is that of features unless it is turned.
  func checkTurned(_ word: String, _ meaning: LineMeaning, _ node: Int, _ turned: String) throws(RNNError) {
    guard isInRows(meaning) else { return }
    throw source.error(offset(node), "\(word) is over the last axis, which is that of \(text(node))'s features",
      "write \(turned) if it is over time")
  }

  private func window(
    _ word: String, _ function: WindowFunction, _ names: [String], _ arguments: [LineSyntax.Argument], _ node: Int
  ) throws(RNNError) -> (WindowFunction, TimeWindow) {
    var window = TimeWindow(size: 0), stride: Int?, function = function
    func refuse(_ node: Int, _ problem: String) -> RNNError {
      source.error(offset(node), problem, "write \(word)(a, 3, stride=2, padding=1), with whole numbers")
    }
    func whole(_ node: Int, from least: Int) throws(RNNError) -> Int {
      guard let number = integer(node), (least...Limits.maximumWindow).contains(number) else {
        throw refuse(node, "\(text(node)) is no whole number from \(least) on")
      }
      return number
    }
    for (position, argument) in arguments.enumerated() {
      let name = argument.keyword ?? (position < names.count ? names[position] : "")
      switch name {
      case "kernel_size", "size": window.size = try whole(argument.value, from: 1)
      case "stride" where text(argument.value) == "None": break
      case "stride": stride = try whole(argument.value, from: 1)
      case "dilation": window.dilation = try whole(argument.value, from: 1)
      case "padding":
        if case .list(let sides) = syntax.nodes[argument.value].kind, sides.count == 2 {
          (window.before, window.after) = (try whole(sides[0], from: -Limits.maximumWindow), try whole(sides[1], from: -Limits.maximumWindow))
        } else {
          window.before = try whole(argument.value, from: 0)
          window.after = window.before
        }
      case "ceil_mode", "return_indices":
        guard text(argument.value) == "False" else { throw refuse(argument.value, "RNNKit has no \(name)") }
      case "count_include_pad" where function != .max && function != .join:
        function = .average(countsPadding: text(argument.value) == "True")
      default: throw refuse(argument.value, "\(word) takes no \(argument.keyword.map { "\($0)=" } ?? "argument here")")
      }
    }
    guard window.size > 0 else { throw refuse(node, "\(word) does not say how many steps a window has") }
    window.stride = stride ?? window.size
    guard window.isSound else { throw refuse(node, "a window of more than \(Limits.maximumWindow) steps") }
    return (function, window)
  }

  /// `pad(a, 1, 0)`: so many steps of zeros before and after each sequence; negative ones are cut off.
  mutating func padding(_ arguments: [LineSyntax.Argument], _ node: Int) throws(RNNError) -> LineMeaning {
    var numbers: [Int] = []
    for argument in arguments.dropFirst() where argument.keyword == nil {
      guard let number = integer(argument.value) else { break }
      numbers.append(number)
    }
    // PyTorch's own has the numbers in one tuple, the last axis' first.
    if arguments.count >= 2, case .tuple(let parts) = syntax.nodes[arguments[1].value].kind, parts.count == 2,
      let before = integer(parts[0]), let after = integer(parts[1])
    {
      let meaning = try meaning(arguments[0].value)
      let isZero = arguments.dropFirst(2).allSatisfy { ["mode", nil].contains($0.keyword) && ["'constant'", "\"constant\"", "0", "0.0"].contains(text($0.value)) || $0.keyword == "value" && number($0.value) == 0 }
      guard isZero, !isInRows(meaning) else {
        throw source.error(offset(node), "\(text(node)) pads with other numbers than zeros, or features", "write pad(a, \(before), \(after)) for steps of zeros")
      }
      return try pad(meaning, arguments[0].value, before, after, node)
    }
    let channels = try channels(arguments, node)
    guard arguments.count == (channels == nil ? 3 : 4), numbers.count == 2 else {
      throw source.error(offset(node), "pad takes a sequence and two whole numbers", "write pad(a, 1, 0) for one step of zeros before each sequence")
    }
    if let channels {
      let window = TimeWindow(size: 1, before: numbers[0], after: numbers[1])
      return .value(try add(.across(.join, window, channels: channels), [try value(of: arguments[0].value)], at: node))
    }
    return try pad(try meaning(arguments[0].value), arguments[0].value, numbers[0], numbers[1], node)
  }

  /// Steps of zeros, or fewer steps.
  mutating func pad(_ meaning: LineMeaning, _ first: Int, _ before: Int, _ after: Int, _ node: Int) throws(RNNError) -> LineMeaning {
    let window = TimeWindow(size: 1, before: before, after: after)
    return try overTime(meaning, first) { (line, value) throws(RNNError) in
      guard window.isSound, line.shape(value).hasTime || line.shape(value).isOpen else {
        throw line.source.error(line.offset(node), "\(line.text(first)) has no steps, or \(line.text(node)) is too many", "use it without pad")
      }
      return try line.add(.window(.join, window), [value], at: node)
    }
  }

  /// `F.adaptive_avg_pool1d(a, 1)`
  mutating func adaptivePool(_ word: String, _ arguments: [LineSyntax.Argument], _ node: Int) throws(RNNError) -> LineMeaning {
    let function = Self.adaptive[word] ?? .mean
    guard arguments.count == 2, integer(arguments[1].value) == 1 else {
      throw source.error(offset(node), "\(text(node)) is not one step of all", "write \(function.rawValue)(a, time) for one step of all")
    }
    let first = arguments[0].value, meaning = try meaning(first)
    try checkTurned(word, meaning, first, "\(word)(\(text(first)).transpose(1, 2), 1)")
    return .value(try over(function, meaning, first, node))
  }

  /// All steps of a sequence as one value.
  mutating func over(_ function: TimeFunction, _ meaning: LineMeaning, _ first: Int, _ node: Int) throws(RNNError) -> Forward.Value {
    let result = try through(meaning, first) { (line, value) throws(RNNError) in
      guard line.shape(value).hasTime || line.shape(value).isOpen else {
        throw line.source.error(line.offset(first), "\(line.text(first)) has no steps", "use it as it is")
      }
      return try line.add(.overTime(function), [value], at: node)
    }
    switch result {
    case .value(let value), .turned(let value), .loose(let value): return value
    default: return try value(result, node)
    }
  }

  // MARK: Turned sequences

  private static let turns: Set<String> = ["transpose", "permute", "swapaxes", "mT", "movedim"]

  /// `a.transpose(1, 2)`, `a.permute(0, 2, 1)`: nil for what is no turn of time and features.
  mutating func turned(_ word: String, _ meaning: LineMeaning, _ arguments: [LineSyntax.Argument]) throws(RNNError) -> LineMeaning? {
    guard Self.turns.contains(word) else { return nil }
    let axes = arguments.map { integer($0.value) ?? .max }
    let isTurned = if case .turned = meaning { true } else { false }
    let isTurn: Bool = switch word {
    case "mT": axes.isEmpty && batchFirst
    case "permute": axes == (batchFirst ? [0, 2, 1] : isTurned ? [2, 0, 1] : [1, 2, 0])
    default: batchFirst && Set(axes.map { $0 < 0 ? $0 &+ 3 : $0 }) == [1, 2] && axes.count == 2
    }
    guard isTurn else { return nil }
    switch meaning {
    case .turned(let value), .loose(let value): return .value(value)
    case .value(let value), .call(let value):
      guard shape(value).hasTime || shape(value).isOpen else { return nil }
      return .turned(value)
    default: return nil
    }
  }

  /// Steps and features of a turned sequence: `a[:, :, -1]`, `a[:, :, :-2]`, `a[:, :3]`. Nil for other parts.
  mutating func element(
    ofTurned value: Forward.Value, _ indices: [LineSyntax.Index], _ base: Int, _ node: Int
  ) throws(RNNError) -> LineMeaning? {
    var axes = indices
    if let ellipsis = axes.firstIndex(where: { if case .ellipsis = $0 { true } else { false } }) {
      guard axes.count <= 3 else { return nil }
      axes.replaceSubrange(ellipsis...ellipsis, with: [LineSyntax.Index](repeating: .cut(nil, nil), count: 4 - axes.count))
    }
    while axes.count < 3 { axes.append(.cut(nil, nil)) }
    guard batchFirst, axes.count == 3, case .cut(nil, nil) = axes[0] else { return nil }
    use(value, asStateOrLength: false)
    var result = value
    if case .cut(let lower, let upper) = axes[1], lower != nil || upper != nil {
      let features = shape(value).features
      guard let from = lower.map({ integer($0) }) ?? 0, let to = upper.map({ integer($0) }) ?? features, from >= 0, from < to,
        to <= features ?? Limits.maximumModuleSize
      else { return nil }
      result = try add(.slice(from..<to), [result], at: node)
    } else if case .at = axes[1] {
      return nil
    }
    switch axes[2] {
    case .ellipsis, .cut(nil, nil): return .turned(result)
    case .at(let index):
      guard let number = integer(index) else { return nil }
      return .value(try add(.select(number == 0 ? .first : .at(number)), [result], at: node))
    case .cut(let lower, let upper):
      guard let cut = cut(lower, upper) else { return nil }
      return try pad(.turned(result), base, cut.before, cut.after, node)
    }
  }

  /// A cut of steps from the start and the end, as negative padding; nil for one at a step counted from the other side.
  func cut(_ lower: Int?, _ upper: Int?) -> (before: Int, after: Int)? {
    guard let from = lower.map({ integer($0) }) ?? 0, let to = upper.map({ integer($0) }) ?? 0, from >= 0, to <= 0,
      upper == nil || to < 0
    else { return nil }
    return (-from, to)
  }
}
