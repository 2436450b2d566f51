import RNNKit

/// The command's own words: its options.
package struct CommandWording: Wording {
  package init() {}

  package func words(for option: UserOption, _ values: [String]) -> String {
    let name =
      switch option {
      case .format: "from"
      case .entry: "state-dict"
      case .config: "config"
      case .forward: "forward"
      case .modules: "module"
      case .renames: "rename"
      case .mapping: "mapping"
      case .batchFirst: "batch-first"
      case .nonlinearity: "nonlinearity"
      case .headActivation: "head-activation"
      case .ignored: "ignore"
      case .timeout: "timeout"
      case .savedState: "state-out"
      case .threads: "threads"
      case .target: "to"
      case .elementType: "dtype"
      case .noCases: "no-cases"
      case .force: "force"
      case .code: "code"
      case .inputs: "'rnn run --input'"
      case .formats: "'rnn formats'"
      case .inspect: "'rnn inspect'"
      case .verify: "'rnn verify'"
      }
    guard !name.hasPrefix("'") else { return name }
    return values.isEmpty ? "--\(name)" : values.map { "--\(name) \($0.shellWord)" }.joined(separator: " ")
  }
}

extension RNNError.Kind {
  /// What the command exits with, as in sysexits.h.
  var exitStatus: Int32 {
    switch self {
    case .usage: 64
    case .badData: 65
    case .missingInput: 66
    case .defect: 70
    case .cannotCreate: 73
    case .inputOutput: 74
    }
  }
}
