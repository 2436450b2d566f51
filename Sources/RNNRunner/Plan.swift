import RNNModel
