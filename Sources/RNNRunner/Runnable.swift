import RNNModel

/// A forward that can be run, with the modules that it calls.
struct Runnable {
  /// The modules that are called, in the order of their calls, and the forward without steps that no output needs.
  let architecture: Architecture
  let forward: Forward
  let shapes: ForwardShapes

  /// - Parameters:
  ///   - forward: Nil for the model's own, or that of `modules`.
  ///   - modules: Names in the order of application.
  init(_ model: Model, forward given: Forward?, modules names: [String]?) throws(RNNError) {
    let whole = model.architecture
    var forward: Forward
    if let given {
      forward = given
    } else if let names {
      forward = try whole.part(names)
    } else if let stated = whole.forward {
      forward = stated
    } else {
      throw Self.unknownForward(model)
    }
    forward = forward.withoutUnneeded
    for name in forward.moduleNames {
      if case .unknown(let unknown)? = whole[name] { throw Self.cannotRun(unknown, in: model) }
    }
    guard !forward.steps.isEmpty else {
      throw RNNError(.badData, "the model has no module to run", remedy: "choose a file with a recurrent network")
    }
    do throws(RNNError) {
      shapes = try forward.shapes(whole.modules) { Model.parameterSize(model.archive[$0]) }
    } catch {
      guard names != nil else { throw error }
      var error = error
      error.remedy = "name modules that follow each other with \(.modules)"
      throw error
    }
    var called = Set<String>()
    for step in forward.steps {
      guard case .module(let name) = step.operation, case .recurrent? = whole[name] else { continue }
      guard called.insert(name).inserted else {
        throw RNNError(.badData, place: "module \(name)", "it runs on two inputs, and RNNKit runs a recurrent module once",
          remedy: "run each of them by itself, with \(.forward)")
      }
    }
    let open = shapes.inputs
    if let index = open.firstIndex(where: { $0.features == nil }) {
      let line = forward.line(modules: whole.modules, askingFor: open.indices.filter { open[$0].features == nil })
      throw RNNError(.badData, place: "input \(forward.inputs[index].name)", "nothing tells how many features it has",
        remedy: "say it in the forward's first line, with numbers for N: \(.forward, line)")
    }
    self.forward = forward
    architecture = Architecture(
      modules: forward.moduleNames.compactMap { whole[$0] }, forward: forward, batchFirst: whole.batchFirst)
  }

  /// Shows the forwards that fit, where there are several.
  static func unknownForward(_ model: Model) -> RNNError {
    let whole = model.architecture
    let suggestion = model.suggestion ?? ForwardSuggestion(whole.modules, isOrdered: model.archive.isOrdered, calls: model.archive.hints.calls)
    let problem = suggestion.problem ?? "the file does not say what is computed with its modules"
    if let unknown = whole.unknownModules.first { return cannotRun(unknown, in: model) }
    let lines: [Phrase] = suggestion.proposals.map { "\(.forward, $0.line(modules: whole.modules))" }
    return RNNError(.usage, Phrase(problem),
      remedy: lines.isEmpty
        ? "say what is computed with \(.forward), or name modules to run, in their order, with \(.modules), from \(whole.modules.map(\.name).listed())"
        : "say what is computed: \(lines.joined(separator: " or "))")
  }

  /// Names a module that cannot be run, and the modules that can without it.
  static func cannotRun(_ module: UnknownModule, in model: Model) -> RNNError {
    let choices: [Phrase] = choices(model).map { "\(.modules, $0)" }
    let others = model.architecture.unknownModules.map(\.name).filter { $0 != module.name }
    let leaving = "to leave \(others.isEmpty ? "it" : "it and " + others.listed()) out"
    var remedy: Phrase = choices.isEmpty ? "name the modules to run with \(.modules)" : "choose \(choices.joined(separator: " or ")) \(leaving)"
    if let call = declaration(of: module, in: model) {
      remedy = "say what it was made with before the forward's expression, \(.forward, ["\(call); …"]), or \(remedy)"
    }
    if let states = startingStates(of: module, in: model) { remedy = "add \(states) to start from it, or \(remedy)" }
    let problem: Phrase =
      module.isTensor ? "nothing tells what the model does with this tensor"
      : module.className.map { "RNNKit cannot run this layer of class \($0)" }
        ?? (module.tensorNames.isEmpty
          ? "RNNKit cannot run this layer, which has no tensors and whose class the file does not say"
          : "RNNKit cannot run what its tensors \(module.tensorNames.listed()) belong to")
    let place = module.isTensor ? "the model's own parameter \(module.name)" : "module \(module.name.isEmpty ? "(unnamed)" : module.name)"
    return RNNError(.badData, place: place, problem, remedy: remedy)
  }

