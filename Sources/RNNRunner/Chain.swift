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
    } else if !whole.orderKnown {
      throw Self.unknownOrder(whole)
    }
    guard let first = chosen.modules.first, let last = chosen.modules.last else {
      throw RNNError(.badData, "the model has no module to run", remedy: "choose a file with a recurrent network")
    }
    var endsInLastStep = false
    for (index, module) in chosen.modules.enumerated() {
      if case .unknown(let unknown) = module { throw Self.cannotRun(unknown) }
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
    let readings = whole.readings.map { reading in reading.map { "--module \($0.name)" }.joined(separator: " ") }
    return RNNError(.usage,
      "the file does not say in which order its modules follow each other" + (readings.isEmpty ? "" : ", and several fit"),
      remedy: readings.isEmpty
        ? "name them in order with --module, from \(whole.modules.map(\.name).listed())"
        : "choose \(readings.joined(separator: " or "))")
  }

  static func cannotRun(_ module: UnknownModule) -> RNNError {
    RNNError(.badData, place: "module \(module.name)",
      module.tensorNames.isEmpty
        ? "RNNKit cannot run this layer, which has no tensors"
        : "RNNKit cannot run what its tensors \(module.tensorNames.listed()) belong to",
      remedy: "name the modules to run with --module")
  }

  /// float64 where a weight of the chain is.
  func naturalPrecision(_ model: Model) -> Precision {
    let names = architecture.modules.flatMap { Model.parameters(of: $0).map(\.name) }
    return names.contains { model.archive[$0]?.elementType == .float64 } ? .float64 : .float32
  }
}
