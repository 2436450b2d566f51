import RNNModel

/// Architectures as JSON, the same in the native header, HDF5 and safetensors; `Schemas/architecture.schema.json`.
///
/// Names and defaults are those of PyTorch's constructors.
extension Architecture {
  /// Reads an architecture of version 2, which has the key `forward`, or of version 1. Refuses unknown keys, types and
  /// activations by name.
  public init(json: JSONValue) throws(RNNError) {
    var reader = try JSONObjectReader(json, at: "architecture")
    let isFirst = json["forward"] == nil
    var links: [Link] = []
    for (index, value) in try reader.array("modules").enumerated() {
      links.append(try Link(json: value, isFirstVersion: isFirst, at: "architecture.modules[\(index)]"))
    }
    let batchFirst = try reader.bool("batch_first", default: false)
    if isFirst {
      let isOrderKnown = try reader.bool("order_known", default: true)
      self = try Architecture(links, isOrderKnown: isOrderKnown, in: Self.frame(&reader), batchFirst: batchFirst)
    } else {
      let modules = links.map(\.module)
      self.init(modules: modules, forward: nil, batchFirst: batchFirst)
      try Model.check(self)
      forward = try Self.forward(json["forward"] ?? .null, modules, batchFirst: batchFirst)
      _ = reader.optional("forward")
    }
    try reader.finish()
  }

  private static func forward(_ line: JSONValue, _ modules: [Module], batchFirst: Bool) throws(RNNError) -> Forward? {
    if line == .null { return nil }
    func refuse(_ problem: String) -> RNNError {
      RNNError(.badData, place: "architecture.forward", problem, remedy: "compare with Schemas/forward.md")
    }
    guard let line = line.string else { throw refuse("neither a line of text nor null") }
    do throws(RNNError) {
      // The model has the tensors, and looks whether they are there.
      return try Forward(printed: line, modules: modules, batchFirst: batchFirst) { _ in true }
    } catch {
      throw refuse("\(error.place.map { $0 + ": " } ?? "")\(error.problem)")
    }
  }

  /// What version 1 has around the chain.
  private static func frame(_ reader: inout JSONObjectReader) throws(RNNError) -> Frame {
    var frame = Frame(skip: try reader.integer("skip", default: 0))
    frame.inputGain = try reader.double("input_gain", default: 1)
    frame.outputGain = try reader.double("output_gain", default: 1)
    if reader.has("input_gain_features") { frame.gainedFeatures = try reader.integer("input_gain_features") }
    let size = Limits.maximumModuleSize
    func refuse(_ problem: String) -> RNNError {
      RNNError(.badData, place: "architecture", problem, remedy: "correct the architecture in the file")
    }
    guard frame.inputGain.isFinite, frame.outputGain.isFinite else { throw refuse("a gain is not finite") }
    guard frame.gainedFeatures.map({ (1...size).contains($0) }) ?? true else {
      throw refuse("input_gain_features must be 1 or more")
    }
    guard (0...size).contains(frame.skip) else { throw refuse("skip must be 0 or more") }
    return frame
  }

  /// The architecture as JSON, of version 2, members in a fixed order, those at their defaults left out where PyTorch has no
  /// such option.
  public var json: JSONValue {
    .object([
      .init("batch_first", .bool(batchFirst)),
      .init("forward", forward.map { .string($0.line(modules: modules)) } ?? .null),
      .init("modules", .array(modules.map(\.json))),
    ])
  }
}

