// Package feed reads what news sites publish about themselves: RSS, Atom, RDF,
// JSON Feed, the posts of WordPress's REST interface, news sitemaps. It does
// no I/O: bytes in, a [Feed] out.
//
//	bytes ─unpack gzip→ ─UTF8→ ─sniff→ ┬ XML  ─mend→ gofeed → Item ┐
//	                                   ├ JSON Feed → gofeed → Item ├─finish→ Feed
//	                                   ├ WordPress → Item          │
//	                                   └ sitemap ─mend→ Item       ┘
//
// What it promises, for any bytes whatever: no panic; time and memory bounded
// by the size of the input, which is bounded by [MaxBytes]; every string valid
// UTF-8; every address absolute and http(s); HTML that has passed [Sanitize].
// Fuzz targets hold it to that.
package feed
