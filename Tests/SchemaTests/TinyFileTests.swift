import Foundation
import RNNFormats
import RNNModel
import Testing

/// The worked example of `Schemas/native.md`, made by a writer that knows nothing but that page.
@Suite struct TinyFileTests {
  private static let path = Python.root.path + "/Schemas/examples/tiny.rnn"

  @Test func isRead() throws {
    let archive = try FormatRegistry.standard.read(try InputFile(Self.path))
    let module = Recurrent(
      name: "rnn", cell: .rnn, inputSize: 1, hiddenSize: 2, bias: false, activations: .init(candidate: .relu))
    #expect(archive.architecture == Architecture(modules: [.recurrent(module)]))
    #expect(archive.tensors.map(\.name) == ["rnn.weight_ih_l0", "rnn.weight_hh_l0"])
    #expect(archive["rnn.weight_ih_l0"]?.doubles == [1, 0.5])
    #expect(archive["rnn.weight_hh_l0"]?.doubles == [0.5, 0, 0.25, 0])
    #expect(archive.cases.map(\.name) == ["by_hand"])
    #expect(archive.cases.first?["input"]?.shape.dimensions == [3, 1, 1])
    #expect(archive.cases.first?["output"]?.doubles == [1, 0.5, 2.5, 1.25, 0, 0])
    #expect(archive.metadata == [.init("made_by", .string("make_tiny.py"))])
  }

  @Test func isWrittenByteForByte() throws {
    let model = try Interpretation(FormatRegistry.standard.read(try InputFile(Self.path))).model
    let folder = try ScratchFolder()
    var file = try OutputFile(folder.path("tiny.rnn"), replacing: false)
    try NativeFormat().write(model, to: &file)
    try file.commit()
    #expect(try Data(contentsOf: folder.url("tiny.rnn")) == Data(contentsOf: URL(fileURLWithPath: Self.path)))
  }
}
