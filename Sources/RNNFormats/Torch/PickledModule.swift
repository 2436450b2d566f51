import RNNModel

/// A module that torch.save was given whole: its class by name, what it holds, and the modules in it. No code of it is in
/// the file.
struct PickledModule {
  /// `torch.nn.modules.rnn.LSTM`
  var className: String
  /// The path of attributes that leads to it, as in a state_dict's names; empty for the outermost.
  var path: String
  /// Numbers, texts and truth values that it holds, such as `hidden_size`.
  var attributes: [(name: String, value: PickleGraph.Value)] = []
  /// Parameters, then the buffers that a state_dict has.
  var tensors: [(name: String, value: PickleGraph.Value)] = []
  /// Attributes that are a few whole numbers, as a convolution's stride is; NaN where one is None.
  var tuples: [(name: String, numbers: [Double])] = []
  var children: [(name: String, module: PickledModule)] = []

  /// Whether an object is one: an instance of whatever class with a module's own attributes.
  static func isModule(_ value: PickleGraph.Value, in graph: PickleGraph) -> Bool {
    graph.name(value) != nil && graph.attribute("_modules", of: value).flatMap(graph.dictionary) != nil
      && graph.attribute("_parameters", of: value).flatMap(graph.dictionary) != nil
  }

  /// The module that a value is. A module that stands in two places is there under both, as in a state_dict.
  init(
    _ value: PickleGraph.Value, in objects: TorchObjects, path: String = "", depth: Int = 0, budget: inout Int
  ) throws(RNNError) {
    let graph = objects.graph
    budget -= 1
    guard depth < Limits.maximumDepth, budget > 0 else {
      throw RNNError(
        .badData, place: path, "modules nested in more than \(Limits.maximumDepth) levels, or too many of them",
        remedy: "save the model's state_dict instead")
    }
    className = graph.name(value) ?? "?"
    self.path = path
    let transient = Set(
      graph.attribute("_non_persistent_buffers_set", of: value).map { Self.elements($0, graph) } ?? [])
    for (key, held) in graph.attributes(value) ?? [] {
      guard let name = key.string else { continue }
      let entries = graph.dictionary(held)
      switch name {
      case "_parameters":
        for entry in entries ?? [] where objects.isTensor(entry.value) {
          if let name = entry.key.string { tensors.append((name, entry.value)) }
        }
      case "_modules":
        for entry in entries ?? [] where Self.isModule(entry.value, in: graph) {
          guard let name = entry.key.string else { continue }
          children.append(
            (
              name,
              try PickledModule(
                entry.value, in: objects, path: Model.join(path, name), depth: depth + 1, budget: &budget)
            ))
        }
      default:
        if Self.isPlain(held) { attributes.append((name, held)) }
        if let parts = graph.tuple(held), parts.count <= 4 {
          let numbers = parts.compactMap { part -> Double? in
            if case .none = part { .nan } else { part.integer.map(Double.init) }
          }
          if numbers.count == parts.count { tuples.append((name, numbers)) }
        }
      }
    }
    for entry in graph.attribute("_buffers", of: value).flatMap(graph.dictionary) ?? []
    where objects.isTensor(entry.value) {
      if let name = entry.key.string, !transient.contains(name) { tensors.append((name, entry.value)) }
    }
    budget -= tensors.count + attributes.count + tuples.count
  }

  private static func isPlain(_ value: PickleGraph.Value) -> Bool {
    switch value {
    case .none, .bool, .integer, .float, .string: true
    default: false
    }
  }

  /// The texts of a set, which older protocols make by a call with a list.
  private static func elements(_ value: PickleGraph.Value, _ graph: PickleGraph) -> [String] {
    switch graph.node(value) {
    case .set(let index): graph.lists[Int(index)].compactMap(\.string)
    case .record: (graph.arguments(value).first.flatMap(graph.list) ?? []).compactMap(\.string)
    default: []
    }
  }

