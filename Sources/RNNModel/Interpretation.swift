/// What the user says of a model whose file does not.
public struct ModelOptions: Sendable, Hashable {
  /// tanh or relu, for every Elman RNN of the file.
  public var nonlinearity: Activation?
  /// Whether inputs are (batch, time, features); nil for what the file says.
  public var batchFirst: Bool?
  /// What follows the last linear layer.
  public var headActivation: Function?
  /// What is computed, as the text that `Forward(line:modules:batchFirst:parameters:)` reads.
  public var forward: String?
  /// What to go on without where a file asks for it and RNNKit does not do it.
  public var ignored: Set<Departure.Kind>
  /// The modules that are run, in the order of application, where not all are; what the options say is of these.
  public var modules: [String]?
  /// Whether an option that contradicts the file is passed over rather than refused, as where the same options serve two
  /// files.
  public var yieldToFile = false

  public init(nonlinearity: Activation? = nil, batchFirst: Bool? = nil, headActivation: Function? = nil,
    forward: String? = nil, ignoring ignored: Set<Departure.Kind> = []
  ) {
    self.nonlinearity = nonlinearity
    self.batchFirst = batchFirst
    self.headActivation = headActivation
    self.forward = forward
    self.ignored = ignored
  }
}

/// A model, and what was assumed where its file does not say.
public struct Interpretation: Sendable {
  /// The model.
  public private(set) var model: Model
  /// Who says what is computed; nil where nobody does and nothing can be assumed.
  public private(set) var source: ForwardSource?
  private var notes: [Phrase]
  /// What is to be said of the forward.
  private var forwardNote: Phrase?

  /// What was assumed, one sentence each.
  public var assumptions: [Phrase] { notes + (forwardNote.map { [$0] } ?? []) }

  /// Takes the architecture that the archive states; otherwise works it out from names, shapes and order of the tensors,
  /// with `options` and then PyTorch's defaults for what these cannot tell.
  ///
  /// Throws `badData` where no recurrent module is found, its tensors do not fit, or the file asks for what RNNKit does
  /// not do and `options` do not ignore, and `usage` where an option contradicts the file.
  public init(_ archive: TensorArchive, options: ModelOptions = ModelOptions()) throws(RNNError) {
    guard let lost = archive.departures.first(where: { $0.kind == .unreadable }) else {
      try self.init(readable: archive, options)
      return
    }
    var rest = archive
    rest.departures.removeAll { $0.kind == .unreadable }
    let interpretation: Interpretation
    do throws(RNNError) { interpretation = try Interpretation(readable: rest, options) } catch {
      // What is not there is the better reason, and nothing can be gone on with.
      throw error.kind == .badData ? lost.error(canBeIgnored: false) : error
    }
    guard options.ignored.contains(.unreadable) else { throw lost.error() }
    self = interpretation
    notes.insert(lost.note, at: 0)
  }

