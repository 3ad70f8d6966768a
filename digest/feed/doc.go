// Package feed reads what news sites publish about themselves: RSS, Atom, RDF,
// JSON Feed, the posts of WordPress's REST interface, news sitemaps, and pages
// of headlines. It does no I/O: bytes in, a [Feed] out.
//
//	bytes ─unpack gzip→ ─UTF8→ ─sniff→ ┬ XML  ─mend→ gofeed → Item ┐
//	                                   ├ JSON Feed → gofeed → Item ├─finish→ Feed
//	                                   ├ WordPress → Item          │
//	                                   └ sitemap ─mend→ Item       ┘
//
// What it promises, for any bytes whatever: no panic; time and memory bounded
// by the size of the input, which is bounded by [MaxBytes]; every string valid
// UTF-8; every address absolute and http(s); HTML that has passed [Sanitize];
// ids that are unique within the feed. Fuzz targets hold it to that.
//
// # Decisions
//
// XML is always mended before gofeed sees it, not only after a failure. gofeed
// fails on open elements and CDATA, and its pull parser copies all namespace
// prefixes for every element, so that a document of prefixes costs the square
// of its size. One pass in front (repair.go) closes, drops and bounds; the
// slowest of 31 hostile bodies of up to 15 MB then takes .9 s. An XML reader of
// our own instead of gofeed would be as long as the pass and know fewer dialects.
//
// Valid UTF-8 wins over every label. The detector of golang.org/x/net/html/charset reads
// a page whose first kilobyte is ASCII as windows-1252, which alone costs an
// extractor 2.6 points of F1.
//
// A date that can be read in two ways is none ("03/11/2026"): the item then
// counts from when it was first seen. An order guessed wrong would make today's
// story eight months old and drop it silently.
//
// Content is "" when a feed gives summaries only. Nothing guesses whether a long
// description is the whole article: the article page is read anyway.
//
// Pages of headlines are read only by [ParsePage], never by [Parse]: a feed that
// turns into a web page must fail loudly.
//
// The item's id is the feed's own (guid), then the address, then a hash; one
// guid for all items gets the address beside it. What else the site calls an
// article goes to AltIDs, "?p=123" for WordPress's number wherever it is found.
package feed