  /// What may be declared of a module by its tensors' shapes, with numbers to be said.
  private static func declaration(of module: UnknownModule, in model: Model) -> String? {
    let prefix = module.name + "."
    if module.tensorNames.contains(prefix + "in_proj_weight") || module.tensorNames.contains(prefix + "q_proj_weight") {
      return "\(ModuleDeclaration.spelled(module.name)) = MultiheadAttention(num_heads=…)"
    }
    guard !module.name.isEmpty, let weight = model.archive[prefix + "weight"], weight.elementType.isWeight,
      Set(module.tensorNames.filter { !$0.hasSuffix(".num_batches_tracked") }).isSubset(of: [prefix + "weight", prefix + "bias"])
    else { return nil }
    let name = ModuleDeclaration.spelled(module.name)
    switch weight.shape.rank {
    case 3: return "\(name) = Conv1d(stride=…, padding=…, dilation=…, groups=…)"
    case 1: return "\(name) = LayerNorm(eps=…)"
    default: return nil
    }
  }

  /// Rules, `h0=rnn.h0`, for what can be the starting state and whose cell state is there too, for an LSTM.
  private static func startingStates(of module: UnknownModule, in model: Model) -> Phrase? {
    var renames: [(old: String, new: String)] = []
    for other in model.architecture.unknownModules {
      guard let new = model.startingState(other) else { continue }
      guard !renames.contains(where: { $0.new == new }) else { return nil }
      renames.append((other.name, new))
    }
    let wanted = model.architecture.recurrentModules.first?.cell == .lstm ? 2 : 1
    guard renames.count == wanted, renames.contains(where: { $0.old == module.name }) else { return nil }
    let rules = renames.filter { $0.old != $0.new }.map { "\($0.old)=\($0.new)" }
    return rules.isEmpty ? nil : "\(.renames, rules)"
  }

  /// The chains of modules that can be run, each found to be one: of all of them, else as long as they get.
  private static func choices(_ model: Model) -> [[String]] {
    let whole = model.architecture, isOrdered = model.archive.isOrdered || whole.forward != nil
    // What stands inside of something that cannot be run, as attention's own linear layer does, is a part of it.
    let unknown = whole.unknownModules.map(\.name).filter { !$0.isEmpty }
    let modules = whole.modules.filter { module in
      if case .unknown = module { false } else { !unknown.contains { module.name.hasPrefix($0 + ".") } }
    }
    func runs(_ names: [String]) -> Bool { (try? Runnable(model, forward: nil, modules: names)) != nil }
    var found = isOrdered ? [modules.map(\.name)] : ForwardSuggestion.orders(modules).map { $0.map(\.name) }
    found = found.filter(runs)
    if found.isEmpty {
      // In the file's order, from each recurrent module as far as one follows the other.
      var pieces: [[String]] = []
      for module in modules {
        if isOrdered, let last = pieces.last, runs(last + [module.name]) {
          pieces[pieces.count - 1].append(module.name)
        } else {
          pieces.append([module.name])
        }
      }
      found = pieces.filter { piece in
        piece.contains { if case .recurrent? = whole[$0] { true } else { false } } && runs(piece)
      }
    }
    return Array(found.prefix(4))
  }

  /// float64 where a weight of what is run is.
  func naturalPrecision(_ model: Model) -> Precision {
    let names = architecture.modules.flatMap { Model.parameters(of: $0).map(\.name) } + forward.parameterNames
    return names.contains { model.archive[$0]?.elementType == .float64 } ? .float64 : .float32
  }
}
