import RNNFormats
import RNNModel

/// The modules that a graph's steps make, with their tensors.
struct GraphModules {
  /// One module and the steps it is made of: several layers of one stack, or one step.
  struct Part {
    var name: String
    var steps: [Int]
  }

  let graph: GraphForward
  private(set) var parts: [Part] = []
  /// Which part a step is of.
  private var partOfStep: [Int: Int] = [:]

  private var steps: [GraphStep] { graph.steps }

  /// Groups steps by what the graph itself says: nodes of one scope, or that share a starting state, are layers of one
  /// stack.
  init(_ graph: GraphForward) {
    self.graph = graph
    var names = Set<String>()
    for index in graph.live where graph.steps[index].isModule {
      let step = graph.steps[index]
      if let before = previousLayer(of: index), let part = partOfStep[before], parts[part].steps.last == before {
        add(index, to: part)
        continue
      }
      let base: String
      switch step.operation {
      case .recurrent(let recurrent): base = step.name ?? recurrent.cell.rawValue.lowercased()
      case .linear: base = step.name ?? "fc"
      case .embedding: base = step.name ?? "embedding"
      case .prelu: base = step.name ?? "prelu"
      case .convolution: base = step.name ?? "conv"
      case .norm: base = step.name ?? "norm"
      case .unknown(let link): base = step.name ?? link.className.lowercased()
      case .plain: continue
      }
      var name = base
      var number = 1
      while !names.insert(name).inserted {
        number += 1
        name = base + String(number)
      }
      parts.append(Part(name: name, steps: [index]))
      partOfStep[index] = parts.count - 1
    }
  }

  /// Groups steps as an architecture that came with the graph says. Nil where it has not as many layers.
  init?(_ graph: GraphForward, as architecture: Architecture) {
    self.graph = graph
    guard let forward = architecture.forward?.withoutUnneeded else { return nil }
    var rest = graph.live.filter { graph.steps[$0].isModule }[...]
    var numbers: [String: Int] = [:]
    for case .module(let name) in forward.steps.map(\.operation) {
      var count = 1
      if case .recurrent(let module)? = architecture[name] { count = module.numLayers }
      guard count > 0, count <= rest.count else { return nil }
      let own = Array(rest.prefix(count))
      rest = rest.dropFirst(count)
      if let known = numbers[name] {
        // The same module once more.
        for index in own { partOfStep[index] = known }
        guard zip(own, parts[known].steps).allSatisfy({ steps[$0].isIdentical(to: steps[$1]) }) else { return nil }
        continue
      }
      numbers[name] = parts.count
      parts.append(Part(name: name, steps: []))
      for index in own { add(index, to: parts.count - 1) }
    }
    guard rest.isEmpty else { return nil }
  }

  private mutating func add(_ step: Int, to part: Int) {
    parts[part].steps.append(step)
    partOfStep[step] = part
  }

  /// The recurrent step of which another is the next layer.
  private func previousLayer(of index: Int) -> Int? {
    guard let link = steps[index].recurrent, case .step(let before)? = steps[index].inputs.first,
      let other = steps[before].recurrent, link.isLayer(after: other), isInner(before)
    else { return nil }
    if let name = steps[index].name, name == steps[before].name { return before }
    if case .input(let state) = link.h0, case .input(let previous) = other.h0, state.input == previous.input,
      state.rows.lowerBound == previous.rows.upperBound
    { return before }
    return nil
  }

  /// Whether one recurrent step alone takes a step's output, whoever takes its states.
  private func isInner(_ index: Int) -> Bool {
    guard !graph.outputs.contains(where: { $0.source == .step(index) }) else { return false }
    let users = graph.live.filter { step in
      if case .plain(.state) = steps[step].operation { return false }
      return steps[step].inputs.contains(.step(index))
    }
    return users.count == 1
  }

