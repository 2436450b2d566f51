import RNNModel

/// Modules that were found to follow each other: what a plan is made of.
struct Chain {
  let architecture: Architecture
  let inputSize: Int
  let outputSize: Int
  let takesIndices: Bool
  let endsInLastStep: Bool

  init(_ model: Model, modules names: [String]?) throws(RNNError) {
    let whole = model.architecture
    var chosen = whole
    if let names {
      var modules: [Module] = []
      for name in names {
        guard let module = whole.modules.first(where: { $0.name == name }) else {
          let known = whole.modules.map(\.name).listed()
          throw RNNError(.usage, place: "module \(name)", "the model has no module of this name",
            remedy: "use one of \(known)")
        }
        modules.append(module)
      }
      if modules != whole.modules {
        chosen = Architecture(modules: modules, batchFirst: whole.batchFirst)
      }
    } else if let unknown = whole.unknownModules.first {
      throw Self.cannotRun(unknown, in: model)
    } else if !whole.orderKnown {
      throw Self.unknownOrder(whole)
    }
    guard let first = chosen.modules.first, let last = chosen.modules.last else {
      throw RNNError(.badData, "the model has no module to run", remedy: "choose a file with a recurrent network")
    }
    var endsInLastStep = false
    for (index, module) in chosen.modules.enumerated() {
      if case .unknown(let unknown) = module { throw Self.cannotRun(unknown, in: model) }
      if index > 0 {
        let before = chosen.modules[index - 1]
        guard before.outputSize == module.inputSize else {
          throw RNNError(.badData, place: "module \(module.name)",
            "it takes \(module.inputSize ?? 0) features, but \(before.name) before it gives \(before.outputSize ?? 0)",
            remedy: "name the modules that follow each other with --module")
        }
        if case .embedding = module {
          throw RNNError(.badData, place: "module \(module.name)",
            "an embedding takes indices, not another module's output",
            remedy: "name the modules that follow each other with --module")
        }
      }
      if case .recurrent(let recurrent) = module {
        guard !endsInLastStep else {
          throw RNNError(.badData, place: "module \(module.name)",
            "the recurrent module before it passes on its last step alone, which is no sequence",
            remedy: "name the modules that follow each other with --module")
        }
        endsInLastStep = !recurrent.returnsSequence
      }
    }
    architecture = chosen
    inputSize = first.inputSize ?? 0
    outputSize = last.outputSize ?? 0
    if case .embedding = first { takesIndices = true } else { takesIndices = false }
    self.endsInLastStep = endsInLastStep
    try checkSkip()
  }

  /// The skip is added feature by feature, or its only feature to all of the output's.
  private func checkSkip() throws(RNNError) {
    let skip = architecture.skip
    if let gained = architecture.inputGainFeatures, gained > inputSize {
      throw RNNError(.badData, place: "architecture",
        "an input gain on \(gained) features, where the chain takes \(inputSize)",
        remedy: "correct \"input_gain_features\" in the file's architecture")
    }
    guard skip > 0 || architecture.inputGain != 1 else { return }
    guard !takesIndices else {
      throw RNNError(.badData, place: "architecture", "a skip or input gain of indices means nothing",
        remedy: "correct the architecture in the file")
    }
    guard skip == 0 || (!endsInLastStep && skip <= inputSize && (skip == 1 || skip == outputSize)) else {
      throw RNNError(.badData, place: "architecture",
        "\(skip) of \(inputSize) input features cannot be added to an output of \(outputSize)",
        remedy: "correct \"skip\" in the file's architecture")
    }
  }

  /// Shows the readings that fit, where there are several.
  private static func unknownOrder(_ whole: Architecture) -> RNNError {
    let readings = whole.readings.map(options)
    return RNNError(.usage,
      "the file does not say in which order its modules follow each other" + (readings.isEmpty ? "" : ", and several fit"),
      remedy: readings.isEmpty
        ? "name those to run, in their order, with --module, from \(whole.modules.map(\.name).listed())"
        : "choose \(readings.joined(separator: " or "))")
  }

