package subscribers_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"pressrun/subscribers"
	"pressrun/subscribers/address"
)

func TestByIDs(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		r.list(t, "daily")
		r.add(t, "ann@example.com", "daily")
		r.add(t, "bob@example.com", "daily")
		ann, _ := r.Find(t.Context(), "ann@example.com")
		bob, _ := r.Find(t.Context(), "bob@example.com")
		found, err := r.ByIDs(t.Context(), []int64{bob.ID, ann.ID, 99999, ann.ID})
		if err != nil || len(found) != 2 || found[ann.ID].Email != "ann@example.com" || found[bob.ID].Email != "bob@example.com" {
			t.Errorf("got %+v, %v", found, err)
		}
		if found, err := r.ByIDs(t.Context(), nil); err != nil || len(found) != 0 {
			t.Errorf("of nobody: %+v, %v", found, err)
		}
	})
}

func TestPage(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx := t.Context()
		daily := r.list(t, "daily")
		r.list(t, "weekly")
		for i := range 7 {
			r.pass(time.Minute)
			_, err := r.Add(ctx, subscribers.New{
				Subscriber: subscribers.Subscriber{Email: address.Address(fmt.Sprintf("reader%d@example.com", i)), Name: fmt.Sprintf("Ömer %c", 'A'+6-i)},
				ListNames:  []string{"daily"}, Consent: subscribers.Consent{Basis: subscribers.Express, Source: "fair"}})
			if err != nil {
				t.Fatal(err)
			}
		}
		r.add(t, "other@example.org", "weekly")
		v, _ := r.Find(ctx, "reader3@example.com")
		if err := r.Unsubscribe(ctx, v.ID, daily.ID, "one click"); err != nil {
			t.Fatal(err)
		}
		if err := r.SuppressAddress(ctx, "reader4@example.com", subscribers.Hard, ""); err != nil {
			t.Fatal(err)
		}
		tests := []struct {
			f     subscribers.Filter
			total int
			first string
		}{
			{subscribers.Filter{}, 8, "other@example.org"},
			{subscribers.Filter{Sort: "email"}, 8, "other@example.org"},
			{subscribers.Filter{Sort: "name", List: "daily"}, 7, "reader6@example.com"},
			{subscribers.Filter{Search: "ÖMER"}, 7, "reader6@example.com"},
			{subscribers.Filter{Search: "READER2"}, 1, "reader2@example.com"},
			{subscribers.Filter{Search: " example.COM ", Sort: "email", Per: 3, Page: 3}, 7, "reader6@example.com"},
			{subscribers.Filter{Search: "ömer", Sort: "-name", Per: 3, Page: 4}, 7, ""},
			{subscribers.Filter{Search: " "}, 8, "other@example.org"},
			{subscribers.Filter{Search: "%"}, 0, ""},
			{subscribers.Filter{List: "daily", State: "unsubscribed"}, 1, "reader3@example.com"},
			{subscribers.Filter{State: "unsubscribed"}, 1, "reader3@example.com"},
			{subscribers.Filter{State: "active", Sort: "-created"}, 7, "other@example.org"},
			{subscribers.Filter{Sort: "created"}, 8, "reader0@example.com"},
			{subscribers.Filter{State: "suppressed"}, 1, "reader4@example.com"},
			{subscribers.Filter{List: "daily", Sort: "email", Per: 3, Page: 3}, 7, "reader6@example.com"},
			{subscribers.Filter{List: "nothing"}, 0, ""},
		}
		for _, tt := range tests {
			page, total, err := r.Page(ctx, tt.f)
			first := ""
			if len(page) > 0 {
				first = string(page[0].Email)
			}
			if err != nil || total != tt.total || first != tt.first {
				t.Errorf("%+v: got %d, first %q, %v; want %d, %q", tt.f, total, first, err, tt.total, tt.first)
			}
		}
		for _, f := range []subscribers.Filter{{Sort: "id; drop table subscribers"}, {State: "nonsense"}} {
			if _, _, err := r.Page(ctx, f); err == nil {
				t.Errorf("%+v: no error", f)
			}
		}
		lists, err := r.CountedLists(ctx)
		if err != nil || len(lists) != 2 || lists[0].Counts[subscribers.Active] != 6 || lists[0].Reached != 5 || lists[1].Reached != 1 {
			t.Errorf("lists: %+v, %v", lists, err)
		}
	})
}

