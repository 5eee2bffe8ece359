#!/usr/bin/env bash
# Creates the archive of an Istio release from the directory of its Go module and the istioctl built from it.
# Arguments: version, module directory, istioctl, hub, archive name, destination directory, samples whose images to list.
set -euo pipefail
version=$1 module=$2 istioctl=$3 hub=$4 name=$5 dest=$6
shift 6
scratch=$(mktemp -d "${dest}.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
top="$scratch/istio-$version"
mkdir -p "$top/bin" "$top/manifests" "$top/tools"

cp "$istioctl" "$top/bin/istioctl"
chmod 0755 "$top/bin/istioctl"
# The files of a Go module are read-only, those of a release are not. Scripts stay executable.
cp -R "$module/samples" "$top/"
cp -R "$module/manifests/charts" "$module/manifests/profiles" "$top/manifests/"
cp -R "$module/tools/certs" "$top/tools/"
cp "$module/LICENSE" "$module/README.md" "$top/"
chmod -R u+w "$top"

# The source tree has a test hub (another one since 1.30) and the tag latest in place of the release's images.
grep -rlZE '(gcr.io/istio-|registry.istio.io/)testing' "$top/manifests" --include='*.yaml' |
  xargs -0 sed -i -E -e "s#(gcr.io/istio-|registry.istio.io/)testing#$hub#" -e "s/tag: latest/tag: $version/"
if "$istioctl" completion bash >"$top/tools/istioctl.bash" 2>/dev/null; then
  "$istioctl" completion zsh >"$top/tools/_istioctl"
else # Istio 1.7
  "$istioctl" collateral --bash --zsh --outputDir "$top/tools"
fi
printf 'version: %s\ndocker: %s\n' "$version" "$hub" >"$top/manifest.yaml"

mkdir "$scratch/out"
tar --create --directory "$scratch" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner "istio-$version" |
  gzip --no-name >"$scratch/out/$name"
(cd "$scratch/out" && sha256sum "$name" >"$name.sha256")
(cd "$top/samples" && sed -nE 's/^ *image: *"?([^" ]+)"? *$/\1/p' "$@") | sort -u >"$scratch/out/images.txt"
# The proxy image needs this file, which is not in the official archive.
cp "$module/tools/packaging/common/envoy_bootstrap.json" "$scratch/out/"
chmod 0755 "$scratch/out"
chmod 0644 "$scratch"/out/*
rm -rf "$dest"
mv "$scratch/out" "$dest"
