/// What is known of a value before any input is there.
public struct ValueShape: Sendable, Hashable {
  /// Features of a step, or of the whole where there is no time axis; nil where nothing tells, as behind a module that
  /// cannot be run.
  public var features: Int?
  /// Of how many channels each position of a step is, where its features are positions that stand one after the other.
  public var channels: Int?
  /// Whether there is a value for every step, rather than one for each sequence.
  public var hasTime: Bool
  /// How many steps that is of the input's.
  public var axis = TimeAxis()
  /// Whether it is whole numbers for an embedding: an input's alone.
  public var isIndices = false
  /// Whether it is numbers of the model, the same for every sequence and step.
  public var isConstant = false
  /// Whether a module that cannot be run made it, so that nothing is known of it, or whether it has a time axis.
  public var isOpen = false
}

/// The shapes of a forward's inputs and of what its steps give.
public struct ForwardShapes: Sendable, Hashable {
  /// The shapes of the inputs.
  public fileprivate(set) var inputs: [ValueShape]
  /// The shapes of the steps' results.
  public fileprivate(set) var steps: [ValueShape]

  /// The shape of a value.
  public fileprivate(set) subscript(value: Forward.Value) -> ValueShape {
    get {
      switch value {
      case .input(let index): inputs[index]
      case .step(let index): steps[index]
      }
    }
    set {
      switch value {
      case .input(let index): inputs[index] = newValue
      case .step(let index): steps[index] = newValue
      }
    }
  }
}

extension Forward {
  /// Infers the shape of every value from the modules that the steps call.
  ///
  /// - Parameters:
  ///   - modules: The architecture's, with sizes that were checked.
  ///   - parameterSize: Elements of a tensor of the model's own; nil for what is none, or cannot be used as one number
  ///   for all features or one for each. Nil accepts every name.
  /// - Throws: `badData`, with the step as the place, where a step does not fit what it takes.
  public func shapes(
    _ modules: [Module], parameterSize: ((String) -> Int?)? = nil
  ) throws(RNNError) -> ForwardShapes {
    var inference = ShapeInference(self, modules, parameterSize)
    var shapes = try inference.infer()
    // What a step tells of an input is true of the steps before it too.
    for _ in inputs {
      var again = ShapeInference(self, modules, parameterSize, inputs: shapes.inputs)
      let next = try again.infer()
      guard next.inputs != shapes.inputs else { return next }
      shapes = next
    }
    return shapes
  }

  /// What an error calls a step.
  package func place(of step: Int) -> String {
    switch steps[step].operation {
    case .module(let name): "module \(name.isEmpty ? "(unnamed)" : name)"
    case .parameter(let name): "tensor \(name)"
    case let operation: "forward, \(operation.word)"
    }
  }
}

extension Forward.Operation {
  /// How the forward line spells it, without what it is applied to.
  package var word: String {
    switch self {
    case .module(let name), .parameter(let name), .nothing(let name): name
    case .activation(let function): function.name
    case .select(.last): "last"
    case .select(.first): "first"
    case .select(.at(let index)): "at(\(index))"
    case .state(let kind, let index): ".\(kind.rawValue)[\(index)]"
    case .flip: "flip"
    case .overTime(let function): "\(function.rawValue) over time"
    case .repeated: "repeat"
    case .window(let function, _): function.word
    case .across(let function, _, _): "\(function.word) of positions"
    case .interleave: "interleave"
    case .attend: "attention"
    case .slice(let range): "[..., \(range.lowerBound):\(range.upperBound)]"
    case .concatenate: "cat"
    case .arithmetic(let kind): kind.rawValue
    case .constant: "a constant"
    }
  }
}

/// Works out shapes step by step; what a module wants of an input whose features nothing has told is taken for them.
private struct ShapeInference {
  private let forward: Forward
  private let modules: [String: Module]
  private let parameterSize: ((String) -> Int?)?
  private var shapes: ForwardShapes
  /// What errors are of.
  private var place = "forward"

  /// - Parameter inputs: What is known of the inputs already.
  init(_ forward: Forward, _ modules: [Module], _ parameterSize: ((String) -> Int?)?, inputs: [ValueShape]? = nil) {
    self.forward = forward
    self.modules = Dictionary(modules.map { ($0.name, $0) }) { first, _ in first }
    self.parameterSize = parameterSize
    shapes = ForwardShapes(
      inputs: inputs ?? forward.inputs.map { ValueShape(features: $0.features, channels: $0.channels, hasTime: true) }, steps: [])
  }