  /// Names a module that cannot be run, and the modules that can without it.
  static func cannotRun(_ module: UnknownModule, in model: Model) -> RNNError {
    let choices = Self.choices(model).map(options)
    let others = model.architecture.unknownModules.map(\.name).filter { $0 != module.name }
    let leaving = "to leave \(others.isEmpty ? "it" : "it and " + others.listed()) out"
    var remedy = choices.isEmpty ? "name the modules to run with --module" : "choose \(choices.joined(separator: " or ")) \(leaving)"
    if let states = startingStates(of: module, in: model) { remedy = "add \(states) to start from it, or \(remedy)" }
    let problem =
      module.isTensor ? "nothing tells what the model does with this tensor"
      : module.className.map { "RNNKit cannot run this layer of class \($0)" }
        ?? (module.tensorNames.isEmpty
          ? "RNNKit cannot run this layer, which has no tensors and whose class the file does not say"
          : "RNNKit cannot run what its tensors \(module.tensorNames.listed()) belong to")
    let place = module.isTensor ? "the model's own parameter \(module.name)" : "module \(module.name.isEmpty ? "(unnamed)" : module.name)"
    return RNNError(.badData, place: place, problem, remedy: remedy)
  }

  /// `--rename 'h0=rnn.h0'`, for what can be the starting state and whose cell state is there too, for an LSTM.
  private static func startingStates(of module: UnknownModule, in model: Model) -> String? {
    var renames: [(old: String, new: String)] = []
    for other in model.architecture.unknownModules {
      guard let new = model.startingState(other) else { continue }
      guard !renames.contains(where: { $0.new == new }) else { return nil }
      renames.append((other.name, new))
    }
    let wanted = model.architecture.recurrentModules.first?.cell == .lstm ? 2 : 1
    guard renames.count == wanted, renames.contains(where: { $0.old == module.name }) else { return nil }
    let rules = renames.filter { $0.old != $0.new }.map { "--rename \("\($0.old)=\($0.new)".quoted)" }
    return rules.isEmpty ? nil : rules.joined(separator: " ")
  }

  private static func options(_ modules: [Module]) -> String {
    modules.map { "--module \($0.name.quoted)" }.joined(separator: " ")
  }

  /// The chains of modules that can be run, each found to be one: of all of them, else as long as they get.
  private static func choices(_ model: Model) -> [[Module]] {
    let whole = model.architecture
    // What stands inside of something that cannot be run, as attention's own linear layer does, is a part of it.
    let unknown = whole.unknownModules.map(\.name).filter { !$0.isEmpty }
    let modules = whole.modules.filter { module in
      if case .unknown = module { false } else { !unknown.contains { module.name.hasPrefix($0 + ".") } }
    }
    func runs(_ modules: [Module]) -> Bool { (try? Chain(model, modules: modules.map(\.name))) != nil }
    var found = whole.orderKnown ? [modules] : Architecture(modules: modules).readings
    found = found.filter(runs)
    if found.isEmpty {
      // In the file's order, from each recurrent module as far as one follows the other.
      var pieces: [[Module]] = []
      for module in modules {
        if whole.orderKnown, let last = pieces.last, runs(last + [module]) {
          pieces[pieces.count - 1].append(module)
        } else {
          pieces.append([module])
        }
      }
      found = pieces.filter { piece in
        piece.contains { if case .recurrent = $0 { true } else { false } } && runs(piece)
      }
    }
    return Array(found.prefix(4))
  }

  /// float64 where a weight of the chain is.
  func naturalPrecision(_ model: Model) -> Precision {
    let names = architecture.modules.flatMap { Model.parameters(of: $0).map(\.name) }
    return names.contains { model.archive[$0]?.elementType == .float64 } ? .float64 : .float32
  }
}
