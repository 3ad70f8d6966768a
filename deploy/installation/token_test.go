package installation

import (
	"errors"
	"testing"
	"time"

	"pressrun/deploy/schema"
	"pressrun/deploy/schema/schematest"
)

// TestTokens: a token lets in what its role may until it ends or is taken away,
// and its last use is known to the minute.
func TestTokens(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		ctx := t.Context()
		now := time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC)
		s := &Store{DB: db, Now: func() time.Time { return now }}
		secret, err := s.AddToken(ctx, " cms ", "editor", "op@news.example", 24*time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		forever, err := s.AddToken(ctx, "dashboard", "viewer", "op@news.example", 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, wrong := range []struct {
			name, role string
			lifetime   time.Duration
		}{{"cms", "editor", 0}, {"", "editor", 0}, {"x", "king", 0}, {"x", "editor", -time.Hour}} {
			if _, err := s.AddToken(ctx, wrong.name, wrong.role, "", wrong.lifetime); !errors.Is(err, ErrToken) {
				t.Errorf("%+v: %v, want ErrToken", wrong, err)
			}
		}
		got, err := s.TokenOf(ctx, secret)
		if err != nil || got.Name != "cms" || !got.May("viewer") || !got.May("editor") || got.May("approver") || !got.Expires.Equal(now.Add(24*time.Hour)) {
			t.Errorf("token %+v, %v", got, err)
		}
		used := func() time.Time {
			t.Helper()
			list, err := s.Tokens(ctx)
			if err != nil || len(list) != 2 || list[0].Name != "cms" || list[0].MadeBy != "op@news.example" {
				t.Fatalf("tokens %+v, %v", list, err)
			}
			return list[0].Used
		}
		first := now
		for _, step := range []struct {
			after time.Duration
			want  time.Time
		}{{0, first}, {30 * time.Second, first}, {40 * time.Second, first.Add(70 * time.Second)}} {
			now = now.Add(step.after)
			if _, err := s.TokenOf(ctx, secret); err != nil {
				t.Fatal(err)
			}
			if !used().Equal(step.want) {
				t.Errorf("used %s, want %s", used(), step.want)
			}
		}
		now = now.Add(24 * time.Hour)
		if _, err := s.TokenOf(ctx, secret); !errors.Is(err, ErrNotFound) {
			t.Errorf("expired: %v", err)
		}
		if _, err := s.TokenOf(ctx, forever); err != nil {
			t.Errorf("without end: %v", err)
		}
		if err := s.RemoveToken(ctx, "dashboard"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.TokenOf(ctx, forever); !errors.Is(err, ErrNotFound) {
			t.Errorf("taken away: %v", err)
		}
		if err := s.RemoveToken(ctx, "dashboard"); !errors.Is(err, ErrNotFound) {
			t.Errorf("taken away twice: %v", err)
		}
	})
}
