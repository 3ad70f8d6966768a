// Package article makes clean text and metadata out of one news page, and the
// key by which everything else in the program knows that page.
//
// The way of a page:
//
//	bytes ─decode→ UTF-8 ─parse→ tree ─cut→ (the source's own rules)
//	   ─scan→ meta, JSON-LD, microdata, headings, texts ─vote→ title, byline, dates, picture
//	   ─prune→ without furniture ─┬→ readability ────────┐
//	                              └→ densest element ────┴merge→ blocks ─filter→ text
//
// What is page furniture stands in furniture.txt, one pattern a line with an
// example that is tested; nothing of it is in code. [Extract] promises that it
// never panics, that time and memory are bounded by the length of the page
// (of which it parses at most [MaxPage] bytes and 150,000 tags), and that its
// text is valid UTF-8. All functions may be called concurrently.
//
// # Decisions
//
// Two candidates, merged. Readability finds nearly all of an article (recall
// .989) and too much around it; the element with the densest prose is found by
// other means and errs elsewhere. The text is the dense element's blocks from
// the first to the last that readability confirms; where readability has found
// much outside, the next element around is taken, and where it has lost its way
// or markup names the element the article's body, the dense one stands alone.
// F1 on the 85 Zyte pages and 320 WCXB articles: readability alone .952 and
// .944, after pruning and filtering .970 and .948, dense alone .965 and .956,
// merged .983 and .959. The better of the two on every page, an oracle, would
// give .984 and .963. Joining both texts was worse than either cut (.974, .955).
//
// Pages are decoded as feeds are, by [feed.UTF8]: valid UTF-8 is UTF-8 whatever
// header and meta say. The detector of x/net looks at one kilobyte and calls many
// UTF-8 pages windows-1252, which costs 2.6 points of F1.
//
// Furniture in two strengths. A class such as author-box or comments goes however long it
// is, up to six tenths of the page's prose; one such as caption or promo goes
// unless three tenths stand in it. Classes are compared by words, so that
// "share" is not found in "shareholder". Teasers go by their shape: siblings
// that look alike, each with a heading that links elsewhere on the site.
//
// Headline: a first-level heading wins if og:title, JSON-LD or the title element
// share words with it. Titles equal to the truth on WCXB: readability .575, so .906.
//
// Byline: every source is a credit with a weight, agreeing ones add up. What is
// visible near the headline weighs as much as JSON-LD, since two thirds of
// pages name the author only there. Readability .588, so .831.
//
// Dates keep the zone that the page wrote, because the day in that zone is the
// day readers saw. Published is looked for in JSON-LD, meta, microdata, near
// the headline and in the address, in this order. Readability .528, so .872.
//
// Of a picture the version without query that the page shows is taken when its address
// is og:image's but for the query. Where the page names none, or its logo, the first
// in a figure of the article is taken: of eight logos on 320 labelled pages none stays
// (by the publisher's data or the file's name), and no picture of an article goes. A page's description is never its text.
//
// The price is 1.6 to 1.75 times the processor time of readability alone on
// the same page (BenchmarkExtract in the tests). What would change our mind: a Go
// extractor that scores more on both sets without patterns to keep.
package article
