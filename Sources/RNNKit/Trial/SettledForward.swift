import RNNModel
import RNNRunner

extension Interpretation {
  /// The same with the forward that reproduces the reference cases, where neither file nor user says one: the likeliest of
  /// those that people write of such modules. The layout and an Elman RNN's nonlinearity are tried too where they are open.
  /// Where none reproduces the cases, what was assumed stays, with a word; it is taken back where a case's `y` has another
  /// time axis.
  ///
  /// - Parameter cases: Gives the cases by the plan of one of the forwards; nil for the archive's own.
  func settled(
    by cases: ((Plan) throws(RNNError) -> [ReferenceCase])?, _ archive: TensorArchive, _ options: ModelOptions
  ) throws(RNNError) -> Interpretation {
    guard model.suggestion != nil, options.modules == nil, cases != nil || archive.cases.contains(where: { $0["y"] != nil })
    else { return self }
    let candidates = candidates(options)
    var references = archive.cases
    if let cases {
      let plan = candidates.lazy.compactMap { try? Plan(model, forward: $0) }.first
      guard let plan else { return self }
      references = try cases(plan)
    }
    guard var trial = ForwardTrial(candidates, on: references, of: model) else { return self }
    if let found = try settled(&trial) { return found }
    for (variant, notes) in variants(archive, options) {
      guard let other = try? Interpretation(archive, options: variant),
        var trial = ForwardTrial(other.candidates(variant), on: references, of: other.model),
        let found = try other.settled(&trial, notes)
      else { continue }
      return found
    }
    let them = trial.caseCount == 1 ? "the reference case" : "the \(trial.caseCount) reference cases"
    let word = trial.isTooLarge
      ? "\(them) \(trial.caseCount == 1 ? "is" : "are") too large to try lines on"
      : trial.fitting.isEmpty ? "none of the lines that fit the modules gives a y of the reference case's shape"
        : "\(trial.tried == 1 ? "the only line tried does not reproduce" : "none of the \(trial.tried) lines tried reproduces") \(them)"
    guard !trial.fitting.isEmpty, let assumed = model.architecture.forward, let line = model.architecture.line,
      let time = trial.time(of: assumed), time.y != time.result
    else { return try unsettled(problem: nil, trial.fitting, word: word) }
    let (one, every) = ("one for each sequence", "one for every step")
    return try unsettled(
      problem: "the reference case \(trial.caseName) has \(time.y ? "a y for every step" : "one y for each sequence"), and "
        + "\(line) gives \(time.result ? every : one); \(word)",
      trial.fitting, word: word)
  }

  private func settled(_ trial: inout ForwardTrial, _ notes: [Phrase] = []) throws(RNNError) -> Interpretation? {
    let found = trial.reproducing()
    guard let forward = found.first else { return nil }
    let modules = model.architecture.modules
    let cases = trial.caseCount == 1 ? "the reference case" : "the \(trial.caseCount) reference cases"
    let others = trial.different(found).prefix(3).map { $0.line(modules: modules) }
    let extent = trial.isOfPart ? ", as far as its first rows and steps were run" : ""
    var note: Phrase = """
      forward \(forward.line(modules: modules)): reproduces \(cases)\(extent), of \(trial.tried) \
      line\(trial.tried == 1 ? "" : "s") tried (the file does not say; \(.forward))
      """
    if !others.isEmpty {
      note += "; so do\(others.count == 1 ? "es" : "") \(others.joined(separator: " and ")), which \(others.count == 1 ? "gives" : "give") other numbers on other inputs"
    }
    return try settled(forward, notes: notes.map { "\($0): with it \(cases) \(trial.caseCount == 1 ? "is" : "are") reproduced" }, note: note)
  }

  /// The forwards to try, with the activation that the user says.
  private func candidates(_ options: ModelOptions) -> [Forward] {
    let candidates = model.suggestion?.candidates() ?? []
    guard let head = options.headActivation else { return candidates }
    return candidates.compactMap { candidate in
      var result = candidate
      let linear = candidate.moduleNames.last { name in
        if case .linear? = model.architecture[name] { true } else { false }
      }
      guard let linear, result.insert(.activation(head), after: linear) else { return nil }
      return result
    }
  }

  /// Other layouts and nonlinearities, where neither file nor user says them, with what is then assumed.
  private func variants(_ archive: TensorArchive, _ options: ModelOptions) -> [(options: ModelOptions, notes: [Phrase])] {
    guard archive.architecture == nil || archive.hints.leavesLayoutOpen else { return [] }
    let layouts = options.batchFirst == nil && archive.hints.batchFirst == nil ? [nil, true] : [options.batchFirst]
    let isElman = model.architecture.recurrentModules.contains { $0.cell == .rnn && archive.hints.nonlinearity[$0.name] == nil }
    let functions: [Activation?] = options.nonlinearity == nil && isElman ? [nil, .relu] : [options.nonlinearity]
    return layouts.flatMap { layout in
      functions.compactMap { function in
        var variant = options
        var notes: [Phrase] = []
        if layout != options.batchFirst { notes.append("batch_first True") }
        if function != options.nonlinearity { notes.append("nonlinearity relu") }
        (variant.batchFirst, variant.nonlinearity) = (layout, function)
        return notes.isEmpty ? nil : (variant, notes)
      }
    }
  }
}
