import CHDF5
import RNNFormats

/// Why something in a file cannot be read, and what the user can do about it.
struct HDF5Obstacle {
  let loss: HDF5Tree.Unreadable.Loss
  /// `a compound type`
  let reason: String
  /// Empty if no numbers are lost.
  let remedy: String

  /// A loss of numbers, which may be a parameter's.
  private init(_ reason: String, remedy: String) {
    (loss, self.reason, self.remedy) = (.numbers, reason, remedy)
  }

  /// Another kind of loss.
  init(_ loss: HDF5Tree.Unreadable.Loss, _ reason: String) {
    (self.loss, self.reason, remedy) = (loss, reason, "")
  }

  // MARK: Links

  static func externalLink(_ path: String) -> HDF5Obstacle {
    HDF5Obstacle("a link to another file", remedy: "copy what it leads to into this file: " + inH5py(
      "f.copy(f[\(quoted(path))], \"copy\"); del f[\(quoted(path))]; f.move(\"copy\", \(quoted(path)))"))
  }

  static func softLink(_ path: String) -> HDF5Obstacle {
    HDF5Obstacle("a soft link that leads nowhere in this file",
      remedy: "put into the file what it names, or remove it: " + inH5py("del f[\(quoted(path))]"))
  }

  static let userLink = HDF5Obstacle("a user-defined link",
    remedy: "put what it leads to in its place, with the program that made it")

  static let badName = HDF5Obstacle("a name that is not UTF-8", remedy: "rename it: h5py's f.move(old, new)")

  static let unknownObject = HDF5Obstacle("an object of an unknown type",
    remedy: "write it as a dataset of numbers, with the program that made it")

  // MARK: Where the numbers are

  private static let repack = "copy the numbers into it, in the folder where the other files are: h5repack -l CONTI IN OUT"

  static let virtual = HDF5Obstacle("a virtual dataset, whose data is elsewhere", remedy: repack)

  static let external = HDF5Obstacle("a dataset whose data is in another file", remedy: repack)

  static let unknownLayout = HDF5Obstacle("a dataset in an unknown layout",
    remedy: "write it as a contiguous one: h5repack -l CONTI IN OUT, of a newer HDF5")

  /// A compression that this libhdf5 cannot decompress.
  static func filter(_ number: Int, _ name: String) -> HDF5Obstacle {
    // Some plugins have a whole sentence as their name.
    let name = name.split(separator: ";").first.map { String($0.prefix(60)) } ?? ""
    let remedy =
      switch number {
      case 4: "unpack the file with an HDF5 that has szip: h5repack -f NONE IN OUT"
      case _ where packaged.contains(number):
        "unpack the file with the plugin: pip install hdf5plugin, then HDF5_PLUGIN_PATH=$(python3 -c 'import hdf5plugin; "
          + "print(hdf5plugin.PLUGIN_PATH)') h5repack -f NONE IN OUT"
      default: "write it again without the filter, with the program that wrote it"
      }
    return HDF5Obstacle(
      "a dataset compressed with filter \(number)\(name.isEmpty ? "" : " (\(name))"), which RNNKit does not read",
      remedy: remedy)
  }

  /// Filter numbers of Python's hdf5plugin: bzip2, blosc, lz4, bitshuffle, zfp, zstd, sz, fcidecomp, sz3, blosc2,
  /// sperr.
  private static let packaged: Set = [307, 32001, 32004, 32008, 32013, 32015, 32017, 32018, 32024, 32026, 32028]

  // MARK: Types

  /// A dataset of a type that no tensor has.
  static func type(_ type: hid_t, _ path: String) -> HDF5Obstacle {
    let reason = HDF5Datatype.unsupportedReason(type)
    func again(_ expression: String) -> String {
      let name = quoted(path)
      return inH5py("v = f[\(name)][()]; del f[\(name)]; f[\(name)] = \(expression)")
    }
    let remedy =
      switch H5Tget_class(type) {
      case H5T_FLOAT: "write it as float64: " + again("v.astype(\"f8\")")
      case H5T_INTEGER, H5T_ENUM: "write it as int64: " + again("v.astype(\"i8\")")
      case H5T_BITFIELD: "write it as unsigned integers: " + again("v.astype(\"u8\")")
      case H5T_COMPOUND:
        "write each of its fields as a dataset of its own: "
          + inH5py("v = f[\(quoted(path))][()]; del f[\(quoted(path))]; f.update({\(quoted(path)) + \"/\" + n: v[n] "
            + "for n in v.dtype.names})")
      case H5T_VLEN: "write each of its lists as a dataset of its own"
      case H5T_REFERENCE: "remove it, since references are no numbers: " + inH5py("del f[\(quoted(path))]")
      default: "write it as a type of numbers, with the program that made it"
      }
    return HDF5Obstacle(reason, remedy: remedy)
  }

  private static func inH5py(_ code: String) -> String { "in h5py, f = h5py.File(IN, \"r+\"); \(code)" }

  /// The path as a Python string literal.
  private static func quoted(_ path: String) -> String { "\"\(path.pythonText)\"" }
}
