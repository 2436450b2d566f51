// swift run --package-path Examples tour SampleModels/sunspots/sunspots.h5 copy.rnn
import Foundation
import RNNKit

guard CommandLine.arguments.count == 3 else {
  print("usage: tour model.h5 copy.rnn")
  exit(64)
}
do {
  let input = try Tensor([0.1, 0.2, 0.3, 0.4], shape: [4, 1])
  if let result = try tour(CommandLine.arguments[1], input, keep: CommandLine.arguments[2]) { print(result) }
} catch {
  print(error.localizedDescription)
  exit(65)
}
