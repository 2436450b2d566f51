import RNNModel

/// What `torch.…` means for the line.
extension ScriptInterpreter {
  typealias Keywords = [String: ScriptValue]

  mutating func operation(_ name: String, _ values: [ScriptValue], _ keywords: Keywords) throws(ScriptStop) -> ScriptValue {
    let first = values.first ?? .none
    if let result = try comparison(name, values) { return result }
    if let result = try size(name, values) { return result }
    if let result = try lengths(name, values, keywords) { return result }
    if name == "add", values.count == 2, case .sequence(let left) = values[0], case .sequence(let right) = values[1] {
      try spend(sequences[left].count + sequences[right].count)
      return sequence(sequences[left] + sequences[right])
    }
    // A part of a list.
    if name == "slice", case .sequence(let list) = first {
      var bounds: [Int?] = []
      for value in values.dropFirst() { if case .integer(let number) = value { bounds.append(number) } else { bounds.append(nil) } }
      let count = sequences[list].count
      func bound(_ index: Int, _ initial: Int) -> Int {
        guard bounds.indices.contains(index), let number = bounds[index] else { return initial }
        return min(max(number < 0 ? number &+ count : number, 0), count)
      }
      let (start, end) = (bound(0, 0), bound(1, count))
      guard bounds.count < 3 || bounds[2] == 1, start <= end else { throw problem("torch.slice of several values") }
      return sequence(Array(sequences[list][start..<end]))
    }
    switch name {
    case "relu", "tanh", "sigmoid", "softsign", "hardsigmoid", "silu", "relu6", "exp", "log": return try activation(name, values, maximum: 1)
    case "relu_", "tanh_", "sigmoid_", "hardsigmoid_", "silu_", "relu6_":
      let result = try activation(String(name.dropLast()), values, maximum: 1)
      return try overwriting(first, with: result)
    case "leaky_relu", "leaky_relu_", "elu", "elu_":
      let isInPlace = name.hasSuffix("_")
      let plain = isInPlace ? String(name.dropLast()) : name
      guard values.count <= 2 else { throw problem("torch.\(name)") }
      guard let slope = values.count == 2 ? number(values[1]) : plain == "elu" ? 1 : 0.01 else { throw problem("torch.\(name)") }
      let result = try activation(plain, [first], [slope], maximum: 1)
      return isInPlace ? try overwriting(first, with: result) : result
    case "softplus":
      guard values.count < 2 || number(values[1]) == 1, values.count < 3 || number(values[2]) == 20 else {
        throw problem("torch.softplus with other numbers than PyTorch's own")
      }
      return try activation(name, values, maximum: 3)
    case "gelu":
      switch keywords["approximate"] {
      case nil, .string("none")?: return try activation("gelu", values, maximum: 1)
      case .string("tanh")?: return try activation("gelu_tanh", values, maximum: 1)
      default: throw problem("torch.gelu")
      }
    case "hardtanh", "hardtanh_", "clamp", "clip":
      let isInPlace = name.hasSuffix("_")
      let plain = name.hasPrefix("hardtanh") ? "hardtanh" : "clip"
      let result = try activation(plain, [first], try bounds(plain, values, keywords), maximum: 1)
      return isInPlace ? try overwriting(first, with: result) : result
    case "softmax", "log_softmax": return try softmax(name, values, keywords)
    case "dropout", "dropout_", "feature_dropout", "alpha_dropout", "feature_dropout_", "alpha_dropout_":
      // Nothing at inference; that a module is left in training is a departure of its own.
      return .tensor(try tensor(first, "torch.\(name)"))
    case "contiguous", "detach", "clone", "alias", "requires_grad_", "cpu", "cuda", "float": return try same(name, first)
    case "to", "type_as", "double": return try converted(name, values, keywords)
    case "neg": return try negation(values)
    case "add", "sub", "mul", "div", "rsub", "add_", "sub_", "mul_", "div_": return try arithmetic(name, values, keywords)
    case "cat", "concat", "concatenate": return try concatenation(values, keywords)
    case "linear":
      guard values.count >= 2 else { throw problem("torch.linear") }
      return try linear(first, values[1], values.count > 2 ? values[2] : .none)
    case "embedding":
      guard values.count >= 2 else { throw problem("torch.embedding") }
      return try embedding(first, values[1])
    case "prelu": return try prelu(values)
    case "conv1d", "conv2d", "_convolution", "convolution", "_convolution_mode": return try convolution(name, values, keywords)
    case "max_pool1d", "max_pool2d", "avg_pool1d", "avg_pool2d": return try pool(name, values, keywords)
    case "adaptive_avg_pool1d", "adaptive_max_pool1d", "adaptive_avg_pool2d", "adaptive_max_pool2d": return try adaptivePool(name, values)
    case "batch_norm": return try batchNorm(values)
    case "group_norm": return try groupNorm(values, keywords)
    case "layer_norm", "rms_norm": return try rowNorm(name, values, keywords)
    case "mean", "sum", "amax", "max": return try reduction(name, values, keywords)
    case "pad", "constant_pad_nd": return try pad(name, values, keywords)
    case "bmm", "matmul": return try product(name, values)
    case "scaled_dot_product_attention": return try scaledAttention(values, keywords)
    case "lstm", "gru", "rnn_tanh", "rnn_relu": return try recurrentCall(name, values)
    case "zeros", "zeros_like", "new_zeros": return .zeros
    case "transpose", "t", "permute", "select", "slice", "squeeze", "unsqueeze", "view", "reshape", "expand", "repeat", "expand_as", "flatten",
      "unflatten", "movedim", "chunk", "split", "split_with_sizes", "narrow", "flip", "swapaxes", "swapdims":
      return try layout(name, values, keywords)
    case "device", "format", "warn", "is_grad_enabled", "is_autocast_enabled": return .other
    case "list", "unchecked_unwrap_optional": return first
    default: throw problem("torch.\(name)")
    }
  }

