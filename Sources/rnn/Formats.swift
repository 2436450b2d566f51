import ArgumentParser
import RNNKit

struct Formats: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Lists what can be read and written.")

  func run() {
    var table = Table()
    table.add("format", "reads", "writes", "extensions", "")
    for format in ModelArguments.registry.formats {
      table.add(
        format.name, "yes", format.canWrite ? "yes" : "-",
        format.fileExtensions.map { "." + $0 }.joined(separator: " "), format.summary)
    }
    Console.output(table.text)
  }
}
