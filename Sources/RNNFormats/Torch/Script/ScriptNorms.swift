import RNNModel

/// Norms and slopes of features, by the calls that their modules' code makes.
extension ScriptInterpreter {
  /// The module that tensors belong to. What it has of these must be all of its own.
  private func owner(_ tensors: [(name: String, value: ScriptValue)], _ what: String) throws(ScriptStop) -> String {
    var path: String?
    for (name, value) in tensors {
      guard case .parameter(let given) = value, let owner = Self.owner(of: given, name), path ?? owner == owner else { continue }
      path = owner
    }
    guard let path else { throw problem("\(what) without tensors of a module") }
    for (name, value) in tensors {
      let own = Model.join(path, name)
      switch value {
      case .none where archive[own] == nil, .parameter(own): break
      default: throw problem("\(what) with other tensors than those of one module")
      }
    }
    return path
  }

  private func eps(_ value: ScriptValue?, _ missing: ModuleDeclaration.Value) throws(ScriptStop) -> ModuleDeclaration.Value {
    guard let value, !isNone(value) else { return missing }
    guard let number = number(value) else { throw problem("a norm whose eps the model computes") }
    return .number(number)
  }

  /// `batch_norm(x, weight, bias, running_mean, running_var, training, momentum, eps, cudnn)`
  mutating func batchNorm(_ values: [ScriptValue]) throws(ScriptStop) -> ScriptValue {
    guard values.count >= 8, case .bool(false) = values[5] else { throw problem("torch.batch_norm in training") }
    let path = try owner([("weight", values[1]), ("bias", values[2]), ("running_mean", values[3]), ("running_var", values[4])], "torch.batch_norm")
    guard let features = archive[Model.join(path, "running_mean")]?.shape.count else { throw problem("module \(path) without running statistics") }
    let result = try channelwise(path, features, values[0])
    try declare(path, "BatchNorm1d", [("eps", try eps(values[7], .number(1e-5)))])
    return result
  }

  /// `group_norm(x, groups, weight, bias, eps, cudnn)`
  mutating func groupNorm(_ values: [ScriptValue], _ keywords: Keywords) throws(ScriptStop) -> ScriptValue {
    guard values.count >= 3, case .integer(1) = values[1] else { throw problem("torch.group_norm of several groups") }
    let path = try owner([("weight", values[2]), ("bias", values.count > 3 ? values[3] : .none)], "torch.group_norm")
    guard let features = archive[Model.join(path, "weight")]?.shape.count else { throw problem("torch.group_norm") }
    let tensor = try self.tensor(values[0], "module \(path)")
    // It is over all of a sequence.
    guard tensor.axes.first == [.batch], tensor.hasTimeAxis == graph.hasTime[tensor.step] else {
      throw problem("module \(path) of a value with the axes \(tensor.plane.description)")
    }
    if tensor.hasTimeAxis, isLengthAware { throw problem("module \(path) of padded sequences") }
    let result = try channelwise(path, features, values[0])
    try declare(path, "GroupNorm", [("num_groups", .number(1)), ("eps", try eps(values.count > 4 ? values[4] : keywords["eps"], .number(1e-5)))])
    return result
  }

  /// `layer_norm(x, [8], weight, bias, eps, cudnn)`, `rms_norm(x, [8], weight, eps)`
  mutating func rowNorm(_ name: String, _ values: [ScriptValue], _ keywords: Keywords) throws(ScriptStop) -> ScriptValue {
    let isLayer = name == "layer_norm"
    guard values.count >= 2, case .sequence(let list) = values[1], sequences[list].count == 1, case .integer(let features) = sequences[list][0] else {
      throw problem("torch.\(name) over several axes")
    }
    func argument(_ index: Int, _ keyword: String) -> ScriptValue { values.count > index ? values[index] : keywords[keyword] ?? .none }
    let tensors = [("weight", argument(2, "weight"))] + (isLayer ? [("bias", argument(3, "bias"))] : [])
    let path = try owner(tensors, "torch.\(name)")
    let result = try rowwise(path, features, features, values[0])
    try declare(path, isLayer ? "LayerNorm" : "RMSNorm", [("eps", try eps(argument(isLayer ? 4 : 3, "eps"), isLayer ? .number(1e-5) : .nothing))])
    return result
  }

  /// `prelu(x, weight)`
  mutating func prelu(_ values: [ScriptValue]) throws(ScriptStop) -> ScriptValue {
    guard values.count == 2, case .parameter(let name) = values[1], let path = Self.owner(of: name, "weight"), let count = archive[name]?.shape.count else {
      throw problem("torch.prelu")
    }
    let tensor = try self.tensor(values[0], "torch.prelu")
    guard tensor.state == nil, !tensor.isPacked else { throw problem("torch.prelu of all states, or of packed sequences") }
    try noteKind(.prelu, of: path)
    return count == 1 ? .tensor(try add(.module(path), of: tensor)) : try channelwise(path, count, values[0])
  }

  /// A module that does the same to each of PyTorch's axis 1.
  mutating func channelwise(_ path: String, _ features: Int, _ value: ScriptValue) throws(ScriptStop) -> ScriptValue {
    let tensor = try self.tensor(value, "module \(path)")
    guard tensor.state == nil, !tensor.isPacked, !isIndices(tensor), tensor.axes.count > 1 else { throw problem("module \(path) of all states, packed sequences or indices") }
    try learn(tensor.axes[1], features)
    guard count(tensor.axes[1]) == features else {
      misfit = count(tensor.axes[1]).map { $0 > features ? 1 : -1 }
      throw problem("module \(path), which takes \(features) features as axis 1, of a value with the axes \(tensor.plane.description)")
    }
    let rest = tensor.plane.rest(without: tensor.axes[1])
    if !rest.isEmpty { try search(tensor.axes) }
    return .tensor(try add(.module(path), of: try arranged(tensor, rest + tensor.axes[1], "module \(path)")))
  }

  /// A module that takes all features of a step, PyTorch's last axis.
  mutating func rowwise(_ path: String, _ features: Int, _ gives: Int, _ value: ScriptValue) throws(ScriptStop) -> ScriptValue {
    let tensor = try self.tensor(value, "module \(path)")
    guard tensor.state == nil, !tensor.isPacked else { throw problem("module \(path) of all states, or of packed sequences") }
    guard !isIndices(tensor), let last = tensor.axes.last, last.allSatisfy(\.isFeatures) else {
      throw problem("module \(path) on another axis than features")
    }
    var result = try arranged(tensor, last, "module \(path)")
    try learn(last, features)
    if let count = count(last), count != features {
      misfit = count > features ? 1 : -1
      throw problem("module \(path), which takes \(features) features, of \(count)")
    }
    result = try add(.module(path), of: result)
    if gives != features {
      result.axes[result.axes.count - 1] = fresh(gives)
      result.layout = result.axes[result.axes.count - 1]
    }
    return .tensor(result)
  }
}
