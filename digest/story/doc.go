// Package story finds out which articles tell the same story: copies of one
// text, shortened or edited, and reports of one event in different words. It is
// pure: documents in, story ids out.
//
// Two rules, the first before the second:
//
//   - Copies. Texts are sets of three-word shingles. One shingle in four leads
//     to candidates; sharing 40 % of the shorter text, six shingles at least,
//     makes one story.
//   - Events. Title and first words are compared by the headline each has and the
//     other says, by numbers, by content words weighed by how rare they are in
//     the window, and by the kinds of events their words speak of (events.txt).
//     Nothing is compared that does not share rare names. A story of several
//     articles is joined only by one that has a quarter of what its members
//     agree on: that keeps the same people's other news of the day out.
//
// [Cluster] knows all articles and joins the surest pairs first, whatever the
// order of its input; an [Index] decides one by one and never changes its mind.
// Both look 72 hours back and forth.
//
// # Decisions
//
// Shingles and containment, not simhash: on three mechanical copies of 85
// articles simhash finds 31 to 62 % at a precision of .99, containment all;
// TestQualityCopies holds us to 99 %. Bands of a MinHash are a poor fit for so low a
// bar, an inverted index over sampled shingles is 40 lines. One in four
// instead of one in eight, because briefs have few shingles.
//
// Event kinds from a word list. testdata/events.jsonl (20 events × 3 outlets, 20
// look-alikes; written before the rule, by the same hand, as was the list after
// it) is out of reach for words alone: the best cosine of title and lead gives a
// pair F1 of .69, with kinds beside it .81, with numbers and headlines .87, with
// surest-first joining and the core rule .89 and no look-alike merged. In four-fold
// cross-validation by event the fitted weights gave the same .89, so that the
// figure is not the fit's; that the list was written by somebody who knew the
// events is a reservation we cannot measure away.
//
// Rare names are required because real news is not made of look-alikes: among
// 676 CNN, BBC and Indian articles the rule without names paired strangers of
// one kind (two arrests, two goals); all pairs with an evidence of 2.5 or more
// were one event or its follow-up. minEvidence 1.8 is where the hand-written
// set begins to lose recall.
//
// Common given and place names, weekdays and words such as "minister" weigh
// nothing or little (plain.txt); endings are cut at six letters, because a
// stemmer per language does not pay here.
//
// What would change our mind: sentence embeddings small enough to ship, or
// labelled pairs from a real newsroom.
package story
