import RNNFormats
import RNNModel
import Testing

/// What the code of a TorchScript archive says its module does.
@Suite struct TorchScriptForwardTests {
  private func forward(_ lines: [String]) throws -> TorchScriptForward {
    let head = ["  training : bool", "  def forward(self: __torch__.Net,", "    x: Tensor,", "    h: Tensor) -> Tensor:"]
    return try #require(TorchScriptForward((head + lines.map { "    " + $0 }).map { $0[...] }))
  }

  /// As torch 2 writes what calls one module after the other.
  @Test(arguments: [
    ["lstm = self.lstm", "out, _0, = (lstm).forward__0(x, None, )", "fc = self.fc", "return (fc).forward(out, )"],
    ["fc = self.fc", "lstm = self.lstm", "return (fc).forward((lstm).forward(x, ), )"],
    ["lstm = self.lstm", "out, _0, = (lstm).forward__0(x, (h, h), )", "h0, c0, = _0", "fc = self.fc",
      "return ((fc).forward(out, ), h0, c0)"],
    ["lstm = self.lstm", "fc = self.fc", "_0 = (fc).forward(((lstm).forward__0(x, None, ))[0], )", "return _0"],
    ["lstm = self.lstm", "fc = self.fc", "_1 = torch.zeros([1, torch.size(x, 0), 4])",
      "return (fc).forward(torch.dropout((lstm).forward(x, _1, ), 0.5, False), )"],
  ])
  func readsChains(lines: [String]) throws {
    let forward = try forward(lines)
    #expect(forward.problem == nil)
    #expect(forward.called == ["lstm", "fc"])
  }

  @Test func readsNumberedModules() throws {
    #expect(try forward(["_0 = getattr(self, \"0\")", "return (_0).forward(x, )"]).called == ["0"])
  }

  @Test(arguments: [
    "return (fc).forward(torch.relu((lstm).forward(x, )), )",
    "return torch.add((fc).forward((lstm).forward(x, ), ), x)",
    "return (fc).forward(torch.select((lstm).forward(x, ), 1, -1), )",
    "return (fc).forward(x, (lstm).forward(x, ), )",
    "return ((fc).forward(x, ), (lstm).forward(x, ))",
    "return (fc).forward(h, )",
    "return (fc)",
    "if torch.gt(x, 0):",
    "return other",
    "return ((((",
    ")",
    "=",
  ])
  func namesTheLineThatIsNoChain(line: String) throws {
    let forward = try forward(["lstm = self.lstm", "fc = self.fc", line])
    #expect(forward.problem == line)
  }

  /// A state is no sequence, and one module's is not where another starts.
  @Test(arguments: ["return (fc).forward(hn, )", "return (dec).forward(out, hn, )", "return (dec).forward(out, (h, hn), )"])
  func refusesAStateThatGoesOn(line: String) throws {
    let lines = ["lstm = self.lstm", "fc = self.fc", "dec = self.dec", "out, hn, = (lstm).forward__0(x, None, )", line]
    #expect(try forward(lines).problem == line)
  }

  /// Models of make_torch_files.py, with the line of the code that is no part of a chain.
  @Test(arguments: [
    ("skip", "the model", "does more than call its modules in turn: _1 = torch.slice(x, 0, 0, 9223372036854775807)"),
    ("relu", "the model", "does more than call its modules in turn: input = torch.relu((rec).forward(x, ))"),
    ("last", "the model", "does more than call its modules in turn: input = torch.select((rec).forward(x, ), 0, -1)"),
    ("two_stacks", "the model", "does more than call its modules in turn: return (dec).forward(_0, _1, )"),
    ("hidden", "module rec", "gives a state instead of its output: return input"),
    ("hidden_first", "module rec", "gives a state instead of its output: return (input, _1)"),
    ("cell_state", "module rec", "gives a state instead of its output: return input"),
    ("cell_of_a_cell", "module rec", "gives a state instead of its output: return input"),
  ])
  func refusesToPassOverForward(name: String, place: String, words: String) throws {
    let archive = try TorchFormat.read(Fixture.file("torch/forward/\(name).pt"))
    #expect(
      refusal { _ = try Interpretation(archive).model }
        == "\(place): its forward() \(words); run it in PyTorch; or, to run its modules one after the other and nothing "
        + "else, name them with --module, or say --ignore forward")
    var chosen = ModelOptions()
    chosen.modules = ["rec", "lin"]
    for options in [chosen, ModelOptions(ignoring: [.forward])] {
      let interpretation = try Interpretation(archive, options: options)
      #expect(
        interpretation.assumptions.contains(
          "\(place): modules are run in the order of their tensors, without the rest of forward()"))
    }
  }

  @Test(arguments: ["torch/forward/chain", "torch/trace", "torch/script_cell", "pickles/script_stack", "pickles/trace_stack"])
  func takesAChain(name: String) throws {
    #expect(try TorchFormat.read(Fixture.file("\(name).pt")).departures.filter { $0.kind == .forward }.isEmpty)
  }

  @Test func readsNoMoreCodeThanTheLimit() throws {
    let found = refusal { _ = try TorchFormat.read(Fixture.file("torch/forward/long_code.pt")) }
    #expect(found?.hasSuffix("make_torch_files.py: more than 4194304 bytes of code; save the model's state_dict") == true, "\(found ?? "")")
  }
}
