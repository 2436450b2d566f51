// Runs the code of RNNKit's articles; Examples/run.sh puts it beside this file. It runs from the root of the repository.
import Foundation
import RNNKit

do {
  let folder = CommandLine.arguments[1]
  let source = "SampleModels/sunspots/sunspots.rnn", model = try ModelFile.open(source).model
  print("first result", try firstResult(source).count)

  // A model written as text and read again computes the same bits.
  let text = "\(folder)/copy.rnntext", copy = "\(folder)/copy.rnn"
  try convertText(source, to: text)
  try convertText(text, to: copy)
  let samples: [Float] = [0.1, 0.2, 0.3, 0.4]
  let whole = try score(model, samples), streamed = try stream(model, samples)
  guard whole == streamed || whole == Array(streamed.suffix(whole.count)) else { fatalError("streaming gives other numbers") }
  let again = try score(ModelFile.open(copy).model, samples)
  guard whole == again else { fatalError("a text file gives other numbers") }

  // Defects of a text file are refused, each with its line.
  let bad = "\(folder)/bad.rnntext"
  for (content, expected) in [
    ("RNNTEXT 1\nx", "line 2"), ("RNNTEXT 1\nx 2x2 1 2 3", "line 2"), ("RNNTEXT 1\nx -1 1", "line 2"), ("RNNTEXT 2\n", "format"),
    ("RNNTEXT 1\nx 99999999999x99999999999 1", "line 2"), ("RNNTEXT 1\nx 1 1\nx 1 1", "tensor x"),
  ] {
    try content.write(toFile: bad, atomically: true, encoding: .utf8)
    do {
      try convertText(bad, to: copy)
      fatalError("not refused: \(content)")
    } catch { guard "\(error)".contains(expected) else { fatalError("\(content): \(error)") } }
  }

  try convert(source, to: copy)
  guard try verify(copy) else { fatalError("a copy does not verify") }
  try halve(source, to: copy)
  let input = try Tensor(samples, shape: [4, 1])
  guard let y = try Plan(model).run(input).last else { fatalError("no output") }
  try keep(input, y, with: source, in: copy)
  guard try verify(copy) else { fatalError("an added case does not verify") }
  print("articles: done")
} catch {
  print(error.localizedDescription)
  exit(65)
}
