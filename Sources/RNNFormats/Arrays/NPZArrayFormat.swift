import RNNModel

/// NumPy's file of named arrays, stored or compressed. Written uncompressed; see `NPYFormat` for the types.
public enum NPZArrayFormat: ArrayFormat {
  public static let name = "npz"
  public static let fileExtensions = ["npz"]
  public static let holdsOneArray = false

  public static func recognizes(_ file: InputFile) -> Bool {
    file.withUnsafeBytes(ZipArchive.begins)
  }

  public static func read(_ file: InputFile) throws(RNNError) -> [NamedTensor] {
    try NPZArrays.read(file)
  }

  public static func write(_ output: ArrayOutput, to file: inout OutputFile) throws(RNNError) {
    var members: [NamedTensor] = []
    for member in output.members { members.append(NamedTensor(member.name, try NPYFormat.widened(member.tensor))) }
    try NPZArrays.write(members, to: &file)
  }
}
