import RNNModel

/// Convolutions, pools, padding and reductions, over steps and over the positions of a step.
extension ScriptInterpreter {
  // MARK: Arguments

  /// Several whole numbers, or one.
  private func integers(_ value: ScriptValue?) -> [Int]? {
    switch value {
    case .integer(let number)?: return [number]
    case .sequence(let list)?:
      let numbers = sequences[list].compactMap { if case .integer(let number) = $0 { number } else { nil } }
      return numbers.count == sequences[list].count && numbers.count <= 8 ? numbers : nil
    default: return nil
    }
  }

  /// So many whole numbers, one for all axes or one for each.
  private func each(_ value: ScriptValue?, _ rank: Int, initial: [Int]? = nil, _ what: String) throws(ScriptStop) -> [Int] {
    if isNone(value), let initial { return initial }
    guard let numbers = integers(value), numbers.allSatisfy({ (-Limits.maximumWindow...Limits.maximumWindow).contains($0) }) else { throw problem(what) }
    if numbers.isEmpty, let initial { return initial }
    guard numbers.count == rank || numbers.count == 1 else { throw problem(what) }
    return numbers.count == rank ? numbers : [Int](repeating: numbers[0], count: rank)
  }

  private func isTrue(_ value: ScriptValue?) -> Bool { if case .bool(true)? = value { true } else { false } }

  // MARK: Windows

  /// A window over the steps of a value, whose axis of time is `dim`.
  mutating func windowed(
    _ tensor: ScriptTensor, _ dim: Int, _ function: WindowFunction, _ window: TimeWindow, _ what: String
  ) throws(ScriptStop) -> ScriptTensor {
    guard window != TimeWindow(size: 1) else { return tensor }
    guard case .time(let axis)? = tensor.axes[dim].first, tensor.axes[dim].count == 1, window.isSound, let next = axis.under(window), graph.hasTime[tensor.step],
      tensor.state == nil, !tensor.isPacked, !tensor.isSorted, !isIndices(tensor)
    else { throw problem("\(what) of a value with the axes \(tensor.plane.description)") }
    hasLayout = true
    try noteTimeAxis(of: tensor.step)
    var result = try add(.window(function, window), of: tensor)
    result.axes[dim] = [.time(next)]
    return result
  }

  /// A window over one axis of features.
  private mutating func across(
    _ tensor: ScriptTensor, _ dim: Int, _ function: WindowFunction, _ window: TimeWindow, _ what: String
  ) throws(ScriptStop) -> ScriptTensor {
    guard window != TimeWindow(size: 1) else { return tensor }
    try search(tensor.axes)
    let axis = tensor.axes[dim], rest = tensor.plane.rest(without: axis)
    guard tensor.state == nil, !tensor.isPacked, let size = count(axis), let each = count(rest), let count = window.count(of: size) else {
      throw problem("\(what) of a value with the axes \(tensor.plane.description)")
    }
    guard count > 0 else {
      misfit = -1
      throw problem("\(what) of windows that are larger than \(tensor.plane.description)")
    }
    var result = try add(.across(function, window, each), of: try arranged(tensor, axis + rest, what))
    result.axes[dim] = fresh(count)
    result.layout = result.axes[dim] + rest
    return result
  }

  private mutating func windowed(
    _ taken: ScriptTensor, _ function: WindowFunction, _ windows: [TimeWindow], _ what: String
  ) throws(ScriptStop) -> ScriptTensor {
    var tensor = taken
    guard tensor.axes.count == windows.count + 2, tensor.axes[0] == [.batch], windows.allSatisfy(\.isSound) else {
      throw problem("\(what) of a value with the axes \(tensor.plane.description)")
    }
    for (index, window) in windows.enumerated() {
      let dim = index + 2
      if tensor.axes[dim].contains(where: \.isTime) {
        tensor = try windowed(tensor, dim, function, window, what)
      } else {
        tensor = try across(tensor, dim, function, window, what)
      }
    }
    return tensor
  }

