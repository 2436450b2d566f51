import RNNModel

/// A model as the layers of a Keras Sequential, with their arrays in Keras' layout.
struct KerasChain {
  struct Layer {
    var className: String
    var name: String
    var config: [JSONValue.Member]
    /// Of the cells of a recurrent layer, forward and then backward, or of the layer itself.
    var arrays: [[Tensor]]
    /// Features of a step that the layer takes; nil for an embedding.
    var inputSize: Int?
  }

  private(set) var layers: [Layer] = []
  /// Modules' names by those of their layers, where they differ.
  private(set) var names: [JSONValue.Member] = []
  private let model: Model

  /// Throws `badData` for what Keras cannot hold.
  init(_ model: Model) throws(RNNError) {
    self.model = model
    let architecture = model.architecture
    guard architecture.orderKnown else {
      throw Self.refuse(nil, "modules whose order is not known", "choose their order with --module")
    }
    guard architecture.skip == 0 else { throw Self.refuse(nil, "a skip from input to output") }
    guard architecture.inputGain == 1, architecture.outputGain == 1 else {
      throw Self.refuse(nil, "gains on input and output")
    }
    let titles = Self.titles(architecture.modules)
    for (index, (module, title)) in zip(architecture.modules, titles).enumerated() {
      switch module {
      case .recurrent(let module): try add(module, title)
      case .linear(let module): try add(module, title)
      case .embedding(let module):
        guard index == 0 else { throw Self.refuse(module.name, "an embedding that is not first") }
        try add(module, title)
      case .unknown(let module):
        throw Self.refuse(module.name, "what RNNKit does not understand", "write another format, or name the modules to convert with --module")
      }
    }
    if let gap = architecture.gap {
      throw RNNError(.badData, place: "module \(gap.module)", gap.problem, remedy: "write another format")
    }
    for (module, title) in zip(architecture.modules, titles) where module.name != title {
      names.append(.init(title, .string(module.name)))
    }
    guard !layers.isEmpty else { throw Self.refuse(nil, "a model without modules", "choose modules with --module") }
  }

  private static func refuse(
    _ module: String?, _ problem: String, _ remedy: String = "write another format"
  ) -> RNNError {
    RNNError(.badData, place: module.map { "module \($0)" }, "Keras cannot hold \(problem)", remedy: remedy)
  }

  /// What `rnn formats` says of it.
  static let exceptions =
    "refuses projections, clip, peepholes, starting states and Keras 2's hard_sigmoid; adds up two biases where "
    + "its layer has one; widens half precision; leaves out reference cases, metadata and other tensors"

  /// What is not the same afterwards.
  static func notes(_ model: Model) -> [String] {
    var notes = ["kernels transposed"]
    if model.architecture.recurrentModules.contains(where: { $0.cell == .gru }) {
      notes.append("a GRU's gates put in Keras' order z, r, h")
    }
    let modules = model.architecture.modules
    for (module, title) in zip(modules, titles(modules)) where module.name != title {
      notes.append("\(module.name.isEmpty ? "the module without a name" : module.name) is layer \(title)")
    }
    for module in model.architecture.recurrentModules where module.bias && (module.cell != .gru || !module.resetAfter) {
      let isJoined = module.parameters.contains { parameter in
        parameter.name.kind == .biasHH && model.tensor(module.name, parameter.name.description)?.isZero == false
      }
      if isJoined { notes.append("\(module.name): bias_ih and bias_hh are added up, Keras' layer has one bias") }
    }
    let used = Set(model.parameterNames)
    if model.archive.tensors.contains(where: {
      used.contains($0.name) && [.float16, .bfloat16].contains($0.tensor.elementType)
    }) {
      notes.append("half-precision weights are widened to float32, in which they are computed")
    }
    if !model.architecture.batchFirst {
      notes.append("input and output are (batch, time, features), as always in Keras")
    }
    if !model.carried.isEmpty {
      notes.append("\(model.carried.count) tensors that are no part of the chain are left out")
    }
    if !model.archive.cases.isEmpty { notes.append("reference cases are left out") }
    if !model.archive.metadata.isEmpty {
      notes.append("metadata are left out: \(model.archive.metadata.map(\.key).listed())")
    }
    return notes
  }

