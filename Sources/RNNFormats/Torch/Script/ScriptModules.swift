import RNNModel

/// Calls of the modules that RNNKit runs, however the code spells them.
extension ScriptInterpreter {
  /// `encoder.fc` of `encoder.fc.weight`; nil where the tensor is called something else.
  static func owner(of parameter: String, _ name: String) -> String? {
    if parameter == name { return "" }
    return parameter.hasSuffix("." + name) ? String(parameter.dropLast(name.utf8.count + 1)) : nil
  }

  // MARK: Linear layers and embeddings

  mutating func linear(_ input: ScriptValue, _ weight: ScriptValue, _ bias: ScriptValue) throws(ScriptStop) -> ScriptValue {
    guard case .parameter(let name) = weight, let path = Self.owner(of: name, "weight") else {
      throw problem("torch.linear with \(Self.words(weight))")
    }
    let own = Model.join(path, "bias")
    switch bias {
    case .none where archive[own] == nil, .parameter(own): break
    default: throw problem("torch.linear with another bias than \(own)")
    }
    return try linear(input, weight, path)
  }

  mutating func linear(_ input: ScriptValue, _ weight: ScriptValue, _ path: String) throws(ScriptStop) -> ScriptValue {
    guard case .parameter(let name) = weight, let shape = archive[name]?.shape, shape.rank == 2 else {
      throw problem("module \(path), whose weight is no matrix")
    }
    try noteKind(.linear, of: path)
    return try rowwise(path, shape.dimensions[1], shape.dimensions[0], input)
  }

  mutating func embedding(_ weight: ScriptValue, _ indices: ScriptValue) throws(ScriptStop) -> ScriptValue {
    guard case .parameter(let name) = weight, let path = Self.owner(of: name, "weight"), let shape = archive[name]?.shape,
      shape.rank == 2
    else { throw problem("torch.embedding with \(Self.words(weight))") }
    let tensor = try self.tensor(indices, "module \(path)")
    guard case .input(let number) = graph.steps[tensor.step].operation else { throw problem("module \(path) of what is no input") }
    guard roles[number] == .indices else { throw .needs(input: number, .indices) }
    hasLayout = true
    try noteTimeAxis(of: tensor.step)
    try noteKind(.embedding, of: path)
    var result = tensor
    result.step = try add(.module(path), [tensor.step], hasTime: true)
    result.layout = fresh(shape.dimensions[1])
    result.axes.append(result.layout)
    return .tensor(result)
  }

  // MARK: Recurrent modules

  /// A call of a scripted recurrent module, which its class's constants describe. Nil for any other call: a traced
  /// one is a call of `torch.lstm` in the module's own forward.
  mutating func recurrent(
    _ object: PickleGraph.Value, _ type: String, method: String, _ values: [ScriptValue]
  ) throws(ScriptStop) -> ScriptValue? {
    let kind = TorchModuleClass(type)
    guard kind.isOfTorch, ["LSTM", "GRU", "RNN"].contains(kind.name), method.hasPrefix("forward"), case .node(let node) = object else {
      return nil
    }
    let declared: ScriptClass?
    do { declared = try reader.library.type(type) } catch { throw problem("code that cannot be read, or more than \(Limits.maximumCodeSize) bytes of it") }
    guard let declared, case .string(let mode)? = declared.constants["mode"], case .name(let first)? = declared.constants["batch_first"],
      case .name(let both)? = declared.constants["bidirectional"], case .integer(let layers)? = declared.constants["num_layers"]
    else { return nil }
    let path = reader.paths[node] ?? ""
    guard let input = values.first, values.count <= 2 else { throw problem("module \(path)") }
    let call = RecurrentCall(
      path: path, mode: mode.lowercased(), layers: layers, isBidirectional: both == "True", batchFirst: first == "True")
    return try apply(call, to: input, startingWith: values.count > 1 ? values[1] : .none)
  }

  private struct RecurrentCall {
    var path: String
    /// `lstm`, `gru`, `rnn_tanh`, `rnn_relu`
    var mode: String
    var layers: Int
    var isBidirectional: Bool
    /// Nil for packed sequences in a call of `torch.lstm`.
    var batchFirst: Bool?
    /// Whether it is a call of `torch.lstm`, which has h and c as results of their own.
    var isSpelledOut = false
  }

