/// What a module was made with, as its constructor's call says in PyTorch: `Conv1d(stride=2, padding=1)`. Sizes that the
/// tensors tell need not be given.
public struct ModuleDeclaration: Sendable, Hashable {
  /// A value of an argument.
  public enum Value: Sendable, Hashable {
    /// A number.
    case number(Double)
    /// `True` or `False`.
    case bool(Bool)
    /// A text in quotes.
    case text(String)
    /// Several numbers, NaN for `None`.
    case list([Double])
    /// `None`
    case nothing
  }

  /// An argument of a constructor.
  public struct Argument: Sendable, Hashable {
    /// Nil for one that is known by its place.
    public var keyword: String?
    /// The argument's value.
    public var value: Value

    public init(_ keyword: String?, _ value: Value) { (self.keyword, self.value) = (keyword, value) }
  }

  /// `Conv1d`
  public var className: String
  /// The arguments, in the order in which they stand.
  public var arguments: [Argument]
  /// Whether the file says it, whose modules are carried where RNNKit cannot run them, rather than the user.
  public var isOfFile = false

  public init(_ className: String, _ arguments: [Argument] = []) {
    (self.className, self.arguments) = (className, arguments)
  }

  /// The parameters of PyTorch's constructors, in their order, of the classes that can be declared.
  package static let parameters: [String: [String]] = [
    "BatchNorm1d": ["num_features", "eps", "momentum", "affine", "track_running_stats"],
    "BatchNorm2d": ["num_features", "eps", "momentum", "affine", "track_running_stats"],
    "LayerNorm": ["normalized_shape", "eps", "elementwise_affine", "bias"],
    "GroupNorm": ["num_groups", "num_channels", "eps", "affine"],
    "RMSNorm": ["normalized_shape", "eps", "elementwise_affine"],
    "MaxPool1d": ["kernel_size", "stride", "padding", "dilation", "return_indices", "ceil_mode"],
    "AvgPool1d": ["kernel_size", "stride", "padding", "ceil_mode", "count_include_pad"],
    "MaxPool2d": ["kernel_size", "stride", "padding", "dilation", "return_indices", "ceil_mode"],
    "AvgPool2d": ["kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override"],
    "AdaptiveMaxPool2d": ["output_size", "return_indices"],
    "AdaptiveAvgPool2d": ["output_size"],
    "Flatten": ["start_dim", "end_dim"],
    "AdaptiveMaxPool1d": ["output_size"],
    "AdaptiveAvgPool1d": ["output_size"],
    "Conv1d": [
      "in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "bias", "padding_mode",
    ],
    "Conv2d": [
      "in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "bias", "padding_mode", "time",
    ],
    "MultiheadAttention": [
      "embed_dim", "num_heads", "dropout", "bias", "add_bias_kv", "add_zero_attn", "kdim", "vdim", "batch_first",
    ],
    "RNN": ["input_size", "hidden_size", "num_layers", "nonlinearity", "bias", "batch_first", "dropout", "bidirectional"],
    "LSTM": ["input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional", "proj_size"],
    "GRU": ["input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional"],
    "RNNCell": ["input_size", "hidden_size", "bias", "nonlinearity"],
    "LSTMCell": ["input_size", "hidden_size", "bias"],
    "GRUCell": ["input_size", "hidden_size", "bias"],
    "PReLU": ["num_parameters", "init"],
    "Linear": ["in_features", "out_features", "bias"],
    "Embedding": ["num_embeddings", "embedding_dim", "padding_idx", "max_norm"],
  ]

  /// A module's name as a declaration has it.
  package static func spelled(_ module: String) -> String { LineName.isPath(module) ? module : LineName.quoted(module) }

  /// What tells nothing that the tensors do not, or nothing of inference.
  private static let without: Set<String> = ["device", "dtype", "momentum", "track_running_stats", "init", "dropout"]

  /// The arguments by the constructor's names for them, without those that no run depends on.
  func named(_ place: String) throws(RNNError) -> [String: Value] {
    let names = Self.parameters[className] ?? []
    var result: [String: Value] = [:]
    for (position, argument) in arguments.enumerated() {
      let name = argument.keyword ?? (position < names.count ? names[position] : nil)
      guard let name, names.contains(name) || Self.without.contains(name) else {
        throw refuse(place, "\(className) takes no \(argument.keyword.map { "\($0)=" } ?? "argument number \(position + 1)")")
      }
      guard result.updateValue(argument.value, forKey: name) == nil else { throw refuse(place, "\(className) is given \(name) twice") }
    }
    return result.filter { !Self.without.contains($0.key) }
  }

