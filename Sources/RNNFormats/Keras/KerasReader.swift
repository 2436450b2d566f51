import RNNModel

/// Reads a Keras model: layers with their arrays, and what the config says of them, into PyTorch's modules and
/// parameters.
struct KerasReader {
  let version: KerasVersion
  var archive = TensorArchive()
  var modules: [Module] = []
  /// Said once each.
  private var notes: [String] = []
  private var departures: [Departure] = []

  /// The model that a tree holds. `config` is that of a `.keras` file, whose weights come without one, and `version`
  /// what wrote it; `names` says what modules were called, as `KerasWriter` leaves it.
  static func archive(
    _ tree: HDF5Tree, config: JSONValue? = nil, version: KerasVersion? = nil, names: JSONValue? = nil
  ) throws(RNNError) -> TensorArchive {
    let keras = KerasTree(tree)
    let config = if let config { Optional(config) } else { try keras.modelConfig() }
    let stated = keras.text("keras_version")
    let writer = if let version { version } else { try Self.version(stated, of: keras) }
    var reader = KerasReader(writer)
    if let config {
      let config = try KerasModelConfig(config)
      try reader.read(config, keras.weights(of: config.all, writer))
    } else {
      try reader.readWeightsAlone(keras)
    }
    if let stated { reader.archive.metadata.append(.init("keras_version", .string(stated))) }
    if let backend = keras.text("backend") { reader.archive.metadata.append(.init("backend", .string(backend))) }
    let names = if let names { names } else { try keras.names() }
    return try reader.finish(names)
  }

  private init(_ version: KerasVersion) {
    self.version = version
  }

  /// What a file says, or, of those that say nothing, Keras 3 for its weights and else an early Keras 1.
  private static func version(_ text: String?, of keras: KerasTree) throws(RNNError) -> KerasVersion {
    guard let text else { return KerasVersion(major: keras.isByVariable ? 3 : 1, minor: 0) }
    guard let version = KerasVersion(text) else {
      throw RNNError(
        .badData, place: "/, attribute keras_version", "\"\(text)\", which is no version",
        remedy: "save the model again with Keras")
    }
    return version
  }

  mutating func note(_ text: String) {
    if !notes.contains(text) { notes.append(text) }
  }

  private mutating func finish(_ names: JSONValue?) throws(RNNError) -> TensorArchive {
    try join(names)
    let standard = "kernels transposed, gates reordered from Keras to PyTorch"
    archive.notes = (modules.isEmpty ? [] : [standard]) + notes
    archive.departures = departures
    let recurrent = modules.compactMap { if case .recurrent(let module) = $0 { module } else { nil } }
    let gates = recurrent.filter { $0.cell != .rnn }.map(\.activations.gate)
    if gates.contains(.hardSigmoidKeras2) {
      archive.notes.append("hard_sigmoid is clip(0.2x + 0.5, 0, 1), as in Keras \(version)")
    }
    if gates.contains(.hardSigmoidKeras3) {
      archive.notes.append("hard_sigmoid is clip(x/6 + 0.5, 0, 1), as in Keras \(version)")
    }
    return archive
  }

  /// Makes stacks of the layers that they were written as, and gives modules their own names.
  private mutating func join(_ names: JSONValue?) throws(RNNError) {
    guard var architecture = archive.architecture, architecture.orderKnown else { return }
    let stacks = KerasStacks(architecture.modules, names: names)
    guard !stacks.names.isEmpty else { return }
    var joined = TensorArchive(isOrdered: archive.isOrdered)
    for tensor in archive.tensors { try joined.append(stacks.names[tensor.name] ?? tensor.name, tensor.tensor) }
    architecture.modules = stacks.modules
    joined.architecture = architecture
    (joined.hints, joined.metadata) = (archive.hints, archive.metadata)
    archive = joined
  }

  // MARK: With a config

