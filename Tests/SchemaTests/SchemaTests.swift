import Foundation
import RNNFormats
import RNNModel
import Testing

/// What Swift writes as JSON keeps to the schemas.
@Suite(.enabled(if: Python.isReady, Python.whyNot)) struct SchemaTests {
  /// What `Schemas/validate.py` finds wrong with texts; empty where all is well.
  static func problems(_ texts: [String], _ schema: String) throws -> String {
    let folder = try ScratchFolder()
    let files = texts.indices.map { folder.url("\($0).json") }
    for (text, file) in zip(texts, files) { try Data(text.utf8).write(to: file) }
    let result = try Python.run(["Schemas/validate.py", schema] + files.map(\.path))
    return result.status == 0 ? result.errors : "status \(result.status)\n" + result.errors
  }

  @Test func architecturesKeepToTheirs() throws {
    var texts: [String] = []
    for seed in UInt64(1000)..<1500 {
      var random = RandomModel(seed: seed)
      texts.append(try random.model().architecture.json.text)
    }
    #expect(try Self.problems(texts, "architecture") == "")
  }

  @Test(arguments: ["architecture", "native-header", "mapping", "inspect", "diff", "convert", "verify", "diagnose", "formats", "plan"])
  func everySchemaRefusesAnUnknownKey(_ schema: String) throws {
    #expect(try Self.problems(["{\"unknown\":0}"], schema).contains("unknown"))
  }
}
