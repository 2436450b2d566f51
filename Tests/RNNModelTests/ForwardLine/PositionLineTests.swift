import RNNModel
import Testing

/// Lines with a Conv2d: what four axes of PyTorch could mean is refused with the way to say it.
@Suite struct PositionLineTests {
  private static let modules: [Module] = [false, true].map { isTimeLast in
    .convolution(Convolution(
      name: isTimeLast ? "last" : "conv", inChannels: 3, outChannels: 2, window: TimeWindow(size: 3), across: TimeWindow(size: 3),
      isTimeLast: isTimeLast))
  }

  @Test(arguments: [
    ("x(batch, 3, 8, time) -> _; conv(interleave(x, 3))", "time as its last axis", "with time=3"),
    ("x(batch, 3, time, 8) -> _; \"last\"(interleave(x, 3))", "time before another axis", "without time=3"),
    ("x(24) -> _; conv(x.transpose(1, 2))", "is turned", "x.transpose(1, 2).transpose(1, 2)"),
    ("x(24) -> _; conv(x.unsqueeze(1))", "no unsqueeze", "interleave(a, POSITIONS)"),
    ("x(24) -> _; conv(x).permute(0, 2, 1, 3)", "no permute", "interleave(a, POSITIONS)"),
    ("x(24) -> _; conv(x).flatten(2)", "no flatten", "interleave(a, POSITIONS)"),
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

  /// PyTorch's channels, the first axis, are no positions' own until they are interleaved, as many positions as channels or not.
  @Test(arguments: [3, 8]) func takesPyTorchsChannelsInterleavedAlone(positions: Int) throws {
    func shapes(_ line: String) throws -> ForwardShapes {
      try Forward(line: line, modules: Self.modules, batchFirst: true).shapes(Self.modules)
    }
    #expect(try shapes("x(batch, 3, time, \(positions)) -> _; conv(interleave(x, 3))").steps.last?.features == 2 * (positions - 2))
    #expect(throws: RNNError.self) { _ = try shapes("x(batch, 3, time, \(positions)) -> _; conv(x)") }
    #expect(try shapes("x(batch, time, \(positions), 3) -> _; conv(x)").steps.last?.features == 2 * (positions - 2))
  }
}
