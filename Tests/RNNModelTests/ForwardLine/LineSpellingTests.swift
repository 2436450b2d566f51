import RNNModel
import Testing

/// PyTorch's spellings mean what they mean there: each line is the same as one in the line's own words.
@Suite struct LineSpellingTests {
  static let both: [(line: String, own: String)] = [
    ("self.fc(self.lstm(x))", "fc(lstm(x))"), ("self.fc(torch.relu(x))", "fc(relu(x))"), ("F.relu(x)", "relu(x)"),
    ("nn.functional.relu(x)", "relu(x)"), ("torch.nn.functional.relu(x)", "relu(x)"), ("x.relu()", "relu(x)"), ("fc(x).tanh()", "tanh(fc(x))"),
    // What goes out has the layout of a run.
    ("fc(x).transpose(0, 1)", "fc(x)"), ("fc(x).permute(0, 2, 1)", "fc(x)"),
    ("fc(x) ** 2", "a = fc(x); a * a"), ("-x ** 2", "(x * x) * -1"), ("fc(x).pow(0.5)", "sqrt(fc(x))"), ("torch.square(x)", "x * x"), ("x.rsqrt()", "1 / sqrt(x)"), ("torch.pow(x, -1)", "1 / x"),
    ("self.fc(x).sigmoid()", "sigmoid(fc(x))"), ("x.relu_()", "relu(x)"), ("F.relu(x, inplace=True)", "relu(x)"), ("self.relu(x)", "relu(x)"),
    ("F.leaky_relu(x)", "leaky_relu(x, alpha=0.01)"), ("F.leaky_relu(x, 0.2)", "leaky_relu(x, alpha=0.2)"),
    ("F.leaky_relu(x, negative_slope=0.2)", "leaky_relu(x, alpha=0.2)"), ("F.elu(x)", "elu(x, alpha=1)"), ("torch.clamp(x, -1, 1)", "clip(x, min=-1, max=1)"),
    ("torch.clamp(x, min=0)", "clip(x, min=0, max=1.7976931348623157e308)"), ("F.hardtanh(x)", "clip(x, min=-1, max=1)"), ("F.relu6(x)", "clip(x, 0, 6)"),
    ("F.hardsigmoid(x)", "hard_sigmoid(x, alpha=0.16666666666666666, beta=0.5)"), ("F.gelu(x, approximate='tanh')", "gelu_tanh(x)"),
    ("F.softmax(fc(x), dim=-1)", "softmax(fc(x))"), ("F.log_softmax(fc(x), dim=2)", "log_softmax(fc(x))"), ("fc(last(x)).softmax(dim=1)", "softmax(fc(last(x)))"),
    ("softmax(x, time)", "torch.softmax(x, time)"), ("a = lstm(x); sum(softmax(fc(a), time) * a, time)", "b = lstm(x); torch.sum(F.softmax(fc(b), time) * b, time)"),
    ("F.max_pool1d(x, 3, 2, 1)", "max_pool(x, 3, stride=2, padding=[1, 1])"), ("F.avg_pool1d(x, 2, count_include_pad=False)", "avg_pool(x, 2, count_include_pad=False)"),
    ("pool = nn.MaxPool1d(2, stride=1); fc(pool(x))", "fc(max_pool(x, 2, stride=1))"), ("self.pool = nn.AdaptiveAvgPool1d(1)\nfc(pool(x))", "fc(mean(x, time))"),
    ("F.adaptive_max_pool1d(x, 1).squeeze(-1)", "max(x, time)"), ("F.pad(x, (2, 0))", "pad(x, 2, 0)"), ("join(x, 2)", "join(x, 2, stride=2)"), ("softmax(fc(x), features)", "softmax(fc(x))"),
    ("x.amax(time)", "max(x, time)"), ("self.fc = nn.Linear(4, 4); fc(x)", "fc(x)"), ("fc = Linear(bias=True)\nx -> y; fc(x)", "x -> y; fc(x)"),
    ("torch.log_softmax(last(x), -1)", "log_softmax(last(x))"),
    ("out, (h, c) = lstm(x); fc(out)", "fc(lstm(x))"), ("out, _ = lstm(x); fc(out)", "fc(lstm(x))"), ("(out, (h, c)) = lstm(x); fc(h[-1])", "fc(lstm(x).hn[1])"),
    ("_, (h, _) = lstm(x); fc(h[-2])", "fc(lstm(x).hn[0])"), ("_, (_, c) = lstm(x); fc(c[-1])", "fc(lstm(x).cn[1])"), ("_, h = gru(x); fc(h[-1])", "fc(gru(x).hn[0])"),
    ("_, h = gru(x); fc(h.squeeze(0))", "fc(gru(x).hn[0])"), ("_, h = gru(x); fc(h[-1, :, :])", "fc(gru(x).hn[0])"), ("_, h = gru(x); fc(h[0, ...])", "fc(gru(x).hn[0])"),
    ("fc(lstm(x)[0])", "fc(lstm(x))"), ("fc(lstm(x)[1][0][-1])", "fc(lstm(x).hn[1])"), ("fc(gru(x)[1][0])", "fc(gru(x).hn[0])"), ("fc(lstm(x)[1][1][0])", "fc(lstm(x).cn[0])"),
    ("out, (h, c) = bi(x); fc(torch.cat((h[-2], h[-1]), dim=1))", "fc(cat(bi(x).hn[0], bi(x).hn[1]))"),
    ("h = bi(x)[1][0]; torch.cat([h[0, :, :], h[1, :, :]], -1)", "cat(bi(x).hn[0], bi(x).hn[1])"),
    ("torch.cat([x, fc(x)], dim=-1)", "cat(x, fc(x))"), ("torch.cat([x, fc(x)], 2)", "cat(x, fc(x))"), ("torch.cat(tensors=[x, fc(x)], dim=2)", "cat(x, fc(x))"),
    ("out = fc(x); out[..., :1]", "fc(x)[..., 0:1]"), ("out = fc(x); out[:, :, 2:]", "fc(x)[..., 2:4]"), ("out = fc(x); out[..., -1:]", "fc(x)[..., 3:4]"), ("last(fc(x))[:, 1:-1]", "last(fc(x))[..., 1:3]"),
    ("fc(x)[...]", "fc(x)"), ("dropout(fc(x))", "nothing(fc(x), \"dropout\")"), ("self.dropout(fc(x))", "nothing(fc(x), \"dropout\")"), ("self.drop1(fc(x))", "nothing(fc(x), \"drop1\")"),
    ("F.dropout(fc(x), 0.5, training=self.training)", "nothing(fc(x), \"dropout\")"),
    ("x + 0.5 * fc(x)", "a = x; a + 0.5 * fc(a)"), ("-fc(x)", "fc(x) * -1"), ("torch.add(x, fc(x))", "x + fc(x)"), ("torch.mul(x, 2)", "x * 2"), ("x * [1, 2, 3, 4]", "x * torch.tensor([1, 2, 3, 4])"),
    ("x += fc(x); x", "x + fc(x)"), ("x = fc(x); x = x * 2; return x", "fc(x) * 2"), ("1 - x", "a = 1; a - x"),
    ("x.contiguous()", "x"), ("x.float()", "x"), ("self.lstm.flatten_parameters(); self.fc(x)", "fc(x)"),
    ("h0 = torch.zeros(2, x.size(0), 4); c0 = torch.zeros(2, x.size(0), 4).to(x.device); out, _ = lstm(x, (h0, c0)); fc(out)", "fc(lstm(x))"),
    ("batch, time, _ = x.shape; fc(x)", "fc(x)"), ("lstm(x, None)[0]", "lstm(x)"), ("def forward(self, x, h=None):\n  out, h = self.lstm(x, h)\n  return self.fc(out), h", "x -> y0; fc(lstm(x))"),
    ("def forward(self, x: torch.Tensor, hidden: Optional[Tuple[Tensor, Tensor]] = None) -> Tensor:\n  \"\"\"What it does.\"\"\"\n  out, hidden = self.lstm(\n    x, hidden)  # run\n  out = self.fc(\n    out\n  )\n  return out\n", "fc(lstm(x))"),
    ("x, lengths -> y, s\nfc(lstm(x)), gru(x).hn[0]", "x -> y, s; fc(lstm(x)), gru(x).hn[0]"),
    ("# all of it\nx = fc(x) # once\n\n\nx", "fc(x)"), ("fc(\n  x)", "fc(x)"), ("x = fc(x) + \\\n x; x", "fc(x) + x"), ("head.0(x)", "\"head.0\"(x)"), ("self.head[0](x)", "head.0(x)"), ("'a b'(x)", "\"a b\"(x)"), ("self.\"a b\"(x)", "\"a b\"(x)"),
    ("pad_packed_sequence(lstm(x))[0]", "lstm(x)"), ("a, b = fc(x), x; a + b", "fc(x) + x"),
    ("@torch.no_grad()\ndef forward(self, x):\n  return fc(x)", "fc(x)"), ("y: Tensor = fc(x); y", "fc(x)"), ("lstm(x).output", "lstm(x)"),
  ]