  private mutating func read(_ config: KerasModelConfig, _ weights: KerasWeights) throws(RNNError) {
    let lastHeeding = config.layers.lastIndex { KerasLayer.heedsMask($0.className) } ?? -1
    for (index, layer) in config.layers.enumerated() {
      let masksMatter = config.notAChain == nil ? index < lastHeeding : lastHeeding >= 0
      let whole = KerasLayer(layer, weights)
      if layer.hasMask, KerasLayer.heedsMask(layer.className), !hasMasks {
        departures.append(whole.masks("a mask is given to it", note: "every step is run"))
      }
      try read(whole, masksMatter: masksMatter)
    }
    archive.architecture = Architecture(modules: modules, batchFirst: true, orderKnown: config.notAChain == nil)
    if let reason = config.notAChain {
      note("the model is no chain of layers: \(reason); choose modules with --module")
    }
    let inChain = Set(config.layers.map(\.name))
    for layer in config.all where !inChain.contains(layer.name) {
      try carry(KerasLayer(layer, weights), "\(layer.name) is not on the way from input to output")
    }
    for array in weights.others {
      try archive.append(array.name.split(separator: "/").filter { $0 != "vars" }.joined(separator: "."), array.tensor)
    }
    if !weights.others.isEmpty { note("\(weights.others.count) arrays that belong to no layer are carried as Keras has them") }
    noteLeftOut(weights.leftOut)
  }

  mutating func noteLeftOut(_ count: Int) {
    if count > 0 { note("\(count) arrays of the optimizer, of metrics and of random seeds are left out") }
  }

  /// Carries the arrays of a layer that has no need of them.
  private mutating func carry(_ layer: KerasLayer, _ why: String) throws(RNNError) {
    guard !layer.weights.isEmpty else { return }
    _ = try append(layer)
    note("\(why); its arrays are carried as Keras has them")
  }

  /// `masksMatter` where a layer that heeds masks gets this one's.
  private mutating func read(_ layer: KerasLayer, masksMatter: Bool) throws(RNNError) {
    guard let className = layer.className, let config = layer.config else { return }
    if let departure = layer.halfPrecision(config) { departures.append(departure) }
    if KerasLayer.hasNoArrays(className) { try carry(layer, "\(layer.name) is a \(className), which uses no arrays") }
    switch className {
    case "Masking":
      if let departure = try layer.masking(config, isHeeded: masksMatter) { departures.append(departure) }
    case _ where KerasLayer.transparent.contains(className): break
    case "Embedding": try embedding(layer, config, masksMatter)
    case "Dense": try dense(layer, config)
    case "TimeDistributed", "TimeDistributedDense": try timeDistributed(layer, config)
    case "Bidirectional": try bidirectional(layer, config)
    case "Activation", "Softmax", "ReLU", "LeakyReLU", "ELU": try activation(layer, className, config)
    case "Flatten" where lastStepOnly: break
    case _ where KerasLayer.recurrent[className] != nil:
      let options = try KerasRecurrentOptions(layer, className, config, version)
      let weights = layer.withoutStates
      guard weights.isCell else { return try unknown(layer, "a layer that was saved with a state") }
      try recurrent(layer, options, KerasCellWeights.read(weights.weights.map(\.tensor), options.cell, of: layer))
    default: try unknown(layer, "a layer of class \(className)")
    }
  }

  /// Whether a layer's own mask is known of already.
  private var hasMasks: Bool { departures.first { $0.kind == .masks } != nil }

  /// Whether the chain so far gives one step.
  private var lastStepOnly: Bool {
    modules.contains { if case .recurrent(let module) = $0 { !module.returnsSequence } else { false } }
  }

