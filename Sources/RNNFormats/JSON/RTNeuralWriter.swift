import RNNModel

/// Writes a chain of LSTM, GRU and linear layers as RTNeural's JSON, or, with skip and gains around it, as AIDA-X's.
struct RTNeuralWriter {
  private let model: Model
  /// Whether AIDA-X's own keys may be written.
  private let isAIDAX: Bool
  private var dialect: String { isAIDAX ? "AIDA-X" : "RTNeural" }

  init(_ model: Model, isAIDAX: Bool = false) {
    self.model = model
    self.isAIDAX = isAIDAX
  }

  /// One of RTNeural's layers.
  private struct Layer {
    var type: String
    var activation: String
    var size: Int
    var weights: [Tensor]
    /// Further keys.
    var keys: [JSONValue.Member] = []
  }

  private var inputSize: Int? { model.shapes?.inputs.first?.features }
  private var frame: FramedChain? { model.architecture.forward?.framed(inputSize: inputSize) }

  // MARK: Notes

  /// What is not the same afterwards.
  var notes: [Phrase] {
    var notes: [Phrase] = ["kernels transposed; names are left out"]
    let used = model.architecture.usedModules
    let recurrent = used.compactMap { if case .recurrent(let module) = $0 { module } else { nil } }
    if recurrent.contains(where: { $0.cell == .gru }) {
      notes.append("a GRU's gates put in RTNeural's order z, r, h")
    }
    for module in recurrent where module.cell == .lstm && module.bias {
      let isJoined = (0..<module.numLayers).contains { layer in
        model.tensor(module.name, ParameterName(.biasHH, layer: module.isCell ? nil : layer).description)?.isZero
          == false
      }
      if isJoined { notes.append("\(module.name): bias_ih and bias_hh are added up, RTNeural's LSTM has one bias") }
    }
    if recurrent.contains(where: { !$0.bias }) {
      notes.append("biases of zero are written for layers without a bias, which RTNeural lacks")
    }
    let parameters = Set(used.flatMap { Model.parameters(of: $0).map(\.name) })
    if model.archive.tensors.contains(where: { parameters.contains($0.name) && $0.tensor.elementType != .float32 }) {
      notes.append("weights are written as float32, the type RTNeural's files have")
    }
    if frame?.operations.contains(where: isLastStep) == true {
      notes.append("RTNeural gives every step's output, of which the last is this model's")
    }
    let others = model.archive.tensors.count { !parameters.contains($0.name) }
    if others > 0 { notes.append("\(others) tensor\(others == 1 ? " that is" : "s that are") no part of the chain left out") }
    if isAIDAX {
      notes += gainNotes
      if signal != nil, let first = model.archive.cases.first {
        notes.append("the reference case \(first.name) is the test signal, without its name")
      }
      if model.archive.cases.count > (signal == nil ? 0 : 1) {
        notes.append(signal == nil ? "reference cases are left out" : "reference cases but the first are left out")
      }
    } else if !model.archive.cases.isEmpty {
      notes.append("reference cases are left out")
    }
    return notes
  }

  private var gainNotes: [Phrase] {
    guard let frame else { return [] }
    let gains = [frame.inputGain?.first, frame.outputGain].compactMap { $0 }.filter { $0 != 1 }
    let isRounded = gains.contains { Decibels.factor(Decibels.of($0)) != $0 }
    return isRounded ? ["gains are written in decibels, which rounds them"] : []
  }

  // MARK: Writing

  func write(to file: inout OutputFile) throws(RNNError) {
    let frame = try self.chain()
    let layers = try self.layers(frame)
    guard let inputSize else { throw refuse(nil, "a chain whose input's features are not known", "choose modules with \(.modules)") }
    let device = try self.device(frame, inputSize: inputSize, outputSize: layers.last?.size ?? inputSize)
    var text = "{\n\"in_shape\": [null, null, \(inputSize)],\n"
    for member in device { text += "\"\(member.key)\": \(member.value.text),\n" }
    text += "\"layers\": ["
    for (index, layer) in layers.enumerated() {
      text += "\(index > 0 ? "," : "")\n{\"type\": \"\(layer.type)\", \"activation\": \"\(layer.activation)\", "
      text += "\"shape\": [null, null, \(layer.size)], "
      for member in layer.keys { text += "\"\(member.key)\": \(member.value.text), " }
      text += "\"weights\": ["
      for (index, tensor) in layer.weights.enumerated() {
        try file.write(Array((text + (index > 0 ? ", " : "")).utf8))
        text = ""
        try JSONTensorWriter.write(NamedTensor("layers[\(index)]", tensor), to: &file)
      }
      text += "]}"
    }
    text += "]"
    if isAIDAX, let signal {
      for (key, tensor) in [("input_batch", signal.input), ("output_batch", signal.output)] {
        try file.write(Array("\(text),\n\"\(key)\": ".utf8))
        text = ""
        try JSONTensorWriter.write(NamedTensor(key, tensor), to: &file)
      }
    }
    if !model.archive.metadata.isEmpty { text += ",\n\"metadata\": \(JSONValue.object(model.archive.metadata).text)" }
    try file.write(Array((text + "\n}\n").utf8))
  }