  // MARK: Layers

  /// Names for the modules' layers: their own, where Keras takes them, else such as are remembered in `names`. Keras on
  /// torch takes no dot, and no Keras a slash or an empty name.
  private static func titles(_ modules: [Module]) -> [String] {
    var used = Set<String>()
    return modules.map { module in
      var title = module.name.isEmpty ? KerasGroups.names([className(module)])[0] : ""
      for scalar in module.name.unicodeScalars {
        if scalar == "." || scalar == "/" { title += "__" } else { title.unicodeScalars.append(scalar) }
      }
      while used.contains(title) || (title != module.name && modules.contains { $0.name == title }) { title += "_" }
      used.insert(title)
      return title
    }
  }

  private static func className(_ module: Module) -> String {
    switch module {
    case .recurrent(let module): module.cell == .rnn ? "SimpleRNN" : module.cell.rawValue
    case .linear: "Dense"
    case .embedding, .unknown: "Embedding"
    }
  }

  private mutating func add(_ module: Embedding, _ title: String) throws(RNNError) {
    let weight = try parameter(module.name, "weight")
    layers.append(
      Layer(
        className: "Embedding", name: title,
        config: [
          .init("input_dim", .integer(Int64(module.numEmbeddings))),
          .init("output_dim", .integer(Int64(module.embeddingDim))), .init("mask_zero", .bool(false)),
        ], arrays: [[weight]]))
  }

  private mutating func add(_ module: Linear, _ title: String) throws(RNNError) {
    guard let activation = KerasActivations.name(module.activation) else {
      throw Self.refuse(module.name, "the activation after it")
    }
    var arrays = [try turned(parameter(module.name, "weight"), module.name)]
    if module.bias { arrays.append(try parameter(module.name, "bias")) }
    layers.append(
      Layer(
        className: "Dense", name: title,
        config: [
          .init("units", .integer(Int64(module.outFeatures))), .init("activation", .string(activation)),
          .init("use_bias", .bool(module.bias)),
        ], arrays: [arrays], inputSize: module.inFeatures))
  }

  private func check(_ module: Recurrent) throws(RNNError) {
    guard module.projSize == 0 else { throw Self.refuse(module.name, "a projection") }
    guard module.clip == nil else { throw Self.refuse(module.name, "clipped activations") }
    guard !module.inputForget else { throw Self.refuse(module.name, "coupled input and forget gates") }
    guard !module.peephole else { throw Self.refuse(module.name, "peepholes") }
    guard !module.hasInitialState else { throw Self.refuse(module.name, "a starting state") }
    guard module.direction != .reverse || (!module.returnsSequence && module.numLayers == 1) else {
      throw Self.refuse(module.name, "a layer that runs backwards and gives every step in time order")
    }
  }

  private mutating func add(_ module: Recurrent, _ base: String) throws(RNNError) {
    try check(module)
    let className = Self.className(.recurrent(module))
    for layer in 0..<module.numLayers {
      let isLast = layer == module.numLayers - 1
      // The reader makes a stack of these again.
      let title = module.numLayers > 1 ? "\(base)_l\(layer)" : base
      func config(_ direction: Int) throws(RNNError) -> [JSONValue.Member] {
        try self.config(
          module, module.activations(direction: direction), returnsSequence: module.returnsSequence || !isLast,
          goBackwards: module.direction == .reverse || direction == 1)
      }
      let inputSize = layer == 0 ? module.inputSize : module.outputSize
      var arrays: [[Tensor]] = []
      for direction in 0..<module.directionCount {
        arrays.append(try self.arrays(module, layer: layer, isReverse: direction == 1))
      }
      guard module.direction == .bidirectional else {
        layers.append(
          Layer(className: className, name: title, config: try config(0), arrays: arrays, inputSize: inputSize))
        continue
      }
      func inner(_ direction: Int) throws(RNNError) -> JSONValue {
        let name = "\(direction == 0 ? "forward" : "backward")_\(title)"
        return .object([
          .init("class_name", .string(className)),
          .init("config", .object([.init("name", .string(name))] + (try config(direction)))),
        ])
      }
      layers.append(
        Layer(
          className: "Bidirectional", name: title,
          config: [
            .init("merge_mode", .string("concat")), .init("layer", try inner(0)), .init("backward_layer", try inner(1)),
          ], arrays: arrays, inputSize: inputSize))
    }
  }