  mutating func infer() throws(RNNError) -> ForwardShapes {
    let most = Limits.maximumModuleSize
    guard !forward.inputs.isEmpty, !forward.outputs.isEmpty, forward.steps.count <= Limits.maximumStepCount,
      forward.inputs.allSatisfy({ $0.features.map { (1...most).contains($0) } ?? true && $0.isSound })
    else { throw refuse("it has no input or no output, or sizes beyond 1 to \(most)") }
    for index in forward.steps.indices {
      place = forward.place(of: index)
      for value in forward.steps[index].inputs where !exists(value, before: index) {
        throw refuse("it takes what is not there yet")
      }
      shapes.steps.append(ValueShape(features: nil, hasTime: true))
      shapes.steps[index] = try shape(of: forward.steps[index])
    }
    place = "forward"
    guard forward.outputs.allSatisfy({ exists($0.value, before: forward.steps.count) }) else {
      throw refuse("an output is no step's")
    }
    return shapes
  }

  private func exists(_ value: Forward.Value, before step: Int) -> Bool {
    switch value {
    case .input(let number): forward.inputs.indices.contains(number)
    case .step(let number): (0..<step).contains(number)
    }
  }

  private func refuse(_ problem: String, _ remedy: String = "correct the forward") -> RNNError {
    RNNError(.badData, place: place, problem, remedy: remedy)
  }

  private mutating func shape(of step: Forward.Step) throws(RNNError) -> ValueShape {
    switch step.operation {
    case .module(let name): return try module(name, step.inputs)
    case .constant(let values):
      guard step.inputs.isEmpty, (1...Limits.maximumModuleSize).contains(values.count) else {
        throw refuse("a constant without numbers, or with an input")
      }
      return ValueShape(features: values.count, hasTime: false, isConstant: true)
    case .parameter(let name):
      guard step.inputs.isEmpty else { throw refuse("a parameter with an input") }
      guard let parameterSize else { return ValueShape(features: nil, hasTime: false, isConstant: true) }
      guard let count = parameterSize(name), count > 0 else {
        throw refuse("it is no tensor of the model that holds one number, or one for each feature")
      }
      return ValueShape(features: count, hasTime: false, isConstant: true)
    case .activation, .nothing: return try only(step)
    case .flip, .select, .overTime:
      var shape = try only(step)
      guard shape.hasTime || shape.isOpen else { throw refuse("it takes a sequence, and there is one value for each sequence") }
      switch step.operation {
      case .select: shape.hasTime = false
      case .overTime(let function): shape.hasTime = function.keepsTime
      default: break
      }
      return shape
    case .window(let function, let window):
      var shape = try only(step)
      guard shape.hasTime || shape.isOpen else { throw refuse("it takes a sequence, and there is one value for each sequence") }
      shape.axis = try axis(of: shape, under: window)
      if function == .join, let features = shape.features {
        let (joined, overflow) = features.multipliedReportingOverflow(by: window.size)
        guard !overflow, joined <= Limits.maximumModuleSize else { throw refuse("more features than a module may have") }
        shape.features = joined
        if window.size > 1 { shape.channels = nil }
      }
      shape.hasTime = true
      return shape
    case .across(let function, let window, let channels):
      var shape = try only(step)
      guard channels >= 1, channels <= Limits.maximumModuleSize, window.isSound, shape.channels ?? channels == channels else {
        throw refuse("positions of \(channels) channels, where there are \(shape.channels ?? 0)")
      }
      if let features = shape.features {
        guard features % channels == 0, let count = window.count(of: features / channels), count > 0 else {
          throw refuse("a window of \(window.size) positions, where \(features) features are \(features / channels) of \(channels) channels")
        }
        let each = channels.multipliedReportingOverflow(by: function == .join ? window.size : 1)
        let size = each.partialValue.multipliedReportingOverflow(by: count)
        guard !each.overflow, !size.overflow, size.partialValue <= Limits.maximumModuleSize else { throw refuse("more features than a module may have") }
        shape.features = size.partialValue
      }
      shape.channels = function == .join ? channels * window.size : channels
      shape.isConstant = false
      return shape
    case .interleave(let parts):
      var shape = try only(step)
      guard parts >= 1, parts <= Limits.maximumModuleSize, shape.features.map({ $0 % parts == 0 }) ?? true else {
        throw refuse("\(shape.features ?? 0) features are not \(parts) equal parts")
      }
      shape.channels = parts
      return shape
    case .attend(let attention):
      let (query, key, value) = try attending(step.inputs)
      for case let features? in [query.features, key.features, value.features] {
        guard attention.heads >= 1, features % attention.heads == 0 else { throw refuse("\(attention.heads) heads of \(features) features") }
      }
      if let a = query.features, let b = key.features, a != b { throw refuse("a query of \(a) features and keys of \(b)") }
      var result = query
      (result.features, result.channels) = (value.features, nil)
      return result
    case .repeated: return try repetition(step.inputs)
    case .slice(let range):
      var shape = try only(step)
      guard range.lowerBound >= 0, !range.isEmpty, range.upperBound <= shape.features ?? Limits.maximumModuleSize else {
        throw refuse("features \(range.lowerBound) to \(range.upperBound) of \(shape.features ?? 0)")
      }
      if range.count != shape.features { shape.channels = nil }
      shape.features = range.count
      return shape
    case .state(let kind, let index): return try state(kind, index, step.inputs)
    case .concatenate: return try concatenation(step.inputs)
    case .arithmetic: return try arithmetic(step.inputs)
    }
  }

