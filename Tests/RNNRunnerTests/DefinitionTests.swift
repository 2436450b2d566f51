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
        let module = Recurrent(name: "rnn", cell: cell, inputSize: 37, hiddenSize: hidden)
        var generator = Generator(seed: UInt64(seed))
        var archive = TensorArchive()
        for (name, shape) in Model.parameters(of: .recurrent(module)) {
          try archive.append(name, RandomModel.tensor(shape, .float32) { generator.uniform(0.2) })
        }
        let model = try Model(archive, architecture: Architecture(modules: [.recurrent(module)]))
        let input = try RandomModel.tensor([steps, batch, 37], .float32) { generator.uniform(2) }
        let outputs = try Plan(model).run(input)
        let values = input.doubles.map { Float($0) }
        let found = try require(outputs.output).doubles.map { Float($0) }
        for row in Set([0, batch / 2, batch - 1]) {
          let sequence = (0..<steps).map { step in
            Array(values[(step * batch + row) * 37..<(step * batch + row + 1) * 37])
          }
          let expected = DefinedModel<Float>(model: model).run(sequence, length: steps, h0: [:], c0: [:]).output
          for step in 0..<steps {
            let start = (step * batch + row) * hidden
            #expect(Array(found[start..<start + hidden]) == expected[step], "\(cell) batch \(batch) step \(step)")
          }
        }
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
      var archive = TensorArchive()
      for (name, shape) in Model.parameters(of: .recurrent(module)) {
        try archive.append(name, RandomModel.tensor(shape, .float32) { generator.uniform(0.3) })
      }
      let model = try Model(archive, architecture: Architecture(modules: [.recurrent(module)]))
      let plan = try Plan(model, instructionSet: set), steps = 61, features = module.inputSize
      for batch in [1, 2, 7] {
        let input = try RandomModel.tensor([steps, batch, features], .float32) { generator.uniform(2) }
        let values = input.doubles.map { Float($0) }
        let whole: [Float] = bits(try require(plan.run(input).output))
        var placed = [Float](repeating: -7, count: steps * batch * hidden + 64)
        for maximum in [steps, 25] {
          let runner = try Runner(plan, batch: batch, maximumSteps: maximum)
          var state = try plan.state(batch: batch)
          var all = placed.mutableSpan
          var part = all._mutatingExtracting(32..<all.count - 32)
          try runner.run(values.span, steps: steps, &state, into: &part)
          let found = Array(placed[32..<placed.count - 32])
          #expect(same(found, whole), "\(cell), batch \(batch), at most \(maximum) steps at once")
          #expect(placed.prefix(32).allSatisfy { $0 == -7 } && placed.suffix(32).allSatisfy { $0 == -7 })
        }
        for row in Set([0, batch - 1]) {
          let sequence = (0..<steps).map { step in
            Array(values[(step * batch + row) * features..<(step * batch + row + 1) * features])
          }
          let expected = DefinedModel<Float>(model: model).run(sequence, length: steps, h0: [:], c0: [:]).output
          for step in 0..<steps {
            let start = (step * batch + row) * hidden
            #expect(same(Array(whole[start..<start + hidden]), expected[step]), "\(cell), batch \(batch), step \(step)")
          }
        }
      }
    }
  }

  /// Directions that differ in their activations, so that one of them may have code of its own and the other not.
  @Test(arguments: InstructionSet.available, [2, 20])
  func givesTheDefinedBitsForDirectionsThatDiffer(_ set: InstructionSet, _ hidden: Int) throws {
    for reversed in [false, true] {
      var generator = Generator(seed: UInt64(hidden))
      var module = Recurrent(
        name: "rnn", cell: .rnn, inputSize: 3, hiddenSize: hidden, numLayers: 2, direction: .bidirectional)
      if reversed {
        module.activations = .init(candidate: .sigmoid)
        module.reverseActivations = .init(candidate: .tanh)
      } else {
        module.reverseActivations = .init(candidate: .sigmoid)
      }
      var archive = TensorArchive()
      for (name, shape) in Model.parameters(of: .recurrent(module)) {
        try archive.append(name, RandomModel.tensor(shape, .float32) { generator.uniform(0.5) })
      }
      let model = try Model(archive, architecture: Architecture(modules: [.recurrent(module)]))
      for batch in [1, 2, 5] {
        let steps = 7, input = try RandomModel.tensor([steps, batch, 3], .float32) { generator.uniform(2) }
        let found: [Float] = bits(try require(Plan(model, instructionSet: set).run(input).output))
        let values = input.doubles.map { Float($0) }
        for row in 0..<batch {
          let sequence = (0..<steps).map { Array(values[($0 * batch + row) * 3..<($0 * batch + row + 1) * 3]) }
          let expected = DefinedModel<Float>(model: model).run(sequence, length: steps, h0: [:], c0: [:]).output
          for step in 0..<steps {
            let start = (step * batch + row) * 2 * hidden
            #expect(same(Array(found[start..<start + 2 * hidden]), expected[step]), "batch \(batch), step \(step)")
          }
        }
      }
    }
  }

  /// A stack that is run in turn behind modules that are narrower, or wider, than its layers.
  @Test(arguments: InstructionSet.available, [4, 8, 20, 90])
  func givesTheDefinedBitsForStacksBehindOtherModules(_ set: InstructionSet, _ width: Int) throws {
    for (seed, cell) in [Recurrent.Cell.rnn, .lstm, .gru].enumerated() {
      var generator = Generator(seed: UInt64(width * 10 + seed))
      let modules: [Module] = [
        .recurrent(Recurrent(name: "a", cell: cell, inputSize: 3, hiddenSize: width)),
        .recurrent(Recurrent(name: "b", cell: cell, inputSize: width, hiddenSize: 24, numLayers: 4)),
        .linear(Linear(name: "c", inFeatures: 24, outFeatures: width)),
        .recurrent(Recurrent(name: "d", cell: cell, inputSize: width, hiddenSize: 60, numLayers: 3)),
        .linear(Linear(name: "e", inFeatures: 60, outFeatures: 2)),
      ]
      var archive = TensorArchive()
      for module in modules {
        for (name, shape) in Model.parameters(of: module) {
          try archive.append(name, RandomModel.tensor(shape, .float32) { generator.uniform(0.3) })
        }
      }
      let model = try Model(archive, architecture: Architecture(modules: modules))
      let steps = 150, input = try RandomModel.tensor([steps, 1, 3], .float32) { generator.uniform(2) }
      let found: [Float] = bits(try require(Plan(model, instructionSet: set).run(input).y))
      let values = input.doubles.map { Float($0) }
      let sequence = (0..<steps).map { Array(values[$0 * 3..<($0 + 1) * 3]) }
      let expected = DefinedModel<Float>(model: model).run(sequence, length: steps, h0: [:], c0: [:]).y
      for step in 0..<steps {
        #expect(same(Array(found[step * 2..<step * 2 + 2]), expected[step]), "\(cell), step \(step)")
      }
    }
  }

  /// Every row of a run against the definition.
  private func compare<R: DefinedReal>(
    _ random: RandomModel, _ type: R.Type, _ precision: Precision, _ set: InstructionSet, _ note: String
  ) throws {
    let plan = try Plan(random.model, instructionSet: set)
    #expect(plan.precision == precision)
    let state = try plan.state(batch: random.batch) { random.states[$0] }
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