  /// Lines that mean one thing where sequences are batch-first, and another or nothing where they are not.
  static let layouts: [(line: String, batchFirst: String?, timeFirst: String?)] = [
    ("o, _ = lstm(x); fc(o[:, -1])", "fc(at(lstm(x), -1))", nil), ("o, _ = lstm(x); fc(o[:, -1, :])", "fc(at(lstm(x), -1))", nil),
    ("o, _ = lstm(x); fc(o[-1])", nil, "fc(at(lstm(x), -1))"), ("o, _ = lstm(x); fc(o[-1, :, :])", nil, "fc(at(lstm(x), -1))"), ("o, _ = lstm(x); fc(o[0])", nil, "fc(first(lstm(x)))"),
    ("o, _ = lstm(x); fc(o[:, 0])", "fc(first(lstm(x)))", nil), ("o, _ = lstm(x); o[:, -1, :2]", "at(lstm(x), -1)[..., 0:2]", nil), ("o, _ = lstm(x); o[-1, :, 2:]", nil, "at(lstm(x), -1)[..., 2:4]"),
    ("x.sum(1)", "sum(x, time)", nil), ("x.sum(0)", nil, "sum(x, time)"), ("torch.mean(x, dim=1)", "mean(x, time)", nil), ("x.max(1)[0]", "max(x, time)", nil),
    ("torch.max(x, 0).values", nil, "max(x, time)"), ("x.mean(axis=-2)", "mean(x, time)", nil), ("x.mean(-3)", nil, "mean(x, time)"), ("a, _ = x.max(dim=1); a", "max(x, time)", nil),
    ("a = fc(x).transpose(1, 2); fc(F.max_pool1d(a, 2).relu().transpose(1, 2))", "fc(relu(max_pool(fc(x), 2)))", nil), ("fc(x.permute(1, 2, 0).permute(2, 0, 1))", "fc(x)", "fc(x)"),
    ("fc(x.permute(0, 2, 1).mT)", "fc(x)", nil), ("a = x.transpose(2, 1); a[:, :, -1]", "at(x, -1)", nil), ("a = fc(x).transpose(1, 2); a[:, :, 1:-2].transpose(1, 2)", "pad(fc(x), -1, -2)", nil),
    ("a = fc(x).transpose(1, 2); torch.cat((a, a * 2), dim=1).transpose(1, 2)", "a = fc(x); cat(a, a * 2)", "a = fc(x); cat(a, a * 2)"), ("fc(x)[:, 1:]", "pad(fc(x), -1, 0)", nil), ("fc(x)[1:-1]", nil, "pad(fc(x), -1, -1)"),
    ("F.softmax(x, dim=1)", "softmax(x, time)", nil), ("x.softmax(0)", nil, "softmax(x, time)"), ("x.amax(1)", "max(x, time)", nil),
    ("lstm(x)[0][:, -1]", "at(lstm(x), -1)", nil), ("lstm(x)[0][-1]", nil, "at(lstm(x), -1)"), ("lstm(x)[:, -1]", "at(lstm(x), -1)", nil),
    ("nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)", "x", nil), ("pack_padded_sequence(x, l.cpu())", nil, "x"),
    ("x, lengths -> y; p = pack_padded_sequence(x, lengths, batch_first=True); o, _ = lstm(p); o, _ = pad_packed_sequence(o, batch_first=True); fc(o)", "x -> y; fc(lstm(x))", nil),
  ]

