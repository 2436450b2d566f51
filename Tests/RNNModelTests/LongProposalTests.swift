import RNNModel
import Testing

@Suite struct LongProposalTests {
  /// Twelve layers are 48 names: one says how they go, a file takes them all.
  @Test func namesOneOfManyRenames() throws {
    let tensors = (0..<12).flatMap { layer in
      [("enc\(layer)_w_ih", [15, layer == 0 ? 3 : 5]), ("enc\(layer)_w_hh", [15, 5]), ("enc\(layer)_b_ih", [15]),
        ("enc\(layer)_b_hh", [15])]
    }
    let error = #expect(throws: RNNError.self) { _ = try Interpretation(archive(tensors)) }
    #expect(error?.remedy
      == "if these are recurrent, write all 48 names into a file for --mapping, 'enc0_w_ih' as 'gru.weight_ih_l0' and so on")
  }
}
