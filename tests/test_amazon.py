"""The connection to S3: the six functions, and what is told when something is wrong."""

import socket

import boto3
import pytest
import servers

import quorum
from quorum import amazon, errors


@pytest.fixture
def loaded(monkeypatch, mock_url):
    monkeypatch.setenv("MONGOHQ_URL", mock_url)
    yield lambda: quorum.load(name="files")
    quorum.unload()


@pytest.fixture(params=servers.FILES[2:])
def url(request):
    """The URL of each S3 server."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def objects(url, bucket, loaded):
    """A new bucket, as boto3 sees it; the app is loaded."""
    made = bucket(url)
    loaded()
    return made


def test_the_bucket_and_its_keys_are_boto3s(objects):
    assert quorum.get_amazon().head_bucket(Bucket=objects.name)
    assert quorum.get_amazon_bucket().name == objects.name
    quorum.get_amazon_bucket().put_object(Key="a/b.txt", Body=b"text")
    assert quorum.get_amazon_key("a/b.txt").get()["Body"].read() == b"text"
    assert amazon.ping().startswith(f"the bucket {objects.name} at http://127.0.0.1")


def test_a_key_exists_until_it_is_deleted(objects):
    objects.put_object(Key="a", Body=b"text")
    assert quorum.exists_amazon_key("a")
    quorum.delete_amazon_key("a")
    quorum.delete_amazon_key("a")
    assert not quorum.exists_amazon_key("a")
    with pytest.raises(errors.NotFoundError, match="'a'"):
        quorum.get_amazon_key("a")


def test_clearing_takes_all_of_a_server_without_versions(nanio, bucket, loaded):
    objects = bucket(nanio)
    loaded()
    for key in "abc":
        objects.put_object(Key=key, Body=b"")
    assert quorum.clear_amazon_bucket() == 3
    assert list(objects.objects.all()) == []


def test_names_are_below_the_prefix_and_so_is_what_is_cleared(monkeypatch, moto, bucket, loaded):
    monkeypatch.setenv("AMAZON_PREFIX", "blog")
    objects = bucket(moto)
    loaded()
    objects.put_object(Key="blog/a", Body=b"ours")
    objects.put_object(Key="a", Body=b"theirs")
    assert quorum.get_amazon_key("a").get()["Body"].read() == b"ours"
    assert quorum.clear_amazon_bucket() == 1
    assert [found.key for found in objects.objects.all()] == ["a"]


@pytest.mark.parametrize(
    ("url", "count"),
    [("moto", 25), *(pytest.param(*case, marks=pytest.mark.soak) for case in (("moto", 2500), ("swift", 25)))],
    indirect=["url"],
)
def test_clearing_takes_all_versions_of_more_keys_than_one_command_can(objects, monkeypatch, count):
    monkeypatch.setattr(amazon, "AT_ONCE", min(count // 2, 1000))
    objects.Versioning().enable()
    for number in range(count):
        objects.put_object(Key=f"{number}", Body=b"")
    objects.put_object(Key="0", Body=b"again")
    objects.Object("1").delete()
    assert quorum.clear_amazon_bucket() == count + 2
    assert list(objects.object_versions.all()) == []


def test_a_part_of_the_variables_is_an_error(monkeypatch, loaded):
    monkeypatch.setenv("AMAZON_BUCKET", "some-bucket")
    loaded()
    with pytest.raises(errors.ConfigurationError) as caught:
        quorum.storage.default()
    assert str(caught.value).startswith("AMAZON_BUCKET is set, and AMAZON_ID and AMAZON_SECRET is not.")
    monkeypatch.delenv("AMAZON_BUCKET")
    quorum.unload()
    loaded()
    with pytest.raises(
        errors.ConfigurationError, match="S3 is not set up: set AMAZON_ID, AMAZON_SECRET, AMAZON_BUCKET"
    ):
        quorum.get_amazon()


def everything(error):
    text = ""
    while error is not None:
        text += f"{error!s} {error!r} {vars(error)}"
        error = error.__cause__
    return text


USES = [
    lambda: quorum.get_amazon_key("a"),
    lambda: quorum.delete_amazon_key("a"),
    quorum.clear_amazon_bucket,
    amazon.ping,
    lambda: quorum.storage.default().head("a"),
    lambda: quorum.storage.default().stream("a"),
    lambda: list(quorum.storage.default().entries("")),
    lambda: quorum.storage.default().put("a", __import__("io").BytesIO(b"x"), 1, "text/plain"),
    lambda: quorum.storage.default().put("a", __import__("io").BytesIO(b"x" * 9_000_000), 9_000_000, "text/plain"),
]


@pytest.mark.promise("U8")
@pytest.mark.parametrize("url", servers.SIGNED, indirect=True)
@pytest.mark.parametrize("use", USES)
def test_a_wrong_secret_is_told_by_variable_bucket_and_endpoint(monkeypatch, url, bucket, loaded, use):
    name = bucket(url).name
    monkeypatch.setenv("AMAZON_SECRET", "a wrong secret of some length")
    loaded()
    with pytest.raises(errors.ConfigurationError) as caught:
        use()
    text = str(caught.value)
    assert "AMAZON_SECRET" in text
    assert name in text
    assert url in text
    assert "a wrong secret" not in everything(caught.value)


@pytest.mark.promise("U8")
@pytest.mark.parametrize("url", ["moto", servers.SWIFT], indirect=True)
@pytest.mark.parametrize("use", USES)
def test_a_missing_bucket_is_told(monkeypatch, url, bucket, loaded, use):
    bucket(url)
    monkeypatch.setenv("AMAZON_BUCKET", "not-there")
    loaded()
    with pytest.raises(
        errors.ConfigurationError, match=r"'not-there' \(AMAZON_BUCKET\) at http.* does not exist. Make it"
    ):
        use()


@pytest.mark.promise("U8")
def test_no_network_is_told_without_the_password_of_the_endpoint(monkeypatch, loaded, moto, bucket):
    bucket(moto)
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
    monkeypatch.setenv("AMAZON_ENDPOINT", f"http://user:hunter22@127.0.0.1:{port}")
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    loaded()
    with pytest.raises(errors.OperationalError) as caught:
        quorum.get_amazon_key("a")
    assert f"http://***@127.0.0.1:{port} (AMAZON_ENDPOINT), did not answer: EndpointConnectionError" in str(
        caught.value
    )
    assert "hunter22" not in everything(caught.value)


@pytest.mark.promise("U8")
def test_without_boto3_the_line_that_installs_it_is_told(monkeypatch, moto, bucket, loaded):
    bucket(moto)
    loaded()
    monkeypatch.setitem(__import__("sys").modules, "boto3.session", None)
    with pytest.raises(errors.ConfigurationError, match=r'pip install "quorum\[s3\]"'):
        quorum.get_amazon()


def test_a_wrong_region_or_right_is_told_from_the_answers_code(moto, bucket, loaded):
    bucket(moto)
    loaded()
    from botocore.exceptions import ClientError

    for code, text in (("AccessDenied", "does not allow this"), ("AuthorizationHeaderMalformed", "Set AMAZON_REGION")):
        answer = {"Error": {"Code": code, "Message": "m"}, "ResponseMetadata": {"HTTPStatusCode": 403}}
        with pytest.raises(errors.ConfigurationError, match=text), amazon.translated("some-bucket"):
            raise ClientError(answer, "GetObject")
    answer = {"Error": {"Code": "SlowDown", "Message": "m"}, "ResponseMetadata": {"HTTPStatusCode": 503}}
    with pytest.raises(errors.OperationalError, match="SlowDown m"), amazon.translated("some-bucket"):
        raise ClientError(answer, "GetObject")


def test_the_connection_is_one_for_the_app_and_closed_with_it(objects):
    client = quorum.get_amazon()
    assert quorum.get_amazon() is client
    quorum.unload()
    with pytest.raises(errors.ConfigurationError):
        quorum.get_amazon()


def test_no_secret_is_in_a_repr(objects):
    assert boto3
    assert "secret" not in repr(amazon.connection())


def test_the_doctor_asks_for_the_bucket(moto, bucket, loaded):
    name = bucket(moto).name
    done = loaded().test_cli_runner().invoke(args=["quorum", "doctor"])
    assert f"works  the bucket {name} at {moto}" in done.output
