import ArgumentParser
import RNNKit

struct Formats: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "formats", abstract: "Lists what can be read and written.",
    discussion: """
      A model's format is recognised by content; for an output the extension tells it, or --to. The same goes for the \
      arrays that 'rnn run' takes and gives.
      """)

  func run() {
    var table = Table()
    table.add("model", "reads", "writes", "extensions", "")
    for format in ModelArguments.registry.formats {
      table.add(
        format.name, "yes", format.canWrite ? "yes" : "-",
        format.fileExtensions.map { "." + $0 }.joined(separator: " "), format.summary)
    }
    var arrays = Table()
    arrays.add("array", "reads", "writes", "extensions", "")
    for format in Arrays.registry.formats {
      arrays.add(
        format.name, "yes", "yes", format.fileExtensions.map { "." + $0 }.joined(separator: " "),
        format.holdsOneArray ? "one array" : "arrays by name")
    }
    Console.output(table.text + "\n" + arrays.text)
  }
}
