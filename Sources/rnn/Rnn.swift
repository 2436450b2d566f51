import ArgumentParser
import RNNKit

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// `rnn`, the command. Its help is its manual.
struct RNN: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rnn",
    abstract: "Reads, checks, converts and runs recurrent networks, without Python.",
    discussion: """
      A model is any file that holds the weights of an RNN, LSTM or GRU; 'rnn formats' lists the kinds, which are \
      recognised by content. Results go to standard output, remarks and errors to standard error. A file named - is \
      standard input or output.

        rnn inspect model.h5                    what is in it
        rnn convert model.h5 model.rnn          to the native format, exactly
        rnn verify model.rnn                    replay the outputs its framework gave
        rnn run model.rnn --input x.npy         run it
        rnn bench model.rnn                     see how fast it runs

      Exit status: 0 done, 1 a comparison did not hold (verify, diff), 64 the options are wrong, 65 the data is bad or \
      not supported, 66 no such input, 73 the output cannot be created, 74 reading or writing failed, 70 a defect of rnn.
      """,
    version: Version.number,
    subcommands: [
      Convert.self, Run.self, Verify.self, Inspect.self, Diff.self, Diagnose.self, Draw.self, Report.self, Bench.self, Formats.self,
    ])
}

@main
enum Main {
  static func main() {
    openStandardFiles()
    MappedFiles.reportFailures()
    // A file at its limit is an error of the call that writes it.
    signal(SIGXFSZ, SIG_IGN)
    do {
      var command = try command()
      if let talking = command as? any TalkingCommand { talking.talk.apply() }
      try command.run()
    } catch let error as RNNError {
      Console.failure(error.text(in: CommandWording()))
      Console.exit(error.kind.exitStatus)
    } catch {
      var status = RNN.exitCode(for: error)
      let problem = UsageProblem(Array(ProgramArguments.all.dropFirst()))
      if problem.isAboutUnknownCommand { status = .validationFailure }
      if status == .validationFailure {
        Console.failure(problem.text(RNN.message(for: error)).escapingControlCharacters())
      } else {
        let message = RNN.fullMessage(for: error)
        if message == Version.number {
          Console.output(Version.text)
        } else if !message.isEmpty {
          Console.output(message + "\n")
        }
      }
      Console.exit(status.rawValue)
    }
  }

  /// The command that the arguments ask for.
  private static func command() throws -> any ParsableCommand {
    // Parsed by itself, a command spares the parser all the others, a third of a small model's run. Whatever is not right,
    // or asks for help, is left to the whole, which words it.
    guard !ProgramArguments.all.isEmpty else {
      throw RNNError(.defect, "this system tells no program its arguments", remedy: "mount /proc")
    }
    let arguments = ProgramArguments.all.dropFirst()
    let chosen = RNN.configuration.subcommands.first { $0.configuration.commandName == arguments.first }
    if let command = try? chosen?.parse(Array(arguments.dropFirst())) { return command }
    return try RNN.parseAsRoot(Array(arguments))
  }

  /// Where a standard file is closed, the next file opened would take its place, and remarks would be written into a model.
  /// Remarks may be lost; that there is no input, or nobody to take a result, stays an error.
  private static func openStandardFiles() {
    for descriptor: Int32 in 0...2 where fcntl(descriptor, F_GETFD) < 0 {
      _ = open("/dev/null", descriptor == 1 ? O_RDONLY : O_WRONLY)
    }
  }
}