  /// Of an archive that nothing is missing from.
  private init(readable archive: TensorArchive, _ options: ModelOptions) throws(RNNError) {
    var notes: [Phrase] = []
    var archive = archive
    var said = Set<Phrase>()
    var passed = options.ignored
    // Whoever names modules says what is run, and a model with a module that cannot be run is run in such parts alone.
    if options.modules != nil || options.forward != nil || !archive.hints.unknown.isEmpty { passed.insert(.forward) }
    for departure in archive.departures where passed.contains(departure.kind) {
      if said.insert(departure.note).inserted { notes.append(departure.note) }
    }
    archive.departures.removeAll { passed.contains($0.kind) }
    archive = try archive.computingWeights(notes: &notes)
    // A line that cannot be read is refused where it is read as a forward.
    if let line = options.forward, let declared = try? ModuleDeclaration.all(in: line) {
      // A module may have a class's name.
      let names = Set(archive.tensors.map { String($0.name.prefix { $0 != "." }) })
      archive.hints.declarations.merge(declared.filter { !names.contains($0.value.className) }) { $1 }
      try archive.hints.adoptRecurrentDeclarations()
    }
    var architecture: Architecture
    if let stated = archive.architecture {
      architecture = try stated.applying(archive.hints.declarations, archive)
      if archive.hints.leavesLayoutOpen {
        Self.complete(&architecture, archive.hints, options, &notes)
        if !options.yieldToFile { try Self.check(options, against: archive.hints) }
      } else if !options.yieldToFile {
        try Self.check(options, against: stated)
      }
    } else {
      architecture = Architecture(modules: try ArchitectureSearch(
        archive, needsRecurrent: options.forward == nil && archive.hints.forwardLine == nil || archive.hints.declarations.isEmpty
      ).modules(), forward: nil)
      for case .recurrent(let module) in architecture.modules { try archive.hints.declarations[module.name]?.check(module) }
      archive = try Self.flatteningStates(of: architecture, in: archive, &notes)
      notes += Self.assumedNumbers(of: architecture, archive.hints)
      Self.complete(&architecture, archive.hints, options, &notes)
      if !options.yieldToFile { try Self.check(options, against: archive.hints) }
    }
    for case .attention(let module) in architecture.modules {
      let said = archive.hints.declarations[module.name]?.arguments.first { $0.keyword == "batch_first" }?.value.bool
      guard let said, said != architecture.batchFirst else { continue }
      throw RNNError(
        .usage, place: "module \(module.name)",
        "it is declared with batch_first=\(said ? "True" : "False"), and the model's layout is the other: PyTorch's would attend to the batch",
        remedy: "leave batch_first out of the declaration if it attends to steps")
    }
    // Before the sizes that a file states are worked with.
    try Model.check(architecture)
    if architecture.forward == nil {
      do throws(RNNError) {
        architecture.forward = try archive.codeForward(architecture.modules, batchFirst: architecture.batchFirst)
        architecture.orderModules()
      } catch {
        guard passed.contains(.forward) else { throw error }
        notes.append("\(error.place ?? "the model"): \(error.problem)")
      }
    }
    let isStated = architecture.forward != nil
    var suggestion: ForwardSuggestion?
    source = isStated ? .file : nil
    try Self.settleForward(of: &architecture, archive, options, &notes, &source, &suggestion)
    // The only module of a file needs no word.
    if source == .assumption, let line = architecture.line, line != Forward(chain: [""]).line(modules: architecture.modules) {
      forwardNote = "forward \(line): assumed from sizes and order (the file does not say; \(.forward))"
    }
    // A tensor that the forward uses by itself is no module of unknown meaning.
    let used = Set(architecture.forward?.parameterNames ?? [])
    architecture.modules.removeAll { module in
      if case .unknown(let module) = module { module.isTensor && used.contains(module.name) } else { false }
    }
    if !options.yieldToFile { try Self.checkEffect(of: options, on: architecture) }
    if let head = options.headActivation, !options.yieldToFile || !isStated {
      try Self.set(head, options, in: &architecture)
    }
    model = try Model(archive, architecture: architecture)
    model.suggestion = suggestion
    self.notes = notes
  }

  /// The same with what reference cases tell of the forward.
  ///
  /// - Parameters:
  ///   - notes: What else they tell, a sentence each.
  ///   - note: What is to be said of the forward.
  package func settled(_ forward: Forward, notes: [Phrase] = [], note: Phrase) throws(RNNError) -> Interpretation {
    var result = self
    var architecture = model.architecture
    architecture.forward = forward
    architecture.orderModules()
    result.model = try Model(model.archive, architecture: architecture)
    result.model.suggestion = model.suggestion
    result.source = .referenceCase
    result.notes += notes
    result.forwardNote = note
    return result
  }

  /// The same where no forward reproduces the reference cases.
  ///
  /// - Parameters:
  ///   - problem: Why none can be assumed, then, as an error has it; nil where the assumption is kept.
  ///   - proposals: The forwards that may be meant.
  ///   - word: What was tried.
  package func unsettled(problem: String?, _ proposals: [Forward], word: String) throws(RNNError) -> Interpretation {
    var result = self
    if let problem {
      var architecture = model.architecture
      architecture.forward = nil
      result.model = try Model(model.archive, architecture: architecture)
      result.model.suggestion = model.suggestion
      result.model.suggestion?.assumed = nil
      result.model.suggestion?.problem = problem
      result.model.suggestion?.proposals = Array(proposals.prefix(6))
      (result.source, result.forwardNote) = (nil, nil)
    } else if source == nil {
      result.model.suggestion?.problem = [model.suggestion?.problem, word].compactMap { $0 }.joined(separator: ", and ")
      if !proposals.isEmpty { result.model.suggestion?.proposals = Array(proposals.prefix(6)) }
    } else {
      result.forwardNote = forwardNote.map { "\($0); \(word)" } ?? Phrase(word)
    }
    return result
  }