  subscript(attribute: String) -> PickleGraph.Value? { attributes.last { $0.name == attribute }?.value }

  /// This module and all in it, each before what it holds.
  var all: [PickledModule] {
    var result: [PickledModule] = []
    func add(_ module: PickledModule) {
      result.append(module)
      for child in module.children { add(child.module) }
    }
    add(self)
    return result
  }

  /// How many tensors have names of recurrent parameters, and how many there are.
  var score: (recurrent: Int, tensors: Int) {
    let names = all.flatMap { $0.tensors.map(\.name) }
    return (names.count { ParameterName(parsing: $0) != nil }, names.count)
  }

  /// Adds the tensors under a state_dict's names, and what the modules say of themselves.
  func add(
    to archive: inout TensorArchive, _ objects: TorchObjects, _ tensors: inout TorchTensors
  ) throws(RNNError) {
    archive.notes.append("""
      a whole \(className.split(separator: ".").last ?? "module") of torch.save: its forward() is not in the file, modules are \
      taken in their order
      """)
    for (name, value) in attributes {
      switch value {
      case .integer(let number): archive.hints.constants[name] = Double(number)
      case .float(let number) where number.isFinite: archive.hints.constants[name] = number
      default: break
      }
    }
    var layouts: [(name: String, batchFirst: Bool)] = []
    let recurrentLayouts = all.filter { $0.tensors.contains { ParameterName(parsing: $0.name) != nil } }.compactMap { module -> Bool? in
      if case .bool(let batchFirst)? = module["batch_first"] { batchFirst } else { nil }
    }
    for module in all {
      guard !TorchQuantization.isQuantized(class: module.className) else {
        throw TorchQuantization.error("module \(module.path)")
      }
      let type = TorchModuleClass(module.className)
      let call = type.call(children: module.children.map(\.module.path)) { module[$0] }
      archive.hints.calls[module.path] = call
      // PReLU's numbers go along axis 1, which is the features' for one of them in any case.
      let isPReLU = type.isOfTorch && type.name == "PReLU" && module["num_parameters"]?.integer == 1
      let kind = isPReLU ? .prelu : type.kind
      archive.hints.kinds[module.path] = kind
      var declaration = type.isOfTorch ? module.declaration(String(type.name)) : nil
      // One that takes other axes than the recurrent modules may be meant to attend to the batch.
      let isBatchFirst = if case .bool(true)? = module["batch_first"] { true } else { false }
      if declaration?.className == "MultiheadAttention", recurrentLayouts.contains(!isBatchFirst) { declaration = nil }
      // One that RNNKit does not run so, such as a pool in ceil_mode, is refused where it is called.
      if let declaration, let pool = try? declaration.call(module.path) {
        archive.hints.calls[module.path] = pool
        continue
      }
      if !module.tensors.isEmpty { archive.hints.declarations[module.path] = declaration }
      // Of an attention, whose declaration speaks for it.
      let isProjection = type.isOfTorch && type.name == "NonDynamicallyQuantizableLinear"
      if type.isUnknown, call == nil, kind == nil, !isProjection, declaration == nil || module.tensors.isEmpty {
        archive.hints.unknown.append(.init(name: module.path, className: String(type.name), position: archive.tensors.count))
        archive.notes.append("\(module.path) is of class \(type.name), which RNNKit cannot run")
      } else if !type.isOfTorch, !module.tensors.isEmpty {
        archive.notes.append(type.note(of: module.tensors.map(\.name), at: module.path))
      }
      for (name, value) in module.tensors {
        let name = Model.join(module.path, name)
        try archive.append(name, tensors.tensor(objects.view(value, named: name), named: name))
      }
      guard module.tensors.contains(where: { ParameterName(parsing: $0.name) != nil }) else { continue }
      switch module["nonlinearity"]?.string ?? module["mode"]?.string {
      case "relu", "RNN_RELU": archive.hints.nonlinearity[module.path] = .relu
      case "tanh", "RNN_TANH": archive.hints.nonlinearity[module.path] = .tanh
      default: break
      }
      if case .bool(let batchFirst) = module["batch_first"] { layouts.append((module.path, batchFirst)) }
    }
    archive.add(layouts: layouts)
  }
}

