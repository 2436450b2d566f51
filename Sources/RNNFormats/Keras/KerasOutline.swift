import RNNModel

/// A model as the layers of a Keras model, with their arrays in Keras' layout.
struct KerasOutline {
  /// A tensor that a layer gives.
  struct Reference: Hashable {
    var layer: String
    var tensor = 0
  }

  struct Layer {
    var className: String
    var name: String
    var config: [JSONValue.Member]
    /// Of the cells of a recurrent layer, forward and then backward, or of the layer itself.
    /// Of an attention's layers query, key, value and output.
    var arrays: [[Tensor]] = []
    /// Whether it is a function of `keras.ops`.
    var isOperation = false
    var sources: [Reference]
    /// What it takes: the shape of its first input, or of what the model's input is.
    var takes: ValueShape
  }

  /// In the order in which Keras numbers them.
  private(set) var layers: [Layer] = []
  private(set) var inputs: [Reference] = []
  private(set) var outputs: [Reference] = []
  /// Modules' names by those of their layers, where they differ.
  private(set) var names: [JSONValue.Member] = []
  let model: Model
  let forward: Forward
  let shapes: ForwardShapes
  let uses: KerasUses
  private(set) var titles: [String: String] = [:]
  private var taken: Set<String>
  /// What steps give; those that stand for no layer of their own have none.
  private var given: [Int: Reference] = [:]

  /// Throws `badData` for what Keras cannot hold.
  init(_ model: Model) throws(RNNError) {
    if let positions = model.architecture.positions { throw Self.refuse(nil, Phrase(positions)) }
    self.model = model
    guard let forward = model.architecture.forward, let shapes = model.shapes else {
      throw Self.refuse(nil, "modules of which nothing says what is computed with them", "say it with \(.forward)")
    }
    (self.forward, self.shapes) = (forward, shapes)
    uses = KerasUses(forward)
    let modules = model.architecture.usedModules
    let titles = Self.titles(modules)
    taken = Set(titles)
    let inner = Set(forward.steps.indices.filter { uses.isInsideAttention($0, modules) }.map { forward.steps[$0].operation })
    for (module, title) in zip(modules, titles) where !inner.contains(.module(module.name)) {
      self.titles[module.name] = title
      if module.name != title { names.append(.init(title, .string(module.name))) }
      // What a stack's layers are called.
      if case .recurrent(let module) = module { taken.formUnion((0..<module.numLayers).map { "\(title)_l\($0)" }) }
    }
    for index in forward.inputs.indices { addInput(index) }
    for index in forward.steps.indices where given[index] == nil && !uses.isInsideAttention(index, modules) { try add(step: index) }
    for output in forward.outputs { outputs.append(try reference(output.value, "an output")) }
    arrange()
    guard layers.contains(where: { $0.className != "InputLayer" }) else {
      throw Self.refuse(nil, "a model without modules", "choose modules with \(.modules)")
    }
  }

  static func refuse(_ module: String?, _ problem: Phrase, _ remedy: Phrase = "write another format") -> RNNError {
    RNNError(.badData, place: module.map { "module \($0)" }, "Keras cannot hold \(problem)", remedy: remedy)
  }

  /// Whether each layer takes the one before it, and nothing else is there: Keras' Sequential.
  var isChain: Bool {
    guard inputs.count == 1, outputs.count == 1, !layers.contains(where: \.isOperation), outputs[0] == layers.last.map({ Reference(layer: $0.name) }) else { return false }
    return layers.indices.dropFirst().allSatisfy { index in
      layers[index].sources == [Reference(layer: layers[index - 1].name)] && !layers[index].givesState
    }
  }

  /// What `rnn formats` says of it.
  static let exceptions =
    "refuses projections, clip, peepholes, starting states and Keras 2's hard_sigmoid; adds up two biases where "
    + "its layer has one; widens half precision; leaves out reference cases, metadata and other tensors"

