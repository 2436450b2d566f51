import RNNModel

extension Plan {
  /// What a run gives under a name, `Outputs.members`, before it is run.
  public struct Member: Sendable, Hashable {
    /// An axis of a member.
    public enum Axis: Sendable, Hashable {
      /// As many steps as the input has.
      case time
      /// As many as are left of them, or made of them.
      case steps(TimeAxis)
      /// As many as there are sequences.
      case batch
      /// So many, whatever the run.
      case size(Int)
    }

    /// The member's name.
    public let name: String
    /// Those of a batch.
    public internal(set) var axes: [Axis]

    /// Whether it is a state that the run leaves, hn or cn.
    public var isState: Bool { if case .size? = axes.first { true } else { false } }

    /// The shape for so many steps of so many whole sequences; `batch` is nil for an input without a batch axis. Nil where a
    /// size is negative or their product overflows.
    public func shape(steps: Int, batch: Int?) -> Shape? {
      Shape(axes.compactMap { axis in
        switch axis {
        case .time: steps
        case .steps(let axis): axis.steps(of: steps)
        case .batch: batch
        case .size(let size): size
        }
      })
    }
  }

  /// The shape of a member of a run of these inputs; nil where it is too large. Throws as `run` does.
  ///
  /// - Parameters:
  ///   - state: What the run starts from; nil for `state(batch:)`.
  ///   - lengths: For each row how many steps count; nil for all.
  public func shape(
    of member: Member, in inputs: [Tensor], after state: State? = nil, lengths: [Int]? = nil
  ) throws(RNNError) -> Shape? {
    let sequence = try SequenceInput(inputs, for: self, isPiece: isStreamable)
    let row = lengths.flatMap { lengths in lengths.indices.max { (lengths[$0], $1) < (lengths[$1], $0) } } ?? 0
    var member = member
    member.axes = member.axes.map { axis in
      guard case .steps(let time) = axis, let number = program.axes.firstIndex(of: time) else { return axis }
      return .size(steps(of: number, in: sequence.steps, after: state, row: row))
    }
    return member.shape(steps: sequence.steps, batch: sequence.isBatched ? sequence.batch : nil)
  }

  /// Everything that a run gives, in the order of `Outputs.members`.
  public var members: [Member] {
    func member(_ name: String, _ value: Int, _ features: Int) -> Member {
      guard let axis = program.values[value].axis else { return Member(name: name, axes: [.batch, .size(features)]) }
      let time: Member.Axis = axis == 0 ? .time : .steps(program.axes[axis])
      return Member(name: name, axes: (architecture.batchFirst ? [.batch, time] : [time, .batch]) + [.size(features)])
    }
    let results = zip(outputs, program.outputs).compactMap { output, value in
      isOutputAlone(output, value) ? nil : member(output.name ?? "y", value, output.features)
    }
    var result: [Member] = []
    if let kept = program.kept { result.append(member("output", kept.value, program.values[kept.value].features)) }
    for (name, block) in zip(stateNames, stateBlocks) {
      result.append(Member(name: name, axes: [.size(block.count), .batch, .size(block.size)]))
    }
    let names = Set(results.map(\.name))
    return result.filter { !names.contains($0.name) } + results
  }

  /// The name of what a run is asked for where nothing is named: the first output.
  public var resultName: String {
    guard let output = outputs.first, let value = program.outputs.first else { return "output" }
    return isOutputAlone(output, value) ? "output" : output.name ?? "y"
  }

  /// Whether an output is the last recurrent layer's and has no other name.
  func isOutputAlone(_ output: Output, _ value: Int) -> Bool { output.name == nil && value == program.kept?.value }

  /// What a state consists of, under the names of `State.members`: (blocks, batch, size) each.
  public var stateMembers: [(name: String, blocks: Int, size: Int)] {
    stateBlocks.map { block in
      (Model.join(layout.modules.count == 1 ? "" : block.module, block.isCell ? "c0" : "h0"), block.count, block.size)
    } + layout.contexts.map { (State.name($0), 1, $0.capacity * $0.features + 2) }
  }

  /// The names that a run's last states have among the members.
  var stateNames: [String] {
    stateBlocks.map { Model.join(layout.modules.count == 1 ? "" : $0.module, $0.isCell ? "cn" : "hn") }
  }

  private var stateBlocks: [(module: String, isCell: Bool, count: Int, size: Int)] {
    layout.modules.flatMap { module in
      [(module.name, false, module.blockCount, module.stateSize)]
        + (module.hasCell ? [(module.name, true, module.blockCount, module.hiddenSize)] : [])
    }
  }
}

extension Plan {
  /// The state that an earlier run left, from what was kept of it: `State.members`, or the `hn` and `cn` of its outputs,
  /// which are the next run's first. Throws where a part is missing.
  ///
  /// - Parameter batch: Nil for as many rows as the first member has.
  public func state(batch: Int? = nil, storedAs members: [NamedTensor]) throws(RNNError) -> State {
    var states = members
    let names = members.map(\.name)
    for member in members where ["hn", "cn"].contains(Model.split(member.name).parameter) {
      let first = String(member.name.dropLast()) + "0"
      if !names.contains(first) { states.append(NamedTensor(first, member.tensor)) }
    }
    let modules = architecture.recurrentModules
    var rows = batch
    for module in modules {
      for name in module.cell == .lstm ? ["h0", "c0"] : ["h0"] {
        let whole = Model.join(module.name, name)
        guard let found = states.first(where: { $0.name == whole || (modules.count == 1 && $0.name == name) }) else {
          throw RNNError(.badData, "holds no state \(modules.count == 1 ? name : whole), but \(names.listed())",
            remedy: "give a file that \(.savedState) wrote")
        }
        rows = rows ?? (found.tensor.shape.rank == 3 ? found.tensor.shape[1] : 1)
      }
    }
    for context in layout.contexts {
      guard let found = states.first(where: { $0.name == State.name(context) }) else {
        throw RNNError(.badData, "holds no state \(State.name(context)), but \(names.listed())", remedy: "give a file that \(.savedState) wrote")
      }
      rows = rows ?? (found.tensor.shape.rank == 3 ? found.tensor.shape[1] : 1)
    }
    return try state(batch: rows ?? 1, members: states)
  }
}

extension State {
  /// All of it under the names that a first state has: `h0` and `c0`, or `<module>.h0` and so on where there are several;
  /// (layers·directions, batch, size) each.
  public var members: [NamedTensor] {
    modules.flatMap { module in
      let prefix = modules.count == 1 ? "" : module
      return [("h0", h(module)), ("c0", c(module))].compactMap { name, tensor in
        tensor.map { NamedTensor(Model.join(prefix, name), $0) }
      }
    } + contexts
  }

  /// Gives the state memory of its own now rather than when it is next written to.
  public mutating func makeUnique() throws(RNNError) { _ = try makeMutable() }
}
