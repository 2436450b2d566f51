import RNNModel
import RNNRunner
import Testing

/// What must not change a bit.
@Suite struct InvarianceTests {
  /// Pieces of any length, the state carried, with lengths that end anywhere.
  @Test func streamingInPiecesEqualsTheWholeRun() throws {
    for seed in 0..<modelCount {
      var generator = Generator(seed: UInt64(seed) + 5000)
      let random = try RandomModel(&generator, element: seed % 3 == 0 ? .float64 : .float32, forward: true)
      let plan = try Plan(random.model)
      #expect(plan.isStreamable)
      let start = try plan.state(batch: random.batch, members: random.members)
      let whole = try plan.run(random.input, state: start, lengths: random.lengths)
      var state = start, done = 0
      while done < random.steps {
        let count = generator.size(1...random.steps - done)
        let lengths = random.lengths?.map { min(max($0 - done, 0), count) }
        let piece = try plan.run(
          try random.steps(done..<done + count), state: state, lengths: lengths, isPiece: true)
        for (name, part, all) in [("output", piece.output, whole.output), ("y", piece.y, whole.y)] {
          guard let part, let all else { continue }
          let hasTime = all.shape.rank == (random.isBatched ? 3 : 2)
          if hasTime {
            #expect(try part.isIdentical(to: random.steps(done..<done + count, of: all)), "seed \(seed), \(name)")
          } else if done + count == random.steps {
            #expect(part.isIdentical(to: all), "seed \(seed), \(name)")
          }
        }
        state = piece.state
        done += count
      }
      for module in plan.architecture.recurrentModules {
        #expect(try require(state.h(module.name)).isIdentical(to: require(whole.state.h(module.name))), "seed \(seed)")
        if let c = state.c(module.name) {
          #expect(try c.isIdentical(to: require(whole.state.c(module.name))), "seed \(seed)")
        }
      }
    }
  }

  /// `Runner`, step by step and in pieces, against the whole run.
  @Test func steppingEqualsTheWholeRun() throws {
    for seed in 0..<modelCount {
      var generator = Generator(seed: UInt64(seed) + 9000)
      var random = try RandomModel(&generator, forward: true)
      random.lengths = nil
      let plan = try Plan(random.model)
      let start = try plan.state(batch: random.batch, members: random.members)
      let whole = try plan.run(random.input, state: start)
      let runner = try Runner(plan, batch: random.batch, maximumSteps: generator.size(1...4))
      var state = start
      let expected: [Float] = bits(try require(whole.last))
      let inputs = random.input.doubles
      var done = 0
      while done < random.steps {
        let count = generator.size(1...random.steps - done)
        var input: [Float] = [], indices: [Int] = []
        for step in done..<done + count {
          for row in 0..<random.batch {
            let start = random.position(step, row) * plan.inputSize
            if random.takesIndices {
              indices.append(Int(inputs[start]))
            } else {
              input += inputs[start..<start + plan.inputSize].map { Float($0) }
            }
          }
        }
        var found = [Float](repeating: 0, count: (plan.endsInLastStep ? 1 : count) * random.batch * plan.outputSize)
        var span = found.mutableSpan
        if random.takesIndices {
          try runner.run(indices: indices.span, steps: count, &state, into: &span)
        } else if count == 1, generator.chance(0.5) {
          try input.withUnsafeBufferPointer { input in
            try span.withUnsafeMutableBufferPointer { try runner.step(require(input.baseAddress), &state, into: require($0.baseAddress)) }
          }
        } else if count == 1 {
          try runner.step(input.span, &state, into: &span)
        } else {
          try runner.run(input.span, steps: count, &state, into: &span)
        }
        let steps = plan.endsInLastStep ? (done + count == random.steps ? [0] : []) : Array(0..<count)
        for step in steps {
          for row in 0..<random.batch {
            let position = plan.endsInLastStep ? row : random.position(done + step, row)
            let from = (step * random.batch + row) * plan.outputSize
            let slice = Array(found[from..<from + plan.outputSize])
            let wanted = Array(expected[position * plan.outputSize..<(position + 1) * plan.outputSize])
            #expect(same(slice, wanted), "seed \(seed), step \(done + step), row \(row)")
          }
        }
        done += count
      }
      for module in plan.architecture.recurrentModules {
        #expect(try require(state.h(module.name)).isIdentical(to: require(whole.state.h(module.name))), "seed \(seed)")
      }
    }
  }

