// Package demo is a small world for trying pressrun out: the news site of a
// fictional city, the readers who visit it, and the people who subscribe.
//
//	Site ──pages, feeds, WordPress API, sitemaps──▶ what a collector reads
//	Readers ──POST /v1/view──▶ the beacon that counts views
//	Subscribers ──▶ lists of fictional people
//
// The site behaves as real news sites do, which is to say badly: weather and
// date lines, "Read More" between paragraphs, the author box twice, trending,
// latest and related blocks, share buttons, comments, a newsletter box, and a
// cookie banner. All text was written for this package; the city of Port Ellery,
// its people and its firms do not exist.
//
// Times of publication hang on Site.Start, so the news is always fresh. All of
// it is deterministic: the same start and seed give the same bytes.
package demo
