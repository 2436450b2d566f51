import RNNModel

/// Reads layers: their modules and parameters, and what is done with these.
extension KerasReader {
  /// Reads a layer, its arrays into the archive.
  mutating func step(_ layer: KerasLayer) throws(RNNError) -> KerasStep {
    guard let className = layer.className, let config = layer.config else { return .unknown }
    if let departure = layer.halfPrecision(config) { departures.append(departure) }
    if KerasLayer.hasNoArrays(className) { try carry(layer, "\(layer.name) is a \(className), which uses no arrays") }
    switch className {
    case "Masking":
      masks.ask(try layer.masking(config, isHeeded: true), unheeded: try layer.masking(config, isHeeded: false))
      return .nothing
    case _ where KerasLayer.transparent.contains(className): return .nothing
    case "Embedding": return try embedding(layer, config)
    case "Dense": return try dense(layer, config)
    case "TimeDistributed", "TimeDistributedDense": return try timeDistributed(layer, config)
    case "Bidirectional": return try bidirectional(layer, config)
    case "Activation", "Softmax", "ReLU", "LeakyReLU", "ELU": return try activation(layer, className, config)
    case "PReLU": return try prelu(layer)
    case "Rescaling": return try rescaling(layer, config)
    case "RNN": return try cells(layer, config)
    case "Flatten": return .flatten
    case _ where KerasMerge(className) != nil: return try merge(layer, className, config)
    case _ where KerasLayer.recurrent[className] != nil:
      let options = try KerasRecurrentOptions(layer, className, config, version)
      let weights = layer.withoutStates
      guard weights.isCell else { return try unknown(layer, "a layer that was saved with a state") }
      return try recurrent(layer, options, KerasCellWeights.read(weights.weights.map(\.tensor), options.cell, of: layer))
    default:
      if let step = try around(layer, className, config) { return step }
      return try unknown(layer, "a layer of class \(className)")
    }
  }

  private mutating func embedding(
    _ layer: KerasLayer, _ config: JSONValue
  ) throws(RNNError) -> KerasStep {
    var reader = try layer.options(config)
    let (count, size) = (try reader.integer("input_dim"), try reader.integer("output_dim"))
    let masksZero = try reader.bool("mask_zero", default: false)
    try reader.finish()
    guard layer.weights.count == 1, layer.weights[0].tensor.shape.dimensions == [count, size] else {
      throw layer.error("arrays that are none of an embedding of \(count) by \(size)")
    }
    if masksZero { masks.ask(layer.masks("mask_zero true", note: "steps of index 0 are run")) }
    try archive.append(Model.join(layer.name, "weight"), layer.weights[0].tensor)
    modules.append(
      .embedding(
        Embedding(name: layer.name, numEmbeddings: count, embeddingDim: size, paddingIndex: masksZero ? 0 : nil)))
    return .embedding
  }

  private mutating func dense(_ layer: KerasLayer, _ config: JSONValue) throws(RNNError) -> KerasStep {
    var reader = try layer.options(config)
    // Keras 1 says output_dim and bias.
    let units = try reader.integer(reader.has("units") ? "units" : "output_dim")
    _ = reader.optional("input_dim")
    let hasBias = try reader.bool(reader.has("bias") ? "bias" : "use_bias", default: true)
    let name = try reader.activation("activation", of: layer) ?? "linear"
    try reader.finish()
    guard let function = KerasActivations.function(name, version) else {
      throw layer.error("the activation \"\(name)\", which RNNKit does not know", "use one of Keras' plain activations")
    }
    guard layer.weights.count == (hasBias ? 2 : 1), layer.weights[0].tensor.shape.dimensions.last == units else {
      throw layer.error("arrays that are none of a dense layer of \(units) units \(hasBias ? "with" : "without") a bias")
    }
    return try dense(layer, then: function)
  }

  mutating func dense(_ layer: KerasLayer, then function: Function) throws(RNNError) -> KerasStep {
    guard (1...2).contains(layer.weights.count), layer.weights[0].tensor.shape.rank == 2,
      layer.weights.dropFirst().allSatisfy({ $0.tensor.shape.dimensions == [layer.weights[0].tensor.shape[1]] }),
      let weight = try layer.weights[0].tensor.transposed()
    else { throw layer.error("arrays that are none of a dense layer") }
    try layer.check(inputSize: weight.shape[1])
    try archive.append(Model.join(layer.name, "weight"), weight)
    let hasBias = layer.weights.count == 2
    if hasBias { try archive.append(Model.join(layer.name, "bias"), layer.weights[1].tensor) }
    modules.append(
      .linear(Linear(name: layer.name, inFeatures: weight.shape[1], outFeatures: weight.shape[0], bias: hasBias)))
    return .module(then: function)
  }

  /// Layers to which a step is what a whole is.
  private static let stepwise = KerasLayer.transparent.union(["Dense", "Activation", "ReLU", "LeakyReLU", "ELU"])

