//! A client that signs and posts as the Moodle plugin does.