  var archive: TensorArchive { reader.archive }

  func isNone(_ value: ScriptValue?) -> Bool {
    if case .none? = value { true } else { value == nil }
  }

  func number(_ value: ScriptValue) -> Double? {
    switch value {
    case .integer(let value): Double(value)
    case .float(let value): value
    case .constant(let numbers) where numbers.count == 1: numbers[0]
    default: nil
    }
  }

  // MARK: Scalars

  private mutating func comparison(_ name: String, _ values: [ScriptValue]) throws(ScriptStop) -> ScriptValue? {
    switch (name, values.count) {
    case ("__is__", 2), ("__isnot__", 2):
      guard isNone(values[1]) else { throw problem("torch.\(name)") }
      return .bool(isNone(values[0]) == (name == "__is__"))
    case ("__not__", 1):
      if case .bool(let value) = values[0] { return .bool(!value) }
      return .other
    case ("__contains__", 2):
      guard case .sequence(let list) = values[0], case .integer(let wanted) = values[1] else { return .other }
      try spend(sequences[list].count)
      return .bool(sequences[list].contains { if case .integer(wanted) = $0 { true } else { false } })
    case ("eq", 2), ("ne", 2), ("lt", 2), ("le", 2), ("gt", 2), ("ge", 2):
      switch (values[0], values[1]) {
      case (.string(let left), .string(let right)):
        return name == "eq" ? .bool(left == right) : name == "ne" ? .bool(left != right) : .other
      case (.bool(let left), .bool(let right)):
        return name == "eq" ? .bool(left == right) : name == "ne" ? .bool(left != right) : .other
      case (.tensor, _), (_, .tensor): throw problem("torch.\(name)")
      default: break
      }
      guard let left = number(values[0]), let right = number(values[1]) else { return .other }
      switch name {
      case "eq": return .bool(left == right)
      case "ne": return .bool(left != right)
      case "lt": return .bool(left < right)
      case "le": return .bool(left <= right)
      case "gt": return .bool(left > right)
      default: return .bool(left >= right)
      }
    case ("__and__", 2), ("__or__", 2):
      guard case .bool(let left) = values[0], case .bool(let right) = values[1] else { return .other }
      return .bool(name == "__and__" ? left && right : left || right)
    case ("len", 1):
      if case .sequence(let list) = values[0] { return .integer(sequences[list].count) }
      if case .tensor(let tensor) = values[0] { return tensor.axes.first.map { size(of: $0) } ?? .size(nil) }
      return .other
    case ("mul", 2), ("add", 2), ("sub", 2), ("floordiv", 2), ("floor_divide", 2), ("div", 2), ("remainder", 2), ("neg", 1):
      return try integers(name, values)
    default: return nil
    }
  }

