import CBuild
import RNNKit
import RNNONNX

/// What `rnn --version` says.
enum Version {
  /// Of the command and the library.
  static let number = "0.1.0"

  /// The number, then what a report of a defect should tell: a line each.
  static var text: String {
    let commit = String(cString: rnnkit_build_commit())
    let instructions: String
    do throws(RNNError) { instructions = try InstructionSet.preferred.rawValue } catch { instructions = "none: \(error)" }
    let hdf5 = HDF5Process.libraryVersion.map { "HDF5 \($0)" } ?? "no HDF5: rnn-hdf5 cannot be started"
    let libraries = FormatLibraries.versions + [FormatLibraries.protobuf, hdf5]
    var table = Table()
    table.add("commit", commit.isEmpty ? "not recorded by the build" : commit)
    table.add("instruction set", instructions)
    table.add("libraries", libraries.joined(separator: ", "))
    return "rnn \(number)\n" + table.text
  }
}
