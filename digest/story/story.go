package story

import "time"

// Doc is one article.
type Doc struct {
	ID        string // unique; the id of a story is that of its first member
	Title     string
	Text      string // plain text of the body, or as much of it as there is
	URL       string
	Source    string // who published it, "" = unknown
	Language  string // BCP 47, "" = unknown
	Published time.Time
	// Story, when set, is where the article is to stay: those of one Story stay
	// together, those of two stay apart.
	Story string
}
