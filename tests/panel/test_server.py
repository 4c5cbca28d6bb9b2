import contextlib
import shutil
import socket
import threading
import time
from pathlib import Path

import psutil
import pytest
from websockets.exceptions import InvalidStatus

from tests.lab.waiting import wait_until
from tests.panel.live_client import FLOOD_CHUNK, LiveServer, Reader

LINES = 50_000
STALLED = 12
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def start_server(tmp_path_factory: pytest.TempPathFactory, panel_template: Path):
    with contextlib.ExitStack() as servers:

        def start() -> LiveServer:
            data_dir = tmp_path_factory.mktemp("server") / "data"
            shutil.copytree(panel_template, data_dir)
            return servers.enter_context(LiveServer(data_dir))

        yield start


@pytest.fixture
def own_server(start_server):
    """A server of one test, which fills it or stops it."""
    return start_server()


@pytest.fixture(scope="module")
def server(start_server):
    """A server for all who leave it as it is."""
    return start_server()


@pytest.fixture(scope="module")
def impatient_server(start_server):
    """A server that waits a second for who does not read or send."""
    server = start_server()
    server.do("limit", STALL_SECONDS=1, ARRIVAL_SECONDS=1)
    return server


def _connections(server: LiveServer) -> list:
    """Return the connections that clients have to the server."""
    return [
        connection
        for connection in psutil.Process(server.process.pid).net_connections("tcp")
        if connection.status == psutil.CONN_ESTABLISHED
    ]


def _read_all(client: socket.socket) -> bytes:
    with client:
        return b"".join(iter(lambda: client.recv(65536), b""))


def test_slow_clients_get_each_line_once_and_neither_fill_memory_nor_slow_others(own_server):
    event = own_server.make_event()
    hold = threading.Event()
    stalled = [Reader(own_server, event, hold=hold) for _ in range(STALLED)]
    quick, slow = Reader(own_server, event), Reader(own_server, event, pause=0.02)
    for reader in (*stalled, quick, slow):
        assert reader.joined.wait(10)
    before = own_server.memory()
    producer = threading.Thread(
        target=own_server.do, args=("print_lines",), kwargs={"event": event, "count": LINES}
    )
    producer.start()
    peak = before
    while producer.is_alive() or quick.is_alive():
        peak = max(peak, own_server.memory())
        time.sleep(0.02)
    # Nine megabytes of frames for each of them are 109 MiB in the buffers of a server without pressure.
    assert peak - before < 60 * MIB
    assert quick.numbers == list(range(1, LINES + 1))
    assert all(len(reader.numbers) < LINES / 10 for reader in stalled)
    late = Reader(own_server, event)
    hold.set()
    while any(reader.is_alive() for reader in (*stalled, slow, late)):
        peak = max(peak, own_server.memory())
        time.sleep(0.02)
    # Pages of rows and their frames, some for each reading thread, whatever the length of the output.
    assert peak - before < 70 * MIB
    for reader in (*stalled, slow, late):
        assert reader.numbers == list(range(1, LINES + 1))
        assert (reader.ended, reader.code) == ("succeeded", 1000)


def test_a_slow_client_gets_the_end_although_the_server_has_closed(server):
    event = server.make_event("slow")
    hold = threading.Event()
    reader = Reader(server, event, hold=hold)
    assert reader.joined.wait(10)
    # All of it, with the close frame, fits into the buffers on the way.
    server.do("print_lines", event=event, count=1000)
    time.sleep(2.5)
    hold.set()
    reader.join(20)
    assert reader.numbers == list(range(1, 1001))
    assert (reader.ended, reader.code) == ("succeeded", 1000)


def test_a_websocket_is_written_only_as_fast_as_it_is_read(server):
    with server.open("/flood/300", receive_buffer=8192) as client:
        wait_until(lambda: 0 < server.do("flood")["sent"] < 300, "the flood has begun")
        time.sleep(1)
        assert server.do("flood")["sent"] * FLOOD_CHUNK < 4 * MIB
        assert [int(text.split()[0]) for text in client] == list(range(300))
        assert client.close_code == 1000


