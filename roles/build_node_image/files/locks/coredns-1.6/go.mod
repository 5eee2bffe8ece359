module meshlab/coredns16

go 1.14

require github.com/coredns/coredns v1.6.7

// The module asks for v1.0.1, which reads the innards of a Go that has changed since.
replace github.com/modern-go/reflect2 => github.com/modern-go/reflect2 v1.0.2
