"""Makes the files next to this script that stand for a model or hold one and are not read: PyTorch 2.15.0, TensorFlow 2.21.0.
What belongs to one of the two is skipped where that is not installed."""
import io
import os
import shutil
import tarfile
import warnings
import zipfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.chdir(os.path.dirname(os.path.abspath(__file__)))
warnings.simplefilter("ignore")


def with_torch(torch):
    torch.manual_seed(0)
    model = torch.nn.LSTM(3, 5, batch_first=True)
    weights = io.BytesIO()
    torch.save(model.state_dict(), weights)
    with zipfile.ZipFile("sb3.zip", "w") as archive:
        archive.writestr("data", "{}")
        archive.writestr("policy.pth", weights.getvalue())
    with tarfile.open("medaka_model_pt.tar.gz", "w:gz") as archive:
        info = tarfile.TarInfo("model/weights.pt")
        info.size = len(weights.getvalue())
        archive.addfile(info, io.BytesIO(weights.getvalue()))
    torch.export.save(torch.export.export(model.eval(), (torch.randn(2, 7, 3),)), "export.pt2")


def with_tensorflow(tf):
    class Model(tf.Module):
        def __init__(self):
            super().__init__()
            self.kernel = tf.Variable(tf.random.normal((4, 8), seed=1))

        @tf.function
        def f(self, x):
            return tf.tanh(x @ self.kernel)

    model = Model()
    signature = model.f.get_concrete_function(tf.TensorSpec((None, 4), tf.float32, name="x"))
    tf.saved_model.save(model, "saved", signatures=signature)
    shutil.copy("saved/saved_model.pb", "saved_model.pb")
    shutil.rmtree("saved")
    from tensorflow.core.protobuf import saved_model_pb2
    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString(open("saved_model.pb", "rb").read())
    open("frozen_model.pb", "wb").write(saved.meta_graphs[0].graph_def.SerializeToString())


with open("lfs_pointer.keras", "w") as f:
    f.write("version https://git-lfs.github.com/spec/v1\n"
            "oid sha256:1298437bc18ad781a393ca8e285f7297e3744ad198f21d0f69cf72e13a82ea49\nsize 201422578\n")
for name, make in (("torch", with_torch), ("tensorflow", with_tensorflow)):
    try:
        module = __import__(name)
    except ImportError:
        print("without", name)
    else:
        make(module)
        print(name, module.__version__)
