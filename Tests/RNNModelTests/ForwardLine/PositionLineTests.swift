import RNNModel
import Testing

/// Lines with a Conv2d: what four axes of PyTorch mean is worked out, and what they could mean refused with the way to say it.
@Suite struct PositionLineTests {
  private static let modules: [Module] = [false, true].map { isTimeLast in
    .convolution(Convolution(
      name: isTimeLast ? "last" : "conv", inChannels: 3, outChannels: 2, window: TimeWindow(size: 3), across: TimeWindow(size: 3),
      isTimeLast: isTimeLast))
  } + [
    .convolution(Convolution(name: "one", inChannels: 1, outChannels: 2, window: TimeWindow(size: 3, stride: 2), across: TimeWindow(size: 3))),
    .norm(Norm(name: "bn", kind: .batch, features: 2)), .linear(Linear(name: "fc", inFeatures: 12, outFeatures: 4)),
    .linear(Linear(name: "narrow", inFeatures: 6, outFeatures: 6)),
  ]

  @Test(arguments: [
    ("x(batch, 3, 8, time) -> _; conv(interleave(x, 3))", "time as its last axis", "with time=3"),
    ("x(batch, 3, time, 8) -> _; \"last\"(interleave(x, 3))", "time before another axis", "without time=3"),
    ("x(batch, 3, 8, time) -> _; conv(x)", "time as its last axis", "with time=3"),
    ("x(24) -> _; conv(x.transpose(1, 2))", "is turned", "x.transpose(1, 2).transpose(1, 2)"),
    ("x(24) -> _; conv(x.unsqueeze(1))", "four axes", "x(batch, 1, time, 32)"),
    ("x(24) -> _; conv(x).permute(0, 2, 1, 3)", "nothing tells", "x(batch, 1, time, 32)"),
    ("x(24) -> _; conv(x).flatten(2)", "nothing tells", "x(batch, 1, time, 32)"),
    // A view that puts the numbers of several steps into one.
    ("x(batch, 3, time, 8) -> _; y = conv(x); b, c, t, f = y.shape; fc(y.reshape(b, t, c * f))", "next to each other", "permute"),
    ("x(batch, 3, time, 8) -> _; y = conv(x); b, c, t, f = x.shape; fc(y.transpose(1, 2).reshape(b, t, 12))", "a size is not known", "permute"),
    ("x(batch, 3, time, 8) -> _; fc(conv(x).flatten(2))", "has the axes (batch, 2, time - 2 * 6)", "permute"),
    ("x(batch, 3, time, 8) -> _; fc(conv(x).permute(0, 2, 3, 1))", "last axis", "flatten"),
    // PyTorch's last axis is six positions of each channel.
    ("x(batch, 3, time, 8) -> _; narrow(conv(x))", "last axis", "flatten"),
    ("x(batch, 3, time, 8) -> _; conv(x)[..., 0:2]", "no part", "permute"),
    ("x(batch, 3, time, 8) -> _; bn(conv(x).permute(0, 2, 1, 3))", "axis 1", "permute"),
    ("x(batch, 3, time, 8) -> _; fc(conv(x).squeeze(2))", "does not fit the axes", "not known to be 1"),
    ("x(batch, 3, time, 8) -> _; conv(x).prod(3)", "no prod", "outside"),
    ("x -> _; fc(one(x.unsqueeze(1)).transpose(1, 2).flatten(2))", "four axes", "x(80)"),
  ])
  func refusesWhatFourAxesCouldMean(_ line: String, _ problem: String, _ remedy: String) {
    do throws(RNNError) {
      let forward = try Forward(line: line, modules: Self.modules, batchFirst: true)
      Issue.record("\(line) is read as \(forward.line(modules: Self.modules))")
    } catch {
      #expect(error.kind == .usage)
      #expect(error.problem.description.contains(problem), "\(error)")
      #expect(error.remedy?.description.contains(remedy) == true, "\(error)")
    }
  }

  /// PyTorch's spelling, and the line's own words for the same.
  @Test(arguments: [
    ("y = conv(x).transpose(1, 2).flatten(2); fc(y)", "fc(interleave(conv(interleave(x, 3)), 6))"),
    ("y = conv(x); b, c, t, f = y.size(); fc(y.permute(0, 2, 1, 3).contiguous().view(b, t, c * f))", "fc(interleave(conv(interleave(x, 3)), 6))"),
    ("y = conv(x).permute(0, 2, 3, 1); fc(y.reshape(y.size(0), y.size(1), -1))", "fc(conv(interleave(x, 3)))"),
    ("fc(bn(torch.relu(conv(x))).transpose(1, 2).flatten(2))", "fc(interleave(bn(relu(conv(interleave(x, 3)))), 6))"),
    ("fc(conv(x).transpose(1, 2).flatten(2)).mean(1)", "mean(fc(interleave(conv(interleave(x, 3)), 6)), time)"),
    ("F.max_pool2d(conv(x), (1, 2)).transpose(1, 2).flatten(2)", "interleave(max_pool(conv(interleave(x, 3)), 2, channels=2), 3)"),
    ("conv(x).mean(3).transpose(1, 2)", "avg_pool(conv(interleave(x, 3)), 6, channels=2)"),
  ])
  func readsPyTorchsFourAxes(_ torch: String, _ own: String) throws {
    let axes = "x(batch, 3, time, 8) -> _; "
    let forward = try Forward(line: axes + torch, modules: Self.modules, batchFirst: true)
    #expect(forward == (try Forward(line: axes + own, modules: Self.modules, batchFirst: true)))
    _ = try forward.shapes(Self.modules)
  }

  @Test func readsAFunctionBehindItsInputsAxes() throws {
    let forward = try Forward(
      line: "x(batch, 3, 8, time) -> _\ndef forward(self, x, lengths=None):\n    y = self.last(x)\n    assert y.dim() == 4\n    y = y.flatten(1, 2)\n    return self.fc(y.permute(0, 2, 1))\n",
      modules: Self.modules, batchFirst: true)
    let own = try Forward(line: "x(batch, 3, 8, time) -> _; fc(interleave(\"last\"(interleave(x, 3)), 6))", modules: Self.modules, batchFirst: true)
    #expect(forward == own)
  }

  /// PyTorch's channels, the first axis, are no positions' own until they are interleaved, as many positions as channels or not.
  @Test(arguments: [3, 8]) func takesPyTorchsChannelsInterleavedAlone(positions: Int) throws {
    func shapes(_ line: String) throws -> ForwardShapes {
      try Forward(line: line, modules: Self.modules, batchFirst: true).shapes(Self.modules)
    }
    for line in ["conv(interleave(x, 3))", "conv(x)"] {
      #expect(try shapes("x(batch, 3, time, \(positions)) -> _; \(line)").steps.last?.features == 2 * (positions - 2))
    }
    #expect(try shapes("x(batch, time, \(positions), 3) -> _; conv(x)").steps.last?.features == 2 * (positions - 2))
  }
}
