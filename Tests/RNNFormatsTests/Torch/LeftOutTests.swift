import RNNFormats
import Testing

@Suite struct LeftOutTests {
  /// Tensors beside the state_dict have no path of their own.
  @Test func namesTensorsBesideTheStateDict() throws {
    let archive = try TorchFormat().read(Fixture.file("torch/beside_state_dict.pt"))
    #expect(archive.tensors.count == 4)
    #expect(archive.notes == [
      "the state_dict is ['state_dict'] of the checkpoint", "tensors left out: ['mean']",
    ])
  }
}
