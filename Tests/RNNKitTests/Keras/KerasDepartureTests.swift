import Foundation
import RNNFormats
import RNNHDF5
import RNNKit
import Testing

private let masks = "and RNNKit masks no steps; "
  + "say ignoring: [.masks] to run every step; first take the masked ones out, those at a sequence's end by lengths"
private let half = "which computes in half precision, and RNNKit does not; "
  + "say ignoring: [.halfPrecision] to compute in float32"

/// What Keras does and RNNKit does not: refused, unless the user says to go on without.
@Suite struct KerasDepartureTests {
  @Test(arguments: [
    ("functional.h5", "layer masking: a Masking of mask_value 0.0, \(masks)"),
    ("functional.keras", "layer masking: a Masking of mask_value 0.0, \(masks)"),
    ("masked_tokens.h5", "layer tokens: mask_zero true, \(masks)"),
    ("masked_tokens.keras", "layer tokens: mask_zero true, \(masks)"),
    ("masked_functional.h5", "layer tokens: mask_zero true, \(masks)"),
    ("masked_functional.keras", "layer tokens: mask_zero true, \(masks)"),
    ("masked_given.h5", "layer given: a mask is given to it, \(masks)"),
    ("masked_given.keras", "layer given: a mask is given to it, \(masks)"),
    ("masked_value.h5", "layer masking: a Masking of mask_value 9.0, \(masks)"),
    ("keras1_masked.h5", "layer masking: a Masking of mask_value -1.0, \(masks)"),
    ("keras2_masked.h5", "layer tokens: mask_zero true, \(masks)"),
    ("half_mixed.h5", "layer both: the policy mixed_float16, \(half)"),
    ("half_mixed.keras", "layer both: the policy mixed_float16, \(half)"),
    ("half_inside.h5", "layer both: the policy mixed_bfloat16, \(half)"),
    ("half_inside.keras", "layer both: the policy mixed_bfloat16, \(half)"),
    ("half_whole.h5", "layer both: the policy float16, \(half)"),
    ("half_whole.keras", "layer both: the policy float16, \(half)"),
    ("half_brain.keras", "layer both: the policy bfloat16, \(half)"),
    ("keras2_half.h5", "layer lstm: the policy mixed_float16, \(half)"),
  ])
  func refusesWhatWouldChangeTheNumbers(name: String, message: String) throws {
    let others = Set(Departure.Kind.allCases).subtracting(name.hasPrefix("half") || name == "keras2_half.h5"
      ? [.halfPrecision] : [.masks])
    for ignored in [[], others] {
      do throws(RNNError) {
        _ = try ModelFile.open(
          KerasFixture.path(name), options: ModelOptions(ignoring: ignored), registry: KerasFixture.registry)
        Issue.record("accepted")
      } catch {
        #expect(error.kind == .badData)
        #expect("\(error)" == "\(KerasFixture.path(name)): \(message)")
      }
    }
    _ = try KerasFixture.open(name, ignoring: Set(Departure.Kind.allCases))
  }

  /// A model cannot be made of what was read by going round the options.
  @Test func makesNoModelOfAnArchiveThatAsksForMore() throws {
    let archive = try KerasFixture.registry.read(InputFile(KerasFixture.path("masked_tokens.h5")))
    let architecture = try #require(archive.architecture)
    do throws(RNNError) {
      _ = try Model(archive, architecture: architecture)
      Issue.record("accepted")
    } catch {
      #expect(error.place == "layer tokens")
    }
  }

  private static func run(_ file: ModelFile, _ input: Tensor, _ lengths: [Int]? = nil) throws -> Tensor {
    let outputs = try Plan(file.model).run(input, lengths: lengths)
    return try #require(outputs.last)
  }

  @Test(arguments: ["masked_tokens.h5", "masked_tokens.keras"])
  func givesKerasNumbersBeforeTheEndOfEachSequence(name: String) throws {
    let file = try KerasFixture.open(name, ignoring: [.masks])
    #expect(
      file.notes.contains("""
        tokens: steps of index 0 are run; take masked ones out of each sequence, those at its end by lengths (the output past \
        the end is then 0, where Keras repeats the last)
        """))
    let arrays = try KerasFixture.arrays("masked_tokens.npz")
    let (input, expected) = (try #require(arrays["input"]), try #require(arrays["y"]))
    let lengths = try Plan.lengths(#require(arrays["lengths"]))
    let padded = try Self.run(file, input, lengths)
    #expect(padded.shape == expected.shape)
    let (steps, features) = (expected.shape[1], expected.shape[2])
    for (row, length) in lengths.enumerated() {
      // The same sequence by itself, without its padding.
      let shape = try #require(Shape([1, length]))
      let tokens = Array(input.doubles[(row * steps)..<(row * steps + length)].map { Int64($0) })
      let alone = try Self.run(file, #require(Tensor(tokens, shape)))
      for index in 0..<(length * features) {
        let wanted = expected.doubles[row * steps * features + index]
        #expect(abs(padded.doubles[row * steps * features + index] - wanted) < 2e-6)
        #expect(abs(alone.doubles[index] - wanted) < 2e-6)
      }
    }
  }

  @Test(arguments: [
    ("masked_functional", "h5", Departure.Kind.masks), ("masked_functional", "keras", .masks),
    ("half_mixed", "h5", .halfPrecision), ("half_mixed", "keras", .halfPrecision),
    ("half_inside", "h5", .halfPrecision), ("half_inside", "keras", .halfPrecision),
    ("half_whole", "h5", .halfPrecision), ("half_whole", "keras", .halfPrecision),
    ("half_brain", "keras", .halfPrecision),
  ])
  func givesKerasNumbersWithoutIt(name: String, kind: String, ignored: Departure.Kind) throws {
    let file = try KerasFixture.open("\(name).\(kind)", ignoring: [ignored])
    let arrays = try KerasFixture.arrays("\(name).npz")
    let lengths = try arrays["lengths"].map { try Plan.lengths($0) }
    let found = try Self.run(file, #require(arrays["input"]), lengths)
    let expected = try #require(arrays["y"])
    #expect(found.shape == expected.shape)
    #expect(zip(found.doubles, expected.doubles).allSatisfy { abs($0 - $1) < 2e-6 })
    if ignored == .halfPrecision {
      #expect(file.notes.map(\.description).filter { $0.hasSuffix("are computed in float32, their weights widened") }.count == 1)
    }
  }

  @Test func takesMasksThatChangeNothing() throws {
    let file = try KerasFixture.open("masked_unheeded.h5")
    #expect(!file.notes.map(\.description).contains { $0.contains("masking") })
    let arrays = try KerasFixture.arrays("masked_unheeded.npz")
    let found = try Self.run(file, #require(arrays["input"]))
    let expected = try #require(arrays["y"])
    #expect(found.shape == expected.shape)
    #expect(zip(found.doubles, expected.doubles).allSatisfy { abs($0 - $1) < 2e-6 })
  }
}
