import RNNFormats
import RNNModel
import Testing

/// What the code of a TorchScript archive says its module does.
@Suite struct TorchScriptForwardTests {
  private func forward(_ lines: String...) throws -> TorchScriptForward {
    let head = ["  training : bool", "  def forward(self: __torch__.Net,", "    x: Tensor,", "    h: Tensor) -> Tensor:"]
    return try #require(TorchScriptForward((head + lines.map { "    " + $0 }).map { $0[...] }))
  }

  /// As torch 2 writes what calls one module after the other.
  @Test func readsChains() throws {
    for lines in [
      ["lstm = self.lstm", "out, _0, = (lstm).forward__0(x, None, )", "fc = self.fc", "return (fc).forward(out, )"],
      ["fc = self.fc", "lstm = self.lstm", "return (fc).forward((lstm).forward(x, ), )"],
      ["lstm = self.lstm", "out, _0, = (lstm).forward__0(x, (h, h), )", "h0, c0, = _0", "fc = self.fc",
        "return ((fc).forward(out, ), h0, c0)"],
      ["lstm = self.lstm", "fc = self.fc", "_0 = (fc).forward(((lstm).forward__0(x, None, ))[0], )", "return _0"],
      ["lstm = self.lstm", "fc = self.fc", "_1 = torch.zeros([1, torch.size(x, 0), 4])",
        "return (fc).forward(torch.dropout((lstm).forward(x, _1, ), 0.5, False), )"],
    ] {
      let forward = try #require(TorchScriptForward(
        (["  def forward(self: __torch__.Net,", "    x: Tensor,", "    h: Tensor) -> Tensor:"] + lines.map { "    " + $0 }).map { $0[...] }))
      #expect(forward.problem == nil)
      #expect(forward.called == ["lstm", "fc"])
    }
    #expect(try forward("_0 = getattr(self, \"0\")", "return (_0).forward(x, )").called == ["0"])
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
    let forward = try forward("lstm = self.lstm", "fc = self.fc", line)
    #expect(forward.problem == line)
  }

  /// A state is no sequence.
  @Test func refusesAStateAsInput() throws {
    let forward = try forward("lstm = self.lstm", "fc = self.fc", "out, hn, = (lstm).forward__0(x, None, )", "return (fc).forward(hn, )")
    #expect(forward.problem == "return (fc).forward(hn, )")
  }

  /// Models with a skip, an activation and a last step, traced by torch 2.15.
  @Test(arguments: [
    ("skip", "_1 = torch.slice(x, 0, 0, 9223372036854775807)"), ("relu", "input = torch.relu((rec).forward(x, ))"),
    ("last", "input = torch.select((rec).forward(x, ), 0, -1)"),
  ])
  func refusesToPassOverForward(name: String, line: String) throws {
    let archive = try TorchFormat.read(Fixture.file("torch/forward/\(name).pt"))
    #expect(
      refusal { _ = try Interpretation(archive).model }
        == "the model: its forward() does more than call its modules in turn: \(line); run it in PyTorch; or, to run its "
        + "modules one after the other and nothing else, name them with --module, or say --ignore forward")
    var chosen = ModelOptions()
    chosen.modules = ["rec", "lin"]
    for options in [chosen, ModelOptions(ignoring: [.forward])] {
      let interpretation = try Interpretation(archive, options: options)
      #expect(
        interpretation.assumptions.contains(
          "the model: modules are run in the order of their tensors, without the rest of forward()"))
    }
  }

  @Test(arguments: ["torch/trace", "torch/script_cell", "pickles/script_stack", "pickles/trace_stack"])
  func takesAChain(name: String) throws {
    #expect(try TorchFormat.read(Fixture.file("\(name).pt")).departures.filter { $0.kind == .forward }.isEmpty)
  }
}
