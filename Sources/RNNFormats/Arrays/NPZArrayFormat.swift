import RNNModel

/// NumPy's file of named arrays, stored or compressed. Written uncompressed; see `NPYFormat` for the types.
public struct NPZArrayFormat: ArrayFormat {
  public let name = "npz"
  public let fileExtensions = ["npz"]
  public let holdsOneArray = false

  public init() {}

  public func recognizes(_ file: InputFile) -> Bool {
    file.withUnsafeBytes(ZipArchive.begins)
  }

  public func read(_ file: InputFile) throws(RNNError) -> [NamedTensor] {
    try NPZArrays.read(file.zip())
  }

  public func write(_ output: ArrayOutput, to file: inout OutputFile) throws(RNNError) {
    var members: [NamedTensor] = []
    for member in output.members { members.append(NamedTensor(member.name, try NPYFormat.widened(member.tensor))) }
    try NPZArrays.write(members, to: &file)
  }
}
