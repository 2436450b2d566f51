import RNNModel

/// Reads a Keras model: layers with their arrays, and what the config says of them, into PyTorch's modules and
/// parameters.
struct KerasReader {
  let version: KerasVersion
  var archive = TensorArchive()
  var modules: [Module] = []
  var forward = Forward(inputs: [])
  /// What layers do, by their names, once they are read.
  var steps: [String: KerasStep] = [:]
  /// The layers that gave padded values.
  var paddings: [Forward.Value: String] = [:]
  var masks = KerasMasks()
  /// How many axes what the layer that is read is called on has, where that is known.
  var takenRank: Int?
  /// How many values' features may still be worked out from all steps before them.
  var lookups = 64
  /// Said once each.
  private var notes: [Phrase] = []
  var departures: [Departure] = []

  /// The model that a tree holds. `config` is that of a `.keras` file, whose weights come without one, and `version`
  /// what wrote it; `companion` is that of a file of its own, where the tree has none; `names` says what modules were called, as `KerasWriter` leaves it.
  static func archive(
    _ tree: HDF5Tree, config: JSONValue? = nil, companion: JSONValue? = nil, version: KerasVersion? = nil,
    names: JSONValue? = nil
  ) throws(RNNError) -> TensorArchive {
    let keras = KerasTree(tree)
    var config = if let config { Optional(config) } else { try keras.modelConfig() }
    let stated = keras.text("keras_version")
    let writer = if let version { version } else { try Self.version(stated, of: keras) }
    // The weights' version numbers their groups; the config's says what its words mean.
    var meaning = writer
    if let companion {
      guard config == nil else {
        throw RNNError(.usage, "the file has a config of its own", remedy: "leave \(.config) out")
      }
      config = companion
      meaning = KerasVersion(ofConfig: companion) ?? writer
    }
    var reader = KerasReader(meaning)
    if let config {
      let config = try KerasModelConfig(config)
      try reader.read(config, keras.weights(of: config.layers, writer))
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

  mutating func note(_ text: Phrase) {
    if !notes.contains(text) { notes.append(text) }
  }

  private mutating func finish(_ names: JSONValue?) throws(RNNError) -> TensorArchive {
    try join(names)
    let standard = "kernels transposed, gates reordered from Keras to PyTorch"
    archive.notes = (modules.isEmpty ? [] : [Phrase(standard)]) + notes
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
    guard var architecture = archive.architecture, let forward = architecture.forward else { return }
    let stacks = KerasStacks(architecture.modules, forward, names: names)
    guard stacks.forward != forward else { return }
    var joined = TensorArchive(isOrdered: archive.isOrdered)
    for tensor in archive.tensors { try joined.append(stacks.names[tensor.name] ?? tensor.name, tensor.tensor) }
    (architecture.modules, architecture.forward) = (stacks.modules, stacks.forward)
    joined.architecture = architecture
    (joined.hints, joined.metadata) = (archive.hints, archive.metadata)
    archive = joined
  }

  mutating func noteLeftOut(_ count: Int) {
    if count > 0 { note("\(count) arrays of the optimizer, of metrics and of random seeds are left out") }
  }

  /// Carries the arrays of a layer that has no need of them.
  mutating func carry(_ layer: KerasLayer, _ why: String) throws(RNNError) {
    guard !layer.weights.isEmpty else { return }
    _ = try append(layer)
    note("\(why); its arrays are carried as Keras has them")
  }

  /// Carries a layer that cannot be run, with its arrays as Keras has them.
  @discardableResult
  mutating func unknown(_ layer: KerasLayer, _ what: String) throws(RNNError) -> KerasStep {
    let names = try append(layer)
    modules.append(.unknown(UnknownModule(name: layer.name, className: layer.className, tensorNames: names)))
    note("\(layer.name) is \(what), which cannot be run; its arrays are carried as Keras has them")
    return .unknown
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
