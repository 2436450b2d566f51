import RNNFormats
import RNNModel

/// HDF5 files' trees as the messages in which the confined process tells them, in place of the files: what stands above
/// libhdf5, without it.
package struct TreeMessage: HDF5Access {
  package init() {}

  package func readTree(_ file: InputFile) throws(RNNError) -> HDF5Tree {
    switch try HDF5Message(file, about: file) {
    case .tree(let tree): return tree
    case .error(let error): throw error
    case .placements: throw RNNError(.badData, "not a tree")
    }
  }

  package func write(_ tree: HDF5Tree, to file: inout OutputFile) throws(RNNError) {
    // A dataset's place in another file means nothing in this one.
    var tree = tree
    tree.root = tree.root.withoutPlaces
    try HDF5Message.tree(tree).write(to: &file)
  }
}

extension HDF5Tree.Group {
  fileprivate var withoutPlaces: Self {
    var copy = self
    for index in copy.children.indices {
      switch copy.children[index].node {
      case .group(let group): copy.children[index].node = .group(group.withoutPlaces)
      case .dataset(var dataset):
        dataset.fileOffset = nil
        copy.children[index].node = .dataset(dataset)
      case .strings: break
      }
    }
    return copy
  }
}
