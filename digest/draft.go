package digest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"pressrun/templates"
)

// Draft is all that a sealing depends on: equal drafts give equal bytes. Its
// JSON is what `issue show --json` prints and `issue render` reads.
type Draft struct {
	Issue      Issue    `json:"issue"`
	Spec       Spec     `json:"spec"`
	Stories    []Chosen `json:"stories"`
	Related    []Story  `json:"related"` // that the stories name
	ArchiveURL string   `json:"archive_url,omitempty"`
	// Corrections of earlier issues, which this one tells.
	Corrections []Correction `json:"corrections,omitempty"`
}

// Draft reads the draft of an issue.
func (s *Sealer) Draft(ctx context.Context, id int64) (Draft, error) {
	i, err := s.Issue(ctx, id)
	if err != nil {
		return Draft{}, err
	}
	d := Draft{Issue: i, Spec: i.Spec, Related: []Story{}}
	if d.Stories, err = s.Chosen(ctx, id); err != nil {
		return d, err
	}
	if d.Related, err = s.relatedOf(ctx, d.Stories); err != nil {
		return d, err
	}
	if d.Corrections, err = s.told(ctx, id); err != nil {
		return d, err
	}
	if s.ArchiveURL == nil {
		return d, nil
	}
	d.ArchiveURL = s.ArchiveURL(i)
	for n := range d.Corrections {
		c := &d.Corrections[n]
		was, err := s.Issue(ctx, c.IssueID)
		if err != nil {
			return d, err
		}
		if c.URL = s.ArchiveURL(was); c.URL != "" && c.Edition != was.Spec.Editions[0].Name {
			c.URL = withQuery(c.URL, "edition", c.Edition)
		}
	}
	return d, nil
}

// Fill gives what a hand-written draft left out: the spec's defaults, and for
// each story its edition, section, place, state and headline.
func (d *Draft) Fill() {
	d.Spec = d.Spec.WithDefaults(d.Issue.Newsletter)
	d.Issue.Spec = d.Spec
	str := func(p *string, v string) {
		if *p == "" {
			*p = v
		}
	}
	for n := range d.Stories {
		c := &d.Stories[n]
		str(&c.Edition, d.Spec.Editions[0].Name)
		str(&c.Section, "latest")
		str(&c.State, "in")
		str(&c.Title, c.Story.Title)
		fillStory(&c.Story, d.Spec.Language)
		if c.Position == 0 {
			c.Position = n + 1
		}
		if c.Story.ID == 0 {
			c.Story.ID = int64(n + 1)
		}
	}
	for n := range d.Related {
		fillStory(&d.Related[n], d.Spec.Language)
	}
}

func fillStory(s *Story, language string) {
	if s.Language == "" {
		s.Language = language
	}
	if s.Direction == "" {
		s.Direction = Direction(s.Language)
	}
	if s.State == "" {
		s.State = "live"
	}
}

// Render makes the editions of a draft, each with its text-only twin, and says
// which stories it left out because the mail would have been larger than mail
// programs show. ErrThin when no edition has a story.
func (s *Sealer) Render(d Draft) ([]Edition, []Removal, error) {
	related := map[int64]Story{}
	for _, st := range d.Related {
		related[st.ID] = st
	}
	var all []Edition
	var left []Removal
	for _, e := range d.Spec.Editions {
		chosen := slices.Clone(d.Stories)
		for {
			pair, err := s.render(d, e, chosen, related)
			if errors.Is(err, templates.ErrTooLarge) {
				if last, ok := leaveLast(chosen, e.Name); ok {
					left = append(left, last)
					continue
				}
			}
			if err != nil {
				return nil, nil, fmt.Errorf("edition %s: %w", e.Name, err)
			}
			all = append(all, pair...)
			break
		}
	}
	if len(all) == 0 {
		return nil, nil, fmt.Errorf("no edition has a story: %w", ErrThin)
	}
	return all, left, nil
}

// leaveLast takes the last story of an edition out, but never its only one.
func leaveLast(chosen []Chosen, edition string) (Removal, bool) {
	last, n := -1, 0
	for i, c := range chosen {
		if c.Edition != edition || c.State != "in" {
			continue
		}
		n++
		if last < 0 || c.Section == chosen[last].Section && c.Position >= chosen[last].Position || c.Section == "latest" && chosen[last].Section != "latest" {
			last = i
		}
	}
	if n < 2 {
		return Removal{}, false
	}
	c := &chosen[last]
	c.State = "removed"
	return Removal{StoryID: c.Story.ID, Edition: edition, Title: c.Title, Reason: fmt.Sprintf("left out: the mail would be larger than the %d KB that mail programs show", templates.MaxHTML/1000)}, true
}
