import RNNModel

/// What stands around recurrent layers, as Keras' layers.
extension KerasOutline {
  private static let elsewhere: Phrase = "write ONNX, PyTorch with \(.code), or a format of RNNKit's own"

  private func layer(
    _ className: String, _ name: String, _ config: [JSONValue.Member], arrays: [[Tensor]] = [], _ sources: [Reference], takes: Forward.Value
  ) -> Layer {
    Layer(className: className, name: name, config: config, arrays: arrays, sources: sources, takes: shapes[takes])
  }

  private static func list(_ number: Int) -> JSONValue { .array([.integer(Int64(number))]) }

  // MARK: Windows

  /// Keras' word for a window's padding; nil for other padding.
  private static func padding(_ window: TimeWindow) -> String? {
    let rest = window.span - 1
    if window.before == 0, window.after == 0 { return "valid" }
    if window.before == rest, window.after == 0 { return "causal" }
    return window.stride == 1 && window.before == rest / 2 && window.after == rest - rest / 2 ? "same" : nil
  }

  /// Zeros before and after, and steps cut off, as layers of their own, whose names begin with that of the layer they are for.
  private mutating func pad(
    _ window: TimeWindow, _ base: String?, _ source: Reference, takes: Forward.Value
  ) -> (source: Reference, layers: [Layer]) {
    var (source, result): (Reference, [Layer]) = (source, [])
    let sides = [window.before, window.after]
    let parts = [("Cropping1D", "cropping", sides.map { max(0, -$0) }), ("ZeroPadding1D", "padding", sides.map { max(0, $0) })]
    for (className, key, steps) in parts where steps != [0, 0] {
      let name = base.map { unique("\($0)_\(key)") } ?? unique(KerasGroups.snakeCase(className))
      result.append(layer(className, name, [.init(key, .array(steps.map { .integer(Int64($0)) }))], [source], takes: takes))
      source = Reference(layer: name)
    }
    return (source, result)
  }

  mutating func add(_ module: Convolution, _ title: String, at index: Int) throws(RNNError) {
    let takes = forward.steps[index].inputs[0]
    guard module.padding == .zeros else {
      throw Self.refuse(module.name, "a convolution padded by \(module.padding.rawValue)", Self.elsewhere)
    }
    var source = try references(of: index)[0]
    let padding = Self.padding(module.window)
    if padding == nil {
      let padded = pad(module.window, title, source, takes: takes)
      for layer in padded.layers { append(layer, for: nil) }
      source = padded.source
    }
    let weight = try parameter(module.name, "weight")
    let (size, taken) = (module.window.size, module.inChannels / max(module.groups, 1))
    // (size, in / groups, out)
    guard let shape = Shape([size, taken, module.outChannels]), let kernel = try weight.gathered(shape, strides: [1, size, size * taken])
    else { throw Self.missing(module.name) }
    var arrays = [kernel]
    if module.bias { arrays.append(try parameter(module.name, "bias")) }
    let config: [JSONValue.Member] = [
      .init("filters", .integer(Int64(module.outChannels))), .init("kernel_size", Self.list(size)),
      .init("strides", Self.list(module.window.stride)), .init("padding", .string(padding ?? "valid")),
      .init("data_format", .string("channels_last")), .init("dilation_rate", Self.list(module.window.dilation)),
      .init("groups", .integer(Int64(module.groups))), .init("activation", .string("linear")), .init("use_bias", .bool(module.bias)),
    ]
    append(layer("Conv1D", title, config, arrays: [arrays], [source], takes: takes), for: index)
  }

