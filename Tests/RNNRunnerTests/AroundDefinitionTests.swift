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
    /// Of each position, where the features are positions.
    var channels: Int?

    init(features: Int) {
      forward = Forward(inputs: [Forward.Input("x", features: features)])
      self.features = features
    }

    mutating func add(_ operation: Forward.Operation, _ others: [Forward.Value] = []) {
      last = forward.add(operation, of: [last] + others)
    }

    mutating func add(_ module: Module) {
      modules.append(module)
      if case .convolution(let convolution) = module {
        features = convolution.outputSize(of: features) ?? features
        channels = convolution.across == nil ? nil : convolution.outChannels
      } else if !module.isChannelwise || channels != module.outputSize {
        features = module.outputSize ?? features
        // A norm leaves features where they are.
        if case .norm = module {} else if !module.isChannelwise { channels = nil }
      }
      add(.module(module.name))
    }
  }

  static func chain(_ generator: inout Generator) -> Chain {
    var chain = Chain(features: generator.size(1...40))
    for index in 0..<generator.size(1...4) {
      let before = chain.last, name = "m\(index)"
      switch generator.size(0...17) {
      case 12...14:
        // A convolution over positions, of channels that stand side by side or are made to.
        var channels = chain.channels ?? 1
        if chain.channels == nil, let parts = [2, 3, 4].first(where: { chain.features % $0 == 0 }), generator.chance(0.6) {
          if generator.chance(0.5) {
            chain.add(.interleave(parts))
            chain.channels = parts
          }
          channels = parts
        }
        let groups = generator.chance(0.3) ? [2, 3].first { channels % $0 == 0 } ?? 1 : 1
        let window = Self.window(&generator), across = Self.window(&generator), positions = chain.features / channels
        let isPlain = window.before < 0 || window.after < 0 || across.before < 0 || across.after < 0 || max(across.before, across.after) >= positions
        let module = Convolution(
          name: name, inChannels: channels, outChannels: groups * generator.size(1...12), window: window, across: across,
          isTimeLast: generator.chance(0.5), groups: groups,
          padding: isPlain || generator.chance(0.5) ? .zeros : Convolution.Padding.allCases[generator.size(0...3)], bias: generator.chance(0.7))
        guard let size = module.outputSize(of: chain.features), size < 400 else { continue }
        chain.add(.convolution(module))
        if generator.chance(0.4) { chain.add(.norm(Norm(name: name + "n", kind: generator.chance(0.7) ? .batch : .group, features: module.outChannels))) }
        if generator.chance(0.3) { chain.add(.prelu(PReLU(name: name + "p", numParameters: module.outChannels))) }
      case 15, 16:
        let channels = chain.channels ?? ([2, 3].first { chain.features % $0 == 0 } ?? 1), window = Self.window(&generator)
        let function: WindowFunction = [.max, .average(countsPadding: true), .average(countsPadding: false), .join][generator.size(0...3)]
        guard let count = window.count(of: chain.features / channels), count > 0 else { continue }
        let each = function == .join ? channels * window.size : channels
        guard each * count < 400 else { continue }
        chain.add(.across(function, window, channels: channels))
        (chain.features, chain.channels) = (each * count, each)
      case 17:
        guard let parts = [2, 3, 5].first(where: { chain.features % $0 == 0 }) else { continue }
        chain.add(.interleave(parts))
        chain.channels = parts
      case 8, 9:
        let groups = generator.chance(0.3) ? generator.size(1...3) : 1
        guard chain.features % groups == 0 else { continue }
        let window = Self.window(&generator)
        let isCausal = window.isCausal || generator.chance(0.5)
        chain.add(.convolution(Convolution(
          name: name, inChannels: chain.features, outChannels: groups * generator.size(1...20), window: window, groups: groups,
          padding: isCausal || window.before < 0 || window.after < 0 ? .zeros : Convolution.Padding.allCases[generator.size(0...3)],
          bias: generator.chance(0.7))))
      case 10:
        let function: WindowFunction = [.max, .average(countsPadding: true), .average(countsPadding: false)][generator.size(0...2)]
        chain.add(.window(function, Self.window(&generator)))
      case 11 where chain.features < 100:
        let window = generator.chance(0.5) ? TimeWindow(size: 1, before: generator.size(-2...2), after: generator.size(-2...2)) : Self.window(&generator)
        chain.add(.window(.join, window))
        chain.features *= window.size
        if window.size > 1 { chain.channels = nil }
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

  private static func window(_ generator: inout Generator) -> TimeWindow {
    var window = TimeWindow(size: generator.size(1...4), stride: generator.chance(0.6) ? 1 : generator.size(2...5), dilation: generator.size(1...3))
    switch generator.size(0...3) {
    case 0: window.before = window.span - 1
    case 1: (window.before, window.after) = (generator.size(0...3), generator.size(0...3))
    case 2: (window.before, window.after) = (generator.size(-1...0), generator.size(-1...0))
    default: break
    }
    return window
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
      let batch = generator.size(1...5)
      guard let least = Self.leastSteps(model) else { continue }
      let steps = least + generator.size(0...80)
      let lengths = generator.chance(0.5) ? (0..<batch).map { _ in generator.size(least...steps) } : nil
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

  /// Attention to a sequence's own steps, of steps and of one value, by itself and as PyTorch's module.
  @Test(arguments: InstructionSet.available)
  func givesTheDefinedBitsOfAttention(_ set: InstructionSet) throws {
    for seed in 0..<modelCount {
      var generator = Generator(seed: UInt64(seed) * 8 + 7)
      let heads = generator.size(1...3), size = heads * generator.size(1...40)
      var chain = Chain(features: size)
      let query = chain.last
      if generator.chance(0.5) { chain.add(.recurrent(Recurrent(name: "rnn", cell: .gru, inputSize: size, hiddenSize: size))) }
      let keys = chain.last
      if generator.chance(0.5) { chain.add(.linear(Linear(name: "fc", inFeatures: size, outFeatures: heads * generator.size(1...20)))) }
      let values = chain.last
      chain.last = query
      if generator.chance(0.3) { chain.add(.overTime(.mean)) }
      if generator.chance(0.5) {
        chain.add(.attend(Attention(heads: heads, scale: generator.chance(0.3) ? 0.7 : nil)), [keys, values])
      } else {
        let module = MultiheadAttention(
          name: "attn", embedDim: size, numHeads: heads, vdim: chain.features, bias: generator.chance(0.7))
        chain.modules.append(.attention(module))
        chain.add(.module("attn"), [keys, values])
      }
      guard !chain.modules.isEmpty else { continue }
      chain.forward.outputs = [Forward.Output(chain.last, name: "y")]
      let element: ElementType = generator.chance(0.3) ? .float64 : .float32, precision: Precision = element == .float64 ? .float64 : .float32
      let model = try Self.model(chain, element, .ordinary, &generator)
      let batch = generator.size(1...4), steps = generator.size(1...150)
      let lengths = generator.chance(0.5) ? (0..<batch).map { _ in generator.size(1...steps) } : nil
      let shape = model.architecture.batchFirst ? [batch, steps, size] : [steps, batch, size]
      let input = try RandomModel.tensor(shape, element) { Values.ordinary.draw(2, precision, &generator) }
      let note = "seed \(seed), \(set): \(chain.forward.line(modules: chain.modules))"
      switch precision {
      case .float32: try Self.compare(model, input, lengths, set, as: Float.self, .float32, note)
      case .float64: try Self.compare(model, input, lengths, set, as: Double.self, .float64, note)
      }
    }
  }

  /// Steps that every value and every padding needs; nil where that is many.
  static func leastSteps(_ model: Model) -> Int? {
    guard let shapes = model.shapes, let forward = model.architecture.forward else { return nil }
    var least = shapes.steps.map { $0.axis.leastInput(for: 1) }.max() ?? 1
    for step in forward.steps {
      guard case .module(let name) = step.operation, case .convolution(let module)? = model.architecture[name] else { continue }
      least = max(least, shapes[step.inputs[0]].axis.leastInput(for: max(module.window.before, module.window.after, 0) + 1))
    }
    return least < 400 ? least : nil
  }

  /// Causal chains in pieces of any size give what the whole gives, and their state goes through its members.
  @Test(arguments: InstructionSet.available)
  func givesTheSameBitsInPieces(_ set: InstructionSet) throws {
    var seen = 0
    for seed in 0..<(modelCount * 20) {
      var generator = Generator(seed: UInt64(seed) * 8 + 6)
      let chain = Self.chain(&generator)
      guard !chain.modules.isEmpty, chain.forward.steps.contains(where: { step in
        if case .window = step.operation { return true }
        if case .module(let name) = step.operation, case .convolution? = chain.modules.first(where: { $0.name == name }) { return true }
        return false
      }) else { continue }
      let model = try Self.model(chain, .float32, .ordinary, &generator)
      let plan = try Plan(model, instructionSet: set)
      guard plan.isStreamable, let least = Self.leastSteps(model) else { continue }
      seen += 1
      let batch = generator.size(1...3), steps = least + generator.size(0...60), features = plan.inputSize
      let isBatchFirst = model.architecture.batchFirst
      let values = (0..<steps * batch * features).map { _ in Float(generator.uniform(2)) }
      func input(_ range: Range<Int>) throws -> Tensor {
        var rows: [Float] = []
        for a in isBatchFirst ? 0..<batch : range {
          for b in isBatchFirst ? range : 0..<batch {
            let (step, row) = isBatchFirst ? (b, a) : (a, b)
            rows += values[(step * batch + row) * features..<(step * batch + row + 1) * features]
          }
        }
        return try require(Tensor(rows, require(Shape(isBatchFirst ? [batch, range.count, features] : [range.count, batch, features]))))
      }
      let note = "seed \(seed), \(set): \(chain.forward.line(modules: chain.modules))"
      let whole = try require(plan.run(try input(0..<steps)).results.first?.tensor), all: [Float] = bits(whole)
      let size = plan.outputSize, count = whole.shape[isBatchFirst ? 1 : 0]
      #expect(count == plan.outputSteps(of: steps), "\(note)")
      // By runs of pieces, the state written and read again.
      var state = try plan.state(batch: batch), done = 0, given = 0
      while done < steps {
        let now = min(generator.size(1...7), steps - done)
        state = try plan.state(batch: batch, storedAs: state.members)
        let expected = plan.outputSteps(of: now, after: state)
        let outputs = try plan.run(try input(done..<done + now), state: state, isPiece: true)
        let piece = try require(outputs.results.first?.tensor), found: [Float] = bits(piece)
        #expect(piece.shape[isBatchFirst ? 1 : 0] == expected, "\(note)")
        for step in 0..<expected {
          for row in 0..<batch {
            let from = (isBatchFirst ? row * expected + step : step * batch + row) * size
            let wanted = (isBatchFirst ? row * count + given + step : (given + step) * batch + row) * size
            #expect(same(Array(found[from..<from + size]), Array(all[wanted..<wanted + size])), "\(note), step \(given + step)")
          }
        }
        given += expected
        done += now
        state = outputs.state
      }
      #expect(given == count, "\(note)")
      // And by a runner.
      let runner = try Runner(plan, batch: batch, maximumSteps: generator.size(1...3))
      state = try plan.state(batch: batch)
      (done, given) = (0, 0)
      while done < steps {
        let now = min(generator.size(1...7), steps - done), expected = plan.outputSteps(of: now, after: state)
        var found = [Float](repeating: -7, count: expected * batch * size)
        var span = found.mutableSpan
        try runner.run(Array(values[done * batch * features..<(done + now) * batch * features]).span, steps: now, &state, into: &span)
        for step in 0..<expected {
          for row in 0..<batch {
            let wanted = (isBatchFirst ? row * count + given + step : (given + step) * batch + row) * size
            let from = (step * batch + row) * size
            #expect(same(Array(found[from..<from + size]), Array(all[wanted..<wanted + size])), "\(note), runner, step \(given + step)")
          }
        }
        given += expected
        done += now
      }
      #expect(given == count, "\(note)")
    }
    #expect(seen > modelCount)
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