extension Link {
  /// A module, and what version 1 says with it of the forward.
  fileprivate init(json: JSONValue, isFirstVersion: Bool, at place: String) throws(RNNError) {
    var reader = try JSONObjectReader(json, at: place)
    let type = try reader.string("type")
    let name = try reader.string("name")
    guard name.utf8.count <= Limits.maximumNameLength else {
      throw reader.error("name", "more than \(Limits.maximumNameLength) bytes")
    }
    let module: Module
    var returnsSequence = true
    var functions: [Function] = []
    switch type {
    case "RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell":
      module = .recurrent(try Recurrent(type: type, name: name, from: &reader))
      if isFirstVersion { returnsSequence = try reader.bool("returns_sequence", default: true) }
    case "Linear":
      let inFeatures = try reader.integer("in_features")
      let outFeatures = try reader.integer("out_features")
      let bias = try reader.bool("bias", default: true)
      if isFirstVersion, let value = reader.optional("activation") {
        let function = try Function(json: value, at: "\(place).activation")
        if function != .elementwise(.identity) { functions = [function] }
      }
      module = .linear(Linear(name: name, inFeatures: inFeatures, outFeatures: outFeatures, bias: bias))
    case "PReLU":
      module = .prelu(PReLU(name: name, numParameters: try reader.integer("num_parameters", default: 1)))
    case "BatchNorm1d", "LayerNorm", "GroupNorm", "RMSNorm": module = .norm(try Norm(type: type, name: name, from: &reader))
    case "MultiheadAttention":
      let size = try reader.integer("embed_dim")
      module = .attention(MultiheadAttention(
        name: name, embedDim: size, numHeads: try reader.integer("num_heads"), kdim: try reader.integer("kdim", default: size),
        vdim: try reader.integer("vdim", default: size), bias: try reader.bool("bias", default: true)))
    case "Conv1d": module = .convolution(try Convolution(name: name, from: &reader))
    case "Conv2d": module = .convolution(try Convolution(plane: name, from: &reader))
    case "Embedding":
      let count = try reader.integer("num_embeddings")
      let size = try reader.integer("embedding_dim")
      let padding = try reader.optional("padding_idx").map { (value) throws(RNNError) -> Int in
        guard let index = value.integer, index >= 0 else { throw reader.error("padding_idx", "not an index") }
        return index
      }
      module = .embedding(Embedding(name: name, numEmbeddings: count, embeddingDim: size, paddingIndex: padding))
    case "Unknown":
      var names: [String] = []
      for value in try reader.array("tensors") {
        guard let name = value.string else { throw reader.error("tensors", "not a list of names") }
        names.append(name)
      }
      let className = try reader.has("class") ? reader.string("class") : nil
      module = .unknown(UnknownModule(name: name, className: className, tensorNames: names))
    default:
      throw RNNError(.badData, place: "\(place).type", "an unknown module type \"\(type)\"",
        remedy: "use a newer RNNKit, or correct the type")
    }
    try reader.finish()
    self.init(module, returnsSequence: returnsSequence, functions: functions)
  }
}

extension Module {
  fileprivate var json: JSONValue {
    switch self {
    case .recurrent(let module): return module.json
    case .linear(let module):
      return .object([
        .init("type", .string("Linear")), .init("name", .string(module.name)),
        .init("in_features", .integer(Int64(module.inFeatures))),
        .init("out_features", .integer(Int64(module.outFeatures))), .init("bias", .bool(module.bias)),
      ])
    case .prelu(let module):
      return .object([
        .init("type", .string("PReLU")), .init("name", .string(module.name)),
        .init("num_parameters", .integer(Int64(module.numParameters))),
      ])
    case .norm(let module): return module.json
    case .convolution(let module): return module.json
    case .attention(let module):
      return .object([
        .init("type", .string("MultiheadAttention")), .init("name", .string(module.name)),
        .init("embed_dim", .integer(Int64(module.embedDim))), .init("num_heads", .integer(Int64(module.numHeads))),
        .init("kdim", .integer(Int64(module.kdim))), .init("vdim", .integer(Int64(module.vdim))), .init("bias", .bool(module.bias)),
      ])
    case .embedding(let module):
      var members: [JSONValue.Member] = [
        .init("type", .string("Embedding")), .init("name", .string(module.name)),
        .init("num_embeddings", .integer(Int64(module.numEmbeddings))),
        .init("embedding_dim", .integer(Int64(module.embeddingDim))),
      ]
      if let index = module.paddingIndex { members.append(.init("padding_idx", .integer(Int64(index)))) }
      return .object(members)
    case .unknown(let module):
      var members: [JSONValue.Member] = [.init("type", .string("Unknown")), .init("name", .string(module.name))]
      if let className = module.className { members.append(.init("class", .string(className))) }
      members.append(.init("tensors", .array(module.tensorNames.map(JSONValue.string))))
      return .object(members)
    }
  }
}