  private mutating func timeDistributed(_ layer: KerasLayer, _ config: JSONValue) throws(RNNError) -> KerasStep {
    if layer.className == "TimeDistributedDense" { return try dense(layer, config) }
    guard let entry = config["layer"], let className = KerasModelConfig.className(entry), Self.stepwise.contains(className),
      let config = entry["config"]
    else { return try unknown(layer, "a TimeDistributed of a layer that is not applied to each step alike") }
    var inner = layer
    (inner.className, inner.config) = (className, config)
    return try step(inner)
  }

  private mutating func merge(_ layer: KerasLayer, _ className: String, _ config: JSONValue) throws(RNNError) -> KerasStep {
    guard let merge = KerasMerge(className) else { return .unknown }
    var reader = try layer.options(config)
    let axis = reader.optional("axis") ?? .integer(-1)
    try reader.finish()
    guard let axis = axis.integer else { throw layer.error("an axis of \(axis.text)") }
    return .merge(merge, axis: axis, isLayer: true)
  }

  private mutating func activation(
    _ layer: KerasLayer, _ className: String, _ config: JSONValue
  ) throws(RNNError) -> KerasStep {
    var reader = try layer.options(config)
    let function: Function?
    switch className {
    case "Activation":
      let name = try reader.activation("activation", of: layer) ?? "linear"
      function = KerasActivations.function(name, version)
    case "Softmax":
      let axis = reader.optional("axis") ?? .integer(-1)
      // Of steps, or of features where there is no time axis.
      if axis == .integer(1) {
        try reader.finish()
        return .overTime(.softmax)
      }
      function = axis == .integer(-1) ? .softmax : nil
    case "ReLU":
      let slope = try reader.double("negative_slope", default: 0)
      let threshold = try reader.double("threshold", default: 0)
      let most = reader.has("max_value") ? try reader.double("max_value", default: 0) : nil
      function = Self.relu(slope: slope, threshold: threshold, most: most).map { .elementwise($0) }
    case "LeakyReLU":
      function = .elementwise(
        .leakyReLU(alpha: try reader.double(reader.has("alpha") ? "alpha" : "negative_slope", default: 0.3)))
    default: function = .elementwise(.elu(alpha: try reader.double("alpha", default: 1)))
    }
    try reader.finish()
    guard let function else { return try unknown(layer, "an activation that RNNKit lacks") }
    return function == .elementwise(.identity) ? .nothing : .activation(function)
  }

  private static func relu(slope: Double, threshold: Double, most: Double?) -> Activation? {
    switch (slope, threshold, most) {
    case (0, 0, nil): .relu
    case (_, 0, nil): .leakyReLU(alpha: slope)
    case (0, 0, let most?): most >= 0 ? .clip(min: 0, max: most) : nil
    case (0, _, nil): threshold > 0 ? .thresholdedReLU(alpha: threshold) : nil
    default: nil
    }
  }

  private mutating func rescaling(_ layer: KerasLayer, _ config: JSONValue) throws(RNNError) -> KerasStep {
    var reader = try layer.options(config)
    func numbers(_ key: String, neutral: Double) throws(RNNError) -> [Double]? {
      guard let value = reader.optional(key) else { return nil }
      let numbers = (value.array ?? [value]).compactMap(\.double)
      guard !numbers.isEmpty, numbers.count == value.array?.count ?? 1, numbers.allSatisfy(\.isFinite) else {
        throw layer.error("\(key) \(value.text), expected numbers")
      }
      return numbers == [neutral] ? nil : numbers
    }
    let (scale, offset) = (try numbers("scale", neutral: 1), try numbers("offset", neutral: 0))
    try reader.finish()
    return scale == nil && offset == nil ? .nothing : .scaling(scale, offset)
  }

  private mutating func prelu(_ layer: KerasLayer) throws(RNNError) -> KerasStep {
    guard layer.weights.count == 1, let alpha = layer.weights.first?.tensor, let count = alpha.shape.dimensions.last,
      count == alpha.count, let shape = Shape([count]), let weight = alpha.reshaped(shape)
    else { return try unknown(layer, "a PReLU whose slopes differ from step to step") }
    try archive.append(Model.join(layer.name, "weight"), weight)
    modules.append(.prelu(PReLU(name: layer.name, numParameters: count)))
    return .module(then: .elementwise(.identity))
  }