  /// What is not the same afterwards.
  static func notes(_ model: Model) -> [Phrase] {
    var notes: [Phrase] = ["kernels transposed"]
    let modules = model.architecture.usedModules
    let recurrent = modules.compactMap { if case .recurrent(let module) = $0 { module } else { nil } }
    if recurrent.contains(where: { $0.cell == .gru }) {
      notes.append("a GRU's gates put in Keras' order z, r, h")
    }
    for (module, title) in zip(modules, titles(modules)) where module.name != title {
      notes.append("\(module.name.isEmpty ? "the module without a name" : module.name) is layer \(title)")
    }
    for module in recurrent where module.bias && (module.cell != .gru || !module.resetAfter) {
      let isJoined = module.parameters.contains { parameter in
        parameter.name.kind == .biasHH && model.tensor(module.name, parameter.name.description)?.isZero == false
      }
      if isJoined { notes.append("\(module.name): bias_ih and bias_hh are added up, Keras' layer has one bias") }
    }
    let used = Set(modules.flatMap { Model.parameters(of: $0).map(\.name) })
    if model.archive.tensors.contains(where: {
      used.contains($0.name) && [.float16, .bfloat16].contains($0.tensor.elementType)
    }) {
      notes.append("half-precision weights are widened to float32, in which they are computed")
    }
    if !model.architecture.batchFirst {
      notes.append("input and output are (batch, time, features), as always in Keras")
    }
    for step in model.architecture.forward?.steps ?? [] {
      if case .nothing(let name) = step.operation { notes.append("\(name) does nothing in a run and is left out") }
    }
    let left = model.archive.tensors.count - used.count
    if left > 0 { notes.append("\(left) tensors that are no part of what is computed are left out") }
    if !model.archive.cases.isEmpty { notes.append("reference cases are left out") }
    if !model.archive.metadata.isEmpty {
      notes.append("metadata are left out: \(model.archive.metadata.map(\.key).listed())")
    }
    return notes
  }

  // MARK: Layers

  /// Names for the modules' layers: their own, where Keras takes them, else such as are remembered in `names`. Keras on
  /// torch takes no dot, and no Keras a slash or an empty name.
  static func titles(_ modules: [Module]) -> [String] {
    var used = Set<String>()
    return modules.map { module in
      var title = module.name.isEmpty ? KerasGroups.names([className(module)])[0] : ""
      title += Self.title(module.name)
      while used.contains(title) || (title != module.name && modules.contains { $0.name == title }) { title += "_" }
      used.insert(title)
      return title
    }
  }

  static func title(_ name: String) -> String {
    var title = ""
    for scalar in name.unicodeScalars {
      if scalar == "." || scalar == "/" { title += "__" } else { title.unicodeScalars.append(scalar) }
    }
    return title
  }

  /// What the module of a layer was called.
  mutating func remember(_ layer: String, _ module: String) { names.append(.init(layer, .string(module))) }

  static func className(_ module: Module) -> String {
    switch module {
    case .recurrent(let module): module.cell == .rnn ? "SimpleRNN" : module.cell.rawValue
    case .linear: "Dense"
    case .prelu: "PReLU"
    case .convolution: "Conv1D"
    case .attention: "MultiHeadAttention"
    case .norm(let module):
      switch module.kind {
      case .batch: "BatchNormalization"
      case .layer: "LayerNormalization"
      case .group: "GroupNormalization"
      case .rms: "RMSNormalization"
      }
    case .embedding, .unknown: "Embedding"
    }
  }


  mutating func unique(_ base: String) -> String {
    var name = base
    var number = 0
    while !taken.insert(name).inserted {
      number += 1
      name = "\(base)_\(number)"
    }
    return name
  }

  private mutating func addInput(_ index: Int) {
    var base = forward.inputs.count == 1 ? "input_layer" : ""
    if base.isEmpty {
      for scalar in forward.inputs[index].name.unicodeScalars {
        base.unicodeScalars.append(scalar == "." || scalar == "/" ? "_" : scalar)
      }
    }
    let name = unique(base.isEmpty ? "input_layer" : base)
    layers.append(Layer(className: "InputLayer", name: name, config: [], sources: [], takes: shapes.inputs[index]))
    inputs.append(Reference(layer: name))
  }

  // MARK: Steps

  /// What Keras has for a value.
  func reference(_ value: Forward.Value, _ what: String) throws(RNNError) -> Reference {
    switch value {
    case .input(let index): return inputs[index]
    case .step(let index):
      if let reference = given[index] { return reference }
      throw Self.refuse(nil, "\(forward.operationWord(index)) as \(what)")
    }
  }

