import RNNFormats
import RNNModel

extension FileCheck {
  /// JSON by itself, as arrays, and as each kind of model that is written in it.
  static let json = FileCheck("json", seeds: ["json", "nam"]) { bytes in
    guard let json = try accepted("the text", { try bytes.withUnsafeBytes { try JSONValue(parsing: $0) } }) else {
      return false
    }
    for text in [json.text, json.indentedText] {
      try require(try certain("the text written", { try JSONValue(parsing: text) }) == json, "the text written differs")
    }
    if let architecture = try accepted("an architecture", { try Architecture(json: json) }) {
      let text = architecture.json.text
      let again = try certain("the architecture written") { try Architecture(json: JSONValue(parsing: text)) }
      try require(again == architecture, "the architecture written differs")
    }
    let file = InputFile(bytes, name: "fuzz")
    _ = try checkArrays(file, as: JSONArrayFormat())
    for format in FormatRegistry.standard.formats where format.recognizes(file) {
      _ = try checkModel(file, as: format, writing: format.canWrite ? [format] : [])
    }
    return true
  }
}
