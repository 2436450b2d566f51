import Foundation
import RNNKit
import Testing

/// Tensors of literals, and what a program shows of tensors and errors.
@Suite struct TensorConvenienceTests {
  @Test func makesTensorsOfLiterals() throws {
    let tensor = try Tensor([1, 2.5, -3, .nan, .infinity, 0], shape: [3, 2])
    #expect(tensor.elementType == .float32 && tensor.shape.dimensions == [3, 2])
    #expect(tensor.floats[..<3] == [1, 2.5, -3] && tensor.floats[3].isNaN && tensor.floats[4] == .infinity)
    #expect(try Tensor([0.1, 0.2] as [Double], shape: [2]).elementType == .float64)
    #expect(try Tensor([0.1] as [Double], shape: [1]).floats == [Float(0.1)])
    #expect(try Tensor([] as [Float], shape: [0, 3]).floats.isEmpty)
    for shape in [[4], [2, 2], [-3, -1], [3, .max, 2], [Int](repeating: 1, count: 1000)] {
      #expect(throws: RNNError.self) { try Tensor([1, 2, 3], shape: shape) }
    }
  }

  @Test func readsFloatsOfEveryType() throws {
    let shape = try #require(Shape([3]))
    let wide = try #require(Tensor([0.5, -1, 2] as [Double], shape))
    for type in [ElementType.float16, .bfloat16, .float32, .float64] {
      #expect(try #require(wide.converted(to: type)).tensor.floats == [0.5, -1, 2])
    }
    #expect(try #require(Tensor([1, -2, 3] as [Int64], shape)).floats == [1, -2, 3])
  }

  /// As PyTorch 2.15 prints `torch.tensor([[0.1, 0.2], [0.3, -0.4]])`.
  @Test func printsAsPyTorchDoes() throws {
    #expect("\(try Tensor([0.1, 0.2, 0.3, -0.4], shape: [2, 2]))" == "tensor([[ 0.1000,  0.2000],\n        [ 0.3000, -0.4000]])")
  }

  @Test func errorsHaveWordsForAlerts() throws {
    let thrown = #expect(throws: RNNError.self) { try ModelFile.open("/nowhere/model.rnn") }
    let error: any Error = try #require(thrown)
    #expect(error.localizedDescription == "\(error)" && error.localizedDescription.hasPrefix("/nowhere/model.rnn: "))
    let localized = try #require(error as? any LocalizedError)
    #expect(localized.failureReason?.isEmpty == false && localized.recoverySuggestion?.isEmpty == false)
    #expect(error.localizedDescription.hasSuffix(localized.recoverySuggestion ?? "-"))
  }
}