  func references(of step: Int) throws(RNNError) -> [Reference] {
    var result: [Reference] = []
    for input in forward.steps[step].inputs { result.append(try reference(input, "what \(forward.operationWord(step)) takes")) }
    return result
  }

  /// A layer without arrays.
  private mutating func add(
    _ className: String, _ config: [JSONValue.Member], _ sources: [Reference], for step: Int, takes: Forward.Value
  ) {
    append(
      Layer(className: className, name: unique(KerasGroups.snakeCase(className)), config: config, sources: sources, takes: shapes[takes]),
      for: step)
  }

  /// Adds a layer that gives a step's value.
  mutating func append(_ layer: Layer, for step: Int?) {
    layers.append(layer)
    if let step { given[step] = Reference(layer: layer.name) }
  }

  private mutating func add(step index: Int) throws(RNNError) {
    let step = forward.steps[index]
    switch step.operation {
    case .module(let name): try add(moduleNamed: name, at: index)
    case .nothing: given[index] = try references(of: index)[0]
    case .activation(let function): try add(function, at: index)
    case .concatenate:
      guard Set(step.inputs.map { shapes[$0].hasTime }).count == 1 else {
        throw Self.refuse(nil, "features of every step joined with those of a whole sequence")
      }
      add("Concatenate", [.init("axis", .integer(-1))], try references(of: index), for: index, takes: step.inputs[0])
    case .arithmetic(let kind): try add(kind, at: index)
    // Refused where something takes it.
    case .constant: break
    case .parameter(let name): throw Self.refuse(nil, "the tensor \(name) by itself")
    case .overTime(let function): try add(function, at: index)
    case .window(let function, let window): try add(function, window, at: index)
    case .attend(let attention): try add(attention, at: index)
    case .repeated:
      throw Self.refuse(nil, "a value repeated at every step of a sequence of any length: its RepeatVector has a number of steps",
        "write ONNX, PyTorch with \(.code), or a format of RNNKit's own")
    case .across, .interleave: throw Self.refuse(nil, "\(forward.operationWord(index))")
    case .select, .state, .flip, .slice:
      guard !uses.isRead(index) else {
        throw Self.refuse(nil, "the step \(forward.operationWord(index)) where it stands")
      }
    }
  }

  private mutating func add(_ kind: Forward.Arithmetic, at index: Int) throws(RNNError) {
    let inputs = forward.steps[index].inputs
    if let terms = uses.averaged(index) {
      var sources: [Reference] = []
      for term in terms { sources.append(try reference(term, "what is averaged")) }
      return add("Average", [], sources, for: index, takes: terms[0])
    }
    if let (value, number) = uses.scaled(index) {
      let scale = kind == .multiply ? number : 1
      let config: [JSONValue.Member] = [.init("scale", .number(scale)), .init("offset", .number(kind == .add ? number : 0))]
      return add("Rescaling", config, [try reference(value, "what is scaled")], for: index, takes: value)
    }
    let className =
      switch kind {
      case .add: "Add"
      case .subtract: "Subtract"
      case .multiply: "Multiply"
      case .divide: ""
      }
    guard !className.isEmpty else { throw Self.refuse(nil, "a division") }
    // The sum within an average is no layer.
    guard !uses.isInsideAverage(index) else { return }
    add(className, [], try references(of: index), for: index, takes: inputs[0])
  }

  private mutating func add(_ function: Function, at index: Int) throws(RNNError) {
    let step = forward.steps[index]
    let source = try references(of: index)[0]
    let name = KerasActivations.name(function)
    if let name, case .step(let before) = step.inputs[0], uses.only(before) == index,
      let position = layers.firstIndex(where: { $0.name == source.layer }), layers[position].className == "Dense",
      let place = layers[position].config.firstIndex(where: { $0.key == "activation" && $0.value == .string("linear") })
    {
      layers[position].config[place].value = .string(name)
      given[index] = source
      return
    }
    if let name {
      return add("Activation", [.init("activation", .string(name))], [source], for: index, takes: step.inputs[0])
    }
    guard case .elementwise(let activation) = function, let layer = KerasActivations.layer(activation) else {
      throw Self.refuse(nil, "the activation \(function.name) as it is here")
    }
    add(layer.className, [.init(layer.option, .number(layer.value))], [source], for: index, takes: step.inputs[0])
  }

