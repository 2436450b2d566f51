// Plays two seconds of a plucked string through a model, 64 frames at a time, and compares with a run of the whole:
//
//   swift run -c release --package-path Examples amp SampleModels/sunspots/sunspots.rnn
import Foundation
import RNNKit

let rate = 48_000.0, frames = 64
guard CommandLine.arguments.count == 2 else {
  print("usage: amp model.rnn")
  exit(64)
}
do {
  let model = try ModelFile.open(CommandLine.arguments[1]).model
  let string = (0..<96_000).map { frame in
    let time = Double(frame) / rate
    return Float(exp(-3 * time) * sin(2 * .pi * 110 * time) * 0.5)
  }
  let device = Device(try Amp(model), input: string, frames: frames)
  device.play()
  if let failure = device.failure { throw failure }

  let whole = try Plan(model).run(Tensor(string, shape: [string.count, 1])).last?.floats
  print("\(string.count) frames in blocks of \(frames): \(device.output == whole ? "the bits of the whole run" : "NOT the whole run's bits")")
  print("the longest block took \(device.longestBlock), of \(Duration.seconds(Double(frames) / rate)) that there are")
  exit(device.output == whole ? 0 : 1)
} catch {
  print(error.localizedDescription)
  exit(65)
}
