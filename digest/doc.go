// Package digest turns feeds into issues worth reading.
//
// The way of a story is one way with one loop back:
//
//	source ─poll→ entries ─article→ stories ─cluster→ candidates ─trend + rules→ chosen ─summary→ ISSUE draft
//	   draft ─seal→ editions (hash) ─approval / deadline policy→ approved → sending → sent → closed
//
// The nouns, one file each: [Source] (what is polled), [Entry] (an item as it
// came), [Story] (one event, whatever the number of articles), [Newsletter]
// and its [Spec], [Slot] (one planned run; the row is the truth, whoever runs
// it), [Issue] (what a slot produced), [Edition] (sealed bytes for readers
// who see the same) and [Correction] (what was taken back of an issue that went out).
//
// Who acts on them: [Collector] polls and reads (collect.go, cluster.go, fallback.go),
// [Builder] chooses and summarises (build.go, choice.go, chosen.go, summarise.go),
// [Sealer] makes the bytes (draft.go, edition.go), [Guard] and [Preflight] look
// again before they go out (guard.go, preflight.go). What editors decide about
// stories stands in decide.go, flags.go, member.go and order.go.
//
// What it promises: one issue per slot whatever crashes or runs beside it;
// what was previewed is what is sent; an editor's decisions survive a rebuild;
// every story says in a sentence why it stands where it stands.
package digest