  /// What a module without tensors does, where it is a pool; nil for what has tensors.
  package func call(_ place: String) throws(RNNError) -> ModuleCall? {
    let given = try named(place)
    func whole(_ parameter: String, _ missing: Int, least: Int) throws(RNNError) -> Int {
      guard let value = given[parameter], value != .nothing else { return missing }
      guard let number = value.single, (least...Limits.maximumWindow).contains(number) else {
        throw refuse(place, "\(parameter) is no whole number from \(least) on")
      }
      return number
    }
    switch className {
    case "AdaptiveMaxPool1d", "AdaptiveAvgPool1d":
      guard given["output_size"]?.single == 1 else { throw refuse(place, "RNNKit has \(className) with one step alone, output_size=1") }
      return .overTime(className == "AdaptiveMaxPool1d" ? .max : .mean)
    case "MaxPool1d", "AvgPool1d":
      for parameter in ["return_indices", "ceil_mode"] where given[parameter]?.bool == true {
        throw refuse(place, "RNNKit has no \(parameter)")
      }
      var window = TimeWindow(size: try whole("kernel_size", 0, least: 1))
      guard window.size > 0 else { throw refuse(place, "it does not say its kernel_size") }
      window.stride = try whole("stride", window.size, least: 1)
      window.dilation = try whole("dilation", 1, least: 1)
      window.before = try whole("padding", 0, least: 0)
      window.after = window.before
      guard window.isSound else { throw refuse(place, "a window of more than \(Limits.maximumWindow) steps") }
      return .window(className == "MaxPool1d" ? .max : .average(countsPadding: given["count_include_pad"]?.bool ?? true), window)
    case "MaxPool2d", "AvgPool2d":
      guard given["return_indices"]?.bool != true, (given["divisor_override"] ?? .nothing) == .nothing else {
        throw refuse(place, "RNNKit has no \(className == "MaxPool2d" ? "return_indices" : "divisor_override")")
      }
      guard let size = given["kernel_size"] else { throw refuse(place, "it does not say its kernel_size") }
      var windows = try pair(size, "kernel_size", place, least: 1).map { TimeWindow(size: $0, stride: $0) }
      try complete(&windows, given, place)
      return .planes(
        className == "MaxPool2d" ? .max : .average(countsPadding: given["count_include_pad"]?.bool ?? true), windows,
        isCeil: given["ceil_mode"]?.bool ?? false)
    case "AdaptiveMaxPool2d", "AdaptiveAvgPool2d":
      guard given["return_indices"]?.bool != true, let size = given["output_size"] else {
        throw refuse(place, "it does not say its output_size, or asks for indices")
      }
      let function: TimeFunction = className == "AdaptiveMaxPool2d" ? .max : .mean
      if case .list(let numbers) = size, numbers.count == 2 {
        let sizes = numbers.map { $0.isNaN ? nil : Int(exactly: $0) }
        guard zip(numbers, sizes).allSatisfy({ $0.isNaN || ($1 ?? 0) >= 1 }) else { throw refuse(place, "output_size is no whole numbers from 1 on") }
        return .adaptivePlanes(function, sizes)
      }
      guard let both = size.single, both >= 1 else { throw refuse(place, "output_size is no whole number from 1 on") }
      return .adaptivePlanes(function, [both, both])
    case "Flatten":
      let most = Limits.maximumDepth
      func axis(_ parameter: String, _ missing: Int) throws(RNNError) -> Int {
        guard let value = given[parameter] else { return missing }
        guard let number = value.single, (-most...most).contains(number) else { throw refuse(place, "\(parameter) is no axis") }
        return number
      }
      return .flatten(try axis("start_dim", 1), try axis("end_dim", -1))
    default: return nil
    }
  }

  /// One number for both axes, or two; `least` is the smallest that each may be.
  func pair(_ value: Value, _ parameter: String, _ place: String, least: Int) throws(RNNError) -> [Int] {
    var numbers: [Int?] = []
    switch value {
    case .list(let given) where given.count == 2: numbers = given.map { Int(exactly: $0) }
    default: numbers = [value.single, value.single]
    }
    let known = numbers.compactMap { $0 }.filter { (least...Limits.maximumWindow).contains($0) }
    guard known.count == 2 else { throw refuse(place, "\(parameter) is neither one whole number from \(least) on nor two") }
    return known
  }

