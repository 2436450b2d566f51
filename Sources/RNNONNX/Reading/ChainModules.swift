import RNNFormats
import RNNModel

/// The modules that the links of a graph's chain make, with their tensors.
struct ChainModules {
  /// One module and the links it is made of: several layers of one stack, or one link.
  struct Part {
    var name: String
    var links: Range<Int>
  }

  let links: [ChainLink]
  let parts: [Part]
  private let endsInLastStep: Bool

  /// Groups links by what the graph itself says: nodes of one scope, or that share a starting state, are layers of one
  /// stack.
  init(_ chain: GraphChain) {
    let links = chain.links
    self.links = links
    endsInLastStep = chain.endsInLastStep
    var parts: [Part] = []
    var names = Set<String>()
    for (index, link) in links.enumerated() {
      if let last = parts.indices.last, Self.continues(links, index) {
        parts[last].links = parts[last].links.lowerBound..<index + 1
        continue
      }
      let base: String
      switch link.module {
      case .recurrent(let recurrent): base = link.name ?? recurrent.cell.rawValue.lowercased()
      case .linear: base = link.name ?? "fc"
      case .embedding: base = link.name ?? "embedding"
      }
      var name = base
      var number = 1
      while !names.insert(name).inserted {
        number += 1
        name = base + String(number)
      }
      parts.append(Part(name: name, links: index..<index + 1))
    }
    self.parts = parts
  }

  /// Groups links as an architecture that came with the graph says. Nil where it has not as many layers as there are
  /// links.
  init?(_ chain: GraphChain, as architecture: Architecture) {
    links = chain.links
    endsInLastStep = chain.endsInLastStep
    var parts: [Part] = []
    var next = 0
    for module in architecture.usedModules {
      var count = 1
      if case .recurrent(let module) = module { count = module.numLayers }
      guard count > 0, count <= links.count - next else { return nil }
      parts.append(Part(name: module.name, links: next..<next + count))
      next += count
    }
    guard next == links.count else { return nil }
    self.parts = parts
  }

  /// Whether a link is the next layer of the one before it.
  private static func continues(_ links: [ChainLink], _ index: Int) -> Bool {
    guard index > 0, let link = links[index].recurrent, let before = links[index - 1].recurrent,
      links[index].sourceMoment == .every, link.isLayer(after: before)
    else { return false }
    if let name = links[index].name, name == links[index - 1].name { return true }
    if case .input(let state) = link.h0, case .input(let other) = before.h0 {
      return state.input == other.input && state.rows.lowerBound == other.rows.upperBound
    }
    return false
  }

  /// A part as a link of the architecture's chain.
  func link(_ part: Part) throws(RNNError) -> Link {
    let module = try module(part)
    switch links[part.links.lowerBound].module {
    case .linear(let link):
      return Link(module, functions: link.activation == .elementwise(.identity) ? [] : [link.activation])
    case .recurrent:
      let isLast = !links[part.links.upperBound...].contains { $0.recurrent != nil }
      return Link(module, returnsSequence: !isLast || !endsInLastStep)
    case .embedding: return Link(module)
    }
  }

  /// The module of a part, as the graph has it.
  private func module(_ part: Part) throws(RNNError) -> Module {
    let first = links[part.links.lowerBound]
    switch first.module {
    case .linear(let link):
      return .linear(
        Linear(
          name: part.name, inFeatures: link.weight.shape[1], outFeatures: link.weight.shape[0], bias: link.bias != nil))
    case .embedding(let link):
      return .embedding(
        Embedding(name: part.name, numEmbeddings: link.weight.shape[0], embeddingDim: link.weight.shape[1]))
    case .recurrent(let link):
      let stack = part.links.compactMap { links[$0].recurrent }
      return .recurrent(
        Recurrent(
          name: part.name, cell: link.cell, inputSize: link.inputSize, hiddenSize: link.hiddenSize,
          numLayers: part.links.count, bias: link.directions[0].biases != nil, direction: link.direction,
          activations: link.directions[0].activations,
          reverseActivations: link.directions.count == 2
            && link.directions[1].activations != link.directions[0].activations
            ? link.directions[1].activations : nil,
          resetAfter: link.cell == .gru ? link.resetAfter : true, clip: link.clip, inputForget: link.inputForget,
          peephole: link.directions[0].peephole != nil,
          hasInitialState: stack.contains { $0.h0.isNotZero || $0.c0.isNotZero }))
    }
  }

  /// The parameters of a part, under their names and in PyTorch's order, as `module` wants them.
  func tensors(_ part: Part, _ module: Module) throws(RNNError) -> [NamedTensor] {
    var result: [NamedTensor] = []
    func add(_ name: String, _ tensor: Tensor?) {
      if let tensor { result.append(NamedTensor(Model.join(part.name, name), tensor)) }
    }
    for (layer, index) in part.links.enumerated() {
      switch links[index].module {
      case .linear(let link):
        add("weight", link.weight)
        add("bias", link.bias)
      case .embedding(let link): add("weight", link.weight)
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
      let stack = part.links.compactMap { links[$0].recurrent }
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

extension RecurrentLink {
  /// Whether this can be the layer after another of one stack.
  func isLayer(after link: RecurrentLink) -> Bool {
    cell == link.cell && hiddenSize == link.hiddenSize && direction == link.direction && resetAfter == link.resetAfter
      && clip == link.clip && inputForget == link.inputForget && lengths == link.lengths
      && zip(directions, link.directions).allSatisfy {
        $0.activations == $1.activations && ($0.biases == nil) == ($1.biases == nil)
          && ($0.peephole == nil) == ($1.peephole == nil)
      }
  }
}

extension RecurrentLink.Start {
  /// Whether the file stores a state that is not all zeros.
  var isNotZero: Bool {
    if case .stored(let tensor) = self { !tensor.isZero } else { false }
  }
}
