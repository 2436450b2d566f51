import RNNModel

/// The places of modules and tensors in a module's tree, and the statements that make them.
struct TorchCodePaths {
  enum Kind { case module, parameter, buffer }

  /// The class's base: `nn.Module`, or the class of the module without a name, whose parameters stand at the root.
  private(set) var base = "nn.Module"
  /// The body of `__init__`.
  private(set) var creations: [String] = []

  init(_ model: Model) throws(RNNError) {
    let architecture = model.architecture
    func runnable(_ module: Module) -> String? { module.torchConstruction(batchFirst: architecture.batchFirst) }
    let calls = Set(architecture.forward?.withoutUnneeded.moduleNames ?? [])
    if let unknown = architecture.modules.first(where: { calls.contains($0.name) && runnable($0) == nil }) {
      throw RNNError(.badData, place: "module \(unknown.name)", "it cannot be run, and so not be written as code",
        remedy: "choose a part without it with \(.modules) or \(.forward)")
    }
    let root = architecture[""].flatMap(runnable)
    if let root, let open = root.firstIndex(of: "(") {
      base = String(root[..<open])
      creations.append("super().__init__\(root[open...])")
    } else {
      creations.append("super().__init__()")
    }
    var made: Set<String> = [""]
    let modules = architecture.modules.filter { !$0.name.isEmpty }.compactMap { module in runnable(module).map { (module.name, $0) } }
    let constructions = Dictionary(modules) { first, _ in first }
    let parts = Set(architecture.modules.flatMap { module -> [String] in
      guard runnable(module) != nil else { return [] }
      return Model.parameters(of: module).map(\.name).filter { !module.isLearnedState($0) }
    })
    // A folder of names is made before what stands in it.
    func make(_ path: String) throws(RNNError) {
      guard !made.contains(path) else { return }
      let (parent, last) = Model.split(path)
      try make(parent)
      made.insert(path)
      try Self.check(last, in: path)
      creations.append(Self.creation(of: constructions[path] ?? "nn.Module()", last, in: parent, .module))
    }
    for (name, _) in modules { try make(name) }
    for tensor in model.archive.tensors where !parts.contains(tensor.name) {
      let (parent, last) = Model.split(tensor.name)
      guard constructions[tensor.name] == nil, !made.contains(tensor.name) else {
        throw RNNError(.badData, place: "tensor \(tensor.name)", "a module has the same name", remedy: "rename it with \(.renames)")
      }
      try make(parent)
      try Self.check(last, in: tensor.name)
      let shape = tensor.tensor.shape.dimensions
      let sizes = shape.isEmpty ? "()" : shape.map(String.init).joined(separator: ", ")
      let zeros = "torch.zeros(\(sizes)\(tensor.tensor.elementType.isWeight ? "" : ", dtype=torch.\(tensor.tensor.elementType.rawValue)"))"
      let isParameter = model.parameterNames.contains(tensor.name)
      creations.append(Self.creation(of: isParameter ? "nn.Parameter(\(zeros))" : zeros, last, in: parent, isParameter ? .parameter : .buffer))
    }
  }

  /// An attribute of a module is set where its name is an identifier.
  private static func creation(of value: String, _ name: String, in parent: String, _ kind: Kind) -> String {
    let owner = Self.attribute(parent, .module)
    let quoted = "\"\(name.pythonText)\""
    switch kind {
    case .module: return name.isPythonIdentifier ? "\(owner).\(name) = \(value)" : "\(owner).add_module(\(quoted), \(value))"
    case .parameter: return "\(owner).register_parameter(\(quoted), \(value))"
    case .buffer: return "\(owner).register_buffer(\(quoted), \(value))"
    }
  }

  /// `self.encoder.rnn`, `self.get_submodule("head.0")`
  private static func attribute(_ path: String, _ kind: Kind) -> String {
    guard !path.isEmpty else { return "self" }
    let parts = path.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    if parts.allSatisfy(\.isPythonIdentifier) { return "self." + path }
    guard kind != .module else { return "self.get_submodule(\"\(path.pythonText)\")" }
    let (parent, last) = Model.split(path)
    return last.isPythonIdentifier ? "\(attribute(parent, .module)).\(last)"
      : "getattr(\(attribute(parent, .module)), \"\(last.pythonText)\")"
  }

  func access(_ path: String, _ kind: Kind) -> String { Self.attribute(path, kind) }

  /// What is called for a module.
  func call(_ module: String) -> String { module.isEmpty ? "super().forward" : Self.attribute(module, .module) }

  /// Names that every module has for something else.
  private static let attributes: Set<String> = [
    "T_destination", "add_module", "apply", "bfloat16", "buffers", "call_super_init", "children", "compile", "cpu", "cuda", "double",
    "dump_patches", "eval", "extra_repr", "float", "forward", "get_buffer", "get_extra_state", "get_parameter", "get_submodule",
    "half", "ipu", "load_state_dict", "modules", "mtia", "named_buffers", "named_children", "named_modules", "named_parameters",
    "parameters", "register_backward_hook", "register_buffer", "register_forward_hook", "register_forward_pre_hook",
    "register_full_backward_hook", "register_full_backward_pre_hook", "register_load_state_dict_post_hook",
    "register_load_state_dict_pre_hook", "register_module", "register_parameter", "register_state_dict_post_hook",
    "register_state_dict_pre_hook", "requires_grad_", "set_extra_state", "set_submodule", "share_memory", "state_dict", "to",
    "to_empty", "train", "training", "type", "xpu", "zero_grad",
  ]

  private static func check(_ name: String, in path: String) throws(RNNError) {
    guard !name.isEmpty, !attributes.contains(name), !(name.hasPrefix("__") && name.hasSuffix("__")) else {
      throw RNNError(.badData, place: "the name \(path)", "no part of a PyTorch module can be named \(name.isEmpty ? "so" : name)",
        remedy: "give it another one with \(.renames)")
    }
  }
}

extension Module {
  /// Whether so many features are all that it takes, rather than those of several positions.
  func takesAll(_ features: Int) -> Bool {
    switch self {
    case .norm(let module): module.features == features
    case .prelu(let module): module.numParameters == 1 || module.numParameters == features
    default: true
    }
  }

  /// The call that makes the module; nil for one that cannot be run.
  fileprivate func torchConstruction(batchFirst: Bool) -> String? {
    switch self {
    case .recurrent(let module): module.torchConstruction(batchFirst: batchFirst)
    case .linear(let module): "nn.Linear(\(module.inFeatures), \(module.outFeatures)\(module.bias ? "" : ", bias=False"))"
    case .embedding(let module):
      "nn.Embedding(\(module.numEmbeddings), \(module.embeddingDim)\(module.paddingIndex.map { ", padding_idx=\($0)" } ?? ""))"
    case .prelu(let module): "nn.PReLU(\(module.numParameters))"
    case .attention(let module): "nn.\(module.construction(batchFirst ? "batch_first=True" : ""))"
    case .convolution(let module): "nn.\(module.torchConstruction)"
    case .norm(let module): "nn.\(module.construction)"
    case .unknown: nil
    }
  }

  /// Whether a parameter is a learned starting state, which torch.nn's classes do not make.
  fileprivate func isLearnedState(_ parameter: String) -> Bool {
    guard case .recurrent(let module) = self, module.hasInitialState else { return false }
    return [Model.join(name, "h0"), Model.join(name, "c0")].contains(parameter)
  }
}