  /// Whole numbers and sizes; nil where a tensor is among them.
  private func integers(_ name: String, _ values: [ScriptValue]) throws(ScriptStop) -> ScriptValue? {
    let isAlone = values.allSatisfy { value in
      switch value {
      case .size, .integer, .float: true
      case .constant(let numbers): numbers.count == 1
      default: false
      }
    }
    guard isAlone else { return nil }
    if values.contains(where: { if case .size = $0 { true } else { false } }) {
      guard name == "mul", let left = extent(values[0]), let right = extent(values[1]) else { return .size(nil) }
      return size(left.times(right))
    }
    guard case .integer(let left)? = values.first else { return nil }
    if name == "neg" { return .integer(0 &- left) }
    guard case .integer(let right) = values[1] else { return nil }
    let (result, overflow): (Int, Bool)
    switch name {
    case "mul": (result, overflow) = left.multipliedReportingOverflow(by: right)
    case "add": (result, overflow) = left.addingReportingOverflow(right)
    case "sub": (result, overflow) = left.subtractingReportingOverflow(right)
    case "floordiv":
      guard right > 0, left >= 0 else { throw problem("torch.floordiv") }
      (result, overflow) = (left / right, false)
    default: return nil
    }
    guard !overflow else { throw problem("torch.\(name)") }
    return .integer(result)
  }

  private func extent(_ value: ScriptValue) -> LineExtent? {
    switch value {
    case .size(let extent): return extent
    case .integer, .constant, .float:
      guard let number = number(value).flatMap({ Int(exactly: $0) }), (1...Limits.maximumModuleSize).contains(number) else { return nil }
      return LineExtent(number)
    default: return nil
    }
  }

  private mutating func size(_ name: String, _ values: [ScriptValue]) throws(ScriptStop) -> ScriptValue? {
    guard ["size", "dim", "numel", "sym_size"].contains(name) else { return nil }
    guard case .tensor(let tensor)? = values.first else { return .size(nil) }
    if name == "numel" || tensor.isPacked { return .size(nil) }
    if name == "dim" { return .integer(tensor.axes.count) }
    if values.count == 1 { return sequence(tensor.axes.map { size(of: $0) }) }
    guard case .integer(let dim) = values[1], let axis = axis(dim, of: tensor) else { throw problem("torch.size") }
    return size(of: axis)
  }

  // MARK: Values

  private func same(_ name: String, _ value: ScriptValue) throws(ScriptStop) -> ScriptValue {
    switch value {
    case .zeros, .startingState, .lengths, .order, .inverseOrder, .constant, .parameter: return value
    default: return .tensor(try tensor(value, "torch.\(name)"))
    }
  }

  private func converted(_ name: String, _ values: [ScriptValue], _ keywords: Keywords) throws(ScriptStop) -> ScriptValue {
    guard let first = values.first else { throw problem("torch.\(name)") }
    guard case .tensor = first else { return try same(name, first) }
    let tensor = try self.tensor(first, "torch.\(name)")
    var types: [Int] = []
    for value in [keywords["dtype"]] + values.dropFirst().prefix(2).map(Optional.some) {
      if case .integer(let type)? = value { types.append(type) }
    }
    // 6 and 7 are float32 and float64; an input's whole numbers are what they are.
    let isInput = if case .input = graph.steps[tensor.step].operation { true } else { false }
    guard types.allSatisfy({ $0 == 6 || $0 == 7 || (isInput && ($0 == 3 || $0 == 4)) }) else {
      throw problem("torch.\(name) another type of numbers")
    }
    return first
  }

