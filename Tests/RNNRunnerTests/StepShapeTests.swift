import RNNModel
import RNNRunner
import Testing

/// Random lists of steps: what shape inference says of them is what a run gives.
@Suite struct StepShapeTests {
  /// Features and time axis by PyTorch's rules for inputs of known sizes; nil where a step does not fit.
  private struct Rules {
    let modules: [String: Module]
    var values: [(features: Int, hasTime: Bool, isIndices: Bool, isConstant: Bool)] = []

    func result(_ operation: Forward.Operation, _ taken: [Int], forward: Forward) -> (Int, Bool, Bool, Bool)? {
      let inputs = taken.map { values[$0] }
      if case .module(let name) = operation, case .embedding(let embedding)? = modules[name] {
        return taken[0] < forward.inputs.count && inputs[0].isIndices ? (embedding.embeddingDim, true, false, false) : nil
      }
      // Of what `repeat` takes the steps of, its numbers are not looked at.
      guard !inputs.prefix(operation == .repeated ? 1 : inputs.count).contains(where: \.isIndices) else { return nil }
      switch operation {
      case .module(let name):
        switch modules[name] {
        case .linear(let module)?: return inputs[0].features == module.inFeatures ? (module.outFeatures, inputs[0].hasTime, false, false) : nil
        case .recurrent(let module)?: return inputs[0].features == module.inputSize && inputs[0].hasTime ? (module.outputSize, true, false, false) : nil
        case .prelu(let module)?:
          return module.numParameters == 1 || module.numParameters == inputs[0].features ? (inputs[0].features, inputs[0].hasTime, false, inputs[0].isConstant) : nil
        case .norm(let module)?: return inputs[0].features == module.features ? (module.features, inputs[0].hasTime, false, false) : nil
        default: return nil
        }
      case .activation, .nothing: return (inputs[0].features, inputs[0].hasTime, false, inputs[0].isConstant)
      case .select: return inputs[0].hasTime ? (inputs[0].features, false, false, false) : nil
      case .overTime(let function): return inputs[0].hasTime ? (inputs[0].features, function.keepsTime, false, false) : nil
      case .window, .attend, .across, .interleave: return nil
      case .repeated: return !inputs[0].hasTime && inputs[1].hasTime ? (inputs[0].features, true, false, false) : nil
      case .flip: return inputs[0].hasTime ? (inputs[0].features, true, false, false) : nil
      case .slice(let range): return range.upperBound <= inputs[0].features ? (range.count, inputs[0].hasTime, false, inputs[0].isConstant) : nil
      case .concatenate:
        return (inputs.reduce(0) { $0 + $1.features }, inputs.contains(where: \.hasTime), false, inputs.allSatisfy(\.isConstant))
      case .arithmetic:
        let (a, b) = (inputs[0].features, inputs[1].features)
        return a == b || a == 1 || b == 1 ? (max(a, b), inputs.contains(where: \.hasTime), false, inputs.allSatisfy(\.isConstant)) : nil
      case .state(let kind, _):
        guard case .step(let number)? = taken.first.map({ Forward.Value.step($0 - forward.inputs.count) }), number >= 0,
          case .module(let name) = forward.steps[number].operation, case .recurrent(let module)? = modules[name]
        else { return nil }
        return (kind == .cn ? module.hiddenSize : module.stateSize, false, false, false)
      case .constant(let numbers): return (numbers.count, false, false, true)
      case .parameter: return nil
      }
    }
  }

  private static let sizes = 1...4

