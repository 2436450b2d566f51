import RNNModel

/// What stands around recurrent layers: convolutions, pools, norms and attention over time.
extension KerasReader {
  /// Nil for a layer of none of these classes.
  mutating func around(_ layer: KerasLayer, _ className: String, _ config: JSONValue) throws(RNNError) -> KerasStep? {
    switch className {
    case "Conv1D": return try convolution(layer, config)
    case "MaxPooling1D", "AveragePooling1D": return try pool(layer, className, config)
    case "GlobalMaxPooling1D", "GlobalAveragePooling1D":
      var reader = try layer.options(config)
      let keeps = try reader.bool("keepdims", default: false), isLast = try channelsLast(&reader)
      try reader.finish()
      guard !keeps, isLast else { return try unknown(layer, "a \(className) that keeps the axis of time, or whose channels are not last") }
      return .overTime(className == "GlobalMaxPooling1D" ? .max : .mean)
    case "ZeroPadding1D", "Cropping1D":
      var reader = try layer.options(config)
      let sides = try numbers(className == "Cropping1D" ? "cropping" : "padding", &reader, layer, count: 2), isLast = try channelsLast(&reader)
      try reader.finish()
      guard isLast else { return try unknown(layer, "a \(className) whose channels are not last") }
      let sign = className == "Cropping1D" ? -1 : 1
      let window = TimeWindow(size: 1, before: sign * sides[0], after: sign * sides[1])
      guard window.isSound else { throw layer.error("\(sides[0]) and \(sides[1]) steps") }
      return .window(.join, window)
    case "BatchNormalization": return try norm(layer, .batch, config)
    case "LayerNormalization": return try norm(layer, .layer, config)
    case "GroupNormalization": return try norm(layer, .group, config)
    case "RMSNormalization": return try norm(layer, .rms, config)
    case "Attention": return try dotAttention(layer, config)
    case "MultiHeadAttention": return try attention(layer, config)
    default: return nil
    }
  }

  private func channelsLast(_ reader: inout JSONObjectReader) throws(RNNError) -> Bool {
    guard reader.has("data_format") else { return true }
    return try reader.string("data_format") == "channels_last"
  }

  /// Whole numbers of 0 or more, one for all where there is one.
  private func numbers(_ key: String, _ reader: inout JSONObjectReader, _ layer: KerasLayer, count: Int = 1) throws(RNNError) -> [Int] {
    guard let value = reader.optional(key) else { return [Int](repeating: 1, count: count) }
    let list = (value.array ?? [Int](repeating: 0, count: count).map { _ in value }).map { $0.integer }
    let found = list.compactMap { $0 }.filter { (0...Limits.maximumWindow).contains($0) }
    guard found.count == count, list.count == count else { throw layer.error("\(key) \(value.text.prefix(60)), expected \(count == 1 ? "a whole number" : "\(count) whole numbers")") }
    return found
  }

  /// Keras' padding of a window; nil for one that depends on the length.
  private func padded(_ window: TimeWindow, _ padding: String) -> TimeWindow? {
    var result = window
    switch padding {
    case "valid": break
    case "causal": result.before = window.span - 1
    case "same" where window.stride == 1:
      result.before = (window.span - 1) / 2
      result.after = window.span - 1 - result.before
    default: return nil
    }
    return result
  }

  private mutating func convolution(_ layer: KerasLayer, _ config: JSONValue) throws(RNNError) -> KerasStep {
    var reader = try layer.options(config)
    let filters = try reader.integer("filters"), size = try numbers("kernel_size", &reader, layer)[0]
    var window = TimeWindow(
      size: size, stride: try numbers("strides", &reader, layer)[0], dilation: try numbers("dilation_rate", &reader, layer)[0])
    let padding = try reader.has("padding") ? reader.string("padding") : "valid", groups = try reader.integer("groups", default: 1)
    let hasBias = try reader.bool("use_bias", default: true), name = try reader.activation("activation", of: layer) ?? "linear"
    let isLast = try channelsLast(&reader)
    try reader.finish()
    guard let function = KerasActivations.function(name, version) else {
      throw layer.error("the activation \"\(name)\", which RNNKit does not know", "use one of Keras' plain activations")
    }
    guard window.isSound, let known = padded(window, padding), isLast else {
      return try unknown(layer, "a Conv1D with padding \(padding) and stride \(window.stride), or whose channels are not last")
    }
    window = known
    guard groups >= 1, layer.weights.count == (hasBias ? 2 : 1), case let kernel = layer.weights[0].tensor, kernel.shape.rank == 3,
      kernel.shape[0] == size, kernel.shape[2] == filters, kernel.shape[1] > 0, kernel.shape[1] <= Limits.maximumModuleSize / groups,
      layer.weights.dropFirst().allSatisfy({ $0.tensor.shape.dimensions == [filters] }),
      let shape = Shape([filters, kernel.shape[1], size]),
      let weight = try kernel.gathered(shape, strides: [1, filters, filters * kernel.shape[1]])
    else { throw layer.error("arrays that are none of a Conv1D of \(filters) filters and \(size) steps \(hasBias ? "with" : "without") a bias") }
    try layer.check(inputSize: kernel.shape[1] * groups)
    try archive.append(Model.join(layer.name, "weight"), weight)
    if hasBias { try archive.append(Model.join(layer.name, "bias"), layer.weights[1].tensor) }
    modules.append(.convolution(Convolution(
      name: layer.name, inChannels: kernel.shape[1] * groups, outChannels: filters, window: window, groups: groups, bias: hasBias)))
    return .module(then: function)
  }

