/// The descriptors that `rnn-hdf5` inherits, in addition to standard error. It opens nothing itself.
package enum HDF5Descriptors {
  /// The HDF5 file to read, or the message that says what to write.
  package static let input: Int32 = 3
  /// An empty file for the answer.
  package static let answer: Int32 = 4
  /// An empty file: space for unpacked datasets, or the HDF5 file to write.
  package static let output: Int32 = 5
  /// A pipe. The program writes `readySign` when it has started and not yet parsed the file, then `progressSign` for each
  /// `HDF5Progress.unit` of work.
  package static let progress: Int32 = 6

  /// Changes whenever the two programs become incompatible.
  package static let readySign = UInt8(ascii: "1")
  package static let progressSign = UInt8(ascii: ".")

  /// The exit status if not even an error can be written.
  package static let noRoomStatus: Int32 = 74
  /// The exit status if the program is started in any other way.
  package static let misuseStatus: Int32 = 64

  /// The program's only argument.
  package enum Job: String {
    case read, write
  }
}

/// Counts work as evidence that reading makes progress and libhdf5 is not in an endless loop.
package enum HDF5Progress {
  /// Points per progress sign.
  package static let unit = 4 << 20
  /// Points for a link or an attribute; a byte of a dataset is one point.
  package static let pointsPerObject = 1024
}
