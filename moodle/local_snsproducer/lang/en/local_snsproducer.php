<?php
// This file is part of Moodle - http://moodle.org/
//
// Moodle is free software: you can redistribute it and/or modify
// it under the terms of the GNU General Public License as published by
// the Free Software Foundation, either version 3 of the License, or
// (at your option) any later version.
//
// Moodle is distributed in the hope that it will be useful,
// but WITHOUT ANY WARRANTY; without even the implied warranty of
// MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.  See the
// GNU General Public License for more details.
//
// You should have received a copy of the GNU General Public License
// along with Moodle.  If not, see <http://www.gnu.org/licenses/>.

/**
 * The plugin's words in English.
 *
 * @package    local_snsproducer
 * @copyright  2026 the moodle-sns-producer authors
 * @license    http://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

defined('MOODLE_INTERNAL') || die();

$string['allowcontact'] = 'Allow contact data';
$string['allowcontact_help'] = 'E-mail addresses and the like. Unticked, such a field is left out, even where a contract asks for it.';
$string['allowspecial'] = 'Allow data of special categories';
$string['allowspecial_help'] = 'Data about health, belief, origin and the like, which the law protects more. Unticked, such a field is left out, even where a contract asks for it.';
$string['backfillstopped'] = 'The sidecar takes no past events now ({$a}). The backfill goes on where it stopped.';
$string['budget'] = 'Time for sending';
$string['budget_help'] = 'Milliseconds for all that one request sends, from 50 to 10,000.';
$string['cafile'] = 'File of trusted certificates';
$string['cafile_help'] = 'For an `https` endpoint with a certificate of your own: the full path of a PEM file. Leave it empty to trust what this machine trusts.';
$string['check_idle'] = 'Not looked at: this site sends nothing now.';
$string['check_unknown'] = 'This could not be looked at.';
$string['check_unknown_details'] = 'Looking at it ended with {$a}. With debugging on, the log of the web server says more.';
$string['checkbreaker'] = 'SNS producer: breaker';
$string['checkbreaker_closed'] = 'Events are sent at the end of each request.';
$string['checkbreaker_half'] = 'The sidecar failed a moment ago. One request is trying whether it answers again.';
$string['checkbreaker_open'] = 'The sidecar failed several times, so requests on this server don\'t try. Events wait in the outbox, and one request tries again within seconds.';
$string['checkclock'] = 'SNS producer: clock';
$string['checkclock_far'] = 'The clocks of this server and the sidecar are {$a} seconds apart. At 300 nothing is taken: set the one that is wrong.';
$string['checkclock_off'] = 'The clocks of this server and the sidecar are {$a} seconds apart. Set the one that is wrong, best by NTP.';
$string['checkclock_off_details'] = 'From 2 seconds on the sidecar corrects the times of events by its own clock. At 300 seconds it takes nothing.';
$string['checkclock_ok'] = 'Both clocks show the same time.';
$string['checkclock_refused'] = 'The sidecar refuses what this server signs, because their clocks are too far apart.';
$string['checkclock_refused_details'] = '{$a}';
$string['checkclock_unknown'] = 'The sidecar gave no answer that would tell.';
$string['checkconnected'] = 'SNS producer: connection';
$string['checkconnected_copy'] = 'This looks like a copy of {$a->connected}. Connect it or switch it off.';
$string['checkconnected_copy_details'] = 'The plugin was connected as {$a->connected}, and this site is {$a->here}. So it sends nothing, fetches nothing and keeps nothing. If the site moved to this address, connect it here and add the address to the source\'s `accept_urls` at the sidecar. If it is a copy for testing, disconnect it or untick "Send events".';
$string['checkconnected_notconnected'] = 'This site is set up but not connected, so it sends nothing.';
$string['checkconnected_notset'] = 'The settings are not complete: {$a->problem}.';
$string['checkconnected_off'] = 'Sending is switched off in the settings.';
$string['checkconnected_ok'] = 'This site is connected as {$a->here}.';
$string['checkcron'] = 'SNS producer: tasks';
$string['checkcron_disabled'] = 'These tasks are disabled: {$a}. Enable them, or events will wait for ever.';
$string['checkcron_failing'] = 'These tasks fail: {$a}. Their logs say why.';
$string['checkcron_late'] = 'The plugin\'s tasks last ran {$a} ago. See that cron runs each minute.';
$string['checkcron_never'] = 'The plugin\'s tasks have never run. See that cron runs each minute.';
$string['checkcron_ok'] = 'The plugin\'s tasks run.';
$string['checkledger'] = 'SNS producer: ledger';
$string['checkledger_holds'] = 'All {$a->observed} events of the last 24 hours are accounted for.';
$string['checkledger_lost'] = '{$a->lost} events were lost in the last 24 hours, because the outbox was full.';
$string['checkledger_lost_details'] = 'The outbox holds 2 million rows for 30 days at most. Cure what keeps it from being emptied.';
$string['checkledger_missing'] = '{$a->missing} of {$a->observed} events of the last 24 hours are not accounted for.';
$string['checkledger_missing_details'] = 'They were observed, but neither sent nor kept: most likely PHP was killed before the end of a request (`kill -9`, out of memory, a lost node). Events that must never be lost can be made strict in the settings.';
$string['checkledger_over'] = '{$a->missing} more events than were observed have an outcome in the last 24 hours. This is a fault of the plugin: please report it.';
$string['checkledger_unarmed'] = '{$a->unarmed} events of the last 24 hours were not sent, because there was no wanted list.';
$string['checkoutbox'] = 'SNS producer: outbox';
$string['checkoutbox_empty'] = 'Nothing waits to be sent.';
$string['checkoutbox_foreign'] = '{$a->foreign} of the waiting events were raised under another address of this site. They are never sent from this one.';
$string['checkoutbox_foreign_details'] = 'On a copy, delete them. If the site moved, they can be sent only under the old address.';
$string['checkoutbox_late'] = '{$a->rows} events wait to be sent, the oldest for {$a->age}. The outbox is emptied each minute, so something keeps it from that.';
$string['checkoutbox_late_details'] = 'See the checks of sidecar, signature and tasks, or send a test event to see which step fails.';
$string['checkoutbox_ok'] = '{$a->rows} events wait to be sent, the oldest for {$a->age}.';
$string['checkoutbox_stuck'] = '{$a->rows} events wait to be sent, the oldest for {$a->age}. At 2 million rows, or after 30 days, events are lost.';
$string['checkoutbox_stuck_details'] = 'See the checks of sidecar, signature and tasks, or send a test event to see which step fails.';
$string['checkreachability'] = 'SNS producer: sidecar';
$string['checkreachability_notready'] = 'The sidecar at {$a->endpoint} answers, but takes nothing now. New events wait in the outbox.';
$string['checkreachability_notready_details'] = '{$a->cure}';
$string['checkreachability_ok'] = 'The sidecar at {$a->endpoint} answered in {$a->ms} ms.';
$string['checkreachability_silent'] = 'The sidecar at {$a->endpoint} did not answer. New events wait in the outbox.';
$string['checkreachability_silent_details'] = '{$a->cure}';
$string['checkrefused'] = 'SNS producer: refused events';
$string['checkrefused_none'] = 'The sidecar refused no single event.';
$string['checkrefused_some'] = 'The sidecar refused {$a} events. The outbox shows why; send them again once that is cured, or delete them.';
$string['checksignature'] = 'SNS producer: signature';
$string['checksignature_bad'] = 'The sidecar does not take this site for a source it knows. New events wait in the outbox.';
$string['checksignature_bad_details'] = '{$a}';
$string['checksignature_ok'] = 'The sidecar knows this site by its signature. Fingerprint: {$a}.';
$string['checksignature_unknown'] = 'The sidecar gave no answer that would tell.';
$string['checkspool'] = 'SNS producer: spool';
$string['checkspool_changed'] = 'The sidecar now keeps events in another spool: {$a->now}, before {$a->before}.';
$string['checkspool_changed_details'] = 'If the sidecar was set up anew, what it had accepted and not yet published is in the old spool only. Find out why it changed; then say on the overview that it was meant.';
$string['checkspool_none'] = 'The sidecar has taken no event yet.';
$string['checkspool_same'] = 'The sidecar keeps events in spool {$a->now}, as before.';
$string['checkwantedlist'] = 'SNS producer: wanted list';
$string['checkwantedlist_empty'] = 'The wanted list is empty: no topic at the sidecar wants any event of this site.';
$string['checkwantedlist_empty_details'] = 'Give a topic in the sidecar\'s configuration some contracts, and reload it.';
$string['checkwantedlist_none'] = 'There is no wanted list yet, so nothing is sent or kept.';
$string['checkwantedlist_none_details'] = 'A scheduled task asks the sidecar for it each minute. Send a test event to see which step fails, and see that cron runs.';
$string['checkwantedlist_ok'] = 'The wanted list names {$a->events} events for {$a->contracts} contracts. It was confirmed {$a->age} ago.';
$string['checkwantedlist_old'] = 'The wanted list was last confirmed {$a->age} ago. It is still used, but changes of contracts don\'t arrive.';
$string['checkwantedlist_old_details'] = 'A scheduled task asks the sidecar each minute. Send a test event to see which step fails, and see that cron runs.';
$string['connectbudget'] = 'Time for connecting';
$string['connectbudget_help'] = 'Milliseconds of that until the connection stands, from 5 to 5,000. For `https` on another machine 200 is a good start.';
$string['diagnosis_broken'] = 'The connection to {$a->endpoint} broke, or the answer was no HTTP. {$a->detail}';
$string['diagnosis_broken_cure'] = 'See whether the sidecar runs and its log. If it listens with TLS, the endpoint begins with https.';
$string['diagnosis_busy'] = 'The sidecar is overloaded for the moment.';
$string['diagnosis_busy_cure'] = 'Try again in a few seconds. If it lasts, look at its disk: moodle-sns-producer status.';
$string['diagnosis_clock'] = 'The signature is right, but the clocks are {$a->apart} apart: {$a->ours} here, {$a->theirs} at the sidecar.';
$string['diagnosis_clock_cure'] = 'Set the clock that is wrong, best by NTP on both machines. 300 seconds are borne.';
$string['diagnosis_dns'] = 'The name in {$a->endpoint} could not be looked up.';
$string['diagnosis_dns_cure'] = 'Correct the name in the settings, or the DNS of this server. An address (127.0.0.1) or a socket needs no DNS.';
$string['diagnosis_fine'] = 'The sidecar answered in {$a->ms} ms.';
$string['diagnosis_full'] = 'The sidecar\'s spool is full, so it takes nothing more.';
$string['diagnosis_full_cure'] = 'moodle-sns-producer status names the topic that fills it. Here everything waits in the outbox meanwhile.';
$string['diagnosis_mismatch'] = 'The sidecar knows another site under the source "{$a->source}": {$a->here} is not its address.';
$string['diagnosis_mismatch_cure'] = 'If this is a copy, disconnect it. If the site moved here, add {$a->here} to the source\'s accept_urls at the sidecar, or correct its url.';
$string['diagnosis_nosecret'] = 'No secret could be read, so nothing could be signed.';
$string['diagnosis_nosecret_cure'] = 'Set the secret again in the settings. A secret that was saved on another server can\'t be decrypted here without that server\'s key (moodledata/secret).';
$string['diagnosis_notready'] = 'The sidecar runs but can\'t keep events now ({$a->problem}).';
$string['diagnosis_notready_cure'] = 'It is starting, stopping, or its disk fails. Try again in a few seconds, then see its log and moodle-sns-producer status.';
$string['diagnosis_path'] = 'The sidecar at {$a->endpoint} has no such path.';
$string['diagnosis_path_cure'] = 'It is older than this plugin. Upgrade the sidecar first, then the plugin.';
$string['diagnosis_refusal'] = 'The sidecar refused the request: {$a->detail}';
$string['diagnosis_refusal_cure'] = 'Its name for that is "{$a->problem}", HTTP status {$a->status}. Plugin and sidecar may be of different ages: upgrade the sidecar first.';
$string['diagnosis_refused'] = 'Nothing listens at {$a->endpoint}: the connection was refused.';
$string['diagnosis_refused_cure'] = 'Start the sidecar (systemctl start moodle-sns-producer), or correct the endpoint in the settings. "listen" under [receive] in its configuration says where it listens.';
$string['diagnosis_signature'] = 'The sidecar does not know this signature for the source "{$a->source}".';
$string['diagnosis_signature_cure'] = 'Compare the source key and the fingerprints on both sides. Here: source {$a->source}, fingerprint {$a->prints}. At the sidecar: moodle-sns-producer status.';
$string['diagnosis_stranger'] = 'Something answers at {$a->endpoint}, HTTP status {$a->status}, but not in the way of the sidecar.';
$string['diagnosis_stranger_cure'] = 'Another program, or a proxy in between, answers there. Correct the endpoint in the settings.';
$string['diagnosis_timeout'] = '{$a->endpoint} did not answer within {$a->ms} ms.';
$string['diagnosis_timeout_cure'] = 'The sidecar hangs, the way to it is blocked (firewall, wrong address), or it is far away: then allow more time in the settings under "Limits".';
$string['diagnosis_tls'] = 'The encrypted connection to {$a->endpoint} failed: {$a->detail}';
$string['diagnosis_tls_cure'] = 'The certificate must be valid for the name in the endpoint and signed by an authority that this server trusts. For an authority of your own, give its certificate in the settings under "File of trusted certificates".';
$string['diagnosis_toolarge'] = 'The answer of {$a->endpoint} was larger than any of the sidecar\'s.';
$string['diagnosis_toolarge_cure'] = 'Something else seems to answer there: correct the endpoint in the settings.';
$string['diagnosis_unusable'] = 'This server can\'t make such a connection. {$a->detail}';
$string['diagnosis_unusable_cure'] = 'See the endpoint in the settings, and whether PHP\'s curl supports it.';
$string['enabled'] = 'Send events';
$string['enabled_help'] = 'Untick this to stop: events raised from then on are not sent and not kept. What waits in the outbox stays there.';
$string['endpoint'] = 'Endpoint';
$string['endpoint_bad'] = 'This address can\'t be used: {$a}.';
$string['endpoint_help'] = 'The sidecar\'s address: `http://127.0.0.1:8080` on this machine, `https://host:port` on another one, or `unix:/run/moodle-sns-producer/in.sock` for a socket. No path, no user, no query.';
$string['eventgradereleased'] = 'Grade released';
$string['eventtestsent'] = 'Test event sent';
$string['fingerprint_bad'] = '**What is set can\'t be read as a secret.** Set it again.';
$string['fingerprint_is'] = 'Fingerprint of the secret in force: **{$a}**';
$string['fingerprint_none'] = 'No secret is set.';
$string['fromenvironment'] = '**The environment variable {$a} decides.** What is saved here has no effect.';
$string['pageconnect'] = 'Connect this site';
$string['pageoutbox'] = 'Outbox';
$string['pageoverview'] = 'Overview';
$string['pagepreview'] = 'Preview what would be sent';
$string['pagetest'] = 'Send a test event';
$string['plaintext'] = 'Allow plain HTTP to another machine';
$string['plaintext_help'] = 'Events hold personal data, so an `http` endpoint on another machine is refused. Tick this only where a proxy on this machine encrypts the connection.';
$string['pluginname'] = 'SNS producer';
$string['secret'] = 'Secret';
$string['secret_help'] = 'The secret in use: `whsec_` and what follows it.';
$string['secretnext'] = 'Next secret';
$string['secretnext_help'] = 'To change the secret without a pause: give the new one to the sidecar beside the old one, save it here (events are then signed with both), move it up to *Secret* here, take the old one away at the sidecar, and empty this field.';
$string['settings'] = 'Settings';
$string['settingsconnect'] = '3. Connect this site';
$string['settingsconnect_help'] = 'Nothing is sent before an administrator connects this site: [Connect this site]({$a->connect}). The address of the site is remembered, so that a copy of it stays silent. Then [send a test event]({$a->test}).';
$string['settingsleaves'] = '4. What may leave this site';
$string['settingsleaves_help'] = 'Only what a published contract names leaves this site. [Preview what would be sent]({$a->preview}) for a recent event, field by field.';
$string['settingslimits'] = '5. Limits';
$string['settingslimits_help'] = 'Events are sent when the page has gone to the browser. These limits say how long the sidecar may keep a web server\'s worker; what doesn\'t go in time waits in the outbox and is sent later.';
$string['settingssecret'] = '2. The secret';
$string['settingssecret_help'] = 'Both sides sign with a shared secret. Make one with `moodle-sns-producer keys new`. It is kept encrypted and never shown again. Compare the fingerprint with the one that `moodle-sns-producer status` shows.';
$string['settingswhere'] = '1. Where the sidecar is';
$string['settingswhere_help'] = 'The sidecar is the program that receives this site\'s events and publishes them to Amazon SNS. It should run on this machine or near it.';
$string['snsproducer:manage'] = 'Connect, test and clear the SNS producer';
$string['snsproducer:view'] = 'See how the SNS producer does';
$string['snsproducer:viewbody'] = 'See what events hold before they are sent';
$string['sourcekey'] = 'Source key';
$string['sourcekey_bad'] = 'A source key has 1 to 32 characters of a-z, 0-9, - and _, and begins with a letter or a digit.';
$string['sourcekey_help'] = 'The name under which the sidecar\'s configuration knows this site: `[sources.KEY]`.';
$string['strict'] = 'Strict events';
$string['strict_form'] = '"{$a}" is not the name of an event: it looks like \\core\\event\\user_graded.';
$string['strict_help'] = 'Names of events, one a line, such as `\\core\\event\\user_graded`. Of these none is lost even if PHP is killed: each is written to the outbox while it is raised. That costs a database write an event, within the request.

If Moodle makes the change inside a database transaction, the event is kept if and only if the change is. Moodle does so for quiz attempts that are submitted, overdue or abandoned, and their grades; and for users, groups, cohorts, courses and manual enrolments that are changed through web services.

**Moodle makes most other changes outside any transaction**: enrolments, role assignments, group and cohort members, courses, users and completion that are changed on its pages, assignment submissions, and grades given by hand. There, if PHP is killed in the microseconds between the change and its event, the change is there and no event is. Strict mode can\'t close that gap.';
$string['strict_many'] = 'At most {$a} events can be strict.';
$string['strict_unknown'] = 'This Moodle has no event "{$a}".';
$string['taskbackfill'] = 'Send events of the past';
$string['taskdrainoutbox'] = 'Send what waits in the outbox';
$string['taskfetchwanted'] = 'Ask the sidecar which events it wants';
$string['taskkeep'] = 'Keep the ledger';
$string['taskreadgrades'] = 'Tell grades that may be seen by now';
$string['within_bad'] = 'A whole number from {$a->least} to {$a->most} is needed.';
