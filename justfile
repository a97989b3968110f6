# The five commands. `just setup` makes .venv; everything else uses it.
# uv and just come from PyPI: python3 -m venv .venv && .venv/bin/pip install uv rust-just

set positional-arguments

export UV_PYTHON := ".venv/bin/python"
export UV_SYSTEM_CERTS := "true" # also behind a proxy with a certificate of its own
bin := justfile_directory() / ".venv/bin"
uv := if path_exists(bin / "uv") == "true" { bin / "uv" } else { "uv" }

# list the commands
default:
    @{{ quote(just_executable()) }} --list

# install FakeWeb and the tools it is developed with into .venv; `just setup train` adds torch (5 GB)
setup *extras:
    test -x {{ bin }}/python || {{ uv }} venv --python 3.11 .venv
    {{ uv }} pip install --quiet --require-hashes -r requirements/dev.lock
    for extra in {{ extras }}; do {{ uv }} pip install --quiet --require-hashes -r requirements/$extra.lock; done
    {{ uv }} pip install --quiet --no-deps --editable .

# run the tests; arguments go to pytest, such as `just test -k scan` or `just test -m slow`
test *args:
    {{ bin }}/python -m pytest "$@"

# what CI checks: style, types, the house's two rules, docs that follow the code
check:
    {{ bin }}/ruff check .
    {{ bin }}/ruff format --check .
    {{ bin }}/mypy
    {{ bin }}/lint-imports --no-logo
    {{ bin }}/python docs/drift.py
    {{ bin }}/python web/current.py

# the API on http://127.0.0.1:8000 (needs `just setup server`); arguments go to `fakeweb serve`
serve *args:
    {{ bin }}/fakeweb serve "$@"

# build the page anew into the package (needs Node 20.19 or newer; to run FakeWeb none is needed)
web:
    cd web && npm ci --no-progress && npm test && npm run build
    node extension/local/build.mjs

# the docs as a site into dist/docs, searchable where it is served: python3 -m http.server -d dist/docs (needs `just setup docs`)
docs *args:
    NO_MKDOCS_2_WARNING=1 {{ bin }}/mkdocs build --strict --quiet --site-dir dist/docs "$@"

# build the static site that checks pictures in the browser into dist/site (needs `just setup` and Node 20.19 or newer)
site:
    cd web && npm ci --no-progress && npx tsc && npx vite build --mode site
    PYTHONPATH=src {{ bin }}/python web/site.py

# pack the browser extension into dist/: a folder to load, a zip for the stores
extension:
    {{ bin }}/python extension/pack.py

# check the extension: tests of its parts, types, the stores' linter (needs Node 20.19 or newer)
check-extension: extension
    cd extension && npm ci --no-progress && npm test && npm run types && npm run lint

# measure the shipped scanner and rewrite docs/reference/results.md and video.md (needs `just setup evaluate`)
bench *args:
    {{ bin }}/python benchmarks/results.py {{ args }}
    {{ bin }}/python benchmarks/video.py {{ args }}

# validate what kustomize makes of deploy/kubernetes against the schemas of Kubernetes (needs kubectl)
check-deploy version="1.35.0":
    for kind in base cluster batch; do kubectl kustomize deploy/kubernetes/$kind > /tmp/fakeweb-$kind.yaml \
        && {{ uv }} tool run --from kubernetes-validate==1.37.0 kubernetes-validate -k {{ version }} --strict /tmp/fakeweb-$kind.yaml; done

# list what a lock file installs as CycloneDX: `just sbom` the service's, into dist/
sbom lock="service":
    mkdir -p dist
    {{ uv }} tool run --from cyclonedx-bom==7.5.0 cyclonedx-py requirements requirements/{{ lock }}.lock --pyproject pyproject.toml \
        --mc-type application --output-format JSON --output-file dist/{{ lock }}.cdx.json

# write the locked versions anew: versions and hashes, no addresses
lock:
    {{ uv }} pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
        --no-header --extra heic --extra provenance --extra jxl --group dev -o requirements/dev.lock
    {{ uv }} pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
        --no-header --extra heic --extra provenance --extra jxl --extra train --group dev -o requirements/train.lock
    {{ uv }} pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
        --no-header --extra heic --extra provenance --extra jxl --extra server --extra postgres --extra mcp --group dev --group service -o requirements/server.lock
    {{ uv }} pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
        --no-header --extra heic --extra provenance --extra jxl --extra evaluate --group dev --group benchmarks -o requirements/evaluate.lock
    {{ uv }} pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
        --no-header --extra heic --extra provenance --extra jxl --group dev --group docs -o requirements/docs.lock
    {{ uv }} pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
        --no-header --extra heic --extra provenance --extra server --extra postgres -o requirements/service.lock
    {{ uv }} pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
        --no-header --extra heic --extra provenance --extra s3 --extra batch --extra ray -o requirements/cluster.lock
    {{ uv }} pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
        --no-header --extra heic --extra provenance --extra jxl --extra s3 --group dev --group storage -o requirements/storage.lock
    {{ uv }} pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
        --no-header --extra heic --extra provenance --extra jxl --extra s3 --extra batch --extra ray --group dev --group storage -o requirements/batch.lock
    {{ uv }} pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
        --no-header --extra heic --extra provenance --extra jxl --extra server --extra demo --extra mcp --group dev --group service -o requirements/demo.lock
