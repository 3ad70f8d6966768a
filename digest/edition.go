package digest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"pressrun/deploy/schema"
	"pressrun/digest/trend"
	"pressrun/templates"
)

// Edition is one sealed rendering of an issue. Its bytes never change; a
// change of the issue makes a new revision.
type Edition struct {
	ID       int64     `json:"id"`
	IssueID  int64     `json:"issue_id"`
	Revision int       `json:"revision"`
	Name     string    `json:"name"`
	Language string    `json:"language"`
	TextOnly bool      `json:"text_only"`
	Subject  string    `json:"subject"`
	Hash     string    `json:"hash"` // SHA-256 of Message, hex
	Message  []byte    `json:"-"`    // MIME with slot markers
	HTML     string    `json:"-"`
	Text     string    `json:"-"`
	Stories  []int64   `json:"stories"`
	Bytes    int       `json:"bytes"`
	Created  time.Time `json:"created_at"`
	words    string    // subject and headlines in lower case, when it is sealed
}

// Sealer turns a draft into sealed editions.
type Sealer struct {
	*Store
	// Compose makes the MIME message out of what the templates wrote.
	Compose func(templates.Email) ([]byte, error)
	// ArchiveURL is the address of an issue's page as its mails link to it; "" = no
	// archive. All editions but the first add edition=NAME to its query.
	ArchiveURL func(Issue) string
}

// TextSuffix ends the name of an edition's text-only twin.
const TextSuffix = "-text"

// Seal renders every edition of an issue and stores the bytes as its next
// revision, with a text-only twin for readers who want one. When nothing
// differs from the current revision, nothing is stored, and what was approved is
// not sealed again, whatever has changed of what it was made of. It returns the
// editions. Whom somebody else overtakes begins again: what he has changed may not
// be in the other's seal.
func (s *Sealer) Seal(ctx context.Context, id int64) (sealed []Edition, err error) {
	for range 5 {
		if sealed, err = s.seal(ctx, id); !errors.Is(err, errOvertaken) {
			break
		}
	}
	return sealed, err
}

// errOvertaken is what becomes of a seal when there is a newer one already, or the
// issue has left the states in which it is sealed.
var errOvertaken = fmt.Errorf("somebody else sealed or moved it: %w", ErrState)

func (s *Sealer) seal(ctx context.Context, id int64) ([]Edition, error) {
	d, err := s.Draft(ctx, id)
	if err != nil {
		return nil, err
	}
	issue := d.Issue
	switch issue.State {
	case "draft", "held":
	case "approved":
		return s.Editions(ctx, id, issue.Revision)
	default:
		return nil, fmt.Errorf("seal issue %d: it is %s: %w", id, issue.State, ErrState)
	}
	current, sealed, left, err := s.compare(ctx, d)
	if err != nil {
		return nil, fmt.Errorf("seal issue %d: %w", id, err)
	}
	if sameHashes(current, sealed) {
		return current, nil
	}
	return s.store(ctx, issue, sealed, left)
}

// compare returns what is sealed of a draft beside what would be now.
func (s *Sealer) compare(ctx context.Context, d Draft) (current, now []Edition, left []Removal, err error) {
	if now, left, err = s.Render(d); err == nil {
		current, err = s.Editions(ctx, d.Issue.ID, d.Issue.Revision)
	}
	return current, now, left, err
}

// Approve approves what is sealed of a draft or held issue in the name of by, to go out
// at its slot, or at once. ErrState when that is not the revision (0 = any) he has
// looked at, or somebody has changed the issue since it was sealed.
func (s *Sealer) Approve(ctx context.Context, id int64, revision int, by string, atOnce bool) error {
	return s.DB.InTx(ctx, func(tx *sql.Tx) error {
		if err := s.MoveIssue(ctx, tx, id, "approved", "approved by "+by, "draft", "held"); err != nil {
			return err
		}
		d, err := s.Draft(ctx, id) // as it was before this transaction: who edits it has done so, or waits
		if err != nil {
			return err
		}
		at := d.Issue.Revision
		if at == 0 {
			return fmt.Errorf("approve issue %d: it is not sealed yet; wait for the preview: %w", id, ErrState)
		}
		current, now, _, err := s.compare(ctx, d)
		if err == nil && (revision != 0 && revision != at || !sameHashes(current, now)) {
			err = fmt.Errorf("it was changed since you looked (revision %d); look at the preview again: %w", cmp.Or(revision, at), ErrState)
		}
		if err != nil {
			return fmt.Errorf("approve issue %d: %w", id, err)
		}
		_, err = tx.ExecContext(ctx, `update issues set approved_by = $2, approved_at = $3, at_once = $4 where id = $1`, id, by, schema.At(s.Now()), atOnce)
		return err
	})
}

