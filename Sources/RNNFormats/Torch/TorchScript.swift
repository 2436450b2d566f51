import RNNModel

/// Reads the module of a TorchScript archive: tensors under the path of attributes that leads to them, and what the
/// code says of recurrent modules. The code is searched for constants and calls, never run.
struct TorchScript {
  private let objects: TorchObjects
  private var code: TorchScriptCode
  private var archive = TensorArchive()
  private var recurrent: [(name: String, facts: TorchScriptFacts)] = []
  private var seen = Set<Int>()

  /// `code` gives the text of a file under `code/`, nil where there is none.
  init(_ objects: TorchObjects, code: @escaping (String) throws(RNNError) -> String?) {
    self.objects = objects
    self.code = TorchScriptCode(code)
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
    return archive
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
    // A module that stands in two places has its tensors under the first path.
    guard case .node(let index) = value, let type = graph.name(value), let attributes = graph.attributes(value),
      seen.insert(index).inserted
    else { return }
    guard !TorchQuantization.isQuantized(class: type) else { throw TorchQuantization.error("module \(path)") }
    let module = TorchModuleClass(type)
    let facts = try code.facts(of: type)
    if let facts, facts.isRecurrent, module.isOfTorch {
      recurrent.append((path, facts))
      if let line = try code.stateGiven(by: type) {
        refuseForward("its forward() gives a state instead of its output: \(line)", at: path)
      }
    }
    var isTraining = false
    if case .bool(true)? = graph.attribute("training", of: value) { isTraining = true }
    if let random = facts?.randomness(isTraining: isTraining) {
      archive.departures.append(
        Departure(
          .randomness, place: path.isEmpty ? "the model" : "module \(path)", random,
          note: "run without the random numbers that the file's code draws"))
    }
    if module.isUnknown {
      archive.hints.unknown.append(.init(name: path, position: archive.tensors.count))
      archive.notes.append("\(path) is of class \(module.name), which RNNKit cannot run")
    } else if !module.isOfTorch {
      let own = attributes.filter { objects.isTensor($0.value) }.compactMap(\.key.string)
      if !own.isEmpty { archive.notes.append(module.note(of: own, at: path)) }
    }
    var children: [(name: String, hasTensors: Bool)] = []
    for (key, value) in attributes {
      guard let name = key.string else { continue }
      let path = Model.join(path, name)
      if objects.isTensor(value) {
        try archive.append(path, tensors.tensor(objects.view(value, named: path), named: path))
      } else {
        let before = archive.tensors.count
        try visit(value, path, depth + 1, &tensors)
        children.append((name, archive.tensors.count > before))
      }
    }
    if !module.isOfTorch || module.name == "Sequential", children.contains(where: \.hasTensors) {
      try check(code.forward(of: type), at: path, children)
    }
  }

  /// Refuses a `forward` that is not a chain of the modules in the order of their tensors.
  private mutating func check(
    _ forward: TorchScriptForward?, at path: String, _ children: [(name: String, hasTensors: Bool)]
  ) throws(RNNError) {
    let problem: String
    if let forward {
      let called = Set(forward.called)
      let order = children.map(\.name).filter(called.contains)
      let unused = children.filter { $0.hasTensors && !called.contains($0.name) }.map(\.name)
      if let line = forward.problem {
        problem = "its forward() does more than call its modules in turn: \(line)"
      } else if !unused.isEmpty {
        problem = "its forward() does not call \(unused.listed())"
      } else if order != forward.called {
        problem = "its forward() calls \(forward.called.listed()), in another order than the tensors have"
      } else {
        return
      }
    } else {
      problem = "the archive does not say what its forward() does"
    }
    refuseForward(problem, at: path)
  }

  private mutating func refuseForward(_ problem: String, at path: String) {
    let place = path.isEmpty ? "the model" : "module \(path)"
    archive.departures.append(
      Departure(.forward, place: place, problem,
        note: "\(place): modules are run in the order of their tensors, without the rest of forward()"))
  }
}
