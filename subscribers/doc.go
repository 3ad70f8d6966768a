// Package subscribers knows who reads, with what right we write to them, and
// to whom we must not write.
//
// A [Subscriber] is a person at a mail address. On each [List] he has at most one
// [Subscription], whose state says whether he gets its mail:
//
//	  asks              presses the button        wants none for a while
//	────────▶ pending ────────────────▶ active ◀──────────────────────▶ paused
//	             │                        │ leaves                        │ leaves
//	             │ 7 days pass            ▼                               ▼
//	             ▼                    unsubscribed ◀──────────────────────┘
//	          expired                     │
//	             └────── asks again ──────┴──────▶ pending
//
// A [Consent] is the proof of the right: express (asked for and confirmed),
// implied (until a date) or imported (given elsewhere, with evidence). Nobody
// becomes active without one.
//
// A [Suppression] is an address that is never written to, whatever a list,
// import, segment or API says: it is looked at when an audience is frozen and
// again when each delivery is claimed ([Store.Recipients]). Some are lifted by
// the person's own confirmation, some never; see [Reason].
//
// What this package promises:
//
//   - Whoever has unsubscribed or never confirmed comes back by his own
//     confirmation alone; no import, command or API does it.
//   - Who has left, is suppressed or erased stays so through backup and restore:
//     the [Journal], a file outside the database, is replayed at every start of serve.
//   - Links in mails work as long as their key is in the key file ([Keys]), and a
//     start without a key that has signed links is refused ([Store.CheckKeys]).
//   - A segment that is missing, empty or wrong is an error, never everyone.
//   - Asking for a newsletter tells nothing about the address, and cannot be used
//     to flood it.
//   - What is held about a reader is his to have, to move and to erase by a letter
//     to his own address alone ([Store.AskYours]); a link in any other mail tells
//     neither that nor his address in full.
//
// Sub-packages: address (which addresses are accepted), segment (rules about
// readers as SQL), importer (files), signup (readers' own pages).
package subscribers
