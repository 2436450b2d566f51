import RNNModel
import RNNRunner
import Testing

/// Runs of which not all is kept, or not in memory of their own, and batches that are run some rows at a time.
@Suite struct KeepingTests {
  /// Each member alone, and all of them in the caller's memory.
  @Test func keepsWhatIsAskedFor() throws {
    for seed in 0..<modelCount {
      var generator = Generator(seed: UInt64(seed) + 21000)
      let random = try RandomModel(&generator, element: seed % 4 == 0 ? .float64 : .float32)
      let plan = try Plan(random.model)
      let state = try plan.state(batch: random.batch, members: random.members)
      let whole = try plan.run(random.input, state: state, lengths: random.lengths)
      #expect(whole.members.map(\.name) == plan.members.map(\.name), "seed \(seed)")
      for member in plan.members {
        let keeping = Plan.Keeping(members: [member.name], state: false)
        let run = try plan.run(random.input, state: state, lengths: random.lengths, keeping: keeping)
        #expect(run.members.map(\.name) == [member.name], "seed \(seed)")
        #expect(run.state.batch == (member.isState ? random.batch : 0), "seed \(seed)")
        #expect((run.last != nil) == (member.name == plan.resultName), "seed \(seed), \(member.name)")
        let (found, expected) = (try require(run[member.name]), try require(whole[member.name]))
        #expect(found.isIdentical(to: expected), "seed \(seed), \(member.name)")
      }
      var rooms: [String: Plan.Room] = [:]
      var memory: [UnsafeMutableRawBufferPointer] = []
      defer { for bytes in memory { bytes.deallocate() } }
      for member in whole.members where plan.members.contains(where: { $0.name == member.name && !$0.isState }) {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: member.tensor.byteCount, alignment: 8)
        bytes.initializeMemory(as: UInt8.self, repeating: 0xFF)
        memory.append(bytes)
        rooms[member.name] = Plan.Room(bytes, in: TensorStorage(UnsafeRawBufferPointer(bytes)) {})
      }
      let placed = try plan.run(
        random.input, state: state, lengths: random.lengths, keeping: Plan.Keeping(rooms: rooms))
      for (found, expected) in zip(placed.members, whole.members) {
        #expect(found.tensor.isIdentical(to: expected.tensor), "seed \(seed), \(found.name)")
        guard let room = rooms[found.name] else { continue }
        let address = found.tensor.withUnsafeBytes { $0.baseAddress }
        #expect(address == UnsafeRawPointer(room.bytes.baseAddress), "seed \(seed), \(found.name)")
      }
    }
  }

  @Test func refusesRoomOfAnotherSize() throws {
    var generator = Generator(seed: 5)
    let module = Recurrent(name: "rnn", cell: .gru, inputSize: 2, hiddenSize: 3)
    let plan = try Plan(RandomModel.model([.recurrent(module)], 0.5, &generator))
    let input = try RandomModel.tensor([4, 2, 2], .float32) { generator.uniform(1) }
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 4 * 2 * 3 * 4 - 4, alignment: 8)
    defer { bytes.deallocate() }
    let room = Plan.Room(bytes, in: TensorStorage(UnsafeRawBufferPointer(bytes)) {})
    do {
      _ = try plan.run(input, keeping: Plan.Keeping(rooms: ["output": room]))
      Issue.record("it was taken")
    } catch {
      #expect(error.problem == "room of 92 bytes for float32 (4, 2, 3)")
      #expect(error.place == "output" && error.remedy == "give it 24 aligned elements")
    }
  }

  /// More rows than are run together, with and without lengths, forward and not, on threads: as each third of them alone.
  @Test(arguments: [1, 2, 3]) func rowsRunSomeAtATimeAreThoseOfSmallBatches(_ threads: Int) throws {
    for seed in 0..<8 {
      var generator = Generator(seed: UInt64(seed) + 22000)
      let cell: Recurrent.Cell = [.lstm, .gru, .rnn][seed % 3], batchFirst = seed % 2 == 1
      let module = Recurrent(
        name: "rnn", cell: cell, inputSize: 2, hiddenSize: 9, numLayers: 2,
        direction: seed >= 6 ? .bidirectional : .forward)
      let modules: [Module] = [
        .recurrent(module), .linear(Linear(name: "head", inFeatures: module.outputSize, outFeatures: 3)),
      ]
      let (batch, steps, blocks) = (97 * 3, 70, 2 * (seed >= 6 ? 2 : 1))
      var archive = TensorArchive()
      for (name, shape) in modules.flatMap({ Model.parameters(of: $0) }) {
        try archive.append(name, RandomModel.tensor(shape, .float32) { generator.uniform(0.7) })
      }
      let plan = try Plan(Model(archive, architecture: Architecture(modules: modules, batchFirst: batchFirst)))
      let sequences = (0..<batch).map { _ in (0..<steps * 2).map { _ in Float(generator.uniform(2)) } }
      let h0 = (0..<batch).map { _ in (0..<blocks * 9).map { _ in Float(generator.uniform(1)) } }
      let lengths = seed % 4 < 2 ? nil : (0..<batch).map { _ in generator.size(1...steps) }
      func tensor(_ rows: Range<Int>, _ first: Int, _ second: Int, _ value: (_ row: Int, _ at: Int) -> ArraySlice<Float>)
        throws -> Tensor
      {
        // (rows, at) or (at, rows), and features.
        var values: [Float] = []
        if first == rows.count {
          for row in rows { for at in 0..<second { values += value(row, at) } }
        } else {
          for at in 0..<first { for row in rows { values += value(row, at) } }
        }
        let shape = try require(Shape([first, second, values.count / (first * second)]))
        return try require(Tensor(values, shape))
      }
      func run(_ rows: Range<Int>, _ threads: Int, withState: Bool) throws -> Outputs {
        let input = batchFirst
          ? try tensor(rows, rows.count, steps) { sequences[$0][$1 * 2..<$1 * 2 + 2] }
          : try tensor(rows, steps, rows.count) { sequences[$0][$1 * 2..<$1 * 2 + 2] }
        var state: State?
        if withState {
          state = try plan.state(batch: rows.count)
          try state?.setH(tensor(rows, blocks, rows.count) { h0[$0][$1 * 9..<$1 * 9 + 9] }, "rnn")
        }
        return try plan.run(input, state: state, lengths: lengths.map { Array($0[rows]) }, threads: threads)
      }
      for withState in [false, true] {
        let whole = try run(0..<batch, threads, withState: withState)
        for third in 0..<3 {
          // Of other parts than those of the whole.
          let rows = third * 97 + 1..<third * 97 + 60
          let alone = try run(rows, 1, withState: withState)
          for (found, all, axis) in [
            (whole.output, alone.output, batchFirst ? 0 : 1), (whole.y, alone.y, batchFirst ? 0 : 1),
            (whole.hn("rnn"), alone.hn("rnn"), 1), (whole.cn("rnn"), alone.cn("rnn"), 1),
          ] {
            guard let found, let all else { continue }
            let part: [Float] = take(found, rows, axis), expected: [Float] = bits(all)
            #expect(same(part, expected), "seed \(seed), rows \(rows)")
          }
        }
      }
    }
  }

  /// Rows of a tensor of three axes, of which `axis` counts them.
  private func take(_ tensor: Tensor, _ rows: Range<Int>, _ axis: Int) -> [Float] {
    let values: [Float] = bits(tensor), sizes = tensor.shape.dimensions
    if axis == 0 { return Array(values[rows.lowerBound * sizes[1] * sizes[2]..<rows.upperBound * sizes[1] * sizes[2]]) }
    return (0..<sizes[0]).flatMap { first in
      values[(first * sizes[1] + rows.lowerBound) * sizes[2]..<(first * sizes[1] + rows.upperBound) * sizes[2]]
    }
  }
}