  /// `torch.lstm(input, states, weights, bias, layers, dropout, training, bidirectional, batch_first)`, or, with packed
  /// sequences, `torch.lstm(data, batch_sizes, states, weights, bias, layers, dropout, training, bidirectional)`.
  mutating func recurrentCall(_ name: String, _ values: [ScriptValue]) throws(ScriptStop) -> ScriptValue {
    guard values.count == 9 else { throw problem("torch.\(name)") }
    let isPacked = if case .sequence = values[3] { true } else { false }
    let shift = isPacked ? 1 : 0
    guard case .sequence(let weights) = values[2 + shift], case .bool(let hasBias) = values[3 + shift],
      case .integer(let layers) = values[4 + shift], case .bool(let isBidirectional) = values[7 + shift]
    else { throw problem("torch.\(name)") }
    var batchFirst: Bool?
    if !isPacked {
      guard case .bool(let first) = values[8] else { throw problem("torch.\(name)") }
      batchFirst = first
    }
    var names: [String] = []
    try spend(sequences[weights].count)
    for weight in sequences[weights] {
      guard case .parameter(let name) = weight else { throw problem("torch.\(name) with \(Self.words(weight))") }
      names.append(name)
    }
    guard let first = names.first, let path = Self.owner(of: first, "weight_ih_l0"), (1...Limits.maximumLayerCount).contains(layers), layers <= names.count,
      names == expectedWeights(path, layers: layers, isBidirectional: isBidirectional, hasBias: hasBias)
    else { throw problem("torch.\(name) with other tensors than those of one module, in their order") }
    return try apply(
      RecurrentCall(path: path, mode: name, layers: layers, isBidirectional: isBidirectional, batchFirst: batchFirst,
        isSpelledOut: true),
      to: values[0], startingWith: values[1 + shift])
  }

  private func expectedWeights(_ path: String, layers: Int, isBidirectional: Bool, hasBias: Bool) -> [String] {
    let hasProjection = archive[Model.join(path, "weight_hr_l0")] != nil
    var names: [String] = []
    for layer in 0..<layers {
      for direction in isBidirectional ? ["", "_reverse"] : [""] {
        let stem = ["weight_ih", "weight_hh"] + (hasBias ? ["bias_ih", "bias_hh"] : []) + (hasProjection ? ["weight_hr"] : [])
        names += stem.map { Model.join(path, "\($0)_l\(layer)\(direction)") }
      }
    }
    return names
  }

  private mutating func apply(
    _ call: RecurrentCall, to value: ScriptValue, startingWith state: ScriptValue
  ) throws(ScriptStop) -> ScriptValue {
    var tensor = try self.tensor(value, "module \(call.path)")
    try checkStart(state, call)
    // What the tensors say is what will be run.
    let isLSTM = call.mode == "lstm"
    guard (1...Limits.maximumLayerCount).contains(call.layers),
      let hidden = archive[Model.join(call.path, "weight_hh_l0")]?.shape, hidden.rank == 2,
      archive[Model.join(call.path, "weight_ih_l\(call.layers - 1)")] != nil,
      archive[Model.join(call.path, "weight_ih_l\(call.layers)")] == nil,
      (archive[Model.join(call.path, "weight_ih_l0_reverse")] != nil) == call.isBidirectional,
      isLSTM || archive[Model.join(call.path, "weight_hr_l0")] == nil
    else { throw problem("module \(call.path), whose tensors are not those of its call") }
    let gates = isLSTM ? 4 : call.mode == "gru" ? 3 : 1
    let cells = hidden.dimensions[0] / gates
    guard hidden.dimensions[0] == cells * gates, cells > 0 else { throw problem("module \(call.path), whose tensors are not those of a \(call.mode)") }
    guard tensor.state == nil, !isIndices(tensor), tensor.isPacked == (call.batchFirst == nil) || !call.isSpelledOut
    else { throw problem("module \(call.path) of all states, indices or unpacked sequences") }
    if !tensor.isPacked {
      guard let batchFirst = call.batchFirst, tensor.isRows(batchFirst: batchFirst)
      else { throw problem("module \(call.path) with batch_first=\(call.batchFirst == true ? "True" : "False") on the axes \(tensor.plane.description)") }
    }
    guard graph.hasTime[tensor.step] else { throw problem("module \(call.path) of a value repeated for each step") }
    hasLayout = true
    try noteTimeAxis(of: tensor.step)
    if let input = archive[Model.join(call.path, "weight_ih_l0")]?.shape, input.rank == 2 {
      try learn(tensor.axes[2], input.dimensions[1])
      tensor = try arranged(tensor, tensor.axes[2], "module \(call.path)")
      if let count = count(tensor.layout), count != input.dimensions[1] {
        misfit = count > input.dimensions[1] ? 1 : -1
        throw problem("module \(call.path), which takes \(input.dimensions[1]) features, of \(count)")
      }
    }
    let directions = call.isBidirectional ? 2 : 1
    var output = tensor
    output.step = try add(.module(call.path), [tensor.step], hasTime: true)
    output.layout = fresh(hidden.dimensions[1] &* directions)
    output.axes[2] = output.layout
    let states = ["hn", "cn"].map { kind in
      let layout = fresh(kind == "cn" ? cells : hidden.dimensions[1])
      return ScriptValue.tensor(
        ScriptTensor(
          step: output.step, axes: [ScriptTensor.layers(call.layers * directions), [.batch], layout], layout: layout, state: (kind, call.layers * directions),
          isSorted: tensor.isSorted))
    }
    // A traced forward has three results, a scripted one two.
    guard call.isSpelledOut else { return sequence([.tensor(output), isLSTM ? sequence(states) : states[0]]) }
    return sequence([.tensor(output)] + (isLSTM ? states : [states[0]]))
  }