  /// `max_pool1d`, `avg_pool2d` …
  mutating func pool(_ name: String, _ values: [ScriptValue], _ keywords: Keywords) throws(ScriptStop) -> ScriptValue {
    let tensor = try self.tensor(values.first ?? .none, "torch.\(name)"), rank = name.hasSuffix("2d") ? 2 : 1, isMax = name.hasPrefix("max")
    func argument(_ index: Int, _ keyword: String) -> ScriptValue? { values.count > index ? values[index] : keywords[keyword] }
    let what = "torch.\(name)"
    let size = try each(argument(1, "kernel_size"), rank, what), stride = try each(argument(2, "stride"), rank, initial: size, what)
    let padding = try each(argument(3, "padding"), rank, initial: [Int](repeating: 0, count: rank), what)
    let dilation = isMax ? try each(argument(4, "dilation"), rank, initial: [Int](repeating: 1, count: rank), what) : [Int](repeating: 1, count: rank)
    guard !isTrue(argument(isMax ? 5 : 4, "ceil_mode")), isNone(argument(isMax ? 7 : 6, "divisor_override")) else { throw problem("\(what) with ceil_mode or a divisor of its own") }
    var counts = true
    if !isMax, case .bool(let value)? = argument(5, "count_include_pad") { counts = value }
    guard padding.allSatisfy({ $0 >= 0 }) else { throw problem(what) }
    let windows = size.indices.map { TimeWindow(size: size[$0], stride: stride[$0], dilation: dilation[$0], before: padding[$0], after: padding[$0]) }
    return .tensor(try windowed(tensor, isMax ? .max : .average(countsPadding: counts), windows, what))
  }

  /// `adaptive_avg_pool1d(x, [1])`
  mutating func adaptivePool(_ name: String, _ values: [ScriptValue]) throws(ScriptStop) -> ScriptValue {
    let what = "torch.\(name)", rank = name.hasSuffix("2d") ? 2 : 1, isMax = name.contains("max")
    var tensor = try self.tensor(values.first ?? .none, what)
    guard values.count >= 2, tensor.axes.count == rank + 2, tensor.axes[0] == [.batch] else { throw problem("\(what) of a value with the axes \(tensor.plane.description)") }
    var wanted: [Int?] = []
    switch values[1] {
    case .integer(let size): wanted = [Int?](repeating: size, count: rank)
    case .sequence(let list):
      for value in sequences[list] {
        switch value {
        case .integer(let size): wanted.append(size)
        case .none: wanted.append(nil)
        case .size(let extent?) where wanted.count < rank && extent == LineExtent(tensor.axes[wanted.count + 2]): wanted.append(nil)
        default: throw problem("\(what) to a size that is only known when it runs")
        }
      }
    default: throw problem(what)
    }
    guard wanted.count == rank else { throw problem(what) }
    for (index, size) in wanted.enumerated() {
      let dim = index + 2, axis = tensor.axes[dim]
      guard let size, axis.isEmpty == false || size != 1 else { continue }
      if isTime(axis) {
        guard size == 1 else { throw problem("\(what) to \(size) steps") }
        tensor = try overTime(isMax ? .max : .mean, tensor, dim, what)
      } else {
        try search([axis])
        guard let count = count(axis), size >= 1, count % size == 0 else { throw problem("\(what) to \(size) positions in windows of several sizes") }
        tensor = try across(tensor, dim, isMax ? .max : .average(countsPadding: true), TimeWindow(size: count / size, stride: count / size), what)
      }
    }
    // PyTorch's max gives the numbers and where they are.
    return isMax ? sequence([.tensor(tensor), .other]) : .tensor(tensor)
  }

  // MARK: Reductions

  /// All steps of each sequence as one, on an axis of 1.
  mutating func overTime(_ function: TimeFunction, _ tensor: ScriptTensor, _ dim: Int, _ what: String) throws(ScriptStop) -> ScriptTensor {
    guard isTime(tensor.axes[dim]), graph.hasTime[tensor.step], tensor.state == nil, !tensor.isPacked, !tensor.isSorted, !isIndices(tensor) else {
      throw problem("\(what) of a value with the axes \(tensor.plane.description)")
    }
    hasLayout = true
    var result = tensor
    result.step = try add(.overTime(function), [tensor.step], hasTime: function.keepsTime)
    if !function.keepsTime { result.axes[dim] = [] }
    return result
  }