  // MARK: Modules

  private mutating func add(moduleNamed name: String, at index: Int) throws(RNNError) {
    guard let module = model.architecture[name], let title = titles[name] else { throw Self.missing(name) }
    guard uses.calls(name) == 1 else { throw Self.refuse(name, "a module that is called on several values") }
    // A module that cannot be run may be called on nothing.
    guard let input = forward.steps[index].inputs.first else { throw Self.refuse(name, "a module that is called on nothing") }
    let takes = shapes[input]
    func add(_ config: [JSONValue.Member], _ arrays: [[Tensor]], to outline: inout KerasOutline) throws(RNNError) {
      var sources = try outline.references(of: index)
      // Keras takes query, value and key.
      if case .attention = module, sources.count == 3 { sources.swapAt(1, 2) }
      outline.layers.append(
        Layer(className: Self.className(module), name: title, config: config, arrays: arrays, sources: sources, takes: takes))
      outline.given[index] = Reference(layer: title)
    }
    switch module {
    case .recurrent(let module): try self.add(module, title, at: index)
    case .linear(let module):
      var arrays = [try turned(parameter(module.name, "weight"), module.name)]
      if module.bias { arrays.append(try parameter(module.name, "bias")) }
      try add(
        [
          .init("units", .integer(Int64(module.outFeatures))), .init("activation", .string("linear")),
          .init("use_bias", .bool(module.bias)),
        ], [arrays], to: &self)
    case .embedding(let module):
      try add(
        [
          .init("input_dim", .integer(Int64(module.numEmbeddings))),
          .init("output_dim", .integer(Int64(module.embeddingDim))), .init("mask_zero", .bool(false)),
        ], [[try parameter(module.name, "weight")]], to: &self)
    case .prelu(let module):
      try add(
        [.init("shared_axes", takes.hasTime ? .array([.integer(1)]) : .null)], [[try slopes(module, takes)]], to: &self)
    case .convolution(let module): try self.add(module, title, at: index)
    case .attention(let module):
      guard takes.hasTime else { throw Self.refuse(module.name, "attention of one query for a whole sequence") }
      try add(Self.heads(module.numHeads, module.embedDim, module.bias, module.embedDim), attentionArrays(module), to: &self)
    case .norm(let module):
      guard module.kind != .rms || module.hasWeight else { throw Self.refuse(module.name, "an RMSNorm without a weight") }
      var arrays: [Tensor] = []
      for parameter in module.parameters { arrays.append(try self.parameter(module.name, parameter)) }
      var config: [JSONValue.Member] = [.init("axis", .integer(-1)), .init("epsilon", .number(module.eps))]
      if module.kind == .group { config.append(.init("groups", .integer(1))) }
      if module.kind != .rms { config += [.init("center", .bool(module.hasBias)), .init("scale", .bool(module.hasWeight))] }
      try add(config, arrays.isEmpty ? [] : [arrays], to: &self)
    case .unknown(let module):
      throw Self.refuse(
        module.name, "what RNNKit does not understand", "write another format, or name the modules to convert with \(.modules)")
    }
  }

  /// A PReLU's weight as Keras has it: one number for each feature, behind an axis of one for all steps.
  private func slopes(_ module: PReLU, _ takes: ValueShape) throws(RNNError) -> Tensor {
    let weight = try parameter(module.name, "weight")
    guard let features = takes.features ?? (module.numParameters > 1 ? module.numParameters : nil),
      let shape = Shape(takes.hasTime ? [1, features] : [features]),
      let slopes = try weight.gathered(shape, strides: takes.hasTime ? [0, module.numParameters > 1 ? 1 : 0] : [module.numParameters > 1 ? 1 : 0], offset: 0)
    else { throw Self.refuse(module.name, "a PReLU of a number of features that nothing tells") }
    return slopes
  }