  /// Stride, dilation and padding of windows over two axes; padding by two numbers, or by two for each axis.
  func complete(_ windows: inout [TimeWindow], _ given: [String: Value], _ place: String) throws(RNNError) {
    if let value = given["stride"], value != .nothing {
      for (index, number) in try pair(value, "stride", place, least: 1).enumerated() { windows[index].stride = number }
    }
    if let value = given["dilation"] {
      for (index, number) in try pair(value, "dilation", place, least: 1).enumerated() { windows[index].dilation = number }
    }
    switch given["padding"] {
    case nil, .text("valid")?, .text("same")?: break
    case .list(let sides)? where sides.count == 4:
      let numbers = sides.compactMap { Int(exactly: $0) }
      guard numbers.count == 4 else { throw refuse(place, "padding is no four whole numbers") }
      for index in windows.indices { (windows[index].before, windows[index].after) = (numbers[2 * index], numbers[2 * index + 1]) }
    case let value?:
      for (index, number) in try pair(value, "padding", place, least: 0).enumerated() {
        (windows[index].before, windows[index].after) = (number, number)
      }
    }
    guard windows.allSatisfy(\.isSound) else { throw refuse(place, "a window of more than \(Limits.maximumWindow) steps") }
  }

  func refuse(_ place: String, _ problem: String) -> RNNError {
    RNNError(.usage, place: "module \(place)", problem,
      remedy: "write \(className)(\((Self.parameters[className] ?? []).joined(separator: ", "))), as PyTorch has it; sizes may be left out")
  }
}

extension ModuleDeclaration.Value {
  var number: Double? { if case .number(let value) = self { value } else { nil } }
  var integer: Int? { number.flatMap(Int.init(exactly:)) }
  var bool: Bool? { if case .bool(let value) = self { value } else { nil } }

  /// A whole number that stands alone or as the only one of a tuple.
  var single: Int? {
    if case .list(let values) = self, values.count == 1 { return Int(exactly: values[0]) }
    return integer
  }
}

/// Makes modules of tensors that stand together, with what is declared of them.
struct DeclaredModule {
  let name: String
  /// By the last parts of their names.
  let tensors: [String: Tensor]
  let declaration: ModuleDeclaration

  /// Throws `usage` where the declaration does not fit the tensors.
  func module() throws(RNNError) -> Module {
    let given = try declaration.named(name)
    if declaration.className == "BatchNorm2d" { return .norm(try norm(.batch, given)) }
    if let kind = Norm.Kind(rawValue: declaration.className) { return .norm(try norm(kind, given)) }
    switch declaration.className {
    case "Conv1d": return .convolution(try convolution(given))
    case "Conv2d": return .convolution(try convolution2d(given))
    case "MultiheadAttention": return .attention(try attention(given))
    case "PReLU":
      let count = try vector("weight")
      try check(given, "num_parameters", count)
      return .prelu(PReLU(name: name, numParameters: count))
    case "Linear":
      let (rows, columns) = try matrix("weight")
      try check(given, "in_features", columns)
      try check(given, "out_features", rows)
      return .linear(Linear(name: name, inFeatures: columns, outFeatures: rows, bias: try has("bias", given["bias"])))
    case "Embedding":
      let (rows, columns) = try matrix("weight")
      try check(given, "num_embeddings", rows)
      try check(given, "embedding_dim", columns)
      guard (given["max_norm"] ?? .nothing) == .nothing else { throw declaration.refuse(name, "RNNKit has no max_norm of an Embedding") }
      return .embedding(Embedding(name: name, numEmbeddings: rows, embeddingDim: columns))
    default: throw declaration.refuse(name, "RNNKit has no \(declaration.className)")
    }
  }

  private func norm(_ kind: Norm.Kind, _ given: [String: ModuleDeclaration.Value]) throws(RNNError) -> Norm {
    var norm = Norm(name: name, kind: kind, features: 0)
    norm.hasWeight = try has("weight", given["affine"] ?? given["elementwise_affine"])
    norm.hasBias = kind == .rms ? false : try has("bias", given["bias"])
    let size = given[kind == .batch ? "num_features" : kind == .group ? "num_channels" : "normalized_shape"]
    if let parameter = norm.parameters.first {
      norm.features = try vector(parameter)
    } else if let size = size?.single {
      norm.features = size
    } else {
      throw declaration.refuse(name, "it has no tensors, and nothing says its features")
    }
    if let size, size.single != norm.features {
      throw declaration.refuse(name, "it is declared with other sizes than its tensors', which have \(norm.features) features")
    }
    if let eps = given["eps"], eps != .nothing {
      guard let number = eps.number, number >= 0, number.isFinite else { throw declaration.refuse(name, "eps is no number of 0 or more") }
      norm.eps = number
    }
    if kind == .group {
      guard given["num_groups"]?.integer == 1 else {
        throw declaration.refuse(name, "RNNKit has GroupNorm with one group alone, num_groups=1")
      }
    }
    return norm
  }

