import CRNNKernels
import RNNModel

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Threads that do a piece of work together, the caller being the first of them.
///
/// Between two pieces the others wait on their processors for a while, then asleep. Unchecked, as what they share is
/// written by the caller alone while they wait.
final class Team: @unchecked Sendable {
  /// Threads, the caller included.
  let count: Int
  /// Where they may wait for each other within a piece of work.
  let barrier: UnsafeMutablePointer<rnnkit_barrier>
  private let shared: UnsafeMutablePointer<Shared>
  private var threads: [pthread_t] = []

  /// Microseconds for which a thread waits awake.
  private static let patience: Int32 = 200

  private struct Shared {
    /// Pieces of work begun.
    var begun: UInt32 = 0
    var isOver = false
    var sleepers = 0
    var lock = pthread_mutex_t()
    var wake = pthread_cond_t()
    var work: UnsafePointer<(Int) -> Void>?
  }

  private struct Member {
    var rank: Int
    var shared: UnsafeMutablePointer<Shared>
    var barrier: UnsafeMutablePointer<rnnkit_barrier>
  }

  /// Throws where the system gives no more threads.
  init(_ count: Int) throws(RNNError) {
    self.count = count
    barrier = .allocate(capacity: 1)
    barrier.initialize(to: rnnkit_barrier())
    barrier.pointee.threads = UInt32(count)
    shared = .allocate(capacity: 1)
    shared.initialize(to: Shared())
    pthread_mutex_init(&shared.pointee.lock, nil)
    pthread_cond_init(&shared.pointee.wake, nil)
    for rank in 1..<max(count, 1) {
      let member = UnsafeMutablePointer<Member>.allocate(capacity: 1)
      member.initialize(to: Member(rank: rank, shared: shared, barrier: barrier))
      var thread = pthread_t()
      let status = pthread_create(
        &thread, nil,
        { argument in
          #if canImport(Darwin)
            let pointer = argument
          #else
            guard let pointer = argument else { return nil }
          #endif
          let member = pointer.assumingMemoryBound(to: Member.self)
          Team.serve(member.pointee)
          member.deallocate()
          return nil
        }, member)
      guard status == 0 else {
        member.deallocate()
        throw RNNError(.badData, "the system gives no more than \(rank) threads", remedy: "use fewer with \(.threads)")
      }
      threads.append(thread)
    }
  }

  deinit {
    shared.pointee.isOver = true
    begin()
    for thread in threads { pthread_join(thread, nil) }
    pthread_cond_destroy(&shared.pointee.wake)
    pthread_mutex_destroy(&shared.pointee.lock)
    shared.deallocate()
    barrier.deallocate()
  }

  /// Calls `work` with 0 ..< count, each on a thread, and returns when all have returned.
  func run(_ work: (Int) -> Void) {
    guard count > 1 else { return work(0) }
    withoutActuallyEscaping(work) { work in
      withUnsafePointer(to: work) { pointer in
        shared.pointee.work = pointer
        begin()
        pointer.pointee(0)
        rnnkit_wait(barrier)
        shared.pointee.work = nil
      }
    }
  }

  private func begin() {
    rnnkit_change(&shared.pointee.begun)
    pthread_mutex_lock(&shared.pointee.lock)
    if shared.pointee.sleepers > 0 { pthread_cond_broadcast(&shared.pointee.wake) }
    pthread_mutex_unlock(&shared.pointee.lock)
  }

  private static func serve(_ member: Member) {
    let shared = member.shared
    var seen: UInt32 = 0
    while true {
      if rnnkit_await_change(&shared.pointee.begun, seen, patience) == seen {
        pthread_mutex_lock(&shared.pointee.lock)
        shared.pointee.sleepers += 1
        while rnnkit_await_change(&shared.pointee.begun, seen, 0) == seen {
          pthread_cond_wait(&shared.pointee.wake, &shared.pointee.lock)
        }
        shared.pointee.sleepers -= 1
        pthread_mutex_unlock(&shared.pointee.lock)
      }
      seen &+= 1
      if shared.pointee.isOver { return }
      work(member)
      rnnkit_wait(member.barrier)
    }
  }

  /// Not inlined, so that nothing of the work is held any more when it returns.
  @inline(never)
  private static func work(_ member: Member) { member.shared.pointee.work?.pointee(member.rank) }
}

extension Team {
  /// Whether a step of a single row takes long enough for threads to meet after each: from about a microsecond on.
  static func isWorthSharing(_ layer: UnsafePointer<rnnkit_layer>) -> Bool {
    let recurrent = layer.pointee.recurrent
    return rnnkit_is_fused(layer)
      && recurrent.groups * recurrent.panels * recurrent.inner >= 3072
  }

  /// How many threads to run so many steps of so many rows on: no more than there are rows to share or layers large
  /// enough to, and one where it is all over before others are awake.
  static func size(_ threads: Int, for plan: Plan, steps: Int, batch: Int, least: Int) -> Int {
    let work = plan.vectors.multipliedReportingOverflow(by: steps.multipliedReportingOverflow(by: batch).partialValue)
    guard threads > 1, batch > 0, work.overflow || work.partialValue >= least else { return 1 }
    if batch > 1 { return min(threads, batch) }
    // Windows are one thread's work.
    if !plan.program.windows.isEmpty { return 1 }
    return plan.hasSharedLayers ? threads : 1
  }
}

extension Plan {
  /// Vectors of recurrent weights and those of their inputs.
  fileprivate var vectors: Int {
    var sum = 0
    for stage in program.recurrent {
      for layer in 0..<stage.layerCount {
        for matrix in [stage.layers[layer].input, stage.layers[layer].recurrent] {
          sum += matrix.groups * matrix.panels * matrix.inner
        }
      }
    }
    return sum
  }

  fileprivate var hasSharedLayers: Bool {
    program.recurrent.contains { stage in
      (0..<stage.layerCount).contains { Team.isWorthSharing(stage.layers + $0) }
    }
  }
}