  mutating func activation(
    _ name: String, _ values: [ScriptValue], _ numbers: [Double] = [], maximum: Int
  ) throws(ScriptStop) -> ScriptValue {
    guard let first = values.first, values.count <= maximum else { throw problem("torch.\(name)") }
    let tensor = try self.tensor(first, "torch.\(name)")
    guard tensor.state == nil, !tensor.isPacked else { throw problem("torch.\(name) of all states, or of packed sequences") }
    return .tensor(try add(.function(name, numbers), of: tensor))
  }

  /// The bounds of `torch.clamp` and `torch.hardtanh`, the largest numbers where there are none.
  private func bounds(_ name: String, _ values: [ScriptValue], _ keywords: Keywords) throws(ScriptStop) -> [Double] {
    let largest = Double.greatestFiniteMagnitude
    guard values.count <= 3 else { throw problem("torch.\(name)") }
    var result = name == "hardtanh" ? [-1, 1] : [-largest, largest]
    for (index, words) in [["min", "min_val"], ["max", "max_val"]].enumerated() {
      let given = values.count > index + 1 ? values[index + 1] : words.lazy.compactMap { keywords[$0] }.first
      guard let given, !isNone(given) else { continue }
      guard let bound = number(given) else { throw problem("torch.\(name) with bounds that the model computes") }
      result[index] = bound
    }
    guard result[0] <= result[1] else { throw problem("torch.\(name) with bounds that cross") }
    return result
  }

  /// What an operation in place gives: from here on what it was applied to, and all views of that, have other numbers.
  private mutating func overwriting(_ value: ScriptValue, with result: ScriptValue) throws(ScriptStop) -> ScriptValue {
    guard case .tensor(let old) = value, case .tensor(let new) = result else { throw problem("an operation in place") }
    if case .input = graph.steps[graph.roots[old.step]].operation { throw problem("an operation in place on an input") }
    guard graph.roots[old.step] == old.step else { throw problem("an operation in place on a part of a value") }
    if new.step != old.step { overwritten.insert(old.step) }
    return result
  }

  private mutating func negation(_ values: [ScriptValue]) throws(ScriptStop) -> ScriptValue {
    guard values.count == 1 else { throw problem("torch.neg") }
    let tensor = try self.tensor(values[0], "torch.neg")
    guard tensor.state == nil, !tensor.isPacked else { throw problem("torch.neg of all states, or of packed sequences") }
    return .tensor(try add(.negation, of: tensor))
  }

  // MARK: Arithmetic

  private mutating func arithmetic(
    _ name: String, _ values: [ScriptValue], _ keywords: Keywords
  ) throws(ScriptStop) -> ScriptValue {
    let isInPlace = name.hasSuffix("_")
    let plain = isInPlace ? String(name.dropLast()) : name
    guard values.count >= 2, isNone(keywords["rounding_mode"]), plain != "div" || values.count == 2, plain != "mul" || values.count == 2
    else { throw problem("torch.\(name)") }
    var alpha = 1.0
    if let value = values.count > 2 ? values[2] : keywords["alpha"] {
      guard let number = number(value) else { throw problem("torch.\(name) with another alpha") }
      alpha = number
    }
    guard alpha == 1 else { throw problem("torch.\(name) with another alpha than 1") }
    var (left, right) = (values[0], values[1])
    if plain == "rsub" { swap(&left, &right) }
    let sign = plain == "add" ? "+" : plain == "mul" ? "*" : plain == "div" ? "/" : "-"
    let (first, second) = (try operand(left, beside: right, name), try operand(right, beside: left, name))
    guard let together = try together(first, second, name), first.isSorted == second.isSorted || first.axes.isEmpty || second.axes.isEmpty
    else { throw problem("torch.\(name) of values with different axes") }
    let step = try add(
      .arithmetic(sign), [together.first, together.second], hasTime: graph.hasTime[first.step] || graph.hasTime[second.step])
    let result = ScriptValue.tensor(ScriptTensor(step: step, axes: together.axes, layout: together.layout, isSorted: first.isSorted || second.isSorted))
    return isInPlace ? try overwriting(values[0], with: result) : result
  }