  /// `mean(x, [1])`, `sum(x, [1], True)`, `amax`, `max(x, 1)`
  mutating func reduction(_ name: String, _ values: [ScriptValue], _ keywords: Keywords) throws(ScriptStop) -> ScriptValue {
    let what = "torch.\(name)", functions: [String: TimeFunction] = ["mean": .mean, "sum": .sum, "max": .max, "amax": .max]
    guard let function = functions[name], let first = values.first, let dims = integers(values.count > 1 ? values[1] : keywords["dim"]), !dims.isEmpty else {
      throw problem("\(what) of all axes, or of two values")
    }
    let keeps = isTrue(values.count > 2 ? values[2] : keywords["keepdim"])
    var tensor = try self.tensor(first, what)
    let axes = dims.compactMap { position($0, of: tensor) }
    guard axes.count == dims.count, Set(axes).count == axes.count else { throw problem(what) }
    for dim in axes.sorted(by: >) {
      let axis = tensor.axes[dim]
      if isTime(axis) {
        tensor = try overTime(function, tensor, dim, what)
      } else if !axis.isEmpty {
        try search([axis])
        guard function == .max || function == .mean, let size = count(axis) else { throw problem("\(what) over the axis \(dim) of \(tensor.plane.description)") }
        tensor = try across(tensor, dim, function == .max ? .max : .average(countsPadding: true), TimeWindow(size: size, stride: size), what)
      }
      if !keeps { tensor.axes.remove(at: dim) }
    }
    return name == "max" ? sequence([.tensor(tensor), .other]) : .tensor(tensor)
  }

  mutating func softmax(_ name: String, _ values: [ScriptValue], _ keywords: Keywords) throws(ScriptStop) -> ScriptValue {
    let what = "torch.\(name)"
    let tensor = try self.tensor(values.first ?? .none, what)
    guard values.count >= 2, case .integer(let dim) = values[1], values.count == 2 || isNone(values[2]), isNone(keywords["dtype"]), tensor.state == nil,
      let at = position(dim, of: tensor)
    else { throw problem(what) }
    if isTime(tensor.axes[at]), name == "softmax" { return .tensor(try overTime(.softmax, tensor, at, what)) }
    guard tensor.axes[at].allSatisfy(\.isFeatures), Set(tensor.axes[at]) == Set(tensor.layout) else {
      throw problem("\(what) over another axis than steps or all features")
    }
    // The order of what is summed changes nothing but rounding.
    return try activation(name, [.tensor(tensor)], maximum: 1)
  }

  /// The weighted sum that a product of weights for each step, (batch, 1, time), and values, (batch, time, features), is.
  mutating func product(_ name: String, _ values: [ScriptValue]) throws(ScriptStop) -> ScriptValue {
    guard values.count == 2 else { throw problem("torch.\(name)") }
    let weights = try tensor(values[0], "torch.\(name)"), given = try tensor(values[1], "torch.\(name)")
    guard weights.axes.count == 3, given.axes.count == 3, weights.axes[0] == [.batch], weights.axes[1].isEmpty, isTime(weights.axes[2]), given.axes[1] == weights.axes[2],
      given.axes[0] == [.batch], given.axes[2] == given.layout, weights.layout.isEmpty, graph.hasTime[weights.step], graph.hasTime[given.step],
      weights.state == nil, given.state == nil, !weights.isSorted, !given.isSorted, !isIndices(given), !isIndices(weights)
    else { throw problem("torch.\(name) of other values than weights for each step and these") }
    var result = given
    result.step = try add(.arithmetic("*"), [weights.step, given.step], hasTime: true)
    return .tensor(try overTime(.sum, result, 1, "torch.\(name)"))
  }

