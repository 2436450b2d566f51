import RNNModel

/// Writes a chain of LSTM, GRU and linear layers as RTNeural's JSON.
struct RTNeuralWriter {
  private let model: Model

  init(_ model: Model) {
    self.model = model
  }

  /// One of RTNeural's layers.
  private struct Layer {
    var type: String
    var activation: String
    var size: Int
    var weights: [Tensor]
  }

  /// What is not the same afterwards.
  var notes: [String] {
    var notes = ["kernels transposed; names are left out"]
    if model.architecture.recurrentModules.contains(where: { $0.cell == .gru }) {
      notes.append("a GRU's gates put in RTNeural's order z, r, h")
    }
    for module in model.architecture.recurrentModules where module.cell == .lstm && module.bias {
      let isJoined = (0..<module.numLayers).contains { layer in
        model.tensor(module.name, ParameterName(.biasHH, layer: module.isCell ? nil : layer).description)?.isZero
          == false
      }
      if isJoined { notes.append("\(module.name): bias_ih and bias_hh are added up, RTNeural's LSTM has one bias") }
    }
    if model.architecture.recurrentModules.contains(where: { !$0.bias }) {
      notes.append("biases of zero are written for layers without a bias, which RTNeural lacks")
    }
    let used = Set(model.parameterNames)
    if model.archive.tensors.contains(where: { used.contains($0.name) && $0.tensor.elementType != .float32 }) {
      notes.append("weights are written as float32, the type RTNeural's files have")
    }
    if !model.carried.isEmpty {
      notes.append("\(model.carried.count) tensors that are no part of the chain are left out")
    }
    if !model.archive.cases.isEmpty { notes.append("reference cases are left out") }
    return notes
  }

  func write(to file: inout OutputFile) throws(RNNError) {
    let layers = try self.layers()
    guard let inputSize = model.architecture.modules.first?.inputSize else {
      throw Self.refuse(nil, "a model without modules", "choose modules with --module")
    }
    var text = "{\n\"in_shape\": [null, null, \(inputSize)],\n\"layers\": ["
    for (index, layer) in layers.enumerated() {
      text += "\(index > 0 ? "," : "")\n{\"type\": \"\(layer.type)\", \"activation\": \"\(layer.activation)\", "
      text += "\"shape\": [null, null, \(layer.size)], \"weights\": ["
      for (index, tensor) in layer.weights.enumerated() {
        try file.write(Array((text + (index > 0 ? ", " : "")).utf8))
        text = ""
        try JSONTensorWriter.write(NamedTensor("layers[\(index)]", tensor), to: &file)
      }
      text += "]}"
    }
    text += "]"
    if !model.archive.metadata.isEmpty { text += ",\n\"metadata\": \(JSONValue.object(model.archive.metadata).text)" }
    try file.write(Array((text + "\n}\n").utf8))
  }

  private static func refuse(_ module: String?, _ problem: String, _ remedy: String = "write another format")
    -> RNNError
  {
    RNNError(.badData, place: module.map { "module \($0)" }, "RTNeural cannot hold \(problem)", remedy: remedy)
  }

  private func layers() throws(RNNError) -> [Layer] {
    let architecture = model.architecture
    guard architecture.orderKnown else {
      throw Self.refuse(nil, "modules whose order is not known", "choose their order with --module")
    }
    guard architecture.skip == 0 else { throw Self.refuse(nil, "a skip from input to output") }
    guard architecture.inputGain == 1, architecture.outputGain == 1 else {
      throw Self.refuse(nil, "gains on input and output")
    }
    var layers: [Layer] = []
    for module in architecture.modules {
      switch module {
      case .recurrent(let module):
        try check(module)
        for layer in 0..<module.numLayers { layers.append(try self.layer(layer, of: module)) }
      case .linear(let module): layers.append(try self.layer(module))
      case .embedding(let module): throw Self.refuse(module.name, "an embedding")
      case .unknown(let module):
        throw Self.refuse(module.name, "what RNNKit does not understand", "write another format, or name the modules to convert with --module")
      }
    }
    if let gap = architecture.gap {
      throw RNNError(.badData, place: "module \(gap.module)", gap.problem, remedy: "write another format")
    }
    return layers
  }