  /// The module of a part, as the graph has it.
  func module(_ part: Part) -> Module {
    switch steps[part.steps[0]].operation {
    case .linear(let link):
      return .linear(
        Linear(name: part.name, inFeatures: link.weight.shape[1], outFeatures: link.weight.shape[0], bias: link.bias != nil))
    case .embedding(let link):
      return .embedding(
        Embedding(name: part.name, numEmbeddings: link.weight.shape[0], embeddingDim: link.weight.shape[1]))
    case .prelu(let link): return .prelu(PReLU(name: part.name, numParameters: link.weight.count))
    case .convolution(let link):
      let sizes = link.weight.shape.dimensions
      return .convolution(Convolution(
        name: part.name, inChannels: sizes[1] * link.groups, outChannels: sizes[0], window: link.window, across: link.across,
        isTimeLast: link.isTimeLast, groups: link.groups, bias: link.bias != nil))
    case .norm(let link):
      return .norm(Norm(
        name: part.name, kind: link.kind, features: link.weight.count, eps: link.eps, hasWeight: true, hasBias: link.bias != nil))
    case .unknown(let link):
      return .unknown(UnknownModule(name: part.name, className: link.className, tensorNames: link.tensors.map(\.name)))
    case .plain: return .unknown(UnknownModule(name: part.name, tensorNames: []))
    case .recurrent(let link):
      let stack = part.steps.compactMap { steps[$0].recurrent }
      return .recurrent(
        Recurrent(
          name: part.name, cell: link.cell, inputSize: link.inputSize, hiddenSize: link.hiddenSize,
          numLayers: part.steps.count, bias: link.directions[0].biases != nil, direction: link.direction,
          activations: link.directions[0].activations,
          reverseActivations: link.directions.count == 2
            && link.directions[1].activations != link.directions[0].activations
            ? link.directions[1].activations : nil,
          resetAfter: link.cell == .gru ? link.resetAfter : true, clip: link.clip, inputForget: link.inputForget,
          peephole: link.directions[0].peephole != nil,
          hasInitialState: stack.contains { $0.h0.isNotZero || $0.c0.isNotZero }))
    }
  }

  /// What is computed, by the modules' names.
  func forward() -> Forward {
    var forward = Forward(inputs: graph.inputs.count == 1 ? [Forward.Input()] : inputNames.map { Forward.Input($0) })
    var values: [Flow.Source: Forward.Value] = [:]
    for (number, input) in graph.inputs.enumerated() { values[.input(input)] = .input(number) }
    for index in graph.live {
      let step = steps[index]
      let inputs = step.inputs.compactMap { values[$0] }
      switch step.operation {
      case .plain(.state(let kind, let direction)):
        values[.step(index)] = state(kind, direction, step, inputs, &forward)
      // Without lengths the end of the time axis is each sequence's own.
      case .plain(.select(.at(-1))) where graph.lengths == nil: values[.step(index)] = forward.add(.select(.last), of: inputs)
      case .plain(let operation): values[.step(index)] = forward.add(operation, of: inputs)
      default:
        guard let number = partOfStep[index] else { continue }
        let part = parts[number]
        // A stack is one step, which takes what its first layer does.
        if let place = part.steps.firstIndex(of: index), place > 0 {
          values[.step(index)] = values[.step(part.steps[0])]
        } else {
          values[.step(index)] = forward.add(.module(part.name), of: inputs)
        }
      }
    }
    // The last recurrent layer's output is given as `output` where something else that is given needs it.
    let last = graph.live.last { steps[$0].recurrent != nil }.map(Flow.Source.step)
    let others = graph.outputs.filter { $0.source != last }
    let isNeeded = last.map { GraphForward.reached(from: others.map(\.source), steps).contains($0) } ?? false
    let outputs = isNeeded ? others : graph.outputs
    let names = Self.identifiers(outputs.map(\.name))
    for (output, name) in zip(outputs, names) {
      guard let value = values[output.source] else { continue }
      forward.outputs.append(Forward.Output(value, name: outputs.count == 1 ? nil : name))
    }
    return forward
  }

  /// The names of the graph's inputs that steps take, as the forward line can have them.
  var inputNames: [String] { Self.identifiers(graph.inputs.map { graph.reader.inputs[$0].name }) }