  private func only(_ step: Forward.Step) throws(RNNError) -> ValueShape {
    guard step.inputs.count == 1 else { throw refuse("it takes one value, not \(step.inputs.count)") }
    let shape = shapes[step.inputs[0]]
    guard !shape.isIndices else { throw refuse("it takes numbers, not an embedding's indices") }
    return shape
  }

  private func axis(of shape: ValueShape, under window: TimeWindow) throws(RNNError) -> TimeAxis {
    guard window.isSound, let axis = shape.axis.under(window) else {
      throw refuse("a window of \(window.size) steps, stride \(window.stride), dilation \(window.dilation), padding \(window.before) and \(window.after)")
    }
    return axis
  }

  /// The time axis that all of several values have which have one.
  private func commonAxis(_ shapes: [ValueShape]) throws(RNNError) -> TimeAxis {
    let axes = shapes.filter { $0.hasTime && !$0.isOpen }.map(\.axis)
    guard let first = axes.first else { return shapes.first(where: \.hasTime)?.axis ?? TimeAxis() }
    if let other = axes.first(where: { $0 != first }) {
      throw refuse("one value has as many steps as \(first.description), another \(other.description)",
        "pad or cut one of them, as pad(a, 1, 0) or pad(a, -1, 0)")
    }
    return first
  }

  /// The shapes of query, key and value.
  private func attending(_ inputs: [Forward.Value]) throws(RNNError) -> (ValueShape, ValueShape, ValueShape) {
    guard inputs.count == 3 else { throw refuse("it takes query, key and value, not \(inputs.count) value\(inputs.count == 1 ? "" : "s")") }
    let taken = inputs.map { shapes[$0] }
    guard taken.allSatisfy({ !$0.isIndices && !$0.isConstant }) else { throw refuse("it takes numbers that depend on the input") }
    guard taken[1...].allSatisfy({ $0.hasTime || $0.isOpen }) else { throw refuse("its keys or values have no steps") }
    _ = try commonAxis([taken[1], taken[2]])
    return (taken[0], taken[1], taken[2])
  }

  private func repetition(_ inputs: [Forward.Value]) throws(RNNError) -> ValueShape {
    guard inputs.count == 2 else { throw refuse("it takes a value and a sequence, not \(inputs.count) values") }
    var (value, sequence) = (shapes[inputs[0]], shapes[inputs[1]])
    guard !value.isIndices else { throw refuse("it takes numbers, not an embedding's indices") }
    guard !value.hasTime || value.isOpen else { throw refuse("it repeats a value that has a time axis already") }
    guard sequence.hasTime || sequence.isOpen else { throw refuse("it repeats a value over what has no time axis") }
    // Of the sequence there is the time axis alone.
    (sequence.features, sequence.channels, sequence.isIndices, sequence.isConstant, sequence.hasTime) =
      (value.features, value.channels, false, false, true)
    sequence.isOpen = sequence.isOpen || value.isOpen
    value = sequence
    return value
  }

