import RNNFormats
import RNNModel
import Testing

/// What TorchScript's forward() is read as, compared with what its Python says; see Fixtures/make_torch_scripts.py.
@Suite struct TorchScriptLineTests {
  private func archive(_ name: String) throws -> TensorArchive {
    try TorchFormat().read(Fixture.file("torch-script/\(name).pt"))
  }

  @Test func readsTheForwardsOfModelsAsPeopleWriteThem() throws {
    let lines = try #require(try Fixture.json("torch-script/lines.json").members)
    #expect(lines.count > 100)
    for member in lines {
      let expected = try #require(member.value.string)
      let archive = try archive(member.key)
      let departure = archive.departures.first { $0.kind == .forward }
      if expected.hasPrefix("!") {
        #expect(archive.hints.forwardLine == nil, "\(member.key)")
        #expect(departure?.problem == "the model's forward() cannot be followed here: \(expected.dropFirst())", "\(member.key)")
        #expect(departure?.place.hasPrefix("code/__torch__") == true, "\(member.key): \(departure?.place ?? "")")
      } else {
        #expect(archive.hints.forwardLine == expected, "\(member.key): \(departure?.problem ?? "")")
        #expect(departure == nil, "\(member.key)")
      }
    }
  }

  @Test func tellsTheLayoutThatTheForwardHasOutside() throws {
    for way in ["script", "trace"] {
      #expect(try archive("turned_\(way)").hints.batchFirst == true)
      #expect(try archive("every_time_first_\(way)").hints.batchFirst == false)
      #expect(try archive("every_\(way)").hints.batchFirst == true)
    }
  }
}

/// What the file says of its forward is what a model of it computes.
@Suite struct TorchScriptModelTests {
  private func read(_ name: String) throws -> TensorArchive { try TorchFormat().read(Fixture.file("\(name).pt")) }

  private func line(_ archive: TensorArchive, _ options: ModelOptions = ModelOptions()) throws -> String? {
    let architecture = try Interpretation(archive, options: options).model.architecture
    return architecture.forward?.line(modules: architecture.modules)
  }

  /// Models of make_torch_files.py and make_pickles.py.
  @Test(arguments: [
    ("torch/forward/chain", "lin(rec(x))"), ("torch/forward/relu", "lin(relu(rec(x)))"),
    ("torch/forward/last", "lin(last(rec(x)))"), ("torch/forward/skip", "lin(rec(x)) + x[..., :1]"),
    ("torch/script", "fc(rnn(x - mean))"), ("torch/trace_relu", "fc(rnn(x - mean))"),
    ("pickles/trace_stack", "b(a(x))"), ("pickles/script_stack", "b(a(x))"),
  ])
  func takesWhatTheCodeSays(name: String, expected: String) throws {
    let archive = try read(name)
    #expect(try line(archive) == expected)
    #expect(try Interpretation(archive).assumptions == [])
  }

  /// The same code by hand gives outputs of the same names.
  @Test(arguments: [
    ("tagger", "out, _ = self.lstm(x); tags = self.fc(out); score = torch.sigmoid(self.other(out[:, -1])); return tags, score", ["tags", "score"]),
    ("reused", "out, _ = self.lstm(x); out = self.fc(out); out = torch.tanh(out); return out, torch.relu(out)", ["out", "y1"]),
    ("two", "out, _ = self.lstm(x); out = torch.relu(out); return self.fc(out), self.other(out[:, -1])", ["y0", "y1"]),
  ])
  func namesOutputsAsALineByHand(name: String, line: String, expected: [String]) throws {
    let read = try Interpretation(read("torch-script/\(name)_script")).model.architecture
    let said = try Forward(line: line, modules: read.modules, batchFirst: true)
    #expect(read.forward?.outputs.map(\.name) == expected)
    #expect(said.outputs.map(\.name) == expected)
  }

  /// A tensor that the line uses is no module that cannot be run.
  @Test func showsNoModuleForATensorThatTheLineUses() throws {
    let model = try Interpretation(read("torch/script")).model
    #expect(model.architecture.forward?.parameterNames == ["mean"] && model.architecture.unknownModules == [] && model.leftOut == [])
  }

