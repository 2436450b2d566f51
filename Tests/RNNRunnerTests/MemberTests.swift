import RNNModel
import RNNRunner
import Testing

/// What a plan says of a run before it is run.
@Suite struct MemberTests {
  @Test func membersAreThoseOfTheRun() throws {
    for seed in 0..<modelCount {
      var generator = Generator(seed: UInt64(seed) + 31000)
      let random = try RandomModel(&generator)
      var forward = try require(random.model.architecture.forward)
      // Names of their own, one of which is a member's otherwise.
      if seed % 2 == 0 {
        let value = forward.outputs[0].value
        forward.outputs = ["first", seed % 4 == 0 ? "output" : "hn"].map { Forward.Output(value, name: $0) }
      }
      let plan = try Plan(random.model, forward: forward)
      let outputs = try plan.run(random.input, lengths: random.lengths)
      let batch = random.isBatched ? random.batch : nil
      let members = plan.members
      #expect(members.map(\.name) == outputs.members.map(\.name), "seed \(seed)")
      for (member, found) in zip(members, outputs.members) {
        #expect(member.shape(steps: random.steps, batch: batch) == found.tensor.shape, "seed \(seed), \(member.name)")
        #expect(try require(outputs[member.name]).isIdentical(to: found.tensor), "seed \(seed), \(member.name)")
      }
      #expect(outputs["nobody"] == nil && outputs[""] == nil)
      let result = try require(outputs.members.first { $0.name == plan.resultName }?.tensor)
      #expect(try result.isIdentical(to: require(outputs.last)), "seed \(seed)")
    }
  }

  @Test func aStateComesBackFromItsMembers() throws {
    for seed in 0..<modelCount {
      var generator = Generator(seed: UInt64(seed) + 32000)
      let random = try RandomModel(&generator)
      let plan = try Plan(random.model)
      let state = try plan.run(random.input, lengths: random.lengths).state
      let members = state.members
      #expect(members.map(\.name) == plan.stateMembers.map(\.name))
      for (member, expected) in zip(members, plan.stateMembers) {
        #expect(member.tensor.shape.dimensions == [expected.blocks, random.batch, expected.size], "seed \(seed)")
      }
      for (member, again) in zip(members, try plan.state(storedAs: members).members) {
        #expect(member.name == again.name && member.tensor.isIdentical(to: again.tensor), "seed \(seed), \(member.name)")
      }
      guard let first = members.first, !members.isEmpty else { continue }
      #expect(throws: RNNError.self, "seed \(seed)") {
        _ = try plan.state(storedAs: members.filter { $0.name != first.name })
      }
    }
  }

  @Test func aUniqueCopyIsNotTheOriginals() throws {
    var generator = Generator(seed: 33000)
    let random = try RandomModel(&generator, forward: true)
    let plan = try Plan(random.model)
    let original = try plan.state(batch: random.batch, members: random.members)
    var copy = original
    try copy.makeUnique()
    for (a, b) in zip(original.members, copy.members) { #expect(a.tensor.isIdentical(to: b.tensor)) }
  }
}
