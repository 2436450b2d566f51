import RNNModel
import Testing

/// The text of a whole class: what its constructor declares, and its forward.
@Suite struct ClassTextTests {
  static let text = """
    import torch
    from torch import nn

    class Model(nn.Module):
        \"\"\"Scores.\"\"\"

        def __init__(self, hidden: int = 4):
            super(Model, self).__init__()
            self.hidden, self.kept = 4, 2
            self.gain = 0.5
            self.weights = nn.Parameter(torch.zeros(4))
            torch.nn.init.zeros_(self.weights)
            self.lstm = nn.LSTM(4, 4, num_layers=2, batch_first=True, dropout=0.1)
            self.act = nn.ReLU()
            self.head = nn.ModuleList([nn.Linear(4, 4)])

        def init_hidden(self, batch):
            h = torch.zeros(2, batch, self.hidden) @ torch.eye(self.hidden)
            return {"h": h}

        @torch.no_grad()
        def forward(self, x):
            out, _ = self.lstm(x)
            out = self.act(self.head[0](out))
            return out[..., : self.kept] * self.gain
    """

  @Test func constructorAndForwardAreRead() throws {
    let forward = try Forward(line: Self.text, modules: LineRefusalTests.modules, batchFirst: true)
    let own = try Forward(line: "relu(head.0(lstm(x)))[..., :2] * 0.5", modules: LineRefusalTests.modules, batchFirst: true)
    #expect(forward == own)
  }

  /// A number that the constructor changes in a way that is not followed is none.
  @Test func aNumberThatIsMadeAnewIsNotKnown() {
    let text = "class A(nn.Module):\n def __init__(self):\n  self.kept = 1\n  self.kept = self.kept * two\n def forward(self, x):\n  return fc(x)[..., :self.kept]"
    #expect(throws: RNNError.self) { _ = try Forward(line: text, modules: LineRefusalTests.modules, batchFirst: true) }
    let changed = "class A(nn.Module):\n def __init__(self):\n  self.kept = 1\n def forward(self, x):\n  self.kept = 2\n  return fc(x)[..., :self.kept]"
    #expect(throws: RNNError.self) { _ = try Forward(line: changed, modules: LineRefusalTests.modules, batchFirst: true) }
  }

  private static func archive() throws -> TensorArchive {
    var archive = TensorArchive()
    for (name, sizes) in [("rnn.weight_ih_l0", [3, 2]), ("rnn.weight_hh_l0", [3, 3])] {
      let shape = try #require(Shape(sizes))
      try archive.append(name, #require(Tensor([Float](repeating: 0.1, count: shape.count), shape)))
    }
    return archive
  }

  @Test func aRecurrentDeclarationSaysLayoutAndFunction() throws {
    let options = ModelOptions(forward: "rnn = nn.RNN(2, 3, nonlinearity='relu', bias=False, batch_first=True); rnn(x)")
    let model = try Interpretation(try Self.archive(), options: options)
    #expect(model.model.architecture.batchFirst && model.model.architecture.recurrentModules[0].activations.candidate == .relu)
    #expect(!model.assumptions.contains { "\($0)".contains("default") })
  }

  @Test(arguments: [
    ("rnn = nn.LSTM(2, 3); rnn(x)", "class LSTM"), ("rnn = nn.RNN(2, 4, bias=False); rnn(x)", "hidden_size"),
    ("rnn = nn.RNN(2, 3, 2, bias=False); rnn(x)", "num_layers"), ("rnn = nn.RNN(2, 3); rnn(x)", "a bias"),
    ("rnn = nn.RNN(2, 3, bias=False, bidirectional=True); rnn(x)", "bidirectional"), ("rnn = nn.RNN(2, 3, nonlinearity='sin', bias=False); rnn(x)", "nonlinearity"),
  ])
  func aDeclarationThatContradictsTheTensorsIsRefused(_ line: String, _ problem: String) throws {
    let archive = try Self.archive()
    if problem == "a bias" {
      // Left out, a bias is what the tensors have.
      _ = try Interpretation(archive, options: ModelOptions(forward: line))
      return
    }
    let error = #expect(throws: RNNError.self) { _ = try Interpretation(archive, options: ModelOptions(forward: line)) }
    #expect(error?.kind == .usage)
    let said = "\(String(describing: error?.problem)) \(String(describing: error?.remedy))"
    #expect(said.contains(problem))
  }
}