  /// What a starting state is made of, and a cell's one step, no line says.
  @Test(arguments: [
    ("torch/forward/two_stacks", "rec", "module dec with a starting state that the model computes"),
    ("torch/forward/hidden", "rec", "module lin of all states, or of packed sequences"),
    ("torch/forward/hidden_first", "rec", "module lin of all states, or of packed sequences"),
    ("torch/forward/cell_state", "rec", "module lin of all states, or of packed sequences"),
    ("torch/forward/cell_of_a_cell", "rec", "torch.linear with the tensor rec.weight_hh"),
    ("torch/script_cell", "cell", "torch.rnn_relu_cell"),
  ])
  func namesTheLineThatCannotBeFollowed(name: String, module: String, words: String) throws {
    let archive = try read(name)
    let found = try #require(refusal { _ = try Interpretation(archive) })
    #expect(found.hasPrefix("code/__torch__") && found.contains(", line "), "\(found)")
    #expect(found.contains(": the model's forward() cannot be followed here: \(words)"), "\(found)")
    #expect(
      found.hasSuffix(
        "; say what is computed with forward, run a part with modules, or say ignoring: [.forward] to go on as if the file did not say"))
    // Each of them goes on, and says so.
    var chosen = ModelOptions()
    chosen.modules = [name == "torch/forward/two_stacks" ? "enc" : module]
    let said = ModelOptions(forward: "\(chosen.modules?.first ?? "")(x)")
    for options in [chosen, said, ModelOptions(ignoring: [.forward])] {
      let interpretation = try Interpretation(archive, options: options)
      #expect(interpretation.assumptions.map(\.description).contains { $0.hasPrefix("the file's own forward() is not followed, which says at code/") })
    }
  }

  @Test func yieldsToWhatTheUserSays() throws {
    let archive = try read("torch/forward/relu")
    let interpretation = try Interpretation(archive, options: ModelOptions(forward: "lin(rec(x))"))
    #expect(interpretation.model.architecture.forward?.line(modules: interpretation.model.architecture.modules) == "lin(rec(x))")
    #expect(interpretation.assumptions == ["the file says lin(relu(rec(x))), and \(.forward) is computed instead"])
  }

  /// What the code says decides what tensors leave open.
  @Test func tellsModulesApartThatLookAlike() throws {
    for way in ["script", "trace"] {
      let modules = try ["tokens", "no_tokens"].map { name in
        try #require(Interpretation(read("torch-script/\(name)_\(way)")).model.architecture["first"])
      }
      guard case .embedding = modules[0], case .linear = modules[1] else {
        Issue.record("\(modules)")
        continue
      }
      let slopes = try Interpretation(read("torch-script/prelu_\(way)")).model.architecture
      guard case .prelu(let module)? = slopes["act"] else {
        Issue.record("\(slopes.modules)")
        continue
      }
      #expect(module.numParameters == 2)
      // Activations are steps, and no modules that cannot be run.
      #expect(try Interpretation(read("torch-script/head_\(way)")).model.architecture.unknownModules == [])
      #expect(try read("torch-script/head_\(way)").notes.map(\.description).filter { $0.contains("cannot run") } == [])
    }
  }

  @Test func readsNoMoreCodeThanTheLimit() throws {
    let found = refusal { _ = try read("torch/forward/long_code") }
    #expect(found?.hasSuffix("make_torch_files.py: more than 4194304 bytes of code; save the model's state_dict") == true, "\(found ?? "")")
  }
}

/// Code that nobody wrote with torch.jit.
@Suite struct HostileScriptTests {
  /// An archive's members, to be changed.
  private func members(_ name: String) throws -> [(name: String, bytes: [UInt8])] {
    let zip = try ZipArchive(Fixture.file("torch-script/\(name).pt").storage, acceptsMissingChecksums: true)
    return try zip.entries.map { ($0.name, try zip.bytes(of: $0).withUnsafeBytes { Array($0) }) }
  }

  private func archive(_ members: [(name: String, bytes: [UInt8])]) throws -> TensorArchive {
    let bytes = try written { file in
      var writer = ZipWriter()
      for member in members { try writer.add(member.name, member.bytes, to: &file) }
      try writer.finish(&file)
    }
    return try TorchFormat().read(bytes.file)
  }

