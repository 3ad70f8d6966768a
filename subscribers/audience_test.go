package subscribers_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pressrun/subscribers"
	"pressrun/subscribers/address"
	"pressrun/subscribers/segment"
)

// person adds an active reader of daily with everything an audience looks at.
func (r *room) person(t testing.TB, name, language, zone string, textOnly bool) {
	t.Helper()
	_, err := r.Add(t.Context(), subscribers.New{
		Subscriber: subscribers.Subscriber{Email: address.Address(name + "@example.com"), Name: name, Language: language, Zone: zone, TextOnly: textOnly},
		ListNames:  []string{"daily"}, Consent: subscribers.Consent{Basis: subscribers.Express, Source: "fair"},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// rows are "name edition due" of an audience, by name; the due time in UTC.
func (r *room) rows(t testing.TB, a subscribers.Audience) string {
	t.Helper()
	query, args, err := r.Audience(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := r.DB.Read.QueryContext(t.Context(), `select u.name, u.language, u.text_only, a.edition_id, a.due_at from (`+query+`) a join subscribers u on u.id = a.subscriber_id order by u.name`, args...)
	if err != nil {
		t.Fatalf("%v in\n%s", err, query)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var name string
		var edition, due int64
		var reader subscribers.Subscriber
		if err := rows.Scan(&name, &reader.Language, &reader.TextOnly, &edition, &due); err != nil {
			t.Fatal(err)
		}
		if got := a.EditionOf(reader); got != edition {
			t.Errorf("%s gets edition %d, a test for him %d", name, edition, got)
		}
		out = append(out, fmt.Sprintf("%s %d %s", name, edition, time.UnixMilli(due).UTC().Format("02T15:04")))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if n := r.count(t, a); n != len(out) {
		t.Errorf("%d readers are counted, %d would get it", n, len(out))
	}
	return strings.Join(out, "\n")
}

func TestAudience(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx := t.Context()
		daily := r.list(t, "daily")
		r.person(t, "a-nothing", "", "", false)
		r.person(t, "b-text", "", "", true)
		r.person(t, "c-urdu", "ur", "Asia/Karachi", false)
		r.person(t, "d-urdu-text", "ur-PK", "America/New_York", true)
		r.person(t, "e-german", "de", "Europe/Berlin", false)
		r.person(t, "f-brazil", "pt-BR", "Australia/Sydney", true)
		a := subscribers.Audience{
			List: daily.ID, Editions: map[string]int64{"en": 10, "en-text": 11, "ur": 20, "ur-text": 21, "morning-pt": 30}, DefaultEdition: 10,
			Languages: map[string]string{"en": "en", "ur": "ur", "morning-pt": "pt"},
			Slot:      time.Date(2026, 11, 24, 2, 0, 0, 0, time.UTC), Zone: "Asia/Karachi",
		}
		want := "a-nothing 10 24T02:00\nb-text 11 24T02:00\nc-urdu 20 24T02:00\nd-urdu-text 21 24T02:00\ne-german 10 24T02:00\nf-brazil 30 24T02:00"
		if got := r.rows(t, a); got != want {
			t.Errorf("all at once: got\n%s\nwant\n%s", got, want)
		}
		a.LocalTime = "07:00"
		want = "a-nothing 10 24T02:00\nb-text 11 24T02:00\nc-urdu 20 24T02:00\nd-urdu-text 21 24T12:00\ne-german 10 24T06:00\nf-brazil 30 24T20:00"
		if got := r.rows(t, a); got != want {
			t.Errorf("in waves: got\n%s\nwant\n%s", got, want)
		}
		for name, rule := range map[string]string{"urdu": `language startsWith "ur"`, "text": `text_only`, "nobody": `name == "x"`} {
			if _, err := r.SaveSegment(ctx, name, rule); err != nil {
				t.Fatal(err)
			}
		}
		a.LocalTime, a.Editions = "", map[string]int64{"en": 10}
		a.Segment, a.Exclude = "urdu", []string{"text"}
		if got, want := r.rows(t, a), "c-urdu 10 24T02:00"; got != want {
			t.Errorf("segment without another: got\n%s\nwant\n%s", got, want)
		}
		a.Segment, a.Exclude = "nobody", nil
		if n := r.count(t, a); n != 0 {
			t.Errorf("a segment that finds nobody: %d readers", n)
		}
	})
}

// TestFailingSegmentIsNobody: whatever is wrong with a segment is an error, never
// everyone.
func TestFailingSegmentIsNobody(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx := t.Context()
		daily := r.list(t, "daily")
		r.person(t, "jan", "en", "", false)
		a := subscribers.Audience{List: daily.ID, DefaultEdition: 1, Slot: start}
		for _, name := range []string{"missing", " "} {
			for _, b := range []subscribers.Audience{{Segment: name}, {Exclude: []string{name}}} {
				b.List, b.DefaultEdition, b.Slot = a.List, 1, start
				if _, _, err := r.Audience(ctx, b); !errors.Is(err, subscribers.ErrNotFound) {
					t.Errorf("segment %q: got %v, want ErrNotFound", name, err)
				}
			}
		}
		for _, rule := range []string{"", " ", "true", "langauge == \"en\"", `list("gone")`} {
			var e *segment.Error
			if _, err := r.SaveSegment(ctx, "bad", rule); !errors.As(err, &e) {
				t.Errorf("rule %q: got %v, want a *segment.Error", rule, err)
			}
			if _, err := r.DB.Write.ExecContext(ctx, `insert into segments (name, rule, created_at, updated_at) values ('bad', $1, 1, 1) on conflict (name) do update set rule = excluded.rule`, rule); err != nil {
				t.Fatal(err)
			}
			a.Segment = "bad"
			if n, err := r.Count(ctx, a); err == nil {
				t.Errorf("rule %q in the database: %d readers, want an error", rule, n)
			}
		}
		n, some, err := r.TryRule(ctx, `name == "JAN"`)
		if err != nil || n != 1 || len(some) != 1 {
			t.Errorf("TryRule: %d, %v, %v", n, some, err)
		}
	})
}

func TestAudienceRefuses(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		daily := r.list(t, "daily")
		for name, a := range map[string]subscribers.Audience{
			"no edition": {List: daily.ID, Slot: start},
			"bad time":   {List: daily.ID, DefaultEdition: 1, Slot: start, LocalTime: "7 o'clock", Zone: "UTC"},
			"bad zone":   {List: daily.ID, DefaultEdition: 1, Slot: start, LocalTime: "07:00", Zone: "Mars/Olympus"},
		} {
			if _, _, err := r.Audience(t.Context(), a); err == nil {
				t.Errorf("%s: no error", name)
			}
		}
	})
}
