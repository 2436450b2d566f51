import RNNModel

/// Finds the model in what was pickled: a dictionary of names and tensors or arrays, the fullest one in a checkpoint, or a
/// module that was saved whole.
struct TorchStateDict {
  private let objects: TorchObjects
  private let arrays: PickledArrays
  private let request: ModelRequest
  private var graph: PickleGraph { objects.graph }

  init(_ objects: TorchObjects, _ request: ModelRequest) {
    self.objects = objects
    self.request = request
    arrays = PickledArrays(graph: objects.graph)
  }

  /// A dictionary with tensors in it, or a module.
  private struct Candidate {
    /// Its number in the search.
    var place: Int
    var value: PickleGraph.Value
    var isModule = false
    /// How many of its tensors have names of recurrent parameters, and how many there are.
    var score: (recurrent: Int, tensors: Int)
  }

  /// The tensors in their order, what the file holds beside them, and which dictionary was chosen.
  func archive(_ tensors: inout TorchTensors) throws(RNNError) -> TensorArchive {
    var archive = TensorArchive()
    var search = PickleSearch(objects, arrays)
    let candidates = try self.candidates(&search)
    guard let best = try choice(candidates, search) else { throw missing(search) }
    if best.isModule {
      var budget = Limits.maximumTensorCount
      try PickledModule(best.value, in: objects, budget: &budget).add(to: &archive, objects, &tensors)
    } else {
      try add(best.value, &tensors, to: &archive)
    }
    if best.place != 0 {
      archive.notes.append("the state_dict is \(search.path(best.place)) of the checkpoint")
    }
    let others = candidates.filter { $0.place != best.place }
    // An optimizer's state has tensors too, which are no parameters of a model.
    let models = others.filter { $0.score.recurrent > 0 }
    if !models.isEmpty {
      archive.notes.append(
        "other models in the file, left out: \(models.map { search.path($0.place) }.listed(atMost: 4))")
    }
    let rest = others.filter { $0.score.recurrent == 0 }
    if !rest.isEmpty { archive.notes.append("tensors left out: \(rest.flatMap { names(of: $0, search) }.listed(atMost: 4))") }
    if search.isCut {
      archive.notes.append("what is nested in more than \(Limits.maximumDepth) levels was not searched for tensors")
    }
    archive.metadata = metadata()
    return archive
  }

  /// The candidate that the user names, else the only one with recurrent weights, else, where none has any, the fullest.
  private func choice(_ candidates: [Candidate], _ search: PickleSearch) throws(RNNError) -> Candidate? {
    let models = candidates.filter { $0.score.recurrent > 0 }
    if let entry = request.entry, !candidates.isEmpty {
      if let exact = candidates.first(where: { search.path($0.place) == entry }) { return exact }
      let found = candidates.filter { search.name($0.place) == entry }
      guard found.count == 1 else {
        throw ModelEntry.unknown(
          entry, of: (models.isEmpty ? candidates : models).map { name($0, search, among: candidates) }, request,
          isAmbiguous: found.count > 1)
      }
      return found[0]
    }
    if models.count > 1 {
      throw ModelEntry.several(models.map { name($0, search, among: candidates) }, request)
    }
    guard var best = models.first ?? candidates.first else { return nil }
    for candidate in candidates where candidate.score > best.score { best = candidate }
    return best
  }

  /// `model.state_dict`, or, where that may be two, `['model']['state_dict']`.
  private func name(_ candidate: Candidate, _ search: PickleSearch, among all: [Candidate]) -> String {
    let name = search.name(candidate.place)
    return all.count { search.name($0.place) == name } == 1 ? name : search.path(candidate.place)
  }

  /// A dictionary's path; the outermost one's tensors by name.
  private func names(of candidate: Candidate, _ search: PickleSearch) -> [String] {
    guard candidate.place == 0 else { return [search.path(candidate.place)] }
    return (graph.dictionary(candidate.value) ?? []).filter { isTensor($0.value) }
      .map { "['\($0.key.string ?? "?")']" }
  }

  private func isTensor(_ value: PickleGraph.Value) -> Bool { objects.isTensor(value) || arrays.isArray(value) }