extension Convolution {
  fileprivate init(name: String, from reader: inout JSONObjectReader) throws(RNNError) {
    var window = TimeWindow(size: try reader.integer("kernel_size"))
    window.stride = try reader.integer("stride", default: 1)
    window.dilation = try reader.integer("dilation", default: 1)
    if reader.has("padding") {
      let sides = try reader.array("padding").map { $0.integer }
      guard sides.count == 2, let before = sides[0], let after = sides[1] else { throw reader.error("padding", "not two whole numbers") }
      (window.before, window.after) = (before, after)
    }
    let mode = try reader.has("padding_mode") ? reader.string("padding_mode") : "zeros"
    guard let padding = Padding(rawValue: mode) else { throw reader.error("padding_mode", "an unknown mode \"\(mode)\"") }
    self.init(
      name: name, inChannels: try reader.integer("in_channels"), outChannels: try reader.integer("out_channels"), window: window,
      groups: try reader.integer("groups", default: 1), padding: padding, bias: try reader.bool("bias", default: true))
  }

  /// A Conv2d: each of its sizes is two numbers, of the kernel's axes in their order; padding is two for each.
  fileprivate init(plane name: String, from reader: inout JSONObjectReader) throws(RNNError) {
    func numbers(_ key: String, _ count: Int, or missing: Int) throws(RNNError) -> [Int] {
      guard reader.has(key) else { return [Int](repeating: missing, count: count) }
      let found = try reader.array(key).compactMap { $0.integer.flatMap { Int(exactly: $0) } }
      guard found.count == count else { throw reader.error(key, "not \(count) whole numbers") }
      return found
    }
    let sizes = try numbers("kernel_size", 2, or: 0), strides = try numbers("stride", 2, or: 1), dilations = try numbers("dilation", 2, or: 1)
    let sides = try numbers("padding", 4, or: 0), time = try reader.integer("time", default: 2)
    guard time == 2 || time == 3 else { throw reader.error("time", "neither 2 nor 3") }
    let windows = (0..<2).map { axis in
      TimeWindow(size: sizes[axis], stride: strides[axis], dilation: dilations[axis], before: sides[2 * axis], after: sides[2 * axis + 1])
    }
    let mode = try reader.has("padding_mode") ? reader.string("padding_mode") : "zeros"
    guard let padding = Padding(rawValue: mode) else { throw reader.error("padding_mode", "an unknown mode \"\(mode)\"") }
    self.init(
      name: name, inChannels: try reader.integer("in_channels"), outChannels: try reader.integer("out_channels"), window: windows[time - 2],
      across: windows[3 - time], isTimeLast: time == 3, groups: try reader.integer("groups", default: 1), padding: padding,
      bias: try reader.bool("bias", default: true))
  }

  fileprivate var json: JSONValue {
    if across != nil {
      func each(_ numbers: [Int]) -> JSONValue { .array(numbers.map { .integer(Int64($0)) }) }
      return .object([
        .init("type", .string("Conv2d")), .init("name", .string(name)), .init("in_channels", .integer(Int64(inChannels))),
        .init("out_channels", .integer(Int64(outChannels))), .init("kernel_size", each(windows.map(\.size))),
        .init("stride", each(windows.map(\.stride))), .init("padding", each(windows.flatMap { [$0.before, $0.after] })),
        .init("dilation", each(windows.map(\.dilation))), .init("groups", .integer(Int64(groups))), .init("bias", .bool(bias)),
        .init("padding_mode", .string(padding.rawValue)), .init("time", .integer(isTimeLast ? 3 : 2)),
      ])
    }
    return .object([
      .init("type", .string("Conv1d")), .init("name", .string(name)), .init("in_channels", .integer(Int64(inChannels))),
      .init("out_channels", .integer(Int64(outChannels))), .init("kernel_size", .integer(Int64(window.size))),
      .init("stride", .integer(Int64(window.stride))),
      .init("padding", .array([.integer(Int64(window.before)), .integer(Int64(window.after))])),
      .init("dilation", .integer(Int64(window.dilation))), .init("groups", .integer(Int64(groups))), .init("bias", .bool(bias)),
      .init("padding_mode", .string(padding.rawValue)),
    ])
  }
}

