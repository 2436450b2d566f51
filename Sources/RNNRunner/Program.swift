import CRNNKernels
import RNNModel

/// What an engine does with a forward's values, in order, and in which of its buffers each value is.
///
/// Values have numbers: the forward's inputs first, then what its steps give, then what the layers of a stack give each
/// other.
struct Program {
  struct Step {
    let operation: Operation
    /// Numbers of the values that it takes.
    let inputs: [Int]
    /// Number of the value that it gives.
    let value: Int
  }

  enum Operation {
    case embedding(EmbeddingStage)
    /// The number is that of the module among the recurrent ones. The layers before the last give `between`.
    case recurrent(RecurrentStage, Int, between: [Int])
    case linear(LinearStage, rnnkit_activation)
    case activation(rnnkit_activation)
    case arithmetic(rnnkit_arithmetic)
    case norm(NormStage)
    case overTime(rnnkit_over_time)
    /// The number is that of the window among those of the program.
    case window(WindowStage, Int)
    /// A window over a step's positions.
    case across(WindowFunction, TimeWindow, channels: Int)
    case interleave(Int)
    case attend(Attention)
    /// A value without a time axis at every step of another one.
    case repeated
    /// A block of a recurrent module's state.
    case state(module: Int, Forward.StateKind, block: Int)
    case last
    case at(Int)
    case flip
    case concatenate
    /// Features from one on, where they are.
    case view(Int)
  }

  struct Value {
    var features: Int
    /// The number of its time axis among the program's; nil without one.
    var axis: Int?
    var place = Place.none
  }

  enum Place {
    /// An input's buffer, or that of the value it is a view of.
    case none
    /// A buffer of the engine's, by its number; all have one stride.
    case slot(Int)
    /// The last recurrent layer's output.
    case kept
    /// Numbers of the model, in memory of the plan's.
    case constant(AlignedMemory)
  }

  private(set) var steps: [Step] = []
  private(set) var values: [Value] = []
  private(set) var slotCount = 0
  /// Stride of a slot's rows.
  private(set) var slotStride = 0
  /// Numbers of the values that go out.
  private(set) var outputs: [Int] = []
  /// The number of the last recurrent module's value, and the stride of its rows.
  private(set) var kept: (value: Int, stride: Int)?
  /// Every recurrent module, in the order of the calls.
  private(set) var recurrent: [RecurrentStage] = []
  /// For each input the embeddings that look it up; none for one of numbers.
  private(set) var embeddings: [[EmbeddingStage]] = []
  /// The time axes that values have; the inputs' own is the first.
  private(set) var axes = [TimeAxis()]
  /// Every window, with the numbers of the axes that it takes and gives and a name that no other one has.
  private(set) var windows: [(stage: WindowStage, source: Int, target: Int, name: String)] = []
  /// Steps that a sequence must have for each value to have one.
  private(set) var leastLength = 1
  /// Whether time only runs forward, so that a sequence can be run in pieces.
  var isStreamable: Bool { wholeSequence == nil }
  /// What needs the whole sequence at once, in words: the first such step; nil where time only runs forward.
  private(set) var wholeSequence: String?
  /// Whether a step of a sequence is kept from piece to piece, rather than a recurrent module's state.
  private(set) var keepsLastStep = false
  /// Steps that the time axis must have for every step that the forward takes by its number.
  private(set) var leastSteps = 1

  /// Packs what the forward calls.
  init<R: Real>(_ model: Model, _ runnable: Runnable, as type: R.Type, _ packing: Packing) throws(RNNError) {
    var builder = Builder<R>(model, runnable, packing)
    try builder.build()
    self = builder.result
    assignSlots(R.precision)
  }

  private init() {}

  /// The number of an axis, which is added where there is none like it.
  private mutating func axis(_ axis: TimeAxis) -> Int {
    if let known = axes.firstIndex(of: axis) { return known }
    axes.append(axis)
    return axes.count - 1
  }