  private func check(_ module: Recurrent) throws(RNNError) {
    let standard = Recurrent.Activations()
    guard module.cell != .rnn else { throw Self.refuse(module.name, "an Elman RNN, only LSTM and GRU") }
    guard module.direction == .forward else { throw Self.refuse(module.name, "a layer that runs backwards") }
    guard module.projSize == 0 else { throw Self.refuse(module.name, "a projection") }
    guard module.activations == standard else {
      throw Self.refuse(module.name, "other gate activations than sigmoid and tanh")
    }
    guard module.resetAfter else { throw Self.refuse(module.name, "a GRU with reset_after false") }
    guard module.clip == nil else { throw Self.refuse(module.name, "clipped activations") }
    guard !module.inputForget else { throw Self.refuse(module.name, "coupled input and forget gates") }
    guard !module.peephole else { throw Self.refuse(module.name, "peepholes") }
    guard !module.hasInitialState else { throw Self.refuse(module.name, "a starting state") }
    guard module.returnsSequence else { throw Self.refuse(module.name, "a layer that gives its last step only") }
  }

  private func layer(_ index: Int, of module: Recurrent) throws(RNNError) -> Layer {
    let rows = module.cell.gateCount * module.hiddenSize
    let order = KerasGates.order(module.cell)
    func take(_ kind: ParameterName.Kind) throws(RNNError) -> Tensor {
      let parameter = ParameterName(kind, layer: module.isCell ? nil : index).description
      if !module.bias, [.biasIH, .biasHH].contains(kind), let zeros = Tensor.zeros(.float32, [rows]) { return zeros }
      return try ordered(single(module.name, parameter), order, module.name)
    }
    var weights = [
      try transposed(take(.weightIH), module.name), try transposed(take(.weightHH), module.name),
    ]
    let (input, hidden) = (try take(.biasIH), try take(.biasHH))
    if module.cell == .lstm {
      weights.append(hidden.isZero ? input : try sum(input, hidden))
    } else {
      weights.append(try joined(input, hidden))
    }
    return Layer(
      type: module.cell.rawValue.lowercased(), activation: "tanh", size: module.hiddenSize, weights: weights)
  }

  private func layer(_ module: Linear) throws(RNNError) -> Layer {
    var activation = ""
    if module.activation != .elementwise(.identity) {
      guard let known = RTNeuralReader.heads.first(where: { $0.head == module.activation }) else {
        throw Self.refuse(
          module.name, "the activation after it, only \(RTNeuralReader.heads.map(\.name).joined(separator: ", "))")
      }
      activation = known.name
    }
    var weights = [try transposed(single(module.name, "weight"), module.name)]
    if module.bias { weights.append(try single(module.name, "bias")) }
    return Layer(type: "dense", activation: activation, size: module.outFeatures, weights: weights)
  }

  /// The parameter in float32, if that changes no value.
  private func single(_ module: String, _ parameter: String) throws(RNNError) -> Tensor {
    guard let tensor = model.tensor(module, parameter) else { throw Self.missing(module) }
    if tensor.elementType == .float32 { return tensor }
    guard let narrow = tensor.converted(to: .float32), narrow.largestChange == 0 else {
      throw Self.refuse(
        module, "\(tensor.elementType.rawValue) weights that are no float32 values", "round them with --dtype f32")
    }
    return narrow.tensor
  }

  private func transposed(_ tensor: Tensor, _ module: String) throws(RNNError) -> Tensor {
    guard let result = try tensor.transposed() else { throw Self.missing(module) }
    return result
  }

  private func ordered(_ tensor: Tensor, _ order: [Int], _ module: String) throws(RNNError) -> Tensor {
    guard let result = try tensor.reorderingBlocks(order) else { throw Self.missing(module) }
    return result
  }

  private func sum(_ first: Tensor, _ second: Tensor) throws(RNNError) -> Tensor {
    let values = zip(first.doubles, second.doubles).map { Float($0) + Float($1) }
    guard let result = Tensor(values, first.shape) else { throw Self.missing("bias") }
    return result
  }

  private func joined(_ first: Tensor, _ second: Tensor) throws(RNNError) -> Tensor {
    guard let result = Tensor.stacked([first, second]) else { throw Self.missing("bias") }
    return result
  }

  /// Cannot happen for a valid model.
  private static func missing(_ module: String) -> RNNError {
    RNNError(.defect, place: "module \(module)", "a parameter is not as the architecture says", remedy: "report this")
  }
}
