import RNNModel

/// Makes one module again of the layers that `KerasChain` splits a stack into: `lstm_l0`, `lstm_l1` … one after the
/// other, alike but for what the first takes and the last gives. Then gives modules the names they had.
struct KerasStacks {
  /// New names of tensors, by old name.
  private(set) var names: [String: String] = [:]
  private(set) var modules: [Module] = []
  private(set) var forward: Forward
  /// New names of modules, by old name.
  private var renamed: [String: String] = [:]
  /// Of a stack's last layer, by its name, how many states come before its own.
  private var states: [String: Int] = [:]
  /// A stack's layers but for the last.
  private var inner = Set<String>()

  /// `names` holds modules' names by layers', where they differ.
  init(_ modules: [Module], _ forward: Forward, names: JSONValue?) {
    self.forward = forward
    join(modules)
    if let names {
      let changed = self.modules.map { module in names[module.name]?.string ?? module.name }
      if Set(changed).count == changed.count {
        for (index, name) in changed.enumerated() where name != self.modules[index].name { rename(index, name) }
      }
    }
    rebuild()
  }

  private mutating func rename(_ index: Int, _ name: String) {
    let old = modules[index]
    guard let new = old.renamed(name) else { return }
    var originals: [String: String] = [:]
    for (original, name) in names { originals[name] = original }
    for (before, after) in zip(Model.parameters(of: old), Model.parameters(of: new)) {
      names[originals[before.name] ?? before.name] = after.name
    }
    modules[index] = new
    renamed[renamed.first { $0.value == old.name }?.key ?? old.name] = name
  }

  private mutating func join(_ modules: [Module]) {
    let followers = Self.followers(forward)
    var rest = modules[...]
    while let first = rest.first {
      rest = rest.dropFirst()
      guard case .recurrent(var stack) = first, stack.name.hasSuffix("_l0") else {
        self.modules.append(first)
        continue
      }
      let base = String(stack.name.dropLast(3))
      var parts = [stack]
      while case .recurrent(let next) = rest.first, next.name == "\(base)_l\(parts.count)",
        followers[parts[parts.count - 1].name] == next.name, next.inputSize == stack.outputSize, Self.isAlike(next, stack)
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
      inner.formUnion(parts.dropLast().map(\.name))
      renamed[last.name] = base
      states[last.name] = (parts.count - 1) * stack.directionCount
      stack.name = base
      stack.numLayers = parts.count
      self.modules.append(.recurrent(stack))
    }
  }

  /// The module that takes what a module gives, where each is called once and nothing else takes it.
  private static func followers(_ forward: Forward) -> [String: String] {
    var calls: [String: Int] = [:]
    var users: [Int: Int] = [:]
    for step in forward.steps {
      if case .module(let name) = step.operation { calls[name, default: 0] += 1 }
      for case .step(let index) in step.inputs { users[index, default: 0] += 1 }
    }
    for case .step(let index) in forward.outputs.map(\.value) { users[index, default: 0] += 1 }
    var followers: [String: String] = [:]
    for step in forward.steps {
      guard case .module(let name) = step.operation, calls[name] == 1, case .step(let index)? = step.inputs.first,
        step.inputs.count == 1, users[index] == 1, case .module(let before) = forward.steps[index].operation, calls[before] == 1
      else { continue }
      followers[before] = name
    }
    return followers
  }

  /// The forward with stacks for their layers, under the new names.
  private mutating func rebuild() {
    let old = forward
    var moved: [Forward.Value] = []
    forward.steps = []
    func value(_ value: Forward.Value) -> Forward.Value {
      if case .step(let index) = value { moved[index] } else { value }
    }
    for step in old.steps {
      var new = Forward.Step(step.operation, step.inputs.map(value))
      switch step.operation {
      case .module(let name):
        if inner.contains(name) {
          moved.append(new.inputs[0])
          continue
        }
        new.operation = .module(renamed[name] ?? name)
      case .state(let kind, let index):
        guard case .step(let run) = step.inputs[0], case .module(let name) = old.steps[run].operation else { break }
        new.operation = .state(kind, index + (states[name] ?? 0))
      default: break
      }
      moved.append(.step(forward.steps.count))
      forward.steps.append(new)
    }
    for index in forward.outputs.indices { forward.outputs[index].value = value(old.outputs[index].value) }
  }

  /// Whether two layers differ in nothing but name and input.
  private static func isAlike(_ layer: Recurrent, _ first: Recurrent) -> Bool {
    var layer = layer
    (layer.name, layer.inputSize) = (first.name, first.inputSize)
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
    case .prelu(var module):
      module.name = name
      return .prelu(module)
    case .attention(var module):
      module.name = name
      return .attention(module)
    case .convolution(var module):
      module.name = name
      return .convolution(module)
    case .norm(var module):
      module.name = name
      return .norm(module)
    case .unknown: return nil
    }
  }
}
