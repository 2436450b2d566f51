/// Some modules of a model as a model of their own, and what was left out for it.
public struct ModelPart: Sendable {
  public let model: Model
  /// What was left out, one sentence each.
  public let notes: [String]

  /// Takes modules of a model, in the order of application. Each takes what the one before gives.
  ///
  /// The part has the modules' tensors, the reference cases that are of exactly these modules, and the model's metadata. A
  /// part that is not the whole model has neither its skip nor its gains. Throws `usage` for names that are none or stand
  /// twice, and `badData` where the modules do not follow each other.
  public init(_ names: [String], of whole: Model) throws(RNNError) {
    let all = whole.architecture
    var modules: [Module] = []
    for name in names {
      guard let module = all.modules.first(where: { $0.name == name }) else {
        throw RNNError(.usage, place: "module \(name)", "the model has no module of this name",
          remedy: "use one of \(all.modules.map(\.name).listed())")
      }
      guard !modules.contains(where: { $0.name == name }) else {
        throw RNNError(.usage, place: "module \(name)", "it is named twice, and a file holds a module once",
          remedy: "name it once")
      }
      modules.append(module)
    }
    var architecture = Architecture(modules: modules, batchFirst: all.batchFirst)
    if modules == all.modules {
      architecture = all
      architecture.orderKnown = true
    }
    if let gap = architecture.gap {
      throw RNNError(.usage, place: "module \(gap.module)", gap.problem,
        remedy: "name modules that follow each other with --module")
    }
    let chosen = Set(names)
    let left = all.modules.filter { !chosen.contains($0.name) }
    var notes: [String] = []
    let cannotRun = left.filter { if case .unknown = $0 { true } else { false } }
    let others = left.filter { if case .unknown = $0 { false } else { true } }
    if !others.isEmpty { notes.append("modules left out: \(others.map(\.name).listed())") }
    if !cannotRun.isEmpty { notes.append("modules left out, which cannot be run: \(cannotRun.map(\.name).listed())") }
    if architecture.skip != all.skip || architecture.inputGain != all.inputGain || architecture.outputGain != all.outputGain {
      notes.append("the whole model's skip and gains are left out")
    }
    var archive = whole.archive
    let kept = Set(modules.flatMap(Self.tensorNames))
    let elsewhere = Set(left.flatMap(Self.tensorNames))
    // What stands under a module's name and is no other's goes along with it.
    func stays(_ name: String) -> Bool {
      let prefix = name.lastIndex(of: ".").map { String(name[..<$0]) } ?? ""
      return kept.contains(name) || (chosen.contains(prefix) && !elsewhere.contains(name))
    }
    let gone = archive.tensors.map(\.name).filter { !stays($0) }
    if !gone.isEmpty { notes.append("tensors left out: \(gone.listed())") }
    archive = archive.keepingTensors(stays)
    let isWhole = modules == all.modules
    let dropped = archive.cases.filter { Self.modules(of: $0).map { $0 != names } ?? !isWhole }.map(\.name)
    if !dropped.isEmpty { notes.append("reference cases left out, which are of other modules: \(dropped.listed())") }
    archive.cases.removeAll { dropped.contains($0.name) }
    for index in archive.cases.indices { archive.cases[index].metadata.removeAll { $0.key == "modules" } }
    archive.hints.unknown.removeAll { !chosen.contains($0.name) }
    model = try Model(archive, architecture: architecture)
    self.notes = notes
  }

  private static func tensorNames(of module: Module) -> [String] {
    if case .unknown(let module) = module { module.tensorNames } else { Model.parameters(of: module).map(\.name) }
  }

  /// The modules that a case says it is of, nil for the whole chain.
  private static func modules(of reference: ReferenceCase) -> [String]? {
    reference.metadata.first { $0.key == "modules" }.map { $0.value.array?.compactMap(\.string) ?? [] }
  }
}