  private mutating func embedding(
    _ layer: KerasLayer, _ config: JSONValue, _ masksMatter: Bool
  ) throws(RNNError) {
    var reader = try layer.options(config)
    let (count, size) = (try reader.integer("input_dim"), try reader.integer("output_dim"))
    let masksZero = try reader.bool("mask_zero", default: false)
    try reader.finish()
    guard layer.weights.count == 1, layer.weights[0].tensor.shape.dimensions == [count, size] else {
      throw layer.error("arrays that are none of an embedding of \(count) by \(size)")
    }
    if masksZero, masksMatter { departures.append(layer.masks("mask_zero true", note: "steps of index 0 are run")) }
    try archive.append(Model.join(layer.name, "weight"), layer.weights[0].tensor)
    modules.append(
      .embedding(
        Embedding(name: layer.name, numEmbeddings: count, embeddingDim: size, paddingIndex: masksZero ? 0 : nil)))
  }

  private mutating func dense(_ layer: KerasLayer, _ config: JSONValue) throws(RNNError) {
    var reader = try layer.options(config)
    // Keras 1 says output_dim and bias.
    let units = try reader.integer(reader.has("units") ? "units" : "output_dim")
    _ = reader.optional("input_dim")
    let hasBias = try reader.bool(reader.has("bias") ? "bias" : "use_bias", default: true)
    let name = try reader.activation("activation", of: layer) ?? "linear"
    try reader.finish()
    guard let head = KerasActivations.head(name, version) else {
      throw layer.error("the activation \"\(name)\", which RNNKit does not know", "use one of Keras' plain activations")
    }
    guard layer.weights.count == (hasBias ? 2 : 1), layer.weights[0].tensor.shape.dimensions.last == units else {
      throw layer.error("arrays that are none of a dense layer of \(units) units \(hasBias ? "with" : "without") a bias")
    }
    try dense(layer, head)
  }

  mutating func dense(_ layer: KerasLayer, _ head: Linear.Head) throws(RNNError) {
    guard (1...2).contains(layer.weights.count), layer.weights[0].tensor.shape.rank == 2,
      layer.weights.dropFirst().allSatisfy({ $0.tensor.shape.dimensions == [layer.weights[0].tensor.shape[1]] }),
      let weight = try layer.weights[0].tensor.transposed()
    else { throw layer.error("arrays that are none of a dense layer") }
    try layer.check(inputSize: weight.shape[1])
    try archive.append(Model.join(layer.name, "weight"), weight)
    let hasBias = layer.weights.count == 2
    if hasBias { try archive.append(Model.join(layer.name, "bias"), layer.weights[1].tensor) }
    modules.append(
      .linear(
        Linear(
          name: layer.name, inFeatures: weight.shape[1], outFeatures: weight.shape[0], bias: hasBias, activation: head))
    )
  }

  private mutating func timeDistributed(_ layer: KerasLayer, _ config: JSONValue) throws(RNNError) {
    if layer.className == "TimeDistributedDense" { return try dense(layer, config) }
    guard let entry = config["layer"], KerasModelConfig.className(entry) == "Dense", let inner = entry["config"] else {
      return try unknown(layer, "a TimeDistributed of another layer than Dense")
    }
    try dense(layer, inner)
  }

  private mutating func activation(_ layer: KerasLayer, _ className: String, _ config: JSONValue) throws(RNNError) {
    var reader = try layer.options(config)
    let head: Linear.Head?
    switch className {
    case "Activation":
      let name = try reader.activation("activation", of: layer) ?? "linear"
      head = KerasActivations.head(name, version)
    case "Softmax": head = reader.optional("axis") ?? .integer(-1) == .integer(-1) ? .softmax : nil
    case "ReLU":
      let slope = try reader.double("negative_slope", default: 0)
      let threshold = try reader.double("threshold", default: 0)
      head =
        reader.has("max_value") || threshold != 0
        ? nil : .elementwise(slope == 0 ? .relu : .leakyReLU(alpha: slope))
      _ = reader.optional("max_value")
    case "LeakyReLU":
      head = .elementwise(
        .leakyReLU(alpha: try reader.double(reader.has("alpha") ? "alpha" : "negative_slope", default: 0.3)))
    default: head = .elementwise(.elu(alpha: try reader.double("alpha", default: 1)))
    }
    try reader.finish()
    if head == .elementwise(.identity) { return }
    guard let head, case .linear(var module) = modules.last, module.activation == .elementwise(.identity) else {
      return try unknown(layer, "an activation that RNNKit lacks, or that follows no dense layer")
    }
    module.activation = head
    modules[modules.count - 1] = .linear(module)
  }

