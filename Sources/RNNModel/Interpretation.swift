/// What the user says of a model whose file does not.
public struct ModelOptions: Sendable, Hashable {
  /// tanh or relu, for every Elman RNN of the file.
  public var nonlinearity: Activation?
  public var batchFirst: Bool?
  /// What follows the last linear layer.
  public var headActivation: Linear.Head?
  /// What to go on without where a file asks for it and RNNKit does not do it.
  public var ignored: Set<Departure.Kind>
  /// Whether an option that contradicts the file is passed over rather than refused, as where the same options serve two
  /// files.
  public var yieldToFile = false

  public init(nonlinearity: Activation? = nil, batchFirst: Bool? = nil, headActivation: Linear.Head? = nil,
    ignoring ignored: Set<Departure.Kind> = []
  ) {
    self.nonlinearity = nonlinearity
    self.batchFirst = batchFirst
    self.headActivation = headActivation
    self.ignored = ignored
  }
}

/// A model, and how it was come by where its file left something open.
public struct Interpretation: Sendable {
  public let model: Model
  /// What was assumed, one sentence each.
  public let assumptions: [String]

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
    self.init(interpretation.model, [lost.note] + interpretation.assumptions)
  }

  private init(_ model: Model, _ assumptions: [String]) {
    (self.model, self.assumptions) = (model, assumptions)
  }

  /// Of an archive that nothing is missing from.
  private init(readable archive: TensorArchive, _ options: ModelOptions) throws(RNNError) {
    var notes: [String] = []
    var archive = archive
    var said = Set<String>()
    for departure in archive.departures where options.ignored.contains(departure.kind) {
      if said.insert(departure.note).inserted { notes.append(departure.note) }
    }
    archive.departures.removeAll { options.ignored.contains($0.kind) }
    var architecture: Architecture
    if let stated = archive.architecture {
      architecture = stated
      if archive.hints.leavesLayoutOpen {
        Self.complete(&architecture, archive.hints, options, &notes)
      } else if !options.yieldToFile {
        try Self.check(options, against: stated)
      }
    } else {
      architecture = try ArchitectureSearch(archive).architecture(notes: &notes)
      Self.complete(&architecture, archive.hints, options, &notes)
    }
    if let head = options.headActivation, !options.yieldToFile || archive.architecture == nil {
      try Self.set(head, in: &architecture)
    }
    model = try Model(archive, architecture: architecture)
    assumptions = notes
  }

  /// Fills in what tensors cannot tell.
  private static func complete(
    _ architecture: inout Architecture, _ hints: TensorArchive.Hints, _ options: ModelOptions, _ notes: inout [String]
  ) {
    for index in architecture.modules.indices {
      guard case .recurrent(var module) = architecture.modules[index], module.cell == .rnn else { continue }
      if let known = hints.nonlinearity[module.name] ?? options.nonlinearity {
        module.activations.candidate = known
      } else {
        notes.append(
          "\(module.name.isEmpty ? "the RNN" : module.name): nonlinearity tanh, PyTorch's default (the file does not say; --nonlinearity)")
      }
      architecture.modules[index] = .recurrent(module)
    }
    if let known = hints.batchFirst ?? options.batchFirst {
      architecture.batchFirst = known
    } else {
      notes.append("batch_first False, PyTorch's default (the file does not say; --batch-first)")
    }
  }

  /// An option that contradicts the file is more likely a slip than a wish.
  private static func check(_ options: ModelOptions, against stated: Architecture) throws(RNNError) {
    func contradict(_ option: String, _ fact: String) -> RNNError {
      RNNError(.usage, "\(option) contradicts the file, which says \(fact)", remedy: "leave the option out")
    }
    if let wanted = options.batchFirst, wanted != stated.batchFirst {
      throw contradict("--batch-first", "batch_first=\(stated.batchFirst ? "True" : "False")")
    }
    if let wanted = options.nonlinearity {
      for module in stated.recurrentModules where module.cell == .rnn && module.activations.candidate != wanted {
        throw contradict("--nonlinearity \(wanted.name)", "\(module.activations.candidate.name) for \(module.name)")
      }
    }
  }

  private static func set(_ head: Linear.Head, in architecture: inout Architecture) throws(RNNError) {
    for index in architecture.modules.indices.reversed() {
      guard case .linear(var module) = architecture.modules[index] else { continue }
      guard module.activation == .elementwise(.identity) || module.activation == head else {
        throw RNNError(.usage, "--head-activation contradicts the file, which has another activation after \(module.name)",
          remedy: "leave the option out")
      }
      module.activation = head
      architecture.modules[index] = .linear(module)
      return
    }
    throw RNNError(.usage, "--head-activation needs a linear layer, and the model has none", remedy: "leave the option out")
  }
}