  private mutating func pool(_ layer: KerasLayer, _ className: String, _ config: JSONValue) throws(RNNError) -> KerasStep {
    var reader = try layer.options(config)
    // Keras 1 says pool_length and stride.
    let size = try numbers(reader.has("pool_length") ? "pool_length" : "pool_size", &reader, layer)[0]
    let strideKey = reader.has("stride") ? "stride" : "strides"
    let stride = reader.has(strideKey) ? try numbers(strideKey, &reader, layer)[0] : size
    let padding = try reader.has("padding") ? reader.string("padding") : reader.has("border_mode") ? reader.string("border_mode") : "valid"
    let isLast = try channelsLast(&reader)
    try reader.finish()
    let window = TimeWindow(size: size, stride: stride)
    guard window.isSound, let known = padded(window, padding), isLast else {
      return try unknown(layer, "a \(className) with padding \(padding) and strides \(stride), or whose channels are not last")
    }
    return .window(className == "MaxPooling1D" ? .max : .average(countsPadding: false), known)
  }

  private mutating func norm(_ layer: KerasLayer, _ kind: Norm.Kind, _ config: JSONValue) throws(RNNError) -> KerasStep {
    var reader = try layer.options(config)
    let axis = reader.optional("axis") ?? .integer(-1), eps = try reader.double("epsilon", default: kind == .rms ? 1e-6 : 1e-3)
    let hasWeight = try reader.bool("scale", default: true), hasBias = kind == .rms ? false : try reader.bool("center", default: true)
    let groups = try kind == .group ? reader.integer("groups", default: 32) : 1
    for key in ["momentum", "renorm_momentum", "fused", "synchronized", "mode"] { _ = reader.optional(key) }
    let isRMS = try reader.bool("rms_scaling", default: false), isOther = try reader.bool("renorm", default: false) || isRMS
    try reader.finish()
    let count = (hasWeight ? 1 : 0) + (hasBias ? 1 : 0) + (kind == .batch ? 2 : 0)
    let axes = (axis.array ?? [axis]).map(\.integer)
    // Keras writes the last axis of what it was built for, 1 or 2.
    guard axes.count == 1, let number = axes[0], number == -1 || takenRank.map({ number == $0 - 1 }) ?? [1, 2].contains(number), !isOther,
      groups == 1
    else { return try unknown(layer, "a \(kind.rawValue) of other axes or options than RNNKit has") }
    guard layer.weights.count == count, let size = layer.weights.first?.tensor.shape.dimensions.first ?? layer.inputSize,
      layer.weights.allSatisfy({ $0.tensor.shape.dimensions == [size] })
    else { throw layer.error("arrays that are none of a \(layer.className ?? "norm")") }
    if number > 0, let built = layer.inputSize, built != size { return try unknown(layer, "a \(kind.rawValue) of another axis than the last") }
    try layer.check(inputSize: size)
    // PyTorch has a bias with a weight alone, and of all but a LayerNorm a weight with a bias.
    let isWhole = hasBias || hasWeight && (kind == .batch || kind == .group)
    let module = Norm(name: layer.name, kind: kind, features: size, eps: eps, hasWeight: hasWeight || isWhole, hasBias: isWhole)
    var arrays = layer.weights.map(\.tensor)
    if isWhole, hasWeight != hasBias {
      let isDouble = arrays.contains { $0.elementType == .float64 }, number = hasWeight ? 0.0 : 1.0
      guard let shape = Shape([size]),
        let missing = isDouble ? Tensor([Double](repeating: number, count: size), shape) : Tensor([Float](repeating: Float(number), count: size), shape)
      else { throw layer.error("arrays that are too large") }
      arrays.insert(missing, at: hasWeight ? 1 : 0)
    }
    for (parameter, array) in zip(module.parameters, arrays) { try archive.append(Model.join(layer.name, parameter), array) }
    modules.append(.norm(module))
    return .module(then: .elementwise(.identity))
  }

