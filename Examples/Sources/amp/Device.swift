import Foundation
import RNNKit

/// Stands for an audio device: a thread of its own that wants block after block, each before the next is due.
///
/// `@unchecked Sendable`: its thread alone uses what it holds, until `play` has returned.
final class Device: @unchecked Sendable {
  private let amp: Amp
  private let input: [Float]
  private let frames: Int
  private let isDone = DispatchSemaphore(value: 0)
  /// Valid once `play` has returned.
  private(set) var output: [Float]
  private(set) var longestBlock = Duration.zero
  private(set) var failure: RNNError?

  init(_ amp: Amp, input: [Float], frames: Int) {
    self.amp = amp
    self.input = input
    self.frames = frames
    output = [Float](repeating: 0, count: input.count)
  }

  /// Plays all of the input on the device's thread and waits for its end.
  func play() {
    let thread = Thread { [self] in callBack() }
    thread.qualityOfService = .userInteractive
    thread.start()
    isDone.wait()
  }

  private func callBack() {
    defer { isDone.signal() }
    let clock = ContinuousClock()
    input.withUnsafeBufferPointer { source in
      output.withUnsafeMutableBufferPointer { target in
        guard let from = source.baseAddress, let to = target.baseAddress else { return }
        for start in stride(from: 0, to: source.count, by: frames) {
          let begin = clock.now
          do throws(RNNError) {
            try amp.process(from + start, to + start, frames: min(frames, source.count - start))
          } catch {
            failure = error
            return
          }
          longestBlock = max(longestBlock, clock.now - begin)
        }
      }
    }
  }
}
