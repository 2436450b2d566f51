/// What PyTorch has for two dimensions, over time and the positions of a step: convolutions, pools, norms.
extension LineResolver {
  private func lacksDimensions(_ word: String, _ meaning: LineMeaning, _ plane: LinePlane?, _ node: Int) -> RNNError {
    let axes = plane.map { $0.axes.isEmpty ? "axes that nothing tells" : "the axes \($0.description)" } ?? "other axes"
    return source.error(offset(node), "\(word) is over the last two of four axes, (batch, channels, time, positions) or (batch, channels, positions, time), and "
      + "\(text(node)) has \(axes)",
      "say the input's axes as it has them, x(batch, 1, time, 32) -> _, or its features, x(80) -> _, before x.unsqueeze(1)")
  }

  /// Applies a Conv2d by PyTorch's axes; nil where the value is a step's positions of the module's channels as the line has them.
  mutating func plane(
    convolution module: Convolution, _ meaning: LineMeaning, _ first: Int, _ node: Int
  ) throws(RNNError) -> LineMeaning? {
    guard case .plane(var plane) = meaning, let (time, positions, channels) = plane.dimensions, LineExtent(channels)?.whole == module.inChannels else {
      if case .plane(let plane) = meaning, !plane.isOwn { throw lacksDimensions(spelled(module.name), meaning, plane, first) }
      return nil
    }
    guard let module = settle(module, timeLast: time == 3), let across = module.across else {
      throw source.error(offset(first), "\(text(first)) has time as \(time == 3 ? "its last axis" : "the axis before the last"), and "
        + "\(spelled(module.name)) has it as the \(time == 3 ? "first" : "last") axis of its kernel",
        time == 3 ? "declare it with time=3" : "declare it without time=3")
    }
    let place = plane.axes[positions]
    guard let size = LineExtent(place)?.whole, let count = across.count(of: size, mirrored: module.padding), count > 0,
      case .time(let axis)? = plane.axes[time].first, let next = axis.under(module.window)
    else {
      throw source.error(offset(node), "\(spelled(module.name)) has windows of \(across.size) positions, and \(text(first)) has the axes \(plane.description)",
        "say the input's axes as it has them, x(batch, 1, time, 32) -> _")
    }
    let wasTold = plane.isOwn && !timeLast.contains(module.name)
    plane = try arranging(plane, place + channels, node)
    plane.value = try add(.module(module.name), [plane.value], at: node)
    plane.axes[1] = module.outChannels == 1 ? [] : [.features(nextAtom(), size: module.outChannels)]
    plane.axes[positions] = count == 1 ? [] : [.features(nextAtom(), size: count)]
    plane.axes[time] = [.time(next)]
    plane.layout = plane.axes[positions] + plane.axes[1]
    plane.isOwn = wasTold
    return .plane(plane)
  }

  /// Applies what does the same at each position: its features are PyTorch's axis 1. Nil where the value is none with axes.
  mutating func plane(
    channelwise operation: Forward.Operation, _ features: Int, _ meaning: LineMeaning, _ first: Int, _ node: Int
  ) throws(RNNError) -> LineMeaning? {
    guard case .plane(let plane) = meaning, !plane.axes.isEmpty else { return nil }
    guard plane.axes.count > 1, plane.axes[1].allSatisfy({ $0.size != nil }), LineExtent(plane.axes[1])?.whole == features else {
      if plane.isOwn { return nil }
      throw source.error(offset(first), "\(text(node)) takes \(features) features of axis 1, and \(text(first)) has the axes \(plane.description)",
        "move the axes before it, with permute")
    }
    var result = try arranging(plane, rest(plane, without: plane.axes[1]) + plane.axes[1], node)
    result.value = try add(operation, [result.value], at: node)
    return .plane(result)
  }

