module meshlab/jaeger118

go 1.16

require github.com/jaegertracing/jaeger v1.18.0