  private mutating func bidirectional(_ layer: KerasLayer, _ config: JSONValue) throws(RNNError) -> KerasStep {
    var reader = try layer.options(config)
    // A merge of None gives two outputs, and stands in the config as null.
    let mode = config["merge_mode"] ?? .string("concat")
    _ = reader.optional("merge_mode")
    let inner = try reader.required("layer")
    let backward = reader.optional("backward_layer")
    try reader.finish()
    guard let merge = KerasMerge(mode: mode) else {
      throw layer.error("merge_mode \(mode.text), which is none of Keras' modes")
    }
    for value in [inner] + (backward.map { [$0] } ?? []) {
      guard let className = KerasModelConfig.className(value), KerasLayer.recurrent[className] == nil else { continue }
      return try unknown(layer, "a Bidirectional of a layer of class \(className)")
    }
    func options(_ value: JSONValue) throws(RNNError) -> KerasRecurrentOptions {
      guard let className = value["class_name"]?.string, let config = value["config"] else {
        throw layer.error("a Bidirectional without a layer")
      }
      return try KerasRecurrentOptions(layer, className, config, version)
    }
    let first = try options(inner)
    var second = try backward.map { (value) throws(RNNError) in try options(value) } ?? first
    if backward == nil { second.goBackwards = !first.goBackwards }
    guard first.goBackwards != second.goBackwards else {
      throw layer.error("two layers that run the same way", "train it with a backward_layer that runs the other way")
    }
    guard first.cell == second.cell, first.units == second.units, first.returnsSequence == second.returnsSequence,
      first.resetAfter == second.resetAfter
    else { throw layer.error("a backward layer that differs from the forward one") }
    return try bidirectional(layer, first, second, merge)
  }

  mutating func bidirectional(
    _ layer: KerasLayer, _ first: KerasRecurrentOptions, _ second: KerasRecurrentOptions, _ merge: KerasMerge = .concatenate
  ) throws(RNNError) -> KerasStep {
    let states = layer.withoutStates
    guard states.isCell else { return try unknown(layer, "a layer that was saved with a state") }
    let halves = states.directions
    guard halves.forward.count == halves.backward.count, !halves.forward.isEmpty else {
      throw layer.error("\(layer.weights.count) arrays, expected as many for each direction")
    }
    let forward = try KerasCellWeights.read(halves.forward, first.cell, of: layer)
    let backward = try KerasCellWeights.read(halves.backward, second.cell, of: layer)
    guard (forward.bias == nil) == (backward.bias == nil), forward.resetAfter == backward.resetAfter else {
      throw layer.error("a backward layer that differs from the forward one")
    }
    let isSwapped = first.goBackwards
    var step =
      isSwapped
      ? try recurrent(layer, second, backward, reverse: (first, forward))
      : try recurrent(layer, first, forward, reverse: (second, backward))
    if case .recurrent(var call) = step {
      (call.merge, call.isSwapped) = (merge, isSwapped)
      step = .recurrent(call)
    }
    return step
  }

  mutating func recurrent(
    _ layer: KerasLayer, _ options: KerasRecurrentOptions, _ weights: KerasCellWeights,
    reverse: (KerasRecurrentOptions, KerasCellWeights)? = nil
  ) throws(RNNError) -> KerasStep {
    if let units = options.units, units != weights.units {
      throw layer.error("\(units) units in the config, \(weights.units) in the arrays")
    }
    if let useBias = options.useBias, useBias != (weights.bias != nil) {
      throw layer.error("use_bias \(useBias) in the config, which the arrays contradict")
    }
    if let stated = options.resetAfter, let found = weights.resetAfter, stated != found {
      throw layer.error("reset_after \(stated) in the config, which the bias contradicts")
    }
    if weights.weightIH.shape.rank == 2 { try layer.check(inputSize: weights.weightIH.shape[1]) }
    var module = Recurrent(
      name: layer.name, cell: options.cell, inputSize: weights.weightIH.shape.rank == 2 ? weights.weightIH.shape[1] : 0,
      hiddenSize: weights.units, bias: weights.bias != nil, direction: options.goBackwards ? .reverse : .forward,
      activations: options.activations)
    if options.cell == .gru { module.resetAfter = weights.resetAfter ?? options.resetAfter ?? version.resetAfter }
    try add(weights, to: layer.name, suffix: "_l0")
    if let reverse {
      module.direction = .bidirectional
      if reverse.0.activations != options.activations { module.reverseActivations = reverse.0.activations }
      try add(reverse.1, to: layer.name, suffix: "_l0_reverse")
    }
    if weights.bias != nil, options.cell != .gru, weights.bias?.hidden.isZero == true {
      note("an \(options.cell.rawValue)'s one bias is bias_ih, and bias_hh is zero")
    }
    modules.append(.recurrent(module))
    return .recurrent(KerasRecurrentCall(module, options))
  }

  private mutating func add(_ weights: KerasCellWeights, to name: String, suffix: String) throws(RNNError) {
    try archive.append(Model.join(name, "weight_ih\(suffix)"), weights.weightIH)
    try archive.append(Model.join(name, "weight_hh\(suffix)"), weights.weightHH)
    guard let bias = weights.bias else { return }
    try archive.append(Model.join(name, "bias_ih\(suffix)"), bias.input)
    try archive.append(Model.join(name, "bias_hh\(suffix)"), bias.hidden)
  }
}
