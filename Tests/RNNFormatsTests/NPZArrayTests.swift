import RNNFormats
import RNNModel
import Testing

@Suite struct NPZArrayTests {
  @Test(arguments: ["stored.npz", "deflated.npz"])
  func readsWhatNumPyWrote(_ name: String) throws {
    let arrays = try ArrayRegistry.standard.read(try Fixture.file(name))
    #expect(arrays.map(\.name) == ["input", "h0", "lengths"])
    let input = try makeTensor((0..<24).map { Float($0) / 4 }, [2, 3, 4])
    #expect(arrays["input"]?.isIdentical(to: input) == true)
    #expect(arrays["h0"]?.isIdentical(to: try makeTensor([0, 1, 2, 3, 4, 5] as [Double], [2, 3])) == true)
    #expect(arrays["lengths"]?.isIdentical(to: try makeTensor([2, 1] as [Int64], [2])) == true)
  }

  @Test func writesEveryMember() throws {
    let members = [
      NamedTensor("output", try makeTensor([1, 2] as [Float], [1, 2])),
      NamedTensor("lstm.hn", try makeTensor([1] as [Int64], [1])),
      NamedTensor("half", try makeTensor(.bfloat16, [1], bytes: [0x80, 0x3F])),
    ]
    let bytes = try written { try NPZArrayFormat().write(ArrayOutput(members: members, end: members[0].tensor), to: &$0) }
    let arrays = try ArrayRegistry.standard.read(bytes.file)
    #expect(arrays.map(\.name) == ["output", "lstm.hn", "half"])
    #expect(arrays["output"]?.isIdentical(to: members[0].tensor) == true)
    #expect(arrays["lstm.hn"]?.isIdentical(to: members[1].tensor) == true)
    #expect(arrays["half"]?.isIdentical(to: try makeTensor([1] as [Float], [1])) == true)
  }

  @Test func refusesMembersThatAreNoArrays() {
    #expect(refusal { _ = try ArrayRegistry.standard.read(ZipBytes().bytes.file) }
      == "test: member a: it is no .npy file; keep only arrays in the file")
  }

  @Test func namesTheDamagedMember() {
    #expect(refusal { _ = try ArrayRegistry.standard.read(ZipBytes(ZipBytes.Member(name: "a.npy")).bytes.file) }
      == "test: member a.npy, offset 0: the file ends inside the magic of a .npy file: 6 bytes expected, 5 left; "
      + "copy the file again; it is cut short or damaged")
  }
}
