// Package templates holds everything readers and editors see: the digest and
// the letters as HTML and text, the public pages, the desk's layout, and the
// words of each language. It is the whole contract with people who edit looks.
//
//	Issue  ──RenderIssue──▶ Email{HTML, Text, Subject, …}   one edition, slot markers inside
//	Letter ──RenderLetter─▶ Email                           one mail to one person
//	*Page  ──Page─────────▶ a public page
//	views  ──Desk─────────▶ a page of the desk
//
// Where to look when a look should change:
//
//	static/tokens.css   every colour, size and space, light and dark, for mails and pages
//	email/              HTML and text of mails, and their CSS
//	pages/, desk/       HTML of the public pages and of the desk
//	static/             what browsers load: site.css, desk.css, htmx, the icon
//	words/              one file per language: words, dates, digits, plurals
//
// The package promises:
//
//   - equal views give equal bytes, so that a preview is what is sent;
//   - nothing in a view can break out of its place: text is escaped, addresses
//     other than http and https are dropped, bidirectional overrides removed;
//   - the HTML part and the text part tell the same in the same order;
//   - what is said of a section is true: without fresh view counts no section
//     is called Trending Now, labels and the AI mark stand in every form.
//
// It imports no other room. All functions may be called concurrently.
package templates
