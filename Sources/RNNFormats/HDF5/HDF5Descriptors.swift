/// The descriptors that `rnn-hdf5` is started with, beside standard error. It opens nothing itself.
package enum HDF5Descriptors {
  /// The HDF5 file to be read, or the message that says what to write.
  package static let input: Int32 = 3
  /// An empty file, for the message that answers.
  package static let answer: Int32 = 4
  /// An empty file: room for what is unpacked, or the HDF5 file to be written.
  package static let output: Int32 = 5
  /// A pipe that takes `readySign` first, when the program has started well and not yet looked at the file, and
  /// `progressSign` for each `HDF5Progress.unit` of work done.
  package static let progress: Int32 = 6

  /// Another one where the two programs no longer understand each other.
  package static let readySign = UInt8(ascii: "1")
  package static let progressSign = UInt8(ascii: ".")

  /// What it exits with where not even an error can be written.
  package static let noRoomStatus: Int32 = 74
  /// Where it is started in another way than this.
  package static let misuseStatus: Int32 = 64

  /// The program's only argument.
  package enum Job: String {
    case read, write
  }
}

/// How work is counted that shows that a file is being read and libhdf5 does not go round in circles.
package enum HDF5Progress {
  /// Points that make a sign of life.
  package static let unit = 4 << 20
  /// Points for a link or an attribute; a byte of a dataset is one point.
  package static let pointsPerObject = 1024
}
