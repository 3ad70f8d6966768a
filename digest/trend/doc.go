// Package trend counts the views of articles and ranks stories by the views
// they can expect.
//
//	page ─beacon─┐
//	log ─────────┼→ Counters (SQL | Redis): article × hour, people once a day
//	site's own ──┘        │
//	                      ├─ Rank ─→ order, reasons, arithmetic      (else last snapshot, else date)
//	                      └─ Sample, every 3 h ─→ truth a day later ─→ Fit, every night ─→ model
//
// [Beacon] receives views over HTTP and never waits for the counters;
// [IngestLog] reads them from a web server's log. [SQL] and [Redis] implement
// [Counters]. [Ranker] orders stories; it learns from the site's own last days
// and from nowhere else. [Replay] puts any history through the same way and
// answers as the ranking would have.
//
// What it promises: a view of a person counts once a day, of a program never;
// no address of a reader is stored anywhere; the beacon answers whatever the
// counters do; a ranking is always returned and says what it was made from;
// the same counts give the same order.
package trend
