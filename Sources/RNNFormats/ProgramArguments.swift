import CProcess
import RNNModel

/// What a program was called with.
package enum ProgramArguments {
  /// The program's name and its arguments, as text that stands for their bytes; see `String.init(fileName:)`. They come
  /// from `main` where the C library tells. The standard library's come from /proc, which need not be there, and are
  /// repaired where they are not UTF-8. Empty where neither has them.
  package static let all: [String] = {
    let count = Int(rnn_argument_count())
    guard count > 0 else { return CommandLine.arguments }
    return (0..<count).compactMap { rnn_argument(Int32($0)).map { String(systemPath: $0) } }
  }()
}