  /// Calls of as many steps each, which a runner repeats: from memory that is another each time, with two states in turn
  /// that move when they are copied.
  @Test func repeatedCallsEqualTheWholeRun() throws {
    for seed in 0..<modelCount {
      var generator = Generator(seed: UInt64(seed) + 9500)
      var random = try RandomModel(&generator, forward: true)
      random.lengths = nil
      guard !random.takesIndices else { continue }
      let plan = try Plan(random.model), inputs = random.input.doubles
      guard !plan.endsInLastStep else { continue }
      let start = try plan.state(batch: random.batch, members: random.members)
      let expected: [Float] = bits(try require(plan.run(random.input, state: start).last))
      let count = generator.size(1...max(1, random.steps / 4))
      let runner = try Runner(plan, batch: random.batch, maximumSteps: count)
      var states = [start, start], kept: [State] = []
      var memory: [[Float]] = []
      for done in stride(from: 0, through: random.steps - count, by: count) {
        for number in states.indices {
          let positions = (done..<done + count).flatMap { step in (0..<random.batch).map { random.position(step, $0) } }
          let input = positions.flatMap { inputs[$0 * plan.inputSize..<($0 + 1) * plan.inputSize].map { Float($0) } }
          var found = [Float](repeating: 0, count: positions.count * plan.outputSize)
          var span = found.mutableSpan
          try runner.run(input.span, steps: count, &states[number], into: &span)
          let wanted = positions.flatMap { expected[$0 * plan.outputSize..<($0 + 1) * plan.outputSize] }
          #expect(same(found, wanted), "seed \(seed), step \(done), state \(number)")
          memory += [input, found]
          if generator.chance(0.3) { kept.append(states[number]) }
        }
      }
    }
  }

  @Test func eachRowOfABatchEqualsTheRowAlone() throws {
    for seed in 0..<modelCount {
      var generator = Generator(seed: UInt64(seed) + 7000)
      let random = try RandomModel(&generator, values: seed % 4 == 0 ? .special : .ordinary)
      guard random.isBatched else { continue }
      let plan = try Plan(random.model)
      let state = try plan.state(batch: random.batch, members: random.members)
      let whole = try plan.run(random.input, state: state, lengths: random.lengths)
      for row in 0..<random.batch {
        let alone = try plan.run(
          try random.row(row),
          state: plan.state(
            batch: 1, members: random.members.map { NamedTensor($0.name, try random.stateRow(row, of: $0.tensor)) }),
          lengths: random.lengths.map { [$0[row]] })
        for (found, all) in [(alone.output, whole.output), (alone.y, whole.y)] {
          guard let found, let all else { continue }
          #expect(try found.isIdentical(to: random.row(row, of: all)), "seed \(seed), row \(row)")
        }
        for module in plan.architecture.recurrentModules {
          let h = try random.stateRow(row, of: require(whole.state.h(module.name)))
          #expect(try require(alone.state.h(module.name)).isIdentical(to: h), "seed \(seed), row \(row)")
        }
      }
    }
  }

  /// Models large enough for threads to share: a batch's rows, of lengths of their own, and a single row's units.
  @Test(arguments: [2, 3, 5]) func threadsDoNotMatter(_ threads: Int) throws {
    for (seed, batch) in [nil, nil, nil, 1, 4, 7].enumerated() {
      var generator = Generator(seed: UInt64(seed) + 11000)
      let cell: Recurrent.Cell = [.lstm, .gru, .rnn][seed % 3]
      let module = Recurrent(
        name: "rnn", cell: cell, inputSize: 40, hiddenSize: cell == .rnn ? 270 : 170, numLayers: 2,
        direction: seed == 2 || seed == 4 ? .bidirectional : .forward)
      let modules: [Module] = [
        .recurrent(module), .linear(Linear(name: "head", inFeatures: module.outputSize, outFeatures: 3)),
      ]
      var archive = TensorArchive()
      for module in modules {
        for (name, shape) in Model.parameters(of: module) {
          try archive.append(name, RandomModel.tensor(shape, .float32) { generator.uniform(0.2) })
        }
      }
      let plan = try Plan(Model(archive, architecture: Architecture(modules: modules)))
      let steps = 61
      let shape = try require(Shape(batch.map { [steps, $0, 40] } ?? [steps, 40]))
      let input = try RandomModel.tensor(shape.dimensions, .float32) { generator.uniform(2) }
      let lengths = batch.map { (0..<$0).map { _ in generator.size(1...steps) } }
      let one = try plan.run(input, lengths: lengths)
      let several = try plan.run(input, lengths: lengths, threads: threads)
      for (found, expected) in [(several.output, one.output), (several.y, one.y)] {
        #expect(try require(found).isIdentical(to: require(expected)), "seed \(seed)")
      }
      #expect(try require(several.hn("rnn")).isIdentical(to: require(one.hn("rnn"))), "seed \(seed)")
      #expect(several.cn("rnn").map { $0.doubles } == one.cn("rnn").map { $0.doubles }, "seed \(seed)")

      guard plan.isStreamable else { continue }
      let values: [Float] = bits(input)
      var results: [[Float]] = []
      for threads in [1, threads] {
        let runner = try Runner(plan, batch: batch ?? 1, maximumSteps: 7, threads: threads)
        var state = try plan.state(batch: batch ?? 1)
        var result = [Float](repeating: 0, count: steps * (batch ?? 1) * 3)
        var span = result.mutableSpan
        try runner.run(values.span, steps: steps, &state, into: &span)
        results.append(result)
      }
      #expect(same(results[0], results[1]), "seed \(seed)")
    }
  }

