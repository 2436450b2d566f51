import CRNNKit
import RNNKit

/// Whose words an error or a report has for what can be said; see RNNKIT_WORDS_C of rnnkit.h.
enum Words: Int32, CaseIterable, Wording {
  case c = 0
  case python = 1

  init(_ number: Int32) throws(RNNError) {
    guard let words = Words(rawValue: number) else {
      throw RNNError(.usage, place: "words", "it is \(number)", remedy: "use RNNKIT_WORDS_C or RNNKIT_WORDS_PYTHON")
    }
    self = words
  }

  func words(for option: UserOption, _ values: [String]) -> String {
    switch self {
    case .c: CWording().words(for: option, values)
    case .python: PythonWording().words(for: option, values)
    }
  }
}

extension UserOption {
  /// The member of a struct of options, and how it is called in Python; nil for what is none.
  fileprivate var member: (c: String, python: String, isList: Bool)? {
    switch self {
    case .format, .target: ("format", "format", false)
    case .entry: ("state_dict", "state_dict", false)
    case .config: ("config", "config", false)
    case .forward: ("forward", "forward", false)
    case .modules: ("modules", "modules", true)
    case .renames: ("renames", "renames", true)
    case .batchFirst: ("batch_first", "batch_first", false)
    case .nonlinearity: ("nonlinearity", "nonlinearity", false)
    case .headActivation: ("head_activation", "head_activation", false)
    case .ignored: ("ignored", "ignore", true)
    case .timeout: ("timeout", "timeout", false)
    case .threads: ("threads", "threads", false)
    case .elementType: ("dtype", "dtype", false)
    case .noCases: ("no_cases", "no_cases", false)
    case .force: ("force", "force", false)
    case .mapping, .inputs, .savedState, .code, .formats, .inspect, .verify: nil
    }
  }
}

/// C's: `options.forward = "fc(x)"`.
package struct CWording: Wording {
  package init() {}

  package func words(for option: UserOption, _ values: [String]) -> String {
    guard let member = option.member else {
      return switch option {
      case .inputs: "rnnkit_run"
      case .savedState: "rnnkit_state_save"
      case .inspect: "rnnkit_describe"
      case .verify: "rnnkit_verify"
      // The command is installed with the library.
      case .code: "'rnn convert' and its code"
      case .mapping: "'rnn convert' and a mapping"
      default: "'rnn formats'"
      }
    }
    guard !values.isEmpty else { return "options.\(member.c)" }
    let texts = values.map { "\"\($0.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\"" }.joined(separator: ", ")
    return "options.\(member.c) = \(member.isList ? "{\(texts)}" : texts)"
  }
}

/// Python's: `forward='fc(x)'`.
package struct PythonWording: Wording {
  package init() {}

  package func words(for option: UserOption, _ values: [String]) -> String {
    guard let member = option.member else {
      return switch option {
      case .inputs: "Model.run"
      case .savedState: "State.save"
      case .inspect: "Model.describe"
      case .verify: "Model.verify"
      case .code: "'rnn convert' and its code"
      case .mapping: "'rnn convert' and a mapping"
      default: "'rnn formats'"
      }
    }
    let isFlag = [.batchFirst, .noCases, .force].contains(option)
    guard !values.isEmpty else { return "\(member.python)=\(isFlag ? "True" : member.isList ? "[...]" : "...")" }
    let texts = values.map { "'\($0.replacing("\\", with: "\\\\").replacing("'", with: "\\'"))'" }.joined(separator: ", ")
    return "\(member.python)=\(member.isList ? "[\(texts)]" : texts)"
  }
}
