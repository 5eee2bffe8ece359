#!/usr/bin/env bash
# Run by go_build in a copy of this folder. Argument: the Go tool.
# Kubernetes 1.18 does not commit the Go file that describes its API, as newer ones do: it is generated here as its own
# build does, with its own generator. That one wants a GOPATH of the old kind, which a vendor folder happens to be.
set -euo pipefail
go=$1
top=$PWD
export CGO_ENABLED=0 GOOS=linux GOWORK=off
GOFLAGS=-mod=mod "$go" mod vendor
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
GOFLAGS=-mod=vendor "$go" build -ldflags=-checklinkname=0 -o "$scratch/openapi-gen" k8s.io/kube-openapi/cmd/openapi-gen

mkdir "$scratch/gopath"
ln -s "$top/vendor" "$scratch/gopath/src"
: >"$scratch/header.txt"
marked=$(grep -rlE '^// *\+k8s:openapi-gen=' --include='*.go' vendor/k8s.io | xargs -n1 dirname | sort -u | sed 's#^vendor/##' | paste -sd,)
package=k8s.io/kubernetes/pkg/generated/openapi
cd "$scratch/gopath/src/k8s.io/kubernetes"
PATH=$(dirname "$(command -v "$go")"):$PATH GOPATH="$scratch/gopath" GO111MODULE=off GOFLAGS='' "$scratch/openapi-gen" --logtostderr -i "$marked" -p "$package" \
  -O zz_generated.openapi -h "$scratch/header.txt" -r "$scratch/violations" -o "$scratch/out"
cp "$scratch/out/$package/zz_generated.openapi.go" "$top/vendor/$package/"