def test_a_streamed_response_is_written_only_as_fast_as_it_is_read(server):
    client = server.tcp(receive_buffer=8192)
    client.sendall(b"GET /flood/300 HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
    wait_until(lambda: 0 < server.do("flood")["sent"] < 300, "the flood has begun")
    time.sleep(1)
    # The kernel may take some megabytes by itself.
    assert server.do("flood")["sent"] * FLOOD_CHUNK < 12 * MIB
    assert _read_all(client).count(b" " * 1000) > 0
    assert server.do("flood")["sent"] == 300


def test_a_websocket_that_is_lost_while_the_server_waits_for_it_is_forgotten(server):
    with server.open("/flood/300", receive_buffer=8192) as client:
        wait_until(lambda: 3 < server.do("flood")["sent"] < 300, "the flood has begun")
        client.socket.shutdown(socket.SHUT_RDWR)
        # What waited goes on to its end, into the void.
        wait_until(lambda: server.do("flood")["sent"] == 300, "the application ended", timeout=5)


def test_a_request_that_is_lost_while_the_server_waits_for_it_is_forgotten(server):
    with server.tcp(receive_buffer=8192) as client:
        client.sendall(b"GET /flood/300 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        wait_until(lambda: 3 < server.do("flood")["sent"] < 300, "the flood has begun")
    wait_until(lambda: server.do("flood")["sent"] == 300, "the application ended", timeout=5)


def test_a_client_that_never_reads_is_cut_off(impatient_server):
    with impatient_server.open("/flood/300", receive_buffer=8192):
        wait_until(lambda: not _connections(impatient_server), "the connection is gone")


def test_it_refuses_at_the_handshake_who_may_not_see(server):
    event = server.make_event("hidden")
    for path, session in ((f"/ws/events/{event}/", ""), ("/ws/events/4711/", None), ("/ws/nothing/", None)):
        with pytest.raises(InvalidStatus) as refused, server.open(path, session=session):
            pass
        assert refused.value.response.status_code == 403


@pytest.mark.parametrize("length", [b"Content-Length: 40000000", b"Transfer-Encoding: chunked"])
def test_a_body_that_is_too_large_is_refused_before_it_fills_memory(server, length):
    before = server.memory()
    head = b"POST /login/ HTTP/1.1\r\nHost: 127.0.0.1\r\n" + length + b"\r\n\r\n"
    part = b"x" * 1_000_000
    if b"chunked" in length:
        part = b"%x\r\n%s\r\n" % (len(part), part)
    with server.tcp() as client:
        # The server answers and closes before it has read everything.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for data in (head, *[part] * 40):
                client.sendall(data)
        wait_until(lambda: not _connections(server), "the connection is closed")
    assert server.memory() - before < 60 * MIB


def test_a_body_that_is_too_large_is_answered_by_its_status(server):
    with server.tcp() as client:
        client.sendall(b"POST /login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 40000000\r\n\r\n")
        assert _read_all(client).startswith(b"HTTP/1.1 413 ")


def test_it_stops_with_clients_connected_and_tells_them(own_server):
    reader = Reader(own_server, own_server.make_event())
    assert reader.joined.wait(10)
    with own_server.open("/flood/300", receive_buffer=8192):
        assert own_server.stop() == 0
    reader.join(20)
    assert reader.code == 1001


def test_a_request_that_comes_drop_by_drop_is_cut_off(impatient_server):
    for beginning in (b"GET /logi", b"GET /login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ", _BODY_TO_COME):
        with impatient_server.tcp() as client:
            client.sendall(beginning)
            # The pauses are far below Twisted's own limit.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                for _ in range(200):
                    client.sendall(b"a")
                    time.sleep(0.1)
                pytest.fail("the client could go on")
        wait_until(lambda: not _connections(impatient_server), "the connection is closed")


_BODY_TO_COME = (
    b"POST /login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\n\r\n"
)


def test_a_connection_may_send_one_request_after_another(impatient_server):
    with impatient_server.tcp() as client:
        for _ in range(4):
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
            time.sleep(0.4)


_HEADS = [
    b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: " + b"x" * 17_000 + b"\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"X-Many: 1\r\n" * 101 + b"\r\n",
    b"GET /healthz?" + b"x" * 17_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Nul: a\x00b\r\n\r\n",
    b"GET /health\xffz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX(: 1\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
]


def test_a_head_that_is_too_large_or_malformed_is_refused(server):
    for head in _HEADS:
        with server.tcp() as client:
            client.sendall(head)
            client.shutdown(socket.SHUT_WR)
            answer = _read_all(client)
        assert answer.startswith(b"HTTP/1.1 400 "), head[:60]
        assert b"Traceback" not in answer


def test_a_response_that_is_not_read_is_cut_off(impatient_server):
    with impatient_server.tcp(receive_buffer=8192) as client:
        client.sendall(b"GET /flood/300 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        wait_until(lambda: impatient_server.do("flood")["sent"] > 3, "the flood has begun")
        wait_until(lambda: not _connections(impatient_server), "the connection is gone")
