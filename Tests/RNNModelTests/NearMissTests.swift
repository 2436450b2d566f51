import RNNModel
import Testing

/// What is proposed, and not proposed, for recurrent layers under names of their own.
@Suite struct NearMissTests {
  static let noProposal = """
    choose a file with an RNN, LSTM or GRU, or where one is under other names, say which with \
    mapping OLD=lstm.weight_ih_l0 and so on, or with mapping FILE
    """

  /// The message, and the rules that it proposes.
  private func proposal(_ tensors: [(String, [Int])]) throws -> (message: String, rules: [String]) {
    do {
      _ = try Interpretation(archive(tensors))
      Issue.record("no error")
      return ("", [])
    } catch let error as RNNError {
      let rules = error.remedy?.pieces.flatMap { piece -> [String] in
        if case .option(.renames, let rules) = piece { rules } else { [] }
      }
      return (error.description, rules ?? [])
    }
  }

  private func gru(_ prefix: String, input: Int = 8, _ hidden: Int = 8) -> [(String, [Int])] {
    [(prefix + "_w_ih", [3 * hidden, input]), (prefix + "_w_hh", [3 * hidden, hidden]), (prefix + "_b_ih", [3 * hidden]),
      (prefix + "_b_hh", [3 * hidden])]
  }

  @Test func namesEncoderAndDecoderApart() throws {
    let (message, rules) = try proposal(
      [("enc_emb", [6, 8]), ("dec_emb", [6, 8])] + gru("enc") + gru("dec") + [("fc_w", [5, 8]), ("fc_b", [5])])
    #expect(rules.prefix(2) == ["enc_w_ih=enc.weight_ih_l0", "enc_w_hh=enc.weight_hh_l0"])
    #expect(rules.suffix(2) == ["dec_b_ih=dec.bias_ih_l0", "dec_b_hh=dec.bias_hh_l0"] && rules.count == 8)
    #expect(message.hasSuffix("; leaves out enc_emb (6, 8), dec_emb (6, 8), fc_w (5, 8), fc_b (5,))"), "\(message)")
  }

  @Test func asksForNoNamesWhereNoTensorMayBeRecurrent() throws {
    let perceptron = [("0.weight", [7, 12]), ("0.bias", [7]), ("2.weight", [3, 7]), ("2.bias", [3])]
    #expect(try proposal(perceptron).message.hasSuffix("; choose a file with an RNN, LSTM or GRU"))
    for hidden in [[5, 5], [15, 5], [20, 5], [5, 20]] {
      #expect(try proposal(perceptron + [("w", hidden)]).message.hasSuffix("; " + Self.noProposal))
    }
  }

  @Test func stacksOnlyWhatDiffersByANumber() throws {
    func modules(_ tensors: [(String, [Int])]) throws -> [String] {
      try proposal(tensors).rules.filter { $0.contains("weight_ih") }.map { String($0.split(separator: "=")[1]) }
    }
    #expect(try modules(gru("rnn0", input: 4) + gru("rnn1")) == ["gru.weight_ih_l0", "gru.weight_ih_l1"])
    #expect(try modules(gru("rnn", input: 4) + gru("rnn_1")) == ["gru.weight_ih_l0", "gru.weight_ih_l1"])
    // Something stands between them, or one is missing.
    #expect(try modules(gru("rnn0") + gru("rnn1", input: 4)) == ["rnn0.weight_ih_l0", "rnn1.weight_ih_l0"])
    #expect(try modules(gru("rnn0") + gru("rnn2")) == ["rnn0.weight_ih_l0", "rnn2.weight_ih_l0"])
    #expect(try modules(gru("a_fw") + gru("a_bw")) == ["gru.weight_ih_l0", "gru.weight_ih_l0_reverse"])
  }

  @Test(arguments: [
    // MLPs, a transformer, embeddings.
    [("network.0.weight", [8, 5]), ("network.0.bias", [8]), ("network.3.weight", [8, 8]), ("network.3.bias", [8])],
    [("input.weight", [8, 5]), ("hidden.weight", [8, 8]), ("output.weight", [2, 8])],
    [("self_attn.in_proj_weight", [24, 8]), ("self_attn.in_proj_bias", [24]), ("self_attn.out_proj.weight", [8, 8]),
      ("linear1.weight", [16, 8]), ("linear2.weight", [8, 16])],
    [("w_q", [8, 8]), ("w_k", [8, 8]), ("w_v", [8, 8])],
    // Names that say nothing.
    [("A", [20, 3]), ("Bx", [20, 5]), ("c", [20]), ("d", [20])],
  ] as [[(String, [Int])]])
  func proposesNothingForWhatIsNoRNN(_ tensors: [(String, [Int])]) throws {
    let message = try proposal(tensors).message
    #expect(message.hasPrefix("no recurrent layer: no tensor is named like weight_ih_l0, but \(tensors[0].0) ("))
    #expect(message.hasSuffix("; " + Self.noProposal), "\(message)")
  }

  @Test(arguments: [
    ([("kernel", [3, 20]), ("recurrent_kernel", [5, 20]), ("bias", [20])], "rows and columns exchanged"),
    ([("w_ih", [15, 3]), ("w_hh", [15, 5]), ("b", [15])], "b is a GRU's only bias"),
    ([("W", [20, 5]), ("U", [20, 5])], "which of W and U takes the input is not clear"),
    ([("w_ih", [20, 3]), ("w_hh", [20, 5]), ("b_ih", [2, 20])], "which biases of w_hh are which is not clear"),
    ([("W_xh", [5, 3]), ("W_hh", [5, 5]), ("W_xz", [5, 3]), ("W_hz", [5, 5])], "each gate may have its own"),
    ([("bw_w_ih", [20, 3]), ("bw_w_hh", [20, 5])], "runs backwards without"),
    ([("lstm_w_ih", [15, 3]), ("lstm_w_hh", [15, 5])], "has 3 gates, and its name says otherwise"),
    ([("a*_w_ih", [20, 3]), ("a*_w_hh", [20, 5])], "must be named"),
  ] as [([(String, [Int])], String)])
  func saysWhyNothingIsProposed(_ tensors: [(String, [Int])], _ doubt: String) throws {
    let (message, rules) = try proposal(tensors)
    #expect(rules.isEmpty && message.contains(doubt), "\(message)")
  }

  @Test func staysBounded() throws {
    let tensors = (0..<500).flatMap { gru("layer\($0 * 2)", 1) }
    let (message, rules) = try proposal(tensors)
    #expect(rules.count == 96 && message.utf8.count < 10_000)
  }

  @Test(arguments: [
    ([], "none"), (["a"], "a"), ([""], "(unnamed)"), (Array(repeating: "a", count: 8), "a, a, a, a, a, a, a, a"),
    (Array(repeating: "a", count: 20_000), "a, a, a, a, a, a, a, a and 19,992 more"),
  ])
  func listsNames(_ names: [String], _ text: String) {
    #expect(names.listed() == text)
  }
}
