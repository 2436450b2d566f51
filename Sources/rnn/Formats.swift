import ArgumentParser
import RNNKit
import RNNONNX

struct Formats: TalkingCommand {
  static let configuration = CommandConfiguration(
    commandName: "formats", abstract: "Lists what can be read and written.",
    discussion: """
      A model's format is recognised by content; for an output the extension tells it, or --to. The same goes for the \
      arrays that 'rnn run' takes and gives.
      """)

  @Flag(help: "Print JSON (Schemas/formats.schema.json).") var json = false
  @OptionGroup var talk: TalkArguments

  func run() {
    if json { Console.document(document.indentedText + "\n") } else { Console.output(text) }
  }

  private var text: String {
    var table = Table()
    table.add("model", "reads", "writes", "extensions", "")
    var exceptions = Table()
    exceptions.add("written", "exceptions")
    for format in FormatRegistry.complete().formats {
      table.add(
        format.name, "yes", format.writes, format.fileExtensions.map { "." + $0 }.joined(separator: " "), format.summary)
      if !format.exceptions.isEmpty { exceptions.add(format.name, format.exceptions) }
    }
    var arrays = Table()
    arrays.add("array", "reads", "writes", "extensions", "")
    for format in ArrayRegistry.complete().formats {
      arrays.add(
        format.name, "yes", "yes", format.fileExtensions.map { "." + $0 }.joined(separator: " "),
        format.holdsOneArray ? "one array" : "arrays by name")
    }
    return [table.text, exceptions.text, arrays.text].joined(separator: "\n")
  }

  private var document: JSONValue {
    func entry(_ name: String, _ extensions: [String], _ more: [JSONValue.Member]) -> JSONValue {
      .object([.init("name", .string(name)), .init("extensions", .array(extensions.map(JSONValue.string)))] + more)
    }
    let models = FormatRegistry.complete().formats.map { format in
      entry(format.name, format.fileExtensions, [
        .init("reads", .string(format.summary)), .init("writes", format.canWrite ? .string(format.writes) : .null),
        .init("exceptions", .string(format.exceptions)),
      ])
    }
    let arrays = ArrayRegistry.complete().formats.map { format in
      entry(format.name, format.fileExtensions, [.init("one_array", .bool(format.holdsOneArray))])
    }
    return .object([.init("models", .array(models)), .init("arrays", .array(arrays))])
  }
}