  private func convolution(_ given: [String: ModuleDeclaration.Value]) throws(RNNError) -> Convolution {
    let weight = try tensor("weight")
    guard weight.shape.rank == 3, weight.count > 0 else {
      throw declaration.refuse(name, "the shape of \(Model.join(name, "weight")) is \(weight.shape), which is no Conv1d's, (out, in / groups, size)")
    }
    func whole(_ parameter: String, least: Int = 1) throws(RNNError) -> Int? {
      guard let value = given[parameter] else { return nil }
      guard let number = value.single, (least...Limits.maximumWindow).contains(number) else {
        throw declaration.refuse(name, "\(parameter) is no whole number from \(least) on")
      }
      return number
    }
    let groups = try whole("groups") ?? 1, size = weight.shape[2]
    var window = TimeWindow(size: size, stride: try whole("stride") ?? 1, dilation: try whole("dilation") ?? 1)
    guard weight.shape[1] <= Limits.maximumModuleSize / groups else { throw declaration.refuse(name, "groups is too large") }
    try check(given, "in_channels", weight.shape[1] * groups)
    try check(given, "out_channels", weight.shape[0])
    try check(given, "kernel_size", size)
    guard window.isSound else { throw declaration.refuse(name, "a window of more than \(Limits.maximumWindow) steps") }
    switch given["padding"] {
    case nil, .text("valid")?: break
    case .text("same")?:
      guard window.stride == 1 else { throw declaration.refuse(name, "padding='same' with a stride, which PyTorch has not either") }
      (window.before, window.after) = Convolution.same(size, window.dilation)
    case .text("causal")?: window.before = window.span - 1
    case .list(let sides)? where sides.count == 2:
      guard let before = Int(exactly: sides[0]), let after = Int(exactly: sides[1]) else {
        throw declaration.refuse(name, "padding is no two whole numbers")
      }
      (window.before, window.after) = (before, after)
    default:
      let padding = try whole("padding", least: 0) ?? 0
      (window.before, window.after) = (padding, padding)
    }
    return Convolution(
      name: name, inChannels: weight.shape[1] * groups, outChannels: weight.shape[0], window: window, groups: groups, padding: try padding(given),
      bias: try has("bias", given["bias"]))
  }

  private func convolution2d(_ given: [String: ModuleDeclaration.Value]) throws(RNNError) -> Convolution {
    let weight = try tensor("weight")
    guard weight.shape.rank == 4, weight.count > 0 else {
      throw declaration.refuse(name, "the shape of \(Model.join(name, "weight")) is \(weight.shape), which is no Conv2d's, (out, in / groups, size, size)")
    }
    let groups = try (given["groups"]).map { (value) throws(RNNError) in
      guard let number = value.single, (1...Limits.maximumWindow).contains(number) else { throw declaration.refuse(name, "groups is no whole number from 1 on") }
      return number
    } ?? 1
    guard weight.shape[1] <= Limits.maximumModuleSize / groups else { throw declaration.refuse(name, "groups is too large") }
    try check(given, "in_channels", weight.shape[1] * groups)
    try check(given, "out_channels", weight.shape[0])
    let sizes = [weight.shape[2], weight.shape[3]]
    if let said = given["kernel_size"], try declaration.pair(said, "kernel_size", name, least: 1) != sizes {
      throw declaration.refuse(name, "kernel_size is (\(sizes[0]), \(sizes[1])) by its tensors")
    }
    var windows = sizes.map { TimeWindow(size: $0) }
    try declaration.complete(&windows, given, name)
    if given["padding"] == .text("same") {
      guard windows.allSatisfy({ $0.stride == 1 }) else { throw declaration.refuse(name, "padding='same' with a stride, which PyTorch has not either") }
      for index in windows.indices { (windows[index].before, windows[index].after) = Convolution.same(windows[index].size, windows[index].dilation) }
    }
    let isTimeLast = try given["time"].map { (value) throws(RNNError) -> Bool in
      switch value.single {
      case 2, -2: return false
      case 3, -1: return true
      default: throw declaration.refuse(name, "time is neither 2, the axis before the last, nor 3, the last one")
      }
    } ?? false
    return Convolution(
      name: name, inChannels: weight.shape[1] * groups, outChannels: weight.shape[0], window: windows[isTimeLast ? 1 : 0],
      across: windows[isTimeLast ? 0 : 1], isTimeLast: isTimeLast, groups: groups, padding: try padding(given), bias: try has("bias", given["bias"]))
  }

