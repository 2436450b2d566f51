import RNNModel
import Testing

/// What a line may not say: each refusal points at its column, and what it offers instead is a line that is read.
@Suite struct LineRefusalTests {
  static let modules: [Module] = [
    .embedding(Embedding(name: "embed", numEmbeddings: 9, embeddingDim: 4)),
    .recurrent(Recurrent(name: "lstm", cell: .lstm, inputSize: 4, hiddenSize: 4, numLayers: 2)),
    .recurrent(Recurrent(name: "bi", cell: .lstm, inputSize: 4, hiddenSize: 2, direction: .bidirectional)),
    .recurrent(Recurrent(name: "gru", cell: .gru, inputSize: 4, hiddenSize: 4)),
    .recurrent(Recurrent(name: "cell", cell: .lstm, inputSize: 4, hiddenSize: 4, isCell: true)),
    .linear(Linear(name: "fc", inFeatures: 4, outFeatures: 4)), .linear(Linear(name: "head.0", inFeatures: 4, outFeatures: 4)),
    .linear(Linear(name: "a b", inFeatures: 4, outFeatures: 4)),
  ]

  struct Refusal: Sendable {
    var line: String
    var column: Int
    /// Part of the problem.
    var problem: String
    /// Lines that the remedy offers: a part of the remedy's text, and the line with it put in.
    var offers: [(text: String, line: String)]
    var batchFirst: Bool

    init(_ line: String, _ column: Int, _ problem: String, _ offers: (String, String)..., batchFirst: Bool = true) {
      (self.line, self.column, self.problem, self.offers, self.batchFirst) = (line, column, problem, offers.map { ($0.0, $0.1) }, batchFirst)
    }
  }