  /// Applies a linear layer or a norm of a step's features to PyTorch's last axis; nil where the value is none with axes.
  mutating func plane(rowwise name: String, _ meaning: LineMeaning, _ first: Int, _ node: Int) throws(RNNError) -> LineMeaning? {
    guard case .plane(var plane) = meaning, let last = plane.axes.last else { return nil }
    guard last == plane.layout else {
      // Each channel by itself, which a step's features are not.
      if plane.isOwn, LineExtent(last)?.whole != modules[name]?.inputSize { return nil }
      throw source.error(offset(node), "\(spelled(name)) takes the last axis, and \(text(first)) has the axes \(plane.description)",
        "move the axes before it so that a step's features are the last axis, as a.permute(0, 2, 1, 3).flatten(2)")
    }
    plane.value = try add(.module(name), [plane.value], at: node)
    if let size = modules[name]?.outputSize {
      plane.axes[plane.axes.count - 1] = size == 1 ? [] : [.features(nextAtom(), size: size)]
      plane.layout = plane.axes[plane.axes.count - 1]
    }
    return try plane.isOwn ? .plane(plane) : settled(plane, node)
  }

  // MARK: Pools

  /// A pool over the last two axes, with a window for each.
  mutating func pool(
    _ word: String, _ function: WindowFunction, _ windows: [TimeWindow], isCeil: Bool, _ meaning: LineMeaning, _ first: Int, _ node: Int
  ) throws(RNNError) -> LineMeaning {
    guard windows.count == 2, case .plane(var plane) = meaning, let (time, positions, _) = plane.dimensions else {
      throw lacksDimensions(word, meaning, plane(meaning), first)
    }
    let isOwn = plane.isOwn
    var across = windows[positions - 2]
    let along = windows[time - 2], size = LineExtent(plane.axes[positions])?.whole ?? 0
    if isCeil {
      let left = (size + across.before + across.after - across.span) % across.stride
      let isMore = size + across.before + across.after >= across.span && left > 0
      guard along.stride == 1, !isMore || function == .max else {
        throw source.error(offset(node), "RNNKit has no ceil_mode over time, or of a mean", "leave it out where all windows are whole")
      }
      // The last window begins within what is there.
      if isMore, (size + across.before + across.after - across.span) / across.stride * across.stride + across.stride < size + across.before {
        across.after += across.stride - left
      }
    }
    plane = try pooled(plane, positions, function, across, node)
    if along != TimeWindow(size: 1) {
      guard case .time(let axis)? = plane.axes[time].first, let next = axis.under(along), along.isSound else {
        throw source.error(offset(node), "a window of too many steps", "write smaller numbers")
      }
      plane.value = try add(.window(function, along), [plane.value], at: node)
      plane.axes[time] = [.time(next)]
    }
    plane.isOwn = isOwn
    return .plane(plane)
  }

  /// A pool over one axis of features.
  private mutating func pooled(
    _ taken: LinePlane, _ axis: Int, _ function: WindowFunction, _ window: TimeWindow, _ node: Int
  ) throws(RNNError) -> LinePlane {
    guard window != TimeWindow(size: 1) else { return taken }
    let atoms = taken.axes[axis], rest = rest(taken, without: atoms)
    guard atoms.allSatisfy({ $0.size != nil }), let size = LineExtent(atoms)?.whole, let each = LineExtent(rest)?.whole,
      let count = window.count(of: size), count > 0
    else {
      throw source.error(offset(node), "\(text(node)) has windows of \(window.size), and what it takes has the axes \(taken.description)",
        "say the input's axes as it has them, x(batch, 1, time, 32) -> _")
    }
    var plane = try arranging(taken, atoms + rest, node)
    plane.value = try add(.across(function, window, channels: each), [plane.value], at: node)
    plane.axes[axis] = count == 1 ? [] : [.features(nextAtom(), size: count)]
    plane.layout = plane.axes[axis] + rest
    return plane
  }