  private func padding(_ given: [String: ModuleDeclaration.Value]) throws(RNNError) -> Convolution.Padding {
    guard let text = given["padding_mode"] else { return .zeros }
    guard case .text(let mode) = text, let known = Convolution.Padding(rawValue: mode) else {
      throw declaration.refuse(name, "padding_mode is none of \(Convolution.Padding.allCases.map(\.rawValue).listed())")
    }
    return known
  }

  private func attention(_ given: [String: ModuleDeclaration.Value]) throws(RNNError) -> MultiheadAttention {
    for parameter in ["add_bias_kv", "add_zero_attn"] where given[parameter]?.bool == true {
      throw declaration.refuse(name, "RNNKit has no \(parameter)")
    }
    if let other = ["bias_k", "bias_v"].first(where: { tensors[$0] != nil }) { throw declaration.refuse(name, "RNNKit has no \(other)") }
    guard let heads = given["num_heads"]?.single, heads >= 1 else { throw declaration.refuse(name, "it does not say its num_heads") }
    let out = try matrix("out_proj.weight")
    var module = MultiheadAttention(name: name, embedDim: out.rows, numHeads: heads, bias: try has("in_proj_bias", given["bias"]))
    if tensors["in_proj_weight"] == nil {
      (module.kdim, module.vdim) = (try matrix("k_proj_weight").columns, try matrix("v_proj_weight").columns)
    }
    for (parameter, size) in [("embed_dim", module.embedDim), ("kdim", module.kdim), ("vdim", module.vdim)] where given[parameter] != .nothing {
      try check(given, parameter, size)
    }
    return module
  }

  // MARK: Tensors

  private func tensor(_ parameter: String) throws(RNNError) -> Tensor {
    guard let tensor = tensors[parameter] else {
      throw declaration.refuse(name, "a \(declaration.className) has a \(parameter), and there is no tensor \(Model.join(name, parameter))")
    }
    return tensor
  }

  private func vector(_ parameter: String) throws(RNNError) -> Int {
    let tensor = try tensor(parameter)
    guard tensor.shape.rank == 1, tensor.count > 0 else {
      throw declaration.refuse(name, "the shape of \(Model.join(name, parameter)) is \(tensor.shape), which is no \(declaration.className)'s")
    }
    return tensor.count
  }

  private func matrix(_ parameter: String) throws(RNNError) -> (rows: Int, columns: Int) {
    let tensor = try tensor(parameter)
    guard tensor.shape.rank == 2, tensor.count > 0 else {
      throw declaration.refuse(name, "the shape of \(Model.join(name, parameter)) is \(tensor.shape), which is no \(declaration.className)'s")
    }
    return (tensor.shape[0], tensor.shape[1])
  }

  private func has(_ parameter: String, _ declared: ModuleDeclaration.Value?) throws(RNNError) -> Bool {
    let has = tensors[parameter] != nil
    guard declared?.bool.map({ $0 == has }) ?? true else {
      throw declaration.refuse(name, "there is \(has ? "a" : "no") tensor \(Model.join(name, parameter)), which contradicts the declaration")
    }
    return has
  }

  private func check(_ given: [String: ModuleDeclaration.Value], _ parameter: String, _ size: Int) throws(RNNError) {
    guard let value = given[parameter], value.single != size else { return }
    throw declaration.refuse(name, "\(parameter) is \(size) by its tensors")
  }
}

extension Architecture {
  /// The same with what is declared of modules that cannot be run otherwise. Throws `usage` for a declaration of another
  /// module, which contradicts the file.
  func applying(_ declarations: [String: ModuleDeclaration], _ archive: TensorArchive) throws(RNNError) -> Architecture {
    var result = self
    for index in modules.indices {
      guard let declaration = declarations[modules[index].name] else { continue }
      if case .recurrent(let module) = modules[index] {
        try declaration.check(module)
        continue
      }
      let prefix = modules[index].name + "."
      var names = Model.parameters(of: modules[index]).map(\.name)
      if case .unknown(let module) = modules[index] { names = module.tensorNames }
      var tensors: [String: Tensor] = [:]
      for name in names where name.hasPrefix(prefix) { tensors[String(name.dropFirst(prefix.count))] = archive[name] }
      let declared = try DeclaredModule(name: modules[index].name, tensors: tensors, declaration: declaration).module()
      if case .unknown = modules[index] {
        result.modules[index] = declared
      } else if modules[index] != declared {
        throw RNNError(.usage, place: "module \(modules[index].name)",
          "it is declared \(declared), which contradicts the file, which says \(modules[index])", remedy: "leave the declaration out")
      }
    }
    return result
  }
}
