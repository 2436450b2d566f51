import RNNKit

/// Options that have no effect on what a command does, each refused in one line that names it: more likely a slip than a
/// wish. What an option says of the model is compared with the file where the file is read (`Interpretation`).
struct OptionEffects {
  /// An option that is given, and beside or of what it has none.
  private var problem: (option: String, reason: String)?

  /// - Parameter reason: `beside --stream, which …`
  private mutating func refuse(_ option: String, if isWithout: Bool, _ reason: String) {
    if isWithout, problem == nil { problem = (option, reason) }
  }

  private func check() throws(RNNError) {
    guard let problem else { return }
    throw RNNError(.usage, "\(problem.option) has no effect \(problem.reason)", remedy: "leave the option out")
  }

  // MARK: Beside other options

  static func check(_ run: Run) throws(RNNError) {
    var effects = OptionEffects()
    effects.refuse("--threads", if: run.stream && run.threads != 1, "beside --stream, which runs a step of one sequence at a time")
    effects.refuse("--force", if: run.force && run.output == nil && run.stateOut == nil, "without --output or --state-out")
    effects.refuse(
      "--batch-first", if: run.stream && run.model.saysLayoutAlone, "beside --stream, whose lines are steps of one sequence")
    try effects.check()
  }

  static func check(_ report: Report) throws(RNNError) {
    var effects = OptionEffects()
    let isOfTwo = report.other != nil
    effects.refuse("--input", if: report.input != nil && isOfTwo, "on a page about two models, which runs neither")
    effects.refuse("--timing", if: report.timing && isOfTwo, "on a page about two models, which runs neither")
    effects.refuse("--module", if: report.part.names != nil && isOfTwo, "on a page about two models, which is of all they hold")
    try effects.check()
  }

  static func check(_ bench: Bench) throws(RNNError) {
    var effects = OptionEffects()
    effects.refuse("--json", if: bench.json && bench.paced, "beside --paced, which writes JSON in any case")
    effects.refuse("--batch-first", if: bench.model.saysLayoutAlone, "on a bench, which takes its input as it makes it")
    try effects.check()
  }

  // MARK: With what was read

  /// Of options for reading a model that was read.
  ///
  /// - Parameters:
  ///   - source: Who says the forward.
  ///   - others: Paths of other files that the command reads.
  ///   - readsHDF5: Whether an HDF5 file was read.
  static func check(
    _ model: ModelArguments, _ contents: TensorFile, _ source: ForwardSource?, modules: [String]?, others: [String], readsHDF5: Bool
  ) throws(RNNError) {
    var effects = OptionEffects()
    let asked = Set(contents.archive.departures.map(\.kind))
    for kind in model.ignore {
      // A forward may be read and not fit the tensors.
      let isAsked = asked.contains(kind) || kind == .forward && contents.archive.hints.forwardLine != nil && source != .file
      effects.refuse("--ignore \(kind.rawValue)", if: !isAsked, "on a file that asks for nothing of the kind")
    }
    if model.ignore.contains(.forward) {
      effects.refuse("--ignore forward", if: model.forward != nil, "beside --forward, which says what is computed")
      effects.refuse("--ignore forward", if: modules != nil, "beside --module, which says what is run")
    }
    let mayBeHDF5 = others.contains { path in [".h5", ".hdf5", ".hdf"].contains { path.lowercased().hasSuffix($0) } }
    effects.refuse("--timeout", if: model.timeout != nil && !readsHDF5 && !mayBeHDF5, "where no HDF5 file is read")
    try effects.check()
  }

  /// Of a state to go on from.
  static func checkState(_ path: String?, of plan: Plan) throws(RNNError) {
    var effects = OptionEffects()
    effects.refuse("--state-in", if: path != nil && plan.architecture.recurrentModules.isEmpty, "on modules without a state")
    try effects.check()
  }

  /// Of the layout, where inputs have no batch axis.
  static func checkLayout(_ model: ModelArguments, of plan: Plan, _ inputs: [Tensor]) throws(RNNError) {
    var effects = OptionEffects()
    let isBatched = inputs.contains { $0.shape.rank > (plan.takesIndices ? 1 : 2) }
    effects.refuse(
      "--batch-first", if: model.saysLayoutAlone && !inputs.isEmpty && !isBatched, "on an input without a batch axis")
    try effects.check()
  }
}

extension ModelArguments {
  /// Whether the layout is said, and no line whose axes it tells.
  fileprivate var saysLayoutAlone: Bool { batchFirst && forward == nil }
}
