/// Some modules of a model as a model of their own, and what was left out for it.
public struct ModelPart: Sendable {
  /// The part as a model of its own.
  public let model: Model
  /// What was left out, one sentence each.
  public let notes: [Phrase]

  /// Takes modules of a model, in the order of application. Each takes what the one before gives.
  ///
  /// See `Architecture.part` for what else goes along. Throws `usage` for names that are none or stand
  /// twice, and `badData` where the modules do not follow each other.
  public init(_ names: [String], of whole: Model) throws(RNNError) {
    let all = whole.architecture
    var seen = Set<String>()
    for name in names where !seen.insert(name).inserted {
      throw RNNError(.usage, place: "module \(name)", "it is named twice, and a file holds a module once",
        remedy: "name it once")
    }
    try self.init(all.part(names), of: whole)
  }

  /// Takes the modules that a forward calls.
  ///
  /// The part has the modules' tensors and those that the forward uses by themselves, the reference cases that are of
  /// exactly these modules, and the model's metadata.
  public init(_ forward: Forward, of whole: Model) throws(RNNError) {
    let all = whole.architecture
    let names = forward.moduleNames
    let modules = names.compactMap { all[$0] }
    do throws(RNNError) {
      _ = try forward.shapes(all.modules) { Model.parameterSize(whole.archive[$0]) }
    } catch {
      var error = error
      error.kind = .usage
      error.remedy = "name modules that follow each other with \(.modules)"
      throw error
    }
    let architecture = Architecture(modules: modules, forward: forward, batchFirst: all.batchFirst)
    let chosen = Set(names)
    let left = all.modules.filter { !chosen.contains($0.name) }
    var notes: [Phrase] = []
    let cannotRun = left.filter { if case .unknown = $0 { true } else { false } }
    let others = left.filter { if case .unknown = $0 { false } else { true } }
    if !others.isEmpty { notes.append("modules left out: \(others.map(\.name).listed())") }
    if !cannotRun.isEmpty { notes.append("modules left out, which cannot be run: \(cannotRun.map(\.name).listed())") }
    let isWhole = forward == all.forward
    if let stated = all.forward, !isWhole, left.isEmpty {
      notes.append("the whole model computes \(stated.line(modules: all.modules)), of which this is a part")
    }
    var archive = whole.archive
    let kept = Set(modules.flatMap { Self.tensorNames(of: $0, in: whole) } + forward.parameterNames)
    let elsewhere = Set(left.flatMap { Self.tensorNames(of: $0, in: whole) })
    // What stands under a module's name and is no other's goes along with it.
    func stays(_ name: String) -> Bool {
      kept.contains(name) || (chosen.contains(Model.split(name).module) && !elsewhere.contains(name))
    }
    let gone = archive.tensors.map(\.name).filter { !stays($0) }
    if !gone.isEmpty { notes.append("tensors left out: \(gone.listed())") }
    archive = archive.keepingTensors(stays)
    let dropped = archive.cases.filter { Self.modules(of: $0).map { $0 != names } ?? !isWhole }.map(\.name)
    if !dropped.isEmpty { notes.append("reference cases left out, which are of other modules: \(dropped.listed())") }
    archive.cases.removeAll { dropped.contains($0.name) }
    for index in archive.cases.indices { archive.cases[index].metadata.removeAll { $0.key == "modules" } }
    archive.hints.unknown.removeAll { !chosen.contains($0.name) }
    model = try Model(archive, architecture: architecture)
    self.notes = notes
  }

  private static func tensorNames(of module: Module, in model: Model) -> [String] {
    if case .unknown(let module) = module { module.tensorNames } else { model.parameterNames(of: module) }
  }

  /// The modules that a case says it is of, nil for the whole chain.
  private static func modules(of reference: ReferenceCase) -> [String]? {
    reference.metadata.first { $0.key == "modules" }.map { $0.value.array?.compactMap(\.string) ?? [] }
  }
}