  /// Steps of an axis in a run of so many. Allocates nothing.
  ///
  /// - Parameter pending: Steps that a window has left from before, its padding among them, by the window's number.
  func steps(of axis: Int, in steps: Int, pending: (Int) -> Int) -> Int {
    guard axis > 0, let number = windows.firstIndex(where: { $0.target == axis }) else { return steps }
    let window = windows[number]
    return window.stage.windowCount(
      pending: pending(number), steps: self.steps(of: window.source, in: steps, pending: pending), isWhole: !isStreamable)
  }

  /// Turns steps into operations.
  private struct Builder<R: Real> {
    let model: Model
    let forward: Forward
    let shapes: ForwardShapes
    let modules: [String: Module]
    let packing: Packing
    var result = Program()
    private var linear: [String: LinearStage] = [:]
    private var embeddings: [String: EmbeddingStage] = [:]
    /// Numbers of recurrent modules by the steps that call them.
    private var recurrent: [Int: Int] = [:]

    init(_ model: Model, _ runnable: Runnable, _ packing: Packing) {
      self.model = model
      forward = runnable.forward
      shapes = runnable.shapes
      modules = Dictionary(runnable.architecture.modules.map { ($0.name, $0) }) { first, _ in first }
      self.packing = packing
    }

    mutating func build() throws(RNNError) {
      result.embeddings = Array(repeating: [], count: forward.inputs.count)
      for shape in shapes.inputs + shapes.steps {
        result.values.append(Value(features: shape.features ?? 1, axis: shape.hasTime ? result.axis(shape.axis) : nil))
      }
      result.leastLength = result.axes.map { $0.leastInput(for: 1) }.max() ?? 1
      for step in forward.steps {
        guard case .module(let name) = step.operation, case .convolution(let module)? = modules[name], module.padding != .zeros else { continue }
        // Padding is of the sequence's own steps, each once.
        let sides = max(module.window.before, module.window.after, 0)
        let least = module.padding == .reflect ? sides + 1 : module.padding == .circular ? max(sides, 1) : 1
        result.leastLength = max(result.leastLength, shapes[step.inputs[0]].axis.leastInput(for: least))
      }
      for (index, step) in forward.steps.enumerated() { try add(step, index) }
      result.wholeSequence = forward.wholeSequence(shapes, modules)
      result.outputs = forward.outputs.map { number($0.value) }
    }

    private func number(_ value: Forward.Value) -> Int {
      switch value {
      case .input(let number): number
      case .step(let number): forward.inputs.count + number
      }
    }

    private mutating func add(_ step: Forward.Step, _ index: Int) throws(RNNError) {
      let value = forward.inputs.count + index, inputs = step.inputs.map(number)
      func append(_ operation: Operation, _ taken: [Int]? = nil) {
        result.steps.append(Step(operation: operation, inputs: taken ?? inputs, value: value))
      }
      switch step.operation {
      case .module(let name): try call(name, inputs, value, index)
      case .activation(let function):
        // An activation of a linear layer's result that nothing else takes is a part of it.
        if let last = result.steps.last, case .linear(let stage, let before) = last.operation, last.value == inputs[0],
          before.function == RNNKIT_IDENTITY, isTakenOnce(step.inputs[0])
        {
          result.steps.removeLast()
          append(.linear(stage, function.kernel), last.inputs)
        } else {
          append(.activation(function.kernel))
        }
      case .select(.last):
        if case .step(let number) = step.inputs[0], let module = recurrent[number],
          result.recurrent[module].module.direction == .forward
        {
          append(.state(module: module, .hn, block: result.recurrent[module].module.numLayers - 1))
        } else {
          append(.last)
          result.keepsLastStep = true
        }
      case .select(.first): append(.at(0))
      case .select(.at(let position)):
        append(.at(position))
        let least = position < 0 ? 0 - max(position, -Int.max) : position + (position < Int.max ? 1 : 0)
        result.leastSteps = max(result.leastSteps, shapes[step.inputs[0]].axis.leastInput(for: least))
      case .state(let kind, let block):
        guard case .step(let number) = step.inputs[0], let module = recurrent[number] else {
          throw RNNError(.defect, place: "forward", "a state of no recurrent module")
        }
        append(.state(module: module, kind, block: block), [])
      case .flip: append(.flip)
      case .window(let function, let window):
        let features = shapes[step.inputs[0]].features ?? 1
        add(WindowStage(window, function, features: features), function.word, inputs, value)
      case .across(let function, let window, let channels): append(.across(function, window, channels: channels))
      case .interleave(let parts):
        let features = shapes[step.inputs[0]].features ?? 1
        // One part, or parts of one feature, stay as they are.
        append(parts == 1 || parts == features ? .view(0) : .interleave(parts))
      case .overTime(let function): append(.overTime(function.kernel))
      case .repeated: append(.repeated)
      case .attend(let attention): append(.attend(attention))
      case .slice(let range): append(.view(range.lowerBound))
      case .nothing: append(.view(0))
      case .concatenate: append(.concatenate)
      case .arithmetic(let kind): append(.arithmetic(kind.kernel))
      case .constant(let numbers): result.values[value].place = .constant(try memory(numbers.map { R($0) }))
      case .parameter(let name): result.values[value].place = .constant(try memory(tensor(name).reals(R.self)))
      }
    }