  private func modules(_ generator: inout Generator) -> [Module] {
    (0..<generator.size(2...5)).map { index in
      let (a, b) = (generator.size(Self.sizes), generator.size(Self.sizes))
      switch generator.size(0...6) {
      case 0: return .embedding(Embedding(name: "m\(index)", numEmbeddings: 4, embeddingDim: b))
      case 1, 2: return .linear(Linear(name: "m\(index)", inFeatures: a, outFeatures: b))
      case 3 where generator.chance(0.5): return .norm(Norm(name: "m\(index)", kind: Norm.Kind.allCases[generator.size(0...3)], features: a))
      case 3: return .prelu(PReLU(name: "m\(index)", numParameters: generator.chance(0.5) ? 1 : a))
      default:
        let cells: [Recurrent.Cell] = [.rnn, .lstm, .gru], directions: [Recurrent.Direction] = [.forward, .reverse, .bidirectional]
        return .recurrent(Recurrent(
          name: "m\(index)", cell: cells[generator.size(0...2)], inputSize: a, hiddenSize: b, numLayers: generator.size(1...2),
          direction: directions[generator.size(0...2)]))
      }
    }
  }

  private func operation(_ modules: [Module], _ generator: inout Generator) -> Forward.Operation {
    switch generator.size(0...15) {
    case 0...5: return .module(modules[generator.size(0...modules.count - 1)].name)
    case 6: return .activation(generator.chance(0.5) ? .elementwise(.tanh) : .softmax)
    case 7: return .select([.last, .first, .at(1), .at(-2)][generator.size(0...3)])
    case 8: return .state(generator.chance(0.5) ? .hn : .cn, generator.size(0...2))
    case 9: return [.flip, .repeated, .overTime(TimeFunction.allCases[generator.size(0...3)])][generator.size(0...2)]
    case 10, 11:
      let low = generator.size(0...3)
      return .slice(low..<low + generator.size(1...2))
    case 12: return .concatenate
    case 13, 14: return .arithmetic(generator.chance(0.5) ? .add : .multiply)
    default: return .constant((0..<generator.size(1...3)).map { _ in generator.uniform(1) })
    }
  }

  private func forward(_ modules: [Module], _ generator: inout Generator) -> Forward {
    var forward = Forward(inputs: (0..<generator.size(1...2)).map { Forward.Input("x\($0)", features: generator.chance(0.2) ? generator.size(Self.sizes) : nil) })
    var called = Set<String>()
    for _ in 0..<24 where forward.steps.count < 9 {
      let operation = operation(modules, &generator)
      let all = forward.inputs.indices.map { Forward.Value.input($0) } + forward.steps.indices.map { .step($0) }
      let count =
        switch operation {
        case .constant: 0
        case .arithmetic, .repeated: 2
        case .concatenate: generator.size(1...3)
        default: 1
        }
      // A recurrent module runs once.
      if case .module(let name) = operation, case .recurrent? = modules.first(where: { $0.name == name }), !called.insert(name).inserted { continue }
      var next = forward
      let before = next.steps.count
      _ = next.add(operation, of: (0..<count).map { _ in all[generator.size(0...all.count - 1)] })
      guard next.steps.count > before else { continue }
      next.outputs = [Forward.Output(.step(before))]
      if (try? next.shapes(modules)) != nil {
        forward = next
      } else if case .module(let name) = operation {
        called.remove(name)
      }
    }
    forward.outputs = forward.steps.indices.map { Forward.Output(.step($0), name: "s\($0)") }
    return forward
  }

  private func model(_ modules: [Module], _ forward: Forward, batchFirst: Bool, _ generator: inout Generator) throws -> Model {
    var archive = TensorArchive()
    for (name, shape) in modules.flatMap(Model.parameters) {
      try archive.append(name, try RandomModel.tensor(shape, .float32) { generator.uniform(0.7) })
    }
    return try Model(archive, architecture: Architecture(modules: modules, forward: forward, batchFirst: batchFirst))
  }