extension Norm {
  private static func size(_ kind: Kind) -> String {
    switch kind {
    case .batch: "num_features"
    case .group: "num_channels"
    case .layer, .rms: "normalized_shape"
    }
  }

  private static func affine(_ kind: Kind) -> String { kind == .batch || kind == .group ? "affine" : "elementwise_affine" }

  fileprivate init(type: String, name: String, from reader: inout JSONObjectReader) throws(RNNError) {
    guard let kind = Kind(rawValue: type) else { throw reader.error("type", "an unknown type \"\(type)\"") }
    if kind == .group, try reader.integer("num_groups") != 1 { throw reader.error("num_groups", "not 1") }
    let features = try reader.integer(Self.size(kind))
    guard let eps = reader.optional("eps")?.double else { throw reader.error("eps", "not a number") }
    self.init(
      name: name, kind: kind, features: features, eps: eps, hasWeight: try reader.bool(Self.affine(kind), default: true))
    if kind == .layer { hasBias = try reader.bool("bias", default: hasWeight) }
  }

  fileprivate var json: JSONValue {
    var members: [JSONValue.Member] = [.init("type", .string(kind.rawValue)), .init("name", .string(name))]
    if kind == .group { members.append(.init("num_groups", .integer(1))) }
    members += [
      .init(Self.size(kind), .integer(Int64(features))), .init("eps", .number(eps)), .init(Self.affine(kind), .bool(hasWeight)),
    ]
    if kind == .layer, hasWeight { members.append(.init("bias", .bool(hasBias))) }
    return .object(members)
  }
}

extension Recurrent {
  fileprivate init(type: String, name: String, from reader: inout JSONObjectReader) throws(RNNError) {
    let isCell = type.hasSuffix("Cell")
    guard let cell = Cell(rawValue: isCell ? String(type.dropLast(4)) : type) else {
      throw reader.error("type", "an unknown type \"\(type)\"")
    }
    self.init(
      name: name, cell: cell, inputSize: try reader.integer("input_size"),
      hiddenSize: try reader.integer("hidden_size"), isCell: isCell)
    if !isCell { numLayers = try reader.integer("num_layers", default: 1) }
    bias = try reader.bool("bias", default: true)
    if !isCell {
      if try reader.bool("bidirectional", default: false) { direction = .bidirectional }
      if try reader.bool("reverse", default: false) {
        guard direction == .forward else { throw reader.error("reverse", "true beside bidirectional") }
        direction = .reverse
      }
    }
    if cell == .lstm, !isCell { projSize = try reader.integer("proj_size", default: 0) }
    if cell == .rnn {
      if let value = reader.optional("nonlinearity") {
        activations.candidate = try Activation(json: value, at: "\(reader.place).nonlinearity")
      }
      if let value = reader.optional("reverse_nonlinearity") {
        reverseActivations = Activations(candidate: try Activation(json: value, at: "\(reader.place).reverse_nonlinearity"))
      }
    } else {
      if let value = reader.optional("activations") {
        activations = try Activations(json: value, at: "\(reader.place).activations")
      }
      if let value = reader.optional("reverse_activations") {
        reverseActivations = try Activations(json: value, at: "\(reader.place).reverse_activations")
      }
    }
    if let key = reverseActivations.map({ _ in cell == .rnn ? "reverse_nonlinearity" : "reverse_activations" }),
      direction != .bidirectional
    {
      throw reader.error(key, "given for a module that is not bidirectional")
    }
    if cell == .gru { resetAfter = try reader.bool("reset_after", default: true) }
    if let value = reader.optional("clip") {
      guard let number = value.double else { throw reader.error("clip", "not a number") }
      clip = number
    }
    if cell == .lstm {
      inputForget = try reader.bool("input_forget", default: false)
      peephole = try reader.bool("peephole", default: false)
    }
    hasInitialState = try reader.bool("initial_state", default: false)
  }