  /// Half-precision weights, which large layers keep as they are, against the same weights in float32.
  @Test(arguments: InstructionSet.available, [ElementType.float16, .bfloat16])
  func halvesEqualTheirWidening(_ set: InstructionSet, _ type: ElementType) throws {
    for (seed, cell) in [Recurrent.Cell.lstm, .gru, .rnn].enumerated() {
      var generator = Generator(seed: UInt64(seed) + 13000)
      let module = Recurrent(name: "rnn", cell: cell, inputSize: 300, hiddenSize: cell == .rnn ? 320 : 170)
      var halves = TensorArchive(), reals = TensorArchive()
      var isFirst = true
      for (name, shape) in Model.parameters(of: .recurrent(module)) {
        // Subnormal numbers among them, and where they may spread infinities and NaN.
        let special = isFirst ? [3e-8, -6e-5, 1e-39, -0.0] + (cell == .gru ? [Double.nan, .infinity, -.infinity] : []) : []
        var draws = 0
        let tensor = try RandomModel.tensor(shape, type) {
          draws += 1
          return draws % 5003 == 0 ? special.randomElement(using: &generator) ?? 0 : generator.uniform(0.2)
        }
        isFirst = false
        try halves.append(name, tensor)
        try reals.append(name, require(tensor.converted(to: .float32)).tensor)
      }
      let architecture = Architecture(modules: [.recurrent(module)])
      let kept = try Plan(Model(halves, architecture: architecture), instructionSet: set)
      let widened = try Plan(Model(reals, architecture: architecture), instructionSet: set)
      for shape in [[9, 300], [4, 3, 300]] {
        let input = try RandomModel.tensor(shape, .float32) { generator.uniform(1) }
        for threads in [1, 2] {
          let found = try kept.run(input, threads: threads), expected = try widened.run(input)
          #expect(try require(found.output).isIdentical(to: require(expected.output)), "\(cell), \(shape)")
        }
      }
    }
  }

  @Test func copyOfAStateIsUnaffected() throws {
    let module = Recurrent(name: "rnn", cell: .lstm, inputSize: 2, hiddenSize: 3)
    var generator = Generator(seed: 1)
    var archive = TensorArchive()
    for (name, shape) in Model.parameters(of: .recurrent(module)) {
      try archive.append(name, RandomModel.tensor(shape, .float32) { generator.uniform(1) })
    }
    let plan = try Plan(Model(archive, architecture: Architecture(modules: [.recurrent(module)])))
    var state = try plan.state(batch: 1)
    let copy = state
    var output: [Float] = [0, 0, 0]
    var span = output.mutableSpan
    try Runner(plan).step(([1, 2] as [Float]).span, &state, into: &span)
    #expect(copy.h("rnn")?.doubles == [0, 0, 0])
    #expect(copy.c("rnn")?.doubles == [0, 0, 0])
    #expect(state.h("rnn")?.doubles == output.map { Double($0) })
  }
}

extension RandomModel {
  /// Steps of the input, or of an output of its layout.
  func steps(_ range: Range<Int>, of tensor: Tensor? = nil) throws -> Tensor {
    let tensor = tensor ?? input
    let timeAxis = isBatched && model.architecture.batchFirst ? 1 : 0
    return try slice(tensor, axis: timeAxis, range)
  }

  func row(_ row: Int, of tensor: Tensor? = nil) throws -> Tensor {
    let tensor = tensor ?? input
    // An output without a time axis has its batch first.
    let hasTime = tensor.shape.rank == input.shape.rank + (takesIndices && tensor.elementType != .int64 ? 1 : 0)
    return try slice(tensor, axis: hasTime && !model.architecture.batchFirst ? 1 : 0, row..<row + 1)
  }

  func stateRow(_ row: Int, of tensor: Tensor) throws -> Tensor { try slice(tensor, axis: 1, row..<row + 1) }

  private func slice(_ tensor: Tensor, axis: Int, _ range: Range<Int>) throws -> Tensor {
    var axes = tensor.shape.dimensions
    let outer = axes[..<axis].reduce(1, *), inner = axes[(axis + 1)...].reduce(1, *) * tensor.elementType.byteCount
    let length = axes[axis]
    axes[axis] = range.count
    let shape = try require(Shape(axes))
    return try require(
      Tensor(tensor.elementType, shape) { bytes in
        tensor.withUnsafeBytes { source in
          for index in 0..<outer {
            let from = (index * length + range.lowerBound) * inner
            let size = range.count * inner
            UnsafeMutableRawBufferPointer(rebasing: bytes[index * size..<(index + 1) * size])
              .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[from..<from + size]))
          }
        }
      })
  }
}