func sameHashes(a, b []Edition) bool {
	if len(a) != len(b) {
		return false
	}
	hashes := map[string]string{}
	for _, e := range a {
		hashes[e.Name] = e.Hash
	}
	for _, e := range b {
		if hashes[e.Name] != e.Hash {
			return false
		}
	}
	return true
}

// render makes an edition and its text-only twin; none when it has no story.
func (s *Sealer) render(d Draft, e EditionSpec, chosen []Chosen, related map[int64]Story) ([]Edition, error) {
	issue := d.Issue
	view, ids, _ := view(d, e, chosen, related)
	if len(ids) == 0 {
		return nil, nil
	}
	email, err := templates.RenderIssue(view)
	if err != nil {
		return nil, err
	}
	spec := d.Spec
	email.From, email.ReplyTo, email.Language = spec.From, spec.ReplyTo, e.Language
	email.ListID = spec.Title + " <" + issue.Newsletter + "." + spec.ListHost + ">"
	email.FeedbackID = fmt.Sprintf("%d:%s:digest:%s", issue.ID, issue.Newsletter, strings.ReplaceAll(spec.ListHost, ".", ""))
	words := view.Subject
	for _, section := range view.Sections {
		for _, st := range section.Stories {
			words += "\n" + st.Title
		}
	}
	var out []Edition
	for _, textOnly := range []bool{false, true} {
		mail := email
		name := e.Name
		if textOnly {
			mail.HTML = ""
			name += TextSuffix
		}
		message, err := s.Compose(mail)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(message)
		out = append(out, Edition{
			IssueID: issue.ID, Revision: issue.Revision + 1, Name: name, Language: e.Language, TextOnly: textOnly, Subject: mail.Subject,
			Hash: hex.EncodeToString(sum[:]), Message: message, HTML: mail.HTML, Text: mail.Text, Stories: ids, Bytes: len(message),
			words: strings.ToLower(words),
		})
	}
	return out, nil
}

func (s *Sealer) store(ctx context.Context, issue Issue, sealed []Edition, left []Removal) ([]Edition, error) {
	err := s.DB.InTx(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `update issues set revision = $2 where id = $1 and revision = $3 and state in ('draft', 'held')`,
			issue.ID, issue.Revision+1, issue.Revision)
		if err != nil {
			return err
		}
		if n, _ := res.RowsAffected(); n == 0 {
			return errOvertaken
		}
		now := schema.At(s.Now())
		for _, r := range left {
			_, err := tx.ExecContext(ctx, `update issue_stories set state = 'removed', reason = $4 where issue_id = $1 and story_id = $2 and edition = $3`, issue.ID, r.StoryID, r.Edition, r.Reason)
			if err != nil {
				return err
			}
		}
		for i := range sealed {
			e := &sealed[i]
			ids, _ := json.Marshal(e.Stories)
			err := tx.QueryRowContext(ctx, `
				insert into editions (issue_id, revision, name, language, text_only, subject, hash, message, html, body_text, stories, words, created_at)
				values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) returning id`,
				e.IssueID, e.Revision, e.Name, e.Language, e.TextOnly, e.Subject, e.Hash, e.Message, e.HTML, e.Text, string(ids), e.words, now).Scan(&e.ID)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("seal issue %d: %w", issue.ID, err)
	}
	return sealed, nil
}

// Editions lists the editions of a revision by name.
func (s *Store) Editions(ctx context.Context, issue int64, revision int) ([]Edition, error) {
	return schema.Each(ctx, s.DB.Read, scanEdition,
		`select `+editionColumns+` from editions where issue_id = $1 and revision = $2 order by id`, issue, revision)
}

