# Two commands do everything: `make demo` and `make test`. Each target calls one script of scripts/.
.DEFAULT_GOAL := help
.PHONY: help demo demo-localstack demo-send demo-status demo-queues demo-stop-aws demo-start-aws demo-kill \
	demo-start demo-wrong-signature demo-stop test check pages bench plugin-zip test-the-tests test-long

help:                 ## this list
	@sed -n 's/^\([a-z-]*\): *## \(.*\)/  make \1\t\2/p' Makefile | expand -t 32

demo:                 ## the product's main job on recorded events, with a light stand-in for AWS
	@scripts/demo.sh run

demo-localstack:      ## the same on LocalStack
	@scripts/demo.sh run localstack

demo-send:            ## 200 more events
	@scripts/demo.sh send

demo-status:          ## what the sidecar says of itself: what waits, and the ledger
	@scripts/demo.sh status

demo-queues:          ## how many messages lie in each queue
	@scripts/demo.sh queues

demo-stop-aws:        ## end the stand-in, as in an outage
	@scripts/demo.sh stop-aws

demo-start-aws:       ## start it again
	@scripts/demo.sh start-aws

demo-kill:            ## kill -9 the sidecar
	@scripts/demo.sh kill

demo-start:           ## start the sidecar again, on the same spool
	@scripts/demo.sh start

demo-wrong-signature: ## post a forged batch: 401
	@scripts/demo.sh wrong-signature

demo-stop:            ## end sidecar and stand-in
	@scripts/demo.sh stop

test:                 ## everything: make check, all tests, make pages, the demo
	@scripts/test.sh

test-the-tests:       ## plants each known bug and demands that a named test fails
	@scripts/test-the-tests.sh

test-long:            ## the random tests for MINUTES from SEED on, with results in FOLDER; goes on where it was
	@scripts/test-long.sh $(or $(MINUTES),30) $(or $(SEED),1) $(or $(FOLDER),long)

check:                ## format, lints, documentation, dependencies, scripts, links and commands
	@scripts/check.sh

pages:                ## render the catalogue and look at it: the Nu checker, axe in a browser, links, sizes
	@scripts/pages.sh

bench:                ## benchmarks, ours beside the rivals in one run
	@scripts/bench.sh

plugin-zip:           ## the Moodle plugin as Moodle's installer takes it, in dist/
	@scripts/plugin-zip.sh
