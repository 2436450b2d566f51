import RNNModel
import Testing

@Suite struct ParameterNameTests {
  @Test(arguments: [
    "weight_ih_l0", "weight_hh_l1", "bias_ih_l0_reverse", "bias_hh_l12", "weight_hr_l3_reverse", "weight_ih", "bias_hh",
  ])
  func readsAndWritesPyTorchsNames(_ text: String) throws {
    let name = try #require(ParameterName(parsing: text))
    #expect(name.description == text)
  }

  @Test(arguments: [
    "", "weight", "weight_ih_", "weight_ih_l", "weight_ih_l01", "weight_ih_l-1", "weight_ih_l0_", "weight_ih_l0_Reverse",
    "weight_ih_reverse", "weight_ih_l4096", "weight_ih_l99999999999999999999", "weight_ih_l٣", "bias_hr_l0",
  ])
  func refusesOtherNames(_ text: String) {
    #expect(ParameterName(parsing: text) == nil)
  }
}
