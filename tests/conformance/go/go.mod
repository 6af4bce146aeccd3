module invoked.example/conformance

go 1.19
