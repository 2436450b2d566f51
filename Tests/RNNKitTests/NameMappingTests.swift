import RNNKit
import Testing

@Suite struct NameMappingTests {
  private func archive(_ names: String...) throws -> TensorArchive {
    var archive = TensorArchive()
    let shape = try #require(Shape([1]))
    for name in names { try archive.append(name, #require(Tensor([Float(1)], shape))) }
    return archive
  }

  private func renamed(_ rules: [String], _ archive: TensorArchive) throws -> [String] {
    var mapping = NameMapping()
    for rule in rules { try mapping.add(rule) }
    return try mapping.apply(to: archive).tensors.map(\.name)
  }

  @Test func renamesByWholeNameAndByPattern() throws {
    let all = try archive("enc_w_ih", "enc.layer0.w", "enc.layer1.w", "other")
    #expect(try renamed(["enc_w_ih=gru.weight_ih_l0", "enc.layer*.w=gru.x_l*"], all)
      == ["gru.weight_ih_l0", "gru.x_l0", "gru.x_l1", "other"])
    #expect(try renamed(["enc_w_ih=a", "enc*=b"], archive("enc_w_ih", "enc2")) == ["a", "b"])
  }

  private func message(_ rules: [String], _ archive: TensorArchive) throws -> String? {
    do {
      _ = try renamed(rules, archive)
      return nil
    } catch let error as RNNError { return "\(error.kind): \(error)" }
  }

  @Test func refusesRulesThatCannotBeMeant() throws {
    let all = try archive("a", "b")
    #expect(try message(["a"], all) == "usage: --rename a: expected OLD=NEW; write it as --rename enc_w_ih=gru.weight_ih_l0")
    #expect(try message(["c=d"], all) == "usage: --rename c=d: no tensor has that name; see the names with 'rnn inspect'")
    #expect(try message(["a=b"], all) == "badData: tensor b: the name stands twice; write the file again")
    #expect(try message(["*a*=b"], all)
      == "usage: --rename *a*=b: a rule takes one * on each side at the most, and a new name; write several rules")
  }

  @Test func readsAMappingFile() throws {
    var mapping = NameMapping()
    try mapping.add(contentsOf: InputFile(Array(#"{"rename": {"a": "x", "b": "y"}}"#.utf8), name: "map.json"))
    #expect(try mapping.apply(to: archive("a", "b")).tensors.map(\.name) == ["x", "y"])
    #expect(throws: RNNError(.badData, file: "map.json", place: "mapping", "expected an object with the one key \"rename\"",
      remedy: "compare with Schemas/mapping.schema.json")) {
      var mapping = NameMapping()
      try mapping.add(contentsOf: InputFile(Array("[]".utf8), name: "map.json"))
    }
  }
}