  static let refusals: [Refusal] = [
    // What could be two things.
    Refusal("o, h = lstm(x); fc(o[-1])", 20, "sequence of the batch", ("last(o)", "o, h = lstm(x); fc(last(o))"), ("o[..., -1:]", "o, h = lstm(x); fc(o[..., -1:])")),
    Refusal("o, h = lstm(x); fc(o[0])", 20, "sequence of the batch", ("first(o)", "o, h = lstm(x); fc(first(o))"), ("o[..., 0:1]", "o, h = lstm(x); o[..., 0:1]")),
    Refusal("o, h = lstm(x); fc(o[2])", 20, "sequence of the batch", ("at(o, 2)", "o, h = lstm(x); fc(at(o, 2))")),
    Refusal("o, h = lstm(x); fc(o[:, -1])", 20, "sequence of the batch", ("last(o)", "o, h = lstm(x); fc(last(o))"), batchFirst: false),
    Refusal("fc(lstm(x)[-1])", 4, "step of lstm(x) or one of output and states", ("lstm(x)[0]", "fc(lstm(x)[0])"), ("lstm(x)[1]", "fc(lstm(x)[1][0][-1])"), ("at(lstm(x), -1)", "fc(at(lstm(x), -1))")),
    Refusal("fc(lstm(x)[2])", 4, "may be a step", ("at(lstm(x), 2)", "fc(at(lstm(x), 2))")),
    Refusal("o, h = lstm(x); o[:, 1:3]", 17, "cuts steps", ("o[..., 1:3]", "o, h = lstm(x); o[..., 1:3]")),
    Refusal("o, h = lstm(x); o[1:]", 17, "cuts the batch", ("o[..., 1:]", "o, h = lstm(x); o[..., 1:]")),
    Refusal("o, h = lstm(x); o[:, :, 0]", 17, "no axis of features", ("o[..., 0:1]", "o, h = lstm(x); o[..., 0:1]")),
    Refusal("o, h = lstm(x); o[..., -1]", 17, "no axis of features", ("o[..., -1:]", "o, h = lstm(x); o[..., -1:]")),
    Refusal("o, h = lstm(x); o[..., -2]", 17, "no axis of features", ("o[..., -2:-1]", "o, h = lstm(x); o[..., -2:-1]")),
    Refusal("o, h = lstm(x); o[:, :, :, 1]", 17, "has 3 axes", ("o[..., a:b]", "o, h = lstm(x); o[..., 0:1]")),
    Refusal("o, h = lstm(x); o[..., 3:2]", 17, "features 3 to 2 of 4"),
    Refusal("o, h = lstm(x); o[..., 2:9]", 17, "features 2 to 9 of 4"),
    Refusal("x[..., :-1]", 1, "is not known here", ("x[..., a:b]", "x[..., 0:2]")),
    Refusal("x[..., ::2]", 9, "stride"),
    Refusal("a = fc(x); (a + x)[0]", 12, "sequence of the batch", ("first((a + x))", "a = fc(x); first((a + x))"), ("(a + x)[..., 0:1]", "a = fc(x); (a + x)[..., 0:1]")),
    // States.
    Refusal("o, h = lstm(x); fc(h)", 20, "h_n and c_n together", ("h[0][-1]", "o, h = lstm(x); fc(h[0][-1])")),
    Refusal("o, (h, c) = lstm(x); fc(h)", 25, "states of all layers", ("h[-1]", "o, (h, c) = lstm(x); fc(h[-1])")),
    Refusal("o, (h, c) = lstm(x); fc(h[2])", 25, "2 states", ("h[0]", "o, (h, c) = lstm(x); fc(h[0])"), ("h[1]", "o, (h, c) = lstm(x); fc(h[1])")),
    Refusal("o, (h, c) = gru(x); fc(h[-1])", 13, "is one thing"),
    Refusal("a, b, c = lstm(x); fc(a)", 11, "gives 2 things and 3 names", ("write 2 names", "a, b = lstm(x); fc(a)")),
    Refusal("h, c = cell(x); fc(h)", 8, "is a cell", ("a = cell(x)", "a = cell(x); fc(a)"), ("a.cn[0]", "a = cell(x); fc(a.cn[0])")),
    Refusal("gru(x).cn[0]", 1, "only an LSTM has a cell state", (".hn[0]", "gru(x).hn[0]")),
    Refusal("fc(x).hn[0]", 1, "only a recurrent module's call", ("lstm(x).hn[0]", "lstm(x).hn[0]")),
    Refusal("fc(x).cn[0]", 1, "only a recurrent module's call", ("lstm(x).cn[0]", "lstm(x).cn[0]")),
    Refusal("lstm(x).hn", 1, "states of all layers", ("lstm(x).hn[-1]", "lstm(x).hn[-1]")),
    Refusal("lstm(x).hn.squeeze(0)", 1, "one of 2 states", ("lstm(x).hn[-1]", "lstm(x).hn[-1]")),
    Refusal("o, (h, c) = gru(lstm(x)[1])", 17, "h_n and c_n together"),
    Refusal("o, s = lstm(x); gru(o, s[0])", 24, "cannot start one module from another's state"),
    // Axes.
    Refusal("F.log_softmax(lstm(x), dim=1)", 28, "not the axis of features", ("log_softmax(lstm(x), dim=-1)", "log_softmax(lstm(x), dim=-1)")),
    Refusal("softmax(last(x), time)", 1, "has no steps", ("softmax(last(x))", "softmax(last(x))")),
    Refusal("sum(x)", 1, "does not say over which axis", ("sum(x, time)", "sum(x, time)")),
    Refusal("x.sum(0)", 7, "not the axis of time", ("sum(x, time)", "sum(x, time)")),
    Refusal("mean(last(x), time)", 1, "has no steps", ("without mean", "last(x)")),
    Refusal("x.mean(1, keepdim=True)", 19, "keeps an axis", ("leave keepdim out", "x.mean(1)")),
    Refusal("x.max(1)", 1, "is several values", ("take one of them", "x.max(1)[0]")),
    Refusal("repeat(x, x)", 8, "has steps already", ("without repeat", "x")),
    Refusal("repeat(last(x), last(x))", 17, "no steps over which", ("a sequence b", "repeat(last(x), x)")),
    Refusal("last(x).repeat(1, 2, 1)", 1, "RNNKit has no repeat", ("repeat(a, b)", "a = last(x); repeat(a, x)")),
    Refusal("F.max_pool1d(lstm(x)[0], 2)", 14, "over the last axis", ("lstm(x)[0].transpose(1, 2), 2", "F.max_pool1d(lstm(x)[0].transpose(1, 2), 2).transpose(1, 2)")),
    Refusal("fc(x.transpose(1, 2))", 4, "is turned", ("x.transpose(1, 2).transpose(1, 2)", "fc(x.transpose(1, 2).transpose(1, 2))")),
    Refusal("F.max_pool1d(x, 2).mean(1)", 1, "may be over features or steps", ("mean(F.max_pool1d(x, 2), time)", "mean(F.max_pool1d(x, 2), time)")),
    Refusal("F.max_pool1d(x, 2)[:, -1]", 1, "may be a part of the features or of the steps", ("at(F.max_pool1d(x, 2), -1)", "at(F.max_pool1d(x, 2), -1)")),
    Refusal("torch.cat((F.max_pool1d(x, 2), F.max_pool1d(x, 2)), dim=1)", 57, "may be features or steps", ("cat(F.max_pool1d(x, 2), F.max_pool1d(x, 2))", "cat(F.max_pool1d(x, 2), F.max_pool1d(x, 2))")),
    Refusal("fc(x).transpose(1, 2) + fc(x)", 25, "is not turned", ("fc(x).transpose(1, 2)", "a = fc(x).transpose(1, 2); a.transpose(1, 2)")),
    Refusal("max_pool(x, 0)", 13, "is no whole number from 1 on", ("max_pool(a, 3, stride=2, padding=1)", "a = x; max_pool(a, 3, stride=2, padding=1)")),
    Refusal("max_pool(x, 2, ceil_mode=True)", 26, "no ceil_mode"), Refusal("pad(last(x), 1, 0)", 1, "has no steps", ("without pad", "last(x)")),
    Refusal("nope = LayerNorm(); fc(x)", 1, "no module of this name", ("lstm", "lstm(x)")),
    Refusal("self.a.b = x; fc(x)", 12, "only a plain name", ("before the =", "a = x; fc(a)")),
    Refusal("lstm(x).softmax(0)", 17, "not the axis of features", ("softmax(lstm(x), dim=-1)", "softmax(lstm(x), dim=-1)")),
    Refusal("F.softmax(lstm(x))", 1, "does not say over which axis", ("softmax(lstm(x), dim=-1)", "softmax(lstm(x), dim=-1)")),
    Refusal("torch.cat([fc(x), x])", 1, "axis 0", ("cat(fc(x), x)", "cat(fc(x), x)")),
    Refusal("torch.cat((fc(x), x), dim=1)", 27, "dim=1 is not the axis of features", ("cat(fc(x), x)", "cat(fc(x), x)")),
    Refusal("torch.cat((fc(x), x), 0)", 23, "dim=0 is not the axis", ("cat(fc(x), x)", "cat(fc(x), x)")),
    Refusal("cat()", 1, "does not take these"),
    // Functions and their numbers.
    Refusal("fc(clamp(x))", 4, "without a bound", ("clamp(x, -1, 1)", "fc(clamp(x, -1, 1))")),
    Refusal("self.leaky_relu(x)", 1, "numbers of its own", ("leaky_relu(x, alpha=0.01)", "leaky_relu(x, alpha=0.01)")),
    Refusal("hard_sigmoid(x)", 1, "does not say its alpha", ("hard_sigmoid(x, alpha=0.2, beta=0.5)", "hard_sigmoid(x, alpha=0.2, beta=0.5)"), ("hardsigmoid(x)", "hardsigmoid(x)")),
    Refusal("affine(x, 1)", 1, "does not say its beta", ("affine(x, alpha=0.5, beta=0.5)", "affine(x, alpha=0.5, beta=0.5)")),
    Refusal("elu(x, alpha=fc)", 1, "elu does not take alpha=", ("elu(x, alpha=1)", "elu(x, alpha=1)")),
    Refusal("clamp(x, 2, 1)", 1, "is no function", ("clamp(x, min=1, max=1)", "clamp(x, min=1, max=1)")),
    Refusal("gelu(x, approximate='x')", 1, "approximate", ("gelu(x)", "gelu(x)"), ("gelu(x, approximate='tanh')", "gelu(x, approximate='tanh')")),
    Refusal("softplus(x, beta=2)", 1, "without beta", ("softplus(x * b) / b", "softplus(x * 2) / 2")),
    Refusal("relu()", 1, "applied to nothing", ("relu(x)", "relu(x)")),
    Refusal("last(x, 1)", 1, "does not take these", ("last(a)", "a = x; last(a)")),
    Refusal("last(last(x))", 6, "has no steps", ("without last", "last(x)")),
    Refusal("at(x, 0.5)", 7, "no step's number", ("at(a, 3)", "a = x; at(a, 3)")),
    Refusal("nothing(x)", 1, "takes a value and a name", ("nothing(a, \"name\")", "a = x; nothing(a, \"name\")")),
    Refusal("sigmod(x)", 1, "no module \"sigmod\"", ("sigmoid", "sigmoid(x)")),
    Refusal("self.head(x)", 1, "those parts alone that have tensors", ("head.0(x)", "head.0(x)")),
    Refusal("LSTM(x)", 1, "no module \"LSTM\"", ("lstm", "lstm(x)")),
    Refusal("quux(x)", 1, "no module \"quux\"", ("lstm", "lstm(x)"), ("\"a b\"", "\"a b\"(x)"), ("head.0", "head.0(x)")),
    Refusal("a = fc(last(x)); a.mean(-1)", 25, "not the axis of time", ("end the line with what mean is taken of", "a = fc(last(x)); a")),
    Refusal("torch.stack((x, x))", 1, "RNNKit has no stack"),
    Refusal("fc(x).view(3, 4)", 1, "does not fit the axes", ("move them with permute", "fc(x)")),
    Refusal("lstm(fc(x).transpose(0, 1))", 6, "has the axes (time, batch, 4)", ("move and join the axes", "lstm(fc(x))")),
    Refusal("fc(x).foo", 1, "no .foo", ("relu(a)", "a = fc(x); relu(a)")),
    Refusal("pack_padded_sequence(x, lengths)", 1, "batch_first=False", ("batch_first=True", "x, lengths -> y; pack_padded_sequence(x, lengths, batch_first=True)")),
    Refusal("pack_padded_sequence(x, l, batch_first=True)", 1, "batch_first=True", ("leave pack_padded_sequence out", "x"), batchFirst: false),
    // Modules.
    Refusal("fc(x, x)", 1, "takes one value, not 2", ("fc(x)", "fc(x)")),
    Refusal("fc(x, dim=1)", 11, "no dim=", ("leave it out", "fc(x)")),
    Refusal("fc(x, hx=x)", 10, "only a recurrent module", ("leave hx= out", "fc(x)")),
    Refusal("fc", 1, "is a module", ("fc(x)", "fc(x)")),
    Refusal("fc(z)", 4, "no value that the line names", ("z -> _", "z -> _; fc(z)"), ("z = …", "z = x; fc(z)")),
    Refusal("lstm_out = lstm(x); fc(lstm_outt)", 24, "no value", ("lstm_out may", "lstm_out = lstm(x); fc(lstm_out)")),
    Refusal("(fc(x))(x)", 1, "is no module", ("embed(x)", "embed(x)")),
    // Statements.
    Refusal("fc(x); lstm(x)", 1, "is not used", ("a = fc(x)", "a = fc(x); lstm(x)")),
    Refusal("return fc(x); lstm(x)", 1, "statements follow", ("leave out what follows it", "return fc(x)")),
    Refusal("a = fc(x)", 10, "no expression says what goes out", ("for example a", "a = fc(x); a")),
    Refusal("", 1, "no expression", ("embed(x)", "embed(x)")),
    Refusal("a, b = lstm(x)", 15, "no expression", ("embed(x)", "a, b = lstm(x); embed(x)")),
    Refusal("fc(x) = x", 1, "only a plain name", ("write a name", "a = x; a")),
    Refusal("for a in x: a", 1, "for: a line is assignments"),
    Refusal("fc(x) if x else x", 7, "if within", ("write the value that is taken", "fc(x)")),
    Refusal("x ** 3", 6, "to the power 3", ("a * a * a for a ** 3", "a = x; a * a * a")),
    Refusal("x @ x", 3, "@ is none of"),
    Refusal("x, x -> y; x", 4, "a second input x", ("its own name", "x, z -> y; x + z")),
    Refusal("x(0) -> y; x", 3, "no number of features", ("x(5)", "x(5) -> y; x")),
    Refusal("x -> y, z; x", 6, "names 2 outputs, and 1 go out", ("_ for one without a name", "x -> _; x")),
    Refusal("x -> y, y; x, fc(x)", 6, "two outputs have one name", ("its own name", "x -> y, z; x, fc(x)")),
    Refusal("o, (h, c) = lstm(x); h, c", 22, "only states go out", (".hn[0]", "lstm(x).hn[0]")),
    Refusal("def f(self, x):\n return fc(x)\ndef g(self): return x", 1, "a second function"),
    Refusal("class A(nn.Module):\n def forward(self, x): return fc(x)\nclass B(nn.Module):\n def forward(self, x): return x", 1, "a second class"),
    Refusal("x -> y; a -> b; a", 11, "where an operator"),
    Refusal("x - > y", 5, "where a module"),
    Refusal("inf -> y; 1", 1, "where the name of an input", ("double quotes", "\"inf\" -> y; \"inf\"")),
    // Text.
    Refusal("fc(x", 5, "the end of the statement where a ) was expected"), Refusal("fc x", 4, "where an operator"),
    Refusal("fc(x))", 6, "where an operator"), Refusal("x +", 4, "where a module"), Refusal("x[]", 3, "where a module"),
    Refusal("x.", 3, "a name after the ."), Refusal("x $ y", 3, "means nothing here", ("leave it out", "x")),
    Refusal("\"x", 1, "does not end", ("end it with \"", "\"x\"")), Refusal("\"\\q\"(x)", 2, "\\q means nothing", ("\\\\", "\"\\\\q\" -> _; \"\\\\q\"")),
    Refusal("\"\\u{110000}\"(x)", 1, "is no character"), Refusal("x * 1e999", 5, "beyond the largest"),
    Refusal("\"\"\"abc", 1, "does not end"),
    Refusal("-None", 2, "is no value of the model"), Refusal("x + x.shape[0]", 5, "is a size", ("write the number", "x + 3")),
    Refusal("x + (x, x)", 5, "is several values", ("cat(a, b)", "x + cat(x, x)")),
  ]