  /// Fills in what tensors cannot tell.
  private static func complete(
    _ architecture: inout Architecture, _ hints: TensorArchive.Hints, _ options: ModelOptions, _ notes: inout [Phrase]
  ) {
    for index in architecture.modules.indices {
      guard case .recurrent(var module) = architecture.modules[index], module.cell == .rnn else { continue }
      if let known = hints.nonlinearity[module.name] ?? options.nonlinearity {
        module.activations.candidate = known
      } else {
        notes.append(
          "\(module.name.isEmpty ? "the RNN" : module.name): nonlinearity tanh, PyTorch's default (the file does not say; \(.nonlinearity))")
      }
      architecture.modules[index] = .recurrent(module)
    }
    if let known = hints.batchFirst ?? options.batchFirst {
      architecture.batchFirst = known
    } else {
      notes.append("batch_first False, PyTorch's default (the file does not say; \(.batchFirst))")
    }
  }

  /// What PyTorch's constructors take by themselves where nothing says it.
  private static func assumedNumbers(of architecture: Architecture, _ hints: TensorArchive.Hints) -> [Phrase] {
    architecture.modules.compactMap { (module) -> Phrase? in
      guard case .norm(let norm) = module,
        !(hints.declarations[norm.name]?.arguments.contains { $0.keyword == "eps" || $0.keyword == nil } ?? false)
      else { return nil }
      return Phrase("\(norm.name): \(norm.kind.rawValue) with eps \(norm.eps), PyTorch's default (the file does not say; write "
        + "\(ModuleDeclaration.spelled(norm.name)) = \(norm.kind.rawValue)(eps=…) before the forward's expression)")
    }
  }

  /// States that a file holds with an axis for the batch, without it.
  private static func flatteningStates(
    of architecture: Architecture, in archive: TensorArchive, _ notes: inout [Phrase]
  ) throws(RNNError) -> TensorArchive {
    var states = Set<String>()
    for module in architecture.recurrentModules where module.hasInitialState {
      let names = (module.cell == .lstm ? ["h0", "c0"] : ["h0"]).map { Model.join(module.name, $0) }
      states.formUnion(names)
      notes.append("\(module.name.isEmpty ? "the model" : module.name) starts from \(names.joined(separator: " and "))")
    }
    guard !states.isEmpty else { return archive }
    return try archive.mapTensors { (named) throws(RNNError) in
      let sizes = named.tensor.shape.dimensions
      guard states.contains(named.name), sizes.count == 3, let shape = Shape([sizes[0], sizes[2]]) else { return named.tensor }
      return named.tensor.reshaped(shape) ?? named.tensor
    }
  }

  private static func contradiction(_ option: Phrase, _ fact: String) -> RNNError {
    RNNError(.usage, "\(option) contradicts the file, which says \(fact)", remedy: "leave the option out")
  }

  /// An option that contradicts the file is more likely a slip than a wish.
  private static func check(_ options: ModelOptions, against stated: Architecture) throws(RNNError) {
    if let wanted = options.batchFirst, wanted != stated.batchFirst {
      throw contradiction("\(.batchFirst)", "batch_first=\(stated.batchFirst ? "True" : "False")")
    }
    if let wanted = options.nonlinearity {
      for module in stated.recurrentModules where module.cell == .rnn && module.activations.candidate != wanted {
        throw contradiction("\(.nonlinearity, wanted.name)", "\(module.activations.candidate.name) for \(module.name)")
      }
    }
  }

  private static func check(_ options: ModelOptions, against hints: TensorArchive.Hints) throws(RNNError) {
    if let wanted = options.batchFirst, let known = hints.batchFirst, wanted != known {
      throw contradiction("\(.batchFirst)", "batch_first=\(known ? "True" : "False")")
    }
    guard let wanted = options.nonlinearity else { return }
    for (name, known) in hints.nonlinearity.sorted(by: { $0.key < $1.key }) where known != wanted {
      throw contradiction("\(.nonlinearity, wanted.name)", "\(known.name) for \(name)")
    }
  }

