import ArgumentParser
import RNNKit

/// `rnn`, the command. Its help is its manual.
struct RNN: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rnn",
    abstract: "Reads, checks, converts and runs recurrent networks, without Python.",
    discussion: """
      A model is any file that holds the weights of an RNN, LSTM or GRU under PyTorch's names; 'rnn formats' lists the
      kinds. Formats are recognised by content. Results go to standard output, remarks to standard error.

        rnn inspect model.h5                    what is in it
        rnn convert model.h5 model.rnn          to the native format, exactly
        rnn verify model.rnn                    replay the outputs its framework gave
        rnn run model.rnn --input x.npy         run it
        rnn bench model.rnn                     see how fast it runs

      Exit status: 0 done, 1 a comparison did not hold (verify, diff), 64 the options are wrong, 65 the data is bad or not
      supported, 66 no such input, 73 the output cannot be created, 74 reading or writing failed, 70 a defect of rnn.
      """,
    version: "0.1.0",
    subcommands: [
      Convert.self, Run.self, Verify.self, Inspect.self, Diff.self, Diagnose.self, Bench.self, Formats.self,
    ])
}

@main
enum Main {
  static func main() {
    do {
      var command = try RNN.parseAsRoot()
      try command.run()
    } catch let error as RNNError {
      Console.error("rnn: \(error)")
      Console.exit(error.kind.rawValue)
    } catch {
      let status = RNN.exitCode(for: error)
      if status == .validationFailure {
        Console.error("rnn: \(RNN.message(for: error)); see 'rnn --help'".escapingControlCharacters())
      } else {
        let message = RNN.fullMessage(for: error)
        if !message.isEmpty { Console.output(message + "\n") }
      }
      Console.exit(status.rawValue)
    }
  }
}