  private func check(_ module: Recurrent) throws(RNNError) {
    guard module.projSize == 0 else { throw Self.refuse(module.name, "a projection") }
    guard module.clip == nil else { throw Self.refuse(module.name, "clipped activations") }
    guard !module.inputForget else { throw Self.refuse(module.name, "coupled input and forget gates") }
    guard !module.peephole else { throw Self.refuse(module.name, "peepholes") }
    guard !module.hasInitialState else { throw Self.refuse(module.name, "a starting state") }
  }

  private mutating func add(_ module: Recurrent, _ base: String, at index: Int) throws(RNNError) {
    try check(module)
    let run = try uses.run(module, at: index)
    var source = try references(of: index)[0]
    let className = Self.className(.recurrent(module))
    var takes = shapes[forward.steps[index].inputs[0]]
    for layer in 0..<module.numLayers {
      let isLast = layer == module.numLayers - 1
      // The reader makes a stack of these again.
      let title = module.numLayers > 1 ? "\(base)_l\(layer)" : base
      let (returnsSequence, returnsState) = (run.returnsSequence || !isLast, run.statesOf.contains(layer))
      func config(_ direction: Int) throws(RNNError) -> [JSONValue.Member] {
        try self.config(
          module, module.activations(direction: direction), returnsSequence: returnsSequence, returnsState: returnsState,
          goBackwards: module.direction == .reverse || direction == 1)
      }
      var arrays: [[Tensor]] = []
      for direction in 0..<module.directionCount {
        arrays.append(try self.arrays(module, layer: layer, isReverse: direction == 1))
      }
      var whole = Layer(className: className, name: title, config: [], arrays: arrays, sources: [source], takes: takes)
      if module.direction == .bidirectional {
        func inner(_ direction: Int) throws(RNNError) -> JSONValue {
          let name = "\(direction == 0 ? "forward" : "backward")_\(title)"
          return .object([
            .init("class_name", .string(className)),
            .init("config", .object([.init("name", .string(name))] + (try config(direction)))),
          ])
        }
        whole.className = "Bidirectional"
        whole.config = [
          .init("merge_mode", .string(isLast ? run.mergeMode : "concat")), .init("layer", try inner(0)),
          .init("backward_layer", try inner(1)),
        ]
      } else {
        whole.config = try config(0)
      }
      layers.append(whole)
      source = Reference(layer: title)
      takes.features = module.outputSize
      for (step, tensor) in run.tensors where tensor.layer == layer { given[step] = Reference(layer: title, tensor: tensor.number) }
    }
  }

  /// Leaves out what no output needs, and puts layers in the order in which Keras numbers them: by how far they are from
  /// the outputs, then by when a walk from these meets them. Source: keras/src/ops/function.py, `map_graph`.
  private mutating func arrange() {
    let positions = Dictionary(layers.enumerated().map { ($0.element.name, $0.offset) }) { first, _ in first }
    var (met, finished): ([Int: Int], [Int]) = ([:], [])
    var waiting: [(layer: Int, isReady: Bool)] = outputs.reversed().compactMap { positions[$0.layer].map { ($0, false) } }
    while let (layer, isReady) = waiting.popLast() {
      if isReady {
        finished.append(layer)
      } else if met[layer] == nil {
        met[layer] = met.count
        waiting.append((layer, true))
        waiting += layers[layer].sources.reversed().compactMap { positions[$0.layer].map { ($0, false) } }
      }
    }
    var depths: [Int: Int] = [:]
    for layer in finished.reversed() {
      let depth = depths[layer, default: 0]
      depths[layer] = depth
      for source in layers[layer].sources {
        guard let position = positions[source.layer] else { continue }
        depths[position] = max(depths[position, default: 0], depth + 1)
      }
    }
    let order = finished.sorted { first, second in
      let (a, b) = (depths[first, default: 0], depths[second, default: 0])
      return a != b ? a > b : met[first, default: 0] < met[second, default: 0]
    }
    let unused = layers.indices.filter { layers[$0].className == "InputLayer" && met[$0] == nil }
    layers = (unused + order).map { layers[$0] }
  }
}

extension KerasOutline.Layer {
  /// Whether it gives its states too, which makes it none of a Sequential's.
  fileprivate var givesState: Bool {
    let inner = config.first { $0.key == "layer" }?.value["config"] ?? .object(config)
    return inner["return_state"] == .bool(true)
  }
}
