import RNNModel

/// Reads the module of a TorchScript archive: tensors under the path of attributes that leads to them, and what the
/// code says. It is searched for constants and calls and followed as text, never run.
struct TorchScript {
  private let objects: TorchObjects
  private var code: TorchScriptCode
  private var archive = TensorArchive()
  private var recurrent: [(name: String, facts: TorchScriptFacts)] = []
  /// Where each module stands: a module that stands in two places has its tensors under the first path.
  private var paths: [Int: String] = [:]
  /// Said where the code does not tell what a tensor is.
  private var guesses: [Phrase] = []
  private let library: ScriptLibrary
  private let constants: (Int) -> [Double]?

  /// - Parameters:
  ///   - code: Gives the text of a file under `code/`, nil where there is none.
  ///   - constants: Gives the numbers of a constant of the code; nil where they are no few numbers.
  init(
    _ objects: TorchObjects, code: @escaping (String) throws(RNNError) -> String?, constants: @escaping (Int) -> [Double]?
  ) {
    self.objects = objects
    self.code = TorchScriptCode(code)
    self.constants = constants
    library = ScriptLibrary(code)
  }

  mutating func archive(_ tensors: inout TorchTensors) throws(RNNError) -> TensorArchive {
    try visit(objects.graph.root, "", 0, &tensors)
    guard !archive.tensors.isEmpty else {
      throw RNNError(
        .badData, "a TorchScript archive whose module has no tensors, as a frozen one has none",
        remedy: "save the model before torch.jit.freeze")
    }
    for (name, facts) in recurrent {
      if let nonlinearity = facts.nonlinearity { archive.hints.nonlinearity[name] = nonlinearity }
    }
    archive.add(layouts: recurrent.compactMap { module in module.facts.batchFirst.map { (module.name, $0) } })
    readForward()
    return archive
  }

  /// What the code computes, or why no line says it.
  private mutating func readForward() {
    let reader = ScriptReader(objects: objects, library: library, paths: paths, archive: archive, constants: constants)
    switch reader.read() {
    case .problem(let place, let text):
      archive.notes += guesses
      archive.departures.append(
        Departure(.forward, place: place, "the model's forward() cannot be followed here: \(text)",
          note: "the file's own forward() is not followed, which says at \(place): \(text)"))
    case .line(let line):
      archive.hints.forwardLine = line.text
      archive.hints.kinds.merge(line.kinds) { $1 }
      archive.hints.declarations.merge(line.declarations) { $1 }
      // A forward may turn its input about for a module of the other layout.
      if let batchFirst = line.batchFirst { archive.hints.batchFirst = batchFirst }
      archive.notes += line.notes
      // The line says what activations do that are modules; other modules that it does not call are tensors at most.
      var owners = Set<Substring>()
      for tensor in archive.tensors {
        var name = tensor.name[...]
        while let dot = name.lastIndex(of: "."), owners.insert(name[..<dot]).inserted { name = name[..<dot] }
      }
      archive.hints.unknown.removeAll { module in
        line.kinds[module.name] != nil || line.declarations[module.name] != nil || (!line.modules.contains(module.name) && !owners.contains(module.name[...]))
      }
    }
    for module in archive.hints.unknown {
      archive.notes.append("\(module.name) is of class \(module.className), which RNNKit cannot run")
    }
  }

  private mutating func visit(
    _ value: PickleGraph.Value, _ path: String, _ depth: Int, _ tensors: inout TorchTensors
  ) throws(RNNError) {
    guard depth < Limits.maximumDepth else {
      throw RNNError(
        .badData, place: path, "modules nested in more than \(Limits.maximumDepth) levels",
        remedy: "save the model's state_dict")
    }
    let graph = objects.graph
    guard case .node(let index) = value, let type = graph.name(value), let attributes = graph.attributes(value),
      paths[index] == nil
    else { return }
    paths[index] = path
    guard !TorchQuantization.isQuantized(class: type) else { throw TorchQuantization.error("module \(path)") }
    let module = TorchModuleClass(type)
    let facts = try code.facts(of: type)
    if let facts, facts.isRecurrent, module.isOfTorch {
      recurrent.append((path, facts))
    }
    archive.hints.kinds[path] = module.kind
    let children = attributes.compactMap { entry in entry.key.string.flatMap { graph.name(entry.value) == nil ? nil : Model.join(path, $0) } }
    let call = module.call(children: children) { name in attributes.last { $0.key.string == name }?.value }
    archive.hints.calls[path] = call
    var isTraining = false
    if case .bool(true)? = graph.attribute("training", of: value) { isTraining = true }
    if let random = facts?.randomness(isTraining: isTraining) {
      archive.departures.append(
        Departure(
          .randomness, place: path.isEmpty ? "the model" : "module \(path)", "\(random)",
          note: "run without the random numbers that the file's code draws"))
    }
    if module.isUnknown, call == nil {
      archive.hints.unknown.append(.init(name: path, className: String(module.name), position: archive.tensors.count))
    } else if !module.isOfTorch {
      let own = attributes.filter { objects.isTensor($0.value) }.compactMap(\.key.string)
      if !own.isEmpty { guesses.append(module.note(of: own, at: path)) }
    }
    for (key, value) in attributes {
      guard let name = key.string else { continue }
      let path = Model.join(path, name)
      if objects.isTensor(value) {
        try archive.append(path, tensors.tensor(objects.view(value, named: path), named: path))
      } else {
        try visit(value, path, depth + 1, &tensors)
      }
    }
  }
}