  private func problem(_ archive: TensorArchive) -> String? {
    archive.departures.first { $0.kind == .forward }?.problem.description
  }

  /// An archive whose model's forward() has another body.
  private func archive(body: String) throws -> TensorArchive {
    var members = try members("every_script")
    let at = try #require(members.firstIndex { $0.name.hasSuffix("code/__torch__.py") })
    let text = String(decoding: members[at].bytes, as: UTF8.self)
    let head = try #require(text.firstRange(of: ") -> Tensor:\n"))
    members[at].bytes = Array((text[..<head.upperBound] + body).utf8)
    return try archive(members)
  }

  @Test func readsTheBodyThatItIsGiven() throws {
    let hints = try archive(body: "    lstm = self.lstm\n    a, _0, = (lstm).forward__0(x, None, )\n    fc = self.fc\n    return (fc).forward(a, )\n").hints
    #expect(hints.forwardLine == "fc(lstm(x))")
  }

  @Test func boundsWhatCodeAsksFor() throws {
    let wide = "    a0 = [x, x]\n" + (1..<20_000).map { "    a\($0) = [a\($0 - 1), a\($0 - 1)]\n" }.joined()
    let cases: [(String, String)] = [
      ("    return " + String(repeating: "torch.relu(", count: 100_000) + "x\n", "torch . relu"),
      ("    return x" + String(repeating: ".a", count: 100_000) + "\n", "x . a"),
      (String(repeating: "    a=x\n", count: 200_000) + "    return a\n", "more than 262144 operations"),
      ("    a0 = torch.tanh(x)\n" + (1..<6000).map { "    a\($0) = torch.tanh(a\($0 - 1))\n" }.joined() + "    return a5999\n", "more than 4096 steps"),
      ((0..<200).map { String(repeating: " ", count: 4 + $0) + "if True:\n" }.joined() + String(repeating: " ", count: 300) + "pass\n", "if True :"),
      (wide + "    return a19999\n", "a result of too many values"),
      ("    return (self).forward(x, )\n", "calls and brackets inside each other"),
    ]
    for (body, problem) in cases {
      let archive = try archive(body: body)
      #expect(archive.hints.forwardLine == nil)
      let found = self.problem(archive)
      #expect(found?.contains(problem) == true, "\(problem): \(found?.prefix(200) ?? "")")
    }
  }

  @Test func survivesCodeThatWasChangedAnywhere() throws {
    var random = SplitMix64(seed: 7)
    let pieces = [
      "x", "self", "None", "torch.", "(", ")", "[", "]", ", ", " = ", "0", "-1", "9223372036854775807", "1e999", "\n", "    ", "if ",
      "else:\n", "return ", "torch.slice(x, 2, -1)", "torch.select(x, 1, 9223372036854775807)", "torch.cat([x, x], -1)", "\"", "{", "}",
      "torch.squeeze(x)", "torch.unsqueeze(x, -9223372036854775807)", "torch.chunk(x, 3, -1)", "torch.lstm", ":", ".",
    ]
    for name in ["both_steps_trace", "nested_script", "packed_trace", "halves_trace", "numbers_script", "rows_trace", "prelu_script"] {
      let members = try members(name)
      let code = members.indices.filter { members[$0].name.hasSuffix(".py") }
      for _ in 0..<120 {
        var changed = members
        let at = code.randomElement(using: &random) ?? 0
        for _ in 0..<Int.random(in: 1...4, using: &random) {
          let start = Int.random(in: 0...changed[at].bytes.count, using: &random)
          let end = min(changed[at].bytes.count, start + Int.random(in: 0...12, using: &random))
          let piece = pieces.randomElement(using: &random) ?? ""
          changed[at].bytes.replaceSubrange(start..<end, with: Bool.random(using: &random) ? Array(piece.utf8) : [])
        }
        guard let archive = try? archive(changed) else { continue }
        #expect((archive.hints.forwardLine == nil) != (problem(archive) == nil))
        _ = try? Interpretation(archive)
      }
    }
  }
}
