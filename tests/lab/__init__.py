"""What the tests against real things need: engine, registry, images, panel processes, browser."""
