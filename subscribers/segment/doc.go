// Package segment turns a rule about readers into SQL.
//
// A rule is an expression that is true or false for each reader:
//
//	language == "ur" and domain endsWith ".pk"
//	list("weekend") and not text_only
//	attrs.city in ["Lahore", "Karachi"] or zone startsWith "Asia/"
//	created >= daysAgo(30) and name contains "khan"
//
//	what             type    meaning
//	email            text    canonical address; case is ignored
//	domain           text    what stands after its @; case is ignored
//	name             text    case is ignored
//	language         text    BCP 47 in lower case: "en", "pt-br"; "" = not known
//	zone             text    IANA: "Asia/Karachi"; "" = not known
//	attrs.city       text    any attribute; attrs["city"] is the same
//	text_only        yes/no  wants no HTML
//	created          time    when he became a subscriber: "2026-01-31" or daysAgo(7)
//	list("daily")    yes/no  is active on that list
//
// Texts are compared with ==, !=, in, not in, contains, startsWith and
// endsWith, times with <, <=, >, >=, and rules are joined by and, or, not
// (&&, ||, !) and parentheses.
//
// Every comparison is true or false, never unknown: an attribute that a reader
// does not have makes any comparison with it false, != too, so that
// attrs.country != "DE" are readers known to live elsewhere, and not
// (attrs.country == "DE") are all the others. attrs.country == nil are those
// who have no such attribute.
//
// A rule that says nothing about the reader is refused, so that no slip of the
// pen means everyone. All values become arguments, never SQL text; the text is
// the same for SQLite and PostgreSQL.
package segment
