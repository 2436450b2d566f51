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

  @Test(arguments: [Int.max, 1 << 62])
  func refusesSizesThatNoModelHas(_ size: Int) throws {
    var stated = try archive("rnn.weight_ih_l0")
    stated.architecture = Architecture(modules: [
      .recurrent(Recurrent(name: "rnn", cell: .lstm, inputSize: 1, hiddenSize: size, numLayers: size))
    ])
    #expect(try message(["rnn.*=gru.*"], stated)
      == "badData: module rnn: input, hidden and layer counts must be 1 to 268435456; "
      + "correct the architecture in the file, or export the model again")
  }

  private func message(_ rules: [String], _ archive: TensorArchive) throws -> String? {
    do {
      _ = try renamed(rules, archive)
      return nil
    } catch let error as RNNError { return "\(error.kind): \(error)" }
  }

  @Test func refusesALargerFileThanTheLimit() {
    let file = InputFile([UInt8](repeating: 32, count: 64 << 20 + 1), name: "names.json")
    var mapping = NameMapping()
    let error = #expect(throws: RNNError.self) { try mapping.add(contentsOf: file) }
    #expect(error?.description == "names.json: larger than 67108864 bytes; name fewer tensors")
  }

  @Test func refusesRulesThatCannotBeMeant() throws {
    let all = try archive("a", "b")
    #expect(try message(["a"], all) == "usage: mapping.add(\"a\"): expected OLD=NEW; write it as mapping.add(\"enc_w_ih=gru.weight_ih_l0\")")
    #expect(try message(["c=d"], all) == "usage: mapping.add(\"c=d\"): no tensor has that name; see the names with ModelFile.report()")
    #expect(try message(["a=b"], all) == "usage: tensor b: the name stands twice once the tensors are renamed; choose another new name")
    #expect(try message(["*a*=b"], all)
      == "usage: mapping.add(\"*a*=b\"): a rule takes one * on each side at the most, and a new name; write several rules")
  }

  /// An RNN named `rnn` and its architecture, with a case that names it.
  private func statedModel() throws -> TensorArchive {
    var archive = try archive("rnn.weight_ih_l0", "rnn.weight_hh_l0", "conv.weight")
    let module = Recurrent(name: "rnn", cell: .rnn, inputSize: 1, hiddenSize: 1, bias: false)
    archive.architecture = Architecture(modules: [
      .recurrent(module), .unknown(UnknownModule(name: "conv", tensorNames: ["conv.weight"])),
    ])
    let tensor = try #require(archive["rnn.weight_ih_l0"])
    archive.cases = [
      ReferenceCase(
        name: "one", members: [NamedTensor("input", tensor), NamedTensor("rnn.hn", tensor)],
        metadata: [.init("modules", .array([.string("rnn")]))])
    ]
    return archive
  }

  @Test func renamesTheModulesOfAStatedArchitectureWithTheirTensors() throws {
    var mapping = NameMapping()
    try mapping.add("rnn.*=encoder.rnn.*")
    try mapping.add("conv.weight=front.kernel")
    let renamed = try mapping.apply(to: statedModel())
    #expect(renamed.architecture?.modules.map(\.name) == ["encoder.rnn", "conv"])
    #expect(renamed.architecture?.modules.last == .unknown(UnknownModule(name: "conv", tensorNames: ["front.kernel"])))
    #expect(renamed.cases[0].members.map(\.name) == ["input", "encoder.rnn.hn"])
    #expect(renamed.cases[0].metadata[0].value == .array([.string("encoder.rnn")]))
  }

  @Test func refusesANewNameThatAStatedArchitectureHasNoPlaceFor() throws {
    #expect(try message(["rnn.weight_ih_l0=rnn.w"], statedModel()) == """
      usage: mapping would call rnn.weight_ih_l0 rnn.w, but the file states its architecture, \
      whose modules can only get a new prefix; rename all of rnn.* alike, or leave the option out
      """)
    #expect(try message(["rnn.weight_ih_l0=a.weight_ih_l0"], statedModel())?.hasPrefix("usage: mapping would call rnn.weight_hh_l0") == true)
  }

  @Test func passesOverUnusedRulesWhereThatIsWanted() throws {
    var mapping = NameMapping()
    mapping.allowsUnusedRules = true
    try mapping.add("c=d")
    #expect(try mapping.apply(to: archive("a")).tensors.map(\.name) == ["a"])
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
