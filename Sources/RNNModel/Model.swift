/// A recurrent model whose tensors are all there and fit each other; nothing but a valid one exists.
public struct Model: Sendable {
  /// As the file states it, or as it was worked out from the tensors.
  public let architecture: Architecture
  /// The shapes of the values of the architecture's forward, where it has one.
  public let shapes: ForwardShapes?
  /// The tensors, those of no module included, with metadata and reference cases.
  public let archive: TensorArchive
  /// What may be computed, where neither file nor user says it.
  public internal(set) var suggestion: ForwardSuggestion?

  /// Checks that the archive holds every parameter that the architecture names, of the right shape and a type the runner
  /// can use, and that the file asks for nothing that RNNKit does not do.
  public init(_ archive: TensorArchive, architecture: Architecture) throws(RNNError) {
    if let departure = archive.departures.first { throw departure.error() }
    try Self.check(architecture)
    let shapes = try architecture.forward?.shapes(architecture.modules) { Self.parameterSize(archive[$0]) }
    for module in architecture.modules {
      for (name, shape) in Self.parameters(of: module) {
        try Self.check(archive, name: name, shape: shape, of: module)
      }
    }
    self.architecture = architecture
    self.shapes = shapes
    var archive = archive
    archive.architecture = architecture
    self.archive = archive
  }

  /// The parameter `kind` of a module, which must be one of this model's.
  ///
  /// Of one that is whole numbers with a scale, the numbers that they stand for, in float64.
  public func tensor(_ module: String, _ parameter: String) -> Tensor? {
    let name = Self.join(module, parameter)
    return quantized(name)?.tensor ?? archive[name]
  }

  /// The names and shapes of a module's parameters, in PyTorch's order, with the module's name before them.
  public static func parameters(of module: Module) -> [(name: String, shape: [Int])] {
    switch module {
    case .recurrent(let module):
      var result = module.parameters.map { (name: join(module.name, $0.name.description), shape: $0.shape) }
      if module.hasInitialState {
        let states = module.numLayers * module.directionCount
        result.append((join(module.name, "h0"), [states, module.stateSize]))
        if module.cell == .lstm { result.append((join(module.name, "c0"), [states, module.hiddenSize])) }
      }
      return result
    case .linear(let module):
      let weight = (name: join(module.name, "weight"), shape: [module.outFeatures, module.inFeatures])
      return module.bias ? [weight, (join(module.name, "bias"), [module.outFeatures])] : [weight]
    case .embedding(let module):
      return [(join(module.name, "weight"), [module.numEmbeddings, module.embeddingDim])]
    case .prelu(let module):
      return [(join(module.name, "weight"), [module.numParameters])]
    case .norm(let module):
      return module.parameters.map { (join(module.name, $0), [module.features]) }
    case .attention(let module): return module.parameters.map { (join(module.name, $0.name), $0.shape) }
    case .convolution(let module):
      let weight = (name: join(module.name, "weight"), shape: [module.outChannels, module.inChannels / max(module.groups, 1)] + module.windows.map(\.size))
      return module.bias ? [weight, (join(module.name, "bias"), [module.outChannels])] : [weight]
    case .unknown:
      return []
    }
  }

  /// Elements of a tensor that can be used as one number for all features, or one for each; nil for others.
  package static func parameterSize(_ tensor: Tensor?) -> Int? {
    guard let tensor, tensor.elementType.isWeight, tensor.shape.count == tensor.shape.dimensions.last ?? 1 else { return nil }
    return tensor.count
  }

  /// `rnn` and `weight_ih_l0` make `rnn.weight_ih_l0`; an empty module name adds nothing.
  public static func join(_ module: String, _ parameter: String) -> String {
    module.isEmpty ? parameter : module + "." + parameter
  }

  /// The reverse: the module's name and the parameter's. A name without a dot has no module.
  package static func split(_ name: String) -> (module: String, parameter: String) {
    guard let dot = name.lastIndex(of: ".") else { return ("", name) }
    return (String(name[..<dot]), String(name[name.index(after: dot)...]))
  }

  /// The names of the parameters that modules have and that the forward uses by themselves, in order.
  public var parameterNames: [String] {
    architecture.modules.flatMap(parameterNames(of:)) + (architecture.forward?.parameterNames ?? [])
  }

  /// The tensors that are no parameter.
  public var carried: [NamedTensor] {
    let used = Set(parameterNames)
    return archive.tensors.filter { !used.contains($0.name) }
  }

  private static func check(_ archive: TensorArchive, name: String, shape: [Int], of module: Module) throws(RNNError) {
    guard let tensor = archive[name] else {
      throw RNNError(.badData, place: "tensor \(name)", "missing, though the model's other tensors ask for it",
        remedy: "export the whole state_dict, or name the right tensor with \(.renames)")
    }
    guard tensor.shape.dimensions == shape else {
      throw RNNError(.badData, place: "tensor \(name)",
        "its shape is \(tensor.shape), expected \(shape.asShape) from the other tensors",
        remedy: "export the model again; the tensors are not of one model")
    }
    if tensor.elementType == .int8 { return try check(quantized: tensor, archive, name, shape: shape, of: module) }
    guard tensor.elementType.isWeight else {
      throw RNNError(.badData, place: "tensor \(name)",
        "its type is \(tensor.elementType.rawValue), expected float32, float64, float16 or bfloat16",
        remedy: "export the weights as one of these")
    }
  }

