import RNNModel
import RNNRunner
import Testing

#if DEBUG
  let modelCount = 3
#else
  let modelCount = 60
#endif

/// The runner against the plain implementation of `Schemas/numbers.md`, bit for bit.
@Suite struct DefinitionTests {
  @Test(arguments: InstructionSet.available, Values.allCases)
  func givesTheDefinedBitsInFloat32(_ set: InstructionSet, _ values: Values) throws {
    for seed in 0..<modelCount {
      var generator = Generator(seed: UInt64(seed) * 4 + 1)
      let random = try RandomModel(&generator, values: values)
      try compare(random, Float.self, .float32, set, "seed \(seed)")
    }
  }

  @Test(arguments: InstructionSet.available, Values.allCases)
  func givesTheDefinedBitsInFloat64(_ set: InstructionSet, _ values: Values) throws {
    for seed in 0..<modelCount / 2 {
      var generator = Generator(seed: UInt64(seed) * 4 + 2)
      let random = try RandomModel(&generator, element: .float64, values: values)
      try compare(random, Double.self, .float64, set, "seed \(seed)")
    }
  }

  @Test(arguments: [ElementType.float16, .bfloat16])
  func widensHalfPrecisionWeights(_ type: ElementType) throws {
    for seed in 0..<modelCount / 4 {
      var generator = Generator(seed: UInt64(seed) * 4 + 3)
      let random = try RandomModel(&generator, element: type)
      #expect(try Plan(random.model).precision == .float32)
      try compare(random, Float.self, .float32, InstructionSet.preferred, "seed \(seed)")
    }
  }

  /// Rows by the hundred, wide layers and many steps: every size of tile, and several pieces in time.
  @Test func givesTheDefinedBitsForLargeBatchesAndLongSequences() throws {
    for (seed, (batch, steps, hidden)) in [(1, 700, 40), (50, 5, 70), (13, 40, 130), (2, 3, 300)].enumerated() {
      for cell in [Recurrent.Cell.rnn, .lstm, .gru] {
        var generator = Generator(seed: UInt64(seed))
        let model = try RandomModel.model(
          [.recurrent(Recurrent(name: "rnn", cell: cell, inputSize: 37, hiddenSize: hidden))], 0.2, &generator)
        let input = try RandomModel.tensor([steps, batch, 37], .float32) { generator.uniform(2) }
        try compare(
          require(Plan(model).run(input).output), of: input, model, rows: [0, batch / 2, batch - 1], "\(cell)")
      }
    }
  }

