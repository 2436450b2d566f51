/// `Schemas/pairs.md`.
struct PairDocument {
  private let rows: [PairTests.Row]

  init(_ rows: [PairTests.Row]) {
    self.rows = rows
  }

  var text: String {
    let writers = PairSources.writers.map(\.name)
    var text = """
      # From every container to every other

      This page is written by a test, which fails where it is no longer so (`make pairs` writes it again). Each model in the
      container on the left is read, written as the container above, and read again; then its parameters are compared with
      those read at first. A number alone counts models whose parameters came back bit for bit. The others count models that
      the container above cannot hold as they are, each model under every word that fits:

      - *summed*: Keras' LSTM, SimpleRNN and GRU with reset_after=False and RTNeural's LSTM have one bias. It is bias_ih +
        bias_hh, and bias_hh comes back as zero. A bias_hh of zero is no change.
      - *retyped*: Keras has no half precision here, RTNeural float32 alone. The values are the same; those that do not fit
        are refused.
      - *filled*: RTNeural's layers always have biases; where there are none, zeros come back.
      - *refused*: the container has no such thing, and the command names it; see below.

      `rnn convert` says all of it. No other difference is allowed by the test.

      Containers but Keras' and RTNeural's also give back everything else: architecture, reference cases, metadata, and
      tensors that are no part of the chain, all of it bit for bit. What those two leave out is said when they are written.

      The first \(writers.count) rows are the samples as RNNKit writes them; the others are files of other programs, or made as
      these make them.


      """
    text += table([["read \\ written"] + writers] + rows.map { [$0.container] + $0.cells.map(\.text) })
    text += "\n## What is refused\n\n"
    var reasons: [[String]] = [["container", "what it has not", "models refused, over all rows"]]
    for (index, writer) in writers.enumerated() {
      var counts: [String: Int] = [:]
      for row in rows { counts.merge(row.reasons[index], uniquingKeysWith: +) }
      for (reason, count) in counts.sorted(by: { $0.key < $1.key }) { reasons.append([writer, reason, "\(count)"]) }
    }
    return text + table(reasons)
  }

  /// A table of Markdown, the first row its head.
  private func table(_ rows: [[String]]) -> String {
    var lines = rows.map { "| " + $0.joined(separator: " | ") + " |" }
    lines.insert("|" + String(repeating: "---|", count: rows[0].count), at: 1)
    return lines.joined(separator: "\n") + "\n"
  }
}
