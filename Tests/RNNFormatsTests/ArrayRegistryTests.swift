import RNNFormats
import RNNModel
import Testing

@Suite struct ArrayRegistryTests {
  @Test(arguments: [("out.npy", "npy"), ("a/b.c/OUT.JSON", "json"), ("x.csv", "csv"), ("x.npz", "npz")])
  func choosesTheWriterByExtension(_ path: String, _ name: String) throws {
    #expect(try ArrayRegistry.standard.writer(for: path).name == name)
  }

  @Test func choosesTheWriterByName() throws {
    #expect(try ArrayRegistry.standard.writer(for: "-", named: "csv").name == "csv")
  }

  @Test func refusesAnUnknownExtension() {
    #expect(refusal { _ = try ArrayRegistry.standard.writer(for: "out.txt") }
      == "out.txt: the name's extension tells no array format; end it in one of .npy, .npz, .wav, .json, .csv")
  }

  @Test func refusesAnUnknownName() {
    #expect(refusal { _ = try ArrayRegistry.standard.read([0x31].file, as: "xml") }
      == "test: no array format is named xml; choose one of npy, npz, wav, json, csv")
  }

  @Test func refusesBinaryFiles() {
    #expect(refusal { _ = try ArrayRegistry.standard.read([0x89, 0x48, 0, 0].file) }
      == "test: not an array file that RNNKit knows; save it as one of npy, npz, wav, json, csv")
  }

  @Test func triesAddedFormatsFirst() throws {
    struct Other: ArrayFormat {
      let name = "other"
      let fileExtensions = ["h5"]
      let holdsOneArray = false
      func recognizes(_ file: InputFile) -> Bool { true }
      func read(_ file: InputFile) throws(RNNError) -> [NamedTensor] { [] }
      func write(_ output: ArrayOutput, to file: inout OutputFile) throws(RNNError) {}
    }
    let registry = ArrayRegistry.standard.adding(Other())
    #expect(try registry.read([0x31].file).isEmpty)
    #expect(try registry.writer(for: "x.h5").name == "other")
  }
}
