import CRNNKit
import RNNKit

final class PlanBox {
  let plan: Plan
  let threads: Int
  /// What was assumed of the model, and what of it no run takes in.
  let notes: [Phrase]
  let words: Words
  // Asked for at every run.
  fileprivate let members: [Plan.Member]
  fileprivate let resultName: String
  /// The names by which each input is given.
  fileprivate let inputNames: [[String]]

  init(_ plan: Plan, threads: Int, notes: [Phrase], _ words: Words) {
    (self.plan, self.threads, self.notes, self.words) = (plan, threads, notes, words)
    (members, resultName, inputNames) = (plan.members, plan.resultName, plan.inputs.map(plan.names))
  }

  /// - Parameters:
  ///   - inputs: What is run, where that is known, whose steps behind windows over time depend on the state and lengths.
  fileprivate func shape(
    of name: String, steps: Int, batch: Int?, of inputs: Inputs? = nil, after state: State? = nil
  ) throws(RNNError) -> Shape {
    guard let member = members.first(where: { $0.name == name }) else {
      throw RNNError(.usage, place: name, "there is no such member", remedy: "use one of \(members.map(\.name).listed())")
    }
    let shape: Shape?
    if let inputs, member.axes.contains(where: { if case .steps = $0 { true } else { false } }) {
      shape = try plan.shape(of: member, in: inputs.tensors, after: state, lengths: inputs.lengths)
    } else {
      shape = member.shape(steps: steps, batch: batch)
    }
    guard let shape else {
      throw RNNError(.usage, place: name, "\(steps) steps of \(batch ?? 1) rows are too large together",
        remedy: "use a smaller batch or a shorter sequence")
    }
    return shape
  }
}

/// How many threads are asked for; nil for 0.
private func threads(_ count: Int32) throws(RNNError) -> Int? {
  guard (0...4096).contains(count) else {
    throw RNNError(.usage, place: "threads", "\(count) threads", remedy: "use 1 to 4096, or 0 for the default")
  }
  return count == 0 ? nil : Int(count)
}

@c @implementation
public func rnnkit_plan_make(
  _ model: OpaquePointer?, _ options: UnsafePointer<rnnkit_plan_options>?, _ error: ErrorTarget
) -> OpaquePointer? {
  make(error) { () throws(RNNError) in
    let box = try object(model, ModelBox.self, "model")
    let file = box.file
    let options = try RNNKitC.options(options, rnnkit_plan_options(), "options")
    let threads = try threads(options.threads) ?? 1
    let modules = try texts(options.modules, options.module_count, "modules")
    let precision: Precision?
    switch options.precision {
    case 0: precision = nil
    case CallerArray.number(of: .float32): precision = .float32
    case CallerArray.number(of: .float64): precision = .float64
    default:
      throw RNNError(.usage, place: "precision", "it is \(options.precision)", remedy: "use RNNKIT_FLOAT32, RNNKIT_FLOAT64 or 0")
    }
    let architecture = file.model.architecture
    var forward: Forward?
    if let line = try text(options.forward, "forward") {
      guard modules == nil else {
        throw RNNError(.usage, "forward and modules both say what is run", remedy: "leave one of them out")
      }
      forward = try Forward(line: line, modules: architecture.modules, batchFirst: architecture.batchFirst) {
        Model.parameterSize(file.model.archive[$0]) != nil
      }
    }
    do throws(RNNError) {
      let plan = try Plan(file.model, forward: forward, modules: modules, precision: precision)
      return PlanBox(plan, threads: threads, notes: file.notes + file.model.leftOut, box.words)
    } catch {
      throw error.inFile(file.path)
    }
  }
}

@c @implementation
public func rnnkit_plan_free(_ plan: OpaquePointer?) { release(plan, PlanBox.self) }

@c @implementation
public func rnnkit_plan_describe(_ plan: OpaquePointer?, _ error: ErrorTarget) -> UnsafeMutablePointer<CChar>? {
  text(error) { () throws(RNNError) in
    let box = try object(plan, PlanBox.self, "plan")
    return box.plan.report(notes: box.notes, in: box.words).text
  }
}

@c @implementation
public func rnnkit_plan_get_info(
  _ plan: OpaquePointer?, _ info: UnsafeMutablePointer<rnnkit_plan_info>?, _ error: ErrorTarget
) -> Int32 {
  attempt(error) { () throws(RNNError) in
    let plan = try object(plan, PlanBox.self, "plan").plan
    guard let info else { throw missing("info") }
    let size = info.pointee.struct_size, known = MemoryLayout<rnnkit_plan_info>.size
    guard size >= MemoryLayout<Int>.size, size <= 1 << 16 else {
      throw RNNError(.usage, place: "info", "its struct_size is \(size)", remedy: "set it to sizeof, \(known)")
    }
    var result = rnnkit_plan_info()
    result.struct_size = size
    result.input_size = Int64(plan.inputSize)
    result.output_size = Int64(plan.outputSize)
    result.input_count = Int32(clamping: plan.inputs.count)
    result.output_count = Int32(clamping: plan.outputs.count)
    result.precision = CallerArray.number(of: plan.precision.elementType)
    result.batch_first = plan.architecture.batchFirst ? 1 : 0
    result.takes_indices = plan.takesIndices ? 1 : 0
    result.ends_in_last_step = plan.endsInLastStep ? 1 : 0
    result.streamable = plan.isStreamable ? 1 : 0
    let target = UnsafeMutableRawBufferPointer(start: info, count: size)
    withUnsafeBytes(of: &result) { target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0.prefix(size))) }
  }
}