  private mutating func bidirectional(_ layer: KerasLayer, _ config: JSONValue) throws(RNNError) {
    var reader = try layer.options(config)
    // A merge of None gives two outputs, and stands in the config as null.
    let mode = config["merge_mode"] ?? .string("concat")
    _ = reader.optional("merge_mode")
    let inner = try reader.required("layer")
    let backward = reader.optional("backward_layer")
    try reader.finish()
    guard mode == .string("concat") else {
      throw layer.error(
        "merge_mode \(mode.text), of Bidirectional's modes RNNKit has only \"concat\"", "train it with concat")
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
    guard !first.goBackwards, second.goBackwards else {
      throw layer.error("directions that are not forward and then backward", "train it without go_backwards")
    }
    guard first.cell == second.cell, first.units == second.units, first.returnsSequence == second.returnsSequence,
      first.resetAfter == second.resetAfter
    else { throw layer.error("a backward layer that differs from the forward one") }
    try bidirectional(layer, first, second)
  }

  mutating func bidirectional(
    _ layer: KerasLayer, _ first: KerasRecurrentOptions, _ second: KerasRecurrentOptions
  ) throws(RNNError) {
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
    try recurrent(layer, first, forward, reverse: (second, backward))
  }

  mutating func recurrent(
    _ layer: KerasLayer, _ options: KerasRecurrentOptions, _ weights: KerasCellWeights,
    reverse: (KerasRecurrentOptions, KerasCellWeights)? = nil
  ) throws(RNNError) {
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
    guard !options.goBackwards || !options.returnsSequence else {
      throw layer.error(
        "go_backwards with return_sequences, whose output runs backwards",
        "use Bidirectional, or return_sequences=False")
    }
    var module = Recurrent(
      name: layer.name, cell: options.cell, inputSize: weights.weightIH.shape.rank == 2 ? weights.weightIH.shape[1] : 0,
      hiddenSize: weights.units, bias: weights.bias != nil, direction: options.goBackwards ? .reverse : .forward,
      activations: options.activations, returnsSequence: options.returnsSequence)
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
  }

  private mutating func add(_ weights: KerasCellWeights, to name: String, suffix: String) throws(RNNError) {
    try archive.append(Model.join(name, "weight_ih\(suffix)"), weights.weightIH)
    try archive.append(Model.join(name, "weight_hh\(suffix)"), weights.weightHH)
    guard let bias = weights.bias else { return }
    try archive.append(Model.join(name, "bias_ih\(suffix)"), bias.input)
    try archive.append(Model.join(name, "bias_hh\(suffix)"), bias.hidden)
  }

  /// Carries a layer that cannot be run, with its arrays as Keras has them.
  mutating func unknown(_ layer: KerasLayer, _ what: String) throws(RNNError) {
    let names = try append(layer)
    modules.append(.unknown(UnknownModule(name: layer.name, className: layer.className, tensorNames: names)))
    note("\(layer.name) is \(what), which cannot be run; its arrays are carried as Keras has them")
  }

  /// Appends a layer's arrays under its name and theirs, or their whole paths where two have the same.
  private mutating func append(_ layer: KerasLayer) throws(RNNError) -> [String] {
    let lasts = layer.weights.map { $0.name.split(separator: "/").last.map(String.init) ?? $0.name }
    let areShort = Set(lasts).count == lasts.count
    var names: [String] = []
    for (weight, last) in zip(layer.weights, lasts) {
      let path = weight.name.split(separator: "/").filter { $0 != "vars" }.joined(separator: ".")
      let part = areShort ? last : path
      let name = Model.join(layer.name, part.hasSuffix(":0") ? String(part.dropLast(2)) : part)
      try archive.append(name, weight.tensor)
      names.append(name)
    }
    return names
  }
}