  /// Linear layers `query`, `key`, `value` and `attention_output` around what attends.
  private mutating func attention(_ layer: KerasLayer, _ config: JSONValue) throws(RNNError) -> KerasStep {
    var reader = try layer.options(config)
    let heads = try reader.integer("num_heads"), size = try reader.integer("key_dim")
    let width = reader.has("value_dim") ? try reader.integer("value_dim") : size, hasBias = try reader.bool("use_bias", default: true)
    let axes = (reader.optional("attention_axes")?.array ?? [.integer(1)]).map(\.integer), isGated = try reader.bool("use_gate", default: false)
    for key in ["output_shape", "flash_attention", "query_shape", "key_shape", "value_shape"] { _ = reader.optional(key) }
    let others = reader.optional("sliding_window")
    try reader.finish()
    // What a call is given beside its values is only known of Keras 3's files.
    guard version.major >= 3, axes == [1], !isGated, others == nil, (1...Limits.maximumModuleSize).contains(heads),
      (1...Limits.maximumModuleSize / heads).contains(size), (1...Limits.maximumModuleSize / heads).contains(width)
    else { return try unknown(layer, "a MultiHeadAttention of other axes or options than RNNKit has") }
    var modules: [Module] = []
    let parts = [("query", ["query", "query_dense"]), ("key", ["key", "key_dense"]), ("value", ["value", "value_dense"]),
      ("attention_output", ["attention_output", "output_dense"])]
    for (index, (part, names)) in parts.enumerated() {
      let own = layer.weights.filter { weight in
        weight.name.split(separator: "/").dropLast().last { part in parts.contains { $0.1.contains(String(part)) } }.map { names.contains(String($0)) } ?? false
      }.map(\.tensor)
      let inner = heads * (index == 2 || index == 3 ? width : size)
      guard own.count == (hasBias ? 2 : 1), own[0].shape.rank == 3,
        index == 3 ? own[0].shape.dimensions.dropLast() == [heads, width] : own[0].shape.dimensions.dropFirst() == [heads, inner / heads]
      else { throw layer.error("arrays that are none of a MultiHeadAttention of \(heads) heads of \(size) features") }
      let (takes, gives) = index == 3 ? (inner, own[0].shape[2]) : (own[0].shape[0], inner)
      guard takes > 0, gives > 0, let flat = Shape([takes, gives]), let weight = try own[0].reshaped(flat)?.transposed() else { throw layer.error("arrays that are too large") }
      let name = Model.join(layer.name, part)
      try archive.append(Model.join(name, "weight"), weight)
      if hasBias {
        guard own[1].count == gives, let bias = Shape([gives]).flatMap(own[1].reshaped) else { throw layer.error("a bias that is none of a MultiHeadAttention's") }
        try archive.append(Model.join(name, "bias"), bias)
      }
      modules.append(.linear(Linear(name: name, inFeatures: takes, outFeatures: gives, bias: hasBias)))
    }
    self.modules += modules
    return .attention(Attention(heads: heads))
  }

  /// Keras multiplies products of query and key with a number of the layer's, or with 1.
  private mutating func dotAttention(_ layer: KerasLayer, _ config: JSONValue) throws(RNNError) -> KerasStep {
    var reader = try layer.options(config)
    let usesScale = try reader.bool("use_scale", default: false), isCausal = try reader.bool("causal", default: false)
    let mode = try reader.has("score_mode") ? reader.string("score_mode") : "dot"
    try reader.finish()
    guard mode == "dot", !isCausal else { return try unknown(layer, "an Attention of score_mode \(mode)\(isCausal ? ", causal" : "")") }
    guard layer.weights.count == (usesScale ? 1 : 0), layer.weights.allSatisfy({ $0.tensor.count == 1 && $0.tensor.elementType.isWeight })
    else { throw layer.error("arrays that are none of an Attention \(usesScale ? "with" : "without") a scale") }
    return .dotAttention(Attention(scale: layer.weights.first?.tensor.doubles.first ?? 1))
  }
}