  fileprivate var json: JSONValue {
    var members: [JSONValue.Member] = [
      .init("type", .string(cell.rawValue + (isCell ? "Cell" : ""))), .init("name", .string(name)),
      .init("input_size", .integer(Int64(inputSize))), .init("hidden_size", .integer(Int64(hiddenSize))),
    ]
    if !isCell { members.append(.init("num_layers", .integer(Int64(numLayers)))) }
    members.append(.init("bias", .bool(bias)))
    if !isCell { members.append(.init("bidirectional", .bool(direction == .bidirectional))) }
    if direction == .reverse { members.append(.init("reverse", .bool(true))) }
    if cell == .lstm, !isCell { members.append(.init("proj_size", .integer(Int64(projSize)))) }
    if cell == .rnn {
      members.append(.init("nonlinearity", activations.candidate.json))
      if let other = reverseActivations { members.append(.init("reverse_nonlinearity", other.candidate.json)) }
    } else {
      if activations != Activations() { members.append(.init("activations", activations.json)) }
      if let other = reverseActivations { members.append(.init("reverse_activations", other.json)) }
    }
    if cell == .gru, !resetAfter { members.append(.init("reset_after", .bool(false))) }
    if let clip { members.append(.init("clip", .number(clip))) }
    if inputForget { members.append(.init("input_forget", .bool(true))) }
    if peephole { members.append(.init("peephole", .bool(true))) }
    if hasInitialState { members.append(.init("initial_state", .bool(true))) }
    return .object(members)
  }
}

extension Recurrent.Activations {
  fileprivate init(json: JSONValue, at place: String) throws(RNNError) {
    self.init()
    var reader = try JSONObjectReader(json, at: place)
    if let value = reader.optional("gate") { gate = try Activation(json: value, at: "\(place).gate") }
    if let value = reader.optional("candidate") { candidate = try Activation(json: value, at: "\(place).candidate") }
    if let value = reader.optional("output") { output = try Activation(json: value, at: "\(place).output") }
    try reader.finish()
  }

  fileprivate var json: JSONValue {
    .object([
      .init("gate", gate.json), .init("candidate", candidate.json), .init("output", output.json),
    ])
  }
}

extension Activation {
  /// Reads `"tanh"` or `{"name": "hard_sigmoid", "alpha": 0.2, "beta": 0.5}`.
  init(json: JSONValue, at place: String) throws(RNNError) {
    let read: Activation?
    if json["name"]?.string == "clip", let min = json["min"]?.double, let max = json["max"]?.double, min > max {
      throw RNNError(.badData, place: place, "a clip whose min is above its max: \(json.text)",
        remedy: "give it the bounds in order")
    }
    if let name = json.string {
      read = Activation(name: name)
    } else {
      var reader = try JSONObjectReader(json, at: place)
      let name = try reader.string("name")
      var parameters: [(name: String, value: Double)] = []
      for parameter in ["alpha", "beta", "min", "max"] {
        // A parameter that is no number is no missing one.
        if let value = reader.optional(parameter) { parameters.append((parameter, value.double ?? .nan)) }
      }
      try reader.finish()
      read = Activation(name: name, parameters: parameters)
    }
    guard let read else {
      throw RNNError(.badData, place: place, "an unknown activation, or one without its parameters: \(json.text)",
        remedy: "see the activations in the schema")
    }
    self = read
  }

  var json: JSONValue {
    if parameters.isEmpty { return .string(name) }
    return .object([.init("name", .string(name))] + parameters.map { .init($0.name, .number($0.value)) })
  }
}

extension Function {
  fileprivate init(json: JSONValue, at place: String) throws(RNNError) {
    switch json.string {
    case "softmax": self = .softmax
    case "log_softmax": self = .logSoftmax
    default: self = .elementwise(try Activation(json: json, at: place))
    }
  }
}
