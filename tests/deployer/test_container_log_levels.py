"""How bad lines of real programs say themselves to be."""

import pytest

from apps.deployer.container_logs.levels import DEBUG, ERROR, INFO, NONE, WARNING, level_of

LINES = {
    '{"level":"error","msg":"no route","ts":1}': ERROR,
    '{"ts":1,"severity":"WARNING","message":"slow"}': WARNING,
    '{"level":30,"time":1,"pid":1,"msg":"listening"}': INFO,
    '{"level":50,"msg":"it broke"}': ERROR,
    '{"@timestamp":"x","log.level":"debug","message":"ERROR is a word here"}': DEBUG,
    '{"log":{"level":"warn"},"message":"m"}': WARNING,
    '{"message":"an error in words"}': NONE,
    'time="2026-03-01T12:00:00Z" level=warning msg="disk is nearly full"': WARNING,
    "t=2026-03-01 lvl=error msg=oops": ERROR,
    "severity=INFO started": INFO,
    "E0301 12:00:00.123456       1 main.go:10] it failed": ERROR,
    "W0301 12:00:00.123456       1 main.go:10] careful": WARNING,
    "I0301 12:00:00.123456       1 main.go:10] hello": INFO,
    "Ivan wrote 12:00:00": NONE,
    "[ERROR] could not connect": ERROR,
    "2026/03/01 12:00:00 [error] 7#7: *1 open() failed": ERROR,
    "2026/03/01 12:00:00 [notice] 1#1: start worker processes": INFO,
    "[Sun Mar 01 12:00:00.0 2026] [core:warn] [pid 1] AH00098": WARNING,
    "2026-03-01 12:00:00,123 INFO  org.example.Main - started": INFO,
    "2026-03-01 12:00:00.123  WARN 1 --- [main] o.e.Main : careful": WARNING,
    "12:00:00.123 [main] ERROR com.example - broken": ERROR,
    "WARNING: no swap limit support": WARNING,
    "ERROR:root:it broke": ERROR,
    "error: linker failed": ERROR,
    "warning[E0382]: use of moved value": WARNING,
    "nginx: error: bad value": ERROR,
    "2026-03-01 12:00:00.000 UTC [1] FATAL:  password authentication failed": ERROR,
    "2026-03-01 12:00:00.000 UTC [1] LOG:  database system is ready": NONE,
    "DEBUG entering": DEBUG,
    "\x1b[31mERROR\x1b[0m red": ERROR,
    '172.18.0.1 - - "GET /error HTTP/1.1" 200': NONE,
    "There was no error: all is well": NONE,
    "0 errors, 0 warnings": NONE,
    "Information about the INFORMAL meeting": NONE,
    "": NONE,
    "x" * 500 + " ERROR": NONE,
}


@pytest.mark.parametrize("line", LINES)
def test_the_level_of_a_line(line: str) -> None:
    assert level_of(line) == LINES[line]
