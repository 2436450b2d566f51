import RNNModel
import RNNRunner
import Testing

/// Chains of what stands around recurrent layers against `Schemas/numbers.md`, bit for bit.
@Suite struct AroundDefinitionTests {
  /// A forward that is put together step by step, as long as each fits.
  struct Chain {
    var modules: [Module] = []
    var forward: Forward
    var last: Forward.Value = .input(0)
    var features: Int

    init(features: Int) {
      forward = Forward(inputs: [Forward.Input("x", features: features)])
      self.features = features
    }

    mutating func add(_ operation: Forward.Operation, _ others: [Forward.Value] = []) {
      last = forward.add(operation, of: [last] + others)
    }

    mutating func add(_ module: Module) {
      modules.append(module)
      features = module.outputSize ?? features
      add(.module(module.name))
    }
  }

  static func chain(_ generator: inout Generator) -> Chain {
    var chain = Chain(features: generator.size(1...40))
    for index in 0..<generator.size(1...4) {
      let before = chain.last, name = "m\(index)"
      switch generator.size(0...7) {
      case 0...2:
        let kind = Norm.Kind.allCases[generator.size(0...3)]
        let hasWeight = generator.chance(0.7)
        chain.add(.norm(Norm(
          name: name, kind: kind, features: chain.features, eps: generator.chance(0.5) ? 0.01 : nil, hasWeight: hasWeight,
          hasBias: kind == .layer && hasWeight ? generator.chance(0.5) : nil)))
      case 3:
        chain.add(.overTime(.softmax))
        if generator.chance(0.7) { chain.add(.arithmetic(.multiply), [before]) }
      case 4: chain.add(.activation(.elementwise(.tanh)))
      case 5: chain.add(.linear(Linear(name: name, inFeatures: chain.features, outFeatures: generator.size(1...40))))
      case 6:
        chain.add(.overTime([.sum, .mean, .max][generator.size(0...2)]))
        chain.add(.repeated, [before])
      default: chain.add(.recurrent(Recurrent(name: name, cell: .gru, inputSize: chain.features, hiddenSize: generator.size(1...20))))
      }
    }
    if generator.chance(0.5) { chain.add(.overTime([.sum, .mean, .max][generator.size(0...2)])) }
    chain.forward.outputs = [Forward.Output(chain.last, name: "y")]
    return chain
  }

  static func model(_ chain: Chain, _ element: ElementType, _ values: Values, _ generator: inout Generator) throws -> Model {
    var archive = TensorArchive()
    let precision: Precision = element == .float64 ? .float64 : .float32
    for (name, shape) in chain.modules.flatMap(Model.parameters) {
      try archive.append(name, RandomModel.tensor(shape, element) {
        let value = values.draw(0.7, precision, &generator)
        return name.hasSuffix("running_var") ? value.magnitude : value
      })
    }
    // A model has a weight, which says its precision.
    return try Model(archive, architecture: Architecture(modules: chain.modules, forward: chain.forward, batchFirst: generator.chance(0.5)))
  }

  @Test(arguments: InstructionSet.available, Values.allCases)
  func givesTheDefinedBits(_ set: InstructionSet, _ values: Values) throws {
    for seed in 0..<(modelCount * 3) {
      var generator = Generator(seed: UInt64(seed) * 8 + 5)
      let chain = Self.chain(&generator), element: ElementType = generator.chance(0.3) ? .float64 : .float32
      guard !chain.modules.isEmpty else { continue }
      let model = try Self.model(chain, element, values, &generator)
      let batch = generator.size(1...5), steps = generator.size(1...80)
      let lengths = generator.chance(0.5) ? (0..<batch).map { _ in generator.size(1...steps) } : nil
      let features = chain.forward.inputs[0].features ?? 1
      let shape = model.architecture.batchFirst ? [batch, steps, features] : [steps, batch, features]
      let input = try RandomModel.tensor(shape, element) { values.draw(2, element == .float64 ? .float64 : .float32, &generator) }
      let note = "seed \(seed), \(set), \(values): \(chain.forward.line(modules: chain.modules)), lengths \(lengths ?? [])"
      if element == .float64 {
        try Self.compare(model, input, lengths, set, as: Double.self, .float64, note)
      } else {
        try Self.compare(model, input, lengths, set, as: Float.self, .float32, note)
      }
    }
  }

  /// Every row of a run against the definition.
  static func compare<R: DefinedReal>(
    _ model: Model, _ input: Tensor, _ lengths: [Int]?, _ set: InstructionSet, as type: R.Type, _ precision: Precision, _ note: String
  ) throws {
    let outputs = try Plan(model, precision: precision, instructionSet: set).run(input, lengths: lengths)
    let found = try require(outputs.results.first?.tensor), values: [R] = bits(found), given: [R] = bits(input)
    let isBatchFirst = model.architecture.batchFirst, (time, rows) = isBatchFirst ? (1, 0) : (0, 1)
    let batch = input.shape[rows], steps = input.shape[time], features = input.shape[2]
    for row in 0..<batch {
      func position(_ step: Int, of steps: Int) -> Int { isBatchFirst ? row * steps + step : step * batch + row }
      let sequence = (0..<steps).map { step in Array(given[position(step, of: steps) * features..<(position(step, of: steps) + 1) * features]) }
      let defined = DefinedModel<R>(model: model).run(sequence, length: lengths?[row] ?? steps, h0: [:], c0: [:])
      let hasTime = found.shape.rank == 3, size = found.shape[found.shape.rank - 1]
      #expect(defined.y.count == (hasTime ? found.shape[time] : 1), "\(note)")
      for (step, wanted) in defined.y.enumerated() {
        let start = (hasTime ? position(step, of: found.shape[time]) : row) * size
        #expect(same(Array(values[start..<start + size]), wanted), "\(note), row \(row), step \(step)")
      }
    }
  }
}