  /// What is accepted fits by the rules, has the sizes that they give, and runs to arrays of these shapes.
  @Test func whatIsInferredIsWhatARunGives() throws {
    var (runs, values) = (0, 0)
    for seed in 0..<40 * modelCount {
      var generator = Generator(seed: UInt64(seed))
      let modules = modules(&generator)
      let forward = forward(modules, &generator)
      guard !forward.steps.isEmpty, !forward.moduleNames.isEmpty else { continue }
      let shapes = try forward.shapes(modules)
      let batchFirst = generator.chance(0.5)
      let model = try model(modules, forward, batchFirst: batchFirst, &generator)
      guard shapes.inputs.allSatisfy({ $0.features != nil }) else {
        #expect(throws: RNNError.self, "seed \(seed)") { try Plan(model) }
        continue
      }
      var rules = Rules(modules: Dictionary(modules.map { ($0.name, $0) }) { first, _ in first })
      rules.values = shapes.inputs.map { ($0.features ?? 0, true, $0.isIndices, false) }
      for (index, step) in forward.steps.enumerated() {
        let taken = step.inputs.map { value in
          switch value {
          case .input(let number): number
          case .step(let number): forward.inputs.count + number
          }
        }
        let result = try #require(rules.result(step.operation, taken, forward: forward), "seed \(seed), step \(index): \(forward.line(modules: modules))")
        let found = shapes.steps[index]
        #expect(found.features == result.0 && found.hasTime == result.1 && found.isConstant == result.3, "seed \(seed), step \(index)")
        rules.values.append(result)
        values += 1
      }
      let plan = try Plan(model)
      let steps = generator.size(2...5), batch = generator.size(1...3), isBatched = batch > 1 || generator.chance(0.5)
      func sizes(_ features: Int?, hasTime: Bool) -> [Int] {
        let axes = !isBatched ? [steps] : batchFirst ? [batch, steps] : [steps, batch]
        return (hasTime ? axes : isBatched ? [batch] : []) + (features.map { [$0] } ?? [])
      }
      let inputs = try plan.inputs.map { input in
        if let count = input.indexCount {
          let shape = try require(Shape(sizes(nil, hasTime: true)))
          return try require(Tensor((0..<shape.count).map { _ in Int64(generator.size(0...count - 1)) }, shape))
        }
        return try RandomModel.tensor(sizes(input.features, hasTime: true), .float32) { generator.uniform(1) }
      }
      let results = try plan.run(inputs).results
      #expect(results.map(\.name) == forward.outputs.compactMap(\.name))
      for (index, result) in results.enumerated() {
        let shape = shapes.steps[index]
        // The model's own numbers are there once for each sequence.
        #expect(result.tensor.shape.dimensions == sizes(shape.features, hasTime: shape.hasTime), "seed \(seed), step \(index): \(forward.line(modules: modules))")
      }
      runs += 1
    }
    #expect(runs > 5 * modelCount && values > 20 * modelCount, "\(runs) runs, \(values) values")
  }

  /// What a later step tells of an input is held against the earlier ones.
  @Test(arguments: [
    "a = x[..., 5:6]; fc(lstm(x)) + a", "x, y -> _; s = cat(x, y); a = wide(s); lstm(x), lstm2(y), a",
    "x, y -> _, _, _; s = x + y; wide(s), lstm(x), five(y)", "slopes(fc(lstm(x)))", "a = relu(x); emb(x), a", "a = last(x); cat(emb(x), a)",
  ])
  func refusesWhatALaterStepContradicts(_ line: String) throws {
    let modules: [Module] = [
      .recurrent(Recurrent(name: "lstm", cell: .lstm, inputSize: 3, hiddenSize: 4)),
      .recurrent(Recurrent(name: "lstm2", cell: .lstm, inputSize: 3, hiddenSize: 4)),
      .linear(Linear(name: "fc", inFeatures: 4, outFeatures: 2)), .linear(Linear(name: "wide", inFeatures: 5, outFeatures: 2)),
      .linear(Linear(name: "five", inFeatures: 5, outFeatures: 2)), .prelu(PReLU(name: "slopes", numParameters: 3)),
      .embedding(Embedding(name: "emb", numEmbeddings: 4, embeddingDim: 2)),
    ]
    let outputs = line.contains("lstm2") ? line.replacing("-> _;", with: "-> _, _, _;") : line
    let forward = try Forward(line: outputs, modules: modules, batchFirst: true)
    #expect(throws: RNNError.self, "\(line)") { try forward.shapes(modules) }
  }
}