  /// What is computed: what the options say, else the file, else the only chain that fits.
  private static func settleForward(
    of architecture: inout Architecture, _ archive: TensorArchive, _ options: ModelOptions, _ notes: inout [Phrase],
    _ source: inout ForwardSource?, _ suggestion: inout ForwardSuggestion?
  ) throws(RNNError) {
    var modules = architecture.modules
    let stated = architecture.forward
    if let line = options.forward, stated == nil || !options.yieldToFile {
      guard options.modules == nil else {
        throw RNNError(.usage, "\(.forward) and \(.modules) both say what is run", remedy: "leave one of them out")
      }
      // Those of which nothing says which axis of the kernel is time take it by their inputs' axes.
      let settled = Set(modules.compactMap { module in
        let isSaid = archive.architecture != nil || archive.hints.declarations[module.name]?.arguments.contains { $0.keyword == "time" } == true
        return isSaid ? module.name : nil
      })
      let (said, timeLast, remarks) = try Forward.read(
        line, modules, architecture.batchFirst, archive.hints.calls, { Model.parameterSize(archive[$0]) != nil }, settled: settled,
        constants: archive.hints.constants)
      notes += remarks
      for index in modules.indices where timeLast.contains(modules[index].name) {
        if case .convolution(let module) = modules[index] { modules[index] = .convolution(module.transposed) }
      }
      architecture.modules = modules
      do throws(RNNError) { _ = try said.shapes(modules) { Model.parameterSize(archive[$0]) } } catch {
        var error = error
        error.kind = .usage
        throw error
      }
      if let stated, stated != said { notes.append("the file says \(stated.line(modules: modules)), and \(.forward) is computed instead") }
      architecture.forward = said
      architecture.orderModules()
      source = .option
    } else if stated == nil {
      let found = ForwardSuggestion(modules, isOrdered: archive.isOrdered, calls: archive.hints.calls)
      suggestion = found
      guard let forward = found.assumed, options.modules == nil else { return }
      architecture.forward = forward
      architecture.orderModules()
      source = .assumption
    }
  }

  /// The modules that are run, in the order of application as far as it is known. Names that are none are left to the run.
  private static func chosen(_ options: ModelOptions, of architecture: Architecture) -> [Module] {
    guard let names = options.modules else { return architecture.usedModules }
    return names.compactMap { architecture[$0] }
  }

  private static func checkEffect(of options: ModelOptions, on architecture: Architecture) throws(RNNError) {
    guard options.nonlinearity != nil else { return }
    let isUsed = chosen(options, of: architecture).contains { module in
      if case .recurrent(let module) = module { module.cell == .rnn } else { false }
    }
    guard isUsed else {
      throw RNNError(.usage, "\(.nonlinearity) is of an Elman RNN, and \(options.modules == nil ? "the model has none" : "none is run")",
        remedy: "leave the option out")
    }
  }

  /// Sets what follows the last linear layer of those that are run.
  private static func set(
    _ head: Function, _ options: ModelOptions, in architecture: inout Architecture
  ) throws(RNNError) {
    let linear = chosen(options, of: architecture).compactMap { module in
      if case .linear(let module) = module { module } else { nil }
    }
    guard let last = linear.last else {
      throw RNNError(.usage,
        "\(.headActivation) needs a linear layer, and \(options.modules == nil ? "the model has none" : "none is run")",
        remedy: "leave the option out")
    }
    let called: Forward?
    if let names = options.modules { called = try architecture.part(names) } else { called = architecture.forward }
    guard var forward = called else {
      throw RNNError(.usage,
        "\(.headActivation) is of the last linear layer, and the file does not say which of \(linear.map(\.name).listed()) that is",
        remedy: "say what is computed with \(.forward) instead")
    }
    guard forward.insert(.activation(head), after: last.name) else {
      throw RNNError(.usage, "\(.headActivation) contradicts the file, which has another activation after \(last.name)",
        remedy: "leave the option out")
    }
    architecture.forward = forward
  }
}

/// Who says what a model computes.
public enum ForwardSource: String, Sendable, Hashable, CaseIterable {
  case file, option
  /// A reference case, which one of the forwards that were tried reproduces.
  case referenceCase = "case"
  /// Nobody: sizes and order leave one reading.
  case assumption
}

extension Architecture {
  /// The forward as a line; nil without one.
  public var line: String? { forward?.line(modules: modules) }

  /// Puts the modules in the order of their calls, where all of them are called.
  fileprivate mutating func orderModules() {
    let called = usedModules
    if called.count == modules.count { modules = called }
  }
}

extension Forward {
  /// Puts an activation behind a module, which everything then takes that took what the module gives. False where another
  /// one follows it already.
  package mutating func insert(_ operation: Operation, after module: String) -> Bool {
    guard let index = steps.firstIndex(where: { $0.operation == .module(module) }) else { return false }
    let users = steps.filter { $0.inputs.contains(.step(index)) }
    if users.contains(Step(operation, [.step(index)])) { return true }
    guard !users.contains(where: { if case .activation = $0.operation { true } else { false } }) else { return false }
    let moved: (Value) -> Value = { value in
      guard case .step(let number) = value, number >= index else { return value }
      return .step(number + 1)
    }
    for later in steps.indices where later > index { steps[later].inputs = steps[later].inputs.map(moved) }
    for output in outputs.indices { outputs[output].value = moved(outputs[output].value) }
    steps.insert(Step(operation, [.step(index)]), at: index + 1)
    return true
  }
}
