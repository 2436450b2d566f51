import RNNModel
import Testing

/// What archives and models may not exceed, whatever file they come from.
@Suite struct LimitTests {
  private func refusal(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch {
      return "\(error)"
    }
  }

  @Test func allowsAsManyAxesAsTheLimitAndNoMore() {
    #expect(Shape([Int](repeating: 1, count: 32))?.rank == 32)
    #expect(Shape([Int](repeating: 1, count: 33)) == nil)
  }

  @Test func refusesElementsWhoseCountOverflows() {
    #expect(Shape([1 << 31, 1 << 31])?.count == 1 << 62)
    #expect(Shape([1 << 31, 1 << 32]) == nil)
    #expect(Shape([0, 1 << 31, 1 << 32]) == nil, "an empty axis does not excuse the others")
    #expect(Shape([-1]) == nil)
  }

  @Test func allowsAsLongANameAsTheLimitAndNoLonger() throws {
    var archive = TensorArchive()
    let shape = try #require(Shape([1]))
    let tensor = try #require(Tensor([1] as [Float], shape))
    try archive.append(String(repeating: "é", count: 2048), tensor)
    let message = refusal { try archive.append(String(repeating: "é", count: 2048) + "x", tensor) }
    #expect(message == "tensor \(String(repeating: "é", count: 60))…: the name is longer than 4096 bytes; rename the tensor")
  }

  @Test func allowsAsManyTensorsAsTheLimitAndNoMore() throws {
    var archive = TensorArchive()
    let shape = try #require(Shape([1]))
    let tensor = try #require(Tensor([1] as [Float], shape))
    for number in 0..<1 << 20 { try archive.append("\(number)", tensor) }
    #expect(refusal { try archive.append("one more", tensor) } == "more than 1048576 tensors; split the file")
  }

  private func model(_ module: Module) -> String? {
    refusal { _ = try Model(TensorArchive(), architecture: Architecture(modules: [module])) }
  }

  private static let remedy = "; correct the architecture in the file, or export the model again"

  @Test func refusesMoreLayersThanTheLimit() {
    #expect(model(.recurrent(Recurrent(name: "gru", cell: .gru, inputSize: 1, hiddenSize: 1, numLayers: 4097)))
      == "module gru: more than 4096 layers" + Self.remedy)
    let most = model(.recurrent(Recurrent(name: "gru", cell: .gru, inputSize: 1, hiddenSize: 1, numLayers: 4096)))
    #expect(most?.contains("layers") == false, "only its tensors are missing")
  }

  @Test func refusesLargerModulesThanTheLimit() {
    #expect(model(.recurrent(Recurrent(name: "gru", cell: .gru, inputSize: 1, hiddenSize: 1 << 28 + 1)))
      == "module gru: input, hidden and layer counts must be 1 to 268435456" + Self.remedy)
    #expect(model(.linear(Linear(name: "fc", inFeatures: 1 << 28 + 1, outFeatures: 1)))
      == "module fc: in_features and out_features must be 1 to 268435456" + Self.remedy)
  }

  @Test func refusesLargerWindowsThanTheLimit() {
    for window in [
      TimeWindow(size: Limits.maximumWindow + 1), TimeWindow(size: 2, stride: Limits.maximumWindow + 1), TimeWindow(size: 1 << 16, dilation: 1 << 16),
      TimeWindow(size: 1, before: .max), TimeWindow(size: .max, dilation: .max),
    ] {
      let conv = Convolution(name: "conv", inChannels: 1, outChannels: 1, window: window)
      #expect(throws: RNNError.self) { try Model.check(Architecture(modules: [.convolution(conv)])) }
      let forward = Forward(steps: [.init(.window(.max, window), [.input(0)])])
      #expect(throws: RNNError.self) { try forward.shapes([]) }
    }
    #expect(TimeWindow(size: Limits.maximumWindow).isSound)
    #expect(model(.convolution(Convolution(name: "conv", inChannels: 1, outChannels: 1, window: TimeWindow(size: 1 << 20 + 1))))
      == "module conv: its window is larger than RNNKit runs, 1048576 steps" + Self.remedy)
  }
}

extension Forward {
  fileprivate init(steps: [Step]) {
    self.init()
    self.steps = steps
    outputs = [Output(.step(steps.count - 1))]
  }
}