  private func concatenation(_ inputs: [Forward.Value]) throws(RNNError) -> ValueShape {
    guard !inputs.isEmpty else { throw refuse("it joins nothing") }
    var total: Int? = 0
    for shape in inputs.map({ shapes[$0] }) {
      guard !shape.isIndices else { throw refuse("it takes numbers, not an embedding's indices") }
      guard let before = total, let features = shape.features else {
        total = nil
        continue
      }
      guard features <= Limits.maximumModuleSize - before else { throw refuse("more features than a module may have") }
      total = before + features
    }
    return ValueShape(
      features: total, hasTime: inputs.contains { shapes[$0].hasTime }, axis: try commonAxis(inputs.map { shapes[$0] }), isConstant: inputs.allSatisfy { shapes[$0].isConstant },
      isOpen: inputs.contains { shapes[$0].isOpen })
  }

  private mutating func arithmetic(_ inputs: [Forward.Value]) throws(RNNError) -> ValueShape {
    guard inputs.count == 2 else { throw refuse("it takes two values, not \(inputs.count)") }
    let (first, second) = (shapes[inputs[0]], shapes[inputs[1]])
    guard !first.isIndices, !second.isIndices else { throw refuse("it takes numbers, not an embedding's indices") }
    var features: Int?
    if let a = first.features, let b = second.features {
      guard a == b || a == 1 || b == 1 else { throw refuse("\(a) features and \(b)", "give both as many, or one of them 1") }
      features = max(a, b)
    } else if let known = first.features ?? second.features, known > 1 {
      // The other one could have 1 all the same, which is to be said.
      features = known
      if let open = inputs.first(where: { shapes[$0].features == nil }) { settle(open, features: known) }
    }
    let wide = [first, second].filter { $0.features == features }
    return ValueShape(
      features: features, channels: wide.compactMap(\.channels).first, hasTime: first.hasTime || second.hasTime,
      axis: try commonAxis([first, second]), isConstant: first.isConstant && second.isConstant,
      isOpen: first.isOpen || second.isOpen)
  }

  private mutating func module(_ name: String, _ inputs: [Forward.Value]) throws(RNNError) -> ValueShape {
    guard let module = modules[name] else {
      throw refuse("the model has no module of this name", "use one of \(modules.keys.sorted().listed())")
    }
    if case .unknown = module { return ValueShape(features: nil, hasTime: inputs.contains { shapes[$0].hasTime }, isOpen: true) }
    if case .attention(let attention) = module {
      guard inputs.count == 3 else { throw refuse("it takes query, key and value, not \(inputs.count) value\(inputs.count == 1 ? "" : "s")") }
      for (input, size) in zip(inputs, [attention.embedDim, attention.kdim, attention.vdim]) {
        settle(input, features: size)
        guard shapes[input].features ?? size == size else {
          throw refuse("it takes \(size) features, and what it is applied to has \(shapes[input].features ?? 0)")
        }
      }
      var result = try attending(inputs).0
      (result.features, result.channels) = (attention.embedDim, nil)
      return result
    }
    guard inputs.count == 1, let input = inputs.first else { throw refuse("it takes one value, not \(inputs.count)") }
    if case .embedding(let embedding) = module {
      if shapes[input].isOpen { return ValueShape(features: embedding.embeddingDim, hasTime: true, isOpen: true) }
      guard case .input(let number) = input, shapes.inputs[number].features == nil || shapes.inputs[number].isIndices else {
        throw refuse("an embedding takes indices: an input of the model's that nothing else takes")
      }
      shapes.inputs[number] = ValueShape(features: 1, hasTime: true, isIndices: true)
      return ValueShape(features: embedding.embeddingDim, hasTime: true)
    }
    if case .prelu(let slopes) = module {
      if slopes.numParameters > 1, shapes[input].channels == nil { settle(input, features: slopes.numParameters) }
      let shape = shapes[input]
      guard !shape.isIndices else { throw refuse("it takes numbers, not an embedding's indices") }
      guard slopes.numParameters == 1 || shape.channels == slopes.numParameters || shape.features ?? slopes.numParameters == slopes.numParameters else {
        throw refuse("it has \(slopes.numParameters) slopes, and what it is applied to has \(shape.features ?? 0) features")
      }
      return shape
    }
    if case .convolution(let module) = module, module.across != nil { return try planes(module, shapes[input]) }
    // Each position by itself.
    if case .norm(let norm) = module, norm.kind == .batch || norm.kind == .group, shapes[input].channels == norm.features {
      return shapes[input]
    }
    guard let takes = module.inputSize, let gives = module.outputSize else { return shapes[input] }
    settle(input, features: takes)
    var shape = shapes[input]
    guard !shape.isIndices else { throw refuse("it takes numbers, not an embedding's indices") }
    guard shape.features ?? takes == takes else {
      throw refuse("it takes \(takes) features, and what it is applied to has \(shape.features ?? 0)")
    }
    if case .recurrent = module {
      guard shape.hasTime && !shape.isConstant || shape.isOpen else {
        throw refuse("it takes a sequence, and what it is applied to has no time axis")
      }
      shape.hasTime = true
    }
    if case .convolution(let module) = module {
      guard shape.hasTime && !shape.isConstant || shape.isOpen else {
        throw refuse("it takes a sequence, and what it is applied to has no time axis")
      }
      shape.hasTime = true
      shape.axis = try axis(of: shape, under: module.window)
    }
    (shape.features, shape.isConstant) = (gives, false)
    if case .norm = module {} else { shape.channels = nil }
    return shape
  }

