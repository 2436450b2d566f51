import RNNFormats
import RNNModel
import Testing

/// Against the text that PyTorch gave; `Fixtures/make_printer_cases.py` made it.
@Suite struct TensorPrinterTests {
  struct Case: CustomTestStringConvertible {
    var testDescription: String
    var tensor: Tensor?
    var text: String?
  }

  static let cases: [Case] = (try? Fixture.json("tensor_printer.json").array)?.map {
    Case(testDescription: $0["name"]?.string ?? "", tensor: Fixture.tensor($0), text: $0["text"]?.string)
  } ?? []

  @Test func hasCases() {
    #expect(Self.cases.count > 50)
  }

  @Test(arguments: cases)
  func printsAsPyTorchDoes(_ example: Case) throws {
    let tensor = try #require(example.tensor)
    #expect(TensorPrinter.text(tensor) == example.text)
  }
}