  /// Stacks whose layers are run in turn, sizes whose last units share panels, and rows of small layers, as a whole and
  /// by a runner, which puts the output where it is told to and nowhere else.
  @Test(arguments: InstructionSet.available, [5, 12, 20, 24, 33, 40, 56, 64])
  func givesTheDefinedBitsForStacks(_ set: InstructionSet, _ hidden: Int) throws {
    for (seed, cell) in [Recurrent.Cell.rnn, .lstm, .gru].enumerated() {
      let module = Recurrent(name: "rnn", cell: cell, inputSize: seed + 2, hiddenSize: hidden, numLayers: 3)
      var generator = Generator(seed: UInt64(hidden * 10 + seed))
      let model = try RandomModel.model([.recurrent(module)], 0.3, &generator)
      let plan = try Plan(model, instructionSet: set), steps = 61
      for batch in [1, 2, 7] {
        let input = try RandomModel.tensor([steps, batch, module.inputSize], .float32) { generator.uniform(2) }
        let output = try require(plan.run(input).output), whole: [Float] = bits(output), values: [Float] = bits(input)
        try compare(output, of: input, model, rows: [0, batch - 1], "\(cell)")
        for maximum in [steps, 25] {
          var placed = [Float](repeating: -7, count: whole.count + 64)
          let runner = try Runner(plan, batch: batch, maximumSteps: maximum)
          var state = try plan.state(batch: batch)
          var all = placed.mutableSpan
          var part = all._mutatingExtracting(32..<all.count - 32)
          try runner.run(values.span, steps: steps, &state, into: &part)
          #expect(
            same(Array(placed[32..<placed.count - 32]), whole), "\(cell), batch \(batch), \(maximum) steps at once")
          #expect(placed.prefix(32).allSatisfy { $0 == -7 } && placed.suffix(32).allSatisfy { $0 == -7 })
        }
      }
    }
  }

  /// One runner for two streams, in pieces that are often as the one before, and outputs that are never at one place.
  @Test(arguments: InstructionSet.available, [5, 12, 24, 40, 64])
  func givesTheDefinedBitsForStreamsThatTakeTurns(_ set: InstructionSet, _ hidden: Int) throws {
    for (seed, cell) in [Recurrent.Cell.rnn, .lstm, .gru].enumerated() {
      for (batch, hasHead) in [(1, false), (1, true), (2, false), (5, true)] {
        var generator = Generator(seed: UInt64(hidden * 10 + seed))
        let recurrent = Recurrent(name: "rnn", cell: cell, inputSize: seed + 1, hiddenSize: hidden, numLayers: seed + 1)
        let head = Linear(name: "head", inFeatures: hidden, outFeatures: 2)
        let model = try RandomModel.model(
          [.recurrent(recurrent)] + (hasHead ? [.linear(head)] : []), 0.4, &generator)
        let plan = try Plan(model, instructionSet: set), steps = 60
        let runner = try Runner(plan, batch: batch, maximumSteps: 4)
        let inputs = try (0..<2).map { _ in
          try RandomModel.tensor([steps, batch, plan.inputSize], .float32) { generator.uniform(2) }
        }
        let values: [[Float]] = inputs.map { bits($0) }
        var states = try (0..<2).map { _ in try plan.state(batch: batch) }
        var results: [[Float]] = [[], []], done = [0, 0], stream = 0, count = 1
        while done != [steps, steps] {
          if generator.size(0...2) == 0 { stream = 1 - stream }
          if generator.size(0...2) == 0 { count = generator.size(1...6) }
          if done[stream] == steps { stream = 1 - stream }
          let now = min(count, steps - done[stream]), rows = done[stream] * batch..<(done[stream] + now) * batch
          let input = Array(values[stream][rows.lowerBound * plan.inputSize..<rows.upperBound * plan.inputSize])
          var found = [Float](repeating: 0, count: rows.count * plan.outputSize)
          var span = found.mutableSpan
          try runner.run(input.span, steps: now, &states[stream], into: &span)
          results[stream] += found
          done[stream] += now
        }
        for (input, result) in zip(inputs, results) {
          let result = try require(Tensor(result, require(Shape([steps, batch, plan.outputSize]))))
          try compare(result, of: input, model, rows: [0, batch - 1], "\(cell)")
        }
      }
    }
  }

  /// Linear layers of few outputs, whose lanes are columns, of every tail, over rows and step by step; a step's output goes
  /// where it is told to and nowhere else.
  @Test(arguments: InstructionSet.available, Values.allCases)
  func givesTheDefinedBitsForNarrowLayers(_ set: InstructionSet, _ values: Values) throws {
    for (seed, size) in [1, 7, 8, 15, 16, 17, 40, 67, 300].enumerated() {
      for outputs in 1...5 {
        var generator = Generator(seed: UInt64(seed * 10 + outputs))
        for precision in [Precision.float32, .float64] {
          let module = Linear(name: "fc", inFeatures: size, outFeatures: outputs, bias: generator.chance(0.7))
          let activation: [Function] = generator.chance(0.3) ? [.elementwise(.tanh)] : []
          let model = try RandomModel.model(
            [Link(.linear(module), functions: activation)], precision.elementType, &generator) { generator in
              values.draw(1, precision, &generator)
            }
          let plan = try Plan(model, instructionSet: set), steps = 5
          for batch in [1, 7] {
            let input = try RandomModel.tensor([steps, batch, size], precision.elementType) { values.draw(1, precision, &generator) }
            let whole = try require(plan.run(input).last)
            switch precision {
            case .float32: try stepsAreDefined(plan, model, input, whole, batch, as: Float.self)
            case .float64: try stepsAreDefined(plan, model, input, whole, batch, as: Double.self)
            }
          }
        }
      }
    }
  }

  private func stepsAreDefined<R: DefinedReal>(
    _ plan: Plan, _ model: Model, _ input: Tensor, _ whole: Tensor, _ batch: Int, as type: R.Type
  ) throws {
    let defined = DefinedModel<R>(model: model), size = plan.inputSize, outputs = plan.outputSize
    let numbers = input.doubles.map { R($0) }, found: [R] = bits(whole)
    let runner = try Runner(plan, batch: batch)
    var state = try plan.state(batch: batch)
    for step in 0..<numbers.count / (size * batch) {
      let rows = (0..<batch).map { Array(numbers[(step * batch + $0) * size..<(step * batch + $0 + 1) * size]) }
      let expected = rows.flatMap { defined.run([$0], length: 1, h0: [:], c0: [:]).y[0] }
      #expect(same(Array(found[step * batch * outputs..<(step + 1) * batch * outputs]), expected), "\(model.architecture)")
      var placed = [R](repeating: -7, count: batch * outputs + 8)
      try rows.flatMap { $0 }.withUnsafeBufferPointer { input in
        try placed.withUnsafeMutableBufferPointer { output in
          let from = try require(input.baseAddress), to = try require(output.baseAddress) + 4
          if let from = from as? UnsafePointer<Float>, let to = to as? UnsafeMutablePointer<Float> {
            try runner.step(from, &state, into: to)
          } else if let from = from as? UnsafePointer<Double>, let to = to as? UnsafeMutablePointer<Double> {
            try runner.step(from, &state, into: to)
          }
        }
      }
      #expect(same(Array(placed[4..<placed.count - 4]), expected), "\(model.architecture)")
      #expect(placed.prefix(4).allSatisfy { $0 == -7 } && placed.suffix(4).allSatisfy { $0 == -7 })
    }
  }

  /// Directions that differ in their activations, so that one of them may have code of its own and the other not.
  @Test(arguments: InstructionSet.available, [2, 20])
  func givesTheDefinedBitsForDirectionsThatDiffer(_ set: InstructionSet, _ hidden: Int) throws {
    for (forward, reverse) in [(Activation.tanh, Activation.sigmoid), (.sigmoid, .tanh)] {
      let module = Recurrent(
        name: "rnn", cell: .rnn, inputSize: 3, hiddenSize: hidden, numLayers: 2, direction: .bidirectional,
        activations: .init(candidate: forward), reverseActivations: .init(candidate: reverse))
      var generator = Generator(seed: UInt64(hidden))
      let model = try RandomModel.model([.recurrent(module)], 0.5, &generator)
      for batch in [1, 2, 5] {
        let input = try RandomModel.tensor([7, batch, 3], .float32) { generator.uniform(2) }
        try compare(
          require(Plan(model, instructionSet: set).run(input).output), of: input, model, rows: Set(0..<batch),
          "\(forward) and \(reverse)")
      }
    }
  }

  /// A stack that is run in turn behind modules that are narrower, or wider, than its layers.
  @Test(arguments: InstructionSet.available, [4, 8, 20, 90])
  func givesTheDefinedBitsForStacksBehindOtherModules(_ set: InstructionSet, _ width: Int) throws {
    for (seed, cell) in [Recurrent.Cell.rnn, .lstm, .gru].enumerated() {
      var generator = Generator(seed: UInt64(width * 10 + seed))
      let model = try RandomModel.model(
        [
          .recurrent(Recurrent(name: "a", cell: cell, inputSize: 3, hiddenSize: width)),
          .recurrent(Recurrent(name: "b", cell: cell, inputSize: width, hiddenSize: 24, numLayers: 4)),
          .linear(Linear(name: "c", inFeatures: 24, outFeatures: width)),
          .recurrent(Recurrent(name: "d", cell: cell, inputSize: width, hiddenSize: 60, numLayers: 3)),
          .linear(Linear(name: "e", inFeatures: 60, outFeatures: 2)),
        ], 0.3, &generator)
      let input = try RandomModel.tensor([150, 1, 3], .float32) { generator.uniform(2) }
      try compare(require(Plan(model, instructionSet: set).run(input).y), of: input, model, rows: [0], "\(cell)")
    }
  }

  /// Rows of what a chain of float32 ends in, (steps, batch, size), against the definition.
  func compare(
    _ result: Tensor, of input: Tensor, _ model: Model, rows: Set<Int>, _ note: String
  ) throws {
    let (batch, features, size) = (input.shape[1], input.shape[2], result.shape[2])
    let values: [Float] = bits(input), found: [Float] = bits(result)
    for row in rows {
      let sequence = (0..<input.shape[0]).map { step in
        Array(values[(step * batch + row) * features..<(step * batch + row + 1) * features])
      }
      let defined = DefinedModel<Float>(model: model).run(sequence, length: sequence.count, h0: [:], c0: [:])
      for (step, wanted) in defined.y.enumerated() {
        let start = (step * batch + row) * size
        #expect(same(Array(found[start..<start + size]), wanted), "\(note), batch \(batch), row \(row), step \(step)")
      }
    }
  }

  /// Every row of a run against the definition.
  func compare<R: DefinedReal>(
    _ random: RandomModel, _ type: R.Type, _ precision: Precision, _ set: InstructionSet, _ note: String
  ) throws {
    let plan = try Plan(random.model, instructionSet: set)
    #expect(plan.precision == precision)
    let state = try plan.state(batch: random.batch, members: random.members)
    let outputs = try plan.run(random.input, state: state, lengths: random.lengths)
    let architecture = random.model.architecture
    let inputs = random.input.doubles
    let features = random.takesIndices ? 1 : random.input.shape[random.input.shape.rank - 1]
    for row in 0..<random.batch {
      let rows = (0..<random.steps).map { step in
        let start = random.position(step, row) * features
        return inputs[start..<start + features].map { R($0) }
      }
      let indices = (0..<random.steps).map { random.takesIndices ? Int(inputs[random.position($0, row)]) : 0 }
      var h0: [String: [[R]]] = [:], c0: [String: [[R]]] = [:]
      for module in architecture.recurrentModules {
        h0[module.name] = random.state("h", module, row: row)?.map { $0.map { R($0) } }
        c0[module.name] = random.state("c", module, row: row)?.map { $0.map { R($0) } }
      }
      let expected = DefinedModel<R>(model: random.model).run(
        random.takesIndices ? [] : rows, indices: indices, length: random.lengths?[row] ?? random.steps, h0: h0, c0: c0)
      for (name, tensor, wanted) in [("output", outputs.output, expected.output), ("y", outputs.y, expected.y)] {
        guard let tensor else { continue }
        let found: [R] = bits(tensor), size = wanted[0].count
        for (step, values) in wanted.enumerated() {
          let position = wanted.count == random.steps && tensor.shape.rank == (random.isBatched ? 3 : 2)
            ? random.position(step, row) : row
          let slice = found[position * size..<(position + 1) * size]
          #expect(same(Array(slice), values), "\(note), \(set), \(name), step \(step), row \(row): \(architecture)")
        }
      }
      for module in architecture.recurrentModules {
        let states = outputs.state
        for (state, wanted) in [(states.h(module.name), expected.h), (states.c(module.name), expected.c)] {
          guard let state, let wanted = wanted[module.name] else { continue }
          let found: [R] = bits(state), size = wanted[0].count
          for (block, values) in wanted.enumerated() {
            let start = (block * random.batch + row) * size
            #expect(same(Array(found[start..<start + size]), values),
              "\(note), \(set), state \(block) of \(module.name), row \(row): \(architecture)")
          }
        }
      }
    }
  }
}

/// The elements of a tensor with their bits.
func bits<R: DefinedReal>(_ tensor: Tensor) -> [R] {
  tensor.withUnsafeBytes { bytes in
    (0..<tensor.count).map { bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<R>.size, as: R.self) }
  }
}

/// Whether all bits are the same.
func same<R: DefinedReal>(_ a: [R], _ b: [R]) -> Bool {
  a.count == b.count && a.withUnsafeBytes { a in b.withUnsafeBytes { a.elementsEqual($0) } }
}