  /// A value to compute with; numbers have no axes.
  private mutating func operand(
    _ value: ScriptValue, beside other: ScriptValue, _ name: String
  ) throws(ScriptStop) -> ScriptTensor {
    func check(_ count: Int) throws(ScriptStop) {
      guard count > 1 else { return }
      guard case .tensor(let tensor) = other, tensor.axes.last == tensor.layout else {
        throw problem("torch.\(name) with a number for each entry of another axis than features")
      }
    }
    switch value {
    case .integer, .float, .constant:
      var numbers = number(value).map { [$0] } ?? []
      if case .constant(let all) = value { numbers = all }
      guard !numbers.isEmpty else { throw problem("torch.\(name) with constants of the code") }
      try check(numbers.count)
      return ScriptTensor(step: try add(.constant(numbers), hasTime: false), axes: [], layout: fresh(numbers.count))
    case .parameter(let path):
      guard let shape = archive[path]?.shape, shape.dimensions.dropLast().allSatisfy({ $0 == 1 }), shape.rank <= 2 || shape.count == 1 else {
        throw problem("torch.\(name) with the tensor \(path)")
      }
      // More axes than the other value has would be new ones.
      guard case .tensor(let tensor) = other, shape.rank <= tensor.axes.count else { throw problem("torch.\(name) with the tensor \(path)") }
      try check(shape.count)
      return ScriptTensor(step: try add(.parameter(path), hasTime: false), axes: [], layout: fresh(shape.count))
    default:
      let tensor = try self.tensor(value, "torch.\(name)")
      guard tensor.state == nil, !tensor.isPacked, !isIndices(tensor) else {
        throw problem("torch.\(name) of all states, packed sequences or indices")
      }
      return tensor
    }
  }

  func isIndices(_ tensor: ScriptTensor) -> Bool {
    if case .input(let number) = graph.steps[tensor.step].operation { roles[number] == .indices } else { false }
  }

  /// Two values with their features in one order, and the axes that they have together; nil where they do not lie on each other.
  private mutating func together(
    _ first: ScriptTensor, _ second: ScriptTensor, _ name: String
  ) throws(ScriptStop) -> (first: Int, second: Int, axes: [LineAxis], layout: LineAxis)? {
    // Numbers of the model, one for all features or one for each.
    if first.axes.isEmpty || second.axes.isEmpty {
      let (numbers, other) = first.axes.isEmpty ? (first, second) : (second, first)
      if let wanted = count(numbers.layout), wanted > 1, let given = other.axes.last {
        try learn(given, wanted)
        // What has one feature takes the shape of the numbers.
        if given.isEmpty, !other.axes.isEmpty {
          return (first.step, second.step, other.axes.dropLast() + [numbers.layout], numbers.layout)
        }
        guard count(given) ?? wanted == wanted else { throw problem("torch.\(name) of \(count(given) ?? 0) features and \(wanted)") }
      }
      return (first.step, second.step, other.axes.isEmpty ? numbers.axes : other.axes, other.axes.isEmpty ? numbers.layout : other.layout)
    }
    guard first.axes.count == second.axes.count else { return nil }
    for (own, other) in zip(first.axes, second.axes) {
      if let size = count(other), size > 1 { try learn(own, size) }
      if let size = count(own), size > 1 { try learn(other, size) }
    }
    var axes: [LineAxis] = [], names: [LineAtom: LineAtom] = [:]
    for (own, other) in zip(first.axes, second.axes) {
      axes.append(own.isEmpty ? other : own)
      if own.isEmpty || other.isEmpty { continue }
      guard own.count == other.count else { return nil }
      for (atom, wanted) in zip(other, own) {
        let isOpen = atom.isFeatures && wanted.isFeatures && (atom.size == nil || wanted.size == nil)
        guard atom == wanted || isOpen || atom.size != nil && atom.size == wanted.size else { return nil }
        names[atom] = wanted
      }
    }
    if first.layout.isEmpty || second.layout.isEmpty { return (first.step, second.step, axes, first.layout.isEmpty ? second.layout : first.layout) }
    var other = second
    other.layout = second.layout.map { names[$0] ?? $0 }
    guard Set(other.layout) == Set(first.layout) else { throw problem("torch.\(name) of values that have a part of the features in common") }
    return (first.step, try arranged(other, first.layout, "torch.\(name)").step, axes, first.layout)
  }
}