  /// What a convolution over time and positions gives.
  private func planes(_ module: Convolution, _ taken: ValueShape) throws(RNNError) -> ValueShape {
    var shape = taken
    guard !shape.isIndices else { throw refuse("it takes numbers, not an embedding's indices") }
    guard shape.hasTime && !shape.isConstant || shape.isOpen else {
      throw refuse("it takes a sequence, and what it is applied to has no time axis")
    }
    guard shape.channels ?? module.inChannels == module.inChannels else {
      throw refuse("it takes positions of \(module.inChannels) channels, and what it is applied to has positions of "
        + "\(shape.channels ?? 0); interleave(a, \(module.inChannels)) makes them of PyTorch's channels")
    }
    if let features = shape.features {
      guard let gives = module.outputSize(of: features) else {
        throw refuse("it takes positions of \(module.inChannels) channels, and what it is applied to has \(features) features, which are no such "
          + "positions or too few of them")
      }
      shape.features = gives
    }
    (shape.channels, shape.hasTime) = (module.outChannels, true)
    shape.axis = try axis(of: shape, under: module.window)
    return shape
  }

  /// Tells a value whose features are not known, and what it is computed from feature by feature.
  private mutating func settle(_ value: Forward.Value, features: Int) {
    var value = value
    while shapes[value].features == nil, !shapes[value].isIndices {
      shapes[value].features = features
      guard case .step(let number) = value else { return }
      let step = forward.steps[number]
      switch step.operation {
      case .activation, .nothing, .flip, .select, .overTime, .repeated, .interleave: value = step.inputs[0]
      case .attend: value = step.inputs[2]
      case .module(let name):
        guard case .prelu? = modules[name] else { return }
        value = step.inputs[0]
      // Features of several steps are not told apart from those of one.
      case .window(let function, let window) where function != .join || window.size == 1: value = step.inputs[0]
      case .arithmetic:
        // Where one of the two is known, it is 1, or the other's.
        guard let open = step.inputs.first(where: { shapes[$0].features == nil }),
          step.inputs[0] == step.inputs[1] || step.inputs.contains(where: { shapes[$0].features != nil })
        else { return }
        value = open
      default: return
      }
    }
  }

  private func state(_ kind: Forward.StateKind, _ index: Int, _ inputs: [Forward.Value]) throws(RNNError) -> ValueShape {
    guard inputs.count == 1, case .step(let number) = inputs[0], case .module(let name) = forward.steps[number].operation,
      case .recurrent(let module)? = modules[name]
    else { throw refuse("only a recurrent module has a state") }
    let count = module.numLayers * module.directionCount
    guard (0..<count).contains(index) else {
      throw refuse("\(module.name) has \(count) state\(count == 1 ? "" : "s"), one for each layer and direction")
    }
    guard kind == .hn || module.cell == .lstm else { throw refuse("only an LSTM has a cell state") }
    return ValueShape(features: kind == .cn ? module.hiddenSize : module.stateSize, hasTime: false)
  }
}