    private mutating func call(_ name: String, _ inputs: [Int], _ value: Int, _ index: Int) throws(RNNError) {
      switch modules[name] {
      case .embedding(let module)?:
        let stage: EmbeddingStage
        if let known = embeddings[name] {
          stage = known
        } else {
          let quantized = model.quantized(Model.join(name, "weight"))
          let weight: Tensor
          if let quantized { weight = quantized.numbers } else { weight = try tensor(Model.join(name, "weight")) }
          stage = EmbeddingStage(module: module, weight: weight, scale: quantized?.scale)
          embeddings[name] = stage
        }
        if result.embeddings.indices.contains(inputs[0]) { result.embeddings[inputs[0]].append(stage) }
        result.steps.append(Step(operation: .embedding(stage), inputs: inputs, value: value))
      case .recurrent(let module)?:
        let stage = try RecurrentStage(model, module, as: R.self, packing)
        let number = result.recurrent.count
        recurrent[index] = number
        result.recurrent.append(stage)
        var between: [Int] = []
        for _ in 1..<max(module.numLayers, 1) {
          between.append(result.values.count)
          result.values.append(Value(features: module.outputSize, axis: result.values[value].axis))
        }
        result.steps.append(Step(operation: .recurrent(stage, number, between: between), inputs: inputs, value: value))
        result.kept = (value, R.precision.stride(module.outputSize))
      case .linear(let module)?:
        let stage: LinearStage
        if let known = linear[name] {
          stage = known
        } else {
          stage = try LinearStage(model, module, as: R.self, packing)
          linear[name] = stage
        }
        result.steps.append(Step(operation: .linear(stage, Activation.identity.kernel), inputs: inputs, value: value))
      case .prelu?:
        let slopes = try tensor(Model.join(name, "weight")).reals(R.self), features = result.values[value].features
        let positions = slopes.count > 1 ? max(1, features / slopes.count) : 1
        let constant = result.values.count
        result.values.append(Value(
          features: slopes.count * positions, place: .constant(try memory((0..<positions).flatMap { _ in slopes }))))
        result.steps.append(Step(operation: .arithmetic(RNNKIT_PRELU), inputs: inputs + [constant], value: value))
      case .norm(let module)?:
        let stage = try NormStage(model, module, features: result.values[value].features, as: R.self)
        result.steps.append(Step(operation: .norm(stage), inputs: inputs, value: value))
      case .convolution(let module)?: 
        add(try WindowStage(model, module, features: result.values[inputs[0]].features, as: R.self, packing), name, inputs, value)
      case .attention(let module)?:
        var projected: [Int] = []
        for (part, input) in inputs.enumerated() {
          projected.append(result.values.count)
          result.values.append(Value(features: module.embedDim, axis: result.values[input].axis))
          let stage = try LinearStage(model, module, part: part, as: R.self, packing)
          result.steps.append(Step(operation: .linear(stage, Activation.identity.kernel), inputs: [input], value: projected[part]))
        }
        let attended = result.values.count
        result.values.append(Value(features: module.embedDim, axis: result.values[value].axis))
        result.steps.append(Step(operation: .attend(Attention(heads: module.numHeads)), inputs: projected, value: attended))
        let stage = try LinearStage(model, module, part: 3, as: R.self, packing)
        result.steps.append(Step(operation: .linear(stage, Activation.identity.kernel), inputs: [attended], value: value))
      case .unknown(let module)?: throw Runnable.cannotRun(module, in: model)
      case nil: throw RNNError(.defect, place: "module \(name)", "missing from the model")
      }
    }