  /// Adds a dictionary's tensors, and its arrays: of those beside torch's tensors, numbers alone and what is of no type
  /// of numbers are no parameters.
  private func add(
    _ dictionary: PickleGraph.Value, _ tensors: inout TorchTensors, to archive: inout TensorArchive
  ) throws(RNNError) {
    let entries = graph.dictionary(dictionary) ?? []
    if let packed = entries.first(where: { TorchQuantization.isQuantized($0.value, in: graph) }) {
      throw TorchQuantization.error("tensor \(packed.key.string ?? "?")")
    }
    let isOfTorch = entries.contains { objects.isTensor($0.value) }
    var left: [String] = []
    for (key, value) in entries {
      guard let name = key.string else { continue }
      if objects.isTensor(value) {
        try archive.append(name, tensors.tensor(objects.view(value, named: name), named: name))
      } else if arrays.isArray(value) {
        let last = Model.split(name).parameter
        if !isOfTorch || ["weight", "bias"].contains(last) || ParameterName(parsing: last) != nil {
          try archive.append(name, arrays.tensor(value, named: name))
        } else if let tensor = try? arrays.tensor(value, named: name), tensor.shape.rank > 0 {
          try archive.append(name, tensor)
        } else {
          left.append(name)
        }
      }
    }
    if !left.isEmpty { archive.notes.append("NumPy arrays beside the tensors, left out: \(left.listed(atMost: 4))") }
  }

  // MARK: Searching

  /// Every dictionary with tensors, and every module, outermost first.
  private func candidates(_ search: inout PickleSearch) throws(RNNError) -> [Candidate] {
    var found: [Candidate] = []
    // One for all modules of the file, which may share what is in them.
    var budget = Limits.maximumTensorCount
    while let (place, value, isInObject) = search.next() {
      if PickledModule.isModule(value, in: graph) {
        let module = try PickledModule(value, in: objects, budget: &budget)
        let isQuantized = module.all.contains { TorchQuantization.isQuantized(class: $0.className) }
        if module.score.tensors > 0 || isQuantized {
          found.append(Candidate(place: place, value: value, isModule: true, score: module.score))
        }
        continue
      }
      search.descend(value, from: place)
      guard let entries = graph.dictionary(value) else { continue }
      var score = (recurrent: 0, tensors: 0)
      for (key, value) in entries {
        guard let name = key.string, isTensor(value) || TorchQuantization.isQuantized(value, in: graph) else { continue }
        score.tensors += 1
        // The weights of a quantized module are packed under one name.
        let isRecurrent = ParameterName(parsing: Model.split(name).parameter) != nil
        if isRecurrent || name.contains("._all_weight_values.") { score.recurrent += 1 }
      }
      // The attributes of an object are no state_dict by themselves.
      if score.recurrent > 0 || (score.tensors > 0 && !isInObject) {
        found.append(Candidate(place: place, value: value, score: score))
      }
    }
    return found
  }

  private static let single = "a single tensor, which has no name", none = "no state_dict"

  /// Whether a refusal says that a pickle, sound as it is, holds nothing that could be a model.
  static func foundNothing(_ error: RNNError) -> Bool {
    let problem = "\(error.problem)"
    return problem == single || problem.hasPrefix(none + ":")
  }

  /// That nothing was found, and what the file is instead.
  private func missing(_ search: PickleSearch) -> RNNError {
    let save = "save a dictionary of names and tensors with torch.save, or of names and arrays with numpy.savez"
    if isTensor(graph.root) {
      return RNNError(.badData, Self.single, remedy: save)
    }
    if let name = graph.name(graph.root) ?? graph.root.global {
      return RNNError(
        .badData, "a pickled \(name), which is not a dictionary of names and tensors; nothing in it was executed",
        remedy: name.hasPrefix("sklearn.")
          ? "scikit-learn has no recurrent layers; where skorch or a wrapper holds one, save that: torch.save(net.module_.state_dict(), \"model.pt\")"
          : "take its weights out where it can be loaded, and save them by PyTorch's names with numpy.savez")
    }
    let classes = search.classes.prefix(3).joined(separator: ", ")
    return RNNError(
      .badData,
      "\(Self.none): the file holds no dictionary of names and tensors"
        + (search.isCut ? " within \(Limits.maximumDepth) levels" : "")
        + (classes.isEmpty ? "" : ", but objects of \(classes)"), remedy: save)
  }

  // MARK: Metadata

  /// The numbers and texts of the outermost dictionary, such as an epoch.
  private func metadata() -> [JSONValue.Member] {
    var members: [JSONValue.Member] = []
    var names = Set<String>()
    for (key, value) in graph.dictionary(graph.root) ?? [] {
      guard let name = key.string, !isTensor(value), let json = plain(value), names.insert(name).inserted else {
        continue
      }
      members.append(.init(name, json))
    }
    return members
  }

  /// A value without parts.
  private func plain(_ value: PickleGraph.Value) -> JSONValue? {
    switch value {
    case .none: .null
    case .bool(let value): .bool(value)
    case .integer(let value): .integer(Int64(value))
    case .float(let value): value.isFinite ? .number(value) : .string(value.description)
    case .string(let text): .string(text)
    case .node: arrays.number(value)
    default: nil
    }
  }
}
