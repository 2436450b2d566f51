import ArgumentParser

@main
struct RNN: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "rnn")
}