// TestPageOfMany: a search that finds more than it reads at once counts them all, and goes on
// behind them.
func TestPageOfMany(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		if _, err := r.DB.Write.ExecContext(t.Context(), `
			with recursive n(i) as (select 1 union all select i + 1 from n where i < 1100)
			insert into subscribers (email, email_key, created_at, updated_at)
			select 'reader' || (10000 + i) || '@example.com', 'reader' || (10000 + i) || '@example.com', 1, 1 from n`); err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			f     subscribers.Filter
			total int
			first string
		}{
			{subscribers.Filter{Search: "reader", Sort: "email"}, 1100, "reader10001@example.com"},
			{subscribers.Filter{Search: "reader", Sort: "email", Page: 22}, 1100, "reader11051@example.com"},
			{subscribers.Filter{Search: "reader10", Sort: "-email", Page: 2}, 999, "reader10949@example.com"},
		} {
			page, total, err := r.Page(t.Context(), tt.f)
			if err != nil || total != tt.total || len(page) != 50 || string(page[0].Email) != tt.first {
				t.Errorf("%+v: %d of %d, %v; want %s first of %d", tt.f, len(page), total, err, tt.first, tt.total)
			}
		}
		for _, search := range []string{"reader", "reader10", ""} {
			page, total, err := r.Page(t.Context(), subscribers.Filter{Search: search, Page: math.MaxInt})
			if err != nil || total < 999 || len(page) != 0 {
				t.Errorf("behind the last page of %q: %d of %d, %v", search, len(page), total, err)
			}
		}
	})
}

func TestExportIsDisarmed(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx := t.Context()
		r.list(t, "daily")
		for i := range 501 { // more than one batch
			r.add(t, fmt.Sprintf("reader%d@example.com", i), "daily")
		}
		_, err := r.Add(ctx, subscribers.New{
			Subscriber: subscribers.Subscriber{Email: "x@example.com", Name: "=HYPERLINK(\"evil\")", Attrs: map[string]string{"city": "+1, \"Brno\""}},
			ListNames:  []string{"daily"}, Consent: subscribers.Consent{Basis: subscribers.Express, Source: "fair"}})
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := r.Export(ctx, &b, subscribers.Filter{List: "daily"}); err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(&b).ReadAll()
		if err != nil || len(rows) != 503 {
			t.Fatalf("%d rows, %v; want 503", len(rows), err)
		}
		if got, want := strings.Join(rows[0], ","), "email,name,language,zone,text_only,lists,suppressed,created_at,city"; got != want {
			t.Errorf("headings %s, want %s", got, want)
		}
		last := rows[502]
		if last[1] != `'=HYPERLINK("evil")` || last[8] != `'+1, "Brno"` || last[5] != "daily:active" {
			t.Errorf("row %q", last)
		}
	})
}

func TestTimeline(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		daily := r.list(t, "daily")
		r.subscribe(t, "jan@example.com", daily.ID)
		r.pass(time.Hour)
		r.confirm(t)
		v, _ := r.Find(t.Context(), "jan@example.com")
		r.pass(time.Hour)
		if err := r.SavePreferences(t.Context(), v.ID, subscribers.Preferences{Name: "Jan", Pause: -1}); err != nil {
			t.Fatal(err)
		}
		r.pass(time.Hour)
		if err := r.Unsubscribe(t.Context(), v.ID, 0, "one click"); err != nil {
			t.Fatal(err)
		}
		events, err := r.Timeline(t.Context(), v.ID)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range events {
			got = append(got, e.Kind)
		}
		if want := "asked letter confirmed consent changed left suppressed"; strings.Join(got, " ") != want {
			t.Errorf("got %s, want %s", strings.Join(got, " "), want)
		}
	})
}

// TestManyAtOnce: a double click or a crowd changes nothing twice, and leaving
// never fails because something else is being changed.
func TestManyAtOnce(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx := t.Context()
		daily := r.list(t, "daily")
		var wg sync.WaitGroup
		for range 12 {
			wg.Go(func() {
				err := r.Subscribe(ctx, subscribers.Signup{Email: "jan@example.com", Language: "en", Lists: []int64{daily.ID}, Source: "form"})
				if err != nil {
					t.Errorf("subscribe: %v", err)
				}
			})
		}
		wg.Wait()
		if r.letters() != 1 {
			t.Errorf("%d letters, want 1", r.letters())
		}
		link := r.link(t)
		for range 4 {
			wg.Go(func() {
				if _, err := r.Confirm(ctx, link); err != nil {
					t.Errorf("confirm: %v", err)
				}
			})
		}
		wg.Wait()
		for i := range 12 {
			wg.Go(func() {
				switch i % 4 {
				case 0:
					if err := r.Unsubscribe(ctx, link.Subscriber, daily.ID, "one click"); err != nil {
						t.Errorf("unsubscribe: %v", err)
					}
				case 1:
					r.Pause(ctx, link.Subscriber, daily.ID, r.clock(), "")
				case 2:
					r.Resume(ctx, link.Subscriber, daily.ID, "")
				case 3:
					if _, err := r.Tend(ctx); err != nil {
						t.Errorf("tend: %v", err)
					}
				}
			})
		}
		wg.Wait()
		if got := r.state(t, "jan@example.com", daily.ID); got != subscribers.Unsubscribed {
			t.Errorf("got %q, want unsubscribed", got)
		}
		consents, err := r.Consents(ctx, link.Subscriber)
		if err != nil || len(consents) != 1 {
			t.Errorf("%d consents, %v; want 1", len(consents), err)
		}
	})
}
