extension TensorArchive {
  /// What the file's own code computes with these modules; nil where it says nothing.
  ///
  /// Throws `badData` where that is nothing that fits the modules.
  func codeForward(_ modules: [Module], batchFirst: Bool) throws(RNNError) -> Forward? {
    guard let line = hints.forwardLine else { return nil }
    // The code has the names from before the tensors were renamed.
    var moduleNames: [String: String] = [:]
    let known = modules.map { module in
      guard let old = nameBefore(module), old != module.name else { return module }
      moduleNames[old] = module.name
      return module.named(old)
    }
    let tensorNames = Dictionary(hints.renamed.map { ($1, $0) }) { first, _ in first }
    func parameter(_ name: String) -> Tensor? { self[tensorNames[name] ?? name] }
    do throws(RNNError) {
      let forward = try Forward(printed: line, modules: known, batchFirst: batchFirst) { Model.parameterSize(parameter($0)) != nil }
      _ = try forward.shapes(known) { Model.parameterSize(parameter($0)) }
      return forward.renamed(modules: moduleNames) { tensorNames[$0] ?? $0 }
    } catch {
      let short = line.count > 200 ? line.prefix(200) + "…" : line[...]
      throw Departure(
        .forward, place: "the model", "its forward() is \(short), which cannot be run: \(error.problem)",
        note: "the file's own forward() is not followed: \(short)"
      ).error()
    }
  }

  /// What a module was called before its tensors were renamed.
  private func nameBefore(_ module: Module) -> String? {
    var names = Model.parameters(of: module).map(\.name)
    if case .unknown(let unknown) = module { names = unknown.tensorNames }
    guard let new = names.first, let old = hints.renamed[new], new.hasPrefix(module.name) else { return nil }
    let rest = new.dropFirst(module.name.count)
    guard !module.name.isEmpty else { return old.hasSuffix("." + rest) ? String(old.dropLast(rest.count + 1)) : nil }
    if old == rest.dropFirst() { return "" }
    return old.hasSuffix(rest) ? String(old.dropLast(rest.count)) : nil
  }
}
