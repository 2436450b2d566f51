import RNNKit

/// Where a run's first state comes from.
struct StateArguments {
  var h0: String?
  var c0: String?
  var stateIn: String?
  var hdf5: HDF5Process

  /// Throws for what no file can mend.
  func check() throws(RNNError) {
    if let h0, Self.isNormal(h0) { _ = try Self.normal(h0) }
    if let c0, Self.isNormal(c0) {
      throw RNNError(.usage, "--c0 \(c0): expected a file or zeros",
        remedy: "save the cell state as a file, or leave the option out")
    }
  }

  /// Whether nothing says where to start.
  func isDefault(_ members: [NamedTensor]) -> Bool {
    h0 == nil && c0 == nil && stateIn == nil && !members.contains { StateName($0.name) != nil }
  }

  /// The state to start from. Options go before the `h0` and `c0` among the `members` of the `input` file.
  func state(
    of plan: Plan, batch: Int, input: String? = nil, members: [NamedTensor] = []
  ) throws(RNNError) -> State {
    try OptionEffects.checkState(stateIn, of: plan)
    var state: State
    do throws(RNNError) {
      if let stateIn { return try stored(in: stateIn, plan, batch) }
      let rest = members.filter { member in
        StateName(member.name).map { ($0.isCell ? c0 : h0) == nil || !$0.isUsual } ?? false
      }
      state = try plan.state(batch: batch, members: rest)
    } catch {
      throw (stateIn ?? input).map(error.inFile) ?? error
    }
    if let h0, Self.isNormal(h0) {
      let (sigma, seed) = try Self.normal(h0)
      try state.setNormal(sigma: sigma, seed: seed)
    } else if let h0 {
      try set("h0", from: h0, plan, batch) { (tensor, module) throws(RNNError) in try state.setH(tensor, module) }
    }
    if let c0 {
      try set("c0", from: c0, plan, batch) { (tensor, module) throws(RNNError) in try state.setC(tensor, module) }
    }
    return state
  }

  /// A whole state as --state-out writes it, or as the members of an earlier run's output.
  private func stored(in path: String, _ plan: Plan, _ batch: Int) throws(RNNError) -> State {
    try plan.state(batch: batch, storedAs: Arrays.read(path, loneArray: "h0", hdf5))
  }

  /// Sets one kind of state of every module from a file, or to zeros.
  private func set(
    _ name: String, from source: String, _ plan: Plan, _ batch: Int, _ body: (Tensor, String) throws(RNNError) -> Void
  ) throws(RNNError) {
    let modules = plan.architecture.recurrentModules.filter { name == "h0" || $0.cell == .lstm }
    guard !modules.isEmpty else {
      throw RNNError(.usage, "--\(name): the chain has no module with such a state", remedy: "leave the option out")
    }
    let stored = source == "zeros" ? [] : try Arrays.read(source, loneArray: name, hdf5)
    let known = modules.map { Model.join($0.name, name) } + (modules.count == 1 ? [name] : [])
    if let other = stored.first(where: { array in
      StateName(array.name).map { $0.isCell == (name == "c0") } == true && !known.contains(array.name)
    }), stored.count > 1 {
      throw RNNError(.badData, file: source, place: other.name, "a starting state of no recurrent module that is run",
        remedy: "name it as one of \(known.listed()), or leave it out")
    }
    for module in modules {
      let tensor: Tensor
      if source == "zeros" {
        tensor = try Self.zeros([module.numLayers * module.directionCount, batch, name == "h0" ? module.stateSize : module.hiddenSize])
      } else {
        let whole = Model.join(module.name, name)
        let names = modules.count == 1 ? [whole, name] : [whole]
        // The only array of a file need not be named for the only module there is.
        guard let found = stored.first(where: { names.contains($0.name) })
          ?? (modules.count == 1 && stored.count == 1 ? stored[0] : nil)
        else {
          throw RNNError(.badData, file: source,
            "holds no array named \(names[names.count - 1]), but \(stored.map(\.name).listed())",
            remedy: "name the array \(names[names.count - 1])")
        }
        tensor = found.tensor
      }
      do throws(RNNError) {
        try body(tensor, module.name)
      } catch {
        throw error.inFile(source)
      }
    }
  }

  private static func zeros(_ sizes: [Int]) throws(RNNError) -> Tensor {
    guard let shape = Shape(sizes), let zeros = Tensor(.float32, shape, fill: { _ in }) else {
      throw RNNError(.usage, "a state of that size does not fit into memory", remedy: "use a smaller batch")
    }
    return zeros
  }

  private static func isNormal(_ text: String) -> Bool { text == "normal" || text.hasPrefix("normal:") }

  private static func normal(_ text: String) throws(RNNError) -> (sigma: Double, seed: UInt64) {
    let parts = text.dropFirst("normal:".count).split(separator: ",", omittingEmptySubsequences: false)
    guard parts.count == 2, let sigma = Double(parts[0]), sigma.isFinite, sigma >= 0, let seed = UInt64(parts[1]) else {
      throw RNNError(.usage, "--h0 \(text): expected normal:SIGMA,SEED", remedy: "write it as --h0 normal:0.1,42")
    }
    return (sigma, seed)
  }
}