// Sealed is Editions without their bytes: Message, HTML and Text are empty.
func (s *Store) Sealed(ctx context.Context, issue int64, revision int) ([]Edition, error) {
	return schema.Each(ctx, s.DB.Read, scanEdition,
		`select `+sealColumns+`
		from editions where issue_id = $1 and revision = $2 order by id`, issue, revision)
}

// Subject is the subject line of a revision's first edition, read without its
// bytes; "" = nothing is sealed.
func (s *Store) Subject(ctx context.Context, issue int64, revision int) (string, error) {
	var subject string
	err := s.DB.Read.QueryRowContext(ctx, `select subject from editions where issue_id = $1 and revision = $2 order by id limit 1`, issue, revision).Scan(&subject)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return subject, err
}

// Seal finds an edition by id, without its bytes.
func (s *Store) Seal(ctx context.Context, id int64) (Edition, error) {
	e, err := scanEdition(s.DB.Read.QueryRowContext(ctx, `select `+sealColumns+` from editions where id = $1`, id))
	return e, notFound(err, "edition", id)
}

// Edition finds an edition by id, its bytes included.
func (s *Store) Edition(ctx context.Context, id int64) (Edition, error) {
	e, err := scanEdition(s.DB.Read.QueryRowContext(ctx, `select `+editionColumns+` from editions where id = $1`, id))
	return e, notFound(err, "edition", id)
}

const (
	editionColumns = `id, issue_id, revision, name, language, text_only, subject, hash, message, html, body_text, stories, created_at`
	sealColumns    = `id, issue_id, revision, name, language, text_only, subject, hash, '', '', '', stories, created_at`
)

func scanEdition(r schema.Row) (Edition, error) {
	var e Edition
	var ids []byte
	var created schema.Time
	err := r.Scan(&e.ID, &e.IssueID, &e.Revision, &e.Name, &e.Language, &e.TextOnly, &e.Subject, &e.Hash, &e.Message, &e.HTML, &e.Text, &ids, &created)
	if err != nil {
		return e, err
	}
	e.Created, e.Bytes = created.Time, len(e.Message)
	return e, json.Unmarshal(ids, &e.Stories)
}

// relatedOf are the stories that the chosen ones name, each once.
func (s *Sealer) relatedOf(ctx context.Context, chosen []Chosen) ([]Story, error) {
	out := []Story{}
	for _, c := range chosen {
		for _, id := range c.Related {
			if slices.ContainsFunc(out, func(st Story) bool { return st.ID == id }) {
				continue
			}
			st, err := s.Story(ctx, id)
			if err != nil {
				return nil, err
			}
			out = append(out, st)
		}
	}
	return out, nil
}

// view is the issue as the templates see it, the ids of its stories in order, and
// the sponsors for whom it has no place.
func view(d Draft, e EditionSpec, chosen []Chosen, related map[int64]Story) (templates.Issue, []int64, []Sponsor) {
	issue, spec := d.Issue, d.Spec
	zone, err := time.LoadLocation(spec.Zone)
	if err != nil {
		zone = time.UTC
	}
	v := templates.Issue{
		Brand: spec.Brand, Newsletter: cmp.Or(e.Title, spec.Title), Language: e.Language, Direction: Direction(e.Language), City: cmp.Or(e.City, spec.City),
		Date: issue.SlotAt.In(zone), Number: issue.Number, ArchiveURL: d.ArchiveURL,
	}
	if e.Name == spec.Editions[0].Name {
		// What an editor wrote is in the language of the first edition.
		v.Subject, v.Preheader = issue.Subject, issue.Preheader
	} else if v.ArchiveURL != "" {
		v.ArchiveURL = withQuery(v.ArchiveURL, "edition", e.Name)
	}
	var ids []int64
	var sensitive []ends
	for _, kind := range sections {
		section := templates.Section{Kind: kind}
		var grave ends
		for _, c := range chosen {
			if c.Edition != e.Name || c.Section != kind || c.State != "in" {
				continue
			}
			grave.last = c.Story.Has("sensitive")
			grave.first = grave.first || grave.last && len(section.Stories) == 0
			c.Position = len(section.Stories) + 1 // among those that are left
			section.Stories = append(section.Stories, storyView(c, spec, kind, len(ids) == 0, related))
			ids = append(ids, c.Story.ID)
		}
		if len(section.Stories) > 0 {
			v.Sections, sensitive = append(v.Sections, section), append(sensitive, grave)
		}
	}
	for _, c := range d.Corrections {
		if c.Edition == e.Name {
			v.Corrections = append(v.Corrections, templates.Correction{Date: c.SlotAt.In(zone), URL: c.URL, Text: strings.Split(c.Text, "\n")})
		}
	}
	ranking := issue.Rankings[e.Name]
	v.ByDate = ranking.By == trend.ByDate || len(v.Sections) > 0 && v.Sections[0].Kind == "latest"
	if ranking.By == trend.BySnapshot {
		v.CountedAt = ranking.ViewsAt.In(zone)
	}
	if v.Subject == "" && len(ids) > 0 {
		v.Subject = subjectOf(v.Sections)
	}
	if v.Preheader == "" {
		v.Preheader = preheaderOf(v.Sections)
	}
	return v, ids, sponsored(v.Sections, sensitive, spec.sponsorsOn(v.Date, e.Name))
}

