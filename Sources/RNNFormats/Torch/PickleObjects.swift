import RNNModel

// Globals and what is made by calling them: names and records.
extension PickleMachine {
  /// The name of a global, as Python 3 has it.
  mutating func global(_ module: String, _ name: String) throws(RNNError) -> String {
    guard module.utf8.count + name.utf8.count < Limits.maximumNameLength else {
      throw error("a global's name of more than \(Limits.maximumNameLength) bytes")
    }
    let path =
      switch module {
      case "__builtin__": "builtins.\(name)"
      case "copy_reg": "copyreg.\(name)"
      default: "\(module).\(name)"
      }
    return graph.names[Int(try intern(path))]
  }

  mutating func intern(_ name: String) throws(RNNError) -> Int32 {
    if let known = names[name] { return known }
    try spend(name.utf8.count + 96)
    let index = Int32(graph.names.count)
    names[name] = index
    graph.names.append(name)
    return index
  }

  /// The name of what is called. Legacy files of whole modules hold the class outside the pickle, beside its source.
  func name(of callee: PickleGraph.Value) throws(RNNError) -> String {
    switch callee {
    case .global(let name): return name
    case .node:
      if let id = graph.persistent(callee), let (kind, type) = graph.firstTwo(id), kind.string == "module" {
        return type.global ?? "?"
      }
      // The result of another call, as getattr's is.
      return "\(graph.name(callee) ?? "?")(…)"
    default: throw error("a call of something that is no class or function")
    }
  }

  mutating func call(_ callee: PickleGraph.Value, _ arguments: PickleGraph.Run) throws(RNNError) {
    var name = try name(of: callee)
    var run = arguments
    var (base, filling): (String?, PickleGraph.Value?)
    // No slice of the values is held: they are appended to below, and would be copied each time.
    let (first, count) = (run.range.lowerBound, run.range.count)
    if name == "copyreg.__newobj__" || name == "copyreg.__newobj_ex__" || name == "copyreg._reconstructor", count > 0,
      let actual = graph.values[first].global
    {
      // The class stands first, for a reconstructor with the class that keeps its contents, and these.
      if name == "copyreg._reconstructor", count == 3 {
        (base, filling) = (graph.values[first + 1].global, graph.values[first + 2])
      }
      run = PickleGraph.Run(start: run.start + 1, count: run.count - 1)
      name = actual
    }
    if name == "collections.OrderedDict" || name == "builtins.dict" {
      return try pushDictionary(pairs(base == nil ? graph.values[run.range].first : filling, run.count))
    }
    try spend(MemoryLayout<PickleGraph.Record>.stride)
    var record = PickleGraph.Record(name: try intern(name), arguments: run)
    if let filling, base == "builtins.dict", let entries = graph.dictionary(filling) {
      record.entries = try newDictionary(entries)
    } else if let filling, base == "builtins.list", let elements = graph.list(filling) {
      record.elements = try newList(elements[...])
    }
    try push(.record(Int32(graph.records.count)))
    graph.records.append(record)
  }

  /// The entries that a dictionary is made of: another one, or pairs, which Python 2 gives as a list of lists.
  func pairs(_ value: PickleGraph.Value?, _ count: Int32) throws(RNNError) -> [PickleGraph.Entry] {
    guard let value, count > 0 else { return [] }
    if let entries = graph.dictionary(value) { return entries }
    guard let pairs = graph.list(value) ?? graph.tuple(value) else {
      throw error("an OrderedDict of something that is no list of pairs")
    }
    var entries: [PickleGraph.Entry] = []
    for pair in pairs {
      guard let pair = graph.list(pair) ?? graph.tuple(pair), pair.count == 2 else {
        throw error("an OrderedDict of something that is no list of pairs")
      }
      entries.append((pair[0], pair[1]))
    }
    return entries
  }

  mutating func build() throws(RNNError) {
    let state = try pop()
    let target = try top()
    switch graph.node(target) {
    case .record(let index):
      let name = graph.names[Int(graph.records[Int(index)].name)]
      if name.hasPrefix("joblib.") || name.contains(".joblib.") {
        throw error(
          "an array of joblib's (\(name)), whose bytes stand between the opcodes",
          "load it with joblib.load and save the arrays with numpy.savez")
      }
      try spend(MemoryLayout<PickleGraph.Value>.stride)
      graph.records[Int(index)].state = Int32(graph.values.count)
      graph.values.append(state)
    // The versions of modules that state_dict() hangs on its dictionary change no number.
    case .dictionary: break
    case nil:
      // What a class made at run time is given.
      guard case .global = target else { throw error("BUILD of something that takes no state") }
    default: throw error("BUILD of something that takes no state")
    }
  }
}
