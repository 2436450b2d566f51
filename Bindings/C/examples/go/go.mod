module rnnkit.example/run

go 1.19