  private func read(_ line: String, _ batchFirst: Bool) throws(RNNError) -> Forward {
    try Forward(line: line, modules: LineRefusalTests.modules, batchFirst: batchFirst)
  }

  @Test(arguments: both.indices) func meansWhatItMeansInPyTorch(number: Int) throws {
    let (line, own) = Self.both[number]
    let isLayout = line.contains("pad_packed") || line.contains("dropout") && line.contains("batch_first")
    for batchFirst in isLayout ? [false] : [true, false] {
      do {
        #expect(computation(try read(line, batchFirst)) == computation(try read(own, batchFirst)), "\(line)")
      } catch { Issue.record("\(line) | \(own): \(error)") }
    }
  }

  @Test(arguments: layouts.indices) func heedsTheLayout(number: Int) throws {
    let (line, batchFirst, timeFirst) = Self.layouts[number]
    for (own, isBatchFirst) in [(batchFirst, true), (timeFirst, false)] {
      do {
        let forward = try read(line, isBatchFirst)
        guard let own else {
          Issue.record("\(line) is read as \(forward.line(modules: LineRefusalTests.modules))")
          continue
        }
        #expect(computation(forward) == computation(try read(own, isBatchFirst)), "\(line)")
      } catch { if own != nil { Issue.record("\(line): \(error)") } }
    }
  }

  /// What each output is computed by, whatever the steps' order.
  private func computation(_ forward: Forward) -> [String] {
    var texts: [String] = []
    func text(_ value: Forward.Value) -> String {
      switch value {
      case .input(let number): "input \(number)"
      case .step(let number): texts[number]
      }
    }
    for step in forward.steps { texts.append("\(step.operation)(\(step.inputs.map(text)))") }
    return forward.inputs.map(\.name) + forward.outputs.map { text($0.value) }
  }
}