  /// A pool that leaves so many of the last two axes each; nil leaves an axis as it is.
  mutating func adaptivePool(
    _ word: String, _ function: TimeFunction, _ sizes: [Int?], _ meaning: LineMeaning, _ first: Int, _ node: Int
  ) throws(RNNError) -> LineMeaning {
    guard sizes.count == 2, case .plane(var plane) = meaning, let (time, positions, _) = plane.dimensions, function == .max || function == .mean else {
      throw lacksDimensions(word, meaning, plane(meaning), first)
    }
    if let wanted = sizes[positions - 2] {
      let size = LineExtent(plane.axes[positions])?.whole ?? 0
      guard wanted >= 1, size % wanted == 0 else {
        throw source.error(offset(node), "\(word) makes \(wanted) positions of \(size), in windows of several sizes", "use a number that divides \(size)")
      }
      plane = try pooled(plane, positions, function == .max ? .max : .average(countsPadding: true),
        TimeWindow(size: size / wanted, stride: size / wanted), node)
    }
    if let wanted = sizes[time - 2] {
      guard wanted == 1 else { throw source.error(offset(node), "\(word) makes \(wanted) steps of all", "RNNKit has 1 step of all, or None") }
      plane.value = try add(.overTime(function), [plane.value], at: node)
      plane.axes[time] = []
    }
    plane.isOwn = false
    return .plane(plane)
  }

  /// A reduction over one axis of a value with axes of its own, or of several.
  mutating func reduced(
    _ plane: LinePlane, _ function: TimeFunction, _ dims: [Int], keeps: Bool, _ node: Int
  ) throws(RNNError) -> LineMeaning {
    var plane = plane
    let count = plane.axes.count
    let axes = dims.compactMap { axisIndex($0, count) }
    func refuse(_ problem: String) -> RNNError { source.error(offset(node), problem, "end the line before it and compute the rest outside of the model") }
    guard axes.count == dims.count, Set(axes).count == axes.count, !axes.isEmpty else { throw refuse("\(text(node)) is over other axes than \(plane.description) has") }
    for axis in axes.sorted(by: >) {
      let atoms = plane.axes[axis]
      if atoms.count == 1, atoms[0].isTime {
        plane.value = try add(.overTime(function), [plane.value], at: node)
        plane.axes[axis] = []
      } else if !atoms.isEmpty {
        if function == .sum, let size = LineExtent(atoms)?.whole, size <= 64 {
          plane = try summed(plane, axis, size, node)
          if !keeps { plane.axes.remove(at: axis) }
          continue
        }
        guard function == .max || function == .mean, let size = LineExtent(atoms)?.whole else { throw refuse("RNNKit has no \(function.rawValue) over axis \(axis) of \(plane.description)") }
        plane = try pooled(plane, axis, function == .max ? .max : .average(countsPadding: true), TimeWindow(size: size, stride: size), node)
      }
      if !keeps { plane.axes.remove(at: axis) }
    }
    plane.isOwn = false
    return try settled(plane, node)
  }

  /// The sum of the parts along an axis of features, in their order.
  private mutating func summed(_ plane: LinePlane, _ axis: Int, _ size: Int, _ node: Int) throws(RNNError) -> LinePlane {
    let atoms = plane.axes[axis], rest = rest(plane, without: atoms)
    guard let each = LineExtent(rest)?.whole else {
      throw source.error(offset(node), "how many features \(text(node)) leaves is not known", "give the input's axes as it has them, x(batch, 1, time, 32) -> _")
    }
    var plane = try arranging(plane, atoms + rest, node)
    let whole = plane.value
    for index in 0..<size {
      let part = try add(.slice(index * each..<(index + 1) * each), [whole], at: node)
      plane.value = index == 0 ? part : try add(.arithmetic(.add), [plane.value, part], at: node)
    }
    (plane.axes[axis], plane.layout) = ([], rest)
    return plane
  }

