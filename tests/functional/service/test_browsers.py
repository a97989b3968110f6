"""A stranger's page in the browser of whoever runs the service without keys; headers that anybody may write."""

import json

import pytest


def ask(service, method, path, body=b"", **headers):
    """Send a request as a browser would, with these headers; return status and problem."""
    with service.raw() as connection:
        connection.putrequest(method, path, skip_host="Host" in headers)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        text = answer.read()
    return answer.status, json.loads(text) if answer.headers["Content-Type"].endswith("json") else text


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1.evil.example", "10.1.2.3", "a@b"]
)
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/queue"), ("GET", "/"), ("DELETE", "/v1/media/" + 64 * "a")]
)
def test_a_name_that_a_stranger_points_here_is_not_answered(service, host, method, path):
    status, problem = ask(service, method, path, Host=host.format(port=service.port))
    assert (status, problem["code"]) == (403, "service.forbidden")
    assert "FAKEWEB_HOSTS" in problem["hint"]


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST.:{port}", "127.0.0.1", "127.0.0.1:{port}", "[::1]:{port}"]
)
def test_names_of_this_machine_are_answered(service, host):
    assert ask(service, "GET", "/v1/queue", Host=host.format(port=service.port))[0] == 200


FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:3000"},  # another program on this machine
    {"Origin": "http://localhost.evil.example"},
    {"Sec_Fetch_Site": "cross-site"},
    {"Sec_Fetch_Site": "same-site"},
]


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/predict?queue=true"),
        ("POST", "/v1/videos"),
        ("DELETE", "/v1/media/" + 64 * "a"),
        ("PATCH", "/v1/queue/x"),
    ],
)
def test_a_strangers_page_changes_nothing(service, api, small, headers, method, path):
    before = api.get("/v1/queue").json()["total"]
    status, problem = ask(service, method, path, small(70_001), **headers)
    assert (status, problem["code"]) == (403, "service.forbidden")
    assert api.get("/v1/queue").json()["total"] == before


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://127.0.0.1:{port}", "Sec_Fetch_Site": "same-origin"},
        {"Origin": "chrome-extension://abcdefghijklmnop", "Sec_Fetch_Site": "none"},
        {"Origin": "moz-extension://0a1b2c3d-0000"},
        {"Sec_Fetch_Site": "none"},
        {},
    ],
)
def test_its_own_page_the_extension_and_programs_are_served(service, small, headers):
    headers = {name: value.format(port=service.port) for name, value in headers.items()}
    assert ask(service, "POST", "/v1/predict", small(70_002), **headers)[0] == 200


def test_the_operator_says_by_which_names_it_is_known(run_service, small):
    known = run_service(hosts="fakeweb.example,intern", cors_origins="https://app.example")
    assert ask(known, "GET", "/v1/queue", Host="fakeweb.example")[0] == 200
    assert ask(known, "GET", "/v1/queue", Host="evil.example")[0] == 403
    # a proxy that speaks TLS to browsers and calls us by a name of its own
    assert (
        ask(known, "POST", "/v1/predict", small(1), Host="intern", Origin="https://fakeweb.example")[0] == 200
    )
    assert ask(known, "POST", "/v1/predict", small(1), Origin="https://app.example")[0] == 200
    assert ask(known, "POST", "/v1/predict", small(1), Origin="https://fakeweb.example:8443")[0] == 403


def test_with_keys_the_key_alone_decides(run_service):
    guarded = run_service(auth="required")
    status, problem = ask(guarded, "GET", "/v1/queue", Host="evil.example", Origin="https://evil.example")
    assert (status, problem["code"]) == (401, "service.unauthorized")


def _refused(service, count=15):
    """Ask so often, each time in the name of another address; return how often that was too much."""
    return sum(
        ask(service, "GET", "/v1/models", X_Forwarded_For=f"198.51.100.{number}")[0] == 429
        for number in range(count)
    )


def test_forwarded_addresses_are_believed_from_proxies_alone(run_service):
    assert _refused(run_service(anonymous_per_minute=60)) >= 3
    assert _refused(run_service(anonymous_per_minute=60, proxies="127.0.0.0/8")) == 0
    assert _refused(run_service(anonymous_per_minute=60, proxies="192.0.2.1")) >= 3


def test_the_nearest_address_that_is_no_proxys_counts(run_service):
    service = run_service(anonymous_per_minute=60, proxies="127.0.0.1,192.0.2.0/24")
    forged = [
        ask(service, "GET", "/v1/models", X_Forwarded_For=f"203.0.113.{number}, 198.51.100.7, 192.0.2.9")[0]
        for number in range(15)
    ]
    assert forged.count(429) >= 3
