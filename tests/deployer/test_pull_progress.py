"""What is read from the output of a pull. The outputs are real; tests/engine/ pulls anew."""

from apps.deployer.pull_progress import FAILED, PULLED, PULLING, SKIPPED, PullProgress

# docker compose --ansi never --progress plain pull web also db (Compose 2.26.1, Docker 20.10).
SEVERAL = """\
 web Skipped - Image is already being pulled by also 
 db Pulling 
 also Pulling 
 0f917812651c Pulling fs layer 
 80e710bd7ab2 Pulling fs layer 
 80e710bd7ab2 Downloading [=>                                                 ]  36.45kB/1.069MB
 80e710bd7ab2 Downloading [==================================================>]  1.069MB/1.069MB
 80e710bd7ab2 Download complete 
 80e710bd7ab2 Extracting [=>                                                 ]  32.77kB/1.069MB
 0f917812651c Downloading [=>                                                 ]  36.45kB/1.069MB
 0f917812651c Download complete 
 80e710bd7ab2 Extracting [==================================================>]  1.069MB/1.069MB
 80e710bd7ab2 Pull complete 
 also Pulled 
 0f917812651c Extracting [==================================================>]  1.069MB/1.069MB
 0f917812651c Pull complete 
 db Pulled 
""".splitlines()  # noqa: W291

REFUSED = """\
 job Skipped 
 db Pulling 
 no Pulling 
 no Error manifest for 127.0.0.1:35993/demo/web:none not found: manifest unknown: manifest unknown
 db Error manifest for 127.0.0.1:35993/demo/web:none not found: manifest unknown: manifest unknown
Error response from daemon: manifest for 127.0.0.1:35993/demo/web:none not found: manifest unknown
""".splitlines()  # noqa: W291

# What the source of Compose 5 prints (cmd/display/plain.go, pkg/compose/pull.go); there was none to run.
NEWER = """\
 Image 127.0.0.1:5000/demo/web:1 Pulling 
 80e710bd7ab2 Pulling fs layer 
 80e710bd7ab2 Downloading 
 80e710bd7ab2 Download complete 
 Image 127.0.0.1:5000/demo/web:1 Pulled 
""".splitlines()  # noqa: W291


def fed(lines: list[str]) -> PullProgress:
    progress = PullProgress()
    progress.feed(lines)
    return progress


def test_layers_of_several_images_are_told_together_until_it_is_known_whose_they_are() -> None:
    begun = fed(SEVERAL[:7])
    shared = begun.shared()
    assert shared is not None
    assert (shared.layers, shared.layers_done, shared.reached) == (2, 0, 0.5)
    # Of one of them the size was not told yet.
    assert shared.size == 0

    known = fed(SEVERAL[:14])
    also, db = known.images()[2], known.images()[1]
    assert (also.name, also.state, db.name, db.state) == ("also", PULLED, "db", PULLING)
    # One was not complete when `also` was: it is the layer of `db`.
    assert (db.layers, db.layers_done, db.reached) == (1, 0, 0.5)
    assert (db.loaded, db.size) == (1_069_000, 1_069_000)


def test_what_is_complete_says_so() -> None:
    done = fed(SEVERAL)
    assert [(row.name, row.state) for row in done.images()] == [
        ("web", SKIPPED),
        ("db", PULLED),
        ("also", PULLED),
    ]
    assert done.images()[0].note == "Image is already being pulled by also"


def test_one_image_has_its_layers_and_bytes() -> None:
    lines = [line for line in SEVERAL if " also" not in line and "0f91" not in line]
    (row,) = fed(lines[:4]).images()
    assert (row.name, row.layers, row.layers_done) == ("db", 1, 0)
    assert (row.loaded, row.size, row.reached) == (1_069_000, 1_069_000, 0.5)
    assert fed(lines[:4]).shared() is None
    assert fed(lines).images()[0].layers_done == 1


def test_a_refused_image_is_told_with_its_reason() -> None:
    rows = {row.name: row for row in fed(REFUSED).images()}
    assert rows["job"].state == SKIPPED
    assert rows["no"].state == rows["db"].state == FAILED
    assert rows["no"].note.startswith("manifest for 127.0.0.1:35993/demo/web:none not found")


def test_newer_compose_names_images_and_may_tell_no_sizes() -> None:
    (row,) = fed(NEWER[:3]).images()
    assert (row.name, row.state, row.layers, row.size) == ("127.0.0.1:5000/demo/web:1", PULLING, 1, 0)
    assert fed(NEWER).images()[0].state == PULLED


def test_other_output_and_odd_numbers_are_passed_over() -> None:
    progress = fed(["", "web", "Pulling", "WARN[0000] Pulling", " 80e710bd7ab2 Frobbing"])
    assert (progress.images(), progress.shared()) == ([], None)
    odd = fed([" 80e710bd7ab2 Downloading [=>] 1.2.3kB/0B", " 80e710bd7ab2 Extracting 5 s"]).shared()
    assert odd is not None
    assert (odd.layers, odd.reached, odd.size) == (1, 0.5, 0)


def test_an_image_that_is_built_instead_has_not_failed() -> None:
    # Compose 2.26.1, of a service with `build` whose image no registry has.
    (row,) = fed([" web Pulling ", ' web Warning Get "http://127.0.0.1:9/v2/": connection refused']).images()
    assert (row.state, row.note) == (SKIPPED, 'Get "http://127.0.0.1:9/v2/": connection refused')
    (row,) = fed([" web Skipped - Image can be built "]).images()
    assert (row.state, row.note) == (SKIPPED, "Image can be built")