  /// `F.max_pool2d(a, 2)`, `F.adaptive_avg_pool2d(a, (1, None))`
  mutating func pool2d(_ word: String, _ value: Int, _ arguments: [LineSyntax.Argument], _ node: Int) throws(RNNError) -> LineMeaning {
    let classes = [
      "max_pool2d": "MaxPool2d", "avg_pool2d": "AvgPool2d", "adaptive_max_pool2d": "AdaptiveMaxPool2d", "adaptive_avg_pool2d": "AdaptiveAvgPool2d",
    ]
    var declaration = ModuleDeclaration(classes[word] ?? word)
    for argument in arguments where argument.value != value {
      guard let literal = syntax.literal(argument.value) else {
        throw source.error(offset(argument.value), "\(text(argument.value)) is no number that is written out", "write \(word)(a, (2, 1)), with whole numbers")
      }
      declaration.arguments.append(.init(argument.keyword, literal))
    }
    let call: ModuleCall?
    do throws(RNNError) { call = try declaration.call(word) } catch {
      throw source.error(offset(node), error.problem, error.remedy ?? "write \(word)(a, (2, 1))")
    }
    let taken = try meaning(value)
    switch call {
    case .planes(let function, let windows, let isCeil)?: return try pool(word, function, windows, isCeil: isCeil, taken, value, node)
    case .adaptivePlanes(let function, let sizes)?: return try adaptivePool(word, function, sizes, taken, value, node)
    default: throw lacking(word, offset(node))
    }
  }

  /// Over one axis of a value with axes of its own: that of steps, or of all features of a step.
  mutating func softmax(_ plane: LinePlane, isLog: Bool, _ dim: Int, _ first: Int, _ node: Int) throws(RNNError) -> LineMeaning {
    guard let axis = axisIndex(dim, plane.axes.count) else {
      throw source.error(offset(dim), "\(text(first)) has the axes \(plane.description)", "write an axis from 0 to \(plane.axes.count - 1)")
    }
    var result = plane
    if plane.axes[axis].count == 1, plane.axes[axis][0].isTime, !isLog {
      result.value = try add(.overTime(.softmax), [plane.value], at: node)
    } else if plane.axes[axis] == plane.layout {
      result.value = try add(.activation(isLog ? .logSoftmax : .softmax), [plane.value], at: node)
    } else {
      throw source.error(offset(dim), "\(text(node)) is over axis \(axis) of \(plane.description); RNNKit has a softmax over steps or all features of a step",
        "move and join the axes before it")
    }
    return .plane(result)
  }

  /// Axes from one to another, counted from the end where they are negative.
  static func axes(_ start: Int, _ end: Int, _ count: Int) -> ClosedRange<Int>? {
    let first = start < 0 ? start + count : start, last = end < 0 ? end + count : end
    return (0..<count).contains(first) && (first..<count).contains(last) ? first...last : nil
  }
}

extension LineResolver {
  /// Refuses a Conv2d whose first axis is said to be time, or not to be, against what the inputs' axes say.
  mutating func checkAxes(_ module: Convolution, _ meaning: LineMeaning, _ node: Int) throws(RNNError) {
    if case .turned = meaning {
      throw source.error(offset(node), "\(text(node)) is turned, (batch, features, time), and a Conv2d takes positions of each step",
        "turn it back: \(text(node)).transpose(1, 2)")
    }
    for (name, axes) in declaredAxes {
      let isTimeLast = axes.last == .time
      guard settle(module, timeLast: isTimeLast) == nil else { continue }
      throw source.error(offset(node), "the input \(name) has time \(isTimeLast ? "as its last axis" : "before another axis"), and "
        + "\(spelled(module.name)) is declared with time as \(isTimeLast ? "the first" : "the last") axis of its kernel",
        isTimeLast ? "declare it with time=3" : "declare it without time=3")
    }
  }

  /// The name of a module that is an entry of a list, or stands in one.
  func modulePath(_ node: Int) -> String? {
    switch syntax.nodes[node].kind {
    case .name(let parts) where variables[parts[0]] == nil: (parts[0] == "self" ? parts.dropFirst() : parts[...]).joined(separator: ".")
    case .attribute(let base, let name): modulePath(base).map { Model.join($0, name) }
    case .element(let base, let indices):
      if indices.count == 1, case .at(let index) = indices[0], let number = integer(index) { modulePath(base).map { Model.join($0, "\(number)") } } else { nil }
    default: nil
    }
  }
}
