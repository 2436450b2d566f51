import RNNModel

/// Finds the state_dict in what torch.save was given: the dictionary itself, or the fullest one in a checkpoint.
struct TorchStateDict {
  private let objects: TorchObjects
  private var graph: PickleGraph { objects.graph }

  init(_ objects: TorchObjects) {
    self.objects = objects
  }

  /// A dictionary with tensors in it.
  private struct Candidate {
    /// `checkpoint['model']['state_dict']`, for people.
    var path: String
    var dictionary: PickleGraph.Value
    /// How many of its tensors have names of recurrent parameters, and how many there are.
    var score: (recurrent: Int, tensors: Int)
  }

  /// The tensors in their order, what the file holds beside them, and which dictionary was chosen.
  func archive(_ tensors: inout TorchTensors) throws(RNNError) -> TensorArchive {
    var archive = TensorArchive()
    let candidates = try self.candidates()
    guard var best = candidates.first else {
      throw RNNError(
        .badData, "no state_dict: the file holds no dictionary of names and tensors",
        remedy: "save model.state_dict() with torch.save")
    }
    for candidate in candidates.dropFirst() where candidate.score > best.score { best = candidate }
    for (key, value) in graph.dictionary(best.dictionary) ?? [] where objects.isTensor(value) {
      guard let name = key.string else { continue }
      try archive.append(name, tensors.tensor(objects.view(value, named: name), named: name))
    }
    if case .node(let chosen) = best.dictionary, case .node(let root) = graph.root, chosen != root {
      archive.notes.append("the state_dict is \(best.path) of the checkpoint")
    }
    let others = candidates.filter { $0.path != best.path }
    if !others.isEmpty {
      let names = others.map { $0.path.isEmpty ? "those of the outermost dictionary" : $0.path }
      archive.notes.append("tensors left out: \(names.listed(atMost: 4))")
    }
    archive.metadata = metadata()
    return archive
  }

  /// Every dictionary with tensors, outermost first.
  private func candidates() throws(RNNError) -> [Candidate] {
    var found: [Candidate] = []
    var seen = Set<Int>()
    /// Breadth first, so that a dictionary is named by its shortest path.
    var level: [(value: PickleGraph.Value, path: String)] = [(graph.root, "")]
    for _ in 0..<Limits.maximumDepth {
      var next: [(value: PickleGraph.Value, path: String)] = []
      for (value, path) in level {
        guard case .node(let index) = value, seen.insert(index).inserted else { continue }
        if let entries = graph.dictionary(value) {
          var score = (recurrent: 0, tensors: 0)
          for (key, value) in entries {
            let name = key.string
            if objects.isTensor(value) {
              guard let name else { continue }
              score.tensors += 1
              if ParameterName(parsing: name.split(separator: ".").last ?? "") != nil { score.recurrent += 1 }
            } else if case .node = value {
              next.append((value, "\(path)[\(Self.text(key))]"))
            }
          }
          if score.tensors > 0 { found.append(Candidate(path: path, dictionary: value, score: score)) }
        } else if let elements = graph.list(value) ?? graph.tuple(value) {
          for (position, element) in elements.enumerated() {
            if case .node = element { next.append((element, "\(path)[\(position)]")) }
          }
        }
      }
      if next.isEmpty { return found }
      level = next
    }
    throw RNNError(
      .badData, "dictionaries and lists nested in more than \(Limits.maximumDepth) levels",
      remedy: "save the model's state_dict alone")
  }

  private static func text(_ key: PickleGraph.Value) -> String {
    key.string.map { "'\($0)'" } ?? key.integer.map(String.init) ?? "?"
  }

  /// The numbers and texts of the outermost dictionary, such as an epoch.
  private func metadata() -> [JSONValue.Member] {
    var members: [JSONValue.Member] = []
    var names = Set<String>()
    for (key, value) in graph.dictionary(graph.root) ?? [] {
      guard let name = key.string, !objects.isTensor(value), let json = plain(value), names.insert(name).inserted else {
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
    default: nil
    }
  }
}
