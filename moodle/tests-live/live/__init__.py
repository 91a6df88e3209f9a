"""The live suite of the Moodle plugin; moodle/tests-live/run.sh starts it and its head explains it."""