  mutating func add(_ function: WindowFunction, _ window: TimeWindow, at index: Int) throws(RNNError) {
    let takes = forward.steps[index].inputs[0]
    var source = try references(of: index)[0]
    func append(_ padded: (source: Reference, layers: [Layer]), _ outline: inout KerasOutline) {
      for layer in padded.layers { outline.append(layer, for: index) }
    }
    if function == .join {
      guard window.size == 1, window.stride == 1 else {
        throw Self.refuse(nil, "steps joined to one, of a sequence of any length", Self.elsewhere)
      }
      // Of no step at all there is nothing to be done.
      guard window.before != 0 || window.after != 0 else { return self.append(layer("Identity", unique("identity"), [], [source], takes: takes), for: index) }
      return append(pad(window, nil, source, takes: takes), &self)
    }
    guard window.dilation == 1 else { throw Self.refuse(nil, "a pool of steps that stand apart, dilation=\(window.dilation)", Self.elsewhere) }
    var padding = Self.padding(window)
    if padding == "causal" { padding = nil }
    if case .average(true) = function, padding != "valid" {
      // Zeros that are counted are steps.
      let padded = pad(window, nil, source, takes: takes)
      for layer in padded.layers { self.append(layer, for: nil) }
      (source, padding) = (padded.source, "valid")
    }
    guard let padding else { throw Self.refuse(nil, "a pool padded by \(window.before) and \(window.after) steps", Self.elsewhere) }
    let className = function == .max ? "MaxPooling1D" : "AveragePooling1D"
    let config: [JSONValue.Member] = [
      .init("pool_size", Self.list(window.size)), .init("padding", .string(padding)), .init("strides", Self.list(window.stride)),
      .init("data_format", .string("channels_last")),
    ]
    self.append(layer(className, unique(KerasGroups.snakeCase(className)), config, [source], takes: takes), for: index)
  }

  // MARK: Over time

  mutating func add(_ function: TimeFunction, at index: Int) throws(RNNError) {
    let (takes, source) = (forward.steps[index].inputs[0], try references(of: index)[0])
    func add(_ className: String, _ config: [JSONValue.Member], isOperation: Bool = false) {
      var result = layer(className, unique(KerasGroups.snakeCase(className)), config, [source], takes: takes)
      result.isOperation = isOperation
      append(result, for: index)
    }
    let config = [JSONValue.Member("data_format", .string("channels_last")), .init("keepdims", .bool(false))]
    switch function {
    case .mean: add("GlobalAveragePooling1D", config)
    case .max: add("GlobalMaxPooling1D", config)
    case .softmax: add("Softmax", [.init("axis", .integer(1))])
    case .sum: add("Sum", [.init("axis", .integer(1)), .init("keepdims", .bool(false))], isOperation: true)
    }
  }

  // MARK: Attention

  /// The config of a MultiHeadAttention.
  static func heads(_ heads: Int, _ inner: Int, _ bias: Bool, _ gives: Int, valueSize: Int? = nil) -> [JSONValue.Member] {
    [
      .init("num_heads", .integer(Int64(heads))), .init("key_dim", .integer(Int64(inner / max(heads, 1)))),
      .init("value_dim", .integer(Int64((valueSize ?? inner) / max(heads, 1)))), .init("use_bias", .bool(bias)),
      .init("output_shape", list(gives)), .init("attention_axes", list(1)),
    ]
  }

  /// A projection's kernel and bias, its heads along an axis of their own.
  private func projection(_ weight: Tensor, _ bias: Tensor?, heads: Int, isOutput: Bool, _ module: String) throws(RNNError) -> [Tensor] {
    let (takes, gives) = (weight.shape[1], weight.shape[0])
    let sizes = isOutput ? [heads, takes / heads, gives] : [takes, heads, gives / heads]
    guard let shape = Shape(sizes), let kernel = try turned(weight, module).reshaped(shape) else { throw Self.missing(module) }
    guard let bias else { return [kernel] }
    guard let divided = Shape(isOutput ? [gives] : [heads, gives / heads]).flatMap({ bias.reshaped($0) }) else { throw Self.missing(module) }
    return [kernel, divided]
  }

  private func rows(_ tensor: Tensor, _ rows: Range<Int>, _ module: String) throws(RNNError) -> Tensor {
    guard let part = tensor.rows(rows) else { throw Self.missing(module) }
    return part
  }

  func attentionArrays(_ module: MultiheadAttention) throws(RNNError) -> [[Tensor]] {
    let size = module.embedDim
    let bias = module.bias ? try parameter(module.name, "in_proj_bias") : nil
    let whole = module.isJoined ? try parameter(module.name, "in_proj_weight") : nil
    var result: [[Tensor]] = []
    for (part, name) in ["q_proj_weight", "k_proj_weight", "v_proj_weight"].enumerated() {
      let rows = part * size..<(part + 1) * size
      let weight = if let whole { try self.rows(whole, rows, module.name) } else { try parameter(module.name, name) }
      result.append(try projection(weight, bias.map { (bias) throws(RNNError) in try self.rows(bias, rows, module.name) }, heads: module.numHeads, isOutput: false, module.name))
    }
    let out = module.bias ? try parameter(module.name, "out_proj.bias") : nil
    result.append(try projection(parameter(module.name, "out_proj.weight"), out, heads: module.numHeads, isOutput: true, module.name))
    return result
  }

