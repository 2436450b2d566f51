import RNNKit

/// Where a run's first state comes from, and where its last one goes.
struct StateArguments {
  var h0: String?
  var c0: String?
  var stateIn: String?

  /// The state to start from. `members` gives the input file's own `h0` and `c0`, which options go before.
  func state(of plan: Plan, batch: Int, members: (String) -> Tensor?) throws(RNNError) -> State {
    if let stateIn {
      let stored = try Arrays.read(stateIn)
      do throws(RNNError) {
        // As --state-out writes it, or as the members of an earlier run's output.
        return try plan.state(batch: batch) { name in
          stored.first { $0.name == name }?.tensor
            ?? stored.first { $0.name == String(name.dropLast()) + "n" }?.tensor
        }
      } catch {
        throw error.inFile(stateIn)
      }
    }
    var state = try plan.state(batch: batch) { name in
      (name.hasSuffix("h0") && h0 != nil) || (name.hasSuffix("c0") && c0 != nil) ? nil : members(name)
    }
    if let h0 {
      if h0.hasPrefix("normal:") {
        let (sigma, seed) = try Self.normal(h0)
        try state.setNormal(sigma: sigma, seed: seed)
      } else {
        try set(h0, "h0", plan, batch) { (tensor, module) throws(RNNError) in try state.setH(tensor, module) }
      }
    }
    if let c0 { try set(c0, "c0", plan, batch) { (tensor, module) throws(RNNError) in try state.setC(tensor, module) } }
    return state
  }

  /// Sets one kind of state of every module from a file, or to zeros.
  private func set(
    _ source: String, _ name: String, _ plan: Plan, _ batch: Int, _ body: (Tensor, String) throws(RNNError) -> Void
  ) throws(RNNError) {
    let modules = plan.architecture.recurrentModules.filter { name == "h0" || $0.cell == .lstm }
    for module in modules {
      let size = name == "h0" ? module.stateSize : module.hiddenSize
      let tensor: Tensor
      if source == "zeros" {
        guard let shape = Shape([module.numLayers * module.directionCount, batch, size]),
          let zeros = Tensor(.float32, shape, fill: { _ in })
        else { throw RNNError(.usage, "a state of that size does not fit into memory", remedy: "use a smaller batch") }
        tensor = zeros
      } else {
        tensor = try Arrays.read(modules.count == 1 ? name : "\(module.name).\(name)", from: source)
      }
      do throws(RNNError) {
        try body(tensor, module.name)
      } catch {
        throw error.inFile(source)
      }
    }
    if modules.isEmpty {
      throw RNNError(.usage, "--\(name): the chain has no module with such a state", remedy: "leave the option out")
    }
  }

  private static func normal(_ text: String) throws(RNNError) -> (sigma: Double, seed: UInt64) {
    let parts = text.dropFirst("normal:".count).split(separator: ",", omittingEmptySubsequences: false)
    guard parts.count == 2, let sigma = Double(parts[0]), sigma.isFinite, sigma >= 0, let seed = UInt64(parts[1]) else {
      throw RNNError(.usage, "--h0 \(text): expected normal:SIGMA,SEED", remedy: "write it as --h0 normal:0.1,42")
    }
    return (sigma, seed)
  }

  /// Writes a state as `h0` and `c0`, or `<module>.h0` and so on where there are several.
  static func write(_ state: State, to path: String, replacing: Bool) throws(RNNError) {
    var members: [NamedTensor] = []
    for module in state.modules {
      let prefix = state.modules.count == 1 ? "" : module
      if let h = state.h(module) { members.append(NamedTensor(Model.join(prefix, "h0"), h)) }
      if let c = state.c(module) { members.append(NamedTensor(Model.join(prefix, "c0"), c)) }
    }
    guard let first = members.first else {
      throw RNNError(.usage, "--state-out: the chain has no state", remedy: "leave the option out")
    }
    let writer = try Arrays.registry.writer(for: path)
    guard !writer.holdsOneArray || members.count == 1 else {
      throw RNNError(.usage, file: path, "a .\(writer.name) file holds one array, the state has \(members.map(\.name).joined(separator: ", "))",
        remedy: "name an .npz or .json file")
    }
    do throws(RNNError) {
      var file = try OutputFile(path, replacing: replacing)
      try writer.write(ArrayOutput(members: members, end: first.tensor), to: &file)
      try file.commit()
    } catch {
      throw error.inFile(path)
    }
  }
}