func storyView(c Chosen, spec Spec, kind string, lead bool, related map[int64]Story) templates.Story {
	st := templates.Story{
		ID: c.Story.ID, Title: c.Title, URL: Marked(c.Story.URL, spec.Mark), Language: c.Story.Language, Direction: c.Story.Direction,
		Source: c.Story.SourceTitle, Author: c.Story.Author, Published: c.Story.Published, Section: c.Story.Section, Label: c.Story.Label, Lead: lead,
	}
	if kind == "trending" && !c.Story.Has("sensitive") && !c.Story.Has("paid") {
		st.Rank = c.Position // a number is decoration: none beside what is grave, or bought
	}
	if c.Story.Has("legal") {
		return st // the headline only
	}
	if s := c.Printed(); s != "" {
		st.Summary = strings.Split(s, "\n")
		st.AI = c.AI && !c.Reviewed()
	}
	if lead && !c.NoPicture {
		st.Image, st.ImageAlt = c.Story.Image, c.Story.ImageAlt
	}
	for _, id := range c.Related {
		r, ok := related[id]
		if !ok || r.State != "live" || r.Has("legal") || r.Has("paid") {
			continue
		}
		st.Related = append(st.Related, templates.Link{Title: r.Title, URL: Marked(r.URL, spec.Mark), Language: r.Language, Direction: r.Direction, Source: r.SourceTitle})
	}
	return st
}

// Marked adds the newsletter's constant mark to a link, so that the beacon can
// leave these visits out. An address that cannot be parsed stays as it is.
func Marked(address, mark string) string {
	if mark == "" {
		return address
	}
	return withQuery(address, "src", mark)
}

// withQuery sets a parameter of an address.
func withQuery(address, name, value string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	q := u.Query()
	q.Set(name, value)
	u.RawQuery = q.Encode()
	return u.String()
}

// maxSubject keeps subjects within what phones show and RFC 2047 folds well.
const maxSubject = 110

func subjectOf(sections []templates.Section) string {
	return shorten(sections[0].Stories[0].Title, maxSubject)
}

func preheaderOf(sections []templates.Section) string {
	var titles []string
	for _, s := range sections {
		for _, st := range s.Stories {
			titles = append(titles, st.Title)
		}
	}
	if len(titles) < 2 {
		return ""
	}
	return shorten(strings.Join(titles[1:min(3, len(titles))], " · "), 100)
}

// shorten cuts at a word's end and says so with an ellipsis.
func shorten(s string, runes int) string {
	r := []rune(s)
	if len(r) <= runes {
		return s
	}
	cut := string(r[:runes-1])
	if i := strings.LastIndexByte(cut, ' '); i > len(cut)/2 {
		cut = cut[:i]
	}
	return strings.TrimRight(cut, " ,;:–—-") + "…"
}

// Direction is that of a language's own script.
func Direction(language string) string {
	switch baseLanguage(language) {
	case "ar", "ur", "fa", "he", "ps", "sd", "ug", "yi", "dv", "ckb":
		return "rtl"
	}
	return "ltr"
}