  /// A starting state must be none that the model computes.
  private func checkStart(_ state: ScriptValue, _ call: RecurrentCall) throws(ScriptStop) {
    var parts = [state]
    if case .sequence(let list) = state { parts = sequences[list] }
    guard parts.count <= 2 else { throw problem("module \(call.path) with such a starting state") }
    for part in parts {
      switch part {
      case .none, .zeros, .startingState: break
      case .tensor(let tensor):
        if case .input(let number) = graph.steps[tensor.step].operation { throw .needs(input: number, .state) }
        throw problem("module \(call.path) with a starting state that the model computes")
      default: throw problem("module \(call.path) with a starting state from \(Self.words(part))")
      }
    }
  }

  // MARK: Packed sequences

  mutating func packed(_ values: [ScriptValue], _ keywords: Keywords) throws(ScriptStop) -> ScriptValue {
    guard values.count >= 2 else { throw problem("pack_padded_sequence") }
    return try pack(values[0], lengths: values[1], batchFirst: values.count > 2 ? values[2] : keywords["batch_first"] ?? .bool(false))
  }

  mutating func pack(_ value: ScriptValue, lengths: ScriptValue, batchFirst: ScriptValue) throws(ScriptStop) -> ScriptValue {
    var tensor = try self.tensor(value, "pack_padded_sequence")
    switch lengths {
    case .lengths: break
    case .tensor(let given):
      guard case .input(let number) = graph.steps[given.step].operation else { throw problem("pack_padded_sequence with computed lengths") }
      throw .needs(input: number, .lengths)
    // A list of numbers.
    case .startingState: break
    default: throw problem("pack_padded_sequence with lengths from \(Self.words(lengths))")
    }
    guard case .bool(let first) = batchFirst, tensor.isRows(batchFirst: first) else {
      throw problem("pack_padded_sequence on axes in another order")
    }
    isLengthAware = true
    tensor.isPacked = true
    return .tensor(tensor)
  }

  mutating func unpacked(_ values: [ScriptValue], _ keywords: Keywords) throws(ScriptStop) -> ScriptValue {
    guard let value = values.first else { throw problem("pad_packed_sequence") }
    return sequence([
      try unpack(
        value, batchFirst: values.count > 1 ? values[1] : keywords["batch_first"] ?? .bool(false),
        padding: values.count > 2 ? values[2] : keywords["padding_value"] ?? .float(0)), .lengths,
    ])
  }

  mutating func unpack(_ value: ScriptValue, batchFirst: ScriptValue, padding: ScriptValue) throws(ScriptStop) -> ScriptValue {
    var tensor = try self.tensor(value, "pad_packed_sequence")
    guard tensor.isPacked, case .bool(let first) = batchFirst, number(padding) == 0 else { throw problem("pad_packed_sequence") }
    guard let time = tensor.axes.first(where: isTime) else { throw problem("pad_packed_sequence") }
    tensor.isPacked = false
    tensor.axes = first ? [[.batch], time, tensor.layout] : [time, [.batch], tensor.layout]
    return .tensor(tensor)
  }

  /// What a traced `pack_padded_sequence` is made of.
  mutating func lengths(_ name: String, _ values: [ScriptValue], _ keywords: Keywords) throws(ScriptStop) -> ScriptValue? {
    let first = values.first ?? .none
    switch name {
    case "sort", "argsort":
      var isDescending = false
      if case .bool(let value)? = values.last { isDescending = value }
      if case .bool(let value)? = keywords["descending"] { isDescending = value }
      switch first {
      case .tensor(let tensor):
        guard case .input(let number) = graph.steps[tensor.step].operation else { return nil }
        throw .needs(input: number, .lengths)
      case .lengths where isDescending: return name == "sort" ? sequence([.lengths, .order]) : .order
      case .order where !isDescending: return name == "sort" ? sequence([.other, .inverseOrder]) : .inverseOrder
      default: return nil
      }
    case "empty_like":
      if case .order = first { return .other }
      return nil
    case "arange": return .other
    case "scatter_":
      // The inverse of a permutation: empty, 0, order, 0 to n - 1.
      guard values.count == 4, case .other = first, case .order = values[2], case .other = values[3] else { return nil }
      return .inverseOrder
    case "index_select":
      guard values.count == 3, case .integer(let dim) = values[1] else { return nil }
      if case .lengths = first { return .lengths }
      var tensor = try self.tensor(first, "torch.index_select")
      guard axis(dim, of: tensor) == [.batch], !tensor.isPacked else { return nil }
      switch values[2] {
      case .order where !tensor.isSorted: tensor.isSorted = true
      case .inverseOrder where tensor.isSorted: tensor.isSorted = false
      default: return nil
      }
      return .tensor(tensor)
    case "_pack_padded_sequence":
      guard values.count == 3 else { return nil }
      return sequence([try pack(first, lengths: values[1], batchFirst: values[2]), .lengths])
    case "_pad_packed_sequence":
      guard values.count >= 4 else { return nil }
      return sequence([try unpack(first, batchFirst: values[2], padding: values[3]), .lengths])
    case "select", "index", "max", "as_tensor", "to", "clamp":
      if case .lengths = first { return name == "max" || name == "clamp" ? .other : name == "select" ? .size(nil) : .lengths }
      return nil
    default: return nil
    }
  }
}
