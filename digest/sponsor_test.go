package digest

import (
	"slices"
	"strings"
	"testing"

	"pressrun/templates"
)

// paidFor is a draft with two sections of two stories and a sponsor.
func paidFor() Draft {
	d := sampleDraft()
	for n := range d.Stories {
		d.Stories[n].Section = []string{"trending", "trending", "latest", "latest"}[n]
	}
	d.Spec.Sponsors = []Sponsor{{Name: "Harbour Bank", Title: "A loan for your boat", Text: "From 2 % a year.", Link: "https://bank.example/?a=1&b=2"}}
	return d
}

func TestSponsors(t *testing.T) {
	const none = ""
	for _, c := range []struct {
		name   string
		change func(*Draft)
		after  string // headline before it in the text part
	}{
		{"at the end of Trending Now", func(*Draft) {}, "Council votes on plan 1"},
		{"at the end of another section", func(d *Draft) { d.Spec.Sponsors[0].Section = "latest" }, "Council votes on plan 3"},
		{"its section is not there", func(d *Draft) { d.Spec.Sponsors[0].Section = "rising" }, "Council votes on plan 1"},
		{"a sensitive story before it", func(d *Draft) { d.Stories[1].Story.Flags = "sensitive" }, "Council votes on plan 3"},
		{"a sensitive story after it", func(d *Draft) { d.Stories[2].Story.Flags = "opinion sensitive" }, "Council votes on plan 3"},
		{"a sensitive story elsewhere", func(d *Draft) { d.Stories[0].Story.Flags = "sensitive" }, "Council votes on plan 1"},
		{"sensitive ones beside each place", func(d *Draft) { d.Stories[2].Story.Flags, d.Stories[3].Story.Flags = "sensitive", "sensitive" }, none},
		{"a dropped one is beside nothing", func(d *Draft) { d.Stories[1].Story.Flags, d.Stories[1].State = "sensitive", "dropped" }, "Council votes on plan 0"},
		{"its last day", func(d *Draft) { d.Spec.Sponsors[0].From, d.Spec.Sponsors[0].Until = "2026-03-20", "2026-03-20" }, "Council votes on plan 1"},
		{"the day before", func(d *Draft) { d.Spec.Sponsors[0].From = "2026-03-21" }, none},
		{"the day after", func(d *Draft) { d.Spec.Sponsors[0].Until = "2026-03-19" }, none},
		{"the day is the newsletter's", func(d *Draft) {
			d.Spec.Zone, d.Spec.Sponsors[0].From = "Pacific/Kiritimati", "2026-03-21" // noon UTC is two in the morning there
		}, "Council votes on plan 1"},
		{"another edition's", func(d *Draft) { d.Spec.Sponsors[0].Editions = []string{"ur"} }, none},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := paidFor()
			c.change(&d)
			editions, _, err := (&Sealer{Compose: composed}).Render(d)
			if err != nil {
				t.Fatal(err)
			}
			html, text := editions[0].HTML, editions[0].Text
			before, _, there := strings.Cut(text, "Paid content: A loan for your boat")
			if there != (c.after != none) || there != strings.Contains(html, "A loan for your boat") {
				t.Fatalf("it is there: %v, want %v\n%s", there, c.after != none, text)
			}
			if editions[0].Subject != "Council votes on plan 0" || len(editions[0].Stories) > 4 {
				t.Errorf("subject %q, stories %v", editions[0].Subject, editions[0].Stories)
			}
			if !there {
				return
			}
			if last := before[strings.LastIndex(before, "Council votes"):]; !strings.HasPrefix(last, c.after) {
				t.Errorf("it stands after %q, want after %q", last, c.after)
			}
			for _, want := range []string{"Harbour Bank", `href="https://bank.example/?a=1&amp;b=2"`, "Paid content:", "From 2 % a year."} {
				if !strings.Contains(html, want) {
					t.Errorf("the HTML part lacks %q", want)
				}
			}
		})
	}
}

// One place, one sponsor; who has none is told of at the desk.
func TestSponsorsPlaces(t *testing.T) {
	d := paidFor()
	d.Spec.Sponsors = append(d.Spec.Sponsors, Sponsor{Name: "Second", Title: "Two", Link: "https://b.example"}, Sponsor{Name: "Third", Title: "Three", Link: "https://c.example"})
	v, _, left := view(d, d.Spec.Editions[0], d.Stories, nil)
	var at []string
	for _, s := range v.Sections {
		st := s.Stories[len(s.Stories)-1]
		at = append(at, s.Kind+" "+st.Source)
		if len(s.Stories) != 3 || st.Rank != 0 || st.Label != "paid" {
			t.Errorf("%s: %+v", s.Kind, st)
		}
	}
	if want := []string{"trending Harbour Bank", "latest Second"}; !slices.Equal(at, want) || len(left) != 1 || left[0].Name != "Third" {
		t.Errorf("got %q, left %v; want %q and the third left", at, left, want)
	}
	editions, _, err := (&Sealer{Compose: composed}).Render(d)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(Preflight(d, editions, Look{}), func(f Finding) bool {
		return f.Check == "sponsors" && f.Level == "warn" && strings.Contains(f.Text, "Third")
	}) {
		t.Error("the preflight says nothing of the one that was left out")
	}
	d = paidFor()
	editions, _, _ = (&Sealer{Compose: composed}).Render(d)
	if bad := slices.DeleteFunc(Preflight(d, editions, Look{}), func(f Finding) bool { return f.Level == "ok" }); len(bad) > 0 {
		t.Errorf("got %+v, want nothing wrong", bad)
	}
}

func TestSponsorsChecked(t *testing.T) {
	for want, p := range map[string]Sponsor{
		"":                  {Name: "A", Title: "B", Link: "https://a.example/", Section: "latest", Editions: []string{"en"}, From: "2026-12-01", Until: "2026-12-01"},
		"must see who pays": {Title: "B", Link: "https://a.example"},
		"120 at most":       {Name: "A", Title: strings.Repeat("x", 121), Link: "https://a.example"},
		"400 at most":       {Name: "A", Title: "B", Text: strings.Repeat("x", 401), Link: "https://a.example"},
		"is not an address": {Name: "A", Title: "B", Link: "javascript:alert(1)"},
		"no section":        {Name: "A", Title: "B", Link: "https://a.example", Section: "sport"},
		"no edition":        {Name: "A", Title: "B", Link: "https://a.example", Editions: []string{"ur"}},
		"is not a day":      {Name: "A", Title: "B", Link: "https://a.example", From: "1 December"},
		"before it begins":  {Name: "A", Title: "B", Link: "https://a.example", From: "2026-12-02", Until: "2026-12-01"},
	} {
		spec := Spec{From: "n <a@news.example>", List: "morning", Brand: templates.Brand{Name: "N", Postal: "1 Quay Street"}, Sponsors: []Sponsor{p}}
		got := strings.Join(spec.WithDefaults("morning").Check("morning"), "; ")
		if (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%+v: got %q, want %q", p, got, want)
		}
	}
}
