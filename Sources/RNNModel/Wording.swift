/// What a user can say or ask for, whatever it is called where they say it.
public enum UserOption: Sendable, Hashable, CaseIterable {
  // Of a file that is read.

  /// The format's name.
  case format
  /// Which of a file's models.
  case entry
  /// A file with the config of Keras weights that have none.
  case config
  /// What is computed, a line.
  case forward
  /// Modules that are run, in order.
  case modules
  /// Rules `OLD=NEW` for tensors' names.
  case renames
  /// A file of such rules.
  case mapping
  case batchFirst
  case nonlinearity
  case headActivation
  /// A `Departure.Kind` to go on without.
  case ignored
  /// Seconds in which reading HDF5 must get further.
  case timeout

  // Of a run.

  /// The arrays that go in.
  case inputs
  /// A file for the state that a run leaves.
  case savedState
  case threads

  // Of a file that is written.

  /// The format's name.
  case target
  /// The type that parameters are rounded to.
  case elementType
  case noCases
  /// That a file may be replaced.
  case force
  /// A file for the class that computes what a state_dict is of.
  case code

  // Ways to look.

  /// The list of formats.
  case formats
  /// What is in a file.
  case inspect
  /// Reference cases, replayed.
  case verify
}

/// How one kind of user says things: the command's options, another language's arguments.
public protocol Wording: Sendable {
  /// - Parameter values: What to say it with; empty where any value will do, and for what takes none.
  func words(for option: UserOption, _ values: [String]) -> String
}

/// The package's own: its calls' arguments, `forward: "fc(x)"`.
public struct SwiftWording: Wording {
  public init() {}

  public func words(for option: UserOption, _ values: [String]) -> String {
    let texts = values.map { "\"\($0)\"" }.joined(separator: ", ")
    func argument(_ label: String) -> String { values.isEmpty ? label : "\(label): \(texts)" }
    return switch option {
    case .format, .target: argument("as")
    case .entry: argument("entry")
    case .config: argument("config")
    case .forward: argument("forward")
    case .modules: values.isEmpty ? "modules" : "modules: [\(texts)]"
    case .renames, .mapping: values.isEmpty ? "mapping" : values.map { "mapping.add(\"\($0)\")" }.joined(separator: ", ")
    case .batchFirst: "batchFirst: true"
    case .nonlinearity: values.isEmpty ? "nonlinearity" : "nonlinearity: .\(values[0])"
    case .headActivation: "headActivation"
    case .ignored:
      values.isEmpty ? "ignoring"
        : "ignoring: [\(values.compactMap(Departure.Kind.init(rawValue:)).map { ".\($0)" }.joined(separator: ", "))]"
    case .timeout: argument("timeout")
    case .inputs: "Plan.run"
    case .savedState: "State.write"
    case .threads: argument("threads")
    case .elementType: "Conversion.round(to:)"
    case .noCases: "Conversion.removeCases()"
    case .force: "replacing: true"
    case .code: "Model.torchCode()"
    case .formats: "FormatRegistry.formats"
    case .inspect: "ModelFile.report()"
    case .verify: "Verification"
    }
  }
}