@c @implementation
public func rnnkit_plan_get_shape(
  _ plan: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ steps: Int64, _ batch: Int64,
  _ shape: UnsafeMutablePointer<Int64>?, _ rank: UnsafeMutablePointer<Int32>?, _ error: ErrorTarget
) -> Int32 {
  attempt(error) { () throws(RNNError) in
    let box = try object(plan, PlanBox.self, "plan")
    guard let shape else { throw missing("shape") }
    guard let rank else { throw missing("rank") }
    guard batch >= -1, steps >= 0 else {
      throw RNNError(.usage, "\(steps) steps of \(batch) rows", remedy: "use 0 or more, or a batch of -1 for none")
    }
    let name = try text(name, "name") ?? box.resultName
    let result = try box.shape(of: name, steps: Int(steps), batch: batch < 0 ? nil : Int(batch))
    for (axis, size) in result.dimensions.enumerated() { shape[axis] = Int64(size) }
    rank.pointee = Int32(result.rank)
  }
}

/// What goes into a run, by its names.
private struct Inputs {
  let tensors: [Tensor]
  let lengths: [Int]?
  let states: [NamedTensor]
  let steps: Int
  /// Nil without an axis for the batch.
  let batch: Int?
  let rows: Int

  init(_ arrays: [CallerArray], for box: PlanBox) throws(RNNError) {
    let plan = box.plan, names = box.inputNames
    var (members, states): ([NamedTensor], [NamedTensor]) = ([], [])
    var (lengths, seen): ([Int]?, [String]) = (nil, [])
    for array in arrays {
      guard let name = array.name ?? (plan.inputs.count == 1 ? names[0][0] : nil) else {
        throw RNNError(.usage, place: "inputs", "one has no name, and the model takes \(plan.inputs.count)",
          remedy: "name them \(names.map { $0[0] }.listed())")
      }
      let input = names.first { $0.contains(name) }
      guard !seen.contains(input?[0] ?? name) else {
        throw RNNError(.usage, place: name, "it is given twice", remedy: "give it once")
      }
      seen.append(input?[0] ?? name)
      let member = NamedTensor(name, try array.tensor())
      if input != nil {
        members.append(member)
      } else if name == "lengths" {
        lengths = try Plan.lengths(member.tensor)
      } else if StateName(name) != nil || plan.stateMembers.contains(where: { $0.name == name }) {
        states.append(member)
      } else {
        throw RNNError(.usage, place: name, "nothing of that name goes in",
          remedy: "use one of \((names.map { $0[0] } + ["lengths"] + plan.stateMembers.map(\.name)).listed())")
      }
    }
    tensors = try plan.inputs(in: members)
    rows = try plan.batch(of: tensors)
    (self.lengths, self.states) = (lengths, states)
    let sizes = tensors[0].shape.dimensions, isBatched = sizes.count == (plan.takesIndices ? 2 : 3)
    steps = sizes[isBatched && plan.architecture.batchFirst ? 1 : 0]
    batch = isBatched ? rows : nil
  }
}

@c @implementation
public func rnnkit_run(
  _ plan: OpaquePointer?, _ inputs: UnsafePointer<rnnkit_array>?, _ inputCount: Int, _ outputs: UnsafePointer<rnnkit_array>?,
  _ outputCount: Int, _ options: UnsafePointer<rnnkit_run_options>?, _ error: ErrorTarget
) -> Int32 {
  attempt(error) { () throws(RNNError) in
    let box = try object(plan, PlanBox.self, "plan"), plan = box.plan
    let options = try RNNKitC.options(options, rnnkit_run_options(), "options")
    let threads = try threads(options.threads) ?? box.threads
    let given = try Inputs(CallerArray.list(inputs, inputCount, "inputs"), for: box)
    let carried = try options.state.map { (state) throws(RNNError) in try object(state, StateBox.self, "state") }
    guard carried == nil || given.states.isEmpty else {
      throw RNNError(.usage, place: given.states.first?.name ?? "state", "the run starts from options->state too",
        remedy: "leave one of them out")
    }
    var start = carried?.state
    if !given.states.isEmpty { start = try plan.state(batch: given.rows, members: given.states) }
    let from = start
    let targets = try Outputs(
      CallerArray.list(outputs, outputCount, "outputs"), unnamed: box.resultName, names: box.members.map(\.name)
    ) { (name) throws(RNNError) in
      let shape = try box.shape(of: name, steps: given.steps, batch: given.batch, of: given, after: from)
      return (plan.precision.elementType, shape)
    }
    let results = try plan.run(
      given.tensors, state: start, lengths: given.lengths, isPiece: carried != nil && plan.isStreamable, threads: threads,
      keeping: Plan.Keeping(members: targets.names, state: carried != nil))
    try targets.fill { results[$0] }
    carried?.state = results.state
  }
}
