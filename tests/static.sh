#!/usr/bin/env bash
# Run every check that needs neither a cluster nor root: style, syntax, documentation, Go, the package, ansible-test sanity.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="$(cd .venv/bin && pwd -P):$PATH"
export PATH ANSIBLE_CONFIG="$PWD/ansible.cfg"
scratch=$(mktemp -d)
sanity=
trap '[ -z "$sanity" ] || kill "$sanity" 2>/dev/null || true; rm -rf "$scratch"' EXIT

started=$SECONDS
heading() {
  echo "-- $* (after $((SECONDS - started)) s)"
}
stop() {
  printf '%s\n' "$@" >&2
  exit 1
}

tests/support/list_files.sh >"$scratch/files"
mapfile -d '' -t scripts < <(xargs -0 grep -lZE '^#!.*\b(ba)?sh$' <"$scratch/files")
mapfile -d '' -t plays < <(
  xargs -0 grep -lZE '^  (hosts|ansible\.builtin\.import_playbook):' <"$scratch/files" | grep -zE '\.yml$' | grep -zvE '(^|/)inventory\.yml$'
)

# The longest check runs in parallel. ansible-test needs a directory .../ansible_collections/meshlab/istio that is not a link.
tree="$scratch/ansible_collections/meshlab/istio"
mkdir -p "$tree"
tar --create --null --files-from="$scratch/files" | tar --extract --directory "$tree"
tests/support/sanity.sh "$tree" >"$scratch/sanity" 2>&1 &
sanity=$!

heading "set-up, run inside its own environment"
before=$(readlink .venv)
tools/setup.sh test # .venv is first in PATH, as in a shell in which it is activated
[ "$(readlink .venv)" = "$before" ] || stop "tools/setup.sh created another environment: expected $before, got $(readlink .venv)"

heading "make help"
make --silent --no-print-directory >"$scratch/help"
for target in $(sed -nE 's/^([a-z-]+):.*/\1/p' Makefile) $(sed -n 's/^PARTS := //p' Makefile); do
  grep -qw "$target" "$scratch/help" || stop "make help does not list the target $target"
done

heading "ruff check"
ruff check --quiet .

heading "ruff format --check"
ruff format --quiet --check .

heading "mypy"
(
  cd .meshlab/collections
  package=ansible_collections.meshlab.istio.plugins
  mypy --config-file "$OLDPWD/pyproject.toml" --cache-dir "$scratch/mypy" --package "$package.module_utils" --package "$package.plugin_utils" >"$scratch/mypy.txt"
) || stop "$(cat "$scratch/mypy.txt")"

heading "shellcheck: ${#scripts[@]} scripts"
shellcheck "${scripts[@]}"

heading "yamllint"
yamllint --strict .

heading "wording"
wording=$(xargs -0 python tests/support/wording.py <"$scratch/files") || stop "reword (see Style in CONTRIBUTING.md):" "$wording"

# The examples of the documentation are playbooks like any other.
mapfile -d '' -t texts < <(grep -zE '\.(md|rst)$' "$scratch/files")
python tests/support/examples.py "$scratch/examples" "${texts[@]}" >"$scratch/playbooks"
mapfile -t examples <"$scratch/playbooks"
[ ${#examples[@]} -gt 0 ] || stop "found no examples in the documentation"
plays+=("${examples[@]}")
# A syntax check does not read included roles, so one play imports all of them.
{
  printf -- '- name: All roles\n  hosts: localhost\n  roles:\n'
  find roles -mindepth 1 -maxdepth 1 -printf '    - meshlab.istio.%f\n'
} >"$scratch/roles.yml"
plays+=("$scratch/roles.yml")

heading "ansible-playbook --syntax-check: ${#plays[@]} playbooks, ${#examples[@]} of them examples of the documentation"
ansible-playbook --syntax-check "${plays[@]}" >"$scratch/syntax" 2>&1 || stop "$(cat "$scratch/syntax")"

heading "ansible-lint"
# ansible-lint would check the syntax of each file again, in a process each: two thirds of its time.
mkdir "$scratch/bin"
ln -s "$(type -P true)" "$scratch/bin/ansible-playbook"
PATH="$scratch/bin:$PATH" ansible-lint -q --nocolor

heading "antsibull-docs lint-collection-docs, antsibull-changelog lint"
collection=.meshlab/collections/ansible_collections/meshlab/istio
(cd "$collection" && antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs=dependent . && antsibull-changelog lint)

heading "documentation site"
DOCSITE_OFFLINE=true tools/docsite/build.sh "$scratch/docsite" >"$scratch/docsite.txt" 2>&1 || stop "$(cat "$scratch/docsite.txt")"

if command -v go >/dev/null; then
  heading "gofmt, go vet, go test"
  unformatted=$(gofmt -l roles/*/files)
  [ -z "$unformatted" ] || stop "gofmt would change:" "$unformatted"
  (cd roles/build_images/files/standins && go vet ./... && go test -short ./...)
  (cd roles/build_node_image/files/pause && go vet ./...)
else
  heading "gofmt, go vet, go test: SKIPPED, there is no Go in PATH"
fi

heading "ansible-galaxy collection build"
ansible-galaxy collection build --output-path "$scratch" . >/dev/null
tar --list --gzip --file "$scratch"/meshlab-istio-*.tar.gz | sed 's#/$##' | sort >"$scratch/packed"
{
  printf '%s\n' MANIFEST.json
  tr '\0' '\n' <"$scratch/files" | grep -E '^((plugins|roles|playbooks|docs|meta|changelogs)/|[A-Z_]+\.md$|LICENSE$|bindep\.txt$|requirements\.txt$)'
} | sort >"$scratch/wanted"
missing=$(comm -23 "$scratch/wanted" "$scratch/packed")
[ -z "$missing" ] || stop "the package lacks:" "$missing"
# Neither tests and settings of the repository, nor files that git ignores.
surplus=$(grep -E '^(\.|(tests|molecule|tools)(/|$)|Makefile$)' "$scratch/packed" || true)
surplus+=$(git check-ignore --no-index --stdin <"$scratch/packed" || true)
[ -z "$surplus" ] || stop "the package has files that do not belong there (see build_ignore in galaxy.yml):" "$surplus"

heading "the installed collection, with the newest and the lowest versions of its dependencies"
tests/installed.sh "$scratch"/meshlab-istio-*.tar.gz

heading "ansible-test sanity"
wait "$sanity" || stop "$(cat "$scratch/sanity")"
tail -n 3 "$scratch/sanity"

heading "all static checks passed"