  private func config(
    _ module: Recurrent, _ activations: Recurrent.Activations, returnsSequence: Bool, goBackwards: Bool
  ) throws(RNNError) -> [JSONValue.Member] {
    guard let activation = KerasActivations.name(activations.candidate),
      let gate = KerasActivations.name(activations.gate)
    else {
      throw Self.refuse(module.name, "its activations; hard_sigmoid, for one, is clip(x/6 + 0.5, 0, 1) in Keras 3")
    }
    guard module.cell != .lstm || activations.output == activations.candidate else {
      throw Self.refuse(module.name, "different activations of an LSTM's candidate and output")
    }
    var config: [JSONValue.Member] = [
      .init("units", .integer(Int64(module.hiddenSize))), .init("activation", .string(activation)),
    ]
    if module.cell != .rnn { config.append(.init("recurrent_activation", .string(gate))) }
    config += [
      .init("use_bias", .bool(module.bias)), .init("return_sequences", .bool(returnsSequence)),
      .init("return_state", .bool(false)), .init("go_backwards", .bool(goBackwards)), .init("stateful", .bool(false)),
      .init("unroll", .bool(false)),
    ]
    if module.cell == .gru { config.append(.init("reset_after", .bool(module.resetAfter))) }
    return config
  }

  // MARK: Arrays

  /// A parameter, half precision widened.
  private func parameter(_ module: String, _ name: String) throws(RNNError) -> Tensor {
    guard let tensor = model.tensor(module, name) else { throw Self.missing(module) }
    guard [.float16, .bfloat16].contains(tensor.elementType) else { return tensor }
    guard let widened = tensor.converted(to: .float32) else { throw Self.missing(module) }
    return widened.tensor
  }

  private func turned(_ tensor: Tensor, _ module: String) throws(RNNError) -> Tensor {
    guard let result = try tensor.transposed() else { throw Self.missing(module) }
    return result
  }

  /// Kernel, recurrent kernel and bias of one cell.
  private func arrays(_ module: Recurrent, layer: Int, isReverse: Bool) throws(RNNError) -> [Tensor] {
    let order = KerasGates.order(module.cell)
    func take(_ kind: ParameterName.Kind) throws(RNNError) -> Tensor {
      let name = ParameterName(kind, layer: module.isCell ? nil : layer, isReverse: isReverse)
      guard let result = try parameter(module.name, name.description).reorderingBlocks(order) else {
        throw Self.missing(module.name)
      }
      return result
    }
    var arrays = [try turned(take(.weightIH), module.name), try turned(take(.weightHH), module.name)]
    guard module.bias else { return arrays }
    let (input, hidden) = (try take(.biasIH), try take(.biasHH))
    if module.cell == .gru, module.resetAfter {
      guard let both = Tensor.stacked([input, hidden]) else { throw Self.missing(module.name) }
      arrays.append(both)
    } else {
      arrays.append(hidden.isZero ? input : try sum(input, hidden, module.name))
    }
    return arrays
  }

  private func sum(_ first: Tensor, _ second: Tensor, _ module: String) throws(RNNError) -> Tensor {
    let pairs = zip(first.doubles, second.doubles)
    let result =
      first.elementType == .float64
      ? Tensor(pairs.map { $0 + $1 }, first.shape) : Tensor(pairs.map { Float($0) + Float($1) }, first.shape)
    guard let result else { throw Self.missing(module) }
    return result
  }

  /// Cannot happen for a valid model.
  private static func missing(_ module: String) -> RNNError {
    RNNError(.defect, place: "module \(module)", "a parameter is not as the architecture says", remedy: "report this")
  }
}
