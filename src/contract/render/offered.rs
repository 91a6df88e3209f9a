//! What was asked for and isn't offered, with the reason. `contracts/README.md` says the same.

/// Asked for, why not, and what to use instead; names of contracts become links.
pub(super) const NOT_OFFERED: [[&str; 3]; 12] = [
    [
        "A due date was changed",
        "Moodle has no such event.",
        "`activity.updated` and `calendar.updated` carry the dates as they are now: compare with what you hold.",
    ],
    ["The value before a change", "Moodle’s events don’t know it.", "Compare with what you hold."],
    [
        "Grades that aren’t released",
        "The student may not see them, so they don’t leave Moodle.",
        "`grade.updated`, sent when they are released: at once, or within 5 minutes.",
    ],
    [
        "What a restore brings",
        "Moodle announces some of it; activities and groups it does not.",
        "`course.restored`, then fetch by web service.",
    ],
    [
        "Who is in a course now",
        "A stream tells changes, not the present.",
        "The web service that each contract names.",
    ],
    [
        "Text of posts, submissions, comments",
        "What people typed is never passed on.",
        "Ids and counts; read the text in Moodle, under Moodle’s rights.",
    ],
    ["Messages between people, notes", "They are personal, and no integration needs them.", "Nothing."],
    [
        "Log-ins, page views, searches",
        "They watch people. Not offered now, for analytics neither.",
        "`completion.activity_updated` where a result is meant.",
    ],
    [
        "Who gave an anonymous answer or a blind submission",
        "Anonymous stays anonymous.",
        "Course and activity only, with the time cut to the hour.",
    ],
    [
        "A teacher’s try of a quiz as an attempt",
        "It is no student’s work.",
        "Where Moodle tells it too, the message says `preview`.",
    ],
    [
        "Changes written to Moodle’s database behind its back",
        "Nothing is raised for them.",
        "Use Moodle’s functions or web services: they raise events.",
    ],
    [
        "Many events in one message",
        "It breaks filters, deduplication and equal bytes.",
        "A FIFO topic, which keeps the order of many.",
    ],
];
