//! The contracts: what is promised to consumers, and the pure functions that keep the promise.
//!
//! In come contract files; out come, from them alone: the rows of the wanted list (which events, which
//! keys, which entity fields), the cut of an event to those rows, the routes (which topics are owed what,
//! in which group), the message that a stored event becomes, and the JSON Schema it is checked against.
//! Equal input gives equal bytes. Nothing here does I/O but reading contract files at start, and nothing
//! here knows the spool, SNS or HTTP.