  // MARK: Padding

  /// `torch.pad(x, [1, 0], "constant", None)`, `torch.constant_pad_nd(x, [1, 0], 0)`
  mutating func pad(_ name: String, _ values: [ScriptValue], _ keywords: Keywords) throws(ScriptStop) -> ScriptValue {
    let what = "torch.\(name)"
    guard values.count >= 2, let sides = integers(values[1]), sides.count % 2 == 0, !sides.isEmpty,
      sides.allSatisfy({ (-Limits.maximumWindow...Limits.maximumWindow).contains($0) })
    else { throw problem(what) }
    var tensor = try self.tensor(values[0], what)
    guard sides.count / 2 <= tensor.axes.count, tensor.state == nil, !tensor.isPacked else { throw problem(what) }
    var mode = "constant", value: ScriptValue? = nil
    if name == "pad" {
      if values.count > 2, case .string(let text) = values[2] { mode = text }
      value = values.count > 3 ? values[3] : keywords["value"]
    } else {
      value = values.count > 2 ? values[2] : nil
    }
    if mode != "constant" {
      guard let mode = Convolution.Padding(rawValue: mode) else { throw problem("\(what) of the mode \(mode)") }
      tensor.padding = ScriptPadding(mode: mode, sides: sides)
      return .tensor(tensor)
    }
    guard isNone(value) || value.flatMap({ number($0) }) == 0 else { throw problem("\(what) with other numbers than zeros") }
    for index in 0..<sides.count / 2 {
      let dim = tensor.axes.count - 1 - index, window = TimeWindow(size: 1, before: sides[2 * index], after: sides[2 * index + 1])
      guard window != TimeWindow(size: 1) else { continue }
      if isTime(tensor.axes[dim]) {
        tensor = try windowed(tensor, dim, .join, window, what)
      } else if tensor.axes[dim].allSatisfy(\.isFeatures) {
        tensor = try across(tensor, dim, .join, window, what)
      } else {
        throw problem("\(what) of the batch")
      }
    }
    return .tensor(tensor)
  }

  // MARK: Convolutions

