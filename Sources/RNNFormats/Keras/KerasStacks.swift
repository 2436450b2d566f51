import RNNModel

/// Makes one module again of the layers that `KerasChain` splits a stack into: `lstm_l0`, `lstm_l1` … one after the
/// other, alike but for what the first takes and the last gives. Then gives modules the names they had.
struct KerasStacks {
  /// New names of tensors, by old name.
  private(set) var names: [String: String] = [:]
  private(set) var modules: [Module] = []

  /// `names` holds modules' names by layers', where they differ.
  init(_ modules: [Module], names: JSONValue?) {
    join(modules)
    guard let names else { return }
    let changed = self.modules.map { module in names[module.name]?.string ?? module.name }
    guard Set(changed).count == changed.count else { return }
    for (index, name) in changed.enumerated() where name != self.modules[index].name { rename(index, name) }
  }

  private mutating func rename(_ index: Int, _ name: String) {
    let old = modules[index]
    guard let renamed = old.renamed(name) else { return }
    var originals: [String: String] = [:]
    for (original, name) in names { originals[name] = original }
    for (before, after) in zip(Model.parameters(of: old), Model.parameters(of: renamed)) {
      names[originals[before.name] ?? before.name] = after.name
    }
    modules[index] = renamed
  }

  private mutating func join(_ modules: [Module]) {
    var rest = modules[...]
    while let first = rest.first {
      rest = rest.dropFirst()
      guard case .recurrent(var stack) = first, stack.returnsSequence, stack.name.hasSuffix("_l0") else {
        self.modules.append(first)
        continue
      }
      let base = String(stack.name.dropLast(3))
      var parts = [stack]
      while case .recurrent(let next) = rest.first, next.name == "\(base)_l\(parts.count)",
        parts[parts.count - 1].returnsSequence, next.inputSize == stack.outputSize, Self.isAlike(next, stack)
      {
        parts.append(next)
        rest = rest.dropFirst()
      }
      guard parts.count > 1, let last = parts.last, !modules.contains(where: { $0.name == base }) else {
        self.modules.append(contentsOf: parts.map { .recurrent($0) })
        continue
      }
      for (layer, part) in parts.enumerated() {
        for parameter in part.parameters {
          var name = parameter.name
          name.layer = layer
          names[Model.join(part.name, parameter.name.description)] = Model.join(base, name.description)
        }
      }
      stack.name = base
      stack.numLayers = parts.count
      stack.returnsSequence = last.returnsSequence
      self.modules.append(.recurrent(stack))
    }
  }

  /// Whether two layers differ in nothing but name, input and what they pass on.
  private static func isAlike(_ layer: Recurrent, _ first: Recurrent) -> Bool {
    var layer = layer
    (layer.name, layer.inputSize, layer.returnsSequence) = (first.name, first.inputSize, first.returnsSequence)
    return layer == first
  }
}

extension Module {
  /// The same under another name; nil for what is not understood.
  fileprivate func renamed(_ name: String) -> Module? {
    switch self {
    case .recurrent(var module):
      module.name = name
      return .recurrent(module)
    case .linear(var module):
      module.name = name
      return .linear(module)
    case .embedding(var module):
      module.name = name
      return .embedding(module)
    case .unknown: return nil
    }
  }
}