  /// Checks the sizes of every module, by themselves and against each other.
  package static func check(_ architecture: Architecture) throws(RNNError) {
    // Products of two sizes and a gate count always fit an `Int`.
    let maximumSize = Limits.maximumModuleSize
    var names = Set<String>()
    for module in architecture.modules {
      func require(_ condition: Bool, _ problem: @autoclosure () -> String) throws(RNNError) {
        if !condition {
          throw RNNError(.badData, place: "module \(module.name.isEmpty ? "(unnamed)" : module.name)", problem(),
            remedy: "correct the architecture in the file, or export the model again")
        }
      }
      try require(names.insert(module.name).inserted, "a second module has the same name")
      switch module {
      case .recurrent(let module):
        let sizes = [module.inputSize, module.hiddenSize, module.numLayers]
        try require(sizes.allSatisfy { (1...maximumSize).contains($0) }, "input, hidden and layer counts must be 1 to \(maximumSize)")
        try require(module.numLayers <= Limits.maximumLayerCount, "more than \(Limits.maximumLayerCount) layers")
        try require(module.projSize == 0 || (module.cell == .lstm && (1..<module.hiddenSize).contains(module.projSize)),
          "proj_size must be 0, or for an LSTM less than hidden_size")
        try require(!module.isCell || (module.numLayers == 1 && module.directionCount == 1),
          "a cell has one layer and one direction")
        try require(module.reverseActivations == nil || module.directionCount == 2,
          "only a bidirectional module has reverse activations")
        try require(!module.peephole || module.cell == .lstm, "only an LSTM has peepholes")
        try require(!module.inputForget || module.cell == .lstm, "only an LSTM couples input and forget gates")
        try require(module.clip.map { $0.isFinite && $0 > 0 } ?? true, "clip must be a positive number")
      case .linear(let module):
        try require([module.inFeatures, module.outFeatures].allSatisfy { (1...maximumSize).contains($0) },
          "in_features and out_features must be 1 to \(maximumSize)")
      case .embedding(let module):
        try require([module.numEmbeddings, module.embeddingDim].allSatisfy { (1...maximumSize).contains($0) },
          "num_embeddings and embedding_dim must be 1 to \(maximumSize)")
        try require(module.paddingIndex.map { (0..<module.numEmbeddings).contains($0) } ?? true,
          "padding_idx must be an index of the embedding")
      case .prelu(let module):
        try require((1...maximumSize).contains(module.numParameters), "num_parameters must be 1 to \(maximumSize)")
      case .norm(let module):
        try require((1...maximumSize).contains(module.features), "its features must be 1 to \(maximumSize)")
        try require(module.eps.isFinite && module.eps >= 0, "eps must be a number of 0 or more")
        try require(!module.hasBias || module.kind != .rms, "an RMSNorm has no bias")
      case .attention(let module):
        try require([module.embedDim, module.kdim, module.vdim].allSatisfy { (1...maximumSize / 3).contains($0) },
          "embed_dim, kdim and vdim must be 1 to \(maximumSize / 3)")
        try require(module.numHeads >= 1 && module.embedDim % module.numHeads == 0, "num_heads must divide embed_dim")
      case .convolution(let module):
        try require([module.inChannels, module.outChannels].allSatisfy { (1...maximumSize).contains($0) },
          "in_channels and out_channels must be 1 to \(maximumSize)")
        try require(module.windows.allSatisfy(\.isSound), "its window is larger than RNNKit runs, \(Limits.maximumWindow) steps")
        let taps = module.windows.reduce((1, false)) { product, window in
          let (next, overflow) = product.0.multipliedReportingOverflow(by: window.size)
          return (next, product.1 || overflow)
        }
        let inner = taps.0.multipliedReportingOverflow(by: module.inChannels)
        try require(!taps.1 && !inner.overflow && inner.partialValue <= maximumSize, "its window is larger than RNNKit runs, \(maximumSize) numbers")
        try require(module.groups >= 1 && module.inChannels % module.groups == 0 && module.outChannels % module.groups == 0,
          "groups must divide in_channels and out_channels")
      case .unknown: break
      }
    }
  }
}

extension Forward {
  /// The model's own tensors that steps use, each once.
  public var parameterNames: [String] {
    var seen = Set<String>()
    return steps.compactMap { step in
      if case .parameter(let name) = step.operation, seen.insert(name).inserted { name } else { nil }
    }
  }
}

extension [Int] {
  var asShape: String { count == 1 ? "(\(self[0]),)" : "(" + map(String.init).joined(separator: ", ") + ")" }
}
