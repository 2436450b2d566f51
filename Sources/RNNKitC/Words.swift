import CRNNKit
import RNNKit

/// Whose words an error or a report has for what can be said: `options.forward = "fc(x)"` in C, `forward='fc(x)'` in Python.
/// See RNNKIT_WORDS_C of rnnkit.h.
package enum Words: Int32, CaseIterable, Wording {
  case c = 0
  case python = 1

  init(_ number: Int32) throws(RNNError) {
    guard let words = Words(rawValue: number) else {
      throw RNNError(.usage, place: "words", "it is \(number)", remedy: "use RNNKIT_WORDS_C or RNNKIT_WORDS_PYTHON")
    }
    self = words
  }

  package func words(for option: UserOption, _ values: [String]) -> String {
    guard let member = member(option) else { return call(option) }
    let texts = values.map { quoted($0) }.joined(separator: ", ")
    switch self {
    case .c:
      let name = "options.\(member.name)"
      return values.isEmpty ? name : "\(name) = \(member.isList ? "{\(texts)}" : texts)"
    case .python:
      let isFlag = [.batchFirst, .noCases, .force].contains(option)
      let unsaid = isFlag ? "True" : member.isList ? "[...]" : "..."
      return "\(member.name)=\(values.isEmpty ? unsaid : member.isList ? "[\(texts)]" : texts)"
    }
  }

  private func quoted(_ text: String) -> String {
    let quote = self == .c ? "\"" : "'"
    return quote + text.replacing("\\", with: "\\\\").replacing(quote, with: "\\" + quote) + quote
  }

  /// The member of a struct of options, in Python the argument; nil for what is none.
  private func member(_ option: UserOption) -> (name: String, isList: Bool)? {
    switch option {
    case .format, .target: ("format", false)
    case .entry: ("state_dict", false)
    case .config: ("config", false)
    case .forward: ("forward", false)
    case .modules: ("modules", true)
    case .renames: ("renames", true)
    case .batchFirst: ("batch_first", false)
    case .nonlinearity: ("nonlinearity", false)
    case .headActivation: ("head_activation", false)
    case .ignored: (self == .c ? "ignored" : "ignore", true)
    case .timeout: ("timeout", false)
    case .threads: ("threads", false)
    case .elementType: ("dtype", false)
    case .noCases: ("no_cases", false)
    case .force: ("force", false)
    case .mapping, .inputs, .savedState, .code, .formats, .inspect, .verify: nil
    }
  }

  /// What does it where no option does.
  private func call(_ option: UserOption) -> String {
    switch option {
    case .inputs: self == .c ? "rnnkit_run" : "Model.run"
    case .savedState: self == .c ? "rnnkit_state_save" : "State.save"
    case .inspect: self == .c ? "rnnkit_describe" : "Model.describe"
    case .verify: self == .c ? "rnnkit_verify" : "Model.verify"
    // The command is installed with the library.
    case .code: "'rnn convert' and its code"
    case .mapping: "'rnn convert' and a mapping"
    default: "'rnn formats'"
    }
  }
}