extension TensorArchive {
  /// Says whether the batch comes first, where the modules agree.
  mutating func add(layouts: [(name: String, batchFirst: Bool)]) {
    let kinds = Set(layouts.map(\.batchFirst))
    if kinds.count == 1 { hints.batchFirst = kinds.first }
    if kinds.count > 1 {
      let list = layouts.map { "\($0.name) \($0.batchFirst ? "True" : "False")" }.listed()
      notes.append("modules differ in batch_first: \(list)")
    }
  }
}

extension PickledModule {
  /// What the module was made with, where RNNKit runs such a module of such numbers.
  fileprivate func declaration(_ className: String) -> ModuleDeclaration? {
    let isPool = className.hasSuffix("Pool1d") || className.hasSuffix("Pool2d")
    if isPool || ["Conv1d", "Conv2d", "MultiheadAttention", "Flatten"].contains(className) { return numbers(of: className) }
    guard let kind = className == "BatchNorm2d" ? .batch : Norm.Kind(rawValue: className) else { return nil }
    var declaration = ModuleDeclaration(className)
    declaration.isOfFile = true
    switch self["eps"] {
    case .float(let eps)?: declaration.arguments.append(.init("eps", .number(eps)))
    case .integer(let eps)?: declaration.arguments.append(.init("eps", .number(Double(eps))))
    case .none?: declaration.arguments.append(.init("eps", .nothing))
    default: return nil
    }
    let names = tensors.map(\.name)
    switch kind {
    case .group:
      guard self["num_groups"]?.integer == 1 else { return nil }
      declaration.arguments.append(.init("num_groups", .number(1)))
    case .batch: guard names.contains("running_mean"), names.contains("running_var") else { return nil }
    // Without tensors nothing tells how many features there are.
    case .layer, .rms: guard names.contains("weight") else { return nil }
    }
    return declaration
  }

  private func numbers(of className: String) -> ModuleDeclaration? {
    var declaration = ModuleDeclaration(className)
    declaration.isOfFile = true
    let names = switch className {
    case "Conv1d", "Conv2d": ["kernel_size", "stride", "padding", "dilation", "groups", "padding_mode"]
    case "MaxPool1d", "MaxPool2d": ["kernel_size", "stride", "padding", "dilation", "return_indices", "ceil_mode"]
    case "AvgPool1d": ["kernel_size", "stride", "padding", "ceil_mode", "count_include_pad"]
    case "AvgPool2d": ["kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override"]
    case "AdaptiveMaxPool1d", "AdaptiveAvgPool1d", "AdaptiveMaxPool2d", "AdaptiveAvgPool2d": ["output_size"]
    case "Flatten": ["start_dim", "end_dim"]
    case "MultiheadAttention": ["embed_dim", "num_heads", "kdim", "vdim", "batch_first", "add_zero_attn"]
    default: [String]()
    }
    for name in names {
      if let numbers = tuples.last(where: { $0.name == name })?.numbers {
        declaration.arguments.append(.init(name, .list(numbers)))
        continue
      }
      switch self[name] {
      case .integer(let number)?: declaration.arguments.append(.init(name, .number(Double(number))))
      case .bool(let value)?: declaration.arguments.append(.init(name, .bool(value)))
      case .string(let text)?: declaration.arguments.append(.init(name, .text(text)))
      case PickleGraph.Value.none?: declaration.arguments.append(.init(name, .nothing))
      default: return nil
      }
    }
    return names.isEmpty || className.hasPrefix("Conv") && !tensors.contains { $0.name == "weight" } ? nil : declaration
  }
}