  /// `conv1d(x, weight, bias, stride, padding, dilation, groups)`, `_convolution(x, weight, bias, stride, padding, dilation, transposed,
  /// output padding, groups, …)`
  mutating func convolution(_ name: String, _ values: [ScriptValue], _ keywords: Keywords) throws(ScriptStop) -> ScriptValue {
    let what = "torch.\(name)", isSpelledOut = name == "_convolution" || name == "convolution"
    guard values.count >= 2, case .parameter(let weightName) = values[1], let path = Self.owner(of: weightName, "weight"), let weight = archive[weightName]?.shape,
      weight.rank == 3 || weight.rank == 4, weight.count > 0
    else { throw problem("\(what) with \(values.count > 1 ? Self.words(values[1]) : "nothing")") }
    let rank = weight.rank - 2, ones = [Int](repeating: 1, count: rank), noPadding = [Int](repeating: 0, count: rank)
    let own = Model.join(path, "bias")
    func argument(_ index: Int, _ keyword: String) -> ScriptValue? { values.count > index ? values[index] : keywords[keyword] }
    switch argument(2, "bias") {
    case nil, ScriptValue.none?: guard archive[own] == nil else { throw problem("\(what) without the bias \(own)") }
    case .parameter(own)?: break
    default: throw problem("\(what) with another bias than \(own)")
    }
    let stride = try each(argument(3, "stride"), rank, initial: ones, what), dilation = try each(argument(5, "dilation"), rank, initial: ones, what)
    if isSpelledOut, isTrue(argument(6, "transposed")) { throw problem("a transposed convolution") }
    let groups = try each(argument(isSpelledOut ? 8 : 6, "groups"), 1, initial: [1], what)[0]
    guard groups >= 1, groups <= Limits.maximumModuleSize, weight[1] <= Limits.maximumModuleSize / groups else { throw problem(what) }
    var tensor = try padded(values[0], "module \(path)")
    guard tensor.state == nil, !tensor.isPacked, !tensor.isSorted, !isIndices(tensor), tensor.axes.count == rank + 2, tensor.axes[0] == [.batch], graph.hasTime[tensor.step] else {
      throw problem("module \(path) of a value with the axes \(tensor.plane.description)")
    }
    let channels = weight[1] * groups
    try learn(tensor.axes[1], channels)
    if tensor.axes[1] != tensor.layout || rank == 2 { try search(tensor.axes) }
    var windows = (0..<rank).map { TimeWindow(size: weight[$0 + 2], stride: stride[$0], dilation: dilation[$0]) }
    var arguments: [(String, ModuleDeclaration.Value)] = [("stride", .list(stride.map(Double.init))), ("dilation", .list(dilation.map(Double.init))), ("groups", .number(Double(groups)))]
    var sides: [Int] = [], mode = Convolution.Padding.zeros
    if case .string(let text)? = argument(4, "padding") {
      guard text == "same" || text == "valid" else { throw problem(what) }
      for window in windows {
        let total = text == "same" ? window.dilation * (window.size - 1) : 0
        sides += [total / 2, total - total / 2]
      }
    } else {
      sides = try each(argument(4, "padding"), rank, initial: noPadding, what).flatMap { [$0, $0] }
    }
    if let padding = tensor.padding {
      guard sides.allSatisfy({ $0 == 0 }), padding.sides.count == 2 * rank else { throw problem("module \(path) of a value padded by its own numbers") }
      // The last axis' come first.
      sides = (0..<rank).flatMap { Array(padding.sides[2 * (rank - 1 - $0)..<2 * (rank - $0)]) }
      arguments.append(("padding_mode", .text(padding.mode.rawValue)))
      (tensor.padding, mode) = (nil, padding.mode)
    }
    for index in windows.indices { (windows[index].before, windows[index].after) = (sides[2 * index], sides[2 * index + 1]) }
    arguments.append(("padding", .list(sides.map(Double.init))))
    guard windows.allSatisfy(\.isSound) else { throw problem("module \(path) of windows of more than \(Limits.maximumWindow) steps") }
    guard count(tensor.axes[1]) == channels else {
      misfit = count(tensor.axes[1]).map { $0 > channels ? 1 : -1 }
      throw problem("module \(path), which takes \(channels) channels, of a value with the axes \(tensor.plane.description)")
    }
    if rank == 1 {
      guard case .time(let axis)? = tensor.axes[2].first, tensor.axes[2].count == 1, let next = axis.under(windows[0]) else {
        throw problem("module \(path) of a value with the axes \(tensor.plane.description)")
      }
      tensor = try arranged(tensor, tensor.axes[1], "module \(path)")
      tensor = try add(.module(path), of: tensor)
      tensor.axes[2] = [.time(next)]
      tensor.axes[1] = fresh(weight[0])
      tensor.layout = tensor.axes[1]
    } else {
      guard let (time, positions, taken) = tensor.plane.dimensions, case .time(let axis)? = tensor.axes[time].first, let next = axis.under(windows[time - 2]),
        let size = count(tensor.axes[positions])
      else { throw problem("module \(path) of a value with the axes \(tensor.plane.description)") }
      guard let count = windows[positions - 2].count(of: size, mirrored: mode), count > 0 else {
        misfit = -1
        throw problem("module \(path), whose windows are larger than \(tensor.plane.description)")
      }
      arguments.append(("time", .number(Double(time))))
      tensor = try arranged(tensor, tensor.axes[positions] + taken, "module \(path)")
      tensor = try add(.module(path), of: tensor)
      tensor.axes[1] = fresh(weight[0])
      tensor.axes[positions] = fresh(count)
      tensor.axes[time] = [.time(next)]
      tensor.layout = tensor.axes[positions] + tensor.axes[1]
    }
    try declare(path, rank == 1 ? "Conv1d" : "Conv2d", arguments)
    hasLayout = true
    try noteTimeAxis(of: tensor.step)
    return .tensor(tensor)
  }
}