  private func refuse(_ module: String?, _ problem: Phrase, _ remedy: Phrase = "write another format") -> RNNError {
    RNNError(.badData, place: module.map { "module \($0)" }, "\(dialect) cannot hold \(problem)", remedy: remedy)
  }

  private func chain() throws(RNNError) -> FramedChain {
    guard model.architecture.forward != nil else {
      throw refuse(nil, "modules of which nothing says what is computed with them", "say what is computed with \(.forward), or choose modules with \(.modules)")
    }
    guard let frame else { throw refuse(nil, "what is no chain of modules", "write .rnn, or choose modules with \(.modules)") }
    if !isAIDAX, frame.skip > 0 { throw refuse(nil, "a skip from input to output", "write AIDA-X's JSON, which can, with \(.target, "aidax")") }
    if !isAIDAX, !frame.isPlain { throw refuse(nil, "gains on input and output", "write AIDA-X's JSON, which can, with \(.target, "aidax")") }
    return frame
  }

  /// AIDA-X's keys for what is around the layers.
  private func device(_ frame: FramedChain, inputSize: Int, outputSize: Int) throws(RNNError) -> [JSONValue.Member] {
    var members: [JSONValue.Member] = []
    if frame.skip > 0 {
      guard frame.skip == 1, outputSize == 1 else { throw refuse(nil, "a skip of \(frame.skip) features to an output of \(outputSize)", "write .rnn") }
      members.append(.init("in_skip", .integer(1)))
    }
    if let factors = frame.inputGain {
      let isOfAudio = factors.count == inputSize && factors.dropFirst().allSatisfy { $0 == 1 }
      guard isOfAudio, let gain = factors.first else {
        throw refuse(nil, "an input gain on other features than the first", "write .rnn")
      }
      members.append(.init("in_gain", .number(try decibels(gain))))
    }
    if frame.outputGain != 1 { members.append(.init("out_gain", .number(try decibels(frame.outputGain)))) }
    return members
  }

  private func decibels(_ gain: Double) throws(RNNError) -> Double {
    let result = Decibels.of(gain)
    // Both must be the same number where they are used, which is in float32.
    guard result.isFinite, Float(Decibels.factor(result)) == Float(gain) else {
      throw refuse(nil, "a gain of \(gain) in decibels", "write .rnn")
    }
    return result
  }

  /// The first reference case that is a signal of one feature and the whole model's answer to it. AIDA-X's signals are
  /// made without gains.
  private var signal: (input: Tensor, output: Tensor)? {
    guard let frame, frame.inputGain == nil, frame.outputGain == 1, !frame.operations.contains(where: isLastStep),
      let first = model.archive.cases.first, Set(first.members.map(\.name)).isSubset(of: ["input", "y", "output", "hn", "cn"]),
      let input = Self.samples(first, "input"), let output = Self.samples(first, "y"), input.count == output.count
    else { return nil }
    return (input, output)
  }

  private static func samples(_ reference: ReferenceCase, _ name: String) -> Tensor? {
    guard let tensor = reference.members.first(where: { $0.name == name })?.tensor, tensor.elementType == .float32,
      tensor.count > 0, tensor.shape.dimensions == [tensor.count, 1] || tensor.shape.dimensions == [1, tensor.count, 1],
      let shape = Shape([tensor.count])
    else { return nil }
    return tensor.reshaped(shape)
  }

  // MARK: Layers

  private func isLastStep(_ operation: Forward.Operation) -> Bool {
    switch operation {
    case .select(.last), .state(.hn, _): true
    default: false
    }
  }

  private func layers(_ frame: FramedChain) throws(RNNError) -> [Layer] {
    var layers: [Layer] = []
    var stack: Recurrent?
    var endsInLastStep = false
    for operation in frame.operations {
      // A state is its module's.
      defer { if case .module = operation {} else { stack = nil } }
      switch operation {
      case .module(let name):
        guard let module = model.architecture[name] else { throw Self.missing(name) }
        if case .recurrent(let recurrent) = module {
          if endsInLastStep { throw refuse(name, "a layer that runs on the last step only") }
          stack = recurrent
        } else {
          stack = nil
        }
        layers += try self.layers(of: module, inputSize: layers.last?.size ?? inputSize)
      case .activation(.elementwise(.identity)), .nothing: break
      case .activation(let function):
        guard let known = RTNeuralReader.functions.first(where: { $0.function == function })?.name else {
          let names = RTNeuralReader.functions.map(\.name).joined(separator: ", ")
          throw refuse(nil, "the activation \(function.name), only \(names)")
        }
        if let last = layers.indices.last, layers[last].type == "dense", layers[last].activation.isEmpty {
          layers[last].activation = known
        } else {
          guard let size = layers.last?.size ?? inputSize else { throw refuse(nil, "an activation of an unknown size") }
          layers.append(Layer(type: "activation", activation: known, size: size, weights: []))
        }
      case .select(.last):
        try checkLast(frame)
        endsInLastStep = true
      case .state(.hn, let index):
        guard let stack, index == stack.numLayers - 1 else { throw refuse(nil, "a state of a layer that is not the last") }
        try checkLast(frame)
        endsInLastStep = true
      default: throw refuse(nil, "the step \(operation.word)", "write .rnn")
      }
    }
    guard !layers.isEmpty else { throw refuse(nil, "a model without modules", "choose modules with \(.modules)") }
    return layers
  }