  mutating func add(_ attention: Attention, at index: Int) throws(RNNError) {
    let inputs = forward.steps[index].inputs
    guard shapes[inputs[0]].hasTime else { throw Self.refuse(nil, "attention of one query for a whole sequence", Self.elsewhere) }
    if let parts = uses.projections(index, model.architecture.usedModules) {
      let linear = parts.linear
      var arrays: [[Tensor]] = []
      for (part, module) in linear.enumerated() {
        arrays.append(try projection(
          parameter(module.name, "weight"), module.bias ? parameter(module.name, "bias") : nil, heads: attention.heads, isOutput: part == 3,
          module.name))
      }
      let base = unique(Self.title(parts.base.isEmpty ? "multi_head_attention" : parts.base))
      for (module, part) in zip(linear, ["query", "key", "value", "attention_output"]) where module.name != "\(base).\(part)" {
        remember("\(base).\(part)", module.name)
      }
      var sources: [Reference] = []
      for value in parts.inputs { sources.append(try reference(value, "what attention takes")) }
      let config = Self.heads(
        attention.heads, linear[0].outFeatures, linear[0].bias, linear[3].outFeatures, valueSize: linear[2].outFeatures)
      return append(layer("MultiHeadAttention", base, config, arrays: arrays, sources, takes: parts.inputs[0]), for: parts.output)
    }
    guard attention.heads == 1 else { throw Self.refuse(nil, "attention of several heads without Keras' projections", Self.elsewhere) }
    let factor = attention.factor(shapes[inputs[0]].features ?? 1)
    let type = computedType
    guard let shape = Shape([]), let scale = type == .float64 ? Tensor([factor], shape) : Tensor([Float(factor)], shape) else {
      throw Self.missing("attention")
    }
    // Keras reads a score_mode in an .h5 as the function of that name, and takes the usual one where there is none.
    let config: [JSONValue.Member] = [.init("use_scale", .bool(true)), .init("dropout", .number(0))]
    // Keras takes query, value and key.
    let sources = try references(of: index)
    append(
      layer("Attention", unique("attention"), config, arrays: [[scale]], [sources[0], sources[2], sources[1]], takes: inputs[0]), for: index)
  }

  private var computedType: ElementType {
    model.parameterNames.contains { model.archive[$0]?.elementType == .float64 } ? .float64 : .float32
  }
}

extension KerasUses {
  /// The linear layers around attention that make it a MultiHeadAttention: of query, key, value and of what comes out.
  struct Projections {
    /// What the layers' names have in common.
    var base: String
    var linear: [Linear]
    var inputs: [Forward.Value]
    /// The step of the last one.
    var output: Int
  }

  func projections(_ step: Int, _ modules: [Module]) -> Projections? {
    func linear(_ value: Forward.Value, _ part: String) -> (module: Linear, takes: Forward.Value, base: String)? {
      guard case .step(let index) = value, case .module(let name) = forward.steps[index].operation, calls(name) == 1,
        Model.split(name).parameter == part,
        case .linear(let module)? = modules.first(where: { $0.name == name })
      else { return nil }
      return (module, forward.steps[index].inputs[0], Model.split(name).module)
    }
    let parts = zip(forward.steps[step].inputs, ["query", "key", "value"]).compactMap { value, part in
      if case .step(let index) = value, only(index) == step { linear(value, part) } else { nil }
    }
    guard case .attend(let attention) = forward.steps[step].operation, attention.scale == nil, parts.count == 3, let output = only(step),
      let last = linear(.step(output), "attention_output")
    else { return nil }
    let all = parts + [last]
    guard Set(all.map(\.base)).count == 1, Set(all.map(\.module.bias)).count == 1, parts[0].module.outFeatures == parts[1].module.outFeatures,
      parts[2].module.outFeatures == last.module.inFeatures
    else { return nil }
    // Query, value, key.
    return Projections(
      base: last.base, linear: all.map(\.module), inputs: [parts[0].takes, parts[2].takes, parts[1].takes], output: output)
  }

  /// Whether a step is one of the linear layers of a MultiHeadAttention.
  func isInsideAttention(_ step: Int, _ modules: [Module]) -> Bool {
    guard case .module = forward.steps[step].operation else { return false }
    if let user = only(step), case .attend = forward.steps[user].operation { return projections(user, modules) != nil }
    guard case .step(let before)? = forward.steps[step].inputs.first, case .attend = forward.steps[before].operation else { return false }
    return projections(before, modules)?.output == step
  }
}