  /// A state of one layer and direction; the last layer's of a forward module is its last step.
  private func state(
    _ kind: Forward.StateKind, _ direction: Int, _ step: GraphStep, _ inputs: [Forward.Value], _ forward: inout Forward
  ) -> Forward.Value? {
    guard case .step(let source)? = step.inputs.first, let number = partOfStep[source],
      let layer = parts[number].steps.firstIndex(of: source), let link = steps[source].recurrent
    else { return nil }
    if kind == .hn, link.direction == .forward, layer == parts[number].steps.count - 1 {
      return forward.add(.select(.last), of: inputs)
    }
    return forward.add(.state(kind, layer * link.directions.count + direction), of: inputs)
  }

  /// Names of a graph's values as the forward line can have them, each once.
  private static func identifiers(_ names: [String]) -> [String] {
    var taken = Set<String>()
    return names.map { name in
      var own = identifier(name)
      while !taken.insert(own).inserted { own += "_" }
      return own
    }
  }

  /// A name of a graph's value as the forward line can have it.
  static func identifier(_ name: String) -> String {
    let text = String(name.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
    return text.first.map { $0.isNumber } ?? true ? "_" + text : text
  }

  /// The parameters of a part, under their names and in PyTorch's order, as `module` wants them.
  func tensors(_ part: Part, _ module: Module) throws(RNNError) -> [NamedTensor] {
    var result: [NamedTensor] = []
    func add(_ name: String, _ tensor: Tensor?) {
      if let tensor { result.append(NamedTensor(Model.join(part.name, name), tensor)) }
    }
    for (layer, index) in part.steps.enumerated() {
      switch steps[index].operation {
      case .linear(let link):
        add("weight", link.weight)
        add("bias", link.bias)
      case .embedding(let link): add("weight", link.weight)
      case .prelu(let link): add("weight", link.weight)
      case .convolution(let link):
        add("weight", link.weight)
        add("bias", link.bias)
      case .norm(let link):
        add("weight", link.weight)
        add("bias", link.bias)
        add("running_mean", link.runningMean)
        add("running_var", link.runningVar)
      case .unknown(let link): result += link.tensors
      case .plain: break
      case .recurrent(let link):
        var isCell = false
        if case .recurrent(let module) = module { isCell = module.isCell }
        for (index, direction) in link.directions.enumerated() {
          func name(_ kind: ParameterName.Kind) -> String {
            ParameterName(kind, layer: isCell ? nil : layer, isReverse: index == 1).description
          }
          add(name(.weightIH), direction.weightIH)
          add(name(.weightHH), direction.weightHH)
          add(name(.biasIH), direction.biases?.ih)
          add(name(.biasHH), direction.biases?.hh)
          add(name(.weightPeephole), direction.peephole)
        }
      }
    }
    if case .recurrent(let module) = module, module.hasInitialState {
      let stack = part.steps.compactMap { steps[$0].recurrent }
      add("h0", try initialState(stack.map(\.h0), module))
      if module.cell == .lstm { add("c0", try initialState(stack.map(\.c0), module)) }
    }
    return result
  }

  /// The stored starting states of a stack's layers, one after the other.
  private func initialState(_ starts: [RecurrentLink.Start], _ module: Recurrent) throws(RNNError) -> Tensor? {
    var type: ElementType?
    for case .stored(let tensor) in starts { type = type ?? tensor.elementType }
    var states: [Tensor] = []
    for start in starts {
      switch start {
      case .stored(let tensor) where tensor.elementType == type: states.append(tensor)
      case .none:
        if let zeros = Tensor.zeros(type ?? .float32, [module.directionCount, module.hiddenSize]) {
          states.append(zeros)
        }
      case .stored, .input:
        throw RNNError(
          .badData, place: "module \(module.name)",
          "its layers start from states of different types, or some from stored and some from given states",
          remedy: "make the starting states one input of the graph")
      }
    }
    return try Tensor.concatenated(states, axis: 0)
  }
}

