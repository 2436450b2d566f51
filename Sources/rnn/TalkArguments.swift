import ArgumentParser
import Synchronization

/// How much a command says beside its results.
struct TalkArguments: ParsableArguments {
  @Flag(name: .shortAndLong, help: "Say nothing on standard error but errors.") var quiet = false
  @Flag(name: .shortAndLong, help: "Say each thing that is left out or carried along, where there are many.")
  var verbose = false

  @Flag(help: "Show ASCII alone, as where the locale is C.") var ascii = false
  @Option(name: .customLong("color"), help: "Show colours: auto, on a terminal where NO_COLOR is not set.")
  var colour = Terminal.Colour.auto

  func validate() throws {
    guard !(quiet && verbose) else { throw ValidationError("--quiet and --verbose: leave one out") }
  }

  /// Sets what all of the command's texts heed.
  func apply() {
    Console.amount = quiet ? .nothing : verbose ? .everything : .usual
    Terminal.choose(ascii: ascii, colour: colour)
  }
}

extension Terminal.Colour: ExpressibleByArgument {}

/// A command that can be told how much to say.
protocol TalkingCommand: ParsableCommand {
  var talk: TalkArguments { get }
}

extension Console {
  /// How much is said on standard error beside errors.
  enum Amount: Int {
    case nothing, usual, everything
  }

  private static let chosen = Atomic(Amount.usual.rawValue)

  static var amount: Amount {
    get { Amount(rawValue: chosen.load(ordering: .relaxed)) ?? .usual }
    set { chosen.store(newValue.rawValue, ordering: .relaxed) }
  }
}