  /// Whether a chain that goes on with the last step alone gives the same as one of all steps, in the end.
  private func checkLast(_ frame: FramedChain) throws(RNNError) {
    guard frame.skip == 0 else { throw refuse(nil, "a skip to an output of the last step only", "write .rnn") }
  }

  private func layers(of module: Module, inputSize: Int?) throws(RNNError) -> [Layer] {
    switch module {
    case .recurrent(let module):
      try check(module)
      var layers: [Layer] = []
      for layer in 0..<module.numLayers { layers.append(try self.layer(layer, of: module)) }
      return layers
    case .linear(let module):
      var weights = [try transposed(single(module.name, "weight"), module.name)]
      if module.bias { weights.append(try single(module.name, "bias")) }
      return [Layer(type: "dense", activation: "", size: module.outFeatures, weights: weights)]
    case .prelu(let module):
      guard let inputSize, let shape = Shape([1, module.numParameters]),
        let slopes = try single(module.name, "weight").reshaped(shape)
      else { throw Self.missing(module.name) }
      return [Layer(type: "prelu", activation: "", size: inputSize, weights: [slopes])]
    case .embedding(let module): throw refuse(module.name, "an embedding")
    case .convolution(let module): return [try layer(of: module)]
    case .attention(let module): throw refuse(module.name, "a MultiheadAttention")
    case .norm(let module) where module.kind == .batch && module.hasWeight && module.hasBias:
      var weights: [Tensor] = []
      for parameter in ["weight", "bias", "running_mean", "running_var"] { weights.append(try single(module.name, parameter)) }
      return [Layer(
        type: "batchnorm", activation: "", size: module.features, weights: weights, keys: [.init("epsilon", .number(module.eps))])]
    case .norm(let module): throw refuse(module.name, "a \(module.kind.rawValue)")
    case .unknown(let module):
      throw refuse(module.name, "what RNNKit does not understand", "write another format, or name the modules to convert with \(.modules)")
    }
  }

  /// RTNeural convolves causally, every step.
  private func layer(of module: Convolution) throws(RNNError) -> Layer {
    guard module.across == nil else { throw refuse(module.name, "a Conv2d") }
    let window = module.window
    guard window.before == window.span - 1, window.after == 0, window.stride == 1, module.padding == .zeros, module.groups == 1 else {
      throw refuse(module.name, "a Conv1d that is not causal, or has a stride or groups")
    }
    let weight = try single(module.name, "weight"), sizes = [window.size, module.inChannels, module.outChannels]
    guard let shape = Shape(sizes), let kernel = try weight.gathered(shape, strides: [1, window.size, module.inChannels * window.size]),
      let bias = module.bias ? try single(module.name, "bias") : Tensor.zeros(.float32, [module.outChannels])
    else { throw Self.missing(module.name) }
    return Layer(
      type: "conv1d", activation: "", size: module.outChannels, weights: [kernel, bias],
      keys: [
        .init("kernel_size", .array([.integer(Int64(window.size))])), .init("dilation", .array([.integer(Int64(window.dilation))])),
      ])
  }

  private func check(_ module: Recurrent) throws(RNNError) {
    let standard = Recurrent.Activations()
    guard module.cell != .rnn else { throw refuse(module.name, "an Elman RNN, only LSTM and GRU") }
    guard module.direction == .forward else { throw refuse(module.name, "a layer that runs backwards") }
    guard module.projSize == 0 else { throw refuse(module.name, "a projection") }
    guard module.activations == standard else {
      throw refuse(module.name, "other gate activations than sigmoid and tanh")
    }
    guard module.resetAfter else { throw refuse(module.name, "a GRU with reset_after false") }
    guard module.clip == nil else { throw refuse(module.name, "clipped activations") }
    guard !module.inputForget else { throw refuse(module.name, "coupled input and forget gates") }
    guard !module.peephole else { throw refuse(module.name, "peepholes") }
    guard !module.hasInitialState else { throw refuse(module.name, "a starting state") }
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

  /// The parameter in float32, if that changes no value.
  private func single(_ module: String, _ parameter: String) throws(RNNError) -> Tensor {
    guard let tensor = model.tensor(module, parameter) else { throw Self.missing(module) }
    if tensor.elementType == .float32 { return tensor }
    guard let narrow = tensor.converted(to: .float32), narrow.largestChange == 0 else {
      throw refuse(
        module, "\(tensor.elementType.rawValue) weights that are no float32 values", "round them with \(.elementType, "f32")")
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
