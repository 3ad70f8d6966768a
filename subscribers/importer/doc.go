// Package importer brings readers in from a file, with consent they gave
// elsewhere.
//
// It reads comma, semicolon, tab or bar separated text in any usual character
// set, with or without headings, row by row: a file of a million rows needs no
// more memory than one of a thousand, apart from sixteen octets a row to find
// duplicates.
//
// What becomes of a row:
//
//	new           a subscriber who was not known, active on the list
//	added         a known subscriber, now active on this list too
//	known         on the list already (or asked and not yet confirmed): nothing changes
//	unsubscribed  left this list before: stays away
//	suppressed    must not be written to: stays away
//	inactive      the file itself says that he has unsubscribed or bounced
//	duplicate     stands in the file before
//	invalid       no usable address; the report says line and reason
//
// An import never re-subscribes anyone and never changes what is known about
// somebody. The dry run counts exactly what the import would do. Every import
// has a number and can be undone: what it made and nobody has touched since is
// deleted again.
package importer
