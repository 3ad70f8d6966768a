package digest

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// SetSubject changes the subject and preheader of an issue's first edition; ""
// returns to those made from its stories. The other editions, in other
// languages, keep theirs. It unseals like EditIssue, and says ErrSame like it;
// the same words of other stories than before are a change.
func (s *Store) SetSubject(ctx context.Context, issue int64, subject, preheader, by string) error {
	return s.DB.InTx(ctx, func(tx *sql.Tx) error {
		i, err := s.lock(ctx, tx, issue)
		if err != nil {
			return err
		}
		approved := i.State == "approved" || i.State == "countdown"
		if !approved && i.State != "draft" && i.State != "held" {
			return fmt.Errorf("edit issue %d: it is %s: %w", issue, i.State, ErrState)
		}
		list, err := s.chosen(ctx, tx, issue)
		if err != nil {
			return err
		}
		subject, preheader := strings.TrimSpace(subject), strings.TrimSpace(preheader)
		about := nonNil(writtenOver(subject+" "+preheader, i.Spec, list))
		if subject == i.Subject && preheader == i.Preheader && slices.Equal(about, i.WrittenOver) {
			return fmt.Errorf("edit issue %d: %w", issue, ErrSame)
		}
		if approved {
			if err := s.reopen(ctx, tx, i, "edited by "+by+" after approval"); err != nil {
				return err
			}
		}
		over, err := json.Marshal(about)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `update issues set subject = $2, preheader = $3, written_over = $4 where id = $1`, issue, subject, preheader, string(over))
		return err
	})
}

// writtenOver are the stories of the first edition that an editor's words speak
// of: those with two words of whose headline they share that stand in no other
// headline, else the one that stands first, as what a subject is made of is.
func writtenOver(words string, spec Spec, list []Chosen) []int64 {
	var in []Chosen
	for _, section := range sections {
		for _, c := range list {
			if len(spec.Editions) > 0 && c.Edition == spec.Editions[0].Name && c.Section == section && c.State == "in" {
				in = append(in, c)
			}
		}
	}
	said := stems(words)
	if len(said) == 0 || len(in) == 0 {
		return nil
	}
	headlines := map[string]int{} // how many have a word
	for _, c := range in {
		for stem := range stems(c.Title) {
			headlines[stem]++
		}
	}
	var over []int64
	for _, c := range in {
		shared := 0
		for stem := range stems(c.Title) {
			if said[stem] && headlines[stem] == 1 {
				shared++
			}
		}
		if shared >= 2 {
			over = append(over, c.Story.ID)
		}
	}
	if over == nil {
		over = []int64{in[0].Story.ID}
	}
	return over
}

// stems are the words of a text from three characters on, cut to five so that
// endings do not count.
func stems(text string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.FieldsFunc(strings.ToLower(text), func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) && !unicode.IsMark(c) }) {
		if r := []rune(w); len(r) >= 3 {
			out[string(r[:min(5, len(r))])] = true
		}
	}
	return out
}

// over looks whether an editor's subject or preheader speaks of a story that has
// left since. Who saves them again says that they hold.
func (p *preflight) over() {
	if p.e.Name != p.d.Spec.Editions[0].Name || p.d.Issue.Subject == "" && p.d.Issue.Preheader == "" {
		return
	}
	for _, id := range p.d.Issue.WrittenOver {
		if slices.Contains(p.e.Stories, id) {
			continue
		}
		what, advice := "The subject or the line after it was written over ", ": write another, or save it again if it still holds."
		n := slices.IndexFunc(p.d.Stories, func(c Chosen) bool { return c.Story.ID == id && c.Edition == p.e.Name })
		if n < 0 {
			p.add("subject", "bad", HoldIssue, 0, "%sa story that is no longer in the issue%s", what, advice)
			continue
		}
		c, why := p.d.Stories[n], ""
		switch {
		case c.State == "dropped":
			why = " (dropped)"
		case c.State == "removed" && c.Reason != "":
			why = " (" + strings.TrimSuffix(c.Reason, ".") + ")"
		}
		p.add("subject", "bad", HoldIssue, 0, "%s“%s”, which is no longer in the issue%s%s", what, c.Title, why, advice)
	}
}