  @Test(arguments: refusals.indices) func pointsAndOffersWhatIsRead(number: Int) {
    let refusal = Self.refusals[number]
    do throws(RNNError) {
      let forward = try read(refusal.line, refusal.batchFirst)
      Issue.record("\(refusal.line) is read as \(forward.line(modules: Self.modules))")
    } catch {
      #expect(error.kind == .usage)
      let place = error.place ?? ""
      #expect(place.hasSuffix("column \(refusal.column)"), "\(refusal.line): \(error)")
      #expect(error.problem.description.contains(refusal.problem), "\(refusal.line): \(error)")
      #expect(error.remedy?.isEmpty == false, "\(refusal.line)")
      for offer in refusal.offers {
        #expect(error.remedy?.description.contains(offer.text) == true, "\(refusal.line): \(error), not \(offer.text)")
        do throws(RNNError) { _ = try read(offer.line, refusal.batchFirst) } catch { Issue.record("\(refusal.line): the offer \(offer.line): \(error)") }
      }
    }
  }

  @Test func countsLinesAndColumnsOfCharacters() {
    let places = ["é = x": "forward, column 1", "a = x # ü\n\"é\"": "forward, line 2, column 1", "a = x # ü\n\"a b\"(a) + fc(b)": "forward, line 2, column 15"]
    for (line, place) in places {
      do throws(RNNError) {
        _ = try read(line, true)
        Issue.record("\(line) is read")
      } catch { #expect(error.place == place, "\(line)") }
    }
  }

  @Test func refusesALineBeyondTheLimit() {
    let line = "x" + String(repeating: " ", count: Limits.maximumLineLength)
    #expect(throws: RNNError.self) { _ = try read(line, true) }
  }

  private func read(_ line: String, _ batchFirst: Bool) throws(RNNError) -> Forward {
    try Forward(line: line, modules: Self.modules, batchFirst: batchFirst)
  }
}
