import RNNKit

/// A whole sequence, or batch of them, read from a file with the state and lengths that go with it.
struct SequenceInputs {
  private let plan: Plan
  let inputs: [Tensor]
  /// Nil for the plan's own.
  private let state: State?
  private let lengths: [Int]?
  private let isBatched: Bool
  /// Whether an earlier piece left the state.
  private let isPiece: Bool
  private let path: String

  /// What a run gave, and how its axes lie.
  struct Result {
    let input: Tensor
    let outputs: Outputs
    /// The axis of the chain's end that counts sequences, nil without one.
    let batchAxis: Int?
    fileprivate let isBatched: Bool
    fileprivate let batchFirst: Bool
    fileprivate let takesIndices: Bool
  }

  /// - Parameters:
  ///   - members: What the files hold.
  ///   - path: The first of them, for errors.
  init(_ members: [NamedTensor], of path: String, _ plan: Plan, _ states: StateArguments) throws(RNNError) {
    if plan.inputs.count == 1, members.count == 1 {
      inputs = [members[0].tensor]
    } else {
      do throws(RNNError) { inputs = try plan.inputs(in: members) } catch {
        let name = error.place ?? "input"
        throw RNNError(.badData, file: path, "holds no array named \(name), but \(members.map(\.name).listed())",
          remedy: "name the array \(name)")
      }
    }
    let names = Set(plan.inputs.flatMap(plan.names))
    let results = Set(plan.outputs.compactMap(\.name))
    for member in members where members.count > 1 && !names.contains(member.name) && !Self.isUsed(member.name, plan)
      && !ReferenceCase.isOutput(member.name) && !results.contains(member.name)
    {
      Console.note("\(path): \(member.name) is not used; what goes in is named \(plan.inputs.count == 1 ? "input" : names.sorted().joined(separator: ", ")), h0, c0 or lengths")
    }
    self.plan = plan
    self.path = path
    let tensor = inputs[0]
    isBatched = tensor.shape.rank == (plan.takesIndices ? 2 : 3)
    isPiece = states.stateIn != nil && plan.isStreamable
    let batch = isBatched ? tensor.shape[plan.architecture.batchFirst ? 0 : 1] : 1
    state = states.isDefault(members)
      ? nil : try states.state(of: plan, batch: batch, input: path, members: members)
    do throws(RNNError) {
      lengths = try members.first { $0.name == "lengths" }.map { (named) throws(RNNError) in try Plan.lengths(named.tensor) }
    } catch {
      throw error.inFile(path)
    }
  }

  /// States that are not used are an error of their own.
  private static func isUsed(_ name: String, _ plan: Plan) -> Bool {
    name == "lengths" || StateName(name) != nil || plan.stateMembers.contains { $0.name == name }
  }

  /// The shape of a member of what the run gives.
  func shape(of member: Plan.Member) throws(RNNError) -> Shape? {
    do throws(RNNError) { return try plan.shape(of: member, in: inputs, after: state, lengths: lengths) } catch { throw error.inFile(path) }
  }

  func run(threads: Int, keeping: Plan.Keeping) throws(RNNError) -> Result {
    let outputs: Outputs
    do throws(RNNError) {
      outputs = try plan.run(inputs, state: state, lengths: lengths, isPiece: isPiece, threads: threads, keeping: keeping)
    } catch {
      // Anything that is wrong now is wrong with the input.
      throw error.inFile(path)
    }
    let rank = outputs.last?.shape.rank ?? 0
    let batchAxis = isBatched ? (rank < 3 || plan.architecture.batchFirst ? 0 : 1) : nil
    return Result(
      input: inputs[0], outputs: outputs, batchAxis: batchAxis, isBatched: isBatched, batchFirst: plan.architecture.batchFirst,
      takesIndices: plan.takesIndices)
  }
}

extension SequenceInputs.Result {
  /// What the axes of an output count, but for the last.
  func axes(of tensor: Tensor) -> [String] {
    let batch = isBatched ? ["batch"] : []
    guard tensor.shape.rank - 1 > batch.count else { return batch }
    return batchFirst ? batch + ["step"] : ["step"] + batch
  }

  /// Which of several sequences and features is the first: `, sequence 0 of 8, feature 0 of 3`.
  func place(in tensor: Tensor) -> String {
    let sizes = tensor.shape.dimensions
    let isIndices = takesIndices && tensor.elementType.isInteger
    let hasTime = sizes.count == (isBatched ? 3 : 2) - (isIndices ? 1 : 0)
    guard isBatched, hasTime else { return isIndices ? "" : ", feature 0 of \(grouped(sizes.last ?? 1))" }
    let sequences = ", sequence 0 of \(grouped(sizes[batchFirst ? 0 : 1]))"
    return isIndices ? sequences : sequences + ", feature 0 of \(grouped(sizes[sizes.count - 1]))"
  }

  /// The first feature of the first sequence, step by step, of the input or of an output.
  func firstFeature(of tensor: Tensor) -> [Double] {
    let sizes = tensor.shape.dimensions
    let isIndices = takesIndices && tensor.elementType.isInteger
    let hasTime = sizes.count == (isBatched ? 3 : 2) - (isIndices ? 1 : 0)
    guard hasTime, tensor.count > 0 else { return Array(tensor.doubles.prefix(1)) }
    let features = isIndices ? 1 : sizes[sizes.count - 1]
    let steps = sizes[isBatched && batchFirst ? 1 : 0]
    let stride = isBatched && !batchFirst ? sizes[1] * features : features
    let values = tensor.doubles
    return (0..<steps).map { values[$0 * stride] }
  }
}
