import Foundation
import RNNFormats
import RNNModel
import Testing

/// The scripts' own tests.
@Suite struct PythonTests {
  private func expectSuccess(_ script: String) throws {
    let result = try Python.run(["Schemas/tests/\(script).py"])
    #expect(result.status == 0, "\(result.errors)")
  }

  @Test(.enabled(if: Python.isReady, Python.whyNot))
  func theSpecificationItsExampleAndItsReaderAgree() throws {
    try expectSuccess("test_native")
  }

  @Test(.enabled(if: Python.isReady, Python.whyNot))
  func theSchemasAreStrict() throws {
    try expectSuccess("test_schemas")
  }

  @Test(.enabled(if: Python.hasTorch, Python.whyNoTorch))
  func theLinesThatExportAndLoadAPyTorchModelRun() throws {
    try expectSuccess("test_hdf5")
  }

  /// A user's way in: the three lines, without and with the architecture, then `rnn`.
  @Test(.enabled(if: Python.hasTorch, Python.whyNoTorch), arguments: [2, 3])
  func whatThoseLinesExportIsConvertedAndHolds(_ blocks: Int) throws {
    let folder = try ScratchFolder()
    let script = """
      import os, re, sys
      blocks = re.findall(r"^```python\\n(.*?)^```$", open("Schemas/hdf5.md").read(), re.DOTALL | re.MULTILINE)
      os.chdir(sys.argv[1])
      for block in blocks[:int(sys.argv[2])]: exec(block)
      """
    let export = try Python.run(["-c", script, folder.path("."), "\(blocks)"])
    try #require(export.status == 0, "\(export.errors)")
    let (source, native) = (folder.path("model.h5"), folder.path("model.rnn"))
    let conversion = try Process.run(CommandOutputTests.command, ["convert", source, native])
    #expect(conversion.status == 0, "\(conversion.errors)")
    // The architecture leaves nothing to assume.
    #expect(conversion.errors.contains("PyTorch's default") == (blocks == 2))
    let verification = try Process.run(CommandOutputTests.command, ["verify", "--json", native])
    #expect(verification.status == 0, "\(verification.errors)")
    let document = try JSONValue(parsing: verification.output)
    #expect(document["holds"] == .bool(true))
    let members = document["cases"]?.array?.first?["members"]?.array ?? []
    #expect(members.compactMap { $0["name"]?.string }.sorted() == ["hn", "output", "y"])
  }
}