    private mutating func add(_ stage: WindowStage, _ name: String, _ inputs: [Int], _ value: Int) {
      let names = Set(result.windows.map(\.name))
      var unique = name, number = 1
      while names.contains(unique) {
        number += 1
        unique = "\(name)_\(number)"
      }
      result.steps.append(Step(operation: .window(stage, result.windows.count), inputs: inputs, value: value))
      result.windows.append((stage, result.values[inputs[0]].axis ?? 0, result.values[value].axis ?? 0, unique))
    }

    private func isTakenOnce(_ value: Forward.Value) -> Bool {
      forward.steps.count { $0.inputs.contains(value) } == 1 && !forward.outputs.contains { $0.value == value }
    }

    private func tensor(_ name: String) throws(RNNError) -> Tensor {
      guard let tensor = model.archive[name] else {
        throw RNNError(.defect, place: "tensor \(name)", "missing from the model")
      }
      return tensor
    }

    private func memory(_ numbers: [R]) throws(RNNError) -> AlignedMemory {
      let memory = try AlignedMemory(reals: numbers.count, R.precision)
      let base = memory.base.assumingMemoryBound(to: R.self)
      for (index, number) in numbers.enumerated() { base[index] = number.isNaN ? R.nan : number }
      return memory
    }
  }

  /// Gives each value that is computed a buffer, which others may have once nothing takes it any more.
  private mutating func assignSlots(_ precision: Precision) {
    // What a view is of has to last as long as the view.
    var roots = Array(values.indices)
    var lastUse = [Int](repeating: -1, count: values.count)
    for (index, step) in steps.enumerated() {
      if case .view = step.operation { roots[step.value] = roots[step.inputs[0]] }
      for input in step.inputs { lastUse[roots[input]] = index }
    }
    for output in outputs { lastUse[roots[output]] = .max }
    var free: [Int] = []
    func take(_ count: inout Int) -> Int {
      if let slot = free.popLast() { return slot }
      count += 1
      return count - 1
    }
    func release(_ value: Int) {
      if case .slot(let slot) = values[value].place { free.append(slot) }
    }
    for (index, step) in steps.enumerated() {
      let dying = Set(step.inputs.map { roots[$0] }).filter { lastUse[$0] == index }
      switch step.operation {
      case .view: continue
      case .recurrent(let stage, _, let between):
        slotStride = max(slotStride, precision.stride(stage.module.outputSize))
        // Each layer's buffer is another one than that of the layer before it, whose rows it takes.
        for (layer, value) in between.enumerated() {
          values[value].place = .slot(take(&slotCount))
          if layer == 0 { dying.forEach(release) } else { release(between[layer - 1]) }
        }
        values[step.value].place = step.value == kept?.value ? .kept : .slot(take(&slotCount))
        if let last = between.last { release(last) } else { dying.forEach(release) }
        continue
      case .last:
        // Kept from piece to piece: nobody else's, before or after.
        slotStride = max(slotStride, precision.stride(values[step.value].features))
        values[step.value].place = .slot(slotCount)
        slotCount += 1
        lastUse[step.value] = .max
      case .linear(let stage, _):
        slotStride = max(slotStride, stage.stride)
        values[step.value].place = .slot(take(&slotCount))
      case .window(let stage, _):
        slotStride = max(slotStride, stage.stride(precision))
        values[step.value].place = .slot(take(&slotCount))
      default:
        slotStride = max(slotStride, precision.stride(values[step.value].features))
        values[step.value].place = .slot(take(&slotCount))
      }
      dying.forEach(release)
      if lastUse[step.value] < 0 { release(step.value) }
    }
  }
}
