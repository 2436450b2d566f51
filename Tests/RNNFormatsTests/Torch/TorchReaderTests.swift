import RNNFormats
import RNNModel
import Testing

@Suite struct TorchReaderTests {
  private func read(_ name: String) throws -> TensorArchive {
    let file = try Fixture.file("torch/\(name).pt")
    #expect(try FormatRegistry.standard.format(of: file).name == "torch")
    return try TorchFormat().read(file)
  }

  @Test(arguments: [
    "state_dict", "protocol4", "legacy", "no_crc", "parameters", "checkpoint", "tied", "strided", "flat", "flat_legacy",
    "types", "types_big_endian", "state_dict_big_endian", "python2", "tar", "script", "script_cell", "trace",
    "trace_relu", "script_classes", "trace_classes",
  ])
  func readsWhatTorchWrote(name: String) throws {
    let archive = try read(name)
    let expected = try #require(try Fixture.json("torch/\(name).json").members)
    #expect(archive.tensors.map(\.name) == expected.map(\.key))
    #expect(archive.isOrdered)
    for member in expected {
      let tensor = try #require(archive[member.key])
      let stated = try #require(Fixture.tensor(member.value))
      #expect(tensor.isIdentical(to: stated), "\(member.key)")
    }
  }

  @Test func makesModelsOfThem() throws {
    for name in ["state_dict", "legacy", "checkpoint", "parameters", "trace"] {
      let model = try Interpretation(read(name)).model
      #expect(
        model.architecture.modules.map(\.description) == [
          "LSTM(3, 2, num_layers=2, bidirectional=True)", "Linear(in_features=4, out_features=1, bias=True)",
        ])
      #expect(model.architecture.modules.map(\.name) == ["lstm", "fc"])
    }
  }

  @Test func namesTheStateDictOfACheckpoint() throws {
    let archive = try read("checkpoint")
    #expect(archive.notes.first == "the state_dict is ['model']['state_dict'] of the checkpoint")
    #expect(archive.notes.last?.description.hasPrefix("tensors left out: ['optimizer']['state'][0]") == true)
    #expect(
      archive.metadata == [
        .init("epoch", .integer(3)), .init("loss", .number(0.25)), .init("name", .string("run 7")),
      ])
  }

  @Test func sharesTheFilesBytes() throws {
    let file = try Fixture.file("torch/flat.pt")
    let archive = try TorchFormat().read(file)
    let range = file.withUnsafeBytes {
      UInt(bitPattern: $0.baseAddress)..<UInt(bitPattern: $0.baseAddress) + UInt($0.count)
    }
    for tensor in archive.tensors {
      let address = tensor.tensor.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
      #expect(range.contains(address), "\(tensor.name)")
    }
  }

  @Test func takesNonlinearityAndLayoutFromAScript() throws {
    let script = try read("script")
    #expect(script.hints.nonlinearity == ["rnn": .relu])
    #expect(script.hints.batchFirst == true)
    let trace = try read("trace_relu")
    #expect(trace.hints == script.hints)
    #expect(try read("trace").hints.batchFirst == false)
    #expect(try read("script_cell").hints.nonlinearity == ["cell": .relu])
    let model = try Interpretation(script)
    #expect(model.assumptions.isEmpty)
    #expect(model.model.architecture.recurrentModules.first?.activations.candidate == .relu)
  }

  /// A normalization over two axes has the tensors of a linear layer. What activations do is known.
  @Test(arguments: ["script_classes", "trace_classes"]) func namesModulesThatItCannotRun(name: String) throws {
    let archive = try read(name)
    let model = try Interpretation(archive).model
    let modules = model.architecture.modules
    let unknown = modules.compactMap { if case .unknown(let module) = $0 { module } else { nil } }
    #expect(modules.map(\.name) == ["norm", "rnn", "plane", "head.0", "head.3", "own"])
    #expect(
      unknown == [
        UnknownModule(name: "norm", className: "LayerNorm", tensorNames: ["norm.weight", "norm.bias"]),
        UnknownModule(name: "plane", className: "LayerNorm", tensorNames: ["plane.weight"]),
      ])
    #expect(archive.hints.calls["act"] == .activation(.relu) && archive.hints.calls["head.2"] == .activation(.tanh))
    #expect(archive.hints.calls["head"] == .sequence(["head.0", "head.1", "head.2", "head.3"]))
    for note in [
      "norm is of class LayerNorm, which RNNKit cannot run", "plane is of class LayerNorm, which RNNKit cannot run",
      "own, of class Weighted, has tensors of its own: weight; its code is not run, and what they are is guessed by "
        + "names and shapes",
    ] { #expect(archive.notes.contains(Phrase(note))) }
    #expect(archive.notes.count == 3)
  }

  @Test(arguments: ["python2", "legacy", "flat", "tied", "strided"])
  func survivesEveryTruncationAndFlippedBit(name: String) throws {
    let bytes = try Fixture.file("torch/\(name).pt").withUnsafeBytes { Array($0) }
    for length in bytes.indices {
      #expect(refusal { _ = try TorchFormat().read(InputFile(Array(bytes[..<length]), name: name)) } != nil, "\(length)")
    }
    // Some flips are of names or numbers, and give another sound file: what matters is that none ends the process.
    for index in bytes.indices {
      var changed = bytes
      changed[index] ^= 1 << UInt8(index % 8)
      _ = refusal { _ = try TorchFormat().read(InputFile(changed, name: name)) }
    }
  }
}
