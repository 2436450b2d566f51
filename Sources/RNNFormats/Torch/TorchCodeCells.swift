import RNNModel

extension Recurrent {
  /// Whether no class of torch.nn runs the module over a sequence.
  var needsOwnClass: Bool { isCell || beyondTorch != nil }

  /// The call that makes the module.
  func torchConstruction(batchFirst: Bool) -> String {
    var arguments = ["\(inputSize)", "\(hiddenSize)"]
    if numLayers > 1 { arguments.append("num_layers=\(numLayers)") }
    if !bias { arguments.append("bias=False") }
    if batchFirst { arguments.append("batch_first=True") }
    if projSize > 0 { arguments.append("proj_size=\(projSize)") }
    guard needsOwnClass else {
      if direction == .bidirectional { arguments.append("bidirectional=True") }
      if cell == .rnn, activations.candidate == .relu { arguments.append("nonlinearity=\"relu\"") }
      return "nn.\(cell.rawValue)(\(arguments.joined(separator: ", ")))"
    }
    switch direction {
    case .forward: break
    case .reverse: arguments.append("backwards=(True,)")
    case .bidirectional: arguments.append("backwards=(False, True)")
    }
    if isCell { arguments.append("suffix=\"\"") }
    if cell == .gru, !resetAfter { arguments.append("reset_after=False") }
    if let clip { arguments.append("clip=\(clip.pythonText)") }
    if inputForget { arguments.append("input_forget=True") }
    if peephole { arguments.append("peephole=True") }
    let functions = (0..<directionCount).map { direction in
      let kinds = activations(direction: direction)
      return "(\([kinds.gate, kinds.candidate, kinds.output].map(\.torchFunction).joined(separator: ", ")))"
    }
    arguments.append("functions=(\(functions.joined(separator: ", ")),)")
    return "Recurrent(\"\(cell.rawValue)\", \(arguments.joined(separator: ", ")))"
  }
}

enum TorchCodeCells {
  /// A module for what torch.nn has no class for, with the names of torch.nn's parameters.
  static let source = #"""

    class Recurrent(nn.Module):
        """A stack of recurrent layers with what torch.nn's classes lack; its parameters have their names."""

        def __init__(self, cell, input_size, hidden_size, num_layers=1, bias=True, batch_first=False, proj_size=0,
                     backwards=(False,), suffix="_l{}", functions=(), reset_after=True, clip=None, input_forget=False, peephole=False):
            super().__init__()
            self.cell, self.num_layers, self.batch_first, self.backwards = cell, num_layers, batch_first, backwards
            self.suffix, self.functions, self.reset_after = suffix, functions, reset_after
            self.clip, self.input_forget = clip, input_forget
            self.hidden_size, self.state_size = hidden_size, proj_size or hidden_size
            rows = {"RNN": 1, "GRU": 3, "LSTM": 4}[cell] * hidden_size
            for layer in range(num_layers):
                for direction in range(len(backwards)):
                    features = self.state_size * len(backwards) if layer else input_size
                    shapes = {"weight_ih": (rows, features), "weight_hh": (rows, self.state_size)}
                    shapes.update({"bias_ih": (rows,), "bias_hh": (rows,)} if bias else {})
                    shapes.update({"weight_hr": (proj_size, hidden_size)} if proj_size else {})
                    shapes.update({"weight_peephole": (3 * hidden_size,)} if peephole else {})
                    for name, shape in shapes.items():
                        self.register_parameter(self.name(name, layer, direction), nn.Parameter(torch.zeros(shape)))

        def name(self, name, layer, direction):
            return name + self.suffix.format(layer) + ("_reverse" if direction else "")

        def clipped(self, value):
            return value if self.clip is None else torch.clamp(value, -self.clip, self.clip)

        def step(self, x, h, c, w, functions):
            gate, candidate, output = functions
            gate, candidate = (lambda a, f=f: f(self.clipped(a)) for f in (gate, candidate))
            product = functional.linear(x, w("weight_ih"), w("bias_ih"))
            if self.cell == "GRU":
                r, z, n = product.chunk(3, -1)
                weight_r, weight_z, weight_n = w("weight_hh").chunk(3)
                bias_r, bias_z, bias_n = (None,) * 3 if w("bias_hh") is None else w("bias_hh").chunk(3)
                r = gate(r + functional.linear(h, weight_r, bias_r))
                z = gate(z + functional.linear(h, weight_z, bias_z))
                if self.reset_after:
                    n = candidate(n + r * functional.linear(h, weight_n, bias_n))
                else:
                    n = candidate(n + functional.linear(r * h, weight_n, bias_n))
                return (1 - z) * n + z * h, c
            product = product + functional.linear(h, w("weight_hh"), w("bias_hh"))
            if self.cell == "RNN":
                return candidate(product), c
            i, f, g, o = product.chunk(4, -1)
            peephole = w("weight_peephole")
            p_i, p_f, p_o = (0, 0, 0) if peephole is None else peephole.chunk(3)
            i = gate(i + p_i * c)
            f = 1 - i if self.input_forget else gate(f + p_f * c)
            c = f * c + i * candidate(g)
            h = gate(o + p_o * c) * output(c)
            return h if w("weight_hr") is None else functional.linear(h, w("weight_hr")), c

        def forward(self, x, state=None):
            x = x.transpose(0, 1) if self.batch_first else x
            count = self.num_layers * len(self.backwards)
            h0 = state[0] if self.cell == "LSTM" and state is not None else state
            h0 = x.new_zeros(count, x.shape[1], self.state_size) if h0 is None else h0
            c0 = state[1] if self.cell == "LSTM" and state is not None else x.new_zeros(count, x.shape[1], self.hidden_size)
            hn, cn = [], []
            for layer in range(self.num_layers):
                outputs = []
                for direction, backwards in enumerate(self.backwards):
                    h, c = h0[len(hn)], c0[len(hn)]
                    w = lambda name: getattr(self, self.name(name, layer, direction), None)
                    steps = []
                    for step in x.flip(0) if backwards else x:
                        h, c = self.step(step, h, c, w, self.functions[direction])
                        steps.append(h)
                    outputs.append(torch.stack(steps[::-1] if backwards else steps))
                    hn.append(h)
                    cn.append(c)
                x = torch.cat(outputs, -1)
            x = x.transpose(0, 1) if self.batch_first else x
            return x, (torch.stack(hn), torch.stack(cn)) if self.cell == "LSTM" else torch.stack(hn)

    """#
}
